"""What a registrar does, in each of the ways there are."""

import pytest

from reallocation.enums import CaseStatus, RehearsalStatus
from reallocation.models import Rehearsal
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
