"""What an absence would set going, before it is filed: which meetings, who could take each, what next.

Everything is read in a fixed number of queries, however many the spans are and the meetings in them.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import BigIntegerField, DateTimeField
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fairness.standing import Standings
from timetable.availability import Diaries, day_span, week_span
from timetable.models import Institute, Meeting, Professor, Section
from timetable.prepared import Many, PreparedTogether

from . import absences, response_times
from .candidates import Look, Pool, span_of
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
    sections: tuple[str, ...]
    """Their codes."""
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
    meetings = absences.meetings_in(professor, spans)
    if not meetings:
        return []
    meetings.sort(key=lambda meeting: (meeting.starts_at, meeting.pk))
    policy, beside = policy_of(meetings[0].institute), _Beside.read(professor, meetings, now)
    proposed = [
        _case(professor, meeting)
        for meeting in meetings
        if meeting.pk not in beside.running and meeting.starts_at > now
    ][:NAMED_AT_MOST]
    circle = Circle.around(proposed) if proposed else Circle(())
    diaries = _diaries(professor.institute, beside.inside, proposed, circle)
    pools = _pools(proposed, circle, diaries, policy, now)
    wait = _usual_wait(beside.usual, now)
    return [
        _prospect(entry, beside, professor, pools.get(entry.meeting.pk), policy, now, wait)
        for entry in beside.inside.affected(diaries)
    ]


_BESIDE = PreparedTogether(
    lambda professor, meetings, offerings, institute, now: (
        absences.other_teachers(offerings, professor),
        Section.objects.filter(offerings__among=offerings)
        .order_by("code")
        .values_list("offerings__pk", "code"),
        Case.objects.open().filter(meeting__among=meetings).order_by(),
        response_times.answered(institute, now),
    ),
    professor=BigIntegerField(),
    meetings=Many(),
    offerings=Many(),
    institute=BigIntegerField(),
    now=DateTimeField(),
)


@dataclass(frozen=True)
class _Beside:
    """What is known of some meetings beside themselves, read in one query."""

    inside: absences.Inside
    sections: Mapping[int, Sequence[str]]
    """Codes, by the id of the class."""
    running: Mapping[int, Case]
    """Open cases, by the id of the meeting."""
    usual: dt.timedelta | None
    """How long answers usually take."""

    @classmethod
    def read(cls, professor: Professor, meetings: Sequence[Meeting], now: dt.datetime) -> _Beside:
        teachings, named, cases, answered = _BESIDE(
            professor=professor.pk,
            meetings=[meeting.pk for meeting in meetings],
            offerings={meeting.offering_id for meeting in meetings},
            institute=professor.institute_id,
            now=now,
        )
        sections: dict[int, list[str]] = defaultdict(list)
        for offering_id, code in named:
            sections[offering_id].append(code)
        return cls(
            absences.Inside.of(meetings, teachings),
            sections,
            {case.meeting_id: case for case in cases},
            response_times.usual(answered),
        )


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
    beside: _Beside,
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
        tuple(beside.sections.get(meeting.offering_id, ())),
        entry.present,
        beside.running.get(meeting.pk),
        begun,
        found[0] if found else None,
        outlook,
        direct.closes_at if direct else None,
    )


def _usual_wait(usual: dt.timedelta | None, now: dt.datetime) -> str:
    """How long answers usually take, in a sentence; empty where that is not known."""
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


def _diaries(
    institute: Institute, inside: absences.Inside, cases: Sequence[Case], circle: Circle
) -> Diaries:
    """Of everybody near to the cases in their weeks, and of whoever may be there anyway."""
    spans = [inside.span, *map(span_of, cases)]
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    return Diaries.load(institute, inside.people | circle.people.keys(), first, last)


def _pools(
    cases: Sequence[Case], circle: Circle, diaries: Diaries, policy: Policy, now: dt.datetime
) -> dict[int, tuple[Pool, Collection[int]]]:
    """By meeting: everybody ranked or left out, and the ids of those who teach the section."""
    if not cases:
        return {}
    institute = cases[0].institute
    standing: dict[int, Standings] = {}
    for term in {case.meeting.offering.term for case in cases}:
        term.institute = institute
        standing[term.pk] = circle.standings(term, now=now)
    found: dict[int, tuple[Pool, Collection[int]]] = {}
    for case in cases:
        people, ties = circle.near(case)
        week = week_span(institute, case.before_starts_at)
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
