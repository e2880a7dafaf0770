"""The files of a bundle, in the order in which they refer to one another."""

from __future__ import annotations

from typing import Any

from .bundle import BundleFile
from .files.availability import AVAILABILITY
from .files.classes import CLASSES
from .files.courses import COURSES
from .files.enrolments import ENROLMENTS
from .files.meetings import MEETINGS
from .files.professors import PROFESSORS
from .files.qualifications import QUALIFICATIONS
from .files.rooms import ROOMS
from .files.sections import SECTIONS
from .files.slots import SLOTS
from .files.students import STUDENTS

FILES: tuple[BundleFile[Any], ...] = (
    ROOMS,
    COURSES,
    PROFESSORS,
    QUALIFICATIONS,
    SECTIONS,
    STUDENTS,
    CLASSES,
    ENROLMENTS,
    SLOTS,
    MEETINGS,
    AVAILABILITY,
)
