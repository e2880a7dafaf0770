"""What a registrar wants rehearsed is one row, and every move of it one conditional update."""

import datetime as dt
import sys
import uuid

import pytest
from django.db import IntegrityError, transaction

from reallocation.enums import RehearsalFailure, RehearsalPhase, RehearsalStatus
from reallocation.models import Rehearsal
from reallocation.refusals import Refused
from reallocation.rehearsal import programme, supervisor
from reallocation.sweep import sweep
from tests.factories import NOW, InstituteFactory
from tests.reallocation.rehearsing import SCRIPT

pytestmark = pytest.mark.django_db

SECOND = dt.timedelta(seconds=1)
FIGURES = {"cases": 1}


@pytest.fixture
def institute():
    return InstituteFactory()


def ask(institute, **how):
    return programme.ask(institute, SCRIPT, {}, now=NOW, **how)


def running(institute):
    rehearsal = ask(institute)
    assert programme.begin(rehearsal.pk, NOW)
    return rehearsal


def fields(rehearsal, *names):
    return Rehearsal.objects.values_list(*names).get(pk=rehearsal.pk)


def test_beginning_claims_it_once(institute):
    rehearsal = ask(institute)
    assert fields(rehearsal, "status", "total") == (RehearsalStatus.WAITING, SCRIPT["absences"])
    assert [programme.begin(rehearsal.pk, NOW) for _ in range(2)] == [True, False]
    assert fields(rehearsal, "status", "phase", "heard_at") == ("running", "copying", NOW)


def test_the_task_is_queued_after_the_commit(institute, worker, monkeypatch):
    begun = []
    monkeypatch.setattr(supervisor, "launch", lambda pk, now: begun.append(pk))
    with worker.after_commit():
        rehearsal = ask(institute)
        assert worker.queued() == []
    assert begun == [rehearsal.pk]


def test_one_is_going_per_institute_and_the_database_says_so_too(institute):
    first = ask(institute)
    with pytest.raises(Refused, match="rehearsal_going"):
        ask(institute)
    assert programme.begin(first.pk, NOW)
    with pytest.raises(Refused, match="rehearsal_going"):
        ask(institute)
    with pytest.raises(IntegrityError), transaction.atomic():
        Rehearsal.objects.create(institute=institute, asked_at=NOW, script=SCRIPT)
    ask(InstituteFactory(slug="elsewhere"))
    assert programme.finish(first.pk, FIGURES, None, NOW)
    ask(institute)
    assert Rehearsal.objects.filter(institute=institute).count() == 2


def test_what_is_told_is_kept_while_it_is_wanted(institute):
    rehearsal = running(institute)
    later = NOW + SECOND
    assert programme.tell(rehearsal.pk, RehearsalPhase.AS_IT_IS, later, done=2, total=5)
    assert fields(rehearsal, "phase", "done", "total", "heard_at") == ("as_it_is", 2, 5, later)
    assert programme.cancel(rehearsal.uid, later)
    assert not programme.tell(rehearsal.pk, RehearsalPhase.AS_IT_IS, later, done=3, total=5)
    assert not programme.finish(rehearsal.pk, FIGURES, None, later)
    assert not programme.fail(rehearsal.pk, RehearsalFailure.BROKE, later)
    assert fields(rehearsal, "status", "done", "found") == ("cancelled", 2, None)


def test_what_is_over_can_be_deleted_and_not_cancelled(institute):
    rehearsal = running(institute)
    assert not programme.delete(rehearsal.uid)
    assert programme.finish(rehearsal.pk, FIGURES, FIGURES, NOW)
    assert not programme.cancel(rehearsal.uid, NOW)
    assert programme.delete(rehearsal.uid)
    assert not programme.delete(rehearsal.uid)
    assert not programme.cancel(uuid.uuid4(), NOW)


def test_the_sweep_fails_what_has_fallen_silent_and_leaves_what_speaks(institute):
    rehearsal = running(institute)
    sweep(NOW + programme.SILENCE)
    assert fields(rehearsal, "status") == ("running",)
    sweep(NOW + programme.SILENCE + SECOND)
    assert fields(rehearsal, "status", "failure") == ("failed", "vanished")
    ask(institute)


def test_the_sweep_nudges_what_was_never_begun(institute, worker):
    rehearsal = ask(institute)
    sweep(NOW + programme.PATIENCE)
    assert worker.queued() == []
    sweep(NOW + programme.PATIENCE + SECOND)
    assert worker.queued() == [("reallocation.tasks.begin_rehearsal", rehearsal.pk)]


def test_a_supervisor_is_started_once(institute, monkeypatch, tmp_path):
    said = tmp_path / "said"
    code = "import pathlib, sys; pathlib.Path(sys.argv[1]).open('a').write(' '.join(sys.argv[2:]))"
    monkeypatch.setattr(supervisor, "MANAGE", (sys.executable, "-c", code, str(said)))
    started = []
    run = supervisor.subprocess.Popen

    def start(*args, **kwargs):
        started.append(run(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(supervisor.subprocess, "Popen", start)
    rehearsal = ask(institute)
    assert [supervisor.launch(rehearsal.pk, NOW) for _ in range(2)] == [True, False]
    (process,) = started
    assert process.wait(30) == 0
    assert said.read_text() == f"supervise_rehearsal {rehearsal.pk}"


def test_a_supervisor_that_cannot_be_started_is_a_failure(institute, monkeypatch, tmp_path):
    monkeypatch.setattr(supervisor, "MANAGE", (str(tmp_path / "no-such-program"),))
    rehearsal = ask(institute)
    with pytest.raises(FileNotFoundError):
        supervisor.launch(rehearsal.pk, NOW)
    assert fields(rehearsal, "status", "failure") == ("failed", "broke")


@pytest.mark.parametrize(
    ("phase", "rules", "done", "percent"),
    [
        ("", {}, 0, 0),
        ("copying", {}, 0, 3),
        ("as_it_is", {}, 0, 6),
        ("as_it_is", {}, 10, 99),
        ("as_it_is", {"wave_size": [3, 0]}, 10, 52),
        ("compared", {"wave_size": [3, 0]}, 5, 76),
        ("compared", {"wave_size": [3, 0]}, 10, 99),
    ],
)
def test_how_much_has_been_played(phase, rules, done, percent):
    rehearsal = Rehearsal(phase=phase, rules=rules, done=done, total=10, status="running")
    assert programme.percent(rehearsal) == percent
