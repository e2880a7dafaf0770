"""Other systems that are told what happens."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from timetable.models import Institute, User

from ..enums import (
    WebhookEvent,
    WebhookOff,
    WebhookStatus,
)
from .cases import Case


class WebhookQuerySet(models.QuerySet[Any]):
    def standing(self) -> Self:
        """Those that have not been removed."""
        return self.filter(removed_at=None)

    def active(self) -> Self:
        """Those to which events are sent."""
        return self.standing().filter(off_at=None)

    def rested(self, now: dt.datetime) -> Self:
        """Active ones that may be tried now."""
        return self.active().filter(Q(resting_until=None) | Q(resting_until__lte=now))


class Webhook(models.Model):
    """Another system that is told of an institute's events, and what signs what it is told.

    `secrets` are sealed, the newest first: `{"sealed": …, "until": null or moment}`. After a failure the
    receiver is left alone until `resting_until`. A removed one stays, for its deliveries' sake.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    institute = models.ForeignKey(
        Institute, models.PROTECT, related_name="webhooks", verbose_name=_("institute")
    )
    name = models.CharField(_("name"), max_length=100)
    url = models.CharField(_("address"), max_length=500)
    events = models.JSONField(_("events"), default=list)
    secrets = models.JSONField(default=list)
    owner = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="webhooks",
        verbose_name=_("owner"),
    )
    created_at = models.DateTimeField(_("made"))
    delivered_at = models.DateTimeField(_("last delivery"), null=True, blank=True)
    resting_until = models.DateTimeField(_("left alone until"), null=True, blank=True)
    off_at = models.DateTimeField(_("switched off"), null=True, blank=True)
    off_why = models.CharField(_("why"), max_length=16, choices=WebhookOff, blank=True)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)

    objects: ClassVar[models.Manager[Webhook]] = WebhookQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["institute", "url"],
                condition=Q(removed_at__isnull=True),
                name="webhook_once_per_address",
                violation_error_message=_("There is a webhook with this address already."),
            ),
            models.CheckConstraint(
                condition=Q(off_at__isnull=True, off_why="")
                | (Q(off_at__isnull=False) & ~Q(off_why="")),
                name="webhook_off_for_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_on(self) -> bool:
        return self.off_at is None and self.removed_at is None


class WebhookDeliveryQuerySet(models.QuerySet[Any]):
    def due(self, now: dt.datetime) -> Self:
        return self.filter(status=WebhookStatus.QUEUED, due_at__lte=now)


class WebhookDelivery(models.Model):
    """One event on its way to one webhook. `uid` is the message's id, the same at each attempt.

    `key` names the fact, so that it is written once for each webhook; `queued_at` is when it was
    written, or last asked for again.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    webhook = models.ForeignKey(
        Webhook, models.PROTECT, related_name="deliveries", verbose_name=_("webhook")
    )
    case = models.ForeignKey(
        Case, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("case")
    )
    event = models.CharField(_("event"), max_length=32, choices=WebhookEvent)
    key = models.CharField(_("idempotency key"), max_length=100)
    body = models.TextField(_("content"))
    status = models.CharField(
        _("status"), max_length=16, choices=WebhookStatus, default=WebhookStatus.QUEUED
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    written_at = models.DateTimeField(_("happened"))
    queued_at = models.DateTimeField(_("queued"))
    due_at = models.DateTimeField(_("tried next"))
    claimed_at = models.DateTimeField(_("claimed"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    answer_status = models.PositiveSmallIntegerField(_("answer"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)

    objects: ClassVar[models.Manager[WebhookDelivery]] = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(fields=["status", "due_at"], name="webhook_delivery_due"),
            models.Index(fields=["webhook", "status"], name="webhook_delivery_status"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["webhook", "key"], name="webhook_told_once"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.status}"
