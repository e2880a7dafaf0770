"""Who and what is free, and when: by looking at everything there is."""

from __future__ import annotations

import datetime as dt

from .world import Case, Klass, Meeting, Place, World, overlap

IN_TWO_PLACES = frozenset({"teaching", "held"})


def teaches(world: World, meeting: Meeting, professor: str) -> bool:
    """Leads it now, or co-teaches its class."""
    return (
        meeting.professor == professor or professor in world.classes[meeting.klass].professors[1:]
    )


def busy_reason(
    world: World,
    professor: str,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    case: str,
    meeting: str,
) -> str:
    """Why the professor cannot be there then; empty: free.

    The case's own meeting and holds do not count.
    """
    span = (starts_at, ends_at)
    if any(
        m.status == "scheduled"
        and m.name != meeting
        and overlap(m.place[:2], span)
        and teaches(world, m, professor)
        for m in world.meetings.values()
    ):
        return "teaching"
    if any(a.professor == professor and a.spans(*span) for a in world.absences.values()):
        return "absent"
    for weekly in world.professors[professor].unavailable:
        day = world.clock.day(starts_at) - dt.timedelta(days=1)
        while day <= world.clock.day(ends_at):
            when = (world.clock.moment(day, weekly.starts), world.clock.moment(day, weekly.ends))
            if day.isoweekday() == weekly.weekday and overlap(when, span):
                return "unavailable"
            day += dt.timedelta(days=1)
    if any(
        h.professor == professor and h.case != case and overlap((h.starts_at, h.ends_at), span)
        for h in world.holds
    ):
        return "held"
    return ""


def cap_reason(world: World, professor: str, meeting: Meeting, place: Place, case: str) -> str:
    """Whether one class more, there and then, is more than the professor's day or week allows."""
    day = world.clock.day(place.starts_at)
    spans = [
        m.place[:2]
        for m in world.meetings.values()
        if m.status == "scheduled" and m.name != meeting.name and teaches(world, m, professor)
    ]
    spans += [
        (h.starts_at, h.ends_at) for h in world.holds if h.professor == professor and h.case != case
    ]
    spans.append(place[:2])

    def hours(same: object, of: object) -> float:
        return sum(
            (b - a) / dt.timedelta(hours=1) for a, b in spans if of(world.clock.day(a)) == same
        )  # type: ignore[operator]

    who = world.professors[professor]
    daily = world.rules.daily_cap if who.daily_hours is None else who.daily_hours
    weekly = (
        world.rules.weekly_cap
        if who.weekly_hours is None
        else who.weekly_hours + world.rules.weekly_extra
    )
    if hours(day, lambda d: d) > daily:
        return "daily_cap"
    if hours(day.isocalendar()[:2], lambda d: d.isocalendar()[:2]) > weekly:
        return "weekly_cap"
    return ""


def substitute_reason(
    world: World, case: Case, professor: str, asked: frozenset[str] | set[str] = frozenset()
) -> str:
    """Why the professor cannot take the case's meeting as it stands; empty: they can."""
    meeting = world.meetings[case.meeting]
    if professor == case.professor:
        return "is_absent_professor"
    if professor in case.said_no:
        return "said_no"
    if professor in asked:
        return "asked_already"
    return busy_reason(world, professor, *meeting.place[:2], case.name, meeting.name) or cap_reason(
        world, professor, meeting, meeting.place, case.name
    )


def room_fits(world: World, room: str, case: Case) -> bool:
    """The usual room always does; another must be known to be large enough."""
    capacity = world.rooms[room]
    if room == (case.before.room or world.meetings[case.meeting].planned.room):
        return True
    return capacity is not None and capacity >= len(world.klass_of(case).students)


def room_is_free(world: World, room: str, place: Place, case: str, meeting: str) -> bool:
    span = place[:2]
    return not any(
        m.status == "scheduled"
        and m.name != meeting
        and m.place.room == room
        and overlap(m.place[:2], span)
        for m in world.meetings.values()
    ) and not any(
        h.room == room and h.case != case and overlap((h.starts_at, h.ends_at), span)
        for h in world.holds
    )


def students_in_clash(world: World, klass: Klass, place: Place, case: str, meeting: str) -> int:
    span = place[:2]
    elsewhere: set[str] = set()
    for m in world.meetings.values():
        if m.status == "scheduled" and m.name != meeting and overlap(m.place[:2], span):
            elsewhere |= world.classes[m.klass].students
    for h in world.holds:
        if h.klass and h.case != case and overlap((h.starts_at, h.ends_at), span):
            elsewhere |= world.classes[h.klass].students
    return len(klass.students & elsewhere)


def place_reason(world: World, case: Case, place: Place) -> str:
    """Why the case's meeting cannot take place there and then; empty: it can."""
    klass = world.klass_of(case)
    if reason := busy_reason(world, case.professor, *place[:2], case.name, case.meeting):
        return reason
    for other in set(klass.professors[1:]) - {case.professor}:
        if busy_reason(world, other, *place[:2], case.name, case.meeting) in IN_TWO_PLACES:
            return "co_teacher_busy"
    if place.room is None:
        if case.before.room or world.meetings[case.meeting].planned.room:
            return "room_needed"
    else:
        if not room_fits(world, place.room, case):
            return "room_too_small"
        if not room_is_free(world, place.room, place, case.name, case.meeting):
            return "room_busy"
    clash = students_in_clash(world, klass, place, case.name, case.meeting)
    if clash * 100 > world.rules.clash_percent * len(klass.students):
        return "students_busy"
    return ""


def open_places(
    world: World, case: Case, now: dt.datetime, after: dt.datetime, days: frozenset[int]
) -> set[Place]:
    """Every bell and room at which the case's meeting could be held from a moment on."""
    last = world.checkpoint(case, now)
    if last is None:
        return set()
    usual = case.before.room or world.meetings[case.meeting].planned.room
    length = case.before.ends_at - case.before.starts_at
    last_bell = max(ends for _, ends in world.periods)
    found = set()
    day = max(world.clock.day(after), world.term_starts)
    while day <= min(last, world.term_ends):
        if day.isoweekday() in days and day not in world.closures:
            for starts, _ in world.periods:
                starts_at = world.clock.moment(day, starts)
                ends_at = starts_at + length
                if starts_at < after or ends_at > world.clock.moment(day, last_bell):
                    continue
                rooms = list(world.rooms) if usual is not None else [None]
                places = (Place(starts_at, ends_at, room) for room in rooms)
                found |= {p for p in places if not place_reason(world, case, p)}
        day += dt.timedelta(days=1)
    return found
