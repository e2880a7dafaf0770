"""The institute of `make demo`, for whoever wants to see every page of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from reallocation.management.commands.demo import Command
from timetable.models import Institute


def make_institute() -> Institute:
    with tempfile.TemporaryDirectory() as folder, transaction.atomic():
        return Command._make_in(Path(folder), timezone.now())
