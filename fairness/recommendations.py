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

from django.db.models import F

from timetable.availability import Diaries, day_span
from timetable.models import (
    Institute,
    Meeting,
    Offering,
    Professor,
    Qualification,
    Teaching,
    Term,
)

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
    """What would help most: covers first, then classes. At most 17 queries."""
    covering, taught = standing.distribution(standings), teaching.distribution(loads)
    qualified = _Qualified()
    found: list[Recommendation] = []
    if covering.is_measurable:
        changes = _covers(term, standings, covering, qualified, now)
        found += _checked(RecommendationKind.COVER, changes, people, covering, term.institute)
    if taught.is_measurable:
        changes = _classes(term, loads, taught, qualified, now)
        found += _checked(RecommendationKind.CLASS, changes, people, taught, term.institute)
    return found


def _covers(
    term: Term,
    standings: Standings,
    covering: Distribution,
    qualified: _Qualified,
    now: dt.datetime,
) -> list[_Change]:
    """Coming covers of those above their fair share."""
    burdened = [pk for pk, line in standings.items() if line.deviation > 0]
    meetings = sorted(
        Meeting.objects.holding()
        .between(now, now + HORIZON)
        .filter(offering__term=term, starts_at__gt=now, professor__in=burdened)
        .exclude(professor=F("planned_professor"))
        .select_related("offering__course"),
        key=lambda one: (-standings[one.professor_id].deviation, one.starts_at, one.pk),
    )[:COVERS]
    qualified.read({one.offering.course_id for one in meetings})
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
    term: Term,
    loads: Mapping[int, TeachingLoad],
    taught: Distribution,
    qualified: _Qualified,
    now: dt.datetime,
) -> list[_Change]:
    """What is to come of classes of those who teach more than expected."""
    over = sorted(
        (one for one in loads.values() if one.deviation > 0),
        key=lambda one: (-one.deviation, one.professor_id),
    )[:CLASSES]
    coming: dict[tuple[int, int], list[Meeting]] = defaultdict(list)
    teachers: dict[int, set[int]] = defaultdict(set)
    responsible: dict[int, int] = {}
    offerings: dict[int, Offering] = {}
    for row in Teaching.objects.filter(
        offering__in={pk for one in over for pk in one.parts}
    ).select_related("offering__course"):
        offering_id = row.offering_id
        teachers[offering_id].add(row.professor_id)
        if row.position == 0:
            responsible[offering_id] = row.professor_id
            offerings[offering_id] = row.offering
    for meeting in (
        Meeting.objects.holding()
        .filter(offering__in=responsible, professor__in=[one.professor_id for one in over])
        .filter(starts_at__gt=now)
        .only("professor", "offering", "starts_at", "ends_at")
    ):
        if responsible[meeting.offering_id] == meeting.professor_id:
            meeting.offering = offerings[meeting.offering_id]
            coming[meeting.professor_id, meeting.offering_id].append(meeting)
    qualified.read({rows[0].offering.course_id for rows in coming.values()})
    under = {pk for pk, one in loads.items() if one.deviation < 0}
    changes = []
    for load in over:
        for offering_id in load.parts:
            rows = coming.get((load.professor_id, offering_id))
            if not rows:
                continue
            hours = load.parts[offering_id].coming
            takers = _least(
                (qualified[rows[0].offering.course_id] & under) - teachers[offering_id],
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

    def __init__(self) -> None:
        self._of: dict[int, set[int]] = defaultdict(set)

    def read(self, course_ids: Collection[int]) -> None:
        """Read those of more courses: two queries."""
        for course_id, professor_id in Teaching.objects.filter(
            offering__course__in=course_ids
        ).values_list("offering__course", "professor"):
            self._of[course_id].add(professor_id)
        for course_id, professor_id in Qualification.objects.filter(
            course__in=course_ids
        ).values_list("course", "professor"):
            self._of[course_id].add(professor_id)

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


def _checked(
    kind: RecommendationKind,
    changes: Sequence[_Change],
    people: Mapping[int, Professor],
    shares: Distribution,
    institute: Institute,
) -> list[Recommendation]:
    """The most helpful changes for which somebody is free, each person in one of them only."""
    if not changes:
        return []
    starts_at = min(one.starts_at for change in changes for one in change.meetings)
    ends_at = max(one.ends_at for change in changes for one in change.meetings)
    diaries = Diaries.load(
        institute,
        {pk for change in changes for pk in change.takers},
        day_span(institute, starts_at)[0],
        day_span(institute, ends_at)[1],
    )
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
