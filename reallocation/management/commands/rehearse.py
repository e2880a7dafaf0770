"""What would happen: a term of absences under a virtual clock."""

from __future__ import annotations

import datetime as dt
import json
import sys
import tomllib
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.management.base import CommandError
from django.db import OperationalError
from django.utils import timezone

from reallocation.models import Policy
from reallocation.policy import policy_of
from reallocation.rehearsal.figures import Figures
from reallocation.rehearsal.people import Odds
from reallocation.rehearsal.stage import NothingToRehearse, Progress, Script, rehearse
from timetable.commands import DatabaseCommand
from timetable.models import Institute

BAR = 30


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"{text!r} is no share between 0 and 1")
    return value


def day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no date like 2027-02-01") from None


def hours(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 24 * 30:
        raise ArgumentTypeError(f"{text!r} is no number of hours between 0 and 720")
    return value


def whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


class Command(DatabaseCommand):
    help = "Rehearse absences on an institute's timetable: the real engine, a virtual clock."

    def add_arguments(self, parser: ArgumentParser) -> None:
        odds = Odds()
        parser.add_argument("slug", help="the institute")
        parser.add_argument("--absences", type=whole, default=50, help="professor-days of absence")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--on", type=day, help="all absences on this day")
        parser.add_argument("--lead-hours", type=hours, help="filed so long before the first class")
        parser.add_argument(
            "--wave", type=share, help="this share of all who teach is out on one day (--on)"
        )
        parser.add_argument("--accept", type=share, default=odds.accept)
        parser.add_argument("--turnout", type=share, default=odds.turnout)
        parser.add_argument("--yes", type=share, default=odds.yes)
        parser.add_argument("--named", type=share, default=odds.named)
        parser.add_argument("--compare", type=Path, metavar="POLICY.toml", help="another policy")
        parser.add_argument("--keep", action="store_true", help="do not roll back")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        institute = Institute.objects.filter(slug=options["slug"]).first()
        if institute is None:
            raise CommandError(f"There is no institute “{options['slug']}”.")
        if options["wave"] is not None and options["on"] is None:
            raise CommandError("--wave needs --on: the day on which they are all out.")
        if options["keep"] and options["compare"]:
            raise CommandError("--keep and --compare exclude each other.")
        script = Script(
            absences=options["absences"],
            seed=options["seed"],
            on=options["on"],
            lead_hours=options["lead_hours"],
            wave=options["wave"],
            odds=Odds(
                accept=options["accept"],
                turnout=options["turnout"],
                yes=options["yes"],
                named=options["named"],
            ),
            keep=options["keep"],
        )
        other = read_policy(options["compare"], institute) if options["compare"] else None
        try:
            found = self._play(institute, script, None, "as it is")
            compared = self._play(institute, script, other, "compared") if other else None
        except NothingToRehearse:
            raise CommandError("Nobody teaches anything on these days.") from None
        except OperationalError as error:
            raise CommandError(f"The database could not be had for a rehearsal: {error}.") from None
        if options["json"]:
            result = found.as_json()
            if compared:
                result["compared"] = compared.as_json()
            self.stdout.write(json.dumps(result))
        else:
            self._show(found, compared)

    def _play(
        self, institute: Institute, script: Script, policy: Policy | None, label: str
    ) -> Figures:
        bar = self._bar(label) if sys.stderr.isatty() else None
        progress: Progress = bar or (lambda done, total: None)
        found = rehearse(institute, script, policy=policy, now=timezone.now(), progress=progress)
        if bar:
            self.stderr.write("")
        return found

    def _bar(self, label: str) -> Progress:
        def draw(done: int, total: int) -> None:
            full = BAR * done // total
            line = f"\r  {label}: [{'#' * full}{'.' * (BAR - full)}] {done}/{total} absences"
            self.stderr.write(line, ending="")
            self.stderr.flush()

        return draw

    def _show(self, found: Figures, compared: Figures | None) -> None:
        for name, value in found.as_json().items():
            line = f"  {name.replace('_', ' '):<22}{_text(value):<44}"
            if compared:
                line += _text(compared.as_json()[name])
            self.stdout.write(line.rstrip())


def _text(value: Any) -> str:
    if isinstance(value, dict):
        shown = (f"{key} {_text(part)}" for key, part in value.items() if part)
        return ", ".join(shown) or "–"
    return "–" if value is None else str(value)


def read_policy(path: Path, institute: Institute) -> Policy:
    """The institute's policy with the changes of a TOML file. Raises CommandError with what is wrong."""
    try:
        changes = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CommandError(f"{path}: {error}") from None
    policy = policy_of(institute)
    for name, value in changes.items():
        try:
            column = Policy._meta.get_field(name)
        except FieldDoesNotExist:
            column = None
        if column is None or name in {"id", "institute"}:
            raise CommandError(f"{path}: there is no rule “{name}”.")
        setattr(policy, name, value)
    try:
        policy.clean_fields(exclude=["id", "institute"])
        policy.validate_constraints(exclude=["institute"])
    except ValidationError as error:
        raise CommandError(f"{path}: {'; '.join(error.messages)}") from None
    return policy
