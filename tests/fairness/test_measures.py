"""The formulas: known values, and what must hold whatever the numbers are."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fairness import measures
from fairness.attainable import spread, spread_change
from fairness.measures import gini, jain, largest_deviation, lorenz, variation

ALL = (gini, variation, jain, largest_deviation)

hours = st.integers(0, 400).map(lambda n: Decimal(n) / 4)
entitlements = st.sampled_from([Decimal(one) for one in ("0.25", "0.5", "0.8", "1", "1.5")])
people = st.lists(st.tuples(hours, entitlements), min_size=1, max_size=12).filter(
    lambda rows: any(load for load, _ in rows)
)


def apart(rows):
    return [load for load, _ in rows], [due for _, due in rows]


def brute_gini(loads, weights):
    """Straight from the definition, in exact fractions."""
    pairs = sum(
        abs(Fraction(w) * Fraction(x) - Fraction(v) * Fraction(y))
        for x, v in zip(loads, weights, strict=True)
        for y, w in zip(loads, weights, strict=True)
    )
    return float(pairs / (2 * sum(map(Fraction, loads)) * sum(map(Fraction, weights))))


@pytest.mark.parametrize(
    ("loads", "expected"),
    [
        ([1, 1, 1, 1], 0.0),
        ([0, 0, 0, 4], 0.75),
        ([1, 2, 3, 4], 0.25),
        ([0, 1], 0.5),
        ([5], 0.0),
    ],
)
def test_gini_of_equals_is_the_ordinary_one(loads, expected):
    assert gini(loads, [1] * len(loads)) == pytest.approx(expected)


def test_part_timers_with_their_share_are_no_inequality():
    loads, weights = [2, 2, 1], [1, 1, Decimal("0.5")]
    assert [one(loads, weights) for one in ALL] == pytest.approx([0, 0, 1, 0], abs=1e-12)


def test_a_weight_counts_like_as_many_people():
    """Two half-timers with one hour each stand for the same as one full-timer with two."""
    assert gini([1, 1, 6], [1, 1, 2]) == pytest.approx(gini([1, 1, 3, 3], [1, 1, 1, 1]))
    assert variation([1, 1, 6], [1, 1, 2]) == pytest.approx(variation([1, 1, 3, 3], [1, 1, 1, 1]))


def test_variation_jain_and_deviation_by_hand():
    loads, weights = [0, 3, 3], [1, 1, 1]
    assert variation(loads, weights) == pytest.approx(0.5**0.5)
    assert jain(loads, weights) == pytest.approx(2 / 3)
    assert measures.deviations(loads, weights) == pytest.approx([-2, 1, 1])
    assert largest_deviation(loads, weights) == pytest.approx(2)


def test_the_fair_share_follows_the_entitlement():
    assert measures.deviations([4, 0], [3, 1]) == pytest.approx([1, -1])


def test_lorenz_curve_joins_people_of_one_burden():
    assert lorenz([1, 1, 2], [1, 1, 1]) == [(0, 0), pytest.approx((2 / 3, 1 / 2)), (1, 1)]
    assert lorenz([3, 3, 3], [1, 1, 1]) == [(0, 0), (1, 1)]


@pytest.mark.parametrize("measure", [*ALL, lorenz, measures.deviations])
@pytest.mark.parametrize(("loads", "weights"), [([], []), ([0, 0, 0], [1, 1, 1])])
def test_no_data_is_no_score(measure, loads, weights):
    assert measure(loads, weights) is None


@pytest.mark.parametrize("measure", [*ALL, lorenz, measures.deviations])
@pytest.mark.parametrize(
    ("loads", "weights", "message"),
    [
        ([1, 2], [1], "Each person needs"),
        ([1, -1], [1, 1], "cannot be negative"),
        ([1, 1], [1, 0], "must be more than nothing"),
    ],
)
def test_impossible_numbers_are_refused(measure, loads, weights, message):
    with pytest.raises(ValueError, match=message):
        measure(loads, weights)


@given(people)
def test_gini_is_the_mean_difference_and_the_area_under_the_lorenz_curve(rows):
    loads, weights = apart(rows)
    points = lorenz(loads, weights)
    area = sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in pairwise(points))
    assert gini(loads, weights) == pytest.approx(brute_gini(loads, weights), abs=1e-9)
    assert gini(loads, weights) == pytest.approx(1 - 2 * area, abs=1e-9)


@given(people)
def test_lorenz_curve_rises_ever_steeper(rows):
    points = lorenz(*apart(rows))
    slopes = [(y1 - y0) / (x1 - x0) for (x0, y0), (x1, y1) in pairwise(points)]
    assert points[0] == (0, 0)
    assert points[-1] == (1, 1)
    assert all(b >= a - 1e-9 for a, b in pairwise(slopes))


@given(people, st.sampled_from([Decimal("0.1"), 3, 250]))
def test_a_change_of_unit_changes_nothing(rows, factor):
    """Hours or minutes, FTE or per cent: only the deviation is in hours."""
    loads, weights = apart(rows)
    for measure in (gini, variation, jain):
        plain = measure(loads, weights)
        assert measure([one * factor for one in loads], weights) == pytest.approx(plain, abs=1e-9)
        assert measure(loads, [one * factor for one in weights]) == pytest.approx(plain, abs=1e-9)
    assert largest_deviation([one * factor for one in loads], weights) == pytest.approx(
        float(factor) * largest_deviation(loads, weights), abs=1e-6
    )


@given(people, st.randoms())
def test_the_order_of_people_changes_nothing(rows, random):
    mixed = list(rows)
    random.shuffle(mixed)
    for measure in ALL:
        assert measure(*apart(mixed)) == pytest.approx(measure(*apart(rows)), abs=1e-9)
    assert lorenz(*apart(mixed)) == [pytest.approx(point) for point in lorenz(*apart(rows))]


@given(people)
def test_measures_stay_in_their_range(rows):
    loads, weights = apart(rows)
    least = float(min(weights) / sum(weights))
    assert 0 <= gini(loads, weights) <= 1 - least + 1e-9
    assert least - 1e-9 <= jain(loads, weights) <= 1
    assert variation(loads, weights) >= 0
    assert jain(loads, weights) == pytest.approx(1 / (1 + variation(loads, weights) ** 2))


@given(people, st.data())
def test_giving_to_the_less_burdened_evens_out(rows, data):
    """The transfer principle (Pigou, Dalton): strictly, as long as they do not change places."""
    assume(len(rows) > 1)
    loads, weights = apart(rows)
    giver, taker = data.draw(st.permutations(range(len(rows))))[:2]
    gap = loads[giver] / weights[giver] - loads[taker] / weights[taker]
    assume(gap > 0)
    # The most that can go over before the two burdens meet.
    most = gap * weights[giver] * weights[taker] / (weights[giver] + weights[taker])
    moved = most * data.draw(st.sampled_from([Decimal("0.1"), Decimal("0.5"), Decimal(1)]))
    after = list(loads)
    after[giver] -= moved
    after[taker] += moved
    assert gini(after, weights) < gini(loads, weights)
    assert variation(after, weights) < variation(loads, weights)
    assert jain(after, weights) > jain(loads, weights)


@given(people, st.data())
def test_a_change_of_one_load_is_counted_like_a_new_distribution(rows, data):
    loads = [int(load * 4) for load, _ in rows]
    weights = [int(due * 20) for _, due in rows]
    person = data.draw(st.integers(0, len(rows) - 1))
    added = data.draw(st.integers(-loads[person], 50))
    after = [load + added * (place == person) for place, load in enumerate(loads)]
    change = spread_change(loads, weights, person, added)
    assert spread(loads, weights) + change == spread(after, weights)
