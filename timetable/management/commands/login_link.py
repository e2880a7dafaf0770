"""A link that signs one person in."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from timetable.commands import DatabaseCommand
from timetable.login_links import login_link
from timetable.models import User


class Command(DatabaseCommand):
    help = "Print a link that signs this person in, once, within a day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        email = User.objects.normalise(options["email"])
        user = User.objects.filter(email=email, is_active=True).first()
        if user is None:
            raise CommandError(f"Nobody has an account with the address “{email}”.")
        self.stdout.write(login_link(user))
