"""What only a real database with many connections can show. Beside each race stands a control that
goes wrong without the lock."""

import datetime as dt
import itertools
import threading
import uuid

import pytest
from django.db import OperationalError, transaction

from tests.factories import InstituteFactory
from tests.voting.classroom import CLOSES, SOON, cast, class_of, open_for, open_to, tally
from tests.voting.crowd import (
    PATIENCE,
    at_once,
    wait_until_somebody_waits_for_a_lock,
    without_locks,
)
from timetable.models import Institute
from voting import ballots, receipts, signals
from voting.ballots import CastVote
from voting.models import Ballot, RollPlace, Vote
from voting.receipts import Receipt
from voting.refusals import VotingRefused
from voting.rules import Rule

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

JUST_IN_TIME = CLOSES - dt.timedelta(milliseconds=1)

crowded = pytest.mark.parametrize("round_", range(5))
with_and_without_lock = pytest.mark.parametrize("locked", [True, False], ids=["lock", "control"])


@pytest.fixture
def lock(monkeypatch, locked):
    """Takes row locks away from the control."""
    if not locked:
        without_locks(monkeypatch)


def refusals(outcomes):
    return [outcome.code for outcome in outcomes if isinstance(outcome, VotingRefused)]


def accepted(outcomes):
    return [outcome for outcome in outcomes if isinstance(outcome, CastVote)]


@crowded
def test_a_vote_in_the_closing_instant_is_counted_or_refused(round_, told):
    ballot, students = open_to(50)
    told.clear()
    # Both closes come in when some have been counted and the others are on their way.
    counted, some_counted = itertools.count(1), threading.Event()

    def vote(student, choice):
        given = cast(ballot, student, choice, now=JUST_IN_TIME)
        if next(counted) == 2 + round_:
            some_counted.set()
        return given

    def close():
        assert some_counted.wait(PATIENCE)
        return ballots.close(ballot.pk, CLOSES)

    votes = [lambda s=s, n=n: vote(s, n % 3 != 0) for n, s in enumerate(students[:20])]
    *outcomes, first, second = at_once(*votes, close, close)

    assert sorted([first, second]) == [False, True]
    assert len(accepted(outcomes)) + len(refusals(outcomes)) == 20
    assert set(refusals(outcomes)) <= {"closed"}
    said = [outcome.choice for outcome in accepted(outcomes)]
    assert tally(ballot) == (said.count(True), said.count(False))
    assert ballot.result == Rule(25).result(ballot.yes, ballot.no, 50)
    assert receipts.public_receipts(ballot) == sorted(
        (Receipt(given.receipt, given.choice) for given in accepted(outcomes)),
        key=lambda receipt: receipt.code,
    )
    for student, outcome in zip(students, outcomes, strict=False):
        own = receipts.own_vote(ballot, student)
        expected = isinstance(outcome, CastVote) and Receipt(outcome.receipt, outcome.choice)
        assert (own or False) == expected
    assert [name for name, _said in told].count("ballot_closed") == 1


@with_and_without_lock
def test_a_vote_that_is_being_counted_is_in_the_result(locked, lock, monkeypatch):
    ballot, students = open_to(3, quorum_percent=30)
    counting, closed = threading.Event(), threading.Event()
    new_code = receipts.new_code

    def slowly():
        counting.set()
        closed.wait(PATIENCE if not locked else 0.5)
        return new_code()

    monkeypatch.setattr(receipts, "new_code", slowly)

    def close():
        assert counting.wait(PATIENCE)
        ballots.close(ballot.pk, CLOSES)
        closed.set()

    given, _none = at_once(lambda: cast(ballot, students[0], True, now=JUST_IN_TIME), close)
    assert isinstance(given, CastVote)
    ballot.refresh_from_db()
    holds = ballot.result == Rule(30).result(ballot.yes, ballot.no, 3) == "approved"
    assert holds == locked


@with_and_without_lock
def test_votes_at_the_same_moment_are_all_counted(locked, lock, monkeypatch):
    ballot, students = open_to(100)
    # All are let through together, if nothing keeps them apart.
    together = threading.Barrier(16)
    new_code = receipts.new_code

    def in_step():
        try:
            together.wait(PATIENCE if not locked else 0.5)
        except threading.BrokenBarrierError:
            assert locked
        return new_code()

    monkeypatch.setattr(receipts, "new_code", in_step)
    outcomes = at_once(*(lambda s=s: cast(ballot, s, True) for s in students[:16]))
    assert len(accepted(outcomes)) == Vote.objects.count() == 16
    ballot.refresh_from_db()
    assert ballot.yes == (16 if locked else 1)


@crowded
def test_the_vote_that_decides_is_the_last_one_counted(round_, told):
    ballot, students = open_to(30)
    told.clear()
    outcomes = at_once(*(lambda s=s: cast(ballot, s, True) for s in students[:24]))
    assert len(accepted(outcomes)) == 16
    assert refusals(outcomes) == ["closed"] * 8
    assert [given.result for given in accepted(outcomes)].count("approved") == 1
    assert tally(ballot) == (16, 0)
    assert (ballot.result, ballot.closed_by) == ("approved", "majority")
    assert [name for name, _said in told].count("ballot_closed") == 1


@crowded
def test_one_voter_in_many_windows_has_one_vote(round_):
    ballot, students = open_to(9)
    outcomes = at_once(*(lambda n=n: cast(ballot, students[0], n % 2 == 0) for n in range(16)))
    assert len(accepted(outcomes)) == 16
    own = receipts.own_vote(ballot, students[0])
    assert own in [Receipt(given.receipt, given.choice) for given in accepted(outcomes)]
    assert tally(ballot) == ((1, 0) if own.choice else (0, 1))


def test_a_vote_that_waited_past_the_recorded_close_is_refused():
    ballot, students = open_to(9)
    held = threading.Event()

    def close():
        with transaction.atomic():
            assert ballots.close(ballot.pk, CLOSES)
            held.set()
            wait_until_somebody_waits_for_a_lock()

    def vote():
        assert held.wait(PATIENCE)
        return cast(ballot, students[0], True, now=JUST_IN_TIME)

    _closed, outcome = at_once(close, vote)
    assert refusals([outcome]) == ["closed"]
    assert tally(ballot) == (0, 0)


def test_a_vote_sent_in_time_that_waited_past_the_time_is_counted():
    ballot, students = open_to(9)
    held = threading.Event()

    def hold_up():
        with transaction.atomic():
            Ballot.objects.select_for_update().get(pk=ballot.pk)
            held.set()
            wait_until_somebody_waits_for_a_lock()

    def vote():
        assert held.wait(PATIENCE)
        return cast(ballot, students[0], True, now=JUST_IN_TIME)

    _held, outcome = at_once(hold_up, vote)
    assert len(accepted([outcome])) == 1
    ballots.close(ballot.pk, CLOSES)
    assert tally(ballot) == (1, 0)


@pytest.mark.parametrize("in_order", [True, False], ids=["order", "control"])
def test_a_deciding_vote_and_a_withdrawal_do_not_wait_for_each_other(in_order):
    """The institute's row stands for whatever the asker locks before the ballot."""
    ballot, students = open_to(2)
    subject = InstituteFactory()
    locked, waited = threading.Event(), threading.Event()

    def lock_subject(sender, **said):
        if threading.current_thread() is voter["thread"]:
            waited.set()
            assert locked.wait(PATIENCE)
        Institute.objects.select_for_update().get(pk=subject.pk)

    voter = {}

    def vote():
        voter["thread"] = threading.current_thread()
        return cast(ballot, students[0], False)

    def withdraw():
        with transaction.atomic():
            assert waited.wait(PATIENCE)
            Institute.objects.select_for_update().get(pk=subject.pk)
            locked.set()
            return ballots.cancel(ballot.pk, SOON)

    signal = signals.ballot_closing if in_order else signals.ballot_closed
    signal.connect(lock_subject)
    try:
        outcomes = at_once(vote, withdraw)
    finally:
        signal.disconnect(lock_subject)
    if in_order:
        assert (refusals(outcomes[:1]), outcomes[1]) == (["closed"], True)
        assert tally(ballot) == (0, 0)
    else:
        assert [type(outcome) for outcome in outcomes].count(OperationalError) == 1


@crowded
def test_of_many_who_open_a_ballot_on_one_subject_one_does(round_):
    offering, subject = class_of(3), uuid.uuid4()
    outcomes = at_once(*[lambda: open_for(offering, subject_uid=subject)] * 16)
    assert refusals(outcomes) == ["already_open"] * 15
    assert Ballot.objects.count() == 1
    assert RollPlace.objects.count() == 3


@crowded
def test_many_sweeps_close_and_remind_once(round_, told):
    due, _students = open_to(3, closes_at=SOON)
    running, _students = open_to(3, closes_at=SOON + dt.timedelta(minutes=10))
    told.clear()
    outcomes = at_once(
        *[lambda: ballots.close_due(SOON)] * 8, *[lambda: ballots.remind_due(SOON)] * 8
    )
    assert sorted(map(str, outcomes)) == sorted([f"[{due.pk}]", f"[{running.pk}]", *["[]"] * 14])
    names = [name for name, _said in told]
    assert (names.count("ballot_closed"), names.count("reminder_due")) == (1, 1)
