"""The programme: rehearsals that were asked for, are being played, or are over.

The row is the truth. Every move is one conditional update that must change one row, so that a late task, a
cancelled rehearsal and a process thought dead cannot contradict each other.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django_q.tasks import async_task

from reallocation.enums import RehearsalFailure, RehearsalPhase, RehearsalStatus
from reallocation.models import Rehearsal
from reallocation.refusals import Refused
from timetable.models import Institute, User

logger = structlog.get_logger(__name__)

SILENCE = dt.timedelta(minutes=3)
"""A process that has said nothing for so long is gone: it says something every few seconds, and only
reading the timetable takes it longer."""

PATIENCE = dt.timedelta(minutes=2)
"""After so long a rehearsal that has not begun is nudged again."""

ERROR_LENGTH = 200

BEGUN = 6
"""Per cent that count as done when the first absence is to be played."""


def ask(
    institute: Institute,
    script: dict[str, Any],
    rules: dict[str, Any],
    *,
    now: dt.datetime,
    user: User | None = None,
) -> Rehearsal:
    """Put a rehearsal on the programme and have the worker begin it. Raises Refused while one is going.

    `script` and `rules` are plain values as `player` reads them.
    """
    try:
        with transaction.atomic():
            rehearsal = Rehearsal.objects.create(
                institute=institute,
                asked_by=user,
                asked_at=now,
                script=script,
                rules=rules,
                total=script["absences"],
            )
            transaction.on_commit(lambda: nudge(rehearsal.pk))
    except IntegrityError:
        raise Refused("rehearsal_going") from None
    return rehearsal


def nudge(rehearsal_id: int) -> None:
    """Ask the task queue to begin it. Losing a nudge loses nothing: the sweep nudges again."""
    async_task("reallocation.tasks.begin_rehearsal", rehearsal_id)


def begin(rehearsal_id: int, now: dt.datetime) -> bool:
    """Claim a rehearsal that waits. False if it is gone, begun or cancelled."""
    rows = Rehearsal.objects.filter(pk=rehearsal_id, status=RehearsalStatus.WAITING)
    return bool(
        rows.update(
            status=RehearsalStatus.RUNNING, phase=RehearsalPhase.COPYING, heard_at=now, done=0
        )
    )


def tell(
    rehearsal_id: int, phase: RehearsalPhase, now: dt.datetime, *, done: int, total: int
) -> bool:
    """Note how far it is. False if nobody wants it any more: cancelled, given up or deleted."""
    rows = _running(rehearsal_id)
    return bool(rows.update(phase=phase, done=done, total=total, heard_at=now))


def finish(
    rehearsal_id: int, found: dict[str, Any], compared: dict[str, Any] | None, now: dt.datetime
) -> bool:
    """Note what came of it, if it is still wanted."""
    rows = _running(rehearsal_id)
    return bool(
        rows.update(
            status=RehearsalStatus.DONE,
            found=found,
            compared=compared,
            heard_at=now,
            ended_at=now,
        )
    )


def fail(
    rehearsal_id: int, failure: RehearsalFailure, now: dt.datetime, *, error: str = ""
) -> bool:
    """Note why nothing came of it, if it is still wanted."""
    return bool(
        _running(rehearsal_id).update(
            status=RehearsalStatus.FAILED,
            failure=failure,
            error=error[:ERROR_LENGTH],
            ended_at=now,
        )
    )


def cancel(uid: uuid.UUID, now: dt.datetime) -> bool:
    """Call it off; its process notices within seconds. False if it was over."""
    rows = Rehearsal.objects.going().filter(uid=uid)
    return bool(rows.update(status=RehearsalStatus.CANCELLED, ended_at=now))


def delete(uid: uuid.UUID) -> bool:
    """Forget one that is over. False if it is going, or gone."""
    rows = Rehearsal.objects.exclude(status__in=Rehearsal.GOING).filter(uid=uid)
    return bool(rows.delete()[0])


def percent(rehearsal: Rehearsal) -> int:
    """How much of it has been played, as far as its absences tell: the last answers come after them."""
    if rehearsal.status == RehearsalStatus.DONE:
        return 100
    plays = 2 if rehearsal.rules else 1
    played = rehearsal.done / rehearsal.total if rehearsal.total else 0.0
    match rehearsal.phase:
        case RehearsalPhase.AS_IT_IS:
            return round(BEGUN + (99 - BEGUN) * played / plays)
        case RehearsalPhase.COMPARED:
            return round(BEGUN + (99 - BEGUN) * (1 + played) / plays)
        case RehearsalPhase.COPYING:
            return BEGUN // 2
        case _:
            return 0


def give_up_lost(now: dt.datetime) -> int:
    """The sweep: fail those whose process has vanished, nudge those that were never begun."""
    lost = Rehearsal.objects.filter(status=RehearsalStatus.RUNNING, heard_at__lt=now - SILENCE)
    given_up = 0
    for rehearsal_id in lost.order_by("pk").values_list("pk", flat=True):
        # Heard of again in the meantime: then it is not lost.
        still = lost.filter(pk=rehearsal_id)
        given_up += still.update(
            status=RehearsalStatus.FAILED, failure=RehearsalFailure.VANISHED, ended_at=now
        )
        logger.error("rehearsal_vanished", rehearsal=rehearsal_id)
    waiting = Rehearsal.objects.filter(status=RehearsalStatus.WAITING, asked_at__lt=now - PATIENCE)
    for rehearsal_id in waiting.order_by("pk").values_list("pk", flat=True):
        nudge(rehearsal_id)
    return given_up


def _running(rehearsal_id: int) -> Any:
    return Rehearsal.objects.filter(pk=rehearsal_id, status=RehearsalStatus.RUNNING)
