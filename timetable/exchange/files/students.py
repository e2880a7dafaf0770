"""students.csv"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from timetable.exchange.bundle import BundleFile, Complaint, Reading
from timetable.exchange.cells import code, email, phone, text
from timetable.exchange.people import (
    ACTIVE,
    PersonRow,
    address_taken,
    listed,
    write_people,
    written_active,
)
from timetable.exchange.selection import Selection
from timetable.exchange.store import Store
from timetable.exchange.table import Column
from timetable.models import Student

from .sections import SECTIONS


@dataclass(frozen=True)
class StudentRow(PersonRow):
    section: str
    active: bool


class Students(BundleFile[StudentRow]):
    name = "students"
    row = StudentRow
    key = ("code",)
    columns = (
        Column("code", code, required=True),
        Column("name", text(), required=True),
        Column("email", email, required=True),
        Column("phone", phone),
        Column("section", code, refers_to=SECTIONS.name),
        ACTIVE,
    )

    def complaints(self, row: StudentRow, reading: Reading) -> Iterable[Complaint]:
        return address_taken(row, reading)

    def write(self, store: Store) -> None:
        sections = store.ids[SECTIONS.name]
        people = dict(map(self.coded, store.bundle.of(self)))
        for person in people.values():
            person["section_id"] = sections.get(str(person.pop("section")))
        write_people(store, self.name, Student, people)

    def export(self, selection: Selection) -> Iterable[Sequence[str]]:
        sections = selection.codes("sections")
        for student in listed(selection.institute.students.all(), selection.student_ids):
            yield (
                student.code,
                student.name,
                student.email,
                student.phone,
                sections[student.section_id] if student.section_id else "",
                written_active(student.active),
            )


STUDENTS = Students()
