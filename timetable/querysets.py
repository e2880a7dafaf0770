"""Which rows: the verbs that compose everywhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Q

from .enums import MeetingStatus

if TYPE_CHECKING:
    from .models import Institute

LONGEST = dt.timedelta(hours=24)
"""No meeting or hold is longer: it lets an overlap search use the index on the start alone."""


class SpanQuerySet(models.QuerySet[Any]):
    """Rows with `starts_at` and `ends_at`, half-open."""

    def overlapping(self, starts_at: dt.datetime, ends_at: dt.datetime) -> Self:
        return self.filter(starts_at__lt=ends_at, ends_at__gt=starts_at)

    def between(self, starts_at: dt.datetime, ends_at: dt.datetime) -> Self:
        """Starting inside the span."""
        return self.filter(starts_at__gte=starts_at, starts_at__lt=ends_at)

    def on_day(self, institute: Institute, day: dt.date) -> Self:
        """Starting on the institute's local day."""
        return self.between(
            institute.moment(day, dt.time()),
            institute.moment(day + dt.timedelta(days=1), dt.time()),
        )


class MeetingQuerySet(SpanQuerySet):
    def overlapping(self, starts_at: dt.datetime, ends_at: dt.datetime) -> Self:
        return super().overlapping(starts_at, ends_at).filter(starts_at__gt=starts_at - LONGEST)

    def holding(self) -> Self:
        """Those that take place as they stand."""
        return self.filter(status=MeetingStatus.SCHEDULED)

    def taught_by(self, professors: Iterable[Any]) -> Self:
        """Led by one of them now, or co-taught by one of them."""
        ids = [getattr(p, "pk", p) for p in professors]
        return self.of_any(
            Q(professor__in=ids),
            Q(offering__teachings__professor__in=ids, offering__teachings__position__gt=0),
        )

    def of_any(self, *conditions: Q) -> Self:
        """Those of which one of the conditions holds, each looked up by its own index.

        With an OR over several tables PostgreSQL reads every meeting there is.
        """
        first, *others = (
            self.model.objects.filter(condition).order_by().values("pk") for condition in conditions
        )
        return self.filter(pk__in=first.union(*others))

    def for_student(self, student: Any) -> Self:
        return self.filter(offering__enrolments__student=student)

    def changed(self) -> Self:
        """Not as planned: substituted, moved, postponed or dropped."""
        return self.exclude(
            Q(room=models.F("planned_room")) | Q(room__isnull=True, planned_room__isnull=True),
            status=MeetingStatus.SCHEDULED,
            professor=models.F("planned_professor"),
            starts_at=models.F("planned_starts_at"),
            ends_at=models.F("planned_ends_at"),
        )

    def for_list(self) -> Self:
        return self.select_related(
            "institute",
            "offering__course",
            "offering__term",
            "professor",
            "room",
            "planned_professor",
            "planned_room",
        ).prefetch_related("offering__sections")


class AbsenceQuerySet(SpanQuerySet):
    def standing(self) -> Self:
        """Not withdrawn."""
        return self.filter(withdrawn_at__isnull=True)

    def for_list(self) -> Self:
        return self.select_related("institute", "professor", "offering__course")


class HoldQuerySet(SpanQuerySet):
    def overlapping(self, starts_at: dt.datetime, ends_at: dt.datetime) -> Self:
        return super().overlapping(starts_at, ends_at).filter(starts_at__gt=starts_at - LONGEST)

    def but_for(self, case_uid: Any) -> Self:
        """Those of other cases."""
        return self.exclude(case_uid=case_uid)
