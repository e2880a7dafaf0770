"""Waking time, by counting the minutes of the UTC line one at a time.

Whether a minute is waking is asked of the wall clock at that very minute, so nights, weekends and
changes of the clock need no rule of their own.
"""

from __future__ import annotations

import bisect
import datetime as dt
import functools
import zoneinfo

EPOCH = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
MINUTE = 60_000_000
"""Microseconds."""


def _us(span: dt.timedelta) -> int:
    return span // dt.timedelta(microseconds=1)


class Clock:
    """An institute's clock; waking is [waking_from, waking_to) on every local day."""

    def __init__(
        self,
        zone: str,
        waking_from: dt.time = dt.time(7),
        waking_to: dt.time = dt.time(22),
        *,
        origin: dt.datetime = EPOCH,
    ) -> None:
        self.zone = zoneinfo.ZoneInfo(zone)
        self.waking_from = waking_from
        self.waking_to = waking_to
        self.origin = origin
        self.counted = [0]
        """counted[m]: waking minutes among the first m minutes after the origin."""

    def local(self, moment: dt.datetime) -> dt.datetime:
        return moment.astimezone(self.zone)

    def day(self, moment: dt.datetime) -> dt.date:
        return self.local(moment).date()

    def moment(self, day: dt.date, clock: dt.time) -> dt.datetime:
        return dt.datetime.combine(day, clock, self.zone).astimezone(dt.UTC)

    def midnight_after(self, day: dt.date) -> dt.datetime:
        return self.moment(day + dt.timedelta(days=1), dt.time())

    def awake(self, minute: int) -> bool:
        wall = self.local(self.origin + dt.timedelta(minutes=minute)).time()
        return self.waking_from <= wall < self.waking_to

    def _count_to(self, minute: int) -> None:
        while len(self.counted) <= minute:
            self.counted.append(self.counted[-1] + self.awake(len(self.counted) - 1))

    def _tally(self, moment: dt.datetime) -> int:
        """Waking microseconds since the origin."""
        minute, rest = divmod(_us(moment - self.origin), MINUTE)
        if minute < 0:
            raise ValueError(f"{moment} lies before the counted line")
        self._count_to(minute + 1)
        return self.counted[minute] * MINUTE + (rest if self.awake(minute) else 0)

    def waking_between(self, start: dt.datetime, end: dt.datetime) -> dt.timedelta:
        if end <= start:
            return dt.timedelta()
        return dt.timedelta(microseconds=self._tally(end) - self._tally(start))

    def advance(self, start: dt.datetime, waking: dt.timedelta) -> dt.datetime:
        """The earliest moment by which so much waking time has passed since the start."""
        if not waking:
            return start
        wanted = self._tally(start) + _us(waking)
        while self.counted[-1] * MINUTE < wanted:
            self._count_to(len(self.counted) + 24 * 60)
        after = bisect.bisect_left(self.counted, wanted, key=lambda minutes: minutes * MINUTE)
        minute = after - 1
        return self.origin + dt.timedelta(
            minutes=minute, microseconds=wanted - self.counted[minute] * MINUTE
        )


@functools.cache
def clock_of(zone: str, waking_from: dt.time, waking_to: dt.time, origin: dt.datetime) -> Clock:
    """One counted line per clock, shared by all examples."""
    return Clock(zone, waking_from, waking_to, origin=origin)
