"""How far a term has come, counted in days with classes."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from timetable.models import Closure, Institute, Term

ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class TermDays:
    """The teaching days of a term, less its closures, in order. A week has `per_week` of them."""

    days: tuple[dt.date, ...]
    per_week: int

    @classmethod
    def of(cls, term: Term, closures: Iterable[Closure] | None = None) -> TermDays:
        """Reads the closures, unless they are given: one query."""
        weekdays = frozenset(term.institute.teaching_days)
        known = term.closures.all() if closures is None else closures
        closed = [(one.starts_on, one.ends_on) for one in known]
        length = (term.ends_on - term.starts_on).days + 1
        days = (term.starts_on + ONE_DAY * n for n in range(length))
        return cls(
            tuple(
                day
                for day in days
                if day.isoweekday() in weekdays
                and not any(first <= day <= last for first, last in closed)
            ),
            len(weekdays),
        )

    @property
    def weeks(self) -> Decimal:
        """The term's length in teaching weeks; a week with a closure is part of one."""
        if not self.per_week:
            return Decimal(0)
        return Decimal(len(self.days)) / self.per_week

    def until(self, day: dt.date) -> int:
        """How many teaching days lie up to this day, itself included."""
        return bisect_right(self.days, day)

    def share_until(self, day: dt.date) -> Decimal:
        """The part of the term's teaching days that lies up to this day, itself included."""
        return Decimal(self.until(day)) / len(self.days) if self.days else Decimal(0)


def current_term(
    institute: Institute, now: dt.datetime, terms: Iterable[Term] | None = None
) -> Term | None:
    """The term that runs now; between terms the one that ended last; before the first, the first.

    Reads the terms of the institute, unless they are given.
    """
    today = institute.local(now).date()
    known = sorted(
        institute.terms.all() if terms is None else terms, key=lambda one: (one.starts_on, -one.pk)
    )
    begun = [one for one in known if one.starts_on <= today]
    term = begun[-1] if begun else next(iter(known), None)
    if term is not None:
        term.institute = institute
    return term
