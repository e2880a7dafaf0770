"""Handing over what is written: each delivery at least once, and never by two at the same time.

The row is the truth. A nudge after the commit hands over at once; a sweep takes what was left,
what is to be tried again, and what somebody claimed and never finished. A claim is one conditional
update that must change one row, and the channel is spoken to outside of any transaction. Only a
process that dies between the provider's yes and the row's update makes a second mail, with the
Message-ID of the first.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic as stopwatch
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django_q.tasks import async_task

from reallocation.enums import DeliveryStatus, MessageChannel
from reallocation.models import Delivery, Notice

from .addresses import phone_numbers
from .channels import Channels
from .failures import Refused, Unreachable, Unsent

log = structlog.get_logger(__name__)

BACKOFF = tuple(dt.timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
"""How long to wait after the first, second … failed attempt; after the last there is no other."""

MAX_ATTEMPTS = len(BACKOFF) + 1

STUCK_AFTER = dt.timedelta(minutes=10)
"""A claim this old belongs to a process that died: one mail takes far less (EMAIL_TIMEOUT)."""

BATCH_SECONDS = 20.0
"""How long one task goes on: well under the task queue's time limit."""

OUTAGE = 2
"""After so many failures in a row to reach a channel, the rest of the batch waits for the next."""

ERROR_LENGTH = 500

_muted: ContextVar[bool] = ContextVar("outbox_muted", default=False)


@contextmanager
def muted() -> Iterator[None]:
    """Messages written in here are rendered but never handed over, whoever sweeps later."""
    token = _muted.set(True)
    try:
        yield
    finally:
        _muted.reset(token)


def is_muted() -> bool:
    return _muted.get()


def after_commit(notice_id: int) -> None:
    """Ask the task queue to hand a notice over."""
    async_task("reallocation.tasks.hand_over_notice", notice_id)


def nudge(notice: Notice) -> None:
    """Hand the notice over once its transaction has committed. Losing a nudge loses nothing."""
    if not is_muted():
        transaction.on_commit(lambda: after_commit(notice.pk), robust=True)


@dataclass(frozen=True)
class Outcome:
    """What a delivery has become. Not `reachable`: the channel as a whole did not answer."""

    status: DeliveryStatus
    reachable: bool = True


@dataclass
class Tally:
    """What became of a batch. `left`: due but not tried, for lack of time or of a channel."""

    sent: int = 0
    again: int = 0
    bounced: int = 0
    failed: int = 0
    left: int = 0
    recovered: int = 0

    def add(self, outcome: Outcome) -> None:
        match outcome.status:
            case DeliveryStatus.SENT:
                self.sent += 1
            case DeliveryStatus.BOUNCED:
                self.bounced += 1
            case DeliveryStatus.FAILED:
                self.failed += 1
            case _:
                self.again += 1


def hand_over_notice(notice_id: int, now: dt.datetime) -> Tally:
    """Hand over what is due of one notice, on one connection. A notice that is gone is no error."""
    due = Delivery.objects.due(now).filter(message__notice=notice_id)
    tally = _batch(list(due.order_by("pk").values_list("pk", "channel")), now)
    if tally.left and tally.sent:
        after_commit(notice_id)
    return tally


def hand_over_due(now: dt.datetime, limit: int = 500) -> Tally:
    """The sweep: give back what was claimed and never finished, then hand over what is due."""
    recovered = recover(now)
    due = Delivery.objects.due(now).order_by("due_at", "pk").values_list("pk", "channel")
    tally = _batch(list(due[:limit]), now)
    tally.recovered = recovered
    return tally


def recover(now: dt.datetime) -> int:
    """Give back claims older than STUCK_AFTER; those out of attempts have failed. Says how many."""
    stuck = Delivery.objects.filter(
        status=DeliveryStatus.SENDING, claimed_at__lte=now - STUCK_AFTER
    )
    error = "The process that was handing this over ended before it was done."
    spent = stuck.filter(attempts__gte=MAX_ATTEMPTS).update(
        status=DeliveryStatus.FAILED, claimed_at=None, error=error
    )
    again = stuck.update(status=DeliveryStatus.QUEUED, claimed_at=None, due_at=now, error=error)
    if spent or again:
        log.warning("deliveries_recovered", again=again, failed=spent)
    return spent + again


def hand_over(
    delivery_id: int, now: dt.datetime, channels: Channels | None = None
) -> Outcome | None:
    """Try one delivery. None: it is not due, or another process has it.

    Call it outside of a transaction: the claim must be visible to others before anything is sent.
    """
    if channels is None:
        with Channels() as own:
            return hand_over(delivery_id, now, own)
    if not claim(delivery_id, now):
        return None
    delivery = Delivery.objects.select_related("message__notice__institute").get(pk=delivery_id)
    try:
        provider_id = channels.send(delivery)
    except Refused as refusal:
        return _refused(delivery, now, str(refusal))
    except Unreachable as down:
        return _failed(delivery, now, str(down), reachable=False)
    except Unsent as failure:
        return _failed(delivery, now, str(failure))
    except Exception as error:
        log.exception("delivery_broken", delivery=delivery.pk)
        return _failed(delivery, now, f"{type(error).__name__}: {error}")
    _record(
        delivery, now, status=DeliveryStatus.SENT, sent_at=now, provider_id=provider_id, error=""
    )
    return Outcome(DeliveryStatus.SENT)


def claim(delivery_id: int, now: dt.datetime) -> bool:
    """Make the delivery ours. False: not due, or another process was first."""
    changed = (
        Delivery.objects.due(now)
        .filter(pk=delivery_id)
        .update(status=DeliveryStatus.SENDING, claimed_at=now, attempts=F("attempts") + 1)
    )
    return changed == 1


def _batch(due: Iterable[tuple[int, str]], now: dt.datetime) -> Tally:
    tally = Tally()
    clock = running_from(now)
    outages: Counter[str] = Counter()
    with Channels() as channels:
        for delivery_id, channel in due:
            moment = clock()
            late = (moment - now).total_seconds() > BATCH_SECONDS
            if late or outages[channel] >= OUTAGE:
                tally.left += 1
                continue
            outcome = hand_over(delivery_id, moment, channels)
            if outcome is None:
                continue
            tally.add(outcome)
            outages[channel] = 0 if outcome.reachable else outages[channel] + 1
    return tally


def running_from(now: dt.datetime) -> Callable[[], dt.datetime]:
    """A clock that starts at `now`: a claim made late in a long batch must not look old."""
    began = stopwatch()
    return lambda: now + dt.timedelta(seconds=int(stopwatch() - began))


def _refused(delivery: Delivery, now: dt.datetime, error: str) -> Outcome:
    """For good: the address takes no mail. Where it can, the message goes out as SMS instead."""
    log.warning("delivery_bounced", delivery=delivery.pk, channel=delivery.channel, error=error)
    _record(delivery, now, status=DeliveryStatus.BOUNCED, error=error)
    if delivery.channel == MessageChannel.EMAIL and settings.SMS_URL:
        user_id = delivery.message.user_id
        for number in phone_numbers([user_id]).values():
            Delivery.objects.get_or_create(
                message=delivery.message,
                channel=MessageChannel.SMS,
                defaults={"address": number, "due_at": now},
            )
    return Outcome(DeliveryStatus.BOUNCED)


def _failed(delivery: Delivery, now: dt.datetime, error: str, *, reachable: bool = True) -> Outcome:
    """This time: it is tried again after a while, until the attempts are spent."""
    again = delivery.attempts < MAX_ATTEMPTS
    log.warning(
        "delivery_failed",
        delivery=delivery.pk,
        channel=delivery.channel,
        attempts=delivery.attempts,
        again=again,
        error=error,
    )
    if not again:
        _record(delivery, now, status=DeliveryStatus.FAILED, error=error)
        return Outcome(DeliveryStatus.FAILED, reachable)
    due_at = now + BACKOFF[delivery.attempts - 1]
    _record(delivery, now, status=DeliveryStatus.QUEUED, due_at=due_at, error=error)
    return Outcome(DeliveryStatus.QUEUED, reachable)


def _record(delivery: Delivery, now: dt.datetime, *, error: str, **columns: Any) -> None:
    """Write what became of our claim, unless it has been given back in the meantime."""
    mine = Delivery.objects.filter(
        pk=delivery.pk, status=DeliveryStatus.SENDING, claimed_at=delivery.claimed_at
    )
    if not mine.update(claimed_at=None, error=error[:ERROR_LENGTH], **columns):
        log.error("delivery_claim_lost", delivery=delivery.pk, **columns)
