"""When somebody is not there: every week, or from … to …."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ..enums import (
    AbsenceCategory,
    AvailabilityKind,
)
from ..querysets import AbsenceQuerySet
from .accounts import User
from .classes import Offering
from .institutes import Institute
from .meetings import Meeting
from .people import Professor


class Availability(models.Model):
    """A weekly time, wall-clock, at which a professor cannot or would rather not teach."""

    professor = models.ForeignKey(Professor, models.CASCADE, related_name="availability")
    weekday = models.PositiveSmallIntegerField(
        _("weekday"), validators=[MinValueValidator(1), MaxValueValidator(7)]
    )
    starts = models.TimeField(_("starts"))
    ends = models.TimeField(_("ends"))
    kind = models.CharField(_("kind"), max_length=16, choices=AvailabilityKind)

    class Meta:
        verbose_name_plural = _("availability")
        ordering: ClassVar = ["professor", "weekday", "starts"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ends__gt=F("starts")), name="availability_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.professor} {self.weekday} {self.starts:%H:%M}–{self.ends:%H:%M}"


class Absence(models.Model):
    """A professor is away from … to …. The private note is for its author and for granted registrars."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    institute = models.ForeignKey(
        Institute, models.CASCADE, related_name="absences", verbose_name=_("institute")
    )
    professor = models.ForeignKey(
        Professor, models.PROTECT, related_name="absences", verbose_name=_("professor")
    )
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("to"))
    offering = models.ForeignKey(
        Offering,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="absences",
        help_text=_("Only this class needs cover; empty: every meeting in the span."),
        verbose_name=_("class"),
    )
    category = models.CharField(
        _("reason"), max_length=16, choices=AbsenceCategory, blank=True, default=""
    )
    note = models.TextField(_("private note"), blank=True, max_length=2000)
    handover = models.TextField(_("handover note"), blank=True, max_length=4000)
    filed_at = models.DateTimeField(_("filed"))
    filed_by = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="filed_absences",
        verbose_name=_("filed by"),
    )
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    objects: ClassVar[models.Manager[Absence]] = AbsenceQuerySet.as_manager()

    class Meta:
        verbose_name = _("absence")
        verbose_name_plural = _("absences")
        ordering: ClassVar = ["-starts_at"]
        indexes: ClassVar = [
            models.Index(fields=["professor", "starts_at"], name="absence_professor_time"),
            models.Index(fields=["institute", "ends_at"], name="absence_institute_end"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="absence_ends_after_start",
                violation_error_message=_("An absence must end after it starts."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.professor} {self.starts_at:%Y-%m-%d}"


class AbsenceException(models.Model):
    """A meeting in the span that the professor decided about: cover it though co-taught, or leave it."""

    absence = models.ForeignKey(Absence, models.CASCADE, related_name="exceptions")
    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="absence_exceptions")
    cover = models.BooleanField(_("needs cover"))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["absence", "meeting"], name="absence_exception_once"),
        ]

    def __str__(self) -> str:
        return f"{self.absence} · {self.meeting}"
