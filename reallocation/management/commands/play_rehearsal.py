"""The process in which a rehearsal from the page is played. Its supervisor starts it."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reallocation.rehearsal import player


class Command(BaseCommand):
    help = "Play a rehearsal from the page. Its supervisor starts it; there is no need to."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        # Whatever else prints does not come between the player and its supervisor.
        pipe = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        with pipe:
            try:
                player.play(sys.stdin.buffer, lambda said: pipe.write(player.line(said)))
            except player.NotPrivate:
                raise CommandError(
                    "A rehearsal is played only on a private copy: DATABASE_URL must be "
                    "sqlite://:memory:. The page or `manage.py rehearse` is what you want."
                ) from None
