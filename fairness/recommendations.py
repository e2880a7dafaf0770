"""Who could give what to whom so that it is carried more evenly: concrete, and checked.

Two kinds, as there are two questions. A *cover* is one coming meeting that somebody teaches for a
colleague and that somebody less burdened could teach instead. A *class* is the rest of a class of
a professor with more hours than expected, for a professor with fewer. Whoever would take it
teaches the course, has taught it or is qualified for it; is free at every meeting concerned;
keeps their own limit of hours a day; and the balance is better afterwards. They are proposals:
nothing is changed.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import chain

from django.db.models import F, QuerySet

from timetable.availability import Diaries, Near, Plans, day_span
from timetable.models import (
    Institute,
    Meeting,
    Offering,
    Professor,
    Qualification,
    Teaching,
    Term,
)
from timetable.prepared import together

from . import standing, teaching
from .distribution import Distribution
from .ledger import clock_hours
from .standing import Standings, projected
from .teaching import TeachingLoad

HORIZON = dt.timedelta(weeks=4)
"""How far ahead covers are looked at."""
COVERS = 40
CLASSES = 12
"""How many covers and classes are looked at: those of the people who carry most."""
TAKERS = 6
"""How many people who carry least are checked for each."""
SHOWN = 5
"""How many of each kind are recommended, the most helpful first."""


class RecommendationKind(StrEnum):
    COVER = "cover"
    CLASS = "class"


@dataclass(frozen=True)
class Recommendation:
    """`giver` could give `hours` clock hours to `taker`; the balance of its own question after it.

    A cover has its one meeting; a class the number of meetings to come.
    """

    kind: RecommendationKind
    giver: Professor
    taker: Professor
    offering: Offering
    hours: Decimal
    meetings: int
    balance_before: float
    balance_after: float
    meeting: Meeting | None = None


@dataclass(frozen=True)
class _Change:
    """Something that could change hands, and who might take it, least burdened first."""

    giver: int
    offering: Offering
    meetings: Sequence[Meeting]
    hours: Decimal
    takers: Sequence[int]


def recommendations(
    term: Term,
    people: Mapping[int, Professor],
    standings: Standings,
    loads: Mapping[int, TeachingLoad],
    *,
    now: dt.datetime,
) -> list[Recommendation]:
    """What would help most: covers first, then classes. Three queries at most."""
    covering, taught = standing.distribution(standings), teaching.distribution(loads)
    burdened = [pk for pk, line in standings.items() if line.deviation > 0]
    over = sorted(
        (one for one in loads.values() if one.deviation > 0),
        key=lambda one: (-one.deviation, one.professor_id),
    )[:CLASSES]
    meetings, teachings, coming = together(
        _covered_ahead(term, burdened if covering.is_measurable else [], now),
        *_taught_ahead(over if taught.is_measurable else [], now),
    )
    meetings.sort(key=lambda one: (-standings[one.professor_id].deviation, one.starts_at, one.pk))
    rest = _Rest.of(teachings, coming)
    qualified = _Qualified.read(
        {one.offering.course_id for one in (*meetings[:COVERS], *rest.meetings)}
    )
    covers = _covers(meetings[:COVERS], standings, covering, qualified)
    classes = _classes(over, rest, loads, taught, qualified)
    of_covers, of_classes = _diaries(term.institute, covers, classes)
    return [
        *_checked(RecommendationKind.COVER, covers, people, covering, term.institute, of_covers),
        *_checked(RecommendationKind.CLASS, classes, people, taught, term.institute, of_classes),
    ]


def _covered_ahead(term: Term, burdened: Collection[int], now: dt.datetime) -> QuerySet[Meeting]:
    """Coming covers of those above their fair share."""
    rows: QuerySet[Meeting] = (
        Meeting.objects.holding()
        .between(now, now + HORIZON)
        .filter(offering__term=term, starts_at__gt=now, professor__in=burdened)
        .exclude(professor=F("planned_professor"))
        .select_related("offering__course")
    )
    return rows


def _taught_ahead(
    over: Collection[TeachingLoad], now: dt.datetime
) -> tuple[QuerySet[Teaching], QuerySet[Meeting]]:
    """Who teaches the classes of those who teach more than expected, and what these have ahead of them."""
    classes = {pk for one in over for pk in one.parts}
    coming: QuerySet[Meeting] = (
        Meeting.objects.holding()
        .filter(offering__in=classes, professor__in=[one.professor_id for one in over])
        .filter(starts_at__gt=now)
        .only("professor", "offering", "starts_at", "ends_at")
    )
    teachings = Teaching.objects.filter(offering__in=classes).select_related("offering__course")
    return teachings, coming


@dataclass(frozen=True)
class _Rest:
    """What is to come of some classes, of those who are responsible for them."""

    coming: Mapping[tuple[int, int], Sequence[Meeting]]
    """By professor and class."""
    teachers: Mapping[int, Collection[int]]
    """By class."""

    @classmethod
    def of(cls, teachings: Iterable[Teaching], meetings: Iterable[Meeting]) -> _Rest:
        coming: dict[tuple[int, int], list[Meeting]] = defaultdict(list)
        teachers: dict[int, set[int]] = defaultdict(set)
        responsible: dict[int, Teaching] = {}
        for row in teachings:
            teachers[row.offering_id].add(row.professor_id)
            if row.position == 0:
                responsible[row.offering_id] = row
        for meeting in meetings:
            leader = responsible.get(meeting.offering_id)
            if leader is not None and leader.professor_id == meeting.professor_id:
                meeting.offering = leader.offering
                coming[meeting.professor_id, meeting.offering_id].append(meeting)
        return cls(coming, teachers)

    @property
    def meetings(self) -> list[Meeting]:
        """One of each class."""
        return [rows[0] for rows in self.coming.values()]


def _covers(
    meetings: Iterable[Meeting],
    standings: Standings,
    covering: Distribution,
    qualified: _Qualified,
) -> list[_Change]:
    return [
        _Change(one.professor_id, one.offering, [one], hours, takers)
        for one in meetings
        # A cover that the ledger does not know is on nobody's share: moving it changes nothing.
        if (hours := clock_hours(one.hours)) in standings.sessions.get(one.professor_id, ())
        and (
            takers := _least(
                (qualified[one.offering.course_id] & standings.keys()) - {one.planned_professor_id},
                lambda pk: projected(standings, pk, 0),
                covering,
                one.professor_id,
                hours,
            )
        )
    ]


def _classes(
    over: Iterable[TeachingLoad],
    rest: _Rest,
    loads: Mapping[int, TeachingLoad],
    taught: Distribution,
    qualified: _Qualified,
) -> list[_Change]:
    """What is to come of classes of those who teach more than expected."""
    under = {pk for pk, one in loads.items() if one.deviation < 0}
    changes = []
    for load in over:
        for offering_id in load.parts:
            rows = rest.coming.get((load.professor_id, offering_id))
            if not rows:
                continue
            hours = load.parts[offering_id].coming
            takers = _least(
                (qualified[rows[0].offering.course_id] & under) - set(rest.teachers[offering_id]),
                lambda pk: float(loads[pk].hours / loads[pk].expected),
                taught,
                load.professor_id,
                hours,
            )
            if takers:
                changes.append(_Change(load.professor_id, rows[0].offering, rows, hours, takers))
    return changes


class _Qualified:
    """Who teaches a course, has taught it, or is qualified for it."""

    def __init__(self, pairs: Iterable[tuple[int, int]]) -> None:
        self._of: dict[int, set[int]] = defaultdict(set)
        for course_id, professor_id in pairs:
            self._of[course_id].add(professor_id)

    @classmethod
    def read(cls, course_ids: Collection[int]) -> _Qualified:
        taught = Teaching.objects.filter(offering__course__in=course_ids).order_by()
        known = Qualification.objects.filter(course__in=course_ids).order_by()
        found = together(
            taught.values_list("offering__course", "professor").distinct(),
            known.values_list("course", "professor"),
        )
        return cls(chain(*found))

    def __getitem__(self, course_id: int) -> set[int]:
        return self._of[course_id]


def _least(
    professor_ids: Iterable[int],
    burden: Callable[[int], float],
    shares: Distribution,
    giver: int,
    hours: Decimal,
) -> list[int]:
    """The least burdened of them to whom giving it would help."""
    order = sorted(professor_ids, key=lambda pk: (burden(pk), pk))
    return [pk for pk in order if shares.helps(giver, pk, hours) > 0][:TAKERS]


def _diaries(
    institute: Institute, covers: Sequence[_Change], classes: Sequence[_Change]
) -> tuple[Diaries, Diaries]:
    """Of those who might take a cover, and of those who might take a class, each for as long as it wants."""
    if not covers and not classes:
        return Diaries({}), Diaries({})
    near = _near(institute, covers or classes)
    for_long = _near(institute, classes or covers)
    plans = Plans.load(
        institute,
        for_long.starts_at,
        for_long.ends_at,
        people=for_long.people,
        classes=(),
        rooms=(),
        near=near,
    )
    return plans.near, plans.diaries


def _near(institute: Institute, changes: Sequence[_Change]) -> Near:
    meetings = [one for change in changes for one in change.meetings]
    return Near(
        {pk for change in changes for pk in change.takers},
        day_span(institute, min(one.starts_at for one in meetings))[0],
        day_span(institute, max(one.ends_at for one in meetings))[1],
    )


def _checked(
    kind: RecommendationKind,
    changes: Sequence[_Change],
    people: Mapping[int, Professor],
    shares: Distribution,
    institute: Institute,
    diaries: Diaries,
) -> list[Recommendation]:
    """The most helpful changes for which somebody is free, each person in one of them only."""
    possible = []
    for change in changes:
        for pk in change.takers:
            if _could_take(people[pk], change.meetings, diaries, institute):
                gain = shares.helps(change.giver, pk, change.hours)
                possible.append((gain, change, pk))
    possible.sort(key=lambda one: (-one[0], one[1].giver, one[2], one[1].offering.pk))
    chosen: list[Recommendation] = []
    busy: set[int] = set()
    before = shares.balance
    for _, change, pk in possible:
        if {change.giver, pk} & busy or len(chosen) == SHOWN:
            continue
        after = shares.balance_moved(change.giver, pk, change.hours)
        if before is None or after is None:
            continue
        busy |= {change.giver, pk}
        chosen.append(
            Recommendation(
                kind=kind,
                giver=people[change.giver],
                taker=people[pk],
                offering=change.offering,
                hours=change.hours,
                meetings=len(change.meetings),
                balance_before=before.score,
                balance_after=after.score,
                meeting=change.meetings[0] if kind == RecommendationKind.COVER else None,
            )
        )
    return chosen


def _could_take(
    professor: Professor, meetings: Iterable[Meeting], diaries: Diaries, institute: Institute
) -> bool:
    """Free at every one of the meetings, and within their own hours a day."""
    added: dict[dt.date, float] = defaultdict(float)
    for meeting in meetings:
        if diaries.clash(professor.pk, meeting.starts_at, meeting.ends_at):
            return False
        added[institute.local(meeting.starts_at).date()] += meeting.hours
    if professor.max_daily_hours is None:
        return True
    for meeting in meetings:
        span = day_span(institute, meeting.starts_at)
        taught = sum(one.hours for one in diaries.teaching(professor.pk, *span))
        day = institute.local(meeting.starts_at).date()
        if taught + added[day] > float(professor.max_daily_hours) + 1e-9:
            return False
    return True
