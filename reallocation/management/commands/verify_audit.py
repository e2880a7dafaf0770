"""Prove the log's chain, or name the first broken entry."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from reallocation.audit import Verdict, verify
from timetable.commands import DatabaseCommand
from timetable.models import Institute


class Command(DatabaseCommand):
    help = "Verify the hash chain of the log, of one institute or of all."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", nargs="?", help="the institute; all of them if left out")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        institutes = Institute.objects.order_by("slug")
        if options["slug"]:
            institutes = institutes.filter(slug=options["slug"])
            if not institutes:
                raise CommandError(f"There is no institute “{options['slug']}”.")
        entries, broken = 0, None
        for institute in institutes:
            verdict = verify(institute)
            entries += verdict.entries
            if not verdict.ok:
                broken = (institute, verdict)
                break
        if options["json"]:
            self.stdout.write(json.dumps(self._json(entries, broken)))
        elif broken is None:
            self.stdout.write(f"{entries} entries, the chain is whole.")
        else:
            slug, verdict = broken[0].slug, broken[1]
            self.stderr.write(f"{slug}: {verdict.sentence()}")
        if broken is not None:
            sys.exit(1)

    @staticmethod
    def _json(entries: int, broken: tuple[Institute, Verdict] | None) -> dict[str, Any]:
        if broken is None:
            return {"entries": entries, "ok": True}
        return {**broken[1].as_json(), "entries": entries, "institute": broken[0].slug}
