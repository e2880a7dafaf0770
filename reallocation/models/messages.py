"""Who is told what, and how it leaves."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from timetable.models import Institute, User

from ..enums import (
    DeliveryStatus,
    MessageChannel,
)
from .cases import Case


class Notice(models.Model):
    """What is told, worded once for all who read it. `key` makes telling it twice impossible."""

    institute = models.ForeignKey(
        Institute, models.CASCADE, related_name="notices", verbose_name=_("institute")
    )
    case = models.ForeignKey(
        Case, models.CASCADE, null=True, blank=True, related_name="notices", verbose_name=_("case")
    )
    kind = models.CharField(_("kind"), max_length=40)
    key = models.CharField(_("idempotency key"), max_length=200, unique=True)
    subject = models.CharField(_("subject"), max_length=300)
    body = models.TextField(_("text"))
    link = models.CharField(_("link"), max_length=200, blank=True)
    data = models.JSONField(_("data"), default=dict, blank=True)
    created_at = models.DateTimeField(_("written"))

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.subject

    @property
    def language(self) -> str:
        """The language it is written in."""
        return str(self.data.get("language", settings.LANGUAGE_CODE))


class Message(models.Model):
    """A notice in one person's inbox."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    notice = models.ForeignKey(Notice, models.CASCADE, related_name="messages")
    user = models.ForeignKey(User, models.CASCADE, related_name="messages")
    read_at = models.DateTimeField(_("read"), null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["user", "read_at"], name="message_user_read")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["notice", "user"], name="message_once_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.notice_id}"


class DeliveryQuerySet(models.QuerySet[Any]):
    def due(self, now: dt.datetime) -> Self:
        return self.filter(status=DeliveryStatus.QUEUED, due_at__lte=now)


class Delivery(models.Model):
    """One message on its way over one channel to one address."""

    message = models.ForeignKey(
        Message, models.CASCADE, related_name="deliveries", verbose_name=_("message")
    )
    channel = models.CharField(_("channel"), max_length=8, choices=MessageChannel)
    address = models.CharField(_("address"), max_length=254)
    status = models.CharField(
        _("status"), max_length=16, choices=DeliveryStatus, default=DeliveryStatus.QUEUED
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("tried next"))
    claimed_at = models.DateTimeField(_("claimed"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    provider_id = models.CharField(_("provider's id"), max_length=200, blank=True, db_index=True)
    error = models.TextField(_("error"), blank=True)

    objects: ClassVar[models.Manager[Delivery]] = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["status", "due_at"], name="delivery_due")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["message", "channel"], name="delivery_once_per_channel"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.address} {self.status}"


class PushSubscription(models.Model):
    """A device on which somebody wants to be told at once (Web Push, RFC 8030).

    `endpoint` is where its push service takes messages; the keys are the browser's, with which only
    this device can read them. `server_key` is the one of ours that the push service expects.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="push_subscriptions")
    endpoint = models.CharField(_("address"), max_length=1000)
    endpoint_hash = models.CharField(max_length=64, unique=True, editable=False)
    p256dh = models.CharField(max_length=100, editable=False)
    auth = models.CharField(max_length=32, editable=False)
    server_key = models.CharField(max_length=100, editable=False)
    made_at = models.DateTimeField(_("made"))

    class Meta:
        ordering: ClassVar = ["-made_at", "-id"]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.pk}"
