"""How long each stage of the ladder may wait."""

from __future__ import annotations

import datetime as dt
import fractions
from dataclasses import dataclass, field

from .clock import Clock

GROUPS = (("direct", "section", "choose", "answer", "vote"), ("slot", "weekend"))
"""Stages with one deadline: the meeting's start for the first five, the checkpoint for the rest."""

HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Rules:
    """The institute's policy, in plain values."""

    windows: dict[str, dt.timedelta] = field(
        default_factory=lambda: {
            "direct": 4 * HOUR,
            "section": 6 * HOUR,
            "choose": 4 * HOUR,
            "answer": 4 * HOUR,
            "vote": 12 * HOUR,
            "slot": 24 * HOUR,
            "weekend": 24 * HOUR,
        }
    )
    notice: dt.timedelta = HOUR
    floor: dt.timedelta = dt.timedelta(minutes=10)
    wave_size: int = 3
    daily_cap: float = 8.0
    weekly_cap: float = 24.0
    weekly_extra: float = 6.0
    quorum_percent: int = 25
    clash_percent: int = 0


@dataclass(frozen=True)
class Window:
    """A stretch of waiting, counted in waking or in clock time."""

    opened_at: dt.datetime
    length: dt.timedelta
    waking: bool
    ends_at: dt.datetime

    def at_share(self, part: int, parts: int, clock: Clock) -> dt.datetime:
        """The moment at which part/parts of the window is over."""
        passed = _scaled(self.length, fractions.Fraction(part, parts))
        return clock.advance(self.opened_at, passed) if self.waking else self.opened_at + passed


def _us(span: dt.timedelta) -> int:
    return span // dt.timedelta(microseconds=1)


def _scaled(span: dt.timedelta, factor: fractions.Fraction) -> dt.timedelta:
    return dt.timedelta(microseconds=round(_us(span) * factor))


def stages_left(stage: str) -> tuple[str, ...]:
    group = next(g for g in GROUPS if stage in g)
    return group[group.index(stage) :]


def open_window(
    stage: str,
    now: dt.datetime,
    deadline: dt.datetime,
    rules: Rules,
    clock: Clock,
    idle: frozenset[str] = frozenset(),
) -> Window | None:
    """The window of a stage opened now, or None where there is no time for one.

    Idle stages are those in which nobody would be waited for.
    """
    if deadline <= now:
        return None
    left = [rules.windows[s] for s in stages_left(stage) if s not in idle]
    full = rules.windows[stage]
    need = sum(left, dt.timedelta())
    have = clock.waking_between(now, deadline)
    awake_share = fractions.Fraction(_us(have), _us(need))
    if awake_share >= 1:
        length, waking = full, True
    elif min(_us(w) for w in left) * awake_share >= _us(rules.floor):
        length, waking = _scaled(full, awake_share), True
    else:
        share = min(fractions.Fraction(1), fractions.Fraction(_us(deadline - now), _us(need)))
        length, waking = _scaled(full, share), False
    if length < rules.floor:
        return None
    ends_at = clock.advance(now, length) if waking else now + length
    return Window(opened_at=now, length=length, waking=waking, ends_at=ends_at)


def waves(members: int, wave_size: int, window: Window, floor: dt.timedelta) -> tuple[int, int]:
    """(number of waves, members in each but perhaps the last)."""
    per_wave = wave_size or members
    count = min(-(-members // per_wave), max(1, window.length // floor))
    size = -(-members // count)
    return -(-members // size), size
