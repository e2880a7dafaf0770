"""What registrars had rehearsed."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from timetable.models import Institute, User

from ..enums import (
    RehearsalFailure,
    RehearsalPhase,
    RehearsalStatus,
)


class RehearsalQuerySet(models.QuerySet[Any]):
    def going(self) -> Self:
        """Those that wait to begin or are being played."""
        return self.filter(status__in=Rehearsal.GOING)


class Rehearsal(models.Model):
    """What a registrar wanted played, how far it is, and what came of it.

    `script` is who is absent and how people behave; `rules` what is compared with: by name, the rule as
    it was and the other one. `found` and `compared` are the figures under each.
    """

    GOING = (RehearsalStatus.WAITING, RehearsalStatus.RUNNING)

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    institute = models.ForeignKey(Institute, models.CASCADE, related_name="rehearsals")
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    asked_at = models.DateTimeField(_("asked for"))
    script = models.JSONField(_("script"), default=dict)
    rules = models.JSONField(_("other rules"), default=dict, blank=True)

    status = models.CharField(
        _("status"), max_length=16, choices=RehearsalStatus, default=RehearsalStatus.WAITING
    )
    phase = models.CharField(_("phase"), max_length=16, choices=RehearsalPhase, blank=True)
    done = models.PositiveIntegerField(_("absences played"), default=0)
    total = models.PositiveIntegerField(_("absences to play"), default=0)
    heard_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    found = models.JSONField(_("figures"), null=True, blank=True)
    compared = models.JSONField(_("figures by the other rules"), null=True, blank=True)
    failure = models.CharField(
        _("why it failed"), max_length=16, choices=RehearsalFailure, blank=True
    )
    error = models.CharField(_("error"), max_length=200, blank=True)

    objects: ClassVar[models.Manager[Rehearsal]] = RehearsalQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-asked_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["institute"],
                condition=Q(status__in=["waiting", "running"]),
                name="rehearsal_one_going_per_institute",
                violation_error_message=_("A rehearsal is being played already."),
            ),
            models.CheckConstraint(
                condition=Q(status__in=RehearsalStatus.values), name="rehearsal_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["waiting", "running"], ended_at__isnull=True)
                | (~Q(status__in=["waiting", "running"]) & Q(ended_at__isnull=False)),
                name="rehearsal_ended_is_not_going",
            ),
            models.CheckConstraint(
                condition=Q(status="done", found__isnull=False)
                | (~Q(status="done") & Q(found__isnull=True)),
                name="rehearsal_done_has_figures",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.institute_id} {self.asked_at:%Y-%m-%d %H:%M} {self.status}"

    @property
    def is_going(self) -> bool:
        return self.status in self.GOING
