"""A student's classes, each with what comes next and how much of it is not as planned."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, OuterRef, Prefetch, Subquery
from django.db.models.functions import Coalesce

from .models import Enrolment, Meeting, Offering, Professor, Student, Teaching
from .prepared import together

TEACHERS = Prefetch("teachings", Teaching.objects.select_related("professor"))
"""For `prefetch_related` of classes: who teaches them, in one query."""


@dataclass(frozen=True)
class ClassLine:
    offering: Offering
    professors: Sequence[Professor]
    next_meeting: Meeting | None
    changes_ahead: int
    """Meetings still to come that are not as planned."""


def roster_size() -> Coalesce:
    """For `annotate` of classes: how many students are on the roster."""
    roster = Enrolment.objects.filter(offering=OuterRef("pk")).order_by().values("offering")
    return Coalesce(Subquery(roster.annotate(n=Count("pk")).values("n")), 0)


def lines_for(student: Student, *, now: dt.datetime) -> list[ClassLine]:
    """All classes on whose roster the student is, the latest term first. Two queries."""
    coming = Meeting.objects.filter(offering=OuterRef("pk"), ends_at__gt=now)
    changed = coming.changed().order_by().values("offering")
    offerings = (
        Offering.objects.filter(enrolments__student=student)
        .select_related("course", "term")
        .annotate(
            next_id=Subquery(coming.holding().order_by("starts_at", "pk").values("pk")[:1]),
            changes_ahead=Coalesce(Subquery(changed.annotate(n=Count("pk")).values("n")), 0),
        )
        .order_by("-term__starts_on", "code")
    )
    rows = list(offerings)
    teachings, meetings = together(
        Teaching.objects.filter(offering__in=[row.pk for row in rows])
        .select_related("professor")
        .order_by("position"),
        Meeting.objects.filter(pk__in=[row.next_id for row in rows if row.next_id])
        .select_related("room")
        .order_by(),
    )
    professors: dict[int, list[Professor]] = defaultdict(list)
    for teaching in teachings:
        professors[teaching.offering_id].append(teaching.professor)
    coming_next = {meeting.pk: meeting for meeting in meetings}
    return [
        ClassLine(row, professors[row.pk], coming_next.get(row.next_id), row.changes_ahead)
        for row in rows
    ]
