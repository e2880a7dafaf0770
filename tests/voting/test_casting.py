import datetime as dt
import re
import uuid

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.test import override_settings

from tests.factories import NOW, StudentFactory
from tests.voting.classroom import CLOSES, SOON, cast, open_to, tally
from voting import ballots, receipts, signals
from voting.ballots import CastVote
from voting.enums import BallotResult
from voting.models import Vote
from voting.refusals import VotingRefused
from voting.rules import Turnout

pytestmark = pytest.mark.django_db


def refused(ballot, student, choice=True, now=SOON):
    before = tally(ballot)
    with pytest.raises(VotingRefused) as refusal:
        cast(ballot, student, choice, now)
    assert tally(ballot) == before
    return refusal.value.code


def test_a_vote_is_counted_and_gives_a_receipt():
    ballot, students = open_to(5)
    given = cast(ballot, students[0], True)
    assert re.fullmatch(r"[2-9B-DF-HJ-NP-TV-Z]{4}(-[2-9B-DF-HJ-NP-TV-Z]{4}){3}", given.receipt)
    assert given == CastVote(given.receipt, True, Turnout(1, 5), None)
    assert tally(ballot) == (1, 0)
    assert receipts.own_vote(ballot, students[0]) == receipts.Receipt(given.receipt, True)
    assert receipts.own_vote(ballot, students[1]) is None


def test_each_vote_has_its_own_receipt():
    ballot, students = open_to(9)
    given = {cast(ballot, student, n % 2 == 0).receipt for n, student in enumerate(students[:7])}
    assert len(given) == 7
    assert tally(ballot) == (4, 3)


def test_a_changed_vote_replaces_the_first_and_its_receipt():
    ballot, students = open_to(5)
    first = cast(ballot, students[0], True)
    second = cast(ballot, students[0], False)
    assert second == CastVote(second.receipt, False, Turnout(1, 5), None)
    assert second.receipt != first.receipt
    assert tally(ballot) == (0, 1)
    assert receipts.own_vote(ballot, students[0]) == receipts.Receipt(second.receipt, False)
    assert not Vote.objects.filter(receipt=first.receipt).exists()


def test_a_vote_changed_back_counts_once():
    ballot, students = open_to(5)
    for choice in (True, False, True):
        cast(ballot, students[0], choice)
    assert tally(ballot) == (1, 0)


def test_the_same_answer_again_changes_nothing():
    ballot, students = open_to(5)
    first = cast(ballot, students[0], False)
    assert cast(ballot, students[0], False) == first
    assert tally(ballot) == (0, 1)


def test_who_is_not_on_the_roll_is_refused():
    ballot, _students = open_to(5)
    assert refused(ballot, StudentFactory(section=None)) == "not_on_roll"


def test_somebody_of_the_roll_of_another_ballot_is_refused():
    ballot, _students = open_to(5)
    _other, others = open_to(5)
    assert refused(ballot, others[0]) == "not_on_roll"


def test_a_ballot_that_does_not_exist_is_refused_like_one_of_others():
    _ballot, students = open_to(5)
    with pytest.raises(VotingRefused) as refusal:
        ballots.cast(ballot_uid=uuid.uuid4(), student=students[0], choice=True, now=SOON)
    assert refusal.value.code == "not_on_roll"


def test_a_vote_counts_until_the_closing_moment_and_not_in_it():
    ballot, students = open_to(5)
    cast(ballot, students[0], True, now=CLOSES - dt.timedelta(microseconds=1))
    assert refused(ballot, students[1], now=CLOSES) == "closed"
    assert tally(ballot) == (1, 0)


def test_a_vote_before_the_opening_is_refused():
    ballot, students = open_to(5)
    assert refused(ballot, students[0], now=NOW - dt.timedelta(seconds=1)) == "not_open"


def test_after_the_close_no_vote_counts_however_early_it_was_sent():
    ballot, students = open_to(5)
    cast(ballot, students[0], True)
    ballots.close(ballot.pk, CLOSES)
    assert refused(ballot, students[1], now=NOW) == "closed"
    assert refused(ballot, students[0], choice=False, now=NOW) == "closed"


def test_a_vote_is_not_changed_after_a_cancellation():
    ballot, students = open_to(5)
    cast(ballot, students[0], True)
    ballots.cancel(ballot.pk, SOON)
    assert refused(ballot, students[0], choice=False) == "closed"


def test_more_than_half_of_the_roll_closes_as_approved(told):
    ballot, students = open_to(5)
    told.clear()
    assert [cast(ballot, student, True).result for student in students[:3]] == [
        None,
        None,
        BallotResult.APPROVED,
    ]
    assert tally(ballot) == (3, 0)
    assert (ballot.closed_at, ballot.closed_by, ballot.result) == (SOON, "majority", "approved")
    assert told == [
        ("ballot_closing", {"subject_uid": ballot.subject_uid}),
        ("ballot_closed", {"ballot": ballot, "now": SOON}),
    ]
    assert refused(ballot, students[3]) == "closed"


def test_half_of_the_roll_closes_as_rejected():
    ballot, students = open_to(4)
    cast(ballot, students[0], True)
    cast(ballot, students[1], False)
    assert cast(ballot, students[2], False).result == BallotResult.REJECTED
    assert tally(ballot) == (1, 2)
    assert (ballot.closed_by, ballot.result) == ("majority", "rejected")


def test_a_change_of_mind_may_close_the_ballot():
    ballot, students = open_to(4)
    for student in students[:3]:
        cast(ballot, student, student != students[2])
    last = cast(ballot, students[2], True)
    assert last == CastVote(last.receipt, True, Turnout(3, 4), BallotResult.APPROVED)
    assert tally(ballot) == (3, 0)
    assert receipts.own_vote(ballot, students[2]) == receipts.Receipt(last.receipt, True)


def test_the_receiver_of_the_close_sees_the_votes_that_made_it():
    ballot, students = open_to(2)
    seen = []

    def receiver(sender, ballot, now, **more):
        seen.append((ballot.yes, ballot.no, ballot.result, Vote.objects.count()))

    signals.ballot_closed.connect(receiver)
    try:
        cast(ballot, students[0], False)
    finally:
        signals.ballot_closed.disconnect(receiver)
    assert seen == [(0, 1, "rejected", 1)]


def test_a_close_whose_consequence_fails_leaves_no_vote_behind():
    ballot, students = open_to(1)

    def receiver(sender, **said):
        raise RuntimeError("no")

    signals.ballot_closed.connect(receiver)
    try:
        with pytest.raises(RuntimeError):
            cast(ballot, students[0], True)
    finally:
        signals.ballot_closed.disconnect(receiver)
    assert tally(ballot) == (0, 0)
    assert ballot.is_open
    assert receipts.own_vote(ballot, students[0]) is None


def test_a_new_secret_key_gives_nobody_a_second_vote():
    ballot, students = open_to(5)
    cast(ballot, students[0], True)
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        cast(ballot, students[0], False)
        cast(ballot, students[1], False)
        assert tally(ballot) == (0, 2)
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=[]):
        assert refused(ballot, students[0]) == "key_changed"
        assert refused(ballot, students[2]) == "key_changed"


def test_the_database_takes_one_vote_per_voter_and_no_more_than_the_roll():
    ballot, students = open_to(5)
    cast(ballot, students[0], True)
    vote = Vote.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Vote.objects.create(
            ballot=ballot, voter_key=vote.voter_key, choice=False, receipt=receipts.new_code()
        )
    ballot.refresh_from_db()
    ballot.no = 5
    with pytest.raises(IntegrityError, match="ballot_votes_within_roll"), transaction.atomic():
        ballot.save(update_fields=["no"])


@pytest.mark.usefixtures("nobody_listens")
@pytest.mark.parametrize("size", [5, 50])
def test_casting_takes_as_many_queries_for_any_roll(size, django_assert_num_queries):
    ballot, students = open_to(size)
    cast(ballot, students[1], True)
    # roll; savepoint, lock, earlier vote, vote, tally, release
    with django_assert_num_queries(6):
        cast(ballot, students[0], True)
