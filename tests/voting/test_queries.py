import datetime as dt

import pytest
from django.test import override_settings

from tests.factories import NOW
from tests.voting.classroom import CLOSES, SOON, cast, class_of, open_for, open_to
from voting import ballots, queries, receipts
from voting.models import Ballot, Vote
from voting.queries import Count, OpenBallot
from voting.receipts import Receipt
from voting.rules import Turnout

pytestmark = pytest.mark.django_db


def one_yes_of(size, **given):
    ballot, students = open_to(size, **given)
    cast(ballot, students[0], True)
    ballot.refresh_from_db()
    return ballot, students


@pytest.mark.parametrize("hide_count", [False, True])
@pytest.mark.parametrize("has_voted", [False, True])
@pytest.mark.parametrize("size", [4, 5])
def test_the_live_count_is_for_those_who_have_voted_among_five_or_more(size, has_voted, hide_count):
    ballot, _students = one_yes_of(size, hide_count=hide_count)
    shown = has_voted and not hide_count and size == 5
    expected = Count(Turnout(1, size), 1, 0) if shown else Count(Turnout(1, size))
    assert queries.visible_count(ballot, has_voted=has_voted) == expected
    assert expected.is_shown == shown


@pytest.mark.parametrize("hide_count", [False, True])
@pytest.mark.parametrize("has_voted", [False, True])
@pytest.mark.parametrize("size", [4, 5])
def test_after_the_close_the_count_is_for_the_whole_roll(size, has_voted, hide_count):
    ballot, _students = one_yes_of(size, hide_count=hide_count)
    ballots.close(ballot.pk, CLOSES)
    ballot.refresh_from_db()
    assert queries.visible_count(ballot, has_voted=has_voted) == Count(Turnout(1, size), 1, 0)


def test_time_over_shows_no_more_than_before_until_the_close_is_recorded():
    ballot, students = one_yes_of(5)
    view = queries.as_seen_by(students[1], ballot, CLOSES)
    assert (view.phase, view.count, view.receipts) == ("counting", Count(Turnout(1, 5)), [])


def test_receipts_are_public_after_the_close_in_their_own_order():
    ballot, students = open_to(9)
    given = [cast(ballot, student, n % 2 == 0) for n, student in enumerate(students[:8])]
    assert receipts.public_receipts(ballot) == []
    ballots.close(ballot.pk, CLOSES)
    ballot.refresh_from_db()
    expected = sorted((vote.receipt, vote.choice) for vote in given)
    assert receipts.public_receipts(ballot) == [Receipt(*row) for row in expected]


def test_a_receipt_that_was_replaced_is_not_listed():
    ballot, students = open_to(5)
    old = cast(ballot, students[0], True).receipt
    new = cast(ballot, students[0], False).receipt
    ballots.close(ballot.pk, CLOSES)
    ballot.refresh_from_db()
    assert receipts.public_receipts(ballot) == [Receipt(new, False)]
    assert old != new


def test_the_order_of_the_votes_in_the_table_is_not_the_order_of_arrival():
    ballot, students = open_to(40, quorum_percent=100)
    arrived = [cast(ballot, student, True).receipt for student in students[:20]]
    stored = list(Vote.objects.order_by("pk").values_list("receipt", flat=True))
    assert sorted(stored) == sorted(arrived)
    assert stored != arrived


def test_a_voter_sees_the_own_vote_and_nobody_elses():
    ballot, students = open_to(5)
    mine = cast(ballot, students[0], True)
    cast(ballot, students[1], False)
    ballot.refresh_from_db()
    view = queries.as_seen_by(students[0], ballot, SOON)
    assert view == queries.VoterView(
        ballot=ballot,
        phase="open",
        rule=(
            "The class agrees if more say yes than no and at least 2 of the 5 who may vote (25\u00a0%) "
            "say yes; a tie is a no."
        ),
        count=Count(Turnout(2, 5), 1, 1),
        own=Receipt(mine.receipt, True),
        receipts=[],
        knows_voters=True,
    )


def test_after_a_change_of_key_nobody_is_told_that_they_did_not_vote():
    ballot, students = one_yes_of(5)
    with override_settings(SECRET_KEY="new"):
        view = queries.as_seen_by(students[0], ballot, SOON)
        assert (view.own, view.knows_voters) == (None, False)
        assert [row.ballot for row in queries.open_ballots(students[0], SOON)] == [ballot]


def test_open_ballots_are_those_that_take_the_students_answer():
    offering = class_of(5)
    student, peer = offering.students.order_by("pk")[:2]
    later = open_for(offering, closes_at=CLOSES + dt.timedelta(hours=1))
    voted = open_for(offering)
    cast(voted, student, True)
    voted.refresh_from_db()
    over = open_for(offering, closes_at=SOON)
    cancelled = open_for(offering)
    ballots.cancel(cancelled.pk, SOON)
    assert queries.open_ballots(student, SOON) == [
        OpenBallot(voted, True),
        OpenBallot(later, False),
    ]
    assert queries.open_ballots(peer, SOON) == [OpenBallot(voted, False), OpenBallot(later, False)]
    assert set(queries.past_ballots(student, SOON)) == {cancelled, over}


def test_of_late_are_open_ballots_and_the_results_of_two_weeks():
    offering = class_of(5)
    student = offering.students.first()
    running, ended = open_for(offering), open_for(offering, closes_at=SOON)
    ballots.cancel(ended.pk, SOON)
    open_to(2)

    def shown(later=dt.timedelta()):
        now = SOON + later
        return {(one, one.phase(now)) for one in queries.ballots_of_late(student, now)}

    assert shown() == {(running, "open"), (ended, "closed")}
    assert shown(dt.timedelta(days=14)) == {(running, "counting")}


@pytest.mark.parametrize("number", [1, 3])
def test_open_ballots_take_two_queries_however_many(number, django_assert_num_queries):
    offering = class_of(2)
    for _ in range(number):
        open_for(offering)
    student = offering.students.first()
    with django_assert_num_queries(2):
        rows = queries.open_ballots(student, SOON)
        assert {str(row.ballot.offering.course) for row in rows} == {str(offering.course)}
    assert len(rows) == number


def test_a_ballot_is_found_by_its_roll_only():
    ballot, students = open_to(2)
    _other, strangers = open_to(2)
    assert queries.ballot_for_student(ballot.uid, students[0]) == ballot
    with pytest.raises(Ballot.DoesNotExist):
        queries.ballot_for_student(ballot.uid, strangers[0])


def test_receipts_can_be_read_aloud_and_are_not_guessed():
    codes = {receipts.new_code() for _ in range(500)}
    assert len(codes) == 500
    assert {len(code) for code in codes} == {19}
    assert not set("".join(codes)) & set("01OILAEU")


def test_a_ballot_is_open_until_its_closing_moment():
    ballot, _students = open_to(2)
    assert ballot.phase(NOW) == "open"
    assert ballot.phase(CLOSES) == "counting"


def test_a_ballot_ended_when_it_was_closed_or_else_when_its_time_was_over():
    early, students = open_to(2)
    assert early.ended_at == CLOSES
    cast(early, students[0], False)
    early.refresh_from_db()
    late, _students = open_to(2)
    ballots.close(late.pk, CLOSES + dt.timedelta(minutes=1))
    late.refresh_from_db()
    assert (early.ended_at, late.ended_at) == (SOON, CLOSES)
