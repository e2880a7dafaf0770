"""sections.csv: the cohorts."""

from __future__ import annotations

from dataclasses import dataclass

from timetable.exchange.bundle import Row
from timetable.exchange.catalogue import Catalogue
from timetable.exchange.cells import listed_code
from timetable.exchange.table import Column
from timetable.models import Section


@dataclass(frozen=True)
class SectionRow(Row):
    code: str
    name: str
    programme: str


class Sections(Catalogue[SectionRow]):
    name = "sections"
    row = SectionRow
    model = Section
    columns = (
        Column("code", listed_code, required=True),
        Column("name"),
        Column("programme"),
    )


SECTIONS = Sections()
