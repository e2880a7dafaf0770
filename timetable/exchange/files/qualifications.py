"""qualifications.csv: who may teach a course without teaching it this term."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from timetable.exchange.bundle import BundleFile, Row
from timetable.exchange.cells import code
from timetable.exchange.removal import delete
from timetable.exchange.selection import Selection
from timetable.exchange.store import Store, sync_by_values
from timetable.exchange.table import Column
from timetable.models import Qualification

from .courses import COURSES
from .professors import PROFESSORS


@dataclass(frozen=True)
class QualificationRow(Row):
    professor: str
    course: str


class Qualifications(BundleFile[QualificationRow]):
    name = "qualifications"
    row = QualificationRow
    key = ("professor", "course")
    columns = (
        Column("professor", code, required=True, refers_to=PROFESSORS.name),
        Column("course", code, required=True, refers_to=COURSES.name),
    )

    def write(self, store: Store) -> None:
        professors, courses = store.ids[PROFESSORS.name], store.ids[COURSES.name]
        wanted = [
            {"professor_id": professors[row.professor], "course_id": courses[row.course]}
            for row in store.bundle.of(self)
        ]
        scope = Qualification.objects.filter(professor__institute=store.institute)
        _rows, left = sync_by_values(
            store, self.name, scope, wanted, key=("professor_id", "course_id")
        )
        delete(left)
        store.tallies[self.name].removed += len(left)

    def export(self, selection: Selection) -> Iterable[Sequence[str]]:
        professors, courses = selection.listed_professors(), selection.codes("courses")
        rows = Qualification.objects.filter(professor__institute=selection.institute)
        for professor, course in rows.values_list("professor_id", "course_id"):
            if professor in professors:
                yield professors[professor], courses[course]


QUALIFICATIONS = Qualifications()
