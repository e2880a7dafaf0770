"""Whatever a registrar or the absent professor may do to a case, in each of the ways there are."""

import datetime as dt

import pytest
from django.urls import reverse

from reallocation.enums import CaseStatus, OfferStatus, StepNumber, WaitingFor
from reallocation.models import LogEntry
from tests.browser.campus import again

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def page(case):
    return reverse("reallocation:case-detail", args=[case.uid])


def reasons(case):
    """Why, as the log has it, in order."""
    entries = LogEntry.objects.filter(case=case).order_by("number")
    return list(entries.exclude(reason="").values_list("reason", flat=True))


def test_a_registrar_sends_a_case_on_chooses_for_the_professor_drops_and_opens_it_again(
    campus, meet, worker
):
    case = campus.file()
    worker.run()
    registrar = meet(campus.registrar)
    registrar.opens(page(case))
    registrar.unfolds("Send to another step")
    registrar.picks("Step", "Same subject")
    registrar.writes("Why?", "The section is away")
    registrar.presses("Send there")
    registrar.reads("The case goes on at that step.")
    worker.run()

    registrar.opens(page(case))
    registrar.unfolds("For Ada Adler: Who shall be asked?")
    registrar.chooses("candidate", "EVE")
    registrar.presses("Ask this colleague")
    registrar.reads("They are asked now.")
    worker.run()
    assert again(case).waiting_for == WaitingFor.CANDIDATE
    asked = case.offers.get(professor__code="EVE")

    registrar.opens(page(case))
    registrar.unfolds("Drop the class")
    registrar.writes("Why?", "Nobody can come")
    registrar.presses("Drop the class")
    registrar.reads("The class is dropped.", "The class does not take place.")
    worker.run()
    asked.refresh_from_db()
    assert (again(case).status, asked.status) == (CaseStatus.DROPPED, OfferStatus.WITHDRAWN)

    registrar.unfolds("Open the case again")
    registrar.picks("Step", "Reschedule")
    registrar.writes("Why?", "The hall is free")
    registrar.presses("Open again")
    registrar.reads("The case is open again.")
    worker.run()
    registrar.opens(page(case))
    best = again(case).records.get(left_at=None).considered["ranked"][0]
    registrar.unfolds("For Ada Adler: Which new time?")
    registrar.chooses("slot", f"{best['starts_at']}|{best['room']}")
    registrar.presses("Take this time")
    registrar.reads("The class is moved there")
    worker.run()
    moved = again(case)
    assert (moved.status, moved.step) == (CaseStatus.RESCHEDULED, StepNumber.RESCHEDULE)
    assert moved.meeting.starts_at == dt.datetime.fromisoformat(best["starts_at"])
    assert reasons(case) == ["The section is away", "Nobody can come", "The hall is free"]


def test_a_registrar_moves_a_class_to_where_it_can_be(campus, meet, worker):
    case = campus.file()
    worker.run()
    registrar = meet(campus.registrar)
    registrar.opens(page(case))
    registrar.unfolds("Move the class")
    registrar.writes("Day", (campus.day - dt.timedelta(days=30)).isoformat())
    registrar.writes("Starts", "14:00")
    registrar.writes("Why?", "Agreed with the class")
    registrar.presses("Move")
    registrar.reads("The class cannot be moved there:")
    assert again(case).is_open

    next_day = campus.day + dt.timedelta(days=1)
    registrar.writes("Day", next_day.isoformat())
    registrar.presses("Move")
    registrar.reads("The class is moved.")
    worker.run()
    moved = again(case)
    assert moved.status == CaseStatus.RESCHEDULED
    assert moved.meeting.starts_at == campus.institute.moment(next_day, dt.time(14))


def test_the_professor_has_somebody_asked_first_after_all(campus, meet, worker):
    case = campus.file()
    worker.run()
    ada = meet(campus.user("ADA"))
    ada.opens(page(case))
    ada.unfolds("Have somebody asked first")
    ada.picks("A colleague who is free then", "Cleo Clark")
    ada.presses("Ask them")
    ada.reads("They are asked now, before anybody else.")
    worker.run()
    assert again(case).waiting_for == WaitingFor.SUBSTITUTE
    waiting = case.offers.filter(status=OfferStatus.SENT)
    assert [offer.professor.code for offer in waiting] == ["CLEO"]
