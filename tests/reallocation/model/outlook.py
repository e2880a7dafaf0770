"""How long people may be waited for before something better is lost.

In the last week before a checkpoint every open case of an absence is promised one of the last places,
in the order of the classes, and nobody is waited for beyond the moment at which it must be taken.
"""

from __future__ import annotations

import datetime as dt

from . import budget, free
from .world import Case, Place, World

WEEK = dt.timedelta(days=7)


def near_checkpoint(world: World, case: Case, now: dt.datetime) -> bool:
    last = world.checkpoint(case, now)
    return last is not None and last < world.clock.day(case.before.starts_at) + WEEK


def siblings(world: World, case: Case) -> list[str]:
    """The open cases of the same absence, the soonest class first."""
    cases = [c for c in world.open_cases() if c.absence == case.absence]
    return [c.name for c in sorted(cases, key=lambda c: c.before.starts_at)]


def one_after_the_other(places: set[Place]) -> list[dt.datetime]:
    """The starts of as many places as can all be used, from the last one back."""
    picked: list[dt.datetime] = []
    before = max((p.ends_at for p in places), default=None)
    while fitting := [p.starts_at for p in places if p.ends_at <= before]:
        before = max(fitting)
        picked.append(before)
    return picked


def promised(world: World, case: Case, places: set[Place]) -> dt.datetime | None:
    """The start of the place that this case is promised; None if there are too few for it."""
    order = siblings(world, case)
    picked = one_after_the_other(places)[: len(order)]
    mine = dict(zip(order, sorted(picked), strict=False))
    return mine.get(case.name)


def people_until(world: World, case: Case, now: dt.datetime) -> dt.datetime:
    """By when steps 1 to 3 must be over."""
    notice, latest = world.rules.notice, case.before.starts_at - world.rules.notice
    if not near_checkpoint(world, case, now):
        return latest
    if places := free.open_places(world, case, now, now + notice, world.teaching_days):
        mine = promised(world, case, places)
        return latest if mine is None else min(latest, mine - notice - world.rules.floor)
    soonest = now + world.rules.floor + notice
    mine = promised(world, case, free.open_places(world, case, now, soonest, world.weekend_days))
    if mine is None:
        return latest
    awake = world.clock.waking_between(now, mine - notice)
    for_the_vote = min(awake / 2, world.rules.windows["weekend"])
    return min(latest, world.clock.advance(now, awake - for_the_vote))


def pick_until(world: World, case: Case, now: dt.datetime, latest: dt.datetime) -> dt.datetime:
    """By when the professor must have picked a place."""
    if not near_checkpoint(world, case, now):
        return latest
    notice = world.rules.notice
    places = free.open_places(world, case, now, now + notice, world.teaching_days)
    mine = promised(world, case, places)
    spare = len(one_after_the_other(places)) > len(siblings(world, case))
    in_time = notice + world.rules.floor
    return min(latest, mine - in_time) if mine is not None and spare else now


def idle_stages(
    world: World,
    case: Case,
    stage: str,
    now: dt.datetime,
    deadline: dt.datetime,
    section: set[str],
    subject: set[str],
) -> frozenset[str]:
    """Later stages that nobody would be asked in: they get no time where time is short."""
    need = sum((world.rules.windows[s] for s in budget.stages_left(stage)), dt.timedelta())
    if stage not in {"direct", "section"} or world.clock.waking_between(now, deadline) >= need:
        return frozenset()

    def somebody(people: set[str]) -> bool:
        return any(not free.substitute_reason(world, case, p) for p in people)

    named = {case.named} if stage == "direct" and case.named else set()
    idle: set[str] = set()
    if stage == "direct" and not somebody(section - named):
        idle.add("section")
    if not somebody(subject - section - named):
        idle |= {"choose", "answer", "vote"}
    return frozenset(idle)
