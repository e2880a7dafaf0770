"""professors.csv"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from timetable.enums import Rank
from timetable.exchange.bundle import BundleFile, Complaint, Reading
from timetable.exchange.cells import choice, decimal, email, listed_code, phone, text
from timetable.exchange.people import (
    ACTIVE,
    PersonRow,
    address_taken,
    listed,
    write_people,
    written_active,
)
from timetable.exchange.selection import Selection, plain
from timetable.exchange.store import Store
from timetable.exchange.table import Column
from timetable.models import Professor

HOURS_A_WEEK, HOURS_A_DAY = 168, 24


@dataclass(frozen=True)
class ProfessorRow(PersonRow):
    department: str
    rank: Rank
    fte: Decimal
    weekly_hours: Decimal | None
    max_daily_hours: Decimal | None
    active: bool


class Professors(BundleFile[ProfessorRow]):
    name = "professors"
    row = ProfessorRow
    key = ("code",)
    needed = True
    columns = (
        Column("code", listed_code, required=True),
        Column("name", text(), required=True),
        Column("email", email, required=True),
        Column("phone", phone),
        Column("department"),
        Column("rank", choice(Rank), default=Rank.PROFESSOR),
        Column("fte", decimal(2), default=Decimal(1)),
        Column("weekly_hours", decimal(HOURS_A_WEEK), default=None),
        Column("max_daily_hours", decimal(HOURS_A_DAY), default=None),
        ACTIVE,
    )

    def complaints(self, row: ProfessorRow, reading: Reading) -> Iterable[Complaint]:
        return address_taken(row, reading)

    def write(self, store: Store) -> None:
        people = dict(map(self.coded, store.bundle.of(self)))
        write_people(store, self.name, Professor, people)

    def export(self, selection: Selection) -> Iterable[Sequence[str]]:
        for professor in listed(selection.institute.professors.all(), selection.professor_ids):
            yield (
                professor.code,
                professor.name,
                professor.email,
                professor.phone,
                professor.department,
                professor.rank,
                plain(professor.fte),
                plain(professor.weekly_hours),
                plain(professor.max_daily_hours),
                written_active(professor.active),
            )


PROFESSORS = Professors()
