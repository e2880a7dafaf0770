import datetime as dt

import pytest
from django.apps import apps
from django.core import mail
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ, Schedule, Task

from reallocation import overrides, schedules, tasks
from reallocation.audit import SYSTEM
from reallocation.enums import CaseStatus, WaitingFor
from reallocation.models import Case, Delivery, StepRecord
from reallocation.sweep import Swept, advance_due, put_off, sweep
from tests.factories import (
    NOW,
    AbsenceFactory,
    CaseFactory,
    InstituteFactory,
    MeetingFactory,
    PolicyFactory,
    ProfessorFactory,
)
from timetable.models import Absence
from voting.models import Ballot

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)


# One broken case ----------------------------------------------------------------------------------


def poison(case):
    """Make the case's running step forget what it needs: every move of it fails from now on."""
    record = StepRecord.objects.get(case=case, left_at=None)
    kept = record.considered
    StepRecord.objects.filter(pk=record.pk).update(considered={})

    def mend():
        StepRecord.objects.filter(pk=record.pk).update(considered=kept)

    return mend


def two_cases(flow):
    """Ada's and Ben's, both waiting for the section."""
    first, second = flow.case(professor="ADA"), flow.case(professor="BEN")
    assert {first.waiting_for, second.waiting_for} == {WaitingFor.COLLEAGUES}
    return first, second


def test_a_broken_case_delays_no_other(flow):
    broken, sound = two_cases(flow)
    poison(broken)
    over = max(broken.deadline, sound.deadline)
    assert sweep(over) == Swept(moved=1, failed=1)
    assert flow.again(sound).step > sound.step
    broken.refresh_from_db()
    assert (broken.failures, broken.due_at, broken.status) == (1, over + MINUTE, CaseStatus.OPEN)


def test_a_broken_case_is_tried_again_later_and_later_an_hour_at_most(flow):
    broken, _sound = two_cases(flow)
    poison(broken)
    now = broken.deadline
    waits = []
    for _ in range(8):
        sweep(now)
        broken.refresh_from_db()
        waits.append((broken.due_at - now) // MINUTE)
        assert advance_due(broken.due_at - dt.timedelta(seconds=1))[1] == 0
        now = broken.due_at
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert broken.failures == 8


def test_a_case_that_was_mended_goes_on_and_its_failures_are_forgotten(flow):
    broken, _sound = two_cases(flow)
    mend = poison(broken)
    sweep(broken.deadline)
    mend()
    assert sweep(broken.deadline + MINUTE).failed == 0
    again = flow.again(broken)
    assert (again.failures, again.step > broken.step) == (0, True)


def test_only_an_open_case_is_put_off():
    closed = CaseFactory(status=CaseStatus.DROPPED, due_at=None, closed_at=NOW)
    put_off(closed.pk, NOW)
    put_off(0, NOW)
    closed.refresh_from_db()
    assert (closed.failures, closed.due_at) == (0, None)


def test_a_nudge_that_fails_leaves_the_case_to_the_sweep(flow):
    broken, _sound = two_cases(flow)
    poison(broken)
    now = timezone.now()
    Case.objects.open().update(due_at=now)
    turn = flow.again(broken).turn
    with pytest.raises(KeyError):
        tasks.advance_case(broken.pk, turn)
    assert flow.again(broken).turn == turn
    assert advance_due(now)[1] == 1


# What is due --------------------------------------------------------------------------------------


def test_cases_that_are_not_due_are_left_alone(flow):
    two_cases(flow)
    before = list(Case.objects.values())
    assert sweep(flow.now + MINUTE) == Swept()
    assert list(Case.objects.values()) == before


def test_a_sweep_that_runs_out_of_time_leaves_the_rest_due(flow):
    flow.file("ADA")
    flow.file("BEN")
    assert advance_due(flow.now, seconds=0) == (0, 0)
    assert Case.objects.due(flow.now).count() == 2
    assert advance_due(flow.now, seconds=60) == (2, 0)
    assert Case.objects.due(flow.now).count() == 0


def test_a_vote_whose_time_is_over_is_closed_and_its_case_goes_on_at_once(flow):
    case = overrides.send_to(flow.case(), step=5, why="to see a vote", now=flow.now, who=SYSTEM)
    flow.settle()
    assert flow.again(case).waiting_for == WaitingFor.WEEKEND_VOTE
    ballot = Ballot.objects.open().get()
    assert sweep(ballot.closes_at) == Swept(moved=1, ballots_closed=1)
    assert flow.again(case).status == CaseStatus.DROPPED


def test_students_who_have_not_voted_are_reminded_once(flow):
    overrides.send_to(flow.case(), step=5, why="to see a vote", now=flow.now, who=SYSTEM)
    flow.settle()
    ballot = Ballot.objects.open().get()
    later = ballot.closes_at - (ballot.closes_at - ballot.opened_at) / 4
    assert sweep(later) == Swept(reminded=1)
    assert sweep(later) == Swept()


def test_messages_that_no_nudge_handed_over_are_sent(flow):
    flow.file("ADA")
    waiting = Delivery.objects.count()
    assert (waiting, len(mail.outbox)) == (1, 0)
    sweep(flow.now)
    assert len(mail.outbox) == Delivery.objects.filter(status="sent").count() > waiting
    OrmQ.objects.all().delete()


def everything():
    """Every row of the product, and what is queued."""
    models = [
        m
        for app in ("timetable", "voting", "fairness", "reallocation")
        for m in apps.get_app_config(app).get_models()
    ]
    return {m.__name__: list(m.objects.order_by("pk").values()) for m in (*models, OrmQ)}


def test_a_second_sweep_of_the_same_moment_changes_nothing(flow):
    for professor in ("ADA", "BEN", "DAN"):
        flow.file(professor)
    for _ in range(12):
        sweep(flow.now)
        after = everything()
        assert sweep(flow.now) == Swept()
        assert everything() == after
        due = Case.objects.open().order_by("due_at").values_list("due_at", flat=True).first()
        if due is None:
            break
        flow.now = due
    assert not Case.objects.open().exists()


def test_an_idle_sweep_costs_the_same_with_one_case_or_many(flow):
    taken = []
    for professor in ("ADA", "BEN", "DAN"):
        flow.case(professor=professor)
        sweep(flow.now)
        with CaptureQueriesContext(connection) as captured:
            assert sweep(flow.now) == Swept()
        taken.append(len(captured))
    assert taken == [taken[0]] * 3


# Meetings that appear -----------------------------------------------------------------------------


def test_a_meeting_that_appears_inside_an_absence_gets_its_case_once(flow):
    flow.case()
    flow.settle()
    late = MeetingFactory(
        offering=flow.house.classes["MATH.A"], day=dt.date(2027, 3, 2), clock=dt.time(16)
    )
    assert sweep(flow.now).opened == 1
    assert Case.objects.get(meeting=late).absence == Absence.objects.get()
    assert sweep(flow.now).opened == 0


# What has served its time -------------------------------------------------------------------------


def absence_that_ended(days, professor=None, **more):
    ends_at = NOW - dt.timedelta(days=days)
    return AbsenceFactory(
        professor=professor or ProfessorFactory(),
        starts_at=ends_at - dt.timedelta(hours=3),
        ends_at=ends_at,
        note="a broken heart",
        handover="page 12",
        **more,
    )


def test_private_notes_are_removed_when_their_time_is_over():
    kept = absence_that_ended(180)
    gone = absence_that_ended(181)
    withdrawn = absence_that_ended(181, withdrawn_at=NOW)
    sweep(NOW)
    notes = dict(Absence.objects.values_list("pk", "note"))
    assert notes == {kept.pk: "a broken heart", gone.pk: "", withdrawn.pk: ""}
    assert set(Absence.objects.values_list("handover", flat=True)) == {"page 12"}


def test_each_institute_keeps_private_notes_as_long_as_it_says():
    other = InstituteFactory(slug="southbridge")
    PolicyFactory(institute=other, note_retention_days=10)
    here = absence_that_ended(11)
    there = absence_that_ended(11, ProfessorFactory(institute=other))
    sweep(NOW)
    assert dict(Absence.objects.values_list("pk", "note")) == {
        here.pk: "a broken heart",
        there.pk: "",
    }


def test_a_retention_beyond_the_calendar_stops_no_sweep():
    PolicyFactory(note_retention_days=2**31 - 1)
    absence_that_ended(300)
    sweep(NOW)
    assert Absence.objects.get().note == "a broken heart"


def test_finished_tasks_are_removed_after_a_day_and_failed_ones_after_a_month():
    def finished(task_id, hours, *, success=True):
        moment = NOW - dt.timedelta(hours=hours)
        Task.objects.create(
            id=task_id, name=task_id, func="f", started=moment, stopped=moment, success=success
        )

    finished("old", 24.1)
    finished("new", 23.9)
    finished("failed", 29 * 24, success=False)
    finished("failed long ago", 31 * 24, success=False)
    sweep(NOW)
    assert set(Task.objects.values_list("id", flat=True)) == {"new", "failed"}


# The schedule -------------------------------------------------------------------------------------


def scheduled():
    return list(Schedule.objects.values_list("name", "func", "schedule_type", "minutes", "repeats"))


EACH_MINUTE = [("sweep", "reallocation.tasks.sweep_now", Schedule.MINUTES, 1, -1)]


def test_migrating_schedules_the_sweep_once():
    assert scheduled() == EACH_MINUTE
    Schedule.objects.all().delete()
    for _ in range(2):
        emit_post_migrate_signal(0, False, "default")
        assert scheduled() == EACH_MINUTE


def test_there_is_one_schedule_however_often_it_is_ensured():
    before = Schedule.objects.values().get()
    for _ in range(3):
        schedules.ensure()
    assert Schedule.objects.values().get() == before


def test_a_schedule_that_was_changed_or_doubled_is_put_right():
    Schedule.objects.update(minutes=30, repeats=0)
    Schedule.objects.create(name="sweep", func="reallocation.tasks.sweep_now", schedule_type="I")
    other = Schedule.objects.create(name="other", func="math.sqrt", schedule_type="D")
    schedules.ensure()
    other.delete()
    assert scheduled() == EACH_MINUTE


def test_the_scheduled_task_sweeps(flow):
    absence_that_ended(300)
    assert tasks.sweep_now() == {"moved": 0, "failed": 0, "opened": 0}
    assert Absence.objects.get().note == ""
