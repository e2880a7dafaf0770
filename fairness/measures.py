"""How evenly something is carried: pure formulas over people, each with the share they are due.

Every function takes what each person carries (clock hours, not negative) and what each is
entitled to carry of it (a positive weight, such as FTE × time not on leave), person by person in
the same order. The *burden* of a person is hours ÷ entitlement: when all burdens are equal,
everybody carries a fair share. With equal entitlements each formula is the ordinary one.

"No data" is None: nothing was carried, or nobody is there to carry it. It is never a perfect
score.

Sources: Lerman & Yitzhaki, "Improving the accuracy of estimates of Gini coefficients", J. of
Econometrics 42 (1989); Lorenz, "Methods of measuring the concentration of wealth" (1905); Jain,
Chiu & Hawe, "A quantitative measure of fairness and discrimination", DEC TR-301 (1984); Dalton,
"The measurement of the inequality of incomes" (1920) for the transfer principle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import fsum, sqrt

from .attainable import least_spread, spread

Number = int | float | Decimal | Fraction


def gini(hours: Sequence[Number], entitlements: Sequence[Number]) -> float | None:
    """0 when all burdens are equal; towards 1 when few carry all.

    G = Σᵢ Σⱼ wᵢ wⱼ |rᵢ − rⱼ| / (2 W² μ), with weights w (entitlements), burdens r and their
    weighted mean μ (Lerman & Yitzhaki 1989): twice the area between the Lorenz curve and the
    diagonal.
    """
    carried, due = _checked(hours, entitlements)
    total, whole = fsum(carried), fsum(due)
    if not total:
        return None
    return max(0.0, spread(carried, due) / (total * whole))


def lorenz(
    hours: Sequence[Number], entitlements: Sequence[Number]
) -> list[tuple[float, float]] | None:
    """Points (share of entitlement, share of hours) from (0, 0) to (1, 1), least burdened first.

    People of one burden lie on one straight piece and share its end point.
    """
    carried, due = _checked(hours, entitlements)
    total, whole = fsum(carried), fsum(due)
    if not total:
        return None
    points, x, y, slope = [(0.0, 0.0)], 0.0, 0.0, -1.0
    for load, weight in sorted(zip(carried, due, strict=True), key=lambda one: one[0] / one[1]):
        x, y = x + weight / whole, y + load / total
        if load / weight == slope:
            points.pop()
        slope = load / weight
        points.append((min(x, 1.0), min(y, 1.0)))
    points[-1] = (1.0, 1.0)
    return points


def variation(hours: Sequence[Number], entitlements: Sequence[Number]) -> float | None:
    """Coefficient of variation: the weighted standard deviation of the burdens ÷ their mean.

    The whole population is known, so the variance is divided by W, not by W − 1.
    """
    carried, due = _checked(hours, entitlements)
    total, whole = fsum(carried), fsum(due)
    if not total:
        return None
    mean = total / whole
    squares = fsum(
        weight * (load / weight - mean) ** 2 for load, weight in zip(carried, due, strict=True)
    )
    return sqrt(squares / whole) / mean


def jain(hours: Sequence[Number], entitlements: Sequence[Number]) -> float | None:
    """Jain's index (Σ w r)² / (W Σ w r²): 1 when burdens are equal, 1/n when one of n has all.

    It is 1 / (1 + CV²), and reads as the share of people who are treated fairly.
    """
    deviation = variation(hours, entitlements)
    return None if deviation is None else 1 / (1 + deviation * deviation)


def deviations(hours: Sequence[Number], entitlements: Sequence[Number]) -> list[float] | None:
    """Hours above (+) or below (−) the fair share of each person: total × entitlement ÷ all."""
    carried, due = _checked(hours, entitlements)
    total, whole = fsum(carried), fsum(due)
    if not total:
        return None
    return [load - total * weight / whole for load, weight in zip(carried, due, strict=True)]


def largest_deviation(hours: Sequence[Number], entitlements: Sequence[Number]) -> float | None:
    """The most hours that anybody is away from the fair share, above or below."""
    away = deviations(hours, entitlements)
    return None if away is None else max(abs(one) for one in away)


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance score, the Gini between which it lies, and whether the best one is proven."""

    score: float
    gini_best: float
    gini_worst: float
    exact: bool


def balance(
    hours: Sequence[Decimal], entitlements: Sequence[Decimal], sessions: Sequence[Decimal]
) -> Balance | None:
    """How near the hours are to the best that anybody could have done with these very sessions.

    score = (G_worst − G) ÷ (G_worst − G_best). G is the Gini of the burdens; G_best the least
    that any assignment of the given sessions, whole, to these people has (see `attainable`), so
    that three covers among twenty people score 1 when three people carry one each; G_worst the
    most: G is convex in the hours for a given total, so it is largest in a corner, where the
    person with the smallest entitlement carries everything, and G_worst = 1 − w_min ÷ W. Where
    every assignment is as good as any other the score is 1.

    `sessions` are the lengths of the single covers whose sum is the sum of the hours; raises
    ValueError if it is not. Values are kept to four decimals.
    """
    _checked(hours, entitlements)
    loads, weights, lengths = units(hours), units(entitlements), units(sessions)
    if sum(lengths) != sum(loads):
        raise ValueError("The sessions do not add up to the hours.")
    return balance_of(spread(loads, weights), weights, lengths)


def balance_of(found: int, weights: Sequence[int], lengths: Iterable[int]) -> Balance | None:
    """The balance of a spread that was counted already, all in whole units (see `units`)."""
    pieces = tuple(sorted((one for one in lengths if one), reverse=True))
    whole = sum(pieces) * sum(weights)
    if not whole:
        return None
    worst = sum(pieces) * (sum(weights) - min(weights))
    least = least_spread(pieces, tuple(sorted(weights)))
    # Where the best is only estimated, the assignment at hand may beat the estimate.
    best = min(found, least.spread)
    score = 1.0 if worst <= best else (worst - found) / (worst - best)
    return Balance(score, best / whole, worst / whole, least.exact)


def units(values: Sequence[Decimal]) -> list[int]:
    """Values in whole ten-thousandths, so that sums and comparisons are exact."""
    return [round(value * 10000) for value in values]


def _checked(
    hours: Sequence[Number], entitlements: Sequence[Number]
) -> tuple[list[float], list[float]]:
    if len(hours) != len(entitlements):
        raise ValueError("Each person needs hours and an entitlement.")
    carried, due = [float(one) for one in hours], [float(one) for one in entitlements]
    if any(one < 0 for one in carried):
        raise ValueError("Hours cannot be negative.")
    if any(one <= 0 for one in due):
        raise ValueError("An entitlement must be more than nothing.")
    return carried, due
