from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voting.enums import BallotResult
from voting.rules import Rule, Turnout

APPROVED, REJECTED = BallotResult.APPROVED, BallotResult.REJECTED

percents = st.integers(0, 100)


@st.composite
def counts(draw, largest=40):
    """A roll, and how many of it have said yes and no."""
    roll = draw(st.integers(1, largest))
    yes = draw(st.integers(0, roll))
    no = draw(st.integers(0, roll - yes))
    return yes, no, roll


def results_still_possible(rule, yes, no, roll):
    """By trying every way in which those who have not voted may vote or stay away."""
    silent = roll - yes - no
    return {
        rule.result(yes + more_yes, no + more_no, roll)
        for more_yes in range(silent + 1)
        for more_no in range(silent + 1 - more_yes)
    }


@given(percents, st.integers(0, 100_000))
def test_quorum_is_the_smallest_number_that_is_enough(percent, roll):
    share = Fraction(percent, 100) * roll
    quorum = Rule(percent).quorum(roll)
    assert quorum >= share > quorum - 1


@given(percents, counts())
def test_approval_needs_a_majority_of_votes_and_the_share_of_the_roll(percent, count):
    yes, no, roll = count
    assert Rule(percent).approved(yes, no, roll) == (
        yes > no and Fraction(yes, roll) >= Fraction(percent, 100)
    )


@given(percents, counts())
def test_an_early_result_is_the_only_one_still_possible(percent, count):
    rule = Rule(percent)
    early = rule.decided_early(*count)
    assert early is None or results_still_possible(rule, *count) == {early}


@given(st.integers(0, 50), counts())
def test_with_a_quorum_up_to_one_half_whatever_is_decided_is_decided_early(percent, count):
    rule = Rule(percent)
    possible = results_still_possible(rule, *count)
    expected = possible.pop() if len(possible) == 1 else None
    assert rule.decided_early(*count) == expected


@given(st.integers(0, 50), counts())
def test_with_a_quorum_up_to_one_half_a_count_of_everybody_is_decided(percent, count):
    yes, _no, roll = count
    assert Rule(percent).decided_early(yes, roll - yes, roll) is not None


@pytest.mark.parametrize(
    ("yes", "no", "roll", "early"),
    [
        (15, 0, 30, None),
        (16, 0, 30, APPROVED),
        (0, 14, 30, None),
        (0, 15, 30, REJECTED),
        (15, 0, 31, None),
        (16, 0, 31, APPROVED),
        (0, 15, 31, None),
        (0, 16, 31, REJECTED),
        (1, 0, 1, APPROVED),
        (0, 1, 1, REJECTED),
        (1, 0, 2, None),
        (0, 1, 2, REJECTED),
    ],
)
def test_half_the_roll_is_enough_for_a_no_and_not_for_a_yes(yes, no, roll, early):
    assert Rule(25).decided_early(yes, no, roll) == early


def test_a_majority_of_the_roll_below_the_quorum_is_not_a_yes_yet():
    assert Rule(75).decided_early(7, 0, 10) is None
    assert Rule(75).decided_early(8, 0, 10) == APPROVED


def test_a_quorum_out_of_reach_is_waited_for_while_a_no_may_still_change():
    assert Rule(75).decided_early(0, 3, 10) is None
    assert Rule(75).result(7, 3, 10) == REJECTED


@pytest.mark.parametrize(
    ("yes", "no", "result"),
    [(8, 7, APPROVED), (7, 6, REJECTED), (8, 8, REJECTED), (0, 0, REJECTED), (7, 0, REJECTED)],
)
def test_the_count_of_thirty_with_a_quorum_of_a_quarter(yes, no, result):
    assert Rule(25).result(yes, no, 30) == result


def test_nobody_voting_is_a_no_even_without_a_quorum():
    assert Rule(0).result(0, 0, 30) == REJECTED
    assert Rule(0).result(1, 0, 30) == APPROVED


def test_the_rule_is_one_sentence():
    assert Rule(25).sentence(30) == (
        "The class agrees if more say yes than no and at least 8 of the 30 who may vote (25\u00a0%) say "
        "yes; a tie is a no."
    )
    assert Rule(0).sentence(30) == "The class agrees if more say yes than no; a tie is a no."


def test_turnout_says_everybody_only_of_everybody():
    assert Turnout(299, 300).percent == 99
    assert Turnout(300, 300).percent == 100
    assert Turnout(0, 0).percent == 0
    assert Turnout(12, 30).sentence() == "12 of 30 have voted (40\u00a0%)."
