"""The balance score: against the best that whole sessions allow, proven by trying everything."""

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fairness.attainable import least_spread, spread
from fairness.measures import Balance, balance, gini

entitlements = st.sampled_from([Decimal(one) for one in ("0.25", "0.5", "0.8", "1", "1.5")])
lengths = st.lists(st.sampled_from([2, 3, 4, 6, 9]), min_size=1, max_size=6).map(
    lambda rows: tuple(sorted(rows, reverse=True))
)
few_weights = st.lists(st.sampled_from([1, 2, 4, 5]), min_size=2, max_size=4).map(
    lambda rows: tuple(sorted(rows))
)


def assignments(lengths, people):
    """The loads of every way to give whole sessions to people."""
    for way in product(range(people), repeat=len(lengths)):
        loads = [0] * people
        for length, person in zip(lengths, way, strict=True):
            loads[person] += length
        yield loads


@given(lengths, few_weights)
def test_the_best_is_what_trying_everything_finds(lengths, weights):
    found = least_spread(lengths, weights)
    best = min(spread(loads, weights) for loads in assignments(lengths, len(weights)))
    assert (found.spread, found.exact) == (best, True)


@given(
    st.lists(st.sampled_from([5, 7, 11]), min_size=1, max_size=40),
    st.lists(st.sampled_from([3, 4, 10]), min_size=2, max_size=30),
)
def test_an_estimate_lies_between_nothing_and_the_worst(lengths, weights):
    lengths, weights = tuple(sorted(lengths, reverse=True)), tuple(sorted(weights))
    found = least_spread(lengths, weights)
    assert 0 <= found.spread <= sum(lengths) * (sum(weights) - min(weights))


@pytest.mark.parametrize("people", [1, 2, 5, 20, 300])
@pytest.mark.parametrize("sessions", [1, 3, 7, 20, 1000])
def test_equal_sessions_among_equals_have_a_known_best(people, sessions):
    """Everybody gets the floor or one more: proven whatever the size."""
    most, over = divmod(sessions, people)
    loads = [most + 1] * over + [most] * (people - over)
    found = least_spread((5000,) * sessions, (10000,) * people)
    assert (found.spread, found.exact) == (
        spread([5000 * one for one in loads], [10000] * people),
        True,
    )


def test_one_each_is_the_best_for_few_sessions_of_any_length():
    found = least_spread((9, 7, 5, 3, 2, 1), (1,) * 40)
    assert (found.spread, found.exact) == (spread([9, 7, 5, 3, 2, 1] + [0] * 34, [1] * 40), True)


def test_many_different_sessions_among_part_timers_are_estimated():
    found = least_spread(tuple(range(60, 20, -1)), tuple(sorted([3, 5, 7, 8] * 5)))
    assert not found.exact
    assert found.spread >= 0


def hands(*sessions):
    """Hours, equal entitlements and sessions of people who each have these sessions."""
    return (
        [Decimal(sum(one)) for one in sessions],
        [Decimal(1)] * len(sessions),
        [Decimal(length) for one in sessions for length in one],
    )


def test_three_covers_among_twenty_people_can_be_perfect():
    everybody = [[1], [1], [1], *[[]] * 17]
    found = balance(*hands(*everybody))
    assert found == Balance(1.0, pytest.approx(0.85), pytest.approx(0.95), exact=True)
    assert gini(*hands(*everybody)[:2]) == pytest.approx(0.85)


def test_everything_on_one_person_is_the_worst():
    assert balance(*hands([1, 1, 1], *[[]] * 19)).score == 0


def test_something_in_between_is_in_between():
    assert balance(*hands([1, 1], [1], *[[]] * 18)).score == pytest.approx(1 / 3)


def test_a_single_cover_among_equals_cannot_be_done_better():
    assert balance(*hands([2], [], [])).score == 1


def test_a_single_cover_by_the_half_timer_could_have_been_done_better():
    weights = [Decimal(1), Decimal(1), Decimal("0.5")]
    by_the_full_timer = balance([Decimal(2), Decimal(0), Decimal(0)], weights, [Decimal(2)])
    by_the_half_timer = balance([Decimal(0), Decimal(0), Decimal(2)], weights, [Decimal(2)])
    assert (by_the_full_timer.score, by_the_half_timer.score) == (1, 0)


def test_lengths_decide_what_is_attainable():
    """Three hours in one piece among three: nobody can do better than one person having it."""
    assert balance(*hands([3], [], [])).score == 1
    assert balance(*hands([1, 1, 1], [], [])).score == 0


def test_hours_of_fifty_minutes_add_up():
    fifty = Decimal("0.8333")
    found = balance([fifty * 2, fifty, fifty], [Decimal(1)] * 3, [fifty] * 4)
    assert found.score == 1


def test_nothing_covered_has_no_balance():
    assert balance(*hands([], [], [])) is None


def test_sessions_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match="do not add up"):
        balance([Decimal(2), Decimal(1)], [Decimal(1)] * 2, [Decimal(2)])


@given(lengths, few_weights, st.data())
@example((2, 2), (1, 1), None)
def test_the_balance_is_one_only_for_the_best(lengths, weights, data):
    every = list(assignments(lengths, len(weights)))
    loads = every[0] if data is None else data.draw(st.sampled_from(every))
    spreads = [spread(one, weights) for one in every]
    found = balance(
        [Decimal(one) for one in loads],
        [Decimal(one) for one in weights],
        [Decimal(one) for one in lengths],
    )
    assert 0 <= found.score <= 1
    assert found.exact
    assert (found.score == 1) == (spread(loads, weights) == min(spreads))
    if min(spreads) < max(spreads):
        assert (found.score == 0) == (spread(loads, weights) == max(spreads))
    whole = sum(lengths) * sum(weights)
    assert (found.gini_best, found.gini_worst) == pytest.approx(
        (min(spreads) / whole, max(spreads) / whole)
    )


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from([Decimal("0.8333"), Decimal("1.5"), Decimal(2)]), max_size=6),
            entitlements,
        ),
        min_size=1,
        max_size=25,
    ).filter(lambda rows: any(pieces for pieces, _ in rows))
)
def test_the_balance_stays_in_its_range_where_it_is_estimated(rows):
    loads = [sum(pieces, Decimal(0)) for pieces, _ in rows]
    found = balance(loads, [due for _, due in rows], [one for pieces, _ in rows for one in pieces])
    assert 0 <= found.score <= 1
    assert found.gini_best <= gini(loads, [due for _, due in rows]) + 1e-12
    assert gini(loads, [due for _, due in rows]) <= found.gini_worst + 1e-12
