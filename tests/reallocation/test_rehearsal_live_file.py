"""On a live SQLite file, where one writes at a time: people work on beside a rehearsal from the page.

In the SQLite pass alone (see conftest).
"""

import contextlib
import datetime as dt
import json
import sqlite3
import subprocess
import sys
import time

import pytest
from django.conf import settings
from django.db import connection
from django.db.utils import ConnectionHandler

from reallocation.rehearsal import private_copy, programme
from tests.benchmarks.bundles import Size, write_bundle
from tests.processes import MANAGE, environment, make_database
from tests.reallocation.rehearsing import SCRIPT, children, parent_of

ABSENCES = 40

WORK = """
import datetime as dt, json, sys, time
import django
django.setup()
from reallocation import absences, answers
from reallocation.models import Offer, Rehearsal
from reallocation.rehearsal import programme
from reallocation.sweep import advance_due, sweep
from timetable.models import Institute, Meeting

now = dt.datetime(2027, 2, 1, 9, tzinfo=dt.UTC)

def waiting_offer():
    later = now + dt.timedelta(days=8)
    for meeting in Meeting.objects.holding().filter(starts_at__gt=later).order_by("starts_at"):
        request = absences.Request(meeting.starts_at, meeting.ends_at)
        absences.file(meeting.professor, request, now=now)
        advance_due(now)
        if found := Offer.objects.waiting().first():
            return found.pk

match sys.argv[1]:
    case "prepare":
        said = waiting_offer()
    case "ask":
        found = programme.ask(Institute.objects.get(), {script}, {{}}, now=now)
        assert programme.begin(found.pk, dt.datetime.now(dt.UTC))
        said = found.pk
    case "accept":
        offer = Offer.objects.select_related("professor").get(pk=sys.argv[2])
        before = Rehearsal.objects.first()
        began = time.monotonic()
        answers.accept(offer, by=offer.professor, now=now)
        took = time.monotonic() - began
        after = Rehearsal.objects.first()
        offer.refresh_from_db()
        said = [before.phase, took, after.status, offer.status]
    case "sweep":
        said = sweep(dt.datetime.fromisoformat(sys.argv[2])).failed
print(json.dumps(said))
"""


class LiveFile:
    """A live database in a file, with an institute of some size and people at work on it."""

    def __init__(self, folder):
        self.folder, self.path = folder, folder / "live.db"
        make_database(self.path)
        write_bundle(folder / "bundle", Size(sections=12, professors=26, students=120), slug="live")
        self.around = environment(self.path, DEBUG="0", DJANGO_SETTINGS_MODULE="config.settings")
        self.run(*MANAGE, "import_timetable", str(folder / "bundle"), "--json")
        self.offer = self.work("prepare")

    def run(self, *command):
        return subprocess.run(
            command,
            env=self.around,
            cwd=settings.BASE_DIR,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def work(self, *what):
        code = WORK.format(script=SCRIPT | {"absences": ABSENCES, "on": None})
        return json.loads(self.run(sys.executable, "-c", code, *map(str, what)))

    @contextlib.contextmanager
    def supervised(self):
        """A new rehearsal in progress, past the copying."""
        command = [*MANAGE, "supervise_rehearsal", str(self.work("ask"))]
        process = subprocess.Popen(command, env=self.around)
        try:
            while (phase := self.phase()) != ("running", "as_it_is"):
                # Whatever ends it ends the waiting.
                assert phase == ("running", "copying")
                time.sleep(0.05)
            yield process
        finally:
            process.kill()
            process.wait()

    def phase(self):
        with contextlib.closing(sqlite3.connect(self.path)) as database:
            last = "SELECT status, phase FROM reallocation_rehearsal ORDER BY id DESC"
            return database.execute(last).fetchone()

    def is_locked(self, seconds):
        """Whether nobody else can begin to write for so long."""
        options = {"timeout": seconds, "isolation_level": None}
        with contextlib.closing(sqlite3.connect(self.path, **options)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                return "locked" in str(error)
            return False

    def files(self):
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture(scope="module")
def live_file(tmp_path_factory, django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        return LiveFile(tmp_path_factory.mktemp("live"))


def structure(cursor):
    """Tables with their columns, and whatever else there is, by kind and name."""
    cursor.execute("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
    found = dict.fromkeys(cursor.fetchall())
    for kind, name in found:
        if kind == "table":
            cursor.execute(f'PRAGMA table_info("{name}")')
            found[kind, name] = sorted(column[1:] for column in cursor.fetchall())
    found.pop(("table", "django_migrations"))
    return found


@pytest.mark.django_db
def test_a_copy_has_the_tables_that_the_migrations_make():
    with connection.cursor() as cursor:
        migrated = structure(cursor)
    copy = ConnectionHandler({"default": connection.settings_dict | {"NAME": ":memory:"}})[
        "default"
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(private_copy, "connection", copy)
        private_copy.make_tables()
    with copy.cursor() as cursor:
        cursor.execute("CREATE TABLE django_migrations (id)")
        made = structure(cursor)
    assert made == migrated


def test_on_the_live_database_itself_nobody_could_write(live_file):
    """The control: the same by the command, which plays in one transaction where it is."""
    command = [*MANAGE, "rehearse", "live", "--absences", str(ABSENCES), "--json"]
    with subprocess.Popen(command, env=live_file.around, stdout=subprocess.DEVNULL) as process:
        while not (locked := live_file.is_locked(0.5)) and process.poll() is None:
            time.sleep(0.05)
        process.kill()
    assert locked


def test_when_a_supervisor_is_killed_its_player_ends_and_the_sweep_says_so(live_file):
    with live_file.supervised() as process:
        (playing,) = children(process.pid)
        process.kill()
        process.wait()
        until = time.monotonic() + 30
        while parent_of(playing) is not None:
            assert time.monotonic() < until, "the player outlives its supervisor"
            time.sleep(0.05)
    later = dt.datetime.now(dt.UTC) + programme.SILENCE
    assert live_file.work("sweep", later.isoformat()) == 0
    assert live_file.phase()[0] == "failed"
    assert live_file.files() == ["bundle", "live.db"]


def test_people_work_on_at_once_while_it_is_played(live_file):
    with live_file.supervised() as process:
        phase, took, status, offer = live_file.work("accept", live_file.offer)
        assert (phase, status, offer) == ("as_it_is", "running", "accepted")
        # Far less than what the play still takes, on a busy machine too.
        assert took < 2
        assert not live_file.is_locked(0.5)
        process.terminate()
        assert process.wait() == 0
    assert live_file.phase()[0] == "failed"
    assert live_file.files() == ["bundle", "live.db"]
    assert json.loads(live_file.run(*MANAGE, "verify_audit", "--json"))["ok"]
