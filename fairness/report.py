"""The fairness report of an institute: both questions, everybody's line, what would help, what comes.

`fairness_report` computes it, `for_professor` leaves what one professor may see of it, `as_json` is
what the command and the API hand out. Hours are clock hours, professors and classes go by code.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext

from timetable.models import Closure, Institute, Professor, Term
from timetable.prepared import together

from . import standing, teaching
from .distribution import Evenness
from .forecast import Forecast, forecast
from .models import OwedHours
from .recommendations import Recommendation, recommendations
from .standing import Standing, standings
from .teaching import TeachingLoad, teaching_loads
from .term_days import TermDays, current_term

DIGITS = 4


@dataclass(frozen=True)
class Line:
    """Both questions for one professor."""

    professor: Professor
    standing: Standing
    load: TeachingLoad

    @property
    def both(self) -> tuple[tuple[str, Decimal], tuple[str, Decimal]]:
        """Both deviations, each with the name of its question."""
        return (
            (gettext("Covering"), self.standing.deviation),
            (gettext("Teaching"), self.load.deviation),
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "professor": self.professor.code,
            "name": self.professor.name,
            "department": self.professor.department,
            "fte": _number(self.professor.fte),
            "entitlement": _number(self.standing.entitlement),
            "asked": self.standing.asked,
            "accepted": self.standing.accepted,
            "declined": self.standing.declined,
            "hours_given": _number(self.standing.given),
            "hours_taken": _number(self.standing.taken),
            "fair_share": _number(self.standing.fair_share),
            "deviation": _number(self.standing.deviation),
            "teaching_hours": _number(self.load.hours),
            "expected_hours": _number(self.load.expected),
            "teaching_deviation": _number(self.load.deviation),
        }


@dataclass(frozen=True)
class Owed:
    """Hours that a class is still owed."""

    code: str
    course: str
    department: str
    hours: Decimal
    since: dt.datetime
    due_on: dt.date | None

    def as_json(self) -> dict[str, Any]:
        return {
            "class": self.code,
            "course": self.course,
            "hours": _number(self.hours),
            "since": self.since.isoformat(),
            "due_on": self.due_on.isoformat() if self.due_on else None,
        }


@dataclass(frozen=True)
class Counts:
    """How often people were asked and what they said, in the whole institute."""

    asked: int = 0
    accepted: int = 0
    declined: int = 0
    covers: int = 0


NOBODY = Evenness(people=0, hours=0.0)


@dataclass(frozen=True)
class Report:
    """`term` is None at an institute that has none yet. `own`: whose line alone is in it."""

    institute: Institute
    term: Term | None
    at: dt.datetime
    counts: Counts = Counts()
    covering: Evenness = NOBODY
    teaching: Evenness = NOBODY
    lines: tuple[Line, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    forecast: Forecast | None = None
    owed: tuple[Owed, ...] = ()
    hours_owed: Decimal = Decimal(0)
    own: Professor | None = None

    @property
    def covering_deviations(self) -> list[tuple[str, Decimal]]:
        """By name; nothing before anybody has covered."""
        if not self.counts.covers:
            return []
        return [(line.professor.name, line.standing.deviation) for line in self.lines]

    @property
    def teaching_deviations(self) -> list[tuple[str, Decimal]]:
        return [(line.professor.name, line.load.deviation) for line in self.lines]

    @property
    def own_line(self) -> Line | None:
        return next((line for line in self.lines if line.professor == self.own), None)

    def as_json(self) -> dict[str, Any]:
        """One object of plain values; measures without data are null."""
        return {
            "institute": self.institute.slug,
            "term": self.term.name if self.term else None,
            "at": self.at.isoformat(),
            "covering": {**asdict(self.counts), **_evenness(self.covering)},
            "teaching": _evenness(self.teaching),
            "professors": [line.as_json() for line in self.lines],
            "recommendations": [_recommendation(one) for one in self.recommendations],
            "forecast": _forecast(self.forecast),
            "hours_owed": _number(self.hours_owed),
            "owed": [one.as_json() for one in self.owed],
        }


def fairness_report(
    institute: Institute, now: dt.datetime, terms: Iterable[Term] | None = None
) -> Report:
    """The report on the term that runs now (or ran last), in seven queries at most.

    `terms` are those of the institute, if they have been read.
    """
    term = current_term(institute, now, terms)
    if term is None:
        return Report(institute, None, now)
    closures, people, hours_owed = together(
        Closure.objects.filter(term=term),
        Professor.objects.filter(institute=institute, active=True),
        OwedHours.objects.filter(term=term).open().select_related("offering__course"),
    )
    days = TermDays.of(term, closures)
    everybody = standings(term, now=now)
    loads = teaching_loads(
        term,
        people,
        everybody,
        days,
        now=now,
        checkpoint=term.checkpoint_after(institute.local(now).date()),
    )
    covering = standing.distribution(everybody)
    owed = _owed(hours_owed)
    covers = [length for pk in everybody for length in everybody.sessions.get(pk, ())]
    return Report(
        institute,
        term,
        now,
        counts=Counts(
            sum(line.asked for line in everybody.values()),
            sum(line.accepted for line in everybody.values()),
            sum(line.declined for line in everybody.values()),
            len(covers),
        ),
        covering=covering.evenness(),
        teaching=teaching.distribution(loads).evenness(
            {pk: load.expected for pk, load in loads.items()}
        ),
        lines=tuple(Line(one, everybody[one.pk], loads[one.pk]) for one in people),
        recommendations=tuple(
            recommendations(term, {one.pk: one for one in people}, everybody, loads, now=now)
        ),
        forecast=forecast(
            term,
            covering,
            covers,
            loads.values(),
            days,
            owed=[(one.hours, one.due_on) for one in owed],
            now=now,
        ),
        owed=owed,
        hours_owed=sum((one.hours for one in owed), Decimal(0)),
    )


def for_professor(report: Report, professor: Professor) -> Report:
    """What one professor may see: the own line and the totals, nothing of any colleague.

    The Lorenz curves go too: among few people their points are single people's hours.
    """
    return replace(
        report,
        covering=replace(report.covering, lorenz=None),
        teaching=replace(report.teaching, lorenz=None),
        lines=tuple(line for line in report.lines if line.professor == professor),
        recommendations=(),
        owed=(),
        own=professor,
    )


def for_department(report: Report, department: str) -> Report:
    """What the head of a department sees: its lines and the totals of the institute."""
    return replace(
        report,
        lines=tuple(line for line in report.lines if line.professor.department == department),
        recommendations=tuple(
            one
            for one in report.recommendations
            if {one.giver.department, one.taker.department} == {department}
        ),
        owed=tuple(one for one in report.owed if one.department == department),
    )


def _owed(rows: Iterable[OwedHours]) -> tuple[Owed, ...]:
    return tuple(
        Owed(
            code=row.offering.code,
            course=row.offering.course.title,
            department=row.offering.course.department,
            hours=row.hours,
            since=row.at,
            due_on=row.due_on,
        )
        for row in rows
    )


def _number(value: Decimal | float | None) -> float | None:
    return None if value is None else round(float(value), DIGITS)


def _points(curve: Iterable[tuple[float, float]] | None) -> list[list[float]] | None:
    if curve is None:
        return None
    return [[round(x, DIGITS), round(y, DIGITS)] for x, y in curve]


def _evenness(one: Evenness) -> dict[str, Any]:
    return {
        "people": one.people,
        "hours": _number(one.hours),
        "balance": _number(one.balance),
        "balance_exact": one.balance_exact,
        "gini": _number(one.gini),
        "coefficient_of_variation": _number(one.variation),
        "jain": _number(one.jain),
        "largest_deviation": _number(one.largest_deviation),
        "lorenz": _points(one.lorenz),
    }


def _recommendation(one: Recommendation) -> dict[str, Any]:
    return {
        "kind": one.kind.value,
        "from": one.giver.code,
        "to": one.taker.code,
        "class": one.offering.code,
        "course": one.offering.course.code,
        "meeting": str(one.meeting.uid) if one.meeting else None,
        "starts_at": one.meeting.starts_at.isoformat() if one.meeting else None,
        "meetings": one.meetings,
        "hours": _number(one.hours),
        "balance_before": _number(one.balance_before),
        "balance_after": _number(one.balance_after),
    }


def _forecast(one: Forecast | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "checkpoint": one.checkpoint.isoformat(),
        "teaching_days_left": one.teaching_days_left,
        "method": "linear",
        "covers_expected": one.covers,
        "cover_hours": _number(one.cover_hours),
        "largest_deviation": _number(one.largest_deviation),
        "balance_if_least_burdened_first": _number(one.balance),
        "teaching_hours": _number(one.teaching_hours),
        "expected_hours": _number(one.expected_hours),
        "hours_owed": _number(one.hours_owed),
    }
