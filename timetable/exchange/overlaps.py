"""A professor or a room in two places at once: found, counted and marked, never refused."""

from __future__ import annotations

import datetime as dt
import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

SHOWN = 1000


@dataclass(slots=True)
class Standing:
    """One meeting that takes place, by ids: as it will stand when the import is done."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    professor: int
    room: int | None
    offering: int
    overlaps: bool = False


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two meetings at one time that share a professor or a room."""

    resource: int
    first: Standing
    second: Standing


@dataclass(slots=True)
class Found:
    """How many pairs overlap, and the first thousand meetings that do, each with one other."""

    total: int
    shown: list[Overlap]


def mark_overlaps(
    standings: Sequence[Standing], co_teachers: Mapping[int, Sequence[int]]
) -> tuple[Found, Found]:
    """Mark every meeting that shares its professor or room with another at the same time.

    `co_teachers`: by class, who teaches it beside the professor who leads. Returns what was found for
    professors and for rooms.
    """

    def busy(standing: Standing) -> set[int]:
        return {standing.professor, *co_teachers.get(standing.offering, ())}

    def used(standing: Standing) -> set[int]:
        return set() if standing.room is None else {standing.room}

    return _sweep(standings, busy), _sweep(standings, used)


def _sweep(standings: Iterable[Standing], resources: Callable[[Standing], set[int]]) -> Found:
    uses: dict[int, list[Standing]] = defaultdict(list)
    for standing in standings:
        for resource in resources(standing):
            uses[resource].append(standing)
    found = Found(0, [])
    for resource in sorted(uses):
        for overlap, pairs in _collisions(resource, uses[resource]):
            found.total += pairs
            if len(found.shown) < SHOWN:
                found.shown.append(overlap)
    return found


def _collisions(resource: int, uses: list[Standing]) -> Iterator[tuple[Overlap, int]]:
    """Each use that meets earlier ones still running, one of them, and how many they are."""
    uses.sort(key=lambda use: (use.starts_at, use.ends_at, use.offering))
    running: list[tuple[dt.datetime, int]] = []
    for at, use in enumerate(uses):
        while running and running[0][0] <= use.starts_at:
            heapq.heappop(running)
        if running:
            # All that still run overlap one another, so only a lone one can be unmarked yet.
            earlier = uses[running[0][1]]
            earlier.overlaps = use.overlaps = True
            yield Overlap(resource, earlier, use), len(running)
        heapq.heappush(running, (use.ends_at, at))
