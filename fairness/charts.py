"""The geometry of the report's charts: plain numbers as text, so that no locale gets at them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Point = tuple[float, float]

SIDE = 320
MARGIN = 36
"""Of the Lorenz chart, in its own units."""
MOST_POINTS = 200

ROW = 26
NAME_WIDTH = 136
BAR_WIDTH = 96
"""Of the deviation chart: a row's height, the names' column, and the longest bar to either side."""
VALUE_WIDTH = 60


@dataclass(frozen=True)
class LorenzChart:
    """A square from (0, 0) at the lower left to (1, 1), with the curve and its table by tenths."""

    curve: str
    area: str
    tenths: tuple[tuple[int, int], ...]
    """(per cent of the entitlement, per cent of the hours), the least burdened first."""

    side = SIDE
    near = MARGIN
    far = SIDE - MARGIN
    field = SIDE - 2 * MARGIN
    middle = SIDE // 2
    label_x = MARGIN - 6
    label_y = SIDE - MARGIN + 18
    title_y = SIDE - 4


@dataclass(frozen=True)
class Bar:
    """One person's deviation. `above` the fair share or below it; places in the chart's units."""

    name: str
    value: float
    x: str
    width: str
    y: int
    text_y: int
    value_x: str
    above: bool


@dataclass(frozen=True)
class DeviationChart:
    """Bars to the right for more than the fair share, to the left for less."""

    bars: tuple[Bar, ...]
    left_out: int
    height: int
    zero_x = NAME_WIDTH + VALUE_WIDTH + BAR_WIDTH
    width = NAME_WIDTH + 2 * (VALUE_WIDTH + BAR_WIDTH)
    bar_height = ROW - 8


def lorenz_chart(curve: Sequence[Point]) -> LorenzChart:
    """Of the points of `measures.lorenz`."""
    drawn = _thinned(curve)
    corner = f"{_place(1)},{_place(0, upwards=True)}"
    text = " ".join(f"{_place(x)},{_place(y, upwards=True)}" for x, y in drawn)
    tenths = tuple((n * 10, round(100 * share_at(curve, n / 10))) for n in range(1, 11))
    return LorenzChart(text, f"{text} {corner}", tenths)


def share_at(curve: Sequence[Point], x: float) -> float:
    """The share of the hours that the least burdened `x` of the entitlement carry."""
    place = max(1, bisect_left(curve, (x,)))
    if place >= len(curve):
        return curve[-1][1]
    (x0, y0), (x1, y1) = curve[place - 1], curve[place]
    return y1 if x1 == x0 else y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def deviation_chart(deviations: Sequence[tuple[str, float]], *, most: int) -> DeviationChart:
    """Of (name, hours) pairs: those furthest above and below, `most` in all, the highest first."""
    order = sorted(deviations, key=lambda one: (-one[1], one[0]))
    if len(order) > most:
        shown = sorted(order, key=lambda one: (-abs(one[1]), one[0]))[:most]
        order = sorted(shown, key=lambda one: (-one[1], one[0]))
    longest = max((abs(value) for _, value in order), default=0.0) or 1.0
    bars = []
    for row, (name, value) in enumerate(order):
        width = abs(value) / longest * BAR_WIDTH
        zero = DeviationChart.zero_x
        above = value >= 0
        bars.append(
            Bar(
                name=name,
                value=value,
                x=_plain(zero if above else zero - width),
                width=_plain(width),
                y=row * ROW + 4,
                text_y=row * ROW + 4 + (ROW - 8) // 2,
                value_x=_plain(zero + width + 6 if above else zero - width - 6),
                above=above,
            )
        )
    return DeviationChart(tuple(bars), len(deviations) - len(order), len(order) * ROW)


def _thinned(curve: Sequence[Point]) -> list[Point]:
    """At most so many points that a browser draws them at once; the ends stay."""
    if len(curve) <= MOST_POINTS:
        return list(curve)
    step = (len(curve) - 1) / (MOST_POINTS - 1)
    places = [round(n * step) for n in range(MOST_POINTS)]
    return [curve[0], *(curve[b] for a, b in pairwise(places) if b > a)]


def _place(share: float, *, upwards: bool = False) -> str:
    length = SIDE - 2 * MARGIN
    return _plain(SIDE - MARGIN - share * length if upwards else MARGIN + share * length)


def _plain(value: float) -> str:
    return f"{value:.1f}"
