"""A rehearsal from the page is played by real processes on a private copy, and nothing else is touched."""

import contextlib
import datetime as dt
import io
import json
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from reallocation.enums import RehearsalStatus
from reallocation.models import Rehearsal
from reallocation.rehearsal import player, private_copy, programme, supervisor
from reallocation.rehearsal.stage import rehearse
from tests.benchmarks.bundles import Size, write_bundle
from tests.factories import (
    AbsenceFactory,
    BallotFactory,
    LogEntryFactory,
    MessageFactory,
    NoticeFactory,
    PolicyFactory,
    StaffFactory,
    VoteFactory,
    at,
    small_institute,
)
from tests.processes import MANAGE, environment, make_database
from tests.reallocation.rehearsing import SCRIPT, children, contents, figures, parent_of
from tests.reallocation.workflow import Workflow
from timetable.models import Institute

NOW = at("2027-02-01 09:00")
OTHERS = {"wave_size": [3, 0], "quorum_percent": [25, 60], "waking_to": ["22:00", "20:00"]}


@pytest.fixture
def live(transactional_db):
    """An institute at work beside another one, both committed."""
    flow = Workflow(small_institute())
    PolicyFactory(institute=flow.house.institute)
    flow.case(professor="BEN")
    Workflow(small_institute("southfield")).case()
    return flow


def asked(institute, rules=None, **changes):
    """A rehearsal that was begun, as its supervisor finds it."""
    rehearsal = programme.ask(institute, SCRIPT | changes, rules or {}, now=NOW)
    assert programme.begin(rehearsal.pk, NOW)
    return rehearsal


@pytest.fixture
def players(monkeypatch):
    """The processes that supervisors of this test have started."""
    started = []
    run = subprocess.Popen

    def start(*args, **kwargs):
        started.append(run(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(supervisor.subprocess, "Popen", start)
    return started


def result(rehearsal):
    return Rehearsal.objects.values_list("status", "failure", "error").get(pk=rehearsal.pk)


# The whole of it


def test_it_says_what_the_command_says_and_changes_nothing_else(live, players):
    institute = live.house.institute
    here = [
        rehearse(institute, player.script_of(SCRIPT), policy=policy, now=NOW).as_json()
        for policy in (None, player.other_policy(institute, OTHERS))
    ]
    rehearsal = asked(institute, OTHERS)
    before = contents()
    supervisor.supervise(rehearsal.pk)
    rehearsal.refresh_from_db()
    assert result(rehearsal) == (RehearsalStatus.DONE, "", "")
    found = [figures(rehearsal.found), figures(rehearsal.compared)]
    assert found == [figures(one) for one in here]
    assert found[0]["cases"] > 0
    assert found[0] != found[1]
    assert contents() == before
    assert [process.poll() is not None for process in players] == [True]


def test_without_other_rules_it_is_played_once(live):
    rehearsal = asked(live.house.institute)
    supervisor.supervise(rehearsal.pk)
    rehearsal.refresh_from_db()
    assert rehearsal.status == RehearsalStatus.DONE
    assert rehearsal.compared is None


def test_a_rehearsal_that_is_gone_is_no_error(transactional_db, players):
    supervisor.supervise(0)
    assert players == []


# The copy


def rows(institute):
    found = {}
    for batch in private_copy.rows_of(institute):
        assert batch.values
        found.setdefault(batch.model, []).extend(
            dict(zip(batch.columns, row, strict=True)) for row in batch.values
        )
    return found


@pytest.mark.django_db
def test_a_copy_has_one_institute_and_none_of_its_secrets():
    flow, other = Workflow(small_institute()), Workflow(small_institute("southfield"))
    ada = flow.house.professors["ADA"]
    ada.user.set_password("correct horse")
    ada.user.save()
    flow.case(professor="BEN")
    other.case()
    AbsenceFactory(professor=ada, note="surgery on Tuesday", handover="see page 12")
    ballot = BallotFactory(offering=flow.house.classes["MATH.A"])
    VoteFactory(ballot=ballot, receipt="RECEIPT-OF-A1")
    notice = NoticeFactory(institute=flow.house.institute, body="to be read by one")
    MessageFactory(notice=notice, user=ada.user)
    LogEntryFactory(institute=flow.house.institute, number=900, reason="said in confidence")
    registrar = StaffFactory(institute=flow.house.institute).user

    found = rows(flow.house.institute)
    text = repr(found)
    for secret in (
        *("surgery", "page 12", "RECEIPT-OF-A1", "to be read", "in confidence"),
        *(ada.user.password, "southfield"),
    ):
        assert secret not in text
    assert [row["slug"] for row in found["timetable.institute"]] == ["northfield"]
    people = {*flow.house.professors.values(), *flow.house.students.values()}
    accounts = {row["id"] for row in found["timetable.user"]}
    assert accounts == {registrar.pk, *(person.user_id for person in people)}
    assert len(found["timetable.meeting"]) == len(flow.house.meetings)
    assert len(found["timetable.offering_sections"]) == len(flow.house.classes)
    assert {"voting.rollplace", "reallocation.case", "reallocation.offer"} < set(found)
    left_out = {model._meta.label_lower for model in private_copy.LEFT_OUT}
    assert left_out.isdisjoint(found)


@pytest.mark.django_db
def test_batches_are_small_and_nothing_is_lost_between_them(monkeypatch):
    institute = small_institute().institute
    whole = rows(institute)
    monkeypatch.setattr(private_copy, "BATCH", 3)
    sizes = [len(batch.values) for batch in private_copy.rows_of(institute)]
    assert max(sizes) == 3
    assert rows(institute) == whole


@pytest.mark.postgresql
def test_what_is_read_is_of_one_moment(live):
    """Somebody writes in the middle of the reading: the copy is of one piece, and nobody has waited."""
    institute = live.house.institute

    def write():
        Institute.objects.filter(pk=institute.pk).update(name="Renamed")
        connection.close()

    with private_copy.one_moment():
        Institute.objects.get(pk=institute.pk)
        writer = threading.Thread(target=write)
        writer.start()
        writer.join(10)
        seen = [writer.is_alive(), Institute.objects.get(pk=institute.pk).name]
    writer.join()
    assert seen == [False, "Northfield University"]
    assert Institute.objects.get(pk=institute.pk).name == "Renamed"


# What may go wrong


def test_days_without_classes_are_said(live):
    rehearsal = asked(live.house.institute, on="2031-01-01")
    supervisor.supervise(rehearsal.pk)
    assert result(rehearsal) == ("failed", "nobody", "")


def test_an_error_while_it_is_played_is_said(live, players):
    rehearsal = asked(live.house.institute, {"no_such_rule": [1, 2]})
    supervisor.supervise(rehearsal.pk)
    status, failure, error = result(rehearsal)
    assert (status, failure) == ("failed", "broke")
    assert error.startswith("FieldDoesNotExist: ")
    assert [process.poll() is not None for process in players] == [True]


def test_what_takes_too_long_is_ended(live, players):
    rehearsal = asked(live.house.institute)
    supervisor.supervise(rehearsal.pk, most_seconds=0)
    assert result(rehearsal) == ("failed", "too_long", "")
    assert [process.poll() for process in players] == [-signal.SIGKILL]


def test_what_is_cancelled_is_ended(live, players, monkeypatch):
    rehearsal = asked(live.house.institute)
    tell = programme.tell

    def told(*args, **kwargs):
        programme.cancel(rehearsal.uid, NOW)
        return tell(*args, **kwargs)

    monkeypatch.setattr(programme, "tell", told)
    supervisor.supervise(rehearsal.pk)
    assert result(rehearsal) == ("cancelled", "", "")
    assert [process.poll() for process in players] == [-signal.SIGKILL]


def test_a_player_that_vanishes_is_noticed(live, monkeypatch):
    monkeypatch.setattr(supervisor, "MANAGE", (sys.executable, "-c", "import sys; sys.exit(3)"))
    rehearsal = asked(live.house.institute)
    supervisor.supervise(rehearsal.pk)
    assert result(rehearsal) == ("failed", "vanished", "")


def test_a_player_that_vanishes_while_it_is_given_its_copy_is_noticed(live, monkeypatch):
    says_ready = 'print(\'{"says": "ready"}\', flush=True)'
    monkeypatch.setattr(supervisor, "MANAGE", (sys.executable, "-c", says_ready))
    rehearsal = asked(live.house.institute)
    supervisor.supervise(rehearsal.pk)
    assert result(rehearsal) == ("failed", "vanished", "")
    # The connection is fit for use: the moment that was read has been let go.
    with transaction.atomic():
        Rehearsal.objects.update(error="")


def test_a_supervisor_that_is_told_to_end_says_so(live, players, monkeypatch):
    rehearsal = asked(live.house.institute)
    tell = programme.tell

    def told(*args, **kwargs):
        kept = tell(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGTERM)
        return kept

    monkeypatch.setattr(programme, "tell", told)
    supervisor.supervise(rehearsal.pk)
    assert result(rehearsal) == ("failed", "stopped", "")
    assert [process.poll() for process in players] == [-signal.SIGKILL]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_nothing_is_played_on_a_database_that_is_not_its_own(tmp_path, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "NAME", str(tmp_path / "live.db"))
    with pytest.raises(player.NotPrivate):
        player.play(io.BytesIO(pickle.dumps({})), lambda said: None)
    ran = subprocess.run(
        [*MANAGE, "play_rehearsal"],
        env=environment(tmp_path / "live.db"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "only on a private copy" in ran.stderr
    assert ran.stdout == ""


@pytest.mark.parametrize("command", ["supervise_rehearsal"])
def test_the_supervisor_wants_to_know_which(command):
    with pytest.raises(CommandError, match="rehearsal"):
        call_command(command)


# On a live database in a file, beside people at work


WORK = """
import datetime as dt, json, sys, time
import django
django.setup()
from reallocation import absences, answers
from reallocation.absences import Request
from reallocation.models import Offer, Rehearsal
from reallocation.rehearsal import programme
from reallocation.sweep import advance_due
from timetable.models import Institute, Meeting

now = dt.datetime(2027, 2, 1, 9, tzinfo=dt.UTC)
institute = Institute.objects.get()

def offer():
    taken = Offer.objects.values("case__meeting__professor")
    meetings = Meeting.objects.holding().filter(starts_at__gt=now + dt.timedelta(days=8))
    for meeting in meetings.exclude(professor__in=taken).order_by("starts_at")[:40]:
        request = Request(meeting.starts_at, meeting.ends_at)
        try:
            absences.file(meeting.professor, request, now=now)
        except absences.Refused:
            continue
        advance_due(now)
        found = Offer.objects.waiting().select_related("professor").order_by("-pk").first()
        if found:
            return found

script = {script}
match sys.argv[1]:
    case "prepare":
        waiting = offer()
        rehearsal = programme.ask(institute, script, {{}}, now=now)
        assert programme.begin(rehearsal.pk, dt.datetime.now(dt.UTC))
        print(json.dumps([waiting.pk, rehearsal.pk]))
    case "accept":
        waiting = Offer.objects.select_related("professor").get(pk=sys.argv[2])
        before = Rehearsal.objects.get()
        began = time.monotonic()
        answers.accept(waiting, by=waiting.professor, now=now)
        took = time.monotonic() - began
        after = Rehearsal.objects.get()
        waiting.refresh_from_db()
        print(json.dumps([before.phase, took, after.status, waiting.status]))
"""


class LiveFile:
    """A live SQLite database in a file with an institute of some size, and people at work on it."""

    def __init__(self, folder):
        self.path = folder / "live.db"
        make_database(self.path)
        write_bundle(folder / "bundle", Size(sections=12, professors=26, students=120), slug="live")
        self.around = environment(self.path, DEBUG="0", DJANGO_SETTINGS_MODULE="config.settings")
        self.run(*MANAGE, "import_timetable", str(folder / "bundle"), "--json")
        self.offer, self.rehearsal = self.work("prepare")

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
        code = WORK.format(script=SCRIPT | {"absences": 40, "on": None})
        return json.loads(self.run(sys.executable, "-c", code, *map(str, what)))

    @contextlib.contextmanager
    def supervised(self):
        process = subprocess.Popen(
            [*MANAGE, "supervise_rehearsal", str(self.rehearsal)], env=self.around
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def phase(self):
        with contextlib.closing(sqlite3.connect(self.path)) as database:
            return database.execute("SELECT status, phase FROM reallocation_rehearsal").fetchone()

    def until_played(self):
        """Wait until it is past the copying. Whatever ends it ends the waiting."""
        while (now := self.phase()) != ("running", "as_it_is"):
            assert now == ("running", "copying")
            time.sleep(0.05)

    def is_locked(self, seconds):
        """Whether nobody else can begin to write for so long."""
        options = {"timeout": seconds, "isolation_level": None}
        with contextlib.closing(sqlite3.connect(self.path, **options)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                return "locked" in str(error)
            return False


@pytest.fixture
def live_file(tmp_path, db):
    return LiveFile(tmp_path)


def test_people_work_on_at_once_while_it_is_played(live_file):
    with live_file.supervised() as process:
        live_file.until_played()
        phase, took, status, offer = live_file.work("accept", live_file.offer)
        assert (phase, status, offer) == ("as_it_is", "running", "accepted")
        # Far less than what the play still takes, on a busy machine too.
        assert took < 2
        assert not live_file.is_locked(0.5)
        assert process.wait() == 0
    assert live_file.phase()[0] == "done"
    assert sorted(path.name for path in live_file.path.parent.iterdir()) == ["bundle", "live.db"]
    assert json.loads(live_file.run(*MANAGE, "verify_audit", "--json"))["ok"]


def test_on_the_live_database_itself_nobody_could_write(live_file):
    """The control: the same by the command, which plays in one transaction where it is."""
    command = [*MANAGE, "rehearse", "live", "--absences", "40", "--json"]
    with subprocess.Popen(command, env=live_file.around, stdout=subprocess.DEVNULL) as process:
        while not (locked := live_file.is_locked(0.5)) and process.poll() is None:
            time.sleep(0.05)
        process.kill()
    assert locked


def test_when_a_supervisor_is_killed_its_player_ends_and_the_sweep_says_so(live_file):
    with live_file.supervised() as process:
        live_file.until_played()
        (playing,) = children(process.pid)
        process.kill()
        process.wait()
        ended = time.monotonic() + 30
        while parent_of(playing) is not None:
            assert time.monotonic() < ended, "the player outlives its supervisor"
            time.sleep(0.05)
    later = dt.datetime.now(dt.UTC) + programme.SILENCE
    live_file.run(
        sys.executable,
        "-c",
        "import datetime as dt, django; django.setup();"
        "from reallocation.sweep import sweep;"
        f"sweep(dt.datetime.fromisoformat('{later.isoformat()}'))",
    )
    assert live_file.phase()[0] == "failed"
    assert sorted(path.name for path in live_file.path.parent.iterdir()) == ["bundle", "live.db"]
