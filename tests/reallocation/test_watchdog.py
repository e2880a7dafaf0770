import contextlib
import datetime as dt
import os
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from django_q.models import OrmQ, Task
from django_q.tasks import async_task

from reallocation.watchdog import Watchdog, last_finished, oldest_claim, oldest_wait
from tests.factories import NOW
from tests.processes import MANAGE, environment, make_database

PATIENCE = dt.timedelta(seconds=90)
RETRY = dt.timedelta(seconds=settings.Q_CLUSTER["retry"])


# The sign of a hang -------------------------------------------------------------------------------


def seconds_ago(seconds):
    return NOW - dt.timedelta(seconds=seconds)


def ready(seconds):
    """A task that has been there for so long, and nobody has taken it."""
    OrmQ.objects.create(key="understudy", payload="", lock=seconds_ago(seconds))


def claimed(seconds):
    """A task that a cluster took so long ago."""
    OrmQ.objects.create(key="understudy", payload="", lock=seconds_ago(seconds) + RETRY)


def finished(seconds, *, success=True):
    Task.objects.create(
        id=f"{seconds}{success}",
        name="a task",
        func="reallocation.tasks.sweep_now",
        started=seconds_ago(seconds + 1),
        stopped=seconds_ago(seconds),
        success=success,
    )


def looks_stuck(*, up_for=1000):
    """What a watchdog thinks of a cluster that was started so many seconds ago."""
    return Watchdog(["true"], patience=PATIENCE, clock=lambda: seconds_ago(up_for)).looks_stuck(NOW)


@pytest.mark.django_db
def test_an_idle_cluster_is_left_alone():
    assert not looks_stuck()
    finished(900)
    assert not looks_stuck()
    assert (oldest_wait(NOW), oldest_claim(NOW)) == (dt.timedelta(), dt.timedelta())


@pytest.mark.django_db
def test_a_task_that_waits_while_none_is_finished_is_the_sign_of_a_hang():
    ready(91)
    finished(91)
    assert looks_stuck()
    assert oldest_wait(NOW) == dt.timedelta(seconds=91)


@pytest.mark.django_db
@pytest.mark.parametrize("success", [True, False])
def test_a_busy_cluster_with_a_long_queue_is_left_alone(success):
    for _ in range(3):
        ready(600)
    finished(600)
    finished(2, success=success)
    assert not looks_stuck()
    assert last_finished() == seconds_ago(2)


@pytest.mark.django_db
@pytest.mark.parametrize(("since", "stuck"), [(90, False), (180, False), (181, True)])
def test_a_cluster_that_sits_on_what_it_took_hangs_too(since, stuck):
    claimed(since)
    claimed(5)
    finished(since)
    assert looks_stuck() == stuck
    assert oldest_claim(NOW) == dt.timedelta(seconds=since)


@pytest.mark.django_db
def test_a_cluster_gets_time_to_start():
    ready(5000)
    claimed(500)
    finished(5000)
    assert not looks_stuck(up_for=90)
    assert looks_stuck(up_for=91)


# A real cluster -----------------------------------------------------------------------------------


def state(pid):
    """What `/proc` says of a process: its state, its parent and when it started; None once gone.

    A process that has ended stays as a zombie until its parent asks: whoever ends as an orphan may
    stay one for ever where process 1 asks nobody, as in many containers. It counts as gone.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else (int(fields[1]), int(fields[19]))


class Work:
    """`manage.py work` on a database of its own, with whatever processes it starts."""

    def __init__(self, folder):
        self.database = folder / "queue.db"
        self.environment = environment(self.database, WORKERS="2")
        make_database(self.database)
        self.log = folder / "log"
        self.seen = set()

    def __enter__(self):
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*MANAGE, "work", "--patience=10", "--grace=1"],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        return self

    def __exit__(self, *_):
        self.family()
        self.process.kill()
        self.process.wait()
        for pid in self.left():
            os.kill(pid, signal.SIGKILL)

    def ask(self, sql, *values):
        with contextlib.closing(sqlite3.connect(self.database, timeout=20)) as database, database:
            return database.execute(sql, values).fetchall()

    def queue(self, number=1):
        """Queue harmless tasks as the product does; the id of the last."""
        for _ in range(number):
            task_id = async_task("reallocation.tasks.advance_case", 0, 0)
        for row in OrmQ.objects.order_by("pk"):
            self.ask(
                "INSERT INTO django_q_ormq (key, payload, lock) VALUES (?, ?, ?)",
                row.key,
                row.payload,
                timezone.now().strftime("%Y-%m-%d %H:%M:%S.%f"),
            )
        OrmQ.objects.all().delete()
        return task_id

    def is_done(self, task_id):
        return self.ask("SELECT success FROM django_q_task WHERE id = ?", task_id) == [(1,)]

    def children(self, parent):
        """The process's children, oldest first."""
        known = {int(path.name): state(path.name) for path in Path("/proc").glob("[0-9]*")}
        theirs = [(it[1], pid) for pid, it in known.items() if it and it[0] == parent]
        return [pid for _started, pid in sorted(theirs)]

    def family(self):
        """The cluster, its sentinel, and the sentinel's own: workers first."""
        found = [self.process.pid]
        for pid in found:
            found += self.children(pid)
        self.seen |= set(found)
        return found[1:]

    def left(self):
        return [pid for pid in self.seen if state(pid)]

    def crises(self):
        return re.findall(r"cluster_(hangs|died)", self.log.read_text())

    def wait(self, happened, seconds=30.0):
        until = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < until, self.log.read_text()
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        return True


@pytest.mark.django_db
def test_a_cluster_that_hangs_or_dies_is_started_again_and_the_queue_goes_on(tmp_path):
    with Work(tmp_path) as work:
        first = work.queue()
        work.wait(lambda: work.is_done(first))
        cluster, sentinel, *others = work.family()
        assert len(others) == 4
        # An idle worker dies with the lock of the queue in its hand: nobody gets a task any more.
        for worker in others[:2]:
            os.kill(worker, signal.SIGKILL)
        task = work.queue(30)
        work.wait(lambda: work.is_done(task))
        assert state(sentinel) is None
        assert work.crises() == ["hangs"]

        (second,) = work.children(work.process.pid)
        work.family()
        os.kill(second, signal.SIGKILL)
        work.wait(lambda: work.children(work.process.pid) not in ([], [second]))
        task = work.queue()
        work.wait(lambda: work.is_done(task))
        assert work.crises() == ["hangs", "died"]
        assert len({cluster, second, *work.children(work.process.pid)}) == 3

        work.family()
        work.process.terminate()
        assert work.process.wait(20) == 0
        assert work.left() == []
