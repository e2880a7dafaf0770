"""Where people can be reached."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from timetable.models import Professor, Student, User


def mail_addresses(users: QuerySet[User]) -> dict[int, str]:
    """By account. A closed account keeps its inbox but gets no mail: its address is empty."""
    rows = users.values_list("pk", "email", "is_active")
    return {pk: email if active else "" for pk, email, active in rows}


def phone_numbers(user_ids: Iterable[int]) -> dict[int, str]:
    """By account, as far as its person's number is known to an institute."""
    ids = list(user_ids)
    students = Student.objects.filter(user__in=ids, user__is_active=True).exclude(phone="")
    professors = Professor.objects.filter(user__in=ids, user__is_active=True).exclude(phone="")
    rows = [*students.values_list("user", "phone"), *professors.values_list("user", "phone")]
    return {user: phone for user, phone in rows if user is not None}
