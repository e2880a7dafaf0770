"""Who an account is: professor, staff or student, at each institute. Read together, in one query.

An account wears few hats, so the rows of what it is may be joined to it side by side: that costs the
database less than a question for each kind of hat, at every request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import BigIntegerField, Model

from .models import Institute, Professor, Section, Staff, Student, User
from .prepared import Columns, PreparedQuery

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Hats:
    """What an account is, each in the order in which it became that. Who has left wears no hat."""

    professors: tuple[Professor, ...] = ()
    staff: tuple[Staff, ...] = ()
    students: tuple[Student, ...] = ()

    @property
    def all(self) -> list[Professor | Staff | Student]:
        """Teaching goes before working in the office, and that before studying."""
        return [*self.professors, *self.staff, *self.students]


_USER = Columns(User, "", 0)
_PROFESSOR = Columns(Professor, "professors__", _USER.end)
_TEACHES_AT = Columns(Institute, "professors__institute__", _PROFESSOR.end)
_STAFF = Columns(Staff, "staff_roles__", _TEACHES_AT.end)
_WORKS_AT = Columns(Institute, "staff_roles__institute__", _STAFF.end)
_STUDENT = Columns(Student, "students__", _WORKS_AT.end)
_STUDIES_AT = Columns(Institute, "students__institute__", _STUDENT.end)
_SECTION = Columns(Section, "students__section__", _STUDIES_AT.end)
_ALL: tuple[Columns[Any], ...] = (
    *(_USER, _PROFESSOR, _TEACHES_AT, _STAFF, _WORKS_AT),
    *(_STUDENT, _STUDIES_AT, _SECTION),
)

_ACCOUNT = PreparedQuery(
    lambda user: (
        User.objects.filter(pk=user)
        .order_by()
        .values_list(*(path for columns in _ALL for path in columns.paths))
    ),
    user=BigIntegerField(),
)


def account(user_id: int) -> tuple[User, Hats] | None:
    """The account and its hats; None if there is no such account."""
    user: User | None = None
    professors: dict[int, Professor] = {}
    staff: dict[int, Staff] = {}
    students: dict[int, Student] = {}
    for row in _ACCOUNT(user=user_id):
        user = user or _USER.of(row)
        professor, role, student = _PROFESSOR.of(row), _STAFF.of(row), _STUDENT.of(row)
        if professor is not None and professor.active and professor.pk not in professors:
            professor.institute = _there(_TEACHES_AT.of(row))
            professors[professor.pk] = professor
        if role is not None and role.pk not in staff:
            role.institute = _there(_WORKS_AT.of(row))
            staff[role.pk] = role
        if student is not None and student.active and student.pk not in students:
            student.institute, student.section = _there(_STUDIES_AT.of(row)), _SECTION.of(row)
            students[student.pk] = student
    if user is None:
        return None
    hats = Hats(_in_order(professors), _in_order(staff), _in_order(students))
    for hat in hats.all:
        hat.user = user
    return user, hats


def hats_of(user: User) -> Hats:
    """What the account is: known already if the account itself was read by `account` to sign in."""
    if user.hats is None:
        found = account(user.pk)
        return found[1] if found else Hats()
    known: Hats = user.hats
    return known


def _there(institute: Institute | None) -> Institute:
    if institute is None:
        raise LookupError("A hat without an institute was read.")
    return institute


def _in_order(rows: dict[int, Row]) -> tuple[Row, ...]:
    return tuple(rows[pk] for pk in sorted(rows))
