"""Who carries how much: the ledger of covering, and the hours owed to students."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from timetable.models import Institute, Meeting, Offering, Professor, Term

from .enums import EntryKind


class LedgerEntryIsFinal(Exception):
    """Somebody tried to change or delete what the ledger says."""


class LedgerEntryQuerySet(models.QuerySet[Any]):
    def update(self, **kwargs: Any) -> int:
        raise LedgerEntryIsFinal("Ledger entries are never changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise LedgerEntryIsFinal("Ledger entries are never deleted.")

    def for_list(self) -> Self:
        return self.select_related("institute", "term", "meeting__offering__course")


class LedgerEntry(models.Model):
    """One line of the ledger. Lines are only added: what is undone gets a line with negative hours.

    Four decimals keep a meeting of 50 minutes (0.8333 h) true to the second over a whole term.
    """

    institute = models.ForeignKey(
        Institute, models.PROTECT, related_name="ledger", verbose_name=_("institute")
    )
    term = models.ForeignKey(Term, models.PROTECT, related_name="ledger", verbose_name=_("term"))
    professor = models.ForeignKey(
        Professor, models.PROTECT, related_name="ledger", verbose_name=_("professor")
    )
    professor_name = models.CharField(_("name at the time"), max_length=200)
    kind = models.CharField(_("kind"), max_length=16, choices=EntryKind)
    hours = models.DecimalField(_("clock hours"), max_digits=9, decimal_places=4)
    at = models.DateTimeField(_("when"))
    case_uid = models.UUIDField(_("case"), db_index=True)
    meeting = models.ForeignKey(
        Meeting,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="ledger",
        verbose_name=_("class meeting"),
    )

    objects: ClassVar[models.Manager[LedgerEntry]] = LedgerEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        ordering: ClassVar = ["at", "id"]
        indexes: ClassVar = [
            # The hours ride along so that the sums of a term are answered by the index alone.
            models.Index(
                fields=["term", "kind", "professor", "hours"], name="ledger_term_kind_professor"
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(hours=0), name="ledger_hours_not_zero"),
            models.CheckConstraint(
                condition=Q(kind__in=EntryKind.values), name="ledger_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.professor_name} {self.kind} {self.hours}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise LedgerEntryIsFinal("Ledger entries are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise LedgerEntryIsFinal("Ledger entries are never deleted.")


class OwedHoursQuerySet(models.QuerySet[Any]):
    def open(self) -> Self:
        """Not made up for yet."""
        return self.filter(settled_at__isnull=True)

    def for_list(self) -> Self:
        return self.select_related("institute", "term", "offering__course", "meeting")


class OwedHours(models.Model):
    """Hours that the students of a class are still owed because a meeting was dropped."""

    institute = models.ForeignKey(
        Institute, models.PROTECT, related_name="owed_hours", verbose_name=_("institute")
    )
    term = models.ForeignKey(
        Term, models.PROTECT, related_name="owed_hours", verbose_name=_("term")
    )
    offering = models.ForeignKey(
        Offering, models.PROTECT, related_name="owed_hours", verbose_name=_("class")
    )
    meeting = models.ForeignKey(
        Meeting,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="owed_hours",
        verbose_name=_("class meeting"),
    )
    hours = models.DecimalField(_("clock hours"), max_digits=9, decimal_places=4)
    at = models.DateTimeField(_("since"))
    due_on = models.DateField(_("owed before"), null=True, blank=True)
    case_uid = models.UUIDField(_("case"), unique=True)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    objects: ClassVar[models.Manager[OwedHours]] = OwedHoursQuerySet.as_manager()

    class Meta:
        verbose_name = _("owed hours")
        verbose_name_plural = _("owed hours")
        ordering: ClassVar = ["at", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(hours__gt=0), name="owed_hours_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.offering} {self.hours}"
