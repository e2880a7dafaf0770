"""Which weeks, which days, which moments: a weekly pattern becomes dated meetings.

Week n of a term is the n-th seven days counted from its first day, whatever weekday that is. Patterns
keep their wall-clock time across changes of the clocks.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

if TYPE_CHECKING:
    from .models import Term

ONE_DAY = dt.timedelta(days=1)
DAYS_A_WEEK = 7
LAST_WEEK = 999
"""No term has more weeks: a pattern that names a later one is a slip of the pen."""

_STRETCH = re.compile(r"([0-9]{1,3})(?:-([0-9]{1,3}))?")


class BadWeeks(ValueError):
    """A pattern of weeks that cannot be read; as a text, why."""

    def __init__(self, message: str, **values: object) -> None:
        super().__init__(message, values)
        self.message = message
        self.values = values

    def __str__(self) -> str:
        return gettext(self.message) % self.values


@dataclass(frozen=True, slots=True)
class WeekPattern:
    """Some weeks of a term: stretches (first week, last week) of which every `step`-th counts."""

    stretches: tuple[tuple[int, int], ...] = ((1, LAST_WEEK),)
    step: int = 1

    def __contains__(self, week: int) -> bool:
        return any(
            first <= week <= last and (week - first) % self.step == 0
            for first, last in self.stretches
        )

    @property
    def latest_named(self) -> int:
        """The highest week that the pattern names; 0 if it goes on to the end of the term."""
        return max(last for _first, last in self.stretches) % LAST_WEEK


EVERY_WEEK = WeekPattern()
ODD_WEEKS = WeekPattern(step=2)
EVEN_WEEKS = WeekPattern(((2, LAST_WEEK),), step=2)


@lru_cache(maxsize=4096)
def parse_weeks(text: str) -> WeekPattern:
    """The pattern written as in the bundle: empty, `odd`, `even`, or like `1-6;8;10-15`.

    Raises BadWeeks.
    """
    named = {"": EVERY_WEEK, "odd": ODD_WEEKS, "even": EVEN_WEEKS}.get(text)
    if named is not None:
        return named
    stretches = []
    for part in text.split(";"):
        match = _STRETCH.fullmatch(part.strip())
        if match is None:
            raise BadWeeks(
                _("“%(weeks)s” is neither odd, even nor a list like 1-6;8;10-15"), weeks=text[:40]
            )
        first = int(match[1])
        last = int(match[2] or first)
        if first < 1:
            raise BadWeeks(_("weeks are counted from 1"))
        if last < first:
            raise BadWeeks(_("“%(weeks)s” ends before it starts"), weeks=part.strip())
        if last >= LAST_WEEK:
            raise BadWeeks(_("week %(week)d is beyond any term"), week=last)
        stretches.append((first, last))
    return WeekPattern(tuple(stretches))


@dataclass(frozen=True, slots=True)
class TermCalendar:
    """The days of a term on which its ordinary classes meet: all but the closed ones."""

    starts_on: dt.date
    ends_on: dt.date
    closed: frozenset[dt.date] = frozenset()

    @classmethod
    def of(
        cls, starts_on: dt.date, ends_on: dt.date, closures: Iterable[tuple[dt.date, dt.date]]
    ) -> TermCalendar:
        """From the first and last day of each closure, both without classes."""
        closed = frozenset(
            day
            for first, last in closures
            for day in days(max(first, starts_on), min(last, ends_on))
        )
        return cls(starts_on, ends_on, closed)

    @classmethod
    def of_term(cls, term: Term) -> TermCalendar:
        closures = term.closures.values_list("starts_on", "ends_on")
        return cls.of(term.starts_on, term.ends_on, closures)

    @property
    def weeks(self) -> int:
        """How many weeks the term has, the last one perhaps cut short."""
        return self.week_of(self.ends_on)

    def week_of(self, day: dt.date) -> int:
        """The number of the day's week: 1 for the term's first seven days."""
        return (day - self.starts_on).days // DAYS_A_WEEK + 1

    def __contains__(self, day: dt.date) -> bool:
        return self.starts_on <= day <= self.ends_on

    def dates(self, weekday: int, pattern: WeekPattern = EVERY_WEEK) -> Iterator[dt.date]:
        """The open days of the term on this ISO weekday, in the weeks of the pattern."""
        first = self.starts_on + ONE_DAY * ((weekday - self.starts_on.isoweekday()) % DAYS_A_WEEK)
        for day in days(first, self.ends_on, every=DAYS_A_WEEK):
            if day not in self.closed and self.week_of(day) in pattern:
                yield day


def days(first: dt.date, last: dt.date, *, every: int = 1) -> Iterator[dt.date]:
    """The days from the first to the last, both included."""
    for n in range(0, (last - first).days + 1, every):
        yield first + ONE_DAY * n


def span(
    day: dt.date, starts: dt.time, ends: dt.time, zone: zoneinfo.ZoneInfo
) -> tuple[dt.datetime, dt.datetime]:
    """The UTC start and end of wall-clock times on one day.

    A time that the clocks skip that day counts as if they had not been changed yet, and one that they
    show twice as the first of the two; a span that would vanish in the gap keeps its plain length.
    """
    starts_at = dt.datetime.combine(day, starts, zone).astimezone(dt.UTC)
    ends_at = dt.datetime.combine(day, ends, zone).astimezone(dt.UTC)
    if ends_at <= starts_at:
        length = dt.datetime.combine(day, ends) - dt.datetime.combine(day, starts)
        ends_at = starts_at + length
    return starts_at, ends_at
