"""Many at once, each on a connection of their own."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from django.db import connection, connections
from django.db.models import QuerySet

from timetable.prepared import PreparedRows

APPS = {"timetable", "voting", "fairness", "reallocation"}

PATIENCE = 30
"""Seconds after which something that should have happened is taken for broken."""


def at_once(*jobs):
    """Run the jobs in threads that all start together: for each what it returned or raised."""
    start = threading.Barrier(len(jobs))

    def run(job):
        try:
            connection.ensure_connection()
            start.wait(PATIENCE)
            return job()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def without_locks(monkeypatch, *models):
    """Rows of these models (of all, if none is named) are read as if nobody had to wait for them."""
    lock = QuerySet.select_for_update
    monkeypatch.setattr(
        QuerySet,
        "select_for_update",
        lambda rows, **options: (
            rows if not models or rows.model in models else lock(rows, **options)
        ),
    )
    # What was compiled before locks all the same: it is compiled anew, and forgotten with the patch.
    ours = [module for name, module in sys.modules.items() if name.partition(".")[0] in APPS]
    for prepared in {one for module in ours for one in vars(module).values() if _is_rows(one)}:
        monkeypatch.setattr(prepared, "_statements", {})


def _is_rows(thing):
    return isinstance(thing, PreparedRows)


def wait_until_somebody_waits_for_a_lock():
    """Return once another connection to this database is held up by a lock."""
    pause = threading.Event()
    for _ in range(100 * PATIENCE):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
        pause.wait(0.01)
    raise AssertionError("nobody waits for a lock")
