"""The stage of a rehearsal: a virtual clock, the real engine, and people who act on what they see.

Everything happens in one transaction that is rolled back unless asked otherwise. Only the cases that
the rehearsal opens are moved.
"""

from __future__ import annotations

import datetime as dt
import heapq
import itertools
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from operator import attrgetter

from django.db import connection, transaction
from django.db.models import Max

from reallocation import absences, answers, audit, candidates, engine
from reallocation.absences import Request
from reallocation.enums import StepNumber, WaitingFor
from reallocation.models import Case, Offer, Policy
from reallocation.notifications import outbox
from reallocation.policy import policy_of, waking_clock
from reallocation.refusals import Refused
from timetable.models import Absence, Institute, Meeting, Professor, Room, Student, Term
from voting import ballots
from voting.enums import Refusal
from voting.models import Ballot
from voting.refusals import VotingRefused

from . import figures
from .figures import Figures
from .people import Away, Odds, People

Progress = Callable[[int, int], None]
"""Called with the absences that are settled and how many there are."""

Watch = Callable[[int, dt.datetime], None]
"""Called with each case that is about to move, and when: for whoever looks on and changes nothing."""


@dataclass(frozen=True)
class Script:
    """What is rehearsed. `on`: all absences on that day, else over what is left of the term."""

    absences: int
    seed: int = 1
    on: dt.date | None = None
    lead_hours: float | None = None
    wave: float | None = None
    odds: Odds = field(default_factory=Odds)
    keep: bool = False


class NothingToRehearse(Exception):
    """No professor teaches anything on the days in question."""


def rehearse(
    institute: Institute,
    script: Script,
    *,
    policy: Policy | None = None,
    now: dt.datetime,
    progress: Progress = lambda done, total: None,
    watch: Watch = lambda case_id, now: None,
) -> Figures:
    """Play the script, under the institute's policy or another one, and count what came of it.

    Deterministic: the same timetable, script and policy give the same figures but for `wall_seconds` and
    `peak_mb`. Raises NothingToRehearse.
    """
    began = time.perf_counter()
    with transaction.atomic(), outbox.muted():
        waiting = len(connection.run_on_commit)
        if policy is not None:
            _adopt(institute, policy)
        found = _Stage(institute, script, progress, watch, now).play()
        if script.keep:
            # What was rehearsed with --keep is settled: nobody has to be nudged about it.
            del connection.run_on_commit[waiting:]
        else:
            transaction.set_rollback(True)
    return replace(
        found, wall_seconds=round(time.perf_counter() - began, 2), peak_mb=round(_peak_mb(), 1)
    )


def _adopt(institute: Institute, policy: Policy) -> None:
    Policy.objects.filter(institute=institute).delete()
    policy.pk, policy.institute = None, institute
    policy.save(force_insert=True)


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 if sys.platform != "darwin" else peak / 1024**2


Act = Callable[[dt.datetime], None]

ANSWERS = (WaitingFor.SUBSTITUTE, WaitingFor.COLLEAGUES, WaitingFor.CANDIDATE)
VOTES = (WaitingFor.CLASS_VOTE, WaitingFor.WEEKEND_VOTE)
CHOICES = (WaitingFor.CANDIDATE_CHOICE, WaitingFor.SLOT_CHOICE)


@dataclass(frozen=True, slots=True)
class _Position:
    """Where an open case stands."""

    pk: int
    due_at: dt.datetime
    turn: int
    step: int
    waiting_for: str


class _Stage:
    """One rehearsal in progress: the clock, and what is still to happen."""

    def __init__(
        self,
        institute: Institute,
        script: Script,
        progress: Progress,
        watch: Watch,
        now: dt.datetime,
    ) -> None:
        self.institute = Institute.objects.get(pk=institute.pk)
        self.progress, self.watch = progress, watch
        self.people = People(script.seed, script.odds)
        self.term, first, last = _days(self.institute, script, now)
        self.cast = self.people.absences(
            self.institute,
            script.absences,
            first,
            last,
            lead_hours=script.lead_hours,
            wave=script.wave,
        )
        if not self.cast:
            raise NothingToRehearse
        self.cast.sort(key=lambda away: (away.filed_at, away.professor.code))
        self.policy = policy_of(self.institute)
        self.clock = waking_clock(self.policy, self.institute)
        self.absences: list[Absence] = []
        self.cases: dict[int, Case] = {}
        self.open: set[int] = set()
        self.votes = 0
        self._offers_seen = Offer.objects.aggregate(last=Max("pk"))["last"] or 0
        self._ballots_seen = Ballot.objects.aggregate(last=Max("pk"))["last"] or 0
        self._choosing: set[tuple[int, int]] = set()
        self._due: list[tuple[dt.datetime, int]] = []
        self._touched = False
        self._queue: list[tuple[dt.datetime, int, Act]] = []
        self._order = itertools.count()

    def play(self) -> Figures:
        started_at = now = self.cast[0].filed_at
        balance_before = figures.score(self.term, started_at)
        for away in self.cast:
            self._at(away.filed_at, partial(self._file, away))
        while (then := self._next()) is not None:
            now = max(now, then)
            while self._queue and self._queue[0][0] <= now:
                heapq.heappop(self._queue)[2](now)
            self._advance(now)
        self.progress(len(self.cast), len(self.cast))
        return figures.count(
            self.cases,
            term=self.term,
            votes=self.votes,
            balance_before=balance_before,
            started_at=started_at,
            ended_at=now,
        )

    # --- the clock ---

    def _at(self, moment: dt.datetime, act: Act) -> None:
        heapq.heappush(self._queue, (moment, next(self._order), act))

    def _soon(self, now: dt.datetime, minutes: float, act: Act) -> None:
        """After so many waking minutes."""
        self._at(self.clock.after(now, dt.timedelta(minutes=minutes)), act)

    def _next(self) -> dt.datetime | None:
        """The next moment at which anybody acts or a case is due."""
        acts = self._queue[0][0] if self._queue else None
        dues = [self._due[0][0]] if self._due else []
        return min([*dues, acts] if acts else dues, default=None)

    def _advance(self, now: dt.datetime) -> None:
        """What the sweep of that minute does, for the cases of this rehearsal that anything befell."""
        due = {pk for at, pk in self._due if at <= now}
        if not due and not self._touched:
            return
        moved = set()
        for position in self._positions():
            if position.due_at <= now:
                self.watch(position.pk, now)
                engine.climb(position.pk, expected=position.turn, now=now)
                moved.add(position.pk)
        positions = self._positions() if moved else []
        self._look([position for position in positions if position.pk in moved], now)

    def _positions(self) -> list[_Position]:
        """Where the open cases stand, the next due first."""
        found = [
            _Position(*row)
            for row in Case.objects.open()
            .filter(pk__in=self.open)
            .order_by("due_at", "pk")
            .values_list("pk", "due_at", "turn", "step", "waiting_for")
        ]
        self._touched = False
        self.open = {position.pk for position in found}
        self._due = [(position.due_at, position.pk) for position in found]
        return found

    # --- what people notice ---

    def _look(self, moved: list[_Position], now: dt.datetime) -> None:
        """Everybody sees what is new to them, and decides what to do about it, and when."""
        waiting: dict[str, set[int]] = defaultdict(set)
        for position in moved:
            waiting[position.waiting_for].add(position.pk)
        if asked := set().union(*(waiting[who] for who in ANSWERS)):
            self._see_offers(asked, now)
        if voting := set().union(*(waiting[who] for who in VOTES)):
            by_uid = {self.cases[pk].uid: self.cases[pk] for pk in voting}
            for ballot in (
                Ballot.objects.open()
                .filter(pk__gt=self._ballots_seen, subject_uid__in=by_uid)
                .order_by("pk")
            ):
                self._ballots_seen = ballot.pk
                self._invite(ballot, by_uid[ballot.subject_uid], now)
        for position in sorted(moved, key=attrgetter("pk")):
            if position.waiting_for in CHOICES:
                reply = self.people.choice(_key(self.cases[position.pk]), position.step)
                if reply.accepts and (position.pk, position.step) not in self._choosing:
                    self._choosing.add((position.pk, position.step))
                    self._soon(now, reply.minutes, partial(self._choose, position.pk))

    def _see_offers(self, case_ids: set[int], now: dt.datetime) -> None:
        new = Offer.objects.filter(pk__gt=self._offers_seen, case__in=case_ids)
        for offer in new.order_by("pk").select_related("professor"):
            self._offers_seen = offer.pk
            case = self.cases[offer.case_id]
            offer.case = case
            named = offer.step == StepNumber.DIRECT
            reply = self.people.offer(offer.professor.code, _key(case), named=named)
            if reply.accepts is not None:
                self._soon(now, reply.minutes, partial(self._answer, offer, reply.accepts))

    def _invite(self, ballot: Ballot, case: Case, now: dt.datetime) -> None:
        """Those on the roll who will vote do so at some share of the voting time."""
        span = ballot.closes_at - ballot.opened_at
        self._at(ballot.opened_at + span / 2, partial(self._remind, ballot))
        roll = Student.objects.filter(roll_places__ballot=ballot).order_by("code")
        for student, yes, share in self.people.votes(_key(case), ballot.kind, roll):
            self._at(now + span * share, partial(self._vote, ballot, student, yes))

    # --- what people do ---

    def _file(self, away: Away, now: dt.datetime) -> None:
        names: dict[int, Professor] = {}
        cover: dict[int, bool] = {}
        for entry in absences.affected(away.professor, away.starts_at, away.ends_at):
            meeting = entry.meeting
            if meeting.ends_at <= now:
                cover[meeting.pk] = False
            elif entry.needs_cover and self.people.names_somebody(_about(meeting)):
                names |= self._named(meeting, now)
        request = Request(away.starts_at, away.ends_at, names=names, cover=cover)
        try:
            filed = absences.file(away.professor, request, now=now)
        except Refused:
            # Already away that day, or the day is over: nothing for anybody to do.
            self.progress(len(self.absences), len(self.cast))
            return
        cases = list(filed.cases)
        for other in self.absences:
            # A co-taught class whose other professor was there until now.
            if other.starts_at < away.ends_at and away.starts_at < other.ends_at:
                with audit.writing(self.institute):
                    cases += absences.open_missing(other, now=now)
        self.absences.append(filed.absence)
        self.cases |= {case.pk: case for case in cases}
        self.open |= {case.pk for case in cases}
        self._touched = True
        self.progress(len(self.absences), len(self.cast))

    def _named(self, meeting: Meeting, now: dt.datetime) -> dict[int, Professor]:
        """The colleague of the section whom the form shows first."""
        case = Case(
            institute=self.institute,
            meeting=meeting,
            professor=meeting.professor,
            before_starts_at=meeting.starts_at,
            before_ends_at=meeting.ends_at,
        )
        people = candidates.professors_of_section(case)
        found = candidates.pool(case, people, self.policy, now=now)
        return {meeting.pk: found.ranked[0].professor} if found.ranked else {}

    def _answer(self, offer: Offer, accepts: bool, now: dt.datetime) -> None:
        act = answers.accept if accepts else answers.decline
        # Somebody was faster, the time is over, or they have become busy: as in life.
        with suppress(Refused):
            act(offer, by=offer.professor, now=now)
            self._touched = True

    def _choose(self, case_id: int, now: dt.datetime) -> None:
        """The absent professor takes the best that is shown."""
        case = Case.objects.for_list().get(pk=case_id)
        record = case.records.filter(left_at=None).first()
        if record is None:
            return
        self._touched = True
        with suppress(Refused):
            if case.waiting_for == WaitingFor.CANDIDATE_CHOICE:
                best = Professor.objects.get(
                    institute=self.institute, code=record.considered["order"][0]
                )
                answers.choose_candidate(case, candidate=best, now=now)
            elif case.waiting_for == WaitingFor.SLOT_CHOICE:
                shown = record.considered["ranked"][0]
                room = Room.objects.filter(institute=self.institute, code=shown["room"]).first()
                starts_at = dt.datetime.fromisoformat(shown["starts_at"])
                answers.choose_slot(case, starts_at=starts_at, room=room, now=now)

    def _vote(self, ballot: Ballot, student: Student, yes: bool, now: dt.datetime) -> None:
        try:
            cast = ballots.cast(ballot_uid=ballot.uid, student=student, choice=yes, now=now)
        except VotingRefused as refusal:
            # The ballot has closed early.
            if refusal.code != Refusal.CLOSED:
                raise
        else:
            self.votes += 1
            self._touched |= cast.result is not None

    @staticmethod
    def _remind(ballot: Ballot, now: dt.datetime) -> None:
        ballots.remind(ballot.pk, now)


def _key(case: Case) -> str:
    """What a draw is about, the same in every rehearsal of a timetable."""
    return f"{case.meeting.offering.code}@{case.before_starts_at.isoformat()}"


def _about(meeting: Meeting) -> str:
    return f"{meeting.offering.code}@{meeting.starts_at.isoformat()}"


def _days(institute: Institute, script: Script, now: dt.datetime) -> tuple[Term, dt.date, dt.date]:
    """The term, and the first and the last day on which somebody may be absent."""
    today = script.on or institute.local(now).date()
    term = (
        institute.terms.filter(end_semester_on__gte=today).order_by("starts_on").first()
        or institute.terms.order_by("-starts_on").first()
    )
    if term is None:
        raise NothingToRehearse
    if script.on:
        return term, script.on, script.on
    past = today > term.end_semester_on
    return term, term.starts_on if past else max(today, term.starts_on), term.end_semester_on
