"""Before the tables are there, commands say how they come."""

import json
import subprocess
import sys

import pytest
from django.core.management import get_commands, load_command_class
from django.db import OperationalError

from tests.processes import MANAGE, environment
from timetable.commands import DatabaseCommand

from .bundle_files import write

OWN = {"timetable", "voting", "fairness", "reallocation"}
BY_THEMSELVES = {"demo", "play_rehearsal", "supervise_rehearsal"}
"""The demo makes its tables; the others are begun by the application itself."""

WITH = {
    "add_staff": ["ann@example.org", "--role", "registrar", "--institute", "northfield"],
    "create_token": ["ann@example.org", "--name", "script"],
    "export_timetable": ["northfield", "out"],
    "fairness_report": ["northfield"],
    "login_link": ["ann@example.org"],
    "rehearse": ["northfield"],
}
SAID = "The database is not ready for this release: run `manage.py migrate` first."

CALLS = """
import json, sys
import django
django.setup()
from django.core.management import CommandError, call_command
said = {}
for name, arguments in json.load(sys.stdin).items():
    try:
        call_command(name, *arguments)
    except CommandError as error:
        said[name] = str(error)
print(json.dumps(said))
"""


def test_every_command_says_what_to_do_before_there_are_tables(tmp_path, settings):
    own = {name for name, app in get_commands().items() if app in OWN} - BY_THEMSELVES
    calls = {name: WITH.get(name, []) for name in own}
    calls["import_timetable"] = [str(write(tmp_path))]
    around = environment(tmp_path / "new.db", DJANGO_SETTINGS_MODULE="config.settings")
    ran = subprocess.run(
        [sys.executable, "-c", CALLS],
        cwd=settings.BASE_DIR,
        env=around,
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ran.stdout) == dict.fromkeys(own, SAID)


def test_on_the_command_line_it_is_one_line_and_no_traceback(tmp_path):
    ran = subprocess.run(
        [*MANAGE, "import_timetable", str(write(tmp_path))],
        env=environment(tmp_path / "new.db"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", f"CommandError: {SAID}\n")


def test_every_command_of_ours_is_one_of_these():
    ours = {
        name: load_command_class(app, name) for name, app in get_commands().items() if app in OWN
    }
    others = {name for name, command in ours.items() if not isinstance(command, DatabaseCommand)}
    assert others == BY_THEMSELVES


@pytest.mark.django_db
def test_what_else_a_database_refuses_is_not_put_down_to_that():
    class Full(DatabaseCommand):
        def handle(self, *args, **options):
            raise OperationalError("disk is full")

    with pytest.raises(OperationalError, match="disk is full"):
        Full().execute(no_color=True, force_color=False, skip_checks=True)
