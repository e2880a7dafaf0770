"""The people of a rehearsal: who is absent when, who answers what and how soon.

Everything is drawn from the seed and from what the draw is about (whose answer, to which class), never
from the order of events. So the same person does the same under another policy, and two policies can be
compared without the noise of different luck.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from timetable.models import Institute, Meeting, Professor, Student

ANSWER_MEDIAN = 45.0
ANSWER_SPREAD = 1.0
"""Answers come after waking minutes drawn log-normally: half within the median, few after hours."""

DECLINES = 0.6
"""Of those who do not accept, so many say so; the others stay silent."""

CHOOSES = 0.6
"""The absent professor makes a choice, rather than leave it to the ranking, so often."""

LEADS = (0.5, 1, 2, 4, 8, 12, 16, 24, 24, 36, 48, 72)
"""Hours before their first class at which absences are filed, each equally likely."""


@dataclass(frozen=True)
class Odds:
    """How people behave: shares between 0 and 1."""

    accept: float = 0.3
    turnout: float = 0.6
    yes: float = 0.7
    named: float = 0.4
    """So many absences name a substitute, …"""
    named_accept: float = 0.7
    """… who, having been spoken to, accepts so often."""


@dataclass(frozen=True)
class Away:
    """One professor-day of absence, and when it is filed."""

    professor: Professor
    starts_at: dt.datetime
    ends_at: dt.datetime
    filed_at: dt.datetime


@dataclass(frozen=True)
class Reply:
    """What somebody does, and after how many waking minutes. `accepts` None: nothing at all."""

    accepts: bool | None
    minutes: float


class People:
    """Everybody in a rehearsal. Pure but for `absences`, which reads who teaches when."""

    def __init__(self, seed: int, odds: Odds) -> None:
        self.seed = seed
        self.odds = odds

    def _chance(self, *about: object) -> random.Random:
        text = "\x1f".join(str(part) for part in (self.seed, *about))
        return random.Random(hashlib.sha256(text.encode()).digest())  # noqa: S311

    def _minutes(self, chance: random.Random) -> float:
        return chance.lognormvariate(math.log(ANSWER_MEDIAN), ANSWER_SPREAD)

    def offer(self, professor: str, meeting: str, *, named: bool) -> Reply:
        """What a professor says to a request."""
        chance = self._chance("offer", professor, meeting)
        accept = self.odds.named_accept if named else self.odds.accept
        answer, silence, minutes = chance.random(), chance.random(), self._minutes(chance)
        if answer < accept:
            return Reply(True, minutes)
        return Reply(False if silence < DECLINES else None, minutes)

    def choice(self, meeting: str, step: int) -> Reply:
        """Whether the absent professor chooses, rather than wait for the deadline."""
        chance = self._chance("choice", meeting, step)
        return Reply(True if chance.random() < CHOOSES else None, self._minutes(chance))

    def votes(
        self, meeting: str, kind: str, roll: Iterable[Student]
    ) -> list[tuple[Student, bool, float]]:
        """Who of the roll votes, what, and at which share of the voting time."""
        found = []
        for student in roll:
            chance = self._chance("vote", meeting, kind, student.code)
            if chance.random() < self.odds.turnout:
                # Most vote soon after being told, some at the reminder, a few at the end.
                found.append(
                    (student, chance.random() < self.odds.yes, chance.random() ** 2 * 0.98)
                )
        return found

    def names_somebody(self, meeting: str) -> bool:
        return self._chance("named", meeting).random() < self.odds.named

    def absences(
        self,
        institute: Institute,
        count: int,
        first: dt.date,
        last: dt.date,
        *,
        lead_hours: float | None = None,
        wave: float | None = None,
    ) -> list[Away]:
        """Professor-days with something to teach, between two local days, both included.

        `count` of them at random; or, with `wave`, that share of all professors who teach on `first`.
        """
        teaching: dict[tuple[str, dt.date], tuple[Professor, dt.datetime]] = {}
        meetings = (
            Meeting.objects.holding()
            .filter(institute=institute)
            .between(
                institute.moment(first, dt.time()),
                institute.moment(last + dt.timedelta(days=1), dt.time()),
            )
            .order_by("starts_at", "pk")
        )
        people = Professor.objects.select_related("institute", "user").in_bulk(
            set(meetings.values_list("professor_id", flat=True))
        )
        by_day: dict[dt.date, set[str]] = defaultdict(set)
        for professor_id, starts_at in meetings.values_list("professor_id", "starts_at"):
            professor, day = people[professor_id], institute.local(starts_at).date()
            teaching.setdefault((professor.code, day), (professor, starts_at))
            by_day[day].add(professor.code)
        if wave is not None:
            pool = sorted((code, first) for code in by_day[first])
            count = round(len(pool) * wave)
        else:
            pool = sorted(teaching)
        drawn = self._chance("absences").sample(pool, min(count, len(pool)))
        return [self._away(institute, day, *teaching[code, day], lead_hours) for code, day in drawn]

    def _away(
        self,
        institute: Institute,
        day: dt.date,
        professor: Professor,
        first_class: dt.datetime,
        lead_hours: float | None,
    ) -> Away:
        lead = lead_hours
        if lead is None:
            lead = self._chance("lead", professor.code, day).choice(LEADS)
        midnight = institute.moment(day, dt.time())
        return Away(
            professor,
            midnight,
            institute.moment(day + dt.timedelta(days=1), dt.time()),
            first_class - dt.timedelta(hours=lead),
        )
