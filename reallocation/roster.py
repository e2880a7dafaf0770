"""What else the students of a class have, and what another time for the class would do to their days."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import BigIntegerField, DateTimeField, QuerySet, UUIDField

from timetable.models import Enrolment, Hold, Meeting
from timetable.prepared import Many, PreparedQuery

from .models import Case

ALONE = 60
"""Harm, in minutes, of coming in for this class alone."""


def other_classes(offering: Any) -> QuerySet[Any, Any]:
    """All classes of the students of a class, itself included: class and student."""
    rows = Enrolment.objects.filter(student__enrolments__offering=offering, student__active=True)
    return rows.order_by().values_list("offering_id", "student_id")


_OTHER_CLASSES = PreparedQuery(other_classes, offering=BigIntegerField())


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


@dataclass(frozen=True)
class Roster:
    """What else the students of the class have, by local day.

    Students are bits of an integer, so that the students of overlapping classes are joined by `|`.
    """

    size: int
    classes_on: Mapping[dt.date, Sequence[tuple[dt.datetime, dt.datetime, int]]]
    cohorts: tuple[tuple[int, int], ...]
    """Students with the same classes: their bits, and how many they are."""
    _days: dict[dt.date, list[tuple[int, dt.datetime, dt.datetime]]] = field(
        default_factory=dict, compare=False, repr=False
    )

    @classmethod
    def load(cls, case: Case, first: dt.datetime, last: dt.datetime) -> Roster:
        enrolled = list(_OTHER_CLASSES(offering=case.meeting.offering_id))
        classes = _CLASSES_OF(
            offerings={offering_id for offering_id, _ in enrolled},
            starts_at=first,
            ends_at=last,
            but_for_meeting=case.meeting_id,
            but_for_case=case.uid,
        )
        return cls.of(case, enrolled, classes if enrolled else ())

    @classmethod
    def of(
        cls,
        case: Case,
        enrolled: Collection[Sequence[Any]],
        classes: Iterable[Sequence[Any]],
    ) -> Roster:
        """`enrolled`: rows of `other_classes`. `classes`: when these are held, each with its id first."""
        students = sorted({student for _, student in enrolled})
        bit = {student: 1 << n for n, student in enumerate(students)}
        masks: dict[int, int] = defaultdict(int)
        own: dict[int, set[int]] = defaultdict(set)
        for offering_id, student in enrolled:
            masks[offering_id] |= bit[student]
            own[student].add(offering_id)
        classes_on: dict[dt.date, list[tuple[dt.datetime, dt.datetime, int]]] = defaultdict(list)
        local = case.institute.local
        # Some holds keep a substitute free for a class that stays in place: it counts once all the same.
        for offering_id, starts_at, ends_at in classes:
            classes_on[local(starts_at).date()].append((starts_at, ends_at, masks[offering_id]))
        cohorts: dict[frozenset[int], int] = defaultdict(int)
        for student, offerings in own.items():
            cohorts[frozenset(offerings)] |= bit[student]
        return cls(
            len(students),
            classes_on,
            tuple((bits, bits.bit_count()) for bits in cohorts.values()),
        )

    def clashing(self, day: dt.date, starts_at: dt.datetime, ends_at: dt.datetime) -> int:
        """How many students have another class then, on this local day."""
        bits = 0
        for start, end, mask in self.classes_on.get(day, ()):
            if start < ends_at and starts_at < end:
                bits |= mask
        return bits.bit_count()

    def harm(self, day: dt.date, starts_at: dt.datetime, ends_at: dt.datetime) -> float:
        """Minutes of waiting that a class there adds to a student's day, on average."""
        if not self.size:
            return 0.0
        there = self._days.get(day)
        if there is None:
            there = self._days[day] = list(self._on_site(day))
        waiting = float(ALONE * (self.size - sum(count for count, _, _ in there)))
        for count, first, last in there:
            if ends_at <= first:
                waiting += count * ((first - ends_at).total_seconds() / 60)
            elif starts_at >= last:
                waiting += count * ((starts_at - last).total_seconds() / 60)
        return waiting / self.size

    def _on_site(self, day: dt.date) -> Iterator[tuple[int, dt.datetime, dt.datetime]]:
        """Of each cohort with classes that day, how many they are, and from when until when."""
        that_day = self.classes_on.get(day, ())
        for bits, count in self.cohorts:
            theirs = [(start, end) for start, end, mask in that_day if mask & bits]
            if theirs:
                yield count, min(start for start, _ in theirs), max(end for _, end in theirs)
