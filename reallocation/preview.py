"""What an absence would set going, before it is filed: which meetings, who could take each, what next.

Everything is read in a fixed number of queries for each span, however many meetings lie in it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fairness.standing import Standings, standings
from timetable.availability import Diaries, day_span, week_span
from timetable.models import Institute, Meeting, Professor

from . import absences, response_times
from .candidates import Look, Pool
from .models import Case, Policy
from .policy import Stage, class_budget, policy_of
from .ties import Circle

MINUTE = dt.timedelta(minutes=1)

NAMED_AT_MOST = 20
"""For so many meetings colleagues are looked up. Whoever is away for longer names them later."""


@dataclass(frozen=True)
class Prospect:
    """One meeting in the span. `pool` is None where nobody can be asked any more, or not here."""

    meeting: Meeting
    present: tuple[Professor, ...]
    """Co-teachers who are there, so that no cover is needed."""
    running: Case | None
    """Its open case, if somebody looks after it already."""
    begun: bool
    pool: Pool | None
    outlook: str
    """What happens first if nobody is named, in a sentence."""
    answer_until: dt.datetime | None
    """Until when somebody named could answer; None where there is no time left to ask them."""

    @property
    def needs_cover(self) -> bool:
        return not self.present


def prospects(
    professor: Professor, spans: Sequence[tuple[dt.datetime, dt.datetime]], *, now: dt.datetime
) -> list[Prospect]:
    """The meetings that this professor holds in the spans, each with what would become of it."""
    policy = policy_of(professor.institute)
    inside = {a.meeting.pk: a for span in spans for a in absences.affected(professor, *span)}
    affected = sorted(inside.values(), key=lambda a: (a.meeting.starts_at, a.meeting.pk))
    running = {
        case.meeting_id: case
        for case in Case.objects.open().filter(meeting__in=[a.meeting.pk for a in affected])
    }
    proposed = [
        _case(professor, entry.meeting)
        for entry in affected
        if entry.meeting.pk not in running and entry.meeting.starts_at > now
    ]
    pools = _pools(proposed[:NAMED_AT_MOST], policy, now)
    wait = _usual_wait(professor.institute, now) if pools else ""
    return [
        _prospect(
            entry,
            running.get(entry.meeting.pk),
            professor,
            pools.get(entry.meeting.pk),
            policy,
            now,
            wait,
        )
        for entry in affected
    ]


def _case(professor: Professor, meeting: Meeting) -> Case:
    """The case that filing would open."""
    return Case(
        institute=professor.institute,
        professor=professor,
        meeting=meeting,
        before_starts_at=meeting.starts_at,
        before_ends_at=meeting.ends_at,
        before_room=meeting.room,
    )


def _prospect(
    entry: absences.Affected,
    running: Case | None,
    professor: Professor,
    found: tuple[Pool, Collection[int]] | None,
    policy: Policy,
    now: dt.datetime,
    wait: str,
) -> Prospect:
    meeting = entry.meeting
    begun = meeting.starts_at <= now
    budget = class_budget(_case(professor, meeting), policy)
    direct = None if begun else budget.window(Stage.DIRECT, now)
    if begun:
        outlook = _("It has begun already, so a new time is looked for.")
    elif budget.window(Stage.SECTION, now) is None:
        outlook = _("Too little time is left to ask anyone, so a new time is looked for.")
    elif found is None:
        outlook = _("The free colleagues of the section are asked first.")
    else:
        outlook = _outlook(*found, wait)
    return Prospect(
        meeting,
        entry.present,
        running,
        begun,
        found[0] if found else None,
        outlook,
        direct.closes_at if direct else None,
    )


def _usual_wait(institute: Institute, now: dt.datetime) -> str:
    """How long answers usually take, in a sentence; empty where that is not known."""
    usual = response_times.usual(institute, now)
    if usual is None:
        return ""
    return _("Requests are usually answered within %(time)s.") % {
        "time": timesince(now - max(usual, MINUTE), now, depth=1)
    }


def _outlook(found: Pool, of_section: Collection[int], wait: str) -> str:
    of_the_section = sum(c.professor.pk in of_section for c in found.ranked)
    if of_the_section:
        said = ngettext(
            "%(n)d free colleague of the section is asked.",
            "%(n)d free colleagues of the section are asked; the first to say yes takes the class.",
            of_the_section,
        ) % {"n": of_the_section}
        return f"{said} {wait}".strip()
    if found.ranked:
        return _(
            "Nobody of the section is free. You choose a colleague of the same subject, "
            "and the class votes."
        )
    return _("Nobody who could take it is free, so a new time is looked for.")


def _pools(
    cases: Sequence[Case], policy: Policy, now: dt.datetime
) -> dict[int, tuple[Pool, Collection[int]]]:
    """By meeting: everybody ranked or left out, and the ids of those who teach the section."""
    if not cases:
        return {}
    institute, circle = cases[0].institute, Circle.around(cases)
    weeks = [week_span(institute, case.before_starts_at) for case in cases]
    first = min(week[0] for week in weeks)
    last = max(max(week[1], case.before_ends_at) for week, case in zip(weeks, cases, strict=True))
    diaries = Diaries.load(institute, list(circle.people), first, last)
    standing: dict[int, Standings] = {}
    for term in {case.meeting.offering.term for case in cases}:
        term.institute = institute
        standing[term.pk] = standings(term, now=now, professors=circle.people.values())
    found: dict[int, tuple[Pool, Collection[int]]] = {}
    for case, week in zip(cases, weeks, strict=True):
        people, ties = circle.near(case)
        look = Look(
            case,
            policy,
            case.before_starts_at,
            case.before_ends_at,
            day_span(institute, case.before_starts_at),
            week,
            _without(diaries, [one.pk for one in people], case.meeting_id, week),
            ties,
            standing[case.meeting.offering.term_id],
        )
        found[case.meeting_id] = (look.pool(people), ties.sections_known)
    return found


def _without(
    diaries: Diaries,
    people: Collection[int],
    meeting_id: int,
    week: tuple[dt.datetime, dt.datetime],
) -> Diaries:
    """The diaries of one week, in which the meeting itself is no obstacle to itself."""
    return Diaries(
        {
            pk: [e for e in diaries.of(pk) if e.meeting_id != meeting_id and e.overlaps(*week)]
            for pk in people
        }
    )
