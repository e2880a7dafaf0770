import datetime as dt

import pytest

from tests.factories import NOW
from tests.voting.classroom import CLOSES, SOON, cast, open_to, tally
from voting import ballots, signals
from voting.models import Ballot

pytestmark = pytest.mark.django_db


def ended(ballot):
    ballot.refresh_from_db()
    return ballot.closed_at, ballot.closed_by, ballot.result


def test_time_closes_with_what_was_counted():
    ballot, students = open_to(8)
    cast(ballot, students[0], True)
    cast(ballot, students[1], True)
    cast(ballot, students[2], False)
    assert ballots.close(ballot.pk, CLOSES)
    assert ended(ballot) == (CLOSES, "time", "approved")
    assert tally(ballot) == (2, 1)


def test_a_majority_without_the_quorum_is_a_no():
    ballot, students = open_to(8)
    cast(ballot, students[0], True)
    ballots.close(ballot.pk, CLOSES)
    assert ended(ballot) == (CLOSES, "time", "rejected")


def test_silence_is_a_no():
    ballot, _students = open_to(3)
    ballots.close(ballot.pk, CLOSES)
    assert ended(ballot) == (CLOSES, "time", "rejected")


def test_the_close_is_told_once(told):
    ballot, _students = open_to(3)
    told.clear()
    assert [ballots.close(ballot.pk, CLOSES), ballots.close(ballot.pk, CLOSES)] == [True, False]
    assert told == [
        ("ballot_closing", {"subject_uid": ballot.subject_uid}),
        ("ballot_closed", {"ballot": ballot, "now": CLOSES}),
    ]


def test_nothing_closes_before_its_time(told):
    ballot, _students = open_to(3)
    told.clear()
    assert not ballots.close(ballot.pk, CLOSES - dt.timedelta(microseconds=1))
    assert ended(ballot) == (None, "", "")
    assert told == []


def test_a_ballot_that_is_gone_is_not_closed():
    assert not ballots.close(1, CLOSES)
    assert not ballots.cancel(1, CLOSES)


def test_a_question_may_be_withdrawn(told):
    ballot, students = open_to(8)
    cast(ballot, students[0], True)
    told.clear()
    assert [ballots.cancel(ballot.pk, SOON), ballots.cancel(ballot.pk, SOON)] == [True, False]
    assert ended(ballot) == (SOON, "cancelled", "cancelled")
    assert told == [
        ("ballot_closing", {"subject_uid": ballot.subject_uid}),
        ("ballot_closed", {"ballot": ballot, "now": SOON}),
    ]
    assert not ballots.close(ballot.pk, CLOSES)


def test_a_closed_ballot_is_not_withdrawn():
    ballot, _students = open_to(3)
    ballots.close(ballot.pk, CLOSES)
    assert not ballots.cancel(ballot.pk, CLOSES)
    assert ended(ballot) == (CLOSES, "time", "rejected")


def test_what_is_due_is_closed_the_longest_due_first():
    late, _students = open_to(2, closes_at=CLOSES)
    early, _students = open_to(2, closes_at=SOON)
    running, _students = open_to(2, closes_at=CLOSES + dt.timedelta(seconds=1))
    cancelled, _students = open_to(2, closes_at=SOON)
    ballots.cancel(cancelled.pk, NOW)
    assert ballots.close_due(CLOSES) == [early.pk, late.pk]
    assert ballots.close_due(CLOSES) == []
    assert list(Ballot.objects.open()) == [running]


def test_a_ballot_that_cannot_be_closed_does_not_stop_the_others(caplog):
    broken, students = open_to(3, closes_at=SOON)
    fine, _students = open_to(3)
    cast(broken, students[0], True, now=NOW)

    def refuse(sender, ballot, now, **more):
        if ballot == broken:
            raise RuntimeError("no")

    signals.ballot_closed.connect(refuse)
    try:
        assert ballots.close_due(CLOSES) == [fine.pk]
    finally:
        signals.ballot_closed.disconnect(refuse)
    assert ended(broken) == (None, "", "")
    assert tally(broken) == (1, 0)
    (record,) = caplog.records
    assert (record.msg["event"], record.msg["ballot"]) == ("ballot_not_closed", broken.pk)
    assert ballots.close_due(CLOSES) == [broken.pk]


@pytest.mark.usefixtures("nobody_listens")
@pytest.mark.parametrize("size", [1, 3])
def test_closing_takes_as_many_queries_for_any_roll(size, django_assert_num_queries):
    ballot, _students = open_to(size)
    # due; savepoint, lock, close, release
    with django_assert_num_queries(5):
        ballots.close(ballot.pk, CLOSES)
