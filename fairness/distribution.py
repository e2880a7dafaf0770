"""Who carries what of something that comes in pieces: one set of people, measured as a whole."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import accumulate

from . import measures
from .attainable import longest_first, spread
from .measures import Balance, balance_of, units

FEWEST = 3
"""With fewer people a measure says no more than the counts: it would only point at somebody."""


@dataclass(frozen=True)
class Evenness:
    """The measures of a distribution; all None where there is no data, or there are too few people.

    `largest_deviation` is in clock hours. `balance_exact`: the best attainable is proven, not
    only estimated.
    """

    people: int
    hours: float
    gini: float | None = None
    variation: float | None = None
    jain: float | None = None
    largest_deviation: float | None = None
    balance: float | None = None
    balance_exact: bool | None = None
    lorenz: tuple[tuple[float, float], ...] | None = None


class Distribution:
    """People with an entitlement, and the pieces that each of them carries.

    People without any entitlement are left out together with what they carry: it is on nobody's
    share. Counted in whole units (see `measures.units`), so that comparing is exact.
    """

    def __init__(self, people: Mapping[int, tuple[Decimal, Collection[Decimal]]]) -> None:
        entitled = {pk: one for pk, one in people.items() if one[0] > 0}
        self._place = {pk: place for place, pk in enumerate(entitled)}
        self._weights = units([due for due, _ in entitled.values()])
        hands = [units(list(pieces)) for _, pieces in entitled.values()]
        self._loads = [sum(hand) for hand in hands]
        self._pieces = [piece for hand in hands for piece in hand]

    def __len__(self) -> int:
        return len(self._place)

    def __contains__(self, professor_id: int) -> bool:
        return professor_id in self._place

    @property
    def is_measurable(self) -> bool:
        return len(self) >= FEWEST and any(self._loads)

    @cached_property
    def _spread(self) -> int:
        return spread(self._loads, self._weights)

    @cached_property
    def balance(self) -> Balance | None:
        return self._balance(self._spread, self._pieces)

    def balance_with(self, professor_id: int, hours: Decimal) -> Balance | None:
        """The balance once this person carries one more piece."""
        place, length = self._place.get(professor_id), units([hours])[0]
        if place is None:
            return self.balance
        return self._balance(self._spread_with(place, length), [*self._pieces, length])

    def helps(self, giver: int, taker: int, hours: Decimal) -> int:
        """By how much it evens things out when one piece changes hands: 0 or less is no help.

        In units of the spread, so only good for comparing.
        """
        if giver not in self or taker not in self or giver == taker:
            return 0
        return self._spread - self._spread_moved(giver, taker, units([hours])[0])

    def balance_moved(self, giver: int, taker: int, hours: Decimal) -> Balance | None:
        """The balance once one of the pieces has changed hands."""
        moved = self._spread_moved(giver, taker, units([hours])[0])
        return self._balance(moved, self._pieces)

    def balance_filled(self, pieces: Iterable[Decimal]) -> Balance | None:
        """The balance if these pieces come as well, each to whoever then is burdened least."""
        more = sorted(units(list(pieces)), reverse=True)
        hands = longest_first(more, self._weights, self._loads) if len(self) else []
        loads = [load + sum(hand) for load, hand in zip(self._loads, hands, strict=True)]
        return self._balance(spread(loads, self._weights), [*self._pieces, *more])

    def evenness(self, expected: Mapping[int, Decimal] | None = None) -> Evenness:
        """All measures. Deviations are from the fair share, or from the hours expected if given."""
        hours = [Decimal(load).scaleb(-4) for load in self._loads]
        total = float(sum(hours))
        balance = self.balance
        if balance is None:
            return Evenness(len(self), total)
        due = [Decimal(weight).scaleb(-4) for weight in self._weights]
        if expected is None:
            largest = measures.largest_deviation(hours, due)
        else:
            largest = max(
                abs(float(hours[place] - expected[pk])) for pk, place in self._place.items()
            )
        curve = measures.lorenz(hours, due)
        return Evenness(
            people=len(self),
            hours=total,
            gini=measures.gini(hours, due),
            variation=measures.variation(hours, due),
            jain=measures.jain(hours, due),
            largest_deviation=largest,
            balance=balance.score,
            balance_exact=balance.exact,
            lorenz=None if curve is None else tuple(curve),
        )

    @cached_property
    def _ranking(self) -> tuple[list[float], list[int], list[int]]:
        """Burdens in rising order, and the weights and loads summed up to each of them."""
        order = sorted(
            zip(self._loads, self._weights, strict=True), key=lambda one: one[0] / one[1]
        )
        return (
            [load / weight for load, weight in order],
            [0, *accumulate(weight for _, weight in order)],
            [0, *accumulate(load for load, _ in order)],
        )

    def _distance(self, place: int, load: int) -> int:
        """Σⱼ |wⱼ load − w xⱼ|: how far from everybody the person would be with this load."""
        burdens, weights, loads = self._ranking
        weight = self._weights[place]
        below = bisect_left(burdens, load / weight)
        return load * (2 * weights[below] - weights[-1]) - weight * (2 * loads[below] - loads[-1])

    def _spread_with(self, place: int, length: int) -> int:
        load, weight = self._loads[place], self._weights[place]
        change = self._distance(place, load + length) - self._distance(place, load)
        # Nobody is compared with their own old load.
        return self._spread + change - length * weight

    def _spread_moved(self, giver: int, taker: int, length: int) -> int:
        """Only pairs with the giver or the taker change; the pair of the two would count twice."""
        one, two = self._place[giver], self._place[taker]
        x, y, v, w = self._loads[one], self._loads[two], self._weights[one], self._weights[two]
        before = self._distance(one, x) + self._distance(two, y) - abs(w * x - v * y)
        after = (
            self._distance(one, x - length)
            + self._distance(two, y + length)
            - length * (v + w)
            - abs(w * (x - length) - v * y)
            - abs(v * (y + length) - w * x)
            + abs(w * (x - length) - v * (y + length))
        )
        return self._spread + after - before

    def _balance(self, found: int, pieces: Iterable[int]) -> Balance | None:
        if len(self) < FEWEST:
            return None
        return balance_of(found, self._weights, pieces)
