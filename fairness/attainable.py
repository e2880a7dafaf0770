"""How evenly given sessions could be spread at best, when no session can be split.

Sessions (whole covers, each of its own length) go to people (each with a weight, the
entitlement). What counts is the *spread* S = ½ Σᵢ Σⱼ |wⱼ xᵢ − wᵢ xⱼ| of the hours x: the weighted
Gini coefficient is S ÷ (Σx · Σw), so the least S is the least Gini. In whole units all of it is
exact.

Finding the least spread is a partition problem and hard in general. Three roads, best first:

1. Longest session first to whoever then carries least (Graham, "Bounds on multiprocessing timing
   anomalies", SIAM J. Appl. Math. 17, 1969). With equal weights its result is proven best when
   nobody has two sessions, or when no two people differ by more than the greatest common divisor
   of the lengths: every other assignment then majorises it, and the Gini respects majorisation
   (Marshall, Olkin & Arnold, "Inequalities", ch. 1 and 13). With any weights a spread of 0 is
   best.
2. Every assignment, where few are really different: people of one weight are interchangeable,
   and so are sessions of one length.
3. Otherwise the result of 1, improved by moves and swaps between the most and the least burdened:
   an upper bound, marked as not exact.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import gcd
from typing import TypeVar

N = TypeVar("N", int, float)
Hands = tuple[tuple[int, ...], ...]
"""What those of each weight carry who carry anything: sorted, since they are interchangeable."""

EXACT_STATES = 3000
"""How many different partial assignments may be looked at before settling for a bound."""
IMPROVED_PEOPLE = 300
"""Among more people than this, single moves change too little to look for."""
IMPROVEMENTS = 40
"""How many moves or swaps may improve a bound."""
REACH = 4
"""How many people at either end an improvement looks at."""


@dataclass(frozen=True, slots=True)
class Attainable:
    """The least spread found; `exact` when no assignment can have less."""

    spread: int
    exact: bool


def spread(loads: Sequence[N], weights: Sequence[N]) -> N:
    """½ Σᵢ Σⱼ |wⱼ xᵢ − wᵢ xⱼ|, in one pass over the people sorted by burden."""
    whole = sum(weights)
    below: N = whole - whole
    total: N = whole - whole
    for load, weight in sorted(zip(loads, weights, strict=True), key=_burden):
        total += load * (2 * below + weight - whole)
        below += weight
    return total


def spread_change(loads: Sequence[N], weights: Sequence[N], person: int, added: N) -> N:
    """How the spread changes when one person carries `added` more (or less)."""
    load, weight = loads[person], weights[person]
    nothing = weight - weight
    change = sum(
        (
            abs((load + added) * other - weight * carried) - abs(load * other - weight * carried)
            for carried, other in zip(loads, weights, strict=True)
        ),
        nothing,
    )
    # The sum also compared the person with their own old load.
    return change - abs(added * weight)


def _burden(person: tuple[N, N]) -> tuple[float, float]:
    return person[0] / person[1], float(person[1])


@lru_cache(maxsize=256)
def least_spread(lengths: tuple[int, ...], weights: tuple[int, ...]) -> Attainable:
    """The least spread that any assignment of whole sessions has.

    `lengths` are positive and sorted longest first, `weights` positive and sorted, in whole
    units.
    """
    hands = longest_first(lengths, weights)
    loads = [sum(hand) for hand in hands]
    found = spread(loads, weights)
    if not found or (weights[0] == weights[-1] and _cannot_be_better(hands, loads, lengths)):
        return Attainable(found, exact=True)
    least = _least_of_all(lengths, weights)
    if least is not None:
        return Attainable(least, exact=True)
    if len(weights) <= IMPROVED_PEOPLE:
        found = _improved(hands, loads, weights, found)
    return Attainable(found, exact=False)


def longest_first(
    lengths: Sequence[int], weights: Sequence[int], loads: Sequence[int] | None = None
) -> list[list[int]]:
    """Who gets which sessions when each goes to whoever would then be burdened least.

    `loads` is what they carry already. `lengths` are given longest first.
    """
    hands: list[list[int]] = [[] for _ in weights]
    # People of one weight form a queue each, least loaded first: only its head can be the next.
    queues: dict[int, list[tuple[int, int]]] = {}
    for person, weight in enumerate(weights):
        queues.setdefault(weight, []).append((loads[person] if loads else 0, person))
    for queue in queues.values():
        heapq.heapify(queue)
    for length in lengths:
        weight = min(
            queues, key=lambda one: ((queues[one][0][0] + length) / one, queues[one][0][0] / one)
        )
        load, person = queues[weight][0]
        heapq.heapreplace(queues[weight], (load + length, person))
        hands[person].append(length)
    return hands


def _cannot_be_better(
    hands: Sequence[Sequence[int]], loads: Sequence[int], lengths: Sequence[int]
) -> bool:
    """Whether every other assignment to people of equal weight majorises this one."""
    return max(map(len, hands)) <= 1 or max(loads) - min(loads) <= gcd(*lengths)


def _least_of_all(lengths: Sequence[int], weights: Sequence[int]) -> int | None:
    """The least spread over all assignments; None where too many are really different."""
    groups = sorted(Counter(weights).items())
    layer: set[Hands] = {((),) * len(groups)}
    seen = 1
    for length in lengths:
        following: set[Hands] = set()
        for hands in layer:
            for index, (_, people) in enumerate(groups):
                loads = hands[index]
                targets = {*loads, 0} if len(loads) < people else set(loads)
                for target in targets:
                    rest = list(loads)
                    if target:
                        rest.remove(target)
                    rest.append(target + length)
                    rest.sort()
                    following.add((*hands[:index], tuple(rest), *hands[index + 1 :]))
            if seen + len(following) > EXACT_STATES:
                return None
        layer = following
        seen += len(layer)
    return min(_spread_of(hands, groups) for hands in layer)


def _spread_of(hands: Hands, groups: Sequence[tuple[int, int]]) -> int:
    loads: list[int] = []
    weights: list[int] = []
    for busy, (weight, people) in zip(hands, groups, strict=True):
        loads += busy
        weights += [weight] * len(busy)
        if people > len(busy):
            # Those who carry nothing count as one person with all their weight.
            loads.append(0)
            weights.append(weight * (people - len(busy)))
    return spread(loads, weights)


def _improved(hands: list[list[int]], loads: list[int], weights: Sequence[int], found: int) -> int:
    """The spread after moving and swapping sessions between the ends, while that helps."""
    for _ in range(IMPROVEMENTS):
        order = sorted(range(len(loads)), key=lambda one: loads[one] / weights[one])
        best: tuple[int, int, int, int, int] | None = None
        for giver in order[: -REACH - 1 : -1]:
            for taker in order[:REACH]:
                for out in set(hands[giver]):
                    for back in {0, *hands[taker]}:
                        moved = out - back
                        if giver == taker or moved <= 0:
                            continue
                        change = spread_change(loads, weights, giver, -moved)
                        loads[giver] -= moved
                        change += spread_change(loads, weights, taker, moved)
                        loads[giver] += moved
                        if change < 0 and (best is None or change < best[0]):
                            best = (change, giver, taker, out, back)
        if best is None:
            break
        change, giver, taker, out, back = best
        hands[giver].remove(out)
        hands[taker].append(out)
        if back:
            hands[taker].remove(back)
            hands[giver].append(back)
        loads[giver] -= out - back
        loads[taker] += out - back
        found += change
    return found
