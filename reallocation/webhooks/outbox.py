"""Sending what is written: each delivery at least once, and never by two at the same time.

As with messages to people, the row is the truth, a nudge after the commit sends at once, and a sweep
takes what was left. One task sends what is due to one webhook, in order, and stops at the first failure:
a receiver that is down costs a worker a few seconds a minute, and nobody else waits for it.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass

import structlog
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from reallocation.enums import WebhookOff, WebhookStatus
from reallocation.models import Webhook, WebhookDelivery
from reallocation.notifications.outbox import BATCH_SECONDS, STUCK_AFTER, running_from
from reallocation.refusals import Refused

from . import courier, signing, subscriptions
from .courier import Answer, Unreachable
from .targets import TargetRefused

log = structlog.get_logger(__name__)

BACKOFF = (
    *(dt.timedelta(minutes=minutes) for minutes in (1, 5, 30)),
    *(dt.timedelta(hours=hours) for hours in (2, 6, 12, 24)),
)
"""How long to wait after the first, second … failed attempt; after the last there is no other."""

MAX_ATTEMPTS = len(BACKOFF) + 1

JITTER = 0.2
"""Each wait is longer or shorter by up to this share, so that what failed together does not come back
together."""

REST = dt.timedelta(minutes=1)
"""After a failure the receiver is left alone for so long, with whatever else is due to it."""

KEPT = dt.timedelta(days=30)
"""How long the log of deliveries goes back."""

GONE = 410
"""“This endpoint is no longer there, stop sending”, as Standard Webhooks reads it."""

ERROR_LENGTH = 500

SETTLED = (WebhookStatus.DELIVERED, WebhookStatus.FAILED)

random = secrets.SystemRandom()


def nudge(webhook_id: int) -> None:
    """Send what is due once this transaction has committed. Losing a nudge loses nothing."""
    transaction.on_commit(lambda: _queue(webhook_id), robust=True)


def _queue(webhook_id: int) -> None:
    async_task("reallocation.tasks.hand_over_webhook", webhook_id)


@dataclass
class Tally:
    """What became of a batch. `left`: due, but not tried for lack of time or after a failure."""

    delivered: int = 0
    again: int = 0
    failed: int = 0
    left: int = 0


def nudge_due(now: dt.datetime) -> int:
    """The sweep: give back what was claimed and never finished, and have a task send what is due.

    Says to how many webhooks.
    """
    recover(now)
    due = Webhook.objects.rested(now).filter(
        deliveries__status=WebhookStatus.QUEUED, deliveries__due_at__lte=now
    )
    webhook_ids = list(due.order_by("pk").values_list("pk", flat=True).distinct())
    for webhook_id in webhook_ids:
        _queue(webhook_id)
    return len(webhook_ids)


def recover(now: dt.datetime) -> int:
    """Give back claims older than STUCK_AFTER; those out of attempts are given up. Says how many."""
    stuck = WebhookDelivery.objects.filter(
        status=WebhookStatus.SENDING, claimed_at__lte=now - STUCK_AFTER
    )
    if not stuck.exists():
        return 0
    error = _("The process that was sending this ended before it was done.")
    spent = stuck.filter(attempts__gte=MAX_ATTEMPTS).update(
        status=WebhookStatus.FAILED, claimed_at=None, error=error
    )
    again = stuck.update(status=WebhookStatus.QUEUED, claimed_at=None, due_at=now, error=error)
    log.warning("webhook_deliveries_recovered", again=again, failed=spent)
    return spent + again


def forget(now: dt.datetime) -> int:
    """Remove deliveries that were settled long ago. Says how many."""
    old = WebhookDelivery.objects.filter(queued_at__lt=now - KEPT)
    return old.exclude(status=WebhookStatus.SENDING).delete()[0]


def hand_over_webhook(webhook_id: int, now: dt.datetime) -> Tally:
    """Send what is due to one webhook, the oldest first. One that is gone, off or resting: nothing."""
    tally = Tally()
    if not Webhook.objects.rested(now).filter(pk=webhook_id).exists():
        return tally
    due = WebhookDelivery.objects.due(now).filter(webhook=webhook_id).order_by("pk")
    delivery_ids = list(due.values_list("pk", flat=True))
    clock = running_from(now)
    for done, delivery_id in enumerate(delivery_ids):
        moment = clock()
        if (moment - now).total_seconds() > BATCH_SECONDS:
            tally.left = len(delivery_ids) - done
            _queue(webhook_id)
            break
        status = hand_over(delivery_id, moment)
        if status is None:
            continue
        if status == WebhookStatus.DELIVERED:
            tally.delivered += 1
            continue
        tally.again += status == WebhookStatus.QUEUED
        tally.failed += status == WebhookStatus.FAILED
        tally.left = len(delivery_ids) - done - 1
        break
    return tally


def hand_over(delivery_id: int, now: dt.datetime) -> WebhookStatus | None:
    """Try one delivery; what it has become. None: it is not due, or another process has it.

    Call it outside of a transaction: the claim must be visible to others before anything is sent.
    """
    if not claim(delivery_id, now):
        return None
    delivery = WebhookDelivery.objects.select_related("webhook__institute").get(pk=delivery_id)
    try:
        answer = _sent(delivery, now)
    except TargetRefused as refusal:
        return _failed(delivery, now, refusal.message)
    except Unreachable as silence:
        return _failed(delivery, now, str(silence))
    except signing.SecretLost:
        error = _("Its secret was sealed under another SECRET_KEY: make a new one.")
        return _failed(delivery, now, error)
    except Exception as error:
        log.exception("webhook_delivery_broken", delivery=delivery.pk)
        return _failed(delivery, now, f"{type(error).__name__}: {error}")
    if not answer.taken:
        return _failed(delivery, now, _refusal(answer), answer)
    mine = _record(
        delivery,
        status=WebhookStatus.DELIVERED,
        delivered_at=now,
        answer_status=answer.status,
        error="",
    )
    if mine:
        rows = Webhook.objects.filter(pk=delivery.webhook_id)
        rows.update(delivered_at=now, resting_until=None)
    return WebhookStatus.DELIVERED


def claim(delivery_id: int, now: dt.datetime) -> bool:
    """Make the delivery ours. False: not due, or another process was first."""
    # By the row's own columns alone: PostgreSQL looks at these again once it has waited for the row.
    changed = (
        WebhookDelivery.objects.due(now)
        .filter(pk=delivery_id)
        .update(status=WebhookStatus.SENDING, claimed_at=now, attempts=F("attempts") + 1)
    )
    return changed == 1


def _sent(delivery: WebhookDelivery, now: dt.datetime) -> Answer:
    webhook, body = delivery.webhook, delivery.body.encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Understudy-Webhooks/1",
        **signing.headers(str(delivery.uid), body, subscriptions.secrets_in_use(webhook, now), now),
    }
    return courier.post(webhook.url, body, headers)


def replay(webhook: Webhook, deliveries: QuerySet[WebhookDelivery], *, now: dt.datetime) -> int:
    """Send these again, under their old ids, with all attempts ahead of them. Says how many.

    Those under way are left alone. Raises Refused: webhook_off.
    """
    with transaction.atomic():
        webhook = subscriptions.locked(webhook)
        if not webhook.is_on:
            raise Refused("webhook_off")
        settled = deliveries.filter(webhook=webhook, status__in=SETTLED)
        count = settled.order_by().update(
            status=WebhookStatus.QUEUED, attempts=0, queued_at=now, due_at=now, error=""
        )
        if count:
            # Whoever asks wants it now, resting or not.
            Webhook.objects.filter(pk=webhook.pk).update(resting_until=None)
            nudge(webhook.pk)
    return count


def _refusal(answer: Answer) -> str:
    if 300 <= answer.status < 400:
        text = _("The receiver answered %(status)d: redirects are not followed.")
    elif answer.text:
        text = _("The receiver answered %(status)d: %(text)s")
    else:
        text = _("The receiver answered %(status)d.")
    return text % {"status": answer.status, "text": answer.text}


def _failed(
    delivery: WebhookDelivery, now: dt.datetime, error: str, answer: Answer | None = None
) -> WebhookStatus:
    """It is tried again after a while, until the attempts are spent; then the webhook may go off."""
    said = answer.status if answer else None
    gone = said == GONE
    again = delivery.attempts < MAX_ATTEMPTS and not gone
    log.warning(
        "webhook_delivery_failed",
        delivery=delivery.pk,
        webhook=delivery.webhook_id,
        attempts=delivery.attempts,
        again=again,
        error=error,
    )
    webhook = delivery.webhook
    if again:
        due_at = now + _wait(delivery.attempts)
        mine = _record(
            delivery, status=WebhookStatus.QUEUED, due_at=due_at, answer_status=said, error=error
        )
    else:
        mine = _record(delivery, status=WebhookStatus.FAILED, answer_status=said, error=error)
    if mine:
        Webhook.objects.filter(pk=webhook.pk).update(resting_until=now + REST)
        if gone:
            subscriptions.switch_off(webhook, WebhookOff.GONE, now=now, error=error)
        elif not again and not _got_through_since(webhook, delivery.queued_at):
            subscriptions.switch_off(
                webhook, WebhookOff.FAILING, now=now, error=error, since=delivery.queued_at
            )
    return WebhookStatus.QUEUED if again else WebhookStatus.FAILED


def _wait(attempts: int) -> dt.timedelta:
    return BACKOFF[attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)


def _got_through_since(webhook: Webhook, moment: dt.datetime) -> bool:
    """Whether anything was delivered since: then the fault lies with this one message."""
    return Webhook.objects.filter(pk=webhook.pk, delivered_at__gte=moment).exists()


def _record(delivery: WebhookDelivery, *, error: str, **columns: object) -> bool:
    """Write what became of our claim; False if it has been given back in the meantime."""
    mine = WebhookDelivery.objects.filter(
        pk=delivery.pk, status=WebhookStatus.SENDING, claimed_at=delivery.claimed_at
    )
    if mine.update(claimed_at=None, error=error[:ERROR_LENGTH], **columns):
        return True
    log.error("webhook_claim_lost", delivery=delivery.pk)
    return False
