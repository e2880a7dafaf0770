"""Nothing tells who voted what. The data is such that it could leak: named voters, both answers, open
and closed ballots, and whatever the workflow makes of them."""

import datetime as dt
import logging

import pytest
from django.contrib import admin
from django.db import connection
from django.test import RequestFactory, override_settings
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.debug import ExceptionReporter

from tests.factories import CaseFactory, MeetingFactory, StaffFactory, UserFactory
from tests.voting.classroom import CLOSES, SOON, cast, class_of, open_for, open_to
from timetable import writes
from voting import ballots, keys, queries, receipts, views
from voting.models import RollPlace, Vote
from voting.refusals import VotingRefused

pytestmark = pytest.mark.django_db


@pytest.fixture
def voted():
    """An open and a closed ballot of two cases, with votes of both kinds; and their voters."""
    found = []
    for closes in (False, True):
        offering = class_of(9)
        case = CaseFactory(meeting=MeetingFactory(offering=offering))
        ballot = open_for(offering, subject_uid=case.uid)
        students = list(offering.students.order_by("pk"))
        for n, student in enumerate(students[:6]):
            cast(ballot, student, n % 2 == 0)
        ballots.remind_due(SOON + (CLOSES - SOON) / 2)
        if closes:
            ballots.close(ballot.pk, CLOSES)
        ballot.refresh_from_db()
        found.append((ballot, students))
    return found


def secrets():
    return {
        secret
        for row in Vote.objects.values_list("receipt", "voter_key", "pk")
        for secret in (row[0], row[1], str(row[2]))
    }


def leaks(text):
    return {secret for secret in secrets() if secret in text}


def admin_addresses():
    """Every page that the admin has for what is in the database now."""
    yield reverse("admin:index")
    for model, pages in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        for kind in ("changelist", "add"):
            yield reverse(f"{name}_{kind}")
        for row in model._default_manager.order_by("-pk")[:4]:
            for kind in ("change", "delete", "history"):
                yield reverse(f"{name}_{kind}", args=[row.pk])
        for url in pages.get_urls():
            try:
                yield reverse(f"admin:{url.name}") if url.name else reverse("admin:index")
            except NoReverseMatch:
                continue


@pytest.mark.parametrize("is_superuser", [False, True], ids=["registrar", "superuser"])
def test_no_admin_page_shows_a_vote(client, voted, is_superuser):
    ballot, _students = voted[0]
    user = UserFactory(is_staff=True, is_superuser=is_superuser)
    StaffFactory(institute=ballot.institute, user=user)
    client.force_login(user)
    assert len(secrets()) == 36
    seen = 0
    for address in set(admin_addresses()):
        response = client.get(address)
        if response.status_code == 200:
            seen += 1
            assert leaks(response.content.decode()) == set(), address
    assert seen > 3


def test_no_page_of_a_peer_shows_a_vote_before_the_close(client, voted):
    ballot, students = voted[0]
    peer = students[8]
    client.force_login(peer.user)
    for address in (
        reverse("voting:ballot-detail", args=[ballot.uid]),
        reverse("voting:ballot-list"),
        reverse("timetable:my-classes"),
        reverse("timetable:class-detail", args=[ballot.offering.code]),
    ):
        response = client.get(address)
        assert response.status_code == 200
        assert leaks(response.content.decode()) == set()


def test_the_list_of_receipts_names_nobody_and_no_key(client, voted):
    ballot, students = voted[1]
    client.force_login(students[8].user)
    text = client.get(reverse("voting:ballot-detail", args=[ballot.uid])).content.decode()
    theirs = set(Vote.objects.filter(ballot=ballot).values_list("receipt", flat=True))
    assert leaks(text) == theirs
    assert not [student for student in students[:6] if student.name in text or student.code in text]


def test_nothing_printed_of_a_vote_tells_it(voted):
    ballot, students = voted[1]
    given = receipts.own_vote(ballot, students[0])
    seen = queries.as_seen_by(students[0], ballot, SOON)
    other, others = open_to(5)
    count = cast(other, others[0], True)
    vote = Vote.objects.get(receipt=given.code)
    for thing in (given, seen, count, vote, *ballot.roll.all(), ballot):
        printed = f"{thing} {thing!r}"
        assert leaks(printed) == set()
        assert "choice" not in printed
    assert repr(given) == "Receipt()"
    assert repr(count) == "CastVote(turnout=Turnout(voted=1, roll=5), result=None)"
    assert repr(vote) == "<Vote: a vote>"


def test_no_log_line_tells_a_vote(caplog):
    ballot, students = open_to(5)
    with caplog.at_level(logging.DEBUG):
        cast(ballot, students[0], True)
        cast(ballot, students[0], False)
        for student in students[1:3]:
            cast(ballot, student, False)
        with pytest.raises(VotingRefused):
            cast(ballot, students[3], True)
    text = "\n".join(str(record.__dict__) for record in caplog.records)
    assert leaks(text) == set()
    assert not [student for student in students if student.name in text]


@override_settings(DEBUG=False)
def test_no_error_report_tells_a_vote(monkeypatch):
    now = timezone.now()
    ballot, students = open_to(5, now=now, closes_at=now + dt.timedelta(hours=1))
    students[0].user.name = students[0].name = "Theodora Secret"
    students[0].user.save()
    students[0].save()

    def fail(*args, **named):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(writes, "_values", fail)
    monkeypatch.setattr(receipts, "new_code", lambda: "-".join(["SECRET"] * 3))
    request = RequestFactory().post("/", {"choice": "yes"})
    request.user, request._dont_enforce_csrf_checks = students[0].user, True
    with pytest.raises(RuntimeError) as raised:
        views.ballot_detail(request, ballot.uid)
    # The first frame is this test's own.
    reporter = ExceptionReporter(request, raised.type, raised.value, raised.tb.tb_next)
    report = reporter.get_traceback_html()
    key = receipts.VoterKeys(ballot).of(students[0].pk)
    assert "the disk is full" in report
    assert "voting/ballots.py" in report
    assert not [secret for secret in (key, "SECRET-SECRET", "&#x27;yes&#x27;") if secret in report]


def test_voting_writes_nothing_beside_the_students(voted):
    ballot, students = open_to(9)
    before = list(RollPlace.objects.order_by("pk").values())
    cast(ballot, students[0], True)
    assert list(RollPlace.objects.order_by("pk").values()) == before
    assert {field.attname for field in RollPlace._meta.fields} == {"id", "ballot_id", "student_id"}
    assert {field.attname for field in Vote._meta.fields} == {
        "id",
        "ballot_id",
        "voter_key",
        "choice",
        "receipt",
    }


def test_the_key_of_a_vote_is_known_with_the_servers_secret_alone():
    ballot, students = open_to(5)
    other, _others = open_to(5)
    mine = keys.voter_key("secret", ballot.uid, students[0].pk)
    assert keys.voter_key("other", ballot.uid, students[0].pk) != mine
    assert keys.voter_key("secret", other.uid, students[0].pk) != mine
    assert keys.voter_key("secret", ballot.uid, students[1].pk) != mine


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_the_databases_own_numbers_do_not_tie_a_vote_to_a_place_on_the_roll():
    ballot, students = open_to(9)
    for student in students[:4]:
        cast(ballot, student, True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT xmin::text FROM voting_rollplace")
        places = cursor.fetchall()
        cursor.execute("SELECT DISTINCT xmin::text FROM voting_vote")
        votes = cursor.fetchall()
    assert (len(places), len(votes)) == (1, 4)
    assert not set(places) & set(votes)
