"""What must hold of every world after every act."""

from __future__ import annotations

import datetime as dt
import itertools

from .free import teaches
from .outside import later_cases
from .world import Case, World, overlap


def problems(world: World) -> list[str]:
    """Everything that is wrong with the world; empty when all is well."""
    found = [*double_bookings(world)]
    for case in world.cases.values():
        found += [f"{case.name}: {problem}" for problem in wrong_with(world, case)]
    open_meetings = [c.meeting for c in world.open_cases()]
    if len(open_meetings) != len(set(open_meetings)):
        found.append("two open cases for one meeting")
    return found


def double_bookings(world: World) -> list[str]:
    found = []
    held = [m for m in world.meetings.values() if m.status == "scheduled"]
    for a, b in itertools.combinations(held, 2):
        if not overlap(a.place[:2], b.place[:2]):
            continue
        found += [
            f"{p} is in {a.name} and {b.name} at once"
            for p in world.professors
            if teaches(world, a, p) and teaches(world, b, p)
        ]
        if a.place.room is not None and a.place.room == b.place.room:
            found.append(f"{a.place.room} has {a.name} and {b.name} at once")
    for hold in world.holds:
        for meeting in held:
            if not overlap((hold.starts_at, hold.ends_at), meeting.place[:2]):
                continue
            if world.cases[hold.case].meeting == meeting.name:
                continue
            if hold.professor and teaches(world, meeting, hold.professor):
                found.append(f"{hold.professor} is held for {hold.case} during {meeting.name}")
            if hold.room and hold.room == meeting.place.room:
                found.append(f"{hold.room} is held for {hold.case} during {meeting.name}")
    return found


def wrong_with(world: World, case: Case) -> list[str]:
    found = []
    statuses = [o.status for o in case.offers]
    if statuses.count("accepted") > 1:
        found.append("two accepted offers")
    if case.is_open != (case.due_at is not None):
        found.append("an open case is due, a closed one is not")
    if not case.is_open and "sent" in statuses:
        found.append("closed with an offer still waiting")
    if not case.is_open and any(h.case == case.name for h in world.holds):
        found.append("closed with time still held")
    if case.waiting_for and not case.is_open:
        found.append("closed and waiting")
    if case.deadline is not None:
        found += late_deadline(world, case)
    meeting = world.meetings[case.meeting]
    if case.status != "withdrawn" and not later_cases(world, case):
        expected = {
            "substituted": "scheduled",
            "rescheduled": "scheduled",
            "weekend": "scheduled",
            "dropped": "dropped",
        }
        if not case.is_open and meeting.status != expected[case.status]:
            found.append(f"{case.status}, but its meeting is {meeting.status}")
        if case.status == "substituted" and meeting.professor == case.professor:
            found.append("substituted by the absent professor")
        if (case.name in world.owed) != (case.status == "dropped"):
            found.append("hours are owed exactly for what was dropped")
    return found + out_of_order(case)


def late_deadline(world: World, case: Case) -> list[str]:
    assert case.deadline is not None
    if case.step <= 3:
        limit = case.before.starts_at - world.rules.notice
    else:
        limit = world.clock.midnight_after(max(world.checkpoints)) - world.rules.notice
    late = case.deadline - limit
    return [f"deadline is {late} after the notice"] if late > dt.timedelta(microseconds=1) else []


def out_of_order(case: Case) -> list[str]:
    """Steps rise one by one, but where the case was put on another from outside."""
    found = [
        f"step {visit.step} {visit.result} without a reason"
        for visit in case.visits
        if visit.result in {"skipped", "gave_up", "stopped"} and not visit.reason
    ]
    if any(v.result == "running" for v in case.visits[:-1]):
        found.append("two stays at once")
    if case.visits and case.visits[0].step != 1 and 0 not in case.put_at:
        found.append("does not begin with step 1")
    for n, (a, b) in enumerate(itertools.pairwise(case.visits), start=1):
        if n not in case.put_at and b.step != a.step + 1:
            found.append(f"step {b.step} follows step {a.step}")
    return found
