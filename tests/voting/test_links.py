import pytest
from django.core import signing
from django.urls import reverse

from tests.factories import StudentFactory
from tests.voting.classroom import tally
from tests.voting.voter_pages import link, running, sign_in, text_of
from voting import receipts

pytestmark = pytest.mark.django_db


def test_a_link_opens_the_ballot_without_login_and_changes_nothing(client):
    ballot, students = running(8)
    address = link(ballot, students[0].user)
    response = client.get(address)
    assert response.status_code == 200
    assert ballot.question in text_of(response)
    assert f'hx-get="{address}?phase=open&seen=' in text_of(response)
    assert tally(ballot) == (0, 0)


def test_a_link_votes_for_the_one_it_was_made_for(client):
    ballot, students = running(8)
    address = link(ballot, students[0].user)
    response = sign_in(client, students[1]).post(address, {"choice": "yes"})
    assert (response.status_code, response.url) == (302, address)
    assert receipts.own_vote(ballot, students[0]).choice
    assert receipts.own_vote(ballot, students[1]) is None


def test_a_link_of_somebody_not_on_the_roll_finds_nothing(client):
    ballot, _students = running(8)
    stranger = StudentFactory(institute=ballot.institute).user
    assert client.post(link(ballot, stranger), {"choice": "yes"}).status_code == 404
    assert tally(ballot) == (0, 0)


def test_an_expired_link_says_what_to_do(client):
    ballot, students = running(8)
    address = link(ballot, students[0].user, seconds=-1)
    response = client.post(address, {"choice": "yes"})
    assert response.status_code == 410
    assert "Sign in to find your votes and their results." in text_of(response)
    assert tally(ballot) == (0, 0)


def test_a_link_that_was_changed_or_made_for_something_else_is_refused(client):
    ballot, students = running(8)
    good = link(ballot, students[0].user)
    forged = reverse("voting:ballot-link", args=[signing.dumps({"ballot": str(ballot.uid)})])
    for address in (
        good[:-2] + "x/",
        link(ballot, students[0].user, purpose="offer"),
        forged,
        reverse("voting:ballot-link", args=["nonsense"]),
    ):
        assert client.post(address, {"choice": "yes"}).status_code == 404
    assert tally(ballot) == (0, 0)
