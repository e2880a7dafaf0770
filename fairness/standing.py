"""Where each professor stands with covering for others in a term.

*Entitlement* is FTE × the share of the term not on leave. Leave is a standing absence of a week
or longer, filed by now, from everything (an absence from one single class is none); shorter
absences change nothing, so that a day's illness neither lowers a burden nor raises one. It counts
for the whole term, past and future, as it is known now.

*Fair share* is the part of all hours given by active professors that falls to an entitlement.
Hours are clock hours.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from itertools import chain
from typing import Any

from django.db.models import (
    BigIntegerField,
    Count,
    DateTimeField,
    F,
    IntegerField,
    QuerySet,
    Sum,
    Value,
)

from timetable.models import Absence, Professor, Term
from timetable.prepared import Many, PreparedTogether, empty, literal

from .distribution import Distribution
from .enums import EntryKind
from .measures import Balance
from .models import LedgerEntry

LEAVE = dt.timedelta(days=7)
"""An absence shorter than this is not leave."""
SECOND = dt.timedelta(seconds=1)
NOTHING = Decimal(0)
EXACT = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Standing:
    """One professor's line: hours given and taken, and how often asked, accepted, declined."""

    professor_id: int
    given: Decimal
    taken: Decimal
    asked: int
    accepted: int
    declined: int
    entitlement: Decimal
    fair_share: Decimal
    on_leave: Decimal = NOTHING
    """The share of the term on leave, 0 to 1."""

    @property
    def deviation(self) -> Decimal:
        """Hours above (+) or below (−) the fair share."""
        return self.given - self.fair_share


@dataclass(frozen=True, slots=True)
class Totals:
    """What the fair shares are taken from: hours given and entitlement of all active professors."""

    given: Decimal
    entitlement: Decimal

    def fair_share(self, entitlement: Decimal) -> Decimal:
        if not self.entitlement:
            return NOTHING
        return (self.given * entitlement / self.entitlement).quantize(EXACT, ROUND_HALF_UP)


class Standings(dict[int, Standing]):
    """Standings by professor id. `sessions` are the lengths of the single covers that stand now.

    `complete` says that every active professor is in it, as what compares people needs.
    """

    def __init__(
        self,
        lines: Iterable[Standing],
        *,
        totals: Totals,
        complete: bool,
        sessions: Mapping[int, Collection[Decimal]],
    ) -> None:
        super().__init__((line.professor_id, line) for line in lines)
        self.totals = totals
        self.complete = complete
        self.sessions = sessions


class _Figure(StrEnum):
    """What a row of figures holds, beside the kinds of ledger entries."""

    MEMBER = "member"
    """An active professor: their FTE."""
    LEAVE = "leave"
    """One absence that is leave: the professor's FTE, and its span."""
    ALL_GIVEN = "all_given"
    """Hours given by all active professors."""
    ALL_FTE = "all_fte"
    """The FTE of all active professors."""


_SPAN = (empty(DateTimeField()), empty(DateTimeField()))
_NOBODY = empty(BigIntegerField())
_ONE = Value(1, output_field=IntegerField())


def _summed(entries: QuerySet[LedgerEntry]) -> QuerySet[Any, Any]:
    """Equal entries once, with how many they are."""
    return (
        entries.order_by()
        .values("professor", "kind", "hours")
        .annotate(count=Count("pk"))
        .values_list("professor", "kind", "hours", "count", *_SPAN)
    )


def _members(institute: Any) -> QuerySet[Professor]:
    return Professor.objects.filter(institute=institute, active=True).order_by()


def _leaves(institute: Any, starts_at: Any, ends_at: Any, now: Any) -> QuerySet[Any, Any]:
    return (
        Absence.objects.standing()
        .overlapping(starts_at, ends_at)
        .filter(
            institute=institute,
            offering=None,
            professor__active=True,
            filed_at__lte=now,
            ends_at__gte=F("starts_at") + LEAVE,
        )
        .order_by()
        .values_list(
            "professor", literal(_Figure.LEAVE), "professor__fte", _ONE, "starts_at", "ends_at"
        )
    )


def _of_all(term: Any, institute: Any, **leave: Any) -> list[QuerySet[Any, Any]]:
    members = _members(institute).values_list("pk", literal(_Figure.MEMBER), "fte", _ONE, *_SPAN)
    entries = _summed(LedgerEntry.objects.filter(term=term))
    return [entries, members, _leaves(institute, **leave)]


def _of_some(term: Any, institute: Any, people: Any, **leave: Any) -> list[QuerySet[Any, Any]]:
    """The ledger of some people, and of everybody the sums."""
    # Naming every kind lets the index lead straight to the few professors.
    own = LedgerEntry.objects.filter(term=term, professor__among=people, kind__in=EntryKind.values)
    given = (
        LedgerEntry.objects.filter(term=term, kind=EntryKind.GIVEN, professor__active=True)
        .order_by()
        .values("term")
        .annotate(total=Sum("hours"))
        .values_list(_NOBODY, literal(_Figure.ALL_GIVEN), "total", _ONE, *_SPAN)
    )
    fte = (
        _members(institute)
        .values("institute")
        .annotate(total=Sum("fte"))
        .values_list(_NOBODY, literal(_Figure.ALL_FTE), "total", _ONE, *_SPAN)
    )
    return [_summed(own), given, fte, _leaves(institute, **leave)]


_TERM: dict[str, Any] = {
    "term": BigIntegerField(),
    "institute": BigIntegerField(),
    "starts_at": DateTimeField(),
    "ends_at": DateTimeField(),
    "now": DateTimeField(),
}
_FIGURES = PreparedTogether(_of_all, **_TERM)
_FIGURES_OF = PreparedTogether(_of_some, people=Many(), **_TERM)


def standings(
    term: Term, *, now: dt.datetime, professors: Iterable[Professor] | None = None
) -> Standings:
    """Everybody's standing in the term, in one query whatever the size of the institute.

    With `professors`, only theirs: fit for ranking a handful of candidates, not for `effect`.
    Give a term with its institute loaded.
    """
    people = None if professors is None else list(professors)
    asked = _asked(term, now)
    rows = _FIGURES(**asked) if people is None else _FIGURES_OF(people=_ids(people), **asked)
    return _reckoned(term, rows, people)


class StandingsBeside:
    """Standings, and what else is asked of the same people: read in one query."""

    def __init__(self, rows: Callable[[Any], QuerySet[Any, Any]]) -> None:
        """`rows` makes a queryset of values, given the parameter that stands for the people's ids."""
        self._of_all = PreparedTogether(
            lambda people, **asked: [rows(people), *_of_all(**asked)], people=Many(), **_TERM
        )
        self._of_some = PreparedTogether(
            lambda people, **asked: [rows(people), *_of_some(people=people, **asked)],
            people=Many(),
            **_TERM,
        )

    def read(
        self, term: Term, professors: Collection[Professor], *, now: dt.datetime, everybody: bool
    ) -> tuple[Standings, list[Any]]:
        """`standings` of everybody or of these alone, and the rows about these."""
        ask = self._of_all if everybody else self._of_some
        beside, *rows = ask(people=_ids(professors), **_asked(term, now))
        return _reckoned(term, rows, None if everybody else list(professors)), beside


def _ids(people: Iterable[Professor]) -> list[int]:
    return [one.pk for one in people]


def _asked(term: Term, now: dt.datetime) -> dict[str, Any]:
    first, last = _bounds(term)
    return {
        "term": term.pk,
        "institute": term.institute_id,
        "starts_at": first,
        "ends_at": last,
        "now": now,
    }


def _reckoned(
    term: Term, rows: Iterable[Iterable[Sequence[Any]]], people: list[Professor] | None
) -> Standings:
    figures = _Figures.of(term, chain.from_iterable(rows))
    if people is None:
        entitlements = {
            pk: _entitlement(fte, figures.leave.get(pk))
            for pk, fte in sorted(figures.members.items())
        }
        totals = Totals(
            sum((figures.lines[pk].given for pk in entitlements if pk in figures.lines), NOTHING),
            sum(entitlements.values(), NOTHING),
        )
    else:
        entitlements = {
            one.pk: _entitlement(one.fte, figures.leave.get(one.pk)) if one.active else NOTHING
            for one in people
        }
        leave = figures.leave.values()
        lost = sum((one.fte - _entitlement(one.fte, one) for one in leave), NOTHING)
        # SQLite sums in floating point.
        totals = Totals(figures.all_given.quantize(EXACT), figures.all_fte.quantize(EXACT) - lost)
    return _standings(entitlements, figures.leave, figures.lines, totals, complete=people is None)


def _standings(
    entitlements: Mapping[int, Decimal],
    leave: Mapping[int, _Leave],
    lines: Mapping[int, _Line],
    totals: Totals,
    *,
    complete: bool,
) -> Standings:
    blank = _Line()
    return Standings(
        (
            Standing(
                professor_id=pk,
                given=(line := lines.get(pk, blank)).given,
                taken=line.taken,
                asked=line.counts[EntryKind.ASKED],
                accepted=line.counts[EntryKind.ACCEPTED],
                declined=line.counts[EntryKind.DECLINED],
                entitlement=entitlement,
                fair_share=totals.fair_share(entitlement),
                on_leave=leave[pk].share if pk in leave else NOTHING,
            )
            for pk, entitlement in entitlements.items()
        ),
        totals=totals,
        complete=complete,
        sessions={pk: lines[pk].sessions for pk in entitlements if pk in lines},
    )


@dataclass(slots=True)
class _Line:
    """What the ledger says of one professor."""

    given: Decimal = NOTHING
    taken: Decimal = NOTHING
    counts: Counter[str] = field(default_factory=Counter)
    covers: Counter[Decimal] = field(default_factory=Counter)

    @property
    def sessions(self) -> tuple[Decimal, ...]:
        """The covers that stand: what was taken back with other hours counts as one remainder."""
        if any(count < 0 for count in self.covers.values()):
            return (self.given,) if self.given > 0 else ()
        return tuple(self.covers.elements())


@dataclass(slots=True)
class _Leave:
    """How much of the term a professor is on leave: a share of its length."""

    fte: Decimal
    spans: list[tuple[dt.datetime, dt.datetime]] = field(default_factory=list)
    share: Decimal = NOTHING


@dataclass(slots=True)
class _Figures:
    """What the standings are reckoned from."""

    lines: dict[int, _Line]
    members: dict[int, Decimal]
    leave: dict[int, _Leave]
    all_given: Decimal = NOTHING
    all_fte: Decimal = NOTHING

    @classmethod
    def of(cls, term: Term, rows: Iterable[Sequence[Any]]) -> _Figures:
        figures = cls(defaultdict(_Line), {}, {})
        away: list[tuple[dt.datetime, dt.datetime, int, Decimal]] = []
        for professor_id, kind, hours, count, starts_at, ends_at in rows:
            match kind:
                case _Figure.MEMBER:
                    figures.members[professor_id] = hours
                case _Figure.LEAVE:
                    away.append((starts_at, ends_at, professor_id, hours))
                case _Figure.ALL_GIVEN:
                    figures.all_given = hours
                case _Figure.ALL_FTE:
                    figures.all_fte = hours
                case EntryKind.GIVEN:
                    line = figures.lines[professor_id]
                    line.given += hours * count
                    line.covers[abs(hours)] += count if hours > 0 else -count
                case EntryKind.TAKEN:
                    figures.lines[professor_id].taken += hours * count
                case _:
                    figures.lines[professor_id].counts[kind] += count
        figures.leave = _leave(sorted(away), *_bounds(term))
        return figures


def _bounds(term: Term) -> tuple[dt.datetime, dt.datetime]:
    """The first and the last moment of the term."""
    moment = term.institute.moment
    return (
        moment(term.starts_on, dt.time()),
        moment(term.ends_on + dt.timedelta(days=1), dt.time()),
    )


def _leave(
    absences: Iterable[tuple[dt.datetime, dt.datetime, int, Decimal]],
    first: dt.datetime,
    last: dt.datetime,
) -> dict[int, _Leave]:
    """Leave of active professors, from their absences by start. Spans that overlap count once."""
    found: dict[int, _Leave] = {}
    for starts_at, ends_at, professor_id, fte in absences:
        one = found.setdefault(professor_id, _Leave(fte))
        start = max(starts_at, one.spans[-1][1] if one.spans else first, first)
        one.spans.append((start, max(start, min(ends_at, last))))
    for one in found.values():
        away = sum((end - start for start, end in one.spans), dt.timedelta())
        one.share = Decimal(away // SECOND) / Decimal((last - first) // SECOND)
    return found


def _entitlement(fte: Decimal, leave: _Leave | None) -> Decimal:
    return (fte * (1 - (leave.share if leave else NOTHING))).quantize(EXACT, ROUND_HALF_UP)


def projected(
    standings: Mapping[int, Standing], professor_id: int, hours: Decimal | float
) -> float:
    """The burden after taking these hours: hours given ÷ entitlement. The lowest is asked first.

    Whoever is entitled to nothing (on leave all term, no FTE) comes last: infinity.
    """
    line = standings[professor_id]
    if not line.entitlement:
        return math.inf
    return (float(line.given) + float(hours)) / float(line.entitlement)


def distribution(standings: Standings) -> Distribution:
    """The covering of a whole institute, to be measured. Raises ValueError for only some of it."""
    if not standings.complete:
        raise ValueError("The balance is one of all professors: ask for all standings.")
    return Distribution(
        {pk: (line.entitlement, standings.sessions.get(pk, ())) for pk, line in standings.items()}
    )


def effect(
    standings: Standings, professor_id: int, hours: Decimal | float
) -> tuple[float | None, float | None]:
    """The balance score before and after this professor covers for so many hours.

    Needs the standings of everybody. None where there is no data or there are too few people.
    """
    return effects(standings, [professor_id], hours)[professor_id]


def effects(
    standings: Standings, professor_ids: Iterable[int], hours: Decimal | float
) -> dict[int, tuple[float | None, float | None]]:
    """`effect` of each of several professors taking the same hours, for little more than one."""
    carried, length = distribution(standings), Decimal(str(hours))
    before = _score(carried.balance)
    return {pk: (before, _score(carried.balance_with(pk, length))) for pk in professor_ids}


def _score(balance: Balance | None) -> float | None:
    return None if balance is None else balance.score
