"""Settings with which the workflow would seem to run and not: reported at start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def check_queue(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """django-q2's defaults lose, repeat or replay tasks."""
    return list(_wrong(settings.Q_CLUSTER))


def _wrong(queue: dict[str, Any]) -> Iterator[CheckMessage]:
    timeout, retry = queue.get("timeout"), queue.get("retry", 60)
    if not timeout:
        yield Error(
            "Q_CLUSTER has no timeout: a task that hangs would block its worker for ever.",
            hint="Set 'timeout' to the seconds that one task may take, for example 60.",
            id="reallocation.E001",
        )
    elif retry <= 2 * timeout:
        yield Error(
            "Q_CLUSTER 'retry' must be well above 'timeout': tasks would run twice at once.",
            hint="'retry' counts from when a task enters the local queue; try ten times 'timeout'.",
            id="reallocation.E002",
        )
    if not queue.get("max_attempts"):
        yield Error(
            "Q_CLUSTER 'max_attempts' is endless: a broken task would be tried for ever.",
            hint="Set 'max_attempts' to a small number, for example 5.",
            id="reallocation.E003",
        )
    if queue.get("catch_up", True):
        yield Error(
            "Q_CLUSTER 'catch_up' replays every sweep that was missed while the worker was down.",
            hint="Set 'catch_up' to False: one sweep catches up with everything.",
            id="reallocation.E004",
        )
    if not queue.get("ack_failures"):
        yield Error(
            "Q_CLUSTER 'ack_failures' is off: a failed task would be delivered again and again.",
            hint="Set 'ack_failures' to True: the sweep does what a failed nudge left.",
            id="reallocation.E005",
        )
    if "orm" not in queue:
        yield Error(
            "Q_CLUSTER does not use the database as its broker.",
            hint="Set 'orm': 'default': a nudge then commits, or not, with what it is about.",
            id="reallocation.E006",
        )
    if "pool" in settings.DATABASES["default"].get("OPTIONS", {}):
        yield Error(
            "DATABASES uses a connection pool: the queue's workers fork and would share sessions.",
            hint="Remove OPTIONS['pool'] and use CONN_MAX_AGE.",
            id="reallocation.E007",
        )
