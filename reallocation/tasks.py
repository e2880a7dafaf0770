"""What the queue runs. Each task takes primitives, calls one function and is safe to run twice."""

from __future__ import annotations

from django.utils import timezone

from . import engine, sweep
from .notifications import outbox
from .rehearsal import supervisor
from .webhooks import outbox as webhook_outbox


def advance_case(case_id: int, turn: int) -> bool:
    """A nudge: climb from this turn on, if the case is still there."""
    return engine.climb(case_id, expected=turn, now=timezone.now())


def sweep_now() -> dict[str, int]:
    """The sweep of each minute."""
    done = sweep.sweep(timezone.now(), seconds=sweep.SECONDS)
    return {"moved": done.moved, "failed": done.failed, "opened": done.opened}


def hand_over_notice(notice_id: int) -> None:
    """Send what a notice has to send."""
    outbox.hand_over_notice(notice_id, timezone.now())


def hand_over_webhook(webhook_id: int) -> None:
    """Send what is due to one webhook."""
    webhook_outbox.hand_over_webhook(webhook_id, timezone.now())


def begin_rehearsal(rehearsal_id: int) -> bool:
    """Start a rehearsal from the page in processes of its own: it takes longer than a task may."""
    return supervisor.launch(rehearsal_id, timezone.now())
