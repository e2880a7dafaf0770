"""Webhooks are made, switched off and on, given new secrets, removed: each with its log entry."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from reallocation import audit
from reallocation.audit import SYSTEM, Who
from reallocation.enums import WebhookEvent, WebhookOff, WebhookStatus
from reallocation.models import Webhook, WebhookDelivery
from reallocation.notifications.notices import Draft, tell
from reallocation.notifications.wording import day_and_time_lazy
from reallocation.refusals import Refused
from timetable.enums import StaffRole
from timetable.models import Institute, Staff, User

from . import signing, targets
from .signing import SecretLost

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

MOST = 20
"""Webhooks that one institute may have."""

OVERLAP = dt.timedelta(hours=24)
"""How long the former secret signs beside the new one."""

MOST_SECRETS = 4
"""Signatures on one message, however often the secret is renewed."""

SWITCHED_OFF = _("The webhook was switched off before this was sent.")
REMOVED = _("The webhook was removed before this was sent.")


@dataclass(frozen=True)
class Made:
    """A webhook with its new secret, which is shown nowhere else; the repr hides it."""

    webhook: Webhook
    secret: str = field(repr=False)


def of(institute: Institute) -> QuerySet[Webhook]:
    return Webhook.objects.standing().filter(institute=institute).select_related("institute")


def listed(institute: Institute) -> QuerySet[Webhook]:
    """With how many deliveries were given up, as `failed`."""
    given_up = Count("deliveries", filter=Q(deliveries__status=WebhookStatus.FAILED))
    return of(institute).annotate(failed=given_up).order_by("name", "pk")


def make(
    institute: Institute,
    *,
    name: str,
    url: str,
    events: Collection[str],
    owner: User | None,
    now: dt.datetime,
    who: Who = SYSTEM,
) -> Made:
    """Make a webhook for these events. Raises TargetRefused; Refused: webhook_exists,
    too_many_webhooks."""
    targets.target_of(url)
    secret = signing.new_secret()
    with audit.writing(institute):
        if of(institute).count() >= MOST:
            raise Refused("too_many_webhooks", most=MOST)
        try:
            with transaction.atomic():
                webhook = Webhook.objects.create(
                    institute=institute,
                    name=name.strip() or urlsplit(url).hostname or "webhook",
                    url=url,
                    events=[event.value for event in WebhookEvent if event.value in events],
                    secrets=[{"sealed": signing.seal(secret), "until": None}],
                    owner=owner,
                    created_at=now,
                )
        except IntegrityError as error:
            raise Refused("webhook_exists") from error
        _log("webhook.made", webhook, now, who, events=webhook.events)
    return Made(webhook, secret)


def rotate(webhook: Webhook, *, now: dt.datetime, who: Who = SYSTEM) -> Made:
    """A new secret. For OVERLAP the former ones sign as well, so that nothing is refused meanwhile."""
    secret = signing.new_secret()
    with audit.writing(webhook.institute):
        webhook = locked(webhook)
        until = (now + OVERLAP).isoformat()
        former = [
            {**one, "until": one["until"] or until} for one in webhook.secrets if _signs(one, now)
        ]
        webhook.secrets = [{"sealed": signing.seal(secret), "until": None}, *former][:MOST_SECRETS]
        webhook.save(update_fields=["secrets"])
        _log("webhook.rotated", webhook, now, who)
    return Made(webhook, secret)


def secrets_in_use(webhook: Webhook, now: dt.datetime) -> list[str]:
    """Those that sign at this moment, the newest first. Raises SecretLost if that cannot be read."""
    present, *former = [one["sealed"] for one in webhook.secrets if _signs(one, now)]
    found = [signing.unseal(present)]
    for sealed in former:
        with suppress(SecretLost):  # after a change of SECRET_KEY, which a new secret has mended
            found.append(signing.unseal(sealed))
    return found


def former_signs_until(webhook: Webhook, now: dt.datetime) -> dt.datetime | None:
    """Until when a former secret signs; None if the present one is alone."""
    ends = [dt.datetime.fromisoformat(one["until"]) for one in webhook.secrets if one["until"]]
    return max((end for end in ends if end > now), default=None)


def _signs(stored: dict[str, str | None], now: dt.datetime) -> bool:
    until = stored["until"]
    return until is None or dt.datetime.fromisoformat(until) > now


def remove(webhook: Webhook, *, now: dt.datetime, who: Who = SYSTEM) -> Webhook:
    """Nothing is sent any more; what was is kept to be read. Secrets are forgotten."""
    with audit.writing(webhook.institute):
        webhook = locked(webhook)
        webhook.removed_at, webhook.secrets = now, []
        webhook.save(update_fields=["removed_at", "secrets"])
        _give_up_waiting(webhook, REMOVED)
        _log("webhook.removed", webhook, now, who)
    return webhook


def switch_off(
    webhook: Webhook,
    why: WebhookOff,
    *,
    now: dt.datetime,
    who: Who = SYSTEM,
    error: str = "",
    since: dt.datetime | None = None,
) -> bool:
    """Send nothing for the time being; what waits is given up, and can be replayed. The owner is told
    unless somebody asked for it. False if it was off already."""
    with audit.writing(webhook.institute):
        rows = Webhook.objects.active().filter(pk=webhook.pk)
        if not rows.update(off_at=now, off_why=why):
            return False
        _give_up_waiting(webhook, SWITCHED_OFF)
        _log("webhook.off", webhook, now, who, why=why.value)
        if why != WebhookOff.ASKED:
            _tell_owner(webhook, why, now, error, since or now)
    return True


def switch_on(webhook: Webhook, *, now: dt.datetime, who: Who = SYSTEM) -> Webhook:
    """Send again, from now on. Raises Refused: webhook_on."""
    with audit.writing(webhook.institute):
        webhook = locked(webhook)
        if webhook.off_at is None:
            raise Refused("webhook_on")
        webhook.off_at, webhook.off_why, webhook.resting_until = None, "", None
        webhook.save(update_fields=["off_at", "off_why", "resting_until"])
        _log("webhook.on", webhook, now, who)
    return webhook


def locked(webhook: Webhook) -> Webhook:
    """As it stands now, held until the transaction ends. Raises Refused: webhook_removed.

    Without key: events written meanwhile refer to it, by whoever holds the end of the log, for which we
    may wait next.
    """
    rows = of(webhook.institute).select_for_update(of=("self",), no_key=True)
    found = rows.filter(pk=webhook.pk).first()
    if found is None:
        raise Refused("webhook_removed")
    return found


def _give_up_waiting(webhook: Webhook, error: StrPromise) -> None:
    waiting = WebhookDelivery.objects.filter(webhook=webhook, status=WebhookStatus.QUEUED)
    waiting.update(status=WebhookStatus.FAILED, error=str(error))


def _log(
    kind: str, webhook: Webhook, now: dt.datetime, who: Who, **more: str | Collection[str]
) -> None:
    """The host, not the address: many receivers have a secret of their own in it."""
    parts = urlsplit(webhook.url)
    data = {
        "webhook": str(webhook.uid),
        "name": webhook.name,
        "url": f"{parts.scheme}://{parts.hostname}",
        **more,
    }
    audit.record(kind, institute=webhook.institute, at=now, who=who, data=data)


def _tell_owner(
    webhook: Webhook, why: WebhookOff, now: dt.datetime, error: str, since: dt.datetime
) -> None:
    """The one who made it; all registrars, if that one is none any more."""
    registrars = Staff.objects.filter(institute=webhook.institute, role=StaffRole.REGISTRAR)
    user_ids = list(registrars.order_by("pk").values_list("user_id", flat=True))
    if webhook.owner_id in user_ids:
        user_ids = [webhook.owner_id]
    institute = webhook.institute
    draft = Draft(
        kind="webhook-off",
        key=f"webhook-off/{webhook.uid}/{now.isoformat()}",
        institute=institute,
        facts={
            "name": webhook.name,
            "host": urlsplit(webhook.url).hostname,
            "gone": why == WebhookOff.GONE,
            "error": error,
            "since": day_and_time_lazy(institute, since),
        },
        about=None,
        until=now,
        user_ids=user_ids,
    )
    tell([draft], now)
