"""Keeps the queue's cluster alive: restarts it when it has died, and when it hangs.

A cluster can hang silently (when an idle worker is killed, for instance): it runs and does no tasks.
The sign is a task that waits while none is finished. That one waits alone says nothing: a busy cluster
has long queues. A hung one may also have taken tasks and sit on them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections
from django.db.models import Max
from django.utils import timezone
from django_q.models import OrmQ, Task

logger = structlog.get_logger(__name__)

PATIENCE = dt.timedelta(seconds=90)
"""How long a task may wait while none is finished: longer than one may take (Q_CLUSTER's timeout)."""

INTERVAL = 5.0
"""Seconds between two looks."""

GRACE = 15.0
"""Seconds that a cluster gets to finish what it is doing before it is killed."""


def oldest_wait(now: dt.datetime) -> dt.timedelta:
    """How long the oldest task that nobody has taken has been ready."""
    ready_since = (
        OrmQ.objects.filter(lock__lte=now).order_by("lock").values_list("lock", flat=True).first()
    )
    return now - ready_since if ready_since else dt.timedelta()


def oldest_claim(now: dt.datetime) -> dt.timedelta:
    """How long ago the oldest task was taken that is neither finished nor given back."""
    back_at = (
        OrmQ.objects.filter(lock__gt=now).order_by("lock").values_list("lock", flat=True).first()
    )
    # Taking a task puts its lock off by `retry` seconds.
    retry: Any = settings.Q_CLUSTER["retry"]
    return now - back_at + dt.timedelta(seconds=retry) if back_at else dt.timedelta()


def last_finished() -> dt.datetime | None:
    """When the last task ended, well or not."""
    last: dt.datetime | None = Task.objects.aggregate(last=Max("stopped"))["last"]
    return last


class Watchdog:
    """Runs a command as a process group of its own, and starts it again when it has to be."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        patience: dt.timedelta = PATIENCE,
        grace: float = GRACE,
        interval: float = INTERVAL,
        clock: Callable[[], dt.datetime] = timezone.now,
    ) -> None:
        self.command = list(command)
        self.patience = patience
        self.grace = grace
        self.interval = interval
        self.clock = clock
        self.starts = 0
        self._stopping = False
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = clock()

    def run(self) -> None:
        """Watch until asked to stop by SIGTERM or SIGINT; then stop the cluster, too."""
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._stop)
        try:
            while not self._stopping:
                self.look()
                self._rest()
        finally:
            self.end()

    def look(self) -> None:
        """Start what is not running, and restart what is running and takes no tasks."""
        if self._process is None:
            self._start()
        elif self._process.poll() is not None:
            logger.error("cluster_died", code=self._process.returncode)
            self.end()
            self._start()
        elif self.is_stuck():
            logger.error("cluster_hangs", patience=str(self.patience))
            self.end()
            self._start()

    def is_stuck(self) -> bool:
        """Whether tasks wait, and this cluster has finished none although it could have."""
        try:
            close_old_connections()
            return self.looks_stuck(self.clock())
        except DatabaseError:
            # Without the database nobody finishes anything, and a restart mends nothing.
            logger.exception("queue_not_read")
            return False
        finally:
            connections.close_all()

    def looks_stuck(self, now: dt.datetime) -> bool:
        """What `is_stuck` answers at this moment."""
        if now - self._started_at <= self.patience:
            return False
        waiting = oldest_wait(now) > self.patience
        # A task that was killed for taking too long stays claimed, too: here it takes longer to be sure.
        patience = self.patience if waiting else 2 * self.patience
        if not waiting and oldest_claim(now) <= patience:
            return False
        return now - max(self._started_at, last_finished() or self._started_at) > patience

    def _rest(self) -> None:
        """Sleep in small pieces: a signal only sets a flag, and nobody likes to wait for it."""
        until = time.monotonic() + self.interval
        while not self._stopping and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))

    def end(self) -> None:
        """Stop the cluster: kindly first, then the whole process group."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            # A stopped process cannot obey; SIGCONT lets it.
            os.killpg(process.pid, signal.SIGCONT)
            # To the leader alone: it lets the others finish what they do, and they would just die.
            process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(self.grace)
        # Workers outlive a cluster that was killed: end what is left of the group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _start(self) -> None:
        self._process = subprocess.Popen(self.command, start_new_session=True)  # noqa: S603
        self._started_at = self.clock()
        self.starts += 1
        logger.info("cluster_started", pid=self._process.pid)

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        self._stopping = True
