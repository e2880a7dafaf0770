"""manage.py import_timetable PATH"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from timetable.commands import DatabaseCommand
from timetable.exchange.faults import BundleRejected
from timetable.exchange.importing import FORMATS, ImportReport
from timetable.exchange.progress import Bar, silent


class Command(DatabaseCommand):
    help = (
        "Reads a timetable bundle (a folder or a .zip): all of it, or nothing if any line is bad."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH", help="the folder or .zip")
        parser.add_argument("--format", choices=sorted(FORMATS), default="bundle")
        parser.add_argument(
            "--dry-run", action="store_true", help="do everything, then take it back"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        bar = Bar(sys.stderr) if sys.stderr.isatty() else None
        try:
            report = FORMATS[options["format"]](
                options["path"],
                now=timezone.now(),
                dry_run=options["dry_run"],
                progress=bar or silent,
            )
        except BundleRejected as rejected:
            self._print_faults(rejected, as_json=options["json"])
            raise CommandError(str(rejected)) from rejected
        finally:
            if bar:
                bar.clear()
        if options["json"]:
            self.stdout.write(json.dumps(dataclasses.asdict(report)))
        else:
            self._print(report)

    def _print_faults(self, rejected: BundleRejected, *, as_json: bool) -> None:
        faults = rejected.faults
        if as_json:
            errors = [fault.as_json() for fault in faults.shown]
            self.stdout.write(json.dumps({"errors": errors, "errors_total": faults.total}))
            return
        for fault in faults.shown:
            self.stderr.write(str(fault))
        if faults.total > len(faults.shown):
            self.stderr.write(_("… and %d more") % (faults.total - len(faults.shown)))

    def _print(self, report: ImportReport) -> None:
        self.stdout.write(f"{report.institute}, {report.term}")
        for name, count in report.counts.items():
            self.stdout.write(f"{count:>9,} {name}")
        self.stdout.write(
            _(
                "created %(created)d, updated %(updated)d, unchanged %(unchanged)d, removed %(removed)d"
            )
            % dataclasses.asdict(report)
        )
        for kind, count in report.overlaps.items():
            if count:
                self.stdout.write(
                    _("%(count)d overlaps of a %(kind)s, imported and marked")
                    % {"count": count, "kind": kind}
                )
        if report.kept_total:
            self.stdout.write(_("%d kept although the bundle says otherwise:") % report.kept_total)
            for kept in report.kept:
                self.stdout.write("  " + " ".join(kept.values()))
        if report.dry_run:
            self.stdout.write(_("A dry run: nothing was changed."))
