import datetime as dt
import html
import re
import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.factories import (
    ProfessorFactory,
    StaffFactory,
    StudentFactory,
    UserFactory,
)
from tests.voting.classroom import tally
from tests.voting.voter_pages import link, page, running, sign_in, text_of, vote_as
from voting import ballots, receipts
from voting.models import Vote

pytestmark = pytest.mark.django_db


# Who finds the page


def test_a_voter_reads_question_rule_deadline_and_turnout(client):
    ballot, students = running(8)
    response = sign_in(client, students[0]).get(page(ballot))
    text = text_of(response)
    closes = ballot.institute.local(ballot.closes_at)
    assert response.status_code == 200
    assert ballot.question in text
    assert (
        "The class agrees if more say yes than no and at least 2 of the 8 who may vote (25\u00a0%) say "
        "yes; a tie is a no."
    ) in text
    assert f"{closes:%H:%M}" in text
    assert "Europe/Vienna" in text
    assert "0 of 8 have voted (0\u00a0%)." in text
    assert "You have not voted yet." in text
    assert response.headers["Cache-Control"].startswith("max-age=0, no-cache, no-store")


@pytest.mark.parametrize("method", ["get", "post"])
def test_whoever_is_not_on_the_roll_finds_nothing(client, method):
    ballot, _students = running(8)
    institute = ballot.institute
    elsewhere, others = running(8, "southfield")
    superuser = UserFactory(is_staff=True, is_superuser=True)
    for user in (
        StudentFactory(institute=institute).user,
        others[0].user,
        ProfessorFactory(institute=institute).user,
        StaffFactory(institute=institute).user,
        superuser,
    ):
        client.force_login(user)
        response = getattr(client, method)(page(ballot), {"choice": "yes"})
        assert response.status_code == 404
    assert (tally(ballot), tally(elsewhere)) == ((0, 0), (0, 0))


def test_a_registrar_who_studies_too_sees_only_what_a_student_sees(client):
    ballot, students = running(8)
    StaffFactory(institute=ballot.institute, user=students[0].user)
    ballots.cast(ballot_uid=ballot.uid, student=students[1], choice=True, now=timezone.now())
    text = text_of(sign_in(client, students[0]).get(page(ballot)))
    assert "Shown to those who have voted." in text
    assert Vote.objects.get().receipt not in text


@pytest.mark.parametrize("method", ["get", "post"])
def test_who_is_logged_out_is_sent_to_the_login_and_back(client, method):
    ballot, _students = running(8)
    came_from = f"http://testserver{page(ballot)}"
    response = getattr(client, method)(page(ballot), headers={"Referer": came_from})
    assert response.status_code == 302
    assert response.url == f"{reverse('account_login')}?next={page(ballot)}"
    assert tally(ballot) == (0, 0)


def test_a_ballot_that_does_not_exist_is_not_found(client):
    _ballot, students = running(8)
    address = reverse("voting:ballot-detail", args=[uuid.uuid4()])
    assert sign_in(client, students[0]).get(address).status_code == 404


def test_an_account_that_is_shut_finds_nothing_by_its_link(client):
    ballot, students = running(8)
    students[0].user.is_active = False
    students[0].user.save(update_fields=["is_active"])
    assert client.get(link(ballot, students[0].user)).status_code == 404


# Voting


@pytest.mark.parametrize(("choice", "counted"), [("yes", (1, 0)), ("no", (0, 1))])
def test_a_vote_is_counted_and_shown_with_its_receipt(client, choice, counted):
    ballot, students = running(8)
    response = vote_as(client, students[0], ballot, choice)
    assert (response.status_code, response.url) == (302, page(ballot))
    assert tally(ballot) == counted
    text = text_of(client.get(page(ballot)))
    assert "Your vote is counted." in text
    assert f"You voted {choice}." in text
    assert receipts.own_vote(ballot, students[0]).code in text
    assert "{} yes, {} no".format(*counted) in text


def test_a_vote_may_be_changed(client):
    ballot, students = running(8)
    vote_as(client, students[0], ballot, "yes")
    assert "Change my vote to no" in text_of(client.get(page(ballot)))
    vote_as(client, students[0], ballot, "no")
    assert tally(ballot) == (0, 1)
    text = text_of(client.get(page(ballot)))
    assert "You voted no." in text
    assert "Change my vote to yes" in text


@pytest.mark.parametrize("data", [{}, {"choice": ""}, {"choice": "perhaps"}])
def test_an_answer_that_is_none_is_refused_at_its_place(client, data):
    ballot, students = running(8)
    response = sign_in(client, students[0]).post(page(ballot), data)
    assert response.status_code == 400
    assert "Choose yes or no." in text_of(response)
    assert tally(ballot) == (0, 0)


def test_a_vote_after_the_close_is_refused_and_says_so(client):
    ballot, students = running(8)
    ballots.cancel(ballot.pk, timezone.now())
    response = vote_as(client, students[0], ballot, "yes")
    assert response.status_code == 409
    assert "This vote is closed. Your answer came too late and was not counted." in text_of(
        response
    )
    assert tally(ballot) == (0, 0)


def test_a_vote_past_the_time_is_refused_before_the_close_is_recorded(client):
    ballot, students = running(8, closes_at=timezone.now() - dt.timedelta(seconds=1))
    response = vote_as(client, students[0], ballot, "yes")
    assert response.status_code == 409
    assert "Being counted" in text_of(response)
    assert tally(ballot) == (0, 0)


def test_the_vote_that_decides_shows_the_result(client):
    ballot, students = running(2)
    vote_as(client, students[0], ballot, "no")
    text = text_of(client.get(page(ballot)))
    assert "The class said no." in text
    assert "The rest of the votes could not change the result." in text
    assert "0 yes, 1 no" in text
    assert 'name="choice"' not in text


def test_a_page_of_another_site_cannot_vote():
    from django.test import Client

    ballot, students = running(8)
    client = Client(enforce_csrf_checks=True)
    assert vote_as(client, students[0], ballot, "yes").status_code == 403
    assert tally(ballot) == (0, 0)


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_nothing_else_can_be_asked_of_a_ballot(client, method):
    ballot, students = running(8)
    assert getattr(sign_in(client, students[0]), method)(page(ballot)).status_code == 405


# After the close


def test_after_the_close_everybody_on_the_roll_can_count_again(client):
    ballot, students = running(8)
    given = [
        ballots.cast(ballot_uid=ballot.uid, student=student, choice=n != 0, now=timezone.now())
        for n, student in enumerate(students[:3])
    ]
    before = text_of(sign_in(client, students[7]).get(page(ballot)))
    assert not [vote for vote in given if vote.receipt in before]
    ballots.close(ballot.pk, ballot.closes_at)
    response = client.get(page(ballot))
    text = text_of(response)
    assert "The class said yes." in text
    assert "2 yes, 1 no" in text
    assert "You did not vote." in text
    shown = response.context["view"].receipts
    assert [(row.code, row.choice) for row in shown] == sorted(
        (vote.receipt, vote.choice) for vote in given
    )
    assert all(vote.receipt in text for vote in given)


def test_after_the_close_a_voter_finds_the_own_receipt(client):
    ballot, students = running(2)
    vote_as(client, students[0], ballot, "no")
    text = text_of(client.get(page(ballot)))
    assert text.count(receipts.own_vote(ballot, students[0]).code) == 2
    assert "yours" in text


def test_a_question_withdrawn_says_so(client):
    ballot, students = running(8)
    ballots.cancel(ballot.pk, timezone.now())
    text = text_of(sign_in(client, students[0]).get(page(ballot)))
    assert "The question was withdrawn: nobody needs the answer any more." in text


# The live part


def test_the_live_part_asks_for_itself_until_the_close(client):
    ballot, students = running(8)
    text = text_of(sign_in(client, students[0]).get(page(ballot)))
    assert f'hx-get="{page(ballot)}?phase=open&seen=' in text
    assert 'hx-trigger="every 10s, look"' in text
    ballots.cancel(ballot.pk, timezone.now())
    assert "hx-get" not in text_of(client.get(page(ballot)))


def test_the_live_part_is_a_part_and_shows_no_more_than_the_page(client):
    ballot, students = running(8)
    sign_in(client, students[0])
    ballots.cast(ballot_uid=ballot.uid, student=students[1], choice=True, now=timezone.now())
    live = text_of(client.get(f"{page(ballot)}?phase=open", headers={"HX-Request": "true"}))
    assert "<html" not in live
    assert "1 of 8 have voted (12\u00a0%)." in live
    assert "Shown to those who have voted." in live
    vote_as(client, students[0], ballot, "no")
    live = text_of(client.get(f"{page(ballot)}?phase=open", headers={"HX-Request": "true"}))
    assert "1 yes, 1 no" in live


def test_the_page_is_loaded_anew_when_the_phase_changes(client):
    ballot, students = running(8)
    ballots.cancel(ballot.pk, timezone.now())
    response = sign_in(client, students[0]).get(f"{page(ballot)}?phase=open")
    assert (response.content, response.headers["HX-Refresh"]) == (b"", "true")


def test_the_live_part_is_silent_while_nothing_happens(client):
    ballot, students = running(8)
    body = sign_in(client, students[0]).get(page(ballot)).content.decode()
    (asked,) = re.findall(r'hx-get="([^"]+)"', body)
    asked = html.unescape(asked)
    assert client.get(asked).status_code == 204
    ballots.cast(ballot_uid=ballot.uid, student=students[1], choice=True, now=timezone.now())
    response = client.get(asked)
    assert response.status_code == 200
    assert "1 of 8 have voted (12\u00a0%)." in text_of(response)


def test_the_count_stays_hidden_in_what_the_live_part_asks_with(client):
    """Two ballots that differ only in what the reader may not know are asked for in the same way."""
    asked = []
    for choice in (True, False):
        ballot, students = running(8)
        ballots.cast(ballot_uid=ballot.uid, student=students[1], choice=choice, now=timezone.now())
        body = sign_in(client, students[0]).get(page(ballot)).content.decode()
        asked += re.findall(r"seen=(\w+)", body)
    assert asked[0] == asked[1]
