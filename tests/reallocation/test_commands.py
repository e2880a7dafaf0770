import json
import subprocess

import pytest
from django.core.management import call_command

from reallocation.models import Case, Delivery
from tests.factories import NOW, CaseFactory, DeliveryFactory
from tests.processes import MANAGE, environment, make_database

NOTHING = {"moved": 0, "failed": 0, "ballots_closed": 0, "reminded": 0, "opened": 0}
CONSOLE = "django.core.mail.backends.console.EmailBackend"


def run(capsys, *arguments):
    call_command(*arguments)
    return capsys.readouterr().out


@pytest.mark.django_db
def test_a_sweep_that_finds_nothing_says_so(capsys):
    assert json.loads(run(capsys, "advance_cases", "--json")) == NOTHING
    assert run(capsys, "advance_cases") == (
        "0 cases moved, 0 failed, 0 opened, 0 ballots closed, 0 reminders.\n"
    )


@pytest.mark.django_db
def test_a_sweep_says_how_many_cases_it_moved(capsys):
    CaseFactory(opened_at=NOW, due_at=NOW.replace(year=2020))
    CaseFactory(opened_at=NOW, due_at=NOW.replace(year=2099))
    out = run(capsys, "advance_cases", "--json")
    assert json.loads(out) == {**NOTHING, "moved": 1}
    assert Case.objects.filter(turn=0).count() == 1


@pytest.mark.django_db
def test_mails_on_the_console_do_not_come_between_the_command_and_its_answer(capsys, settings):
    settings.EMAIL_BACKEND = CONSOLE
    DeliveryFactory(due_at=NOW.replace(year=2020))
    call_command("advance_cases", "--json")
    printed = capsys.readouterr()
    assert json.loads(printed.out) == NOTHING
    assert "Subject: Can you take a class?" in printed.err
    assert Delivery.objects.get().status == "sent"


@pytest.mark.django_db
def test_standard_output_is_one_json_object_whatever_is_logged(tmp_path):
    """As a script sees it: a process of its own, with logs of every level and mails on the console."""
    make_database(tmp_path / "new.db")
    around = environment(tmp_path / "new.db", LOG_LEVEL="DEBUG", EMAIL_BACKEND=CONSOLE)
    for command, expected in (
        ("advance_cases", NOTHING),
        ("verify_audit", {"entries": 0, "ok": True}),
    ):
        ran = subprocess.run(
            [*MANAGE, command, "--json"], env=around, check=True, capture_output=True, text=True
        )
        assert json.loads(ran.stdout) == expected
        assert ran.stdout.count("\n") == 1
