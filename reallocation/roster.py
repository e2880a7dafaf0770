"""What else the students of a class have, and what another time for the class would do to their days."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from timetable.models import Enrolment
from timetable.prepared import Listed

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


def cohorts_of(students: Iterable[Sequence[Any]]) -> Cohorts:
    """Out of rows of `students_of`."""
    cohorts: Counter[frozenset[int]] = Counter()
    for text, count in Counter(classes for (classes,) in students).items():
        cohorts[frozenset(map(int, text.split(",")))] += count
    return cohorts


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
        zone = case.institute.zone
        # Some holds keep a substitute free for a class that stays in place: it counts once all the same.
        for offering_id, starts_at, ends_at in classes:
            day = starts_at.astimezone(zone).date()
            classes_on[day].append((starts_at, ends_at, in_class[offering_id]))
        return cls(size, classes_on, bits_of)

    def on(self, day: dt.date) -> RosterDay:
        classes = self._classes_on.get(day, ())
        return RosterDay(self.size, classes, [*self._on_site(classes)])

    def _on_site(self, classes: Sequence[Span]) -> Iterator[tuple[int, dt.datetime, dt.datetime]]:
        for bits, count in self._cohorts:
            theirs = [(start, end) for start, end, who in classes if who & bits]
            if theirs:
                yield count, min(start for start, _ in theirs), max(end for _, end in theirs)
