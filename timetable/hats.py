"""Who an account is: professor, staff or student, at each institute. Read together, in one query.

An account wears few hats, so the rows of what it is may be joined to it side by side: that costs the
database less than a question for each kind of hat, at every request.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


class AccountColumns:
    """The columns of an account and of all its hats, among those of a query from which `path` leads to it."""

    def __init__(self, path: str, first: int) -> None:
        self._user = Columns(User, path, first)
        self._professor = Columns(Professor, f"{path}professors__", self._user.end)
        self._teaches_at = Columns(Institute, f"{path}professors__institute__", self._professor.end)
        self._staff = Columns(Staff, f"{path}staff_roles__", self._teaches_at.end)
        self._works_at = Columns(Institute, f"{path}staff_roles__institute__", self._staff.end)
        self._student = Columns(Student, f"{path}students__", self._works_at.end)
        self._studies_at = Columns(Institute, f"{path}students__institute__", self._student.end)
        self._section = Columns(Section, f"{path}students__section__", self._studies_at.end)
        side_by_side: tuple[Columns[Any], ...] = (
            *(self._user, self._professor, self._teaches_at, self._staff, self._works_at),
            *(self._student, self._studies_at, self._section),
        )
        self.paths = [path for columns in side_by_side for path in columns.paths]

    def of(self, rows: Iterable[Sequence[Any]]) -> User | None:
        """The one account that all these rows are about, with its hats; None if there are no rows."""
        user: User | None = None
        professors: dict[int, Professor] = {}
        staff: dict[int, Staff] = {}
        students: dict[int, Student] = {}
        for row in rows:
            user = user or self._user.of(row)
            professor, role = self._professor.of(row), self._staff.of(row)
            student = self._student.of(row)
            if professor is not None and professor.active and professor.pk not in professors:
                professor.institute = _there(self._teaches_at.of(row))
                professors[professor.pk] = professor
            if role is not None and role.pk not in staff:
                role.institute = _there(self._works_at.of(row))
                staff[role.pk] = role
            if student is not None and student.active and student.pk not in students:
                student.institute = _there(self._studies_at.of(row))
                student.section = self._section.of(row)
                students[student.pk] = student
        if user is None:
            return None
        hats = Hats(_in_order(professors), _in_order(staff), _in_order(students))
        for hat in hats.all:
            hat.user = user
        user.hats = hats
        return user


_COLUMNS = AccountColumns("", 0)
_ACCOUNT = PreparedQuery(
    lambda user: User.objects.filter(pk=user).order_by().values_list(*_COLUMNS.paths),
    user=BigIntegerField(),
)


def account(user_id: int) -> User | None:
    """The account with its hats; None if there is no such account."""
    return _COLUMNS.of(_ACCOUNT(user=user_id))


def hats_of(user: User) -> Hats:
    """What the account is: known already if the account itself was read with them, as to sign in."""
    known = user if user.hats is not None else account(user.pk)
    return known.hats if known else Hats()


def _there(institute: Institute | None) -> Institute:
    if institute is None:
        raise LookupError("A hat without an institute was read.")
    return institute


def _in_order(rows: dict[int, Row]) -> tuple[Row, ...]:
    return tuple(rows[pk] for pk in sorted(rows))
