"""What goes into an exported bundle, and how its values are written."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from django.db.models import Model

from timetable.models import (
    Course,
    Enrolment,
    Institute,
    Meeting,
    Offering,
    Professor,
    Room,
    Section,
    Student,
    Teaching,
    Term,
)

from .progress import Progress
from .references import rows_of

CODED: dict[str, tuple[type[Model], str]] = {
    "rooms": (Room, "institute"),
    "courses": (Course, "institute"),
    "professors": (Professor, "institute"),
    "sections": (Section, "institute"),
    "students": (Student, "institute"),
    "classes": (Offering, "term__institute"),
}


@dataclass
class Selection:
    """One term of one institute: the codes of everything, and who is still named in it."""

    institute: Institute
    term: Term
    progress: Progress

    def __post_init__(self) -> None:
        self._codes: dict[str, dict[int, str]] = {}

    def codes(self, file: str) -> dict[int, str]:
        """By id, the codes of what one file lists."""
        if file not in self._codes:
            model, owner = CODED[file]
            rows = rows_of(model).filter(**{owner: self.institute})
            self._codes[file] = dict(rows.values_list("pk", "code"))
        return self._codes[file]

    @cached_property
    def professor_ids(self) -> set[int]:
        """Those who teach a class of the term, or stand in a meeting of it."""
        meetings = Meeting.objects.filter(offering__term=self.term).order_by()
        named = set(
            Teaching.objects.filter(offering__term=self.term).values_list("professor", flat=True)
        )
        for column in ("professor", "planned_professor"):
            named.update(meetings.values_list(column, flat=True).distinct())
        return named

    @cached_property
    def student_ids(self) -> set[int]:
        """Those who stand on a roster that is listed student by student."""
        places = Enrolment.objects.filter(
            offering__term=self.term, offering__roster_from_sections=False
        )
        return set(places.values_list("student", flat=True).distinct())

    def listed_professors(self) -> dict[int, str]:
        """By id, the codes of those who stand in professors.csv."""
        rows = Professor.objects.filter(institute=self.institute)
        return {
            pk: code
            for pk, code, active in rows.values_list("pk", "code", "active")
            if active or pk in self.professor_ids
        }


def plain(number: Decimal | None) -> str:
    """As short as it can be said: 12, 7.5; empty for none."""
    return "" if number is None else f"{number.normalize():f}"


def written_clock(clock: dt.time) -> str:
    return f"{clock:%H:%M}"
