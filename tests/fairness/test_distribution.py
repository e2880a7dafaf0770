"""What a move would change is what it changes."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fairness.distribution import Distribution, Evenness

D = Decimal

pieces = st.lists(st.sampled_from([D("0.8333"), D("1.5"), D(2)]), max_size=4)
shares = st.sampled_from([D(0), D("0.5"), D("0.75"), D(1), D("1.25")])
crowds = st.lists(st.tuples(shares, pieces), min_size=1, max_size=8).map(
    lambda rows: dict(enumerate(rows, start=1))
)


@given(crowds, st.data())
def test_one_more_piece(people, data):
    taker = data.draw(st.sampled_from(sorted(people)))
    length = data.draw(st.sampled_from([D("0.8333"), D(3)]))
    due, hand = people[taker]
    after = Distribution({**people, taker: (due, [*hand, length])})
    assert Distribution(people).balance_with(taker, length) == after.balance


@given(crowds, st.data())
def test_a_piece_that_changes_hands(people, data):
    givers = [pk for pk, (due, hand) in people.items() if due and hand]
    takers = [pk for pk, (due, _) in people.items() if due]
    assume(givers)
    giver = data.draw(st.sampled_from(givers))
    taker = data.draw(st.sampled_from(takers))
    assume(giver != taker)
    piece = data.draw(st.sampled_from(people[giver][1]))
    rest = list(people[giver][1])
    rest.remove(piece)
    moved = {
        **people,
        giver: (people[giver][0], rest),
        taker: (people[taker][0], [*people[taker][1], piece]),
    }
    before, after = Distribution(people), Distribution(moved)
    assert before.balance_moved(giver, taker, piece) == after.balance
    assert before.helps(giver, taker, piece) == -after.helps(taker, giver, piece)
    if before.is_measurable:
        better = after.evenness().gini - before.evenness().gini
        assert (before.helps(giver, taker, piece) > 0) == (better < -1e-12)


@given(st.lists(pieces, min_size=3, max_size=8), st.integers(0, 12))
def test_among_equals_nobody_alone_takes_more_as_evenly(rows, count):
    """Piece by piece to whoever carries least: every other way is majorised by it."""
    hands = dict(enumerate(rows, start=1))
    shared = Distribution({pk: (D(1), hand) for pk, hand in hands.items()})
    assume(shared.is_measurable)
    filled = shared.balance_filled([D(1)] * count)
    for taker, hand in hands.items():
        alone = {**hands, taker: [*hand, *[D(1)] * count]}
        other = Distribution({pk: (D(1), own) for pk, own in alone.items()}).balance
        assert filled.score >= other.score


def test_what_helps_needs_two_people_of_the_distribution():
    shared = Distribution({1: (D(1), [D(2)]), 2: (D(1), []), 3: (D(0), [])})
    assert shared.helps(1, 2, D(2)) == 0
    assert (shared.helps(1, 3, D(2)), shared.helps(9, 2, D(2)), shared.helps(1, 1, D(2))) == (
        0,
    ) * 3


@pytest.mark.parametrize(
    "people",
    [
        {},
        {1: (D(1), [D(2)])},
        {1: (D(1), [D(2)]), 2: (D(1), [])},
        {1: (D(1), [D(2)]), 2: (D(1), []), 3: (D(0), [D(5)])},
    ],
)
def test_few_people_are_only_counted(people):
    entitled = [hand for due, hand in people.values() if due]
    hours = float(sum((sum(hand, D(0)) for hand in entitled), D(0)))
    assert Distribution(people).evenness() == Evenness(len(entitled), hours)
    assert Distribution(people).balance_filled([D(1)]) is None
    assert not Distribution(people).is_measurable


def test_three_people_who_carry_nothing_have_no_measures():
    shared = Distribution(dict.fromkeys((1, 2, 3), (D(1), [])))
    assert shared.evenness() == Evenness(3, 0.0)
    assert shared.balance_filled([D(1)]).score == 1
