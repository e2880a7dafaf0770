"""courses.csv: the subjects."""

from __future__ import annotations

from dataclasses import dataclass

from timetable.exchange.bundle import Row
from timetable.exchange.catalogue import Catalogue
from timetable.exchange.cells import code
from timetable.exchange.table import Column
from timetable.models import Course


@dataclass(frozen=True)
class CourseRow(Row):
    code: str
    title: str
    department: str


class Courses(Catalogue[CourseRow]):
    name = "courses"
    row = CourseRow
    model = Course
    needed = True
    columns = (
        Column("code", code, required=True),
        Column("title", required=True),
        Column("department"),
    )


COURSES = Courses()
