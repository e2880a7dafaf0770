"""What happens each minute, whatever became of the nudges.

Each part is safe to run twice and at the same time elsewhere, and one broken row never keeps the others
waiting: it is logged, tried again later, and later still if it stays broken.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic as stopwatch

import structlog
from django.db.models import F
from django_q.models import Failure, Success

from timetable.models import Absence, Institute
from voting import ballots

from . import absences, engine
from .models import LONGEST_RETENTION, Case, Policy
from .notifications import outbox
from .policy import policy_of
from .rehearsal import programme
from .webhooks import outbox as webhook_outbox

logger = structlog.get_logger(__name__)

LOOKED_AT = 50
"""How many cases a sweep reads at once before it advances them one by one."""

SECONDS = 25.0
"""How long the sweep of each minute advances cases: the rest, mail included, fits the task's timeout."""

TASKS_KEPT = dt.timedelta(days=1)
FAILED_TASKS_KEPT = dt.timedelta(days=30)


@dataclass(frozen=True)
class Swept:
    """What one sweep did. `moved` counts cases, not moves."""

    moved: int = 0
    failed: int = 0
    ballots_closed: int = 0
    reminded: int = 0
    opened: int = 0


def sweep(now: dt.datetime, *, seconds: float | None = None) -> Swept:
    """Do whatever is due at this moment; advance cases for so many seconds at most."""
    opened = open_missing_cases(now)
    closed = ballots.close_due(now)
    moved, failed = advance_due(now, seconds=seconds)
    reminded = ballots.remind_due(now)
    outbox.hand_over_due(now)
    webhook_outbox.nudge_due(now)
    programme.give_up_lost(now)
    forget(now)
    return Swept(moved, failed, len(closed), len(reminded), opened)


def advance_due(now: dt.datetime, *, seconds: float | None = None) -> tuple[int, int]:
    """Advance each due case until it waits for somebody: how many moved, and how many broke.

    With a limit in seconds, what is left when it is reached stays due, longest due first.
    """
    moved = failed = 0
    began = stopwatch()
    due = list(Case.objects.due(now).order_by("due_at", "pk").values_list("pk", "turn"))
    for start in range(0, len(due), LOOKED_AT):
        some = dict(due[start : start + LOOKED_AT])
        look = _look_at(some, now)
        for case_id in some:
            if seconds is not None and stopwatch() - began >= seconds:
                logger.warning("sweep_unfinished", moved=moved, failed=failed)
                return moved, failed
            try:
                moved += look(case_id)
            except Exception:
                failed += 1
                logger.exception("case_not_advanced", case=case_id)
                put_off(case_id, now)
    return moved, failed


def _look_at(turns: dict[int, int], now: dt.datetime) -> Callable[[int], bool]:
    """How to advance each of these cases: read together, or each alone if one of them cannot be read."""
    try:
        visits = engine.look_at(turns, now)
    except Exception:
        logger.exception("cases_not_read_together")
        return lambda case_id: engine.climb(case_id, expected=turns[case_id], now=now)
    return lambda case_id: engine.climb_from(visits.get(case_id), now)


def put_off(case_id: int, now: dt.datetime) -> None:
    """Look at a case that broke again in 1, 2, 4 … minutes, an hour at most."""
    cases = Case.objects.open().filter(pk=case_id)
    failures = cases.values_list("failures", flat=True).first()
    if failures is not None:
        later = now + dt.timedelta(minutes=min(60, 2**failures))
        cases.update(failures=F("failures") + 1, due_at=later)


def open_missing_cases(now: dt.datetime) -> int:
    """Open cases for meetings that have appeared inside an absence since it was filed."""
    opened = 0
    for absence in absences.lacking_cases(now):
        try:
            opened += len(absences.catch_up(absence, now=now))
        except Exception:
            logger.exception("cases_not_opened", absence=str(absence.uid))
    return opened


def forget(now: dt.datetime) -> None:
    """Remove what has served its time: private notes, old deliveries, finished tasks of the queue."""
    for institute in Institute.objects.select_related("policy"):
        policy: Policy = policy_of(institute)
        days = min(policy.note_retention_days, LONGEST_RETENTION)
        over = Absence.objects.filter(institute=institute, ends_at__lt=now - dt.timedelta(days))
        over.exclude(note="").update(note="")
    webhook_outbox.forget(now)
    Success.objects.filter(stopped__lt=now - TASKS_KEPT).delete()
    Failure.objects.filter(stopped__lt=now - FAILED_TASKS_KEPT).delete()
