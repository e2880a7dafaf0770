"""What else the students of a class have, and what another time for the class would do to their days."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import BigIntegerField, DateTimeField, QuerySet, UUIDField

from timetable.models import Enrolment, Hold, Meeting
from timetable.prepared import Listed, Many, PreparedQuery

from .models import Case

ALONE = 60
"""Harm, in minutes, of coming in for this class alone."""


Cohorts = Mapping[frozenset[int], int]
"""How many students there are with just these classes, by the ids of the classes."""


def students_of(offering: Any) -> QuerySet[Any, Any]:
    """The students of a class: of each, in a text, all of their classes, this one included."""
    rows = Enrolment.objects.filter(student__enrolments__offering=offering, student__active=True)
    by_student = rows.order_by().values("student_id").annotate(classes=Listed("offering_id"))
    return by_student.values_list("classes")


_STUDENTS_OF = PreparedQuery(students_of, offering=BigIntegerField())


def cohorts_of(students: Iterable[Sequence[Any]]) -> Cohorts:
    """Out of rows of `students_of`."""
    cohorts: Counter[frozenset[int]] = Counter()
    for text, count in Counter(classes for (classes,) in students).items():
        cohorts[frozenset(map(int, text.split(",")))] += count
    return cohorts


def _classes_of(
    offerings: Any, starts_at: Any, ends_at: Any, but_for_meeting: Any, but_for_case: Any
) -> QuerySet[Any, Any]:
    columns = ("offering_id", "starts_at", "ends_at")
    meetings = Meeting.objects.holding().exclude(pk=but_for_meeting)
    held = Hold.objects.but_for(but_for_case)
    first, second = (
        rows.overlapping(starts_at, ends_at)
        .filter(offering__among=offerings)
        .order_by()
        .values_list(*columns)
        for rows in (meetings, held)
    )
    return first.union(second, all=True)


_CLASSES_OF = PreparedQuery(
    _classes_of,
    offerings=Many(),
    starts_at=DateTimeField(),
    ends_at=DateTimeField(),
    but_for_meeting=BigIntegerField(),
    but_for_case=UUIDField(),
)


Span = tuple[dt.datetime, dt.datetime, int]
"""From, until, and the bits of the students who have a class then."""


@dataclass(frozen=True)
class RosterDay:
    """What else the students of the class have on one local day."""

    size: int
    classes: Sequence[Span]
    on_site: Sequence[tuple[int, dt.datetime, dt.datetime]]
    """Of each cohort with classes that day, how many they are, and from when until when."""

    def clashing(self, starts_at: dt.datetime, ends_at: dt.datetime) -> int:
        """How many students have another class then."""
        bits = 0
        for start, end, theirs in self.classes:
            if start < ends_at and starts_at < end:
                bits |= theirs
        return bits.bit_count()

    def harm(self, starts_at: dt.datetime, ends_at: dt.datetime) -> float:
        """Minutes of waiting that a class there adds to a student's day, on average."""
        if not self.size:
            return 0.0
        waiting, away = 0.0, self.size
        for count, first, last in self.on_site:
            away -= count
            if ends_at <= first:
                waiting += count * ((first - ends_at).total_seconds() / 60)
            elif starts_at >= last:
                waiting += count * ((starts_at - last).total_seconds() / 60)
        return (waiting + ALONE * away) / self.size


@dataclass(frozen=True)
class Roster:
    """What else the students of the class have, by local day.

    Students are bits of an integer, a cohort's next to each other, so that the students of overlapping
    classes are joined by `|`.
    """

    size: int
    _classes_on: Mapping[dt.date, Sequence[Span]]
    _cohorts: Sequence[tuple[int, int]]
    """Their bits, and how many they are."""

    @classmethod
    def load(cls, case: Case, first: dt.datetime, last: dt.datetime) -> Roster:
        cohorts = cohorts_of(_STUDENTS_OF(offering=case.meeting.offering_id))
        classes = _CLASSES_OF(
            offerings=frozenset().union(*cohorts),
            starts_at=first,
            ends_at=last,
            but_for_meeting=case.meeting_id,
            but_for_case=case.uid,
        )
        return cls.of(case, cohorts, classes if cohorts else ())

    @classmethod
    def of(cls, case: Case, cohorts: Cohorts, classes: Iterable[Sequence[Any]]) -> Roster:
        """`classes`: when the classes of the cohorts are held, each with its id first."""
        size, bits_of = 0, []
        in_class: dict[int, int] = defaultdict(int)
        for offerings, count in cohorts.items():
            bits = ((1 << count) - 1) << size
            size += count
            bits_of.append((bits, count))
            for offering_id in offerings:
                in_class[offering_id] |= bits
        classes_on: dict[dt.date, list[Span]] = defaultdict(list)
        local = case.institute.local
        # Some holds keep a substitute free for a class that stays in place: it counts once all the same.
        for offering_id, starts_at, ends_at in classes:
            classes_on[local(starts_at).date()].append((starts_at, ends_at, in_class[offering_id]))
        return cls(size, classes_on, bits_of)

    def on(self, day: dt.date) -> RosterDay:
        classes = self._classes_on.get(day, ())
        return RosterDay(self.size, classes, [*self._on_site(classes)])

    def _on_site(self, classes: Sequence[Span]) -> Iterator[tuple[int, dt.datetime, dt.datetime]]:
        for bits, count in self._cohorts:
            theirs = [(start, end) for start, end, who in classes if who & bits]
            if theirs:
                yield count, min(start for start, _ in theirs), max(end for _, end in theirs)
