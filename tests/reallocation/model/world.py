"""The plain state of the model: one institute, its meetings, absences and cases.

Everything is known by a short name: professors "ada", rooms "R1", meetings "m1", cases "c1".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from .budget import Rules, Window
from .clock import Clock

WAITING = (
    "substitute",
    "colleagues",
    "candidate_choice",
    "candidate",
    "class_vote",
    "slot_choice",
    "weekend_vote",
)


class Refused(Exception):
    """Somebody asked for what the rules do not allow; `code` says which rule."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Place(NamedTuple):
    starts_at: dt.datetime
    ends_at: dt.datetime
    room: str | None


class Weekly(NamedTuple):
    """A wall-clock time of the week; 1 is Monday."""

    weekday: int
    starts: dt.time
    ends: dt.time


@dataclass
class Professor:
    name: str
    qualified: frozenset[str] = frozenset()
    unavailable: tuple[Weekly, ...] = ()
    daily_hours: float | None = None
    weekly_hours: float | None = None


@dataclass
class Klass:
    """One course taught to one roster; the first professor is responsible."""

    name: str
    course: str
    professors: tuple[str, ...]
    sections: frozenset[str]
    students: frozenset[str]


@dataclass
class Meeting:
    name: str
    klass: str
    planned_professor: str
    planned: Place
    professor: str
    place: Place
    status: str = "scheduled"

    @property
    def hours(self) -> float:
        return (self.place.ends_at - self.place.starts_at) / dt.timedelta(hours=1)


@dataclass
class Absence:
    name: str
    professor: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    klass: str | None = None
    cover: dict[str, bool] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """Meeting → whom to ask first: said while filing, and not kept."""
    withdrawn: bool = False

    def spans(self, starts_at: dt.datetime, ends_at: dt.datetime) -> bool:
        return not self.withdrawn and self.starts_at < ends_at and starts_at < self.ends_at


@dataclass
class Offer:
    professor: str
    step: int
    visit: int
    wave: int
    sent_at: dt.datetime
    expires_at: dt.datetime
    status: str = "sent"


@dataclass
class Ballot:
    kind: str
    roll: frozenset[str]
    closes_at: dt.datetime
    quorum_percent: int
    votes: dict[str, bool] = field(default_factory=dict)
    result: str = ""

    @property
    def yes(self) -> int:
        return sum(self.votes.values())

    @property
    def no(self) -> int:
        return len(self.votes) - self.yes

    def verdict(self) -> str:
        """What the count says: a majority of the votes, and enough of the roll."""
        enough = self.yes * 100 >= self.quorum_percent * len(self.roll)
        return "approved" if self.yes > self.no and enough else "rejected"

    def is_decided(self) -> bool:
        return self.yes * 2 > len(self.roll) or self.no * 2 >= len(self.roll)


class Hold(NamedTuple):
    case: str
    professor: str | None
    room: str | None
    starts_at: dt.datetime
    ends_at: dt.datetime
    klass: str | None


@dataclass
class Visit:
    """One stay on one rung."""

    step: int
    entered_at: dt.datetime
    result: str = "running"
    reason: str = ""
    pool: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    window: Window | None = None
    wave_count: int = 0
    wave_size: int = 0
    waves_out: int = 0


@dataclass
class Case:
    name: str
    absence: str
    meeting: str
    professor: str
    before: Place
    opened_at: dt.datetime
    due_at: dt.datetime | None
    named: str | None = None
    status: str = "open"
    step: int = 1
    waiting_for: str = ""
    turn: int = 0
    deadline: dt.datetime | None = None
    visits: list[Visit] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    chosen_place: Place | None = None
    ballot: Ballot | None = None
    ballot_place: Place | None = None
    said_no: set[str] = field(default_factory=set)
    put_at: set[int] = field(default_factory=set)
    """After how many stays it was put on a rung from outside."""

    @property
    def is_open(self) -> bool:
        return self.status == "open"

    @property
    def visit(self) -> Visit | None:
        """The stay that is not over."""
        return self.visits[-1] if self.visits and self.visits[-1].result == "running" else None

    def of_visit(self) -> list[Offer]:
        return [o for o in self.offers if o.visit == len(self.visits)]

    def waiting_offers(self) -> list[Offer]:
        return [o for o in self.offers if o.status == "sent"]

    def accepted(self) -> Offer | None:
        return next((o for o in self.offers if o.status == "accepted"), None)


@dataclass
class World:
    clock: Clock
    rules: Rules
    teaching_days: frozenset[int]
    weekend_days: frozenset[int]
    term_starts: dt.date
    term_ends: dt.date
    checkpoints: tuple[dt.date, ...]
    periods: tuple[tuple[dt.time, dt.time], ...]
    closures: frozenset[dt.date] = frozenset()
    rooms: dict[str, int | None] = field(default_factory=dict)
    professors: dict[str, Professor] = field(default_factory=dict)
    classes: dict[str, Klass] = field(default_factory=dict)
    meetings: dict[str, Meeting] = field(default_factory=dict)
    absences: dict[str, Absence] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    holds: list[Hold] = field(default_factory=list)
    given: dict[tuple[str, str], float] = field(default_factory=dict)
    """(case, professor) → hours taught for somebody else, net of what was undone."""
    owed: dict[str, float] = field(default_factory=dict)
    """case → hours its students are still owed."""

    def klass_of(self, case: Case) -> Klass:
        return self.classes[self.meetings[case.meeting].klass]

    def case_for(self, absence: str, meeting: str) -> Case | None:
        return next(
            (c for c in self.cases.values() if (c.absence, c.meeting) == (absence, meeting)), None
        )

    def open_cases(self) -> list[Case]:
        return [c for c in self.cases.values() if c.is_open]

    def release(self, case: Case) -> None:
        self.holds = [h for h in self.holds if h.case != case.name]

    def add(self, *things: Professor | Klass | Meeting) -> None:
        shelves = {Professor: self.professors, Klass: self.classes, Meeting: self.meetings}
        for thing in things:
            shelves[type(thing)][thing.name] = thing  # type: ignore[index]

    def checkpoint(self, case: Case, now: dt.datetime) -> dt.date | None:
        day = max(self.clock.day(case.before.starts_at), self.clock.day(now))
        return next((c for c in sorted(self.checkpoints) if c >= day), None)


def overlap(a: tuple[dt.datetime, dt.datetime], b: tuple[dt.datetime, dt.datetime]) -> bool:
    return a[0] < b[1] and b[0] < a[1]


def names(things: Iterable[Offer]) -> set[str]:
    return {thing.professor for thing in things}
