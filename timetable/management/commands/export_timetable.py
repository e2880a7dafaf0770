"""manage.py export_timetable SLUG OUT_DIR"""

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
from timetable.exchange.exporting import export_bundle, term_at
from timetable.exchange.progress import Bar, silent
from timetable.models import Institute, Term


class Command(DatabaseCommand):
    help = "Writes the timetable as it now holds, as a bundle that imports again to the same."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", metavar="SLUG", help="the institute")
        parser.add_argument("out_dir", type=Path, metavar="OUT_DIR", help="made if need be")
        parser.add_argument("--term", help="its name; without it, the one that runs now")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        term = self._term(options["slug"], options["term"])
        bar = Bar(sys.stderr) if sys.stderr.isatty() else None
        try:
            report = export_bundle(term, options["out_dir"], progress=bar or silent)
        except OSError as error:
            raise CommandError(_("cannot write: %s") % error) from error
        finally:
            if bar:
                bar.clear()
        if options["json"]:
            self.stdout.write(json.dumps(dataclasses.asdict(report)))
        else:
            self.stdout.write(f"{report.institute}, {report.term} → {report.folder}")
            for name, count in report.counts.items():
                self.stdout.write(f"{count:>9,} {name}")

    def _term(self, slug: str, name: str | None) -> Term:
        institute = Institute.objects.filter(slug=slug).first()
        if institute is None:
            raise CommandError(_("There is no institute “%s”.") % slug)
        if name is not None:
            term = institute.terms.filter(name=name).first()
        else:
            term = term_at(institute, timezone.now())
        if term is None:
            raise CommandError(_("“%s” has no such term.") % slug)
        return term
