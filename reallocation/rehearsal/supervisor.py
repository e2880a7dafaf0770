"""The process beside a rehearsal from the page: it gives the player its copy, notes how far it is, and
ends it when it is over, cancelled or too long.

A task of the queue starts it and is done: a rehearsal takes longer than a task may. It lives in the
worker's process group, so that it ends with the worker. If it dies, the player ends by itself, and the
sweep finds that nothing has been heard of the rehearsal.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic as stopwatch
from typing import IO, Any

import structlog
from django.conf import settings
from django.utils import timezone

from reallocation.enums import RehearsalFailure, RehearsalPhase
from reallocation.models import Rehearsal

from . import private_copy, programme

logger = structlog.get_logger(__name__)

MOST_SECONDS = 30 * 60.0
INTERVAL = 2.0
"""Seconds between two notes of how far it is, and between two looks whether it is still wanted."""

MANAGE = (sys.executable, str(settings.BASE_DIR / "manage.py"))


class Stopped(Exception):
    """Somebody ends this process by a signal."""


class Unwanted(Exception):
    """The rehearsal was cancelled, given up or deleted."""


def launch(rehearsal_id: int, now: dt.datetime) -> bool:
    """Claim a rehearsal and start its supervisor; False if there is nothing to begin."""
    if not programme.begin(rehearsal_id, now):
        return False
    try:
        process = subprocess.Popen(  # noqa: S603
            [*MANAGE, "supervise_rehearsal", str(rehearsal_id)], stdin=subprocess.DEVNULL
        )
    except OSError as error:
        programme.fail(rehearsal_id, RehearsalFailure.BROKE, now, error=str(error))
        raise
    # Somebody has to ask for its end, or it stays in the table of processes.
    threading.Thread(target=process.wait, daemon=True).start()
    return True


def supervise(
    rehearsal_id: int,
    *,
    clock: Callable[[], dt.datetime] = timezone.now,
    most_seconds: float = MOST_SECONDS,
) -> None:
    """See a rehearsal that was begun through to its end, and note it, whatever it is."""
    rehearsal = Rehearsal.objects.select_related("institute").filter(pk=rehearsal_id).first()
    if rehearsal is None:
        return
    error = ""
    try:
        with _player() as player, _ended_by_signal():
            over = _listen(rehearsal, player, clock, stopwatch() + most_seconds)
        if over["says"] == "over":
            programme.finish(rehearsal_id, over["found"], over["compared"], clock())
            return
        failure, error = RehearsalFailure(over["failure"]), over["error"]
    except Unwanted:
        logger.info("rehearsal_unwanted", rehearsal=rehearsal_id)
        return
    except Stopped:
        failure = RehearsalFailure.STOPPED
    except TimeoutError:
        failure = RehearsalFailure.TOO_LONG
    except EOFError:
        failure = RehearsalFailure.VANISHED
    except Exception as broke:
        logger.exception("rehearsal_not_played", rehearsal=rehearsal_id)
        failure, error = RehearsalFailure.BROKE, f"{type(broke).__name__}: {broke}"
    programme.fail(rehearsal_id, failure, clock(), error=error)


@contextmanager
def _player() -> Iterator[subprocess.Popen[bytes]]:
    """A player that does not outlive the block, and has no way to the live database or out."""
    around = {
        **os.environ,
        "DATABASE_URL": "sqlite://:memory:",
        "SECRET_KEY": settings.SECRET_KEY,
        "EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend",
        "SMS_URL": "",
        # With DEBUG every statement is kept, and there are hundreds of thousands.
        "DEBUG": "0",
    }
    player = subprocess.Popen(  # noqa: S603
        [*MANAGE, "play_rehearsal"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=around
    )
    try:
        yield player
    finally:
        player.kill()
        player.wait()
        for pipe in (player.stdin, player.stdout):
            # What the player did not read any more is of no use.
            with suppress(BrokenPipeError):
                pipe.close()  # type: ignore[union-attr]


@contextmanager
def _ended_by_signal() -> Iterator[None]:
    """SIGTERM and SIGINT raise Stopped in here."""

    def stop(signum: int, frame: Any) -> None:
        raise Stopped

    before = {signum: signal.signal(signum, stop) for signum in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _listen(
    rehearsal: Rehearsal,
    player: subprocess.Popen[bytes],
    clock: Callable[[], dt.datetime],
    until: float,
) -> dict[str, Any]:
    """What the player says at last. Raises Unwanted, TimeoutError, or EOFError if it says nothing."""
    said: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=[player.stdout, said], daemon=True).start()
    phase, done, total = RehearsalPhase.COPYING, 0, rehearsal.total
    noted = 0.0
    while True:
        if stopwatch() - noted >= INTERVAL:
            noted = stopwatch()
            if not programme.tell(rehearsal.pk, phase, clock(), done=done, total=total):
                raise Unwanted
        if stopwatch() >= until:
            raise TimeoutError
        try:
            news = said.get(timeout=INTERVAL)
        except queue.Empty:
            continue
        match news["says"]:
            case "ready":
                _hand_over(rehearsal, player.stdin)
            case "told":
                phase = RehearsalPhase(news["phase"])
                done, total = news["done"], news["total"]
            case "gone":
                raise EOFError
            case _:
                return news


def _read(pipe: IO[bytes] | None, said: queue.SimpleQueue[dict[str, Any]]) -> None:
    for text in pipe or ():
        said.put(json.loads(text))
    said.put({"says": "gone"})


def _hand_over(rehearsal: Rehearsal, pipe: IO[bytes] | None) -> None:
    """Send what to play, and the rows to play it on, as they are at this moment."""
    if pipe is None:
        raise EOFError
    order = {
        "institute": rehearsal.institute_id,
        "script": rehearsal.script,
        "rules": rehearsal.rules,
        "now": rehearsal.asked_at.isoformat(),
    }
    try:
        pickle.dump(order, pipe)
        with private_copy.one_moment():
            for batch in private_copy.rows_of(rehearsal.institute):
                pickle.dump(batch, pipe)
        pickle.dump(None, pipe)
        pipe.flush()
    except BrokenPipeError:
        raise EOFError from None
