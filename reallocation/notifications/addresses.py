"""Where people can be reached."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import QuerySet

from timetable.models import Professor, Student, User
from timetable.prepared import Many, PreparedQuery


class Reader(NamedTuple):
    """Where an account gets its mail, and in which language it reads."""

    address: str
    language: str


_OF_READER = ("pk", "email", "is_active", "language")
_READERS = PreparedQuery(
    lambda users: User.objects.filter(pk__among=users).order_by().values_list(*_OF_READER),
    users=Many(),
)


def readers(users: QuerySet[User] | Collection[int]) -> dict[int, Reader]:
    """By account, of all in a queryset or of some by their ids. A closed account keeps its inbox but gets
    no mail: its address is empty.

    Who has chosen no language reads that of the installation.
    """
    spoken = dict(settings.LANGUAGES)
    if isinstance(users, QuerySet):
        rows: Iterable[Any] = users.values_list(*_OF_READER)
    else:
        rows = _READERS(users=users) if users else ()
    return {
        pk: Reader(
            email if active else "", language if language in spoken else settings.LANGUAGE_CODE
        )
        for pk, email, active, language in rows
    }


def phone_numbers(user_ids: Iterable[int]) -> dict[int, str]:
    """By account, as far as its person's number is known to an institute."""
    ids = list(user_ids)
    students = Student.objects.filter(user__in=ids, user__is_active=True).exclude(phone="")
    professors = Professor.objects.filter(user__in=ids, user__is_active=True).exclude(phone="")
    rows = [*students.values_list("user", "phone"), *professors.values_list("user", "phone")]
    return {user: phone for user, phone in rows if user is not None}
