"""The log, chained by hashes. Only `audit` adds to it."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from timetable.models import Institute

from ..enums import (
    ActorKind,
)
from .cases import Case


class AuditHead(models.Model):
    """The end of one institute's chain: its row is the lock under which entries are appended."""

    institute = models.OneToOneField(Institute, models.PROTECT, related_name="audit_head")
    number = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.institute_id} {self.number}"


class LogEntryIsFinal(Exception):
    """Somebody tried to change or delete what the log says."""


class LogEntryQuerySet(models.QuerySet[Any]):
    def update(self, **kwargs: Any) -> int:
        raise LogEntryIsFinal("Log entries are never changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise LogEntryIsFinal("Log entries are never deleted.")

    def for_list(self) -> Self:
        return self.select_related("institute", "case__meeting__offering__course")


class LogEntry(models.Model):
    """Who did what, when and why. Never changed, never deleted; each carries the hash before it."""

    institute = models.ForeignKey(
        Institute, models.PROTECT, related_name="log", verbose_name=_("institute")
    )
    number = models.PositiveBigIntegerField(_("number"))
    at = models.DateTimeField(_("when"))
    actor_kind = models.CharField(_("acted as"), max_length=16, choices=ActorKind)
    actor_id = models.CharField(_("account"), max_length=64, blank=True)
    actor_name = models.CharField(_("who"), max_length=200, blank=True)
    kind = models.CharField(_("what"), max_length=40)
    case = models.ForeignKey(
        Case, models.PROTECT, null=True, blank=True, related_name="log", verbose_name=_("case")
    )
    reason = models.TextField(_("why"), blank=True)
    data = models.JSONField(_("data"), default=dict, blank=True)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    objects: ClassVar[models.Manager[LogEntry]] = LogEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("log entry")
        verbose_name_plural = _("log entries")
        ordering: ClassVar = ["institute", "number"]
        indexes: ClassVar = [
            models.Index(fields=["case", "number"], name="log_case"),
            models.Index(fields=["institute", "kind"], name="log_kind"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["institute", "number"], name="log_number_once"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.kind}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise LogEntryIsFinal("Log entries are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise LogEntryIsFinal("Log entries are never deleted.")
