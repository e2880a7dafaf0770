import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.factories import OfferingFactory, StaffFactory
from tests.voting.classroom import open_for
from tests.voting.voter_pages import HOUR, link, page, running, sign_in, text_of, vote_as
from voting import ballots
from voting.models import Ballot, Vote

pytestmark = pytest.mark.django_db


def test_a_student_lists_open_and_past_ballots(client):
    ballot, students = running(8)
    past = open_for(ballot.offering, question="Shall Cleo teach?", now=timezone.now() - HOUR)
    ballots.cancel(past.pk, timezone.now())
    _other, _others = running(8, question="Not for you?")
    text = text_of(sign_in(client, students[0]).get(reverse("voting:ballot-list")))
    assert ballot.question in text
    assert "Waits for your vote" in text
    assert past.question in text
    assert "Not for you?" not in text
    vote_as(client, students[0], ballot, "yes")
    assert "You have voted" in text_of(client.get(reverse("voting:ballot-list")))


def test_the_list_is_for_students(client):
    ballot, _students = running(8)
    address = reverse("voting:ballot-list")
    assert client.get(address).status_code == 302
    sign_in(client, StaffFactory(institute=ballot.institute))
    assert client.get(address).status_code == 404


def queries_of(client, address):
    """How many queries a page takes, and how many of them are this app's own."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    own = [query for query in captured if '"voting_' in query["sql"]]
    return len(captured), len(own)


def test_the_list_takes_as_many_queries_for_any_number(client):
    _ballot, students = running(8)
    sign_in(client, students[0])
    taken = []
    for more in (0, 2):
        for _ in range(more):
            open_for(
                class_with(students), now=timezone.now() - HOUR, closes_at=timezone.now() + HOUR
            )
        for _ in range(more + 1):
            past = open_for(class_with(students), now=timezone.now() - HOUR)
            ballots.cancel(past.pk, timezone.now())
        taken.append(queries_of(client, reverse("voting:ballot-list")))
    assert taken[0] == taken[1]
    # ballots and votes of the list, past ballots; ballots and votes for the number in the navigation
    assert taken[0][1] == 5


def class_with(students):
    return OfferingFactory(students=students, professors=[])


def test_the_page_takes_as_many_queries_for_any_number_of_votes(client):
    taken = []
    for votes in (1, 3):
        ballot, students = running(8)
        for student in students[:votes]:
            ballots.cast(ballot_uid=ballot.uid, student=student, choice=True, now=timezone.now())
        ballots.cancel(ballot.pk, timezone.now())
        sign_in(client, students[0])
        taken.append(queries_of(client, page(ballot)))
    assert taken[0] == taken[1]
    # place on the roll, ballot, own vote, receipts; open ballots for the number in the navigation
    assert taken[0][1] == 5


def test_the_live_part_takes_five_queries_for_any_number_of_votes(client):
    for votes in (1, 3):
        ballot, students = running(8)
        for student in students[:votes]:
            ballots.cast(ballot_uid=ballot.uid, student=student, choice=True, now=timezone.now())
        sign_in(client, students[0])
        # session and account; place on the roll, ballot, own vote
        assert queries_of(client, f"{page(ballot)}?phase=open") == (5, 3)


# On the timetable's pages


def test_a_class_page_shows_its_open_ballots_to_its_students(client):
    ballot, students = running(8)
    address = reverse("timetable:class-detail", args=[ballot.offering.code])
    assert page(ballot) in text_of(sign_in(client, students[0]).get(address))
    sign_in(client, StaffFactory(institute=ballot.institute))
    assert page(ballot) not in text_of(client.get(address))


def test_a_class_page_takes_the_vote_and_shows_how_it_ended(client):
    ballot, students = running(8)
    address = reverse("timetable:class-detail", args=[ballot.offering.code])
    text = text_of(sign_in(client, students[0]).get(address))
    for said in (
        ballot.question,
        "The class agrees if more say yes than no and at least 2 of the 8",
        "0 of 8 have voted (0\u00a0%).",
        " left",
        f'action="{page(ballot)}"',
        'name="choice" value="yes"',
        'name="choice" value="no"',
    ):
        assert said in text
    assert "0 yes" not in text
    vote_as(client, students[0], ballot, "yes")
    text = text_of(client.get(address))
    assert "You voted yes." in text
    assert "Change my vote to no" in text
    ballots.close(ballot.pk, ballot.closes_at)
    text = text_of(client.get(address))
    assert 'name="choice"' not in text
    assert "The result, with all receipts" in text
    Ballot.objects.update(closed_at=timezone.now() - dt.timedelta(days=15))
    assert page(ballot) not in text_of(client.get(address))


def test_my_classes_shows_ballots_until_they_are_answered(client):
    ballot, students = running(8)
    address = reverse("timetable:my-classes")
    assert page(ballot) in text_of(sign_in(client, students[0]).get(address))
    vote_as(client, students[0], ballot, "yes")
    assert page(ballot) not in text_of(client.get(address))


def test_the_database_is_untouched_by_looking(client):
    ballot, students = running(8)
    before = Ballot.objects.values().get()
    sign_in(client, students[0])
    for address in (
        page(ballot),
        f"{page(ballot)}?phase=open",
        f"{page(ballot)}?choice=yes",
        link(ballot, students[0].user) + "?choice=yes",
        reverse("voting:ballot-list"),
    ):
        assert client.get(address).status_code == 200
        assert client.head(address).status_code == 200
    assert (Ballot.objects.values().get(), Vote.objects.count()) == (before, 0)
