"""The process beside a rehearsal from the page. The worker starts it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from reallocation.rehearsal import supervisor


class Command(BaseCommand):
    help = "See a rehearsal from the page through. The worker starts it; there is no need to."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("rehearsal", type=int, help="the row's id")

    def handle(self, *args: Any, **options: Any) -> None:
        supervisor.supervise(options["rehearsal"])
