"""Where people can be reached."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.conf import settings
from django.db.models import QuerySet

from timetable.models import Professor, Student, User


class Reader(NamedTuple):
    """Where an account gets its mail, and in which language it reads."""

    address: str
    language: str


def readers(users: QuerySet[User]) -> dict[int, Reader]:
    """By account. A closed account keeps its inbox but gets no mail: its address is empty.

    Who has chosen no language reads that of the installation.
    """
    spoken = dict(settings.LANGUAGES)
    rows = users.values_list("pk", "email", "is_active", "language")
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
