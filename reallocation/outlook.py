"""What a case may still count on, and so how long it may wait for people.

Waiting for a substitute must not outlive the other ways out. In the last week before a checkpoint the
places that are left may all lie before the class itself, or fewer than the classes that need one. So each
open case of an absence counts on a place of its own, the soonest class on the soonest, and steps 1–4 end
while it can still be had. Without a place on a teaching day the same is done for the weekend and its vote.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from timetable.models import Professor

from .candidates import Look, professors_of_course, professors_of_section
from .models import Case, Policy
from .policy import Budget, Stage, checkpoint_of, class_budget, floor, notice
from .slots import SlotOption, search

LAST_WEEK = dt.timedelta(days=7)
"""Timetables repeat by the week: with more time than this after the class, no place is the last one."""

ALL = 10_000
"""More places than lie in two weeks."""

SUBJECT = (Stage.CHOOSE, Stage.ANSWER, Stage.VOTE)


@dataclass(frozen=True)
class Turn:
    """Which of the open cases of its absence a case is, by the time of its class."""

    index: int
    of: int


def turn_of(case: Case) -> Turn:
    rows = Case.objects.open().filter(absence=case.absence_id).order_by("before_starts_at", "pk")
    ids = list(rows.values_list("pk", flat=True))
    return Turn(ids.index(case.pk), len(ids)) if case.pk in ids else Turn(0, 1)


def last_week(case: Case, now: dt.datetime) -> dt.date | None:
    """The checkpoint, where less than a week lies between the class and it."""
    checkpoint = checkpoint_of(case, now)
    if checkpoint is None:
        return None
    day = case.institute.local(case.before_starts_at).date()
    return checkpoint if checkpoint - day < LAST_WEEK else None


def last_places(options: Iterable[SlotOption], turn: Turn) -> list[dt.datetime]:
    """When the last places that do not overlap begin, one more than there are cases at most."""
    last: list[dt.datetime] = []
    for option in sorted(options, key=lambda o: o.starts_at, reverse=True):
        if len(last) <= turn.of and (not last or option.ends_at <= last[-1]):
            last.append(option.starts_at)
    return sorted(last)


def own_place(options: Iterable[SlotOption], turn: Turn) -> dt.datetime | None:
    """When the place begins that this case may count on; None where those before it need them all."""
    last = last_places(options, turn)[-turn.of :]
    return last[turn.index] if turn.index < len(last) else None


def in_time(policy: Policy) -> dt.timedelta:
    """How long before a place waiting for people ends: the notice, and a floor for the sweep to come."""
    return notice(policy) + floor(policy)


def pick_until(options: Iterable[SlotOption], turn: Turn, policy: Policy) -> dt.datetime | None:
    """Until when the professor may choose among these; None where there is no place to spare."""
    last = last_places(options, turn)
    return last[-turn.of :][turn.index] - in_time(policy) if len(last) > turn.of else None


def budget_ahead(case: Case, policy: Policy, stage: Stage, now: dt.datetime) -> Budget:
    """The time of steps 1–3 from this stage on, as things stand."""
    budget = class_budget(case, policy)
    until = _places_until(case, policy, budget, now)
    if until is not None:
        budget = replace(budget, deadline=min(budget.deadline, until))
    if budget.is_short(stage, now) and (idle := _idle_after(case, policy, stage, now)):
        budget = replace(budget, without=idle)
    return budget


def _places_until(
    case: Case, policy: Policy, budget: Budget, now: dt.datetime
) -> dt.datetime | None:
    """The moment at which what the case counts on would be lost; None where nothing is."""
    checkpoint = last_week(case, now)
    if checkpoint is None:
        return None
    turn, earliest = turn_of(case), now + notice(policy)
    teaching, weekend = case.institute.teaching_days, case.institute.weekend_days
    on_teaching_days = _all(case, policy, teaching, earliest, checkpoint)
    if on_teaching_days:
        place = own_place(on_teaching_days, turn)
        return place and place - in_time(policy)
    place = own_place(_all(case, policy, weekend, earliest + floor(policy), checkpoint), turn)
    if place is None:
        return None
    # The vote has half of the time, if that is less than its window.
    clock, end = budget.clock, place - notice(policy)
    left = clock.between(now, end)
    return clock.after(now, left - min(budget.windows[Stage.WEEKEND], left / 2))


def _all(
    case: Case, policy: Policy, days: Collection[int], earliest: dt.datetime, last_day: dt.date
) -> Sequence[SlotOption]:
    found = search(case, policy, days=days, earliest=earliest, last_day=last_day, limit=ALL)
    return found.options


def _idle_after(case: Case, policy: Policy, stage: Stage, now: dt.datetime) -> frozenset[Stage]:
    """Stages after this one in which there is nobody to wait for, so that no time need be kept."""
    idle: set[Stage] = set()
    if stage not in (Stage.DIRECT, Stage.SECTION):
        return frozenset()
    section = professors_of_section(case)
    named = {case.named_id} if stage == Stage.DIRECT else set()
    if stage == Stage.DIRECT and not _anybody(case, policy, section, named):
        idle.add(Stage.SECTION)
    known = named | {professor.pk for professor in section}
    if not _anybody(case, policy, professors_of_course(case), known):
        idle.update(SUBJECT)
    return frozenset(idle)


def _anybody(
    case: Case,
    policy: Policy,
    professors: Iterable[Professor],
    but_for: Collection[int | None],
) -> bool:
    """Whether one of these could be asked."""
    people = {p.pk: p for p in professors if p.pk not in but_for}
    if not people:
        return False
    look = Look.at(case, people, policy)
    return any(look.obstacle(p) is None for p in people.values())
