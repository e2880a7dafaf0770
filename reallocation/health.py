"""Whether the installation does its work: what `/readyz` answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Q
from django_q.models import Success

from .enums import DeliveryStatus
from .models import Delivery
from .schedules import SWEEP

SWEEP_WITHIN = dt.timedelta(minutes=3)

WAITING_AT_MOST = dt.timedelta(minutes=15)
"""A message that has been due for longer than this is not merely waiting for the next sweep."""


@dataclass(frozen=True)
class Check:
    """One thing that must be so. `why` says what is wrong, and is empty if nothing is."""

    name: str
    why: str = ""

    @property
    def ok(self) -> bool:
        return not self.why


def readiness(now: dt.datetime) -> list[Check]:
    """Each check, in order. What cannot even be asked is said by the name of the error."""
    return [_checked(name, check, now) for name, check in CHECKS.items()]


def _checked(name: str, check: Callable[[dt.datetime], str], now: dt.datetime) -> Check:
    try:
        return Check(name, check(now))
    except DatabaseError as error:
        return Check(name, type(error).__name__)


def _database(now: dt.datetime) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def _migrations(now: dt.datetime) -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(missing)} migrations are not applied" if missing else ""


def _sweep(now: dt.datetime) -> str:
    swept = Success.objects.filter(func=SWEEP, stopped__gt=now - SWEEP_WITHIN)
    if swept.exists():
        return ""
    return f"no sweep has run in the last {SWEEP_WITHIN.seconds // 60} minutes"


def _outbox(now: dt.datetime) -> str:
    """A message that waits for its next attempt is not stuck: its `due_at` lies ahead."""
    since = now - WAITING_AT_MOST
    stuck = Delivery.objects.filter(
        Q(status=DeliveryStatus.QUEUED, due_at__lt=since)
        | Q(status=DeliveryStatus.SENDING, claimed_at__lt=since)
    )
    count = stuck.count()
    return f"{count} messages have been due for too long" if count else ""


CHECKS: dict[str, Callable[[dt.datetime], str]] = {
    "database": _database,
    "migrations": _migrations,
    "sweep": _sweep,
    "outbox": _outbox,
}
