"""enrolments.csv: the roster of a class, student by student; without it, the students of its sections."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from timetable.exchange.bundle import BundleFile, Row
from timetable.exchange.cells import code
from timetable.exchange.progress import watched
from timetable.exchange.removal import delete_by_id
from timetable.exchange.selection import Selection
from timetable.exchange.store import Store
from timetable.exchange.table import Column
from timetable.models import Enrolment

from .classes import CLASSES
from .students import STUDENTS


@dataclass(frozen=True)
class EnrolmentRow(Row):
    offering: str
    student: str


class Enrolments(BundleFile[EnrolmentRow]):
    """Every roster is written out place by place, wherever it comes from."""

    name = "enrolments"
    row = EnrolmentRow
    key = ("class", "student")
    columns = (
        Column("class", code, required=True, refers_to=CLASSES.name),
        Column("student", code, required=True, refers_to=STUDENTS.name),
    )

    def write(self, store: Store) -> None:
        existing: dict[int, dict[int, int]] = defaultdict(dict)
        for offering, student, pk in (
            Enrolment.objects.filter(offering__term=store.term)
            .values_list("offering_id", "student_id", "pk")
            .iterator()
        ):
            existing[offering][student] = pk
        new: list[tuple[int, int]] = []
        gone: list[int] = []
        places = 0
        for offering, students in self._rosters(store):
            there = existing[offering]
            places += len(students)
            new += [(offering, student) for student in students if student not in there]
            gone += [pk for student, pk in there.items() if student not in students]
        delete_by_id(Enrolment, gone)
        store.create_each(
            self.name, new, lambda place: Enrolment(offering_id=place[0], student_id=place[1])
        )
        tally = store.tallies[self.name]
        tally.created += len(new)
        tally.removed += len(gone)
        tally.unchanged += places - len(new)
        store.counts[self.name] = places

    def _rosters(self, store: Store) -> Iterator[tuple[int, dict[int, None]]]:
        """Each class of the bundle with its students, in the order they are listed in."""
        classes, students = store.ids[CLASSES.name], store.ids[STUDENTS.name]
        listed: dict[str, dict[int, None]] = defaultdict(dict)
        for row in store.bundle.of(self):
            listed[row.offering][students[row.student]] = None
        cohorts: dict[str, list[int]] = defaultdict(list)
        for student in store.bundle.of(STUDENTS):
            if student.active and student.section:
                cohorts[student.section].append(students[student.code])
        for offering in store.bundle.of(CLASSES):
            roster = listed.get(offering.code)
            if roster is None:
                roster = dict.fromkeys(
                    student for section in offering.sections for student in cohorts[section]
                )
            yield classes[offering.code], roster

    def export(self, selection: Selection) -> Iterable[Sequence[str]]:
        classes, students = selection.codes("classes"), selection.codes("students")
        places = Enrolment.objects.filter(
            offering__term=selection.term, offering__roster_from_sections=False
        ).values_list("offering_id", "student_id")
        for offering, student in watched(
            places.iterator(), places.count(), selection.progress, self.name
        ):
            yield classes[offering], students[student]


ENROLMENTS = Enrolments()
