"""A rehearsal from the page is played by real processes on a private copy, and nothing else is touched."""

import io
import os
import pickle
import signal
import subprocess
import sys
import threading

import pytest
from django.db import connection, transaction

from reallocation.enums import RehearsalStatus
from reallocation.models import Rehearsal
from reallocation.rehearsal import player, private_copy, programme, supervisor
from reallocation.rehearsal.stage import rehearse
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
from tests.processes import MANAGE, environment
from tests.reallocation.rehearsing import SCRIPT, contents, figures
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
    # In which order a database reads them is its own affair.
    return {model: sorted(them, key=repr) for model, them in found.items()}


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
