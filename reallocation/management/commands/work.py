"""The background worker: the queue's cluster, watched."""

from __future__ import annotations

import datetime as dt
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings

from reallocation import schedules
from reallocation.watchdog import GRACE, INTERVAL, PATIENCE, Watchdog
from timetable.commands import DatabaseCommand


class Command(DatabaseCommand):
    help = "Run the background worker: advances cases, sends messages, and restarts if it hangs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--patience",
            type=float,
            default=PATIENCE.total_seconds(),
            metavar="SECONDS",
            help="how long tasks may wait while none is finished (default: %(default)s)",
        )
        parser.add_argument(
            "--grace",
            type=float,
            default=GRACE,
            metavar="SECONDS",
            help="how long what is running may take to end when it is stopped (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        schedules.ensure()
        patience = dt.timedelta(seconds=options["patience"])
        Watchdog(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "qcluster"],
            patience=patience,
            grace=options["grace"],
            interval=min(INTERVAL, options["patience"] / 4),
        ).run()
