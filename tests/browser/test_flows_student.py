"""What a student does, in each of the ways there are."""

import pytest
from django.urls import reverse
from django.utils import timezone

from reallocation import answers, overrides
from reallocation.audit import Who
from reallocation.enums import ActorKind, CaseStatus, StepNumber, WaitingFor
from tests.browser.campus import (
    again,
    link_in_mail_to,
    the_class_votes_on,
)
from timetable.models import AccessToken
from voting import ballots
from voting.models import Ballot, Vote

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def page(ballot):
    return reverse("voting:ballot-detail", args=[ballot.uid])


def others_vote(ballot, students, choice):
    for student in students:
        ballots.cast(ballot_uid=ballot.uid, student=student, choice=choice, now=timezone.now())


def test_voting_on_a_substitute_changing_it_and_finding_the_receipt(campus, meet, worker):
    case, ballot = the_class_votes_on(campus.professors["EVE"], campus, worker)

    first, *others = campus.students
    student = meet(first.user)
    student.opens("/votes/")
    student.follows("Eve Ernst")
    student.answers("choice", "no")
    student.reads("You voted no.", "Your receipt:")
    refused = own_receipt(student)
    student.answers("choice", "yes")
    student.reads("You voted yes.")
    receipt = own_receipt(student)
    assert receipt != refused
    assert Vote.objects.filter(ballot=ballot).count() == 1

    others_vote(ballot, others[:2], choice=True)
    worker.run()
    assert again(case).status == CaseStatus.SUBSTITUTED
    student.opens(page(ballot))
    student.reads("The class said yes.", "All receipts")
    rows = student.page.get_by_role("row").filter(has_text=receipt)
    assert rows.inner_text().split()[-2:] == ["yours", "Yes"]
    assert refused not in student.page.content()
    student.opens("/classes/MATH.A/")
    student.reads("Eve Ernst teaches instead of Ada Adler.")


def own_receipt(student):
    return student.page.locator("#your-vote ~ * code, #your-vote + * code").first.inner_text()


def test_a_vote_on_the_weekend_by_the_link_in_the_mail(campus, meet, worker):
    case = campus.file()
    worker.run()
    who = Who(ActorKind.REGISTRAR, name="Registrar")
    overrides.send_to(
        again(case), step=StepNumber.WEEKEND, why="To try it", now=timezone.now(), who=who
    )
    worker.run()
    assert again(case).waiting_for == WaitingFor.WEEKEND_VOTE
    first, *others = campus.students
    student = meet()
    student.opens(link_in_mail_to(first.user))
    student.answers("choice", "no")
    student.reads("You voted no.")
    others_vote(Ballot.objects.get(), others[:2], choice=False)
    worker.run()
    assert again(case).status == CaseStatus.DROPPED
    student = meet(first.user)
    student.opens(page(Ballot.objects.get()))
    student.reads("The class said no.")
    student.opens("/changes/")
    student.reads("Dropped")


def test_what_is_one_s_own_messages_calendar_and_tokens(campus, meet, worker):
    campus.file()
    worker.run()
    answers_of_ben_are_yes(campus)
    worker.run()
    student = meet(campus.students[0].user)
    student.opens("/inbox/")
    student.presses("Ben Baker")
    student.reads("Ben Baker")
    student.opens("/calendar/")
    student.presses("Make my address")
    student.reads("Your address")
    student.opens("/tokens/")
    student.writes("What is it for?", "My script")
    student.presses("Make a token")
    student.reads("Your new token", "My script")
    student.presses("Revoke My script")
    student.reads("You have no tokens.")
    assert AccessToken.objects.get().revoked_at is not None


def answers_of_ben_are_yes(campus):
    from reallocation.models import Offer

    offer = Offer.objects.get(professor__code="BEN")
    answers.accept(offer, by=offer.professor, now=timezone.now())
