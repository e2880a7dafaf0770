"""One sweep, now."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from contextlib import redirect_stdout
from dataclasses import asdict
from typing import Any

from django.utils import timezone

from reallocation.sweep import sweep
from timetable.commands import DatabaseCommand


class Command(DatabaseCommand):
    help = "Advance every case that is due, close ballots whose time is over, send what is waiting."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        # The console backend prints mails: they may not come between the command and its answer.
        with redirect_stdout(sys.stderr):
            done = sweep(timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(asdict(done)))
        else:
            self.stdout.write(
                f"{done.moved} cases moved, {done.failed} failed, {done.opened} opened, "
                f"{done.ballots_closed} ballots closed, {done.reminded} reminders."
            )
