"""What a registrar does, in each of the ways there are."""

import datetime as dt

import pytest
from django.urls import reverse

from reallocation.enums import ActorKind, CaseStatus, RehearsalStatus
from reallocation.models import LogEntry, Policy, Rehearsal
from tests.browser.campus import again

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_case_is_found_in_the_register_and_settled(campus, meet, worker):
    case = campus.file()
    worker.run()
    registrar = meet(campus.registrar)
    registrar.opens("/cases/")
    registrar.unfolds("Narrow down")
    registrar.writes("Class or professor", "math")
    registrar.writes("From", campus.day.isoformat())
    registrar.writes("Until", campus.day.isoformat())
    registrar.presses("Show")
    registrar.reads("1 case is like that")
    registrar.follows("Math")
    registrar.unfolds("Assign a professor")
    registrar.picks("A colleague who is free then", "Ben Baker")
    registrar.writes("Why?", "Agreed by telephone")
    registrar.presses("Assign")
    registrar.reads("The class has a substitute", "“Agreed by telephone”")
    worker.run()
    assert (again(case).status, again(case).meeting.professor.code) == (
        CaseStatus.SUBSTITUTED,
        "BEN",
    )


def test_the_fairness_report_is_read(campus, meet, worker):
    registrar = meet(campus.registrar)
    registrar.opens("/cases/")
    registrar.follows("Fairness", within="nav")
    registrar.reads("Fairness")
    assert registrar.page.url.endswith("/fairness/")


def test_a_rehearsal_is_asked_for_and_cancelled(campus, meet):
    registrar = meet(campus.registrar)
    registrar.opens("/rehearsals/")
    registrar.writes("All on one day", campus.day.isoformat())
    registrar.presses("Rehearse")
    rehearsal = Rehearsal.objects.get()
    assert rehearsal.script["on"] == campus.day.isoformat()
    registrar.reads("Cancel")
    registrar.presses("Cancel")
    registrar.reads("The rehearsal is cancelled.")
    rehearsal.refresh_from_db()
    assert rehearsal.status == RehearsalStatus.CANCELLED


def test_other_waking_hours_are_rehearsed(campus, meet):
    Policy.objects.create(institute=campus.institute)
    registrar = meet(campus.registrar)
    registrar.opens("/rehearsals/")
    registrar.writes("All on one day", campus.day.isoformat())
    registrar.writes("Share of all", "30")
    registrar.unfolds("Time to answer")
    registrar.writes("Waking hours from", "09:30")
    registrar.writes("Waking hours to", "17:45")
    registrar.presses("Rehearse")
    registrar.reads("30 % of all who teach on", "09:30", "17:45")
    rehearsal = Rehearsal.objects.get()
    assert rehearsal.script["wave"] == 0.3
    assert rehearsal.rules == {
        "waking_from": ["07:00", "09:30"],
        "waking_to": ["22:00", "17:45"],
    }


def test_waking_hours_that_end_before_they_begin_are_put_right(campus, meet):
    registrar = meet(campus.registrar)
    registrar.opens("/rehearsals/")
    registrar.unfolds("Time to answer")
    registrar.writes("Waking hours from", "17:45")
    registrar.writes("Waking hours to", "09:30")
    registrar.presses("Rehearse")
    registrar.reads("Waking hours must end after they begin.")
    registrar.writes("Waking hours to", "21:15")
    registrar.presses("Rehearse")
    registrar.reads("17:45", "21:15")
    assert Rehearsal.objects.get().rules["waking_to"][1] == "21:15"


def test_the_rules_are_changed_in_the_admin(campus, meet):
    Policy.objects.create(institute=campus.institute)
    registrar = meet(campus.registrar)
    registrar.opens(reverse("admin:reallocation_policy_changelist"))
    registrar.follows(campus.institute.name)
    registrar.writes("Step 2: section answers", "90")
    registrar.writes("Waking hours from", "06:30")
    registrar.writes("Waking hours to", "09:15")
    registrar.writes("Offers in a wave", "0")
    registrar.writes("Approval quorum", "40")
    registrar.use(registrar.page.get_by_label("Hide the count until the close"))
    registrar.presses("Save")
    registrar.reads("was changed successfully")
    policy = Policy.objects.get()
    assert (policy.section_window, policy.wave_size, policy.quorum_percent) == (90, 0, 40)
    assert (policy.waking_from, policy.waking_to) == (dt.time(6, 30), dt.time(9, 15))
    assert policy.hide_count
    assert LogEntry.objects.get(kind="policy.changed").actor_kind == ActorKind.REGISTRAR


def test_rules_that_contradict_each_other_are_put_right_in_the_admin(campus, meet):
    registrar = meet(campus.registrar)
    registrar.opens(reverse("admin:reallocation_policy_add"))
    registrar.writes("Waking hours from", "20:00")
    registrar.writes("Waking hours to", "08:00")
    registrar.presses("Save")
    registrar.reads("Waking hours must end after they begin.")
    registrar.writes("Waking hours to", "21:00")
    registrar.presses("Save")
    registrar.reads("was added successfully")
    policy = Policy.objects.get()
    assert (policy.waking_from, policy.waking_to) == (dt.time(20), dt.time(21))
