"""What `make demo` runs: a sample institute, the web server and the worker, in one terminal."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from reallocation.enums import WaitingFor
from reallocation.models import Case, Offer
from reallocation.sample.cases import make_cases
from reallocation.sample.institute import SLUG, write_bundle
from timetable.enums import StaffRole
from timetable.exchange.importing import import_bundle
from timetable.login_links import login_link
from timetable.models import Institute, Staff, User
from voting.ballots import silent_students
from voting.models import Ballot

REGISTRAR = "registrar@lakeside.example"
DAYS = 7


class Command(BaseCommand):
    help = "Show the product working: sample data, web server and worker, and a link for each kind of user."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "The demo gives logins away: run it with DEBUG=1, as `make demo` does."
            )
        port = os.environ.get("PORT", "8000")
        call_command("migrate", verbosity=0)
        institute = Institute.objects.filter(slug=SLUG).first() or self._make()
        environment = {
            **os.environ,
            "BASE_URL": settings.BASE_URL,
            "EMAIL_BACKEND": os.environ.get(
                "EMAIL_BACKEND", "django.core.mail.backends.filebased.EmailBackend"
            ),
        }
        manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
        children = [
            subprocess.Popen([*manage, *what], env=environment)  # noqa: S603
            for what in (["runserver", "--noreload", f"127.0.0.1:{port}"], ["work"])
        ]
        self._greet(institute)
        self._attend(children)

    def _make(self) -> Institute:
        self.stdout.write("Making a sample institute of 1,000 students (half a minute, once) …")
        now = timezone.now()
        with tempfile.TemporaryDirectory() as folder, transaction.atomic():
            return self._make_in(Path(folder), now)

    @staticmethod
    def _make_in(folder: Path, now: dt.datetime) -> Institute:
        """All or nothing, so that a demo that was stopped while being made starts anew."""
        write_bundle(folder, timezone.localdate())
        import_bundle(folder, now=now)
        institute = Institute.objects.get(slug=SLUG)
        user = User.objects.create_user(REGISTRAR, name="Regina Strasser", is_staff=True)
        Staff.objects.create(user=user, institute=institute, role=StaffRole.REGISTRAR)
        make_cases(institute, now)
        return institute

    def _greet(self, institute: Institute) -> None:
        write = self.stdout.write
        write(f"\n  Understudy runs at {settings.BASE_URL}   (stop it with Ctrl+C)\n\n")
        for label, user in self._people(institute):
            write(f"  {label}\n    {login_link(user, days=DAYS, reusable=True)}\n")
        write(f"\n  Its e-mails are in {settings.EMAIL_FILE_PATH}\n")

    @staticmethod
    def _people(institute: Institute) -> list[tuple[str, User]]:
        """Somebody of each kind who has something to do, as far as there is anybody left."""
        cases = Case.objects.open().filter(institute=institute).select_related("professor__user")
        choosing = cases.filter(
            waiting_for__in=[WaitingFor.CANDIDATE_CHOICE, WaitingFor.SLOT_CHOICE]
        ).order_by("pk")
        absent = (
            choosing.first() or cases.first() or Case.objects.filter(institute=institute).first()
        )
        offer = (
            Offer.objects.waiting()
            .filter(case__institute=institute)
            .select_related("professor__user")
            .first()
        )
        ballot = Ballot.objects.open().filter(institute=institute).first()
        silent = silent_students(ballot) if ballot else []
        colleague = offer.professor if offer else institute.professors.last()
        student = silent[0] if silent else institute.students.first()
        registrar = institute.staff.filter(role=StaffRole.REGISTRAR).first()
        found = [
            (
                "Professor who is absent and has a choice to make",
                absent.professor if absent else None,
            ),
            ("Professor who is asked to take a class", colleague),
            ("Student who has a vote to cast", student),
            ("Registrar", registrar),
        ]
        return [(label, who.user) for label, who in found if who is not None and who.user]

    def _attend(self, children: list[subprocess.Popen[bytes]]) -> None:
        """Wait until one of them ends or somebody stops the demo; then stop them all."""

        def stop(signum: int, frame: FrameType | None) -> None:
            raise KeyboardInterrupt

        signal.signal(signal.SIGTERM, stop)
        try:
            while all(child.poll() is None for child in children):
                time.sleep(0.5)
        except KeyboardInterrupt:
            self.stdout.write("\nStopping …")
        finally:
            for child in children:
                child.terminate()
            for child in children:
                child.wait()
