"""Links of old mails: what somebody reads who comes too late, in each of the ways there are."""

import pytest
from django.utils import timezone

from reallocation import absences, answers
from reallocation.enums import OfferStatus, WaitingFor
from reallocation.sweep import sweep
from tests.browser.campus import (
    again,
    link_in_mail_to,
    the_class_votes_on,
)
from voting import ballots

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_somebody_was_faster(campus, meet, worker):
    campus.another_colleague("DORA", "Dora Dorn")
    case = campus.file()
    worker.run()
    ben = meet()
    ben.opens(link_in_mail_to(campus.user("BEN")))
    ben.reads("Can you take this class?")
    answers.accept(
        case.offers.get(professor__code="CLEO"), by=campus.professors["CLEO"], now=timezone.now()
    )
    worker.run()
    ben.answers("answer", "accept")
    ben.reads("Cleo Clark was faster and has already taken this class.")
    assert case.offers.get(professor__code="BEN").status == OfferStatus.TAKEN

    dora = meet()
    dora.opens(link_in_mail_to(case.offers.get(professor__code="DORA").professor.user))
    dora.reads("Somebody else was faster")
    dora.follows("Sign in and see the case")
    dora.reads("Send me a code by e-mail")


def test_the_time_to_answer_is_over_and_then_nothing_is_wanted_any_more(campus, meet, worker):
    case = campus.file()
    worker.run()
    ben = meet()
    ben.opens(link_in_mail_to(campus.user("BEN")))
    # The page stays open until the window has closed.
    assert sweep(again(case).deadline).failed == 0
    worker.run()
    ben.answers("answer", "accept")
    ben.reads("The time to answer was over", "tell Ada Adler or the registrar")

    assert again(case).waiting_for == WaitingFor.CANDIDATE_CHOICE
    eve = campus.professors["EVE"]
    ada = meet()
    ada.opens(link_in_mail_to(campus.user("ADA")))
    answers.choose_candidate(again(case), candidate=eve, now=timezone.now())
    worker.run()
    ada.chooses("candidate", "EVE")
    ada.presses("Ask this colleague")
    ada.reads("Eve Ernst is asked to take the class.")

    absences.withdraw(case.absence, now=timezone.now())
    worker.run()
    late = meet()
    late.opens(link_in_mail_to(eve.user, first=True))
    late.reads("This request was withdrawn")


def test_a_vote_that_comes_after_the_close(campus, meet, worker):
    _case, ballot = the_class_votes_on(campus.professors["EVE"], campus, worker)
    first, *others = campus.students
    student = meet()
    student.opens(link_in_mail_to(first.user))
    for other in others[:3]:
        ballots.cast(ballot_uid=ballot.uid, student=other, choice=True, now=timezone.now())
    worker.run()
    student.answers("choice", "no")
    student.reads("The class said yes.")
    assert ballot.votes.count() == 3
