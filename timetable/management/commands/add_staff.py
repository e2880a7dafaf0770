"""Give somebody a role at an institute: the way the first registrar comes in."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.core.validators import validate_email
from django.db import transaction

from timetable.commands import DatabaseCommand
from timetable.enums import StaffRole
from timetable.login_links import login_link
from timetable.models import Institute, Staff, User


class Command(DatabaseCommand):
    help = "Makes an account, or takes the one that is there, gives it a role, prints a login link."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="the account's address; it is made if there is none")
        parser.add_argument("--role", required=True, choices=StaffRole.values)
        parser.add_argument("--institute", required=True, metavar="SLUG")
        parser.add_argument("--department", default="", help="what a head of department sees")
        parser.add_argument("--name", default="", help="for an account without a name")

    def handle(self, *args: Any, **options: Any) -> None:
        email = User.objects.normalise(options["email"])
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"{options['email']!r} is not an e-mail address.") from error
        institute = Institute.objects.filter(slug=options["institute"]).first()
        if institute is None:
            raise CommandError(self.unknown(options["institute"]))
        self._check_department(institute, options["department"])
        with transaction.atomic():
            user = User.objects.filter(email=email).first() or User.objects.create_user(email)
            user.is_staff = True
            user.name = user.name or options["name"]
            user.save(update_fields=["is_staff", "name"])
            Staff.objects.update_or_create(
                user=user,
                institute=institute,
                defaults={"role": options["role"], "department": options["department"]},
            )
        if not user.is_active:
            self.stderr.write(f"Note: the account of {email} is switched off and cannot sign in.")
        self.stdout.write(f"{email} is {options['role']} of {institute.name}. Sign in once with:")
        self.stdout.write(login_link(user))

    @staticmethod
    def _check_department(institute: Institute, named: str) -> None:
        """A slip of the pen would make a head who sees nothing, and nobody would know why."""
        stated = {
            *institute.professors.values_list("department", flat=True),
            *institute.courses.values_list("department", flat=True),
        }
        known = sorted(stated - {""})
        if named and named not in known:
            there_are = f"There are: {', '.join(known)}." if known else "Its timetable states none."
            raise CommandError(f"{institute.name} has no department {named!r}. {there_are}")

    def unknown(self, slug: str) -> str:
        known = ", ".join(Institute.objects.values_list("slug", flat=True))
        if not known:
            return f"There is no institute {slug!r}, nor any other: import a timetable first."
        return f"There is no institute {slug!r}. There are: {known}."
