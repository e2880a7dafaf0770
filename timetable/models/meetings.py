"""The dated meetings of the classes: planned, and as they hold."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ..enums import (
    MeetingChange,
    MeetingStatus,
)
from ..querysets import HoldQuerySet, MeetingQuerySet
from .classes import Offering, Slot
from .institutes import Institute, Room
from .people import Professor


class Meeting(models.Model):
    """One dated class meeting: what was planned, and what holds.

    Only a scheduled meeting occupies its professors and its room. `overlap_tolerated` marks a clash
    that came with imported data and exempts the row from the exclusion constraints.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    institute = models.ForeignKey(
        Institute, models.CASCADE, related_name="meetings", verbose_name=_("institute")
    )
    offering = models.ForeignKey(
        Offering, models.CASCADE, related_name="meetings", verbose_name=_("class")
    )
    slot = models.ForeignKey(
        Slot,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="meetings",
        verbose_name=_("weekly slot"),
    )

    planned_professor = models.ForeignKey(
        Professor,
        models.PROTECT,
        related_name="planned_meetings",
        verbose_name=_("planned professor"),
    )
    planned_room = models.ForeignKey(
        Room,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="planned_meetings",
        verbose_name=_("planned room"),
    )
    planned_starts_at = models.DateTimeField(_("planned start"))
    planned_ends_at = models.DateTimeField(_("planned end"))

    professor = models.ForeignKey(
        Professor, models.PROTECT, related_name="meetings", verbose_name=_("professor")
    )
    room = models.ForeignKey(
        Room, models.PROTECT, null=True, blank=True, related_name="meetings", verbose_name=_("room")
    )
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    status = models.CharField(
        _("status"), max_length=16, choices=MeetingStatus, default=MeetingStatus.SCHEDULED
    )
    overlap_tolerated = models.BooleanField(_("overlap tolerated"), default=False)
    revision = models.PositiveIntegerField(
        _("revision"), default=0, help_text=_("Rises with each change: the calendar's SEQUENCE.")
    )

    objects: ClassVar[models.Manager[Meeting]] = MeetingQuerySet.as_manager()

    class Meta:
        verbose_name = _("meeting")
        verbose_name_plural = _("meetings")
        ordering: ClassVar = ["starts_at", "id"]
        indexes: ClassVar = [
            models.Index(
                fields=["professor", "starts_at", "ends_at"], name="meeting_professor_span"
            ),
            models.Index(fields=["room", "starts_at", "ends_at"], name="meeting_room_span"),
            models.Index(fields=["offering", "starts_at"], name="meeting_offering_time"),
            models.Index(fields=["institute", "starts_at"], name="meeting_institute_time"),
            # Small: only of those that have left their planned time.
            models.Index(
                fields=["institute", "planned_starts_at"],
                condition=~Q(starts_at=F("planned_starts_at")),
                name="meeting_left_its_time",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="meeting_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(planned_ends_at__gt=F("planned_starts_at")),
                name="meeting_planned_ends_after_start",
            ),
            models.CheckConstraint(
                condition=Q(status__in=MeetingStatus.values), name="meeting_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.offering_id} {self.starts_at:%Y-%m-%d %H:%M}"

    @property
    def hours(self) -> float:
        """Length in clock hours."""
        return (self.ends_at - self.starts_at).total_seconds() / 3600

    @property
    def is_moved(self) -> bool:
        """At another time or in another room than planned."""
        return (self.starts_at, self.ends_at, self.room_id) != (
            self.planned_starts_at,
            self.planned_ends_at,
            self.planned_room_id,
        )

    @property
    def is_substituted(self) -> bool:
        return self.professor_id != self.planned_professor_id

    @property
    def change(self) -> MeetingChange:
        """How what holds differs from the plan."""
        return MeetingChange.of(self.status, moved=self.is_moved, substituted=self.is_substituted)


class Hold(models.Model):
    """Time of a professor or a room kept free for something still pending.

    An accepted offer holds its professor until the class is booked; a place put to a weekend vote
    holds professor and room until the ballot closes. `case_uid` says for which case.
    """

    institute = models.ForeignKey(Institute, models.CASCADE, related_name="holds")
    professor = models.ForeignKey(
        Professor, models.CASCADE, null=True, blank=True, related_name="holds"
    )
    room = models.ForeignKey(Room, models.CASCADE, null=True, blank=True, related_name="holds")
    offering = models.ForeignKey(
        Offering, models.CASCADE, null=True, blank=True, related_name="holds"
    )
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("to"))
    case_uid = models.UUIDField(_("case"), db_index=True)

    objects: ClassVar[models.Manager[Hold]] = HoldQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["professor", "starts_at"], name="hold_professor_time"),
            models.Index(fields=["room", "starts_at"], name="hold_room_time"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(professor__isnull=False) | Q(room__isnull=False),
                name="hold_holds_something",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="hold_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_uid} {self.starts_at:%Y-%m-%d %H:%M}"
