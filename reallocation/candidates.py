"""Who could take this meeting: filtered and ranked, each with the reasons.

A candidate must be free then, under the caps of the day and of the week, not the absent professor and
not somebody who has said no to this case. The order is fairness first: the lowest burden of covering
after taking this class, relative to entitlement; then what makes it easy for the candidate and good for
the class.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.db.models import BigIntegerField, Q

from fairness.standing import Standing, Standings, projected, standings
from timetable.availability import (
    Diaries,
    Engagement,
    EngagementKind,
    day_span,
    week_span,
)
from timetable.models import Professor, Qualification, Section, Teaching
from timetable.prepared import PreparedRows

from .models import Case, Policy
from .reasons import Reason
from .ties import Answers, Circle, Ties, said_no

IN_A_ROW = dt.timedelta(minutes=20)
"""Classes with a shorter break than this between them count as one after the other."""

LONG_ROW = 3.0
"""Hours of teaching in a row that nobody should be given if somebody else is there."""

ENOUGH_ANSWERS = 3
"""Of fewer requests that somebody has answered, nobody is told a rate."""


@dataclass(frozen=True)
class Candidate:
    """Somebody who could take the meeting, and what speaks for and against it."""

    professor: Professor
    rank: int
    reasons: tuple[Reason, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.professor.code,
            "name": self.professor.name,
            "rank": self.rank,
            "reasons": [reason.as_json() for reason in self.reasons],
        }


@dataclass(frozen=True)
class LeftOut:
    """Somebody who could not be asked, and why."""

    professor: Professor
    reason: Reason

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.professor.code,
            "name": self.professor.name,
            "reason": self.reason.as_json(),
        }


@dataclass(frozen=True)
class Pool:
    """Everybody who was considered: best first, and the others with the reason."""

    ranked: tuple[Candidate, ...]
    left_out: tuple[LeftOut, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "ranked": [candidate.as_json() for candidate in self.ranked],
            "left_out": [left.as_json() for left in self.left_out],
        }

    @property
    def people(self) -> list[Professor]:
        return [one.professor for one in self.ranked] + [one.professor for one in self.left_out]

    def find(self, professor: Professor) -> Candidate | None:
        return next((c for c in self.ranked if c.professor == professor), None)

    def why_not(self, professor: Professor) -> Reason | None:
        return next((o.reason for o in self.left_out if o.professor == professor), None)


_OF_SECTION = PreparedRows[Professor](
    lambda term, offering, absent: (
        Professor.objects.filter(
            teachings__offering__term=term,
            teachings__offering__sections__in=Section.objects.filter(offerings=offering)
            .order_by()
            .values("pk"),
        )
        .exclude(pk=absent)
        .distinct()
        .order_by("pk")
    ),
    term=BigIntegerField(),
    offering=BigIntegerField(),
    absent=BigIntegerField(),
)
_OF_COURSE = PreparedRows[Professor](
    lambda course, absent: (
        Professor.objects.filter(
            Q(
                pk__in=Teaching.objects.filter(offering__course=course)
                .order_by()
                .values("professor")
            )
            | Q(pk__in=Qualification.objects.filter(course=course).order_by().values("professor"))
        )
        .exclude(pk=absent)
        .order_by("pk")
    ),
    course=BigIntegerField(),
    absent=BigIntegerField(),
)


def professors_of_section(case: Case) -> list[Professor]:
    """Everyone else who teaches a section of the class this term."""
    offering = case.meeting.offering
    return _OF_SECTION(term=offering.term_id, offering=offering.pk, absent=case.professor_id)


def professors_of_course(case: Case) -> list[Professor]:
    """Everyone else who teaches the course, has taught it, or is qualified for it."""
    return _OF_COURSE(course=case.meeting.offering.course_id, absent=case.professor_id)


def pool(
    case: Case,
    professors: Iterable[Professor],
    policy: Policy,
    *,
    now: dt.datetime,
    asked: Collection[int] = (),
) -> Pool:
    """Filter and rank these professors for the case's meeting, as things stand now.

    `asked` are left out as already asked in this step.
    """
    people = {p.pk: p for p in professors}
    look = Look.at(case, people, policy)
    if any(look.obstacle(p, asked=asked) is None for p in people.values()):
        look = look.for_ranking(_standings(case, people.values(), now))
    return look.pool(people.values(), asked=asked)


def pool_near(
    case: Case,
    circle: Circle,
    policy: Policy,
    standing: Mapping[int, Standing],
    diaries: Diaries | None = None,
) -> Pool:
    """Everybody who teaches a section of the class or knows its course, by the circle's standings.

    `diaries`, if theirs have been read already, for the `span_of` the case.
    """
    people, ties = circle.near(case)
    look = Look.at(case, [one.pk for one in people], policy, ties=ties, diaries=diaries)
    return look.for_ranking(standing).pool(people)


def span_of(case: Case) -> tuple[dt.datetime, dt.datetime]:
    """Of which time somebody's diary says whether they could take the case's meeting: of its week."""
    first, last = week_span(case.institute, case.before_starts_at)
    return min(first, case.before_starts_at), max(last, case.before_ends_at)


def _standings(case: Case, professors: Iterable[Professor], now: dt.datetime) -> Standings:
    term = case.meeting.offering.term
    term.institute = case.institute
    return standings(term, now=now, professors=professors)


def obstacle(case: Case, professor: Professor, policy: Policy) -> Reason | None:
    """Why this one professor could not take the case's meeting, as things stand; None if they could.

    Who wants to be left in peace that week still can, if they are asked all the same.
    """
    return Look.at(case, [professor.pk], policy, ties=said_no(case)).obstacle(professor)


@dataclass(frozen=True)
class _Assessment:
    professor: Professor
    order: tuple[Any, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Look:
    """What one search reads about all its candidates, in a fixed number of queries."""

    case: Case
    policy: Policy
    starts_at: dt.datetime
    ends_at: dt.datetime
    day: tuple[dt.datetime, dt.datetime]
    week: tuple[dt.datetime, dt.datetime]
    diaries: Diaries
    ties: Ties
    standing: Mapping[int, Standing]

    @classmethod
    def at(
        cls,
        case: Case,
        people: Collection[int],
        policy: Policy,
        *,
        ties: Ties | None = None,
        diaries: Diaries | None = None,
    ) -> Look:
        """What says who could take the meeting, of these people; `ties` and `diaries` if they are known
        already."""
        starts_at, ends_at = case.before_starts_at, case.before_ends_at
        day, week = day_span(case.institute, starts_at), week_span(case.institute, starts_at)
        if diaries is None:
            diaries = Diaries.load(
                case.institute,
                list(people),
                *span_of(case),
                but_for_case=case.uid,
                but_for_meeting=case.meeting_id,
            )
        known = ties or Ties.read(case, list(people))
        return cls(case, policy, starts_at, ends_at, day, week, diaries, known, {})

    def for_ranking(self, standing: Mapping[int, Standing]) -> Look:
        """And what says whom to ask first: wanted once somebody is left to be asked."""
        return replace(self, standing=standing)

    @property
    def hours(self) -> float:
        return (self.ends_at - self.starts_at).total_seconds() / 3600

    def pool(
        self,
        professors: Iterable[Professor],
        *,
        asked: Collection[int] = (),
    ) -> Pool:
        """Those of the people looked at who fit, best first, and why each other one does not."""
        fit: list[Professor] = []
        left_out: list[LeftOut] = []
        for professor in professors:
            reason = self.obstacle(professor, asked=asked)
            if reason is None:
                fit.append(professor)
            else:
                left_out.append(LeftOut(professor, reason))
        ordered = sorted((self.assessment(professor) for professor in fit), key=lambda a: a.order)
        ranked = tuple(
            Candidate(a.professor, rank, a.reasons) for rank, a in enumerate(ordered, start=1)
        )
        return Pool(ranked, tuple(sorted(left_out, key=lambda left: left.professor.code)))

    def obstacle(self, professor: Professor, *, asked: Collection[int] = ()) -> Reason | None:
        if professor.pk == self.case.professor_id:
            return Reason("is_absent_professor")
        if professor.institute_id != self.case.institute_id:
            return Reason("other_institute")
        if not professor.active:
            return Reason("inactive")
        if professor.pk in self.ties.refused:
            return Reason(self.ties.refused[professor.pk])
        if professor.pk in asked:
            return Reason("asked_already")
        clash = self.diaries.clash(professor.pk, self.starts_at, self.ends_at)
        if clash is not None:
            return Reason(clash.kind.value)
        return self._over_cap(professor)

    def _over_cap(self, professor: Professor) -> Reason | None:
        policy = self.policy
        daily = professor.max_daily_hours or policy.daily_cap_hours
        weekly = (
            professor.weekly_hours + policy.weekly_extra_hours
            if professor.weekly_hours is not None
            else policy.weekly_cap_hours
        )
        for code, span, cap in (
            ("daily_cap", self.day, daily),
            ("weekly_cap", self.week, weekly),
        ):
            hours = self.hours + sum(e.hours for e in self.diaries.teaching(professor.pk, *span))
            if hours > float(cap) + 1e-9:
                return Reason(code, {"hours": _plain(hours), "cap": _plain(cap)})
        return None

    def assessment(self, professor: Professor) -> _Assessment:
        pk = professor.pk
        that_day = self.diaries.teaching(pk, *self.day)
        row = self._hours_in_a_row(that_day)
        rather_not = self.diaries.clash(
            pk, self.starts_at, self.ends_at, kinds=(EngagementKind.AVOID,)
        )
        standing = self.standing[pk]
        burden = projected(self.standing, pk, self.hours)
        answers = self.ties.answers.get(pk, Answers())
        likelihood = (answers.yes + 1) / (answers.total + 2)
        reasons = [_share(standing.deviation)]
        reasons.append(Reason("on_campus" if that_day else "off_campus"))
        if row >= LONG_ROW:
            reasons.append(Reason("third_hour", {"hours": _plain(row)}))
        if rather_not is not None:
            reasons.append(Reason("rather_not"))
        if pk in self.ties.sections_known:
            reasons.append(Reason("knows_section"))
        if pk in self.ties.course_taught:
            course = self.case.meeting.offering.course.code
            reasons.append(
                Reason("taught_course", {"course": course, "year": self.ties.course_taught[pk]})
            )
        if answers.total >= ENOUGH_ANSWERS:
            percent = round(100 * answers.yes / answers.total)
            reasons.append(Reason("accepts_often", {"percent": percent}))
        order = (
            round(burden, 2),
            not that_day,
            row >= LONG_ROW,
            rather_not is not None,
            pk not in self.ties.sections_known,
            pk not in self.ties.course_taught,
            -round(likelihood, 3),
            professor.code,
        )
        return _Assessment(professor, order, tuple(reasons))

    def _hours_in_a_row(self, that_day: list[Engagement]) -> float:
        """Hours of teaching one after the other that include this meeting."""
        first, last, hours = self.starts_at, self.ends_at, self.hours
        for engagement in reversed(that_day):
            if engagement.ends_at <= first and first - engagement.ends_at < IN_A_ROW:
                first, hours = engagement.starts_at, hours + engagement.hours
        for engagement in that_day:
            if engagement.starts_at >= last and engagement.starts_at - last < IN_A_ROW:
                last, hours = engagement.ends_at, hours + engagement.hours
        return hours


def _share(deviation: float | Decimal) -> Reason:
    hours = round(float(deviation), 1)
    if hours == 0:
        return Reason("at_fair_share")
    return Reason(
        "below_fair_share" if hours < 0 else "above_fair_share", {"hours": _plain(abs(hours))}
    )


def _plain(hours: float | Decimal) -> str:
    """Hours as people write them: 2, 2.5, 1.67."""
    return f"{float(hours):.2f}".rstrip("0").rstrip(".")
