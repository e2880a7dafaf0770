"""Make a personal access token for the API."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from timetable import tokens
from timetable.commands import DatabaseCommand
from timetable.enums import TokenScope
from timetable.models import User


class Command(DatabaseCommand):
    help = "Make a personal access token of this person for the API. It is shown once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="command line", help="what it is for")
        parser.add_argument(
            "--scope",
            action="append",
            choices=TokenScope.values,
            help="what it may do; repeat it for several (all, if left out)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        email = User.objects.normalise(options["email"])
        user = User.objects.filter(email=email, is_active=True).first()
        if user is None:
            raise CommandError(f"Nobody has an account with the address “{email}”.")
        scopes = options["scope"] or TokenScope.values
        try:
            made = tokens.make(user, options["name"], scopes, now=timezone.now())
        except tokens.TokenRefused as refusal:
            raise CommandError(
                f"{email} has {tokens.MOST} tokens in use already: revoke one first."
            ) from refusal
        if options["json"]:
            said = {"email": email, "token": made.secret, "scopes": made.token.scopes}
            self.stdout.write(json.dumps(said))
        else:
            self.stdout.write(made.secret)
