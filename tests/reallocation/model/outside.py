"""What people do: absences, answers, votes, and the registrar's acts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from . import free
from .ladder import drop, end_offers, enter, give, hold_candidate, leave, postpone, settle_in
from .world import Absence, Case, Meeting, Offer, Place, Refused, Visit, World, overlap

# Absences.


def file(world: World, absence: Absence, now: dt.datetime) -> list[Case]:
    """An absence stands; one case for every meeting that it touches."""
    check_span(world, absence, absence.starts_at, absence.ends_at, now)
    if absence.starts_at < world.clock.moment(world.clock.day(now), dt.time()):
        raise Refused("absence_past")
    world.absences[absence.name] = absence
    opened = reconcile(world, absence, now)
    for case in opened:
        case.named = absence.names.get(case.meeting)
        if case.named and free.substitute_reason(world, case, case.named):
            del world.absences[absence.name]
            for undone in opened:
                del world.cases[undone.name]
            raise Refused("substitute_not_free")
    absence.names = {}
    return opened


def check_span(
    world: World, absence: Absence, starts_at: dt.datetime, ends_at: dt.datetime, now: dt.datetime
) -> None:
    if ends_at <= starts_at:
        raise Refused("absence_ends_before_start")
    if ends_at <= now:
        raise Refused("absence_past")
    if any(
        other is not absence
        and other.professor == absence.professor
        and other.spans(starts_at, ends_at)
        and (absence.klass is None or other.klass in {None, absence.klass})
        for other in world.absences.values()
    ):
        raise Refused("absence_overlaps")


def change(
    world: World,
    name: str,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    now: dt.datetime,
    take_in: Collection[str] = (),
) -> list[Case]:
    """Prolonged or shortened: cases open and close accordingly. What is taken in is left out no more."""
    absence = world.absences[name]
    if absence.withdrawn:
        raise Refused("absence_withdrawn")
    if absence.ends_at <= now:
        raise Refused("absence_over")
    check_span(world, absence, starts_at, ends_at, now)
    today = world.clock.moment(world.clock.day(now), dt.time())
    if starts_at < min(today, absence.starts_at):
        raise Refused("absence_past")
    for wanted in take_in:
        meeting = world.meetings[wanted]
        lies_inside = overlap((starts_at, ends_at), meeting.place[:2])
        if absence.cover.get(wanted) is not False or not (lies_inside and led(absence, meeting)):
            raise Refused("outside_absence")
        if meeting.place.starts_at <= now:
            raise Refused("class_begun")
    absence.cover |= dict.fromkeys(take_in, True)
    absence.starts_at, absence.ends_at = starts_at, ends_at
    return reconcile(world, absence, now)


def withdraw(world: World, name: str, now: dt.datetime) -> None:
    absence = world.absences[name]
    if absence.withdrawn:
        raise Refused("absence_withdrawn")
    absence.withdrawn = True
    reconcile(world, absence, now)


def leave_out(world: World, name: str, now: dt.datetime) -> None:
    """The professor teaches this one after all; where the absence was about nothing else, it is over."""
    case = world.cases[name]
    absence = world.absences[case.absence]
    if absence.withdrawn:
        raise Refused("absence_withdrawn")
    if not no_longer_covered(world, case, now):
        raise Refused("too_late")
    absence.cover[case.meeting] = False
    absence.withdrawn = is_about_alone(world, absence, case)


def is_about_alone(world: World, absence: Absence, case: Case) -> bool:
    """Whether the absence has nothing but this case: its class or its hours, and no other is left."""
    before = case.before
    hours_of_it = before.starts_at <= absence.starts_at <= absence.ends_at <= before.ends_at
    others = [c for c in world.cases.values() if c.absence == absence.name and c is not case]
    taught = {case.meeting, *(name for name, cover in absence.cover.items() if not cover)}
    touched = {
        meeting.name
        for meeting in world.meetings.values()
        if led(absence, meeting) and absence.spans(*meeting.place[:2])
    }
    return (
        (absence.klass is not None or hours_of_it)
        and all(c.status == "withdrawn" for c in others)
        and touched <= taught
    )


def led(absence: Absence, meeting: Meeting) -> bool:
    """Whether it is one of the meetings that its absent professor now holds."""
    return (
        meeting.professor == absence.professor
        and meeting.status == "scheduled"
        and absence.klass in {None, meeting.klass}
    )


def needs_cover(world: World, absence: Absence, meeting: Meeting) -> bool:
    """Whether a meeting that its professor leads is touched by the absence."""
    if absence.klass and meeting.klass != absence.klass:
        return False
    if meeting.name in absence.cover:
        return absence.cover[meeting.name]
    if meeting.name in absence.names:
        return True
    others = set(world.classes[meeting.klass].professors[1:]) - {meeting.professor}
    return all(
        any(a.professor == other and a.spans(*meeting.place[:2]) for a in world.absences.values())
        for other in others
    )


def uncovered(world: World, absence: Absence) -> list[Meeting]:
    """Meetings inside the absence that need cover and have no open case."""
    busy = {c.meeting for c in world.open_cases()}
    return [
        meeting
        for meeting in world.meetings.values()
        if meeting.professor == absence.professor
        and meeting.status == "scheduled"
        and absence.spans(*meeting.place[:2])
        and meeting.name not in busy
        and needs_cover(world, absence, meeting)
    ]


def reconcile(world: World, absence: Absence, now: dt.datetime) -> list[Case]:
    for case in [c for c in world.cases.values() if c.absence == absence.name]:
        if not absence.spans(case.before.starts_at, case.before.ends_at):
            no_longer_covered(world, case, now)
    return [open_case(world, absence, meeting, now) for meeting in uncovered(world, absence)]


def notice_new_meetings(world: World, now: dt.datetime) -> list[Case]:
    """The sweep: a meeting ahead that has come under an absence gets its case."""
    return [
        open_case(world, absence, meeting, now)
        for absence in world.absences.values()
        if absence.ends_at > now
        for meeting in uncovered(world, absence)
        if meeting.place.starts_at > now
    ]


def open_case(world: World, absence: Absence, meeting: Meeting, now: dt.datetime) -> Case:
    case = Case(
        name=f"c{len(world.cases) + 1}",
        absence=absence.name,
        meeting=meeting.name,
        professor=absence.professor,
        before=meeting.place,
        opened_at=now,
        due_at=now,
    )
    if meeting.place.starts_at <= now:
        case.step = 4
        case.visits = [Visit(step, now, "skipped", "already_begun") for step in (1, 2, 3)]
    world.cases[case.name] = case
    return case


def later_cases(world: World, case: Case) -> list[Case]:
    """Cases that came after this one for the same meeting, the latest first."""
    of_meeting = [c for c in world.cases.values() if c.meeting == case.meeting]
    after = of_meeting[of_meeting.index(case) + 1 :]
    return [c for c in reversed(after) if c.status != "withdrawn"]


def no_longer_covered(world: World, case: Case, now: dt.datetime) -> bool:
    """The professor can teach after all; False where it is too late for that.

    Where the substitute was away in turn, the cases that followed from that end as well.
    """
    meeting = world.meetings[case.meeting]
    later = later_cases(world, case)
    chain = [*later, case]
    if case.status not in {"open", "substituted"}:
        return False
    if any(c.status not in {"open", "substituted"} for c in later):
        return False
    if not case.is_open or meeting.status == "postponed":
        if case.before.starts_at <= now or not returns_to(world, case, meeting.status):
            return False
        meeting.place, meeting.status = case.before, "scheduled"
        meeting.professor = case.professor
    for over in chain:
        if not over.is_open:
            world.given = {k: hours for k, hours in world.given.items() if k[0] != over.name}
        stop(world, over, "withdrawn", "withdrawn")
    return True


def returns_to(world: World, case: Case, status: str) -> bool:
    """Whether the meeting finds its professor free at its old time, and its room if it had left it."""
    busy = free.busy_reason(world, case.professor, *case.before[:2], case.name, case.meeting)
    if busy in free.IN_TWO_PLACES:
        return False
    others = set(world.klass_of(case).professors[1:]) - {case.professor}
    if status == "scheduled":
        return True
    return not any(
        free.busy_reason(world, other, *case.before[:2], case.name, case.meeting)
        in free.IN_TWO_PLACES
        for other in others
    ) and (
        case.before.room is None
        or free.room_is_free(world, case.before.room, case.before, case.name, case.meeting)
    )


def stop(world: World, case: Case, status: str, reason: str) -> None:
    """Everything that was pending for the case is off."""
    end_offers(case, "withdrawn")
    if accepted := case.accepted():
        accepted.status = "withdrawn"
    if case.ballot and not case.ballot.result:
        case.ballot.result = "cancelled"
    case.ballot = case.ballot_place = None
    world.release(case)
    if case.visit is not None:
        leave(case, "stopped", reason)
    case.status, case.waiting_for, case.deadline = status, "", None
    case.turn += 1
    if status != "open":
        case.due_at = None


# Answers.


def answerable(case: Case, professor: str, now: dt.datetime) -> Offer:
    offers = [o for o in case.offers if o.professor == professor]
    if not offers:
        raise Refused("not_your_offer")
    offer = offers[-1]
    if offer.status in {"taken", "withdrawn"}:
        raise Refused(f"offer_{offer.status}")
    if offer.status in {"accepted", "declined"}:
        raise Refused("offer_answered")
    if offer.status == "expired" or now >= offer.expires_at:
        raise Refused("offer_expired")
    return offer


def accept(world: World, name: str, professor: str, now: dt.datetime) -> None:
    case = world.cases[name]
    offer = answerable(case, professor, now)
    if free.substitute_reason(world, case, professor):
        raise Refused("not_free")
    offer.status = "accepted"
    end_offers(case, "taken")
    hold_candidate(world, case, professor)
    case.due_at = now


def decline(world: World, name: str, professor: str, now: dt.datetime) -> None:
    case = world.cases[name]
    answerable(case, professor, now).status = "declined"
    case.said_no.add(professor)
    case.due_at = now


def awaited(case: Case, waiting_for: str, now: dt.datetime) -> None:
    if not case.is_open:
        raise Refused("case_closed")
    if case.waiting_for != waiting_for or case.deadline is None or now >= case.deadline:
        raise Refused("not_waiting")


def name_substitute(world: World, name: str, professor: str, now: dt.datetime) -> None:
    """The professor wants this person asked first, after all."""
    case = world.cases[name]
    if not case.is_open:
        raise Refused("case_closed")
    if case.step > 3 or case.accepted() is not None:
        raise Refused("not_waiting")
    if free.substitute_reason(world, case, professor):
        raise Refused("not_free")
    put_on(world, case, 1, "named_later", now)
    case.named = professor


def choose_candidate(world: World, name: str, professor: str, now: dt.datetime) -> None:
    case = world.cases[name]
    awaited(case, "candidate_choice", now)
    assert case.visit is not None
    if professor not in case.visit.pool:
        raise Refused("not_in_pool")
    if free.substitute_reason(world, case, professor):
        raise Refused("not_free")
    case.named = professor
    case.due_at = now


def choose_place(world: World, name: str, place: Place, now: dt.datetime) -> None:
    case = world.cases[name]
    awaited(case, "slot_choice", now)
    after = now + world.rules.notice
    if place not in free.open_places(world, case, now, after, world.teaching_days):
        raise Refused("place_refused")
    case.chosen_place = place
    case.due_at = now


def vote(world: World, name: str, student: str, choice: bool, now: dt.datetime) -> None:
    case = world.cases[name]
    ballot = case.ballot
    if ballot is None or student not in ballot.roll:
        raise Refused("not_on_roll")
    if ballot.result or now >= ballot.closes_at:
        raise Refused("closed")
    ballot.votes[student] = choice
    if ballot.is_decided():
        ballot.result = ballot.verdict()
        case.due_at = now


def take_back(world: World, name: str, professor: str, now: dt.datetime) -> None:
    """Who said yes cannot come after all: the case is open again, or goes on, without them."""
    case = world.cases[name]
    meeting = world.meetings[case.meeting]
    accepted = case.accepted()
    if accepted is None or accepted.professor != professor:
        raise Refused("not_substitute")
    if case.status not in ("open", "substituted"):
        raise Refused("not_substitute")
    if case.before.starts_at <= now:
        raise Refused("class_begun")
    if case.status == "substituted" and later_cases(world, case):
        raise Refused("meeting_has_case")
    accepted.status = "declined"
    case.said_no.add(professor)
    if case.is_open:
        put_on(world, case, case.step, "taken_back", now)
        return
    world.given.pop((case.name, professor), None)
    late = meeting.place.starts_at - now <= world.rules.notice
    if returns_to(world, case, meeting.status):
        meeting.professor = case.professor
    else:
        # Its professor teaches elsewhere by now: the class cannot stay at its time in their name.
        postpone(meeting)
        late = True
    put_on(world, case, 4 if late else case.step, "taken_back", now)


def put_on(world: World, case: Case, step: int, reason: str, now: dt.datetime) -> None:
    """The case is on this rung, to be entered at once."""
    stop(world, case, "open", reason)
    case.put_at.add(len(case.visits))
    case.step, case.due_at, case.chosen_place = step, now, None
    if step > 1:
        case.named = None


# The registrar: each act needs a reason, and the same checks hold.


def assign(world: World, name: str, professor: str, now: dt.datetime) -> None:
    case = world.cases[name]
    meeting = world.meetings[case.meeting]
    if not case.is_open:
        raise Refused("case_closed")
    if case.before.starts_at <= now:
        raise Refused("class_begun")
    if free.substitute_reason(world, case, professor):
        raise Refused("not_free")
    if meeting.status == "postponed" and not returns_to(world, case, meeting.status):
        raise Refused("cannot_restore")
    stop(world, case, "open", "sent_elsewhere")
    case.put_at.add(len(case.visits))
    enter(case, now)
    case.offers.append(
        Offer(professor, case.step, len(case.visits), 1, now, case.before.starts_at, "accepted")
    )
    meeting.status, meeting.place = "scheduled", case.before
    give(world, case, professor)


def move(world: World, name: str, place: Place, now: dt.datetime) -> None:
    case = world.cases[name]
    if not case.is_open:
        raise Refused("case_closed")
    day = world.clock.day(place.starts_at)
    if place.starts_at < now + world.rules.notice or day > world.term_ends:
        raise Refused("place_refused")
    if day in world.closures or free.place_reason(world, case, place):
        raise Refused("place_refused")
    stop(world, case, "open", "sent_elsewhere")
    settle_in(
        world, case, place, "weekend" if day.isoweekday() in world.weekend_days else "rescheduled"
    )


def drop_now(world: World, name: str, now: dt.datetime) -> None:
    case = world.cases[name]
    if not case.is_open:
        raise Refused("case_closed")
    stop(world, case, "open", "sent_elsewhere")
    drop(world, case, "sent_elsewhere")


def make_ready(world: World, case: Case, step: int, now: dt.datetime) -> None:
    """Steps 1–3 are about the old time: a meeting taken off it must get it back first."""
    meeting = world.meetings[case.meeting]
    if step > 3 or meeting.status == "scheduled":
        return
    if case.before.starts_at <= now or not returns_to(world, case, meeting.status):
        raise Refused("cannot_restore")
    meeting.place, meeting.status, meeting.professor = case.before, "scheduled", case.professor


def send_to(world: World, name: str, step: int, now: dt.datetime) -> None:
    case = world.cases[name]
    if not case.is_open:
        raise Refused("case_closed")
    make_ready(world, case, step, now)
    put_on(world, case, step, "sent_elsewhere", now)


def reopen(world: World, name: str, step: int, now: dt.datetime) -> None:
    """A settled case is open again; what had been arranged is off."""
    case = world.cases[name]
    meeting = world.meetings[case.meeting]
    if case.is_open:
        raise Refused("already_open")
    if world.absences[case.absence].withdrawn:
        raise Refused("absence_withdrawn")
    if later_cases(world, case) or any(c.meeting == case.meeting for c in world.open_cases()):
        raise Refused("meeting_has_case")
    begun = meeting.status == "scheduled" and meeting.place.starts_at <= now
    if begun and case.status != "withdrawn":
        raise Refused("class_begun")
    if step <= 3 and case.status != "withdrawn":
        was = meeting.status
        meeting.status = "postponed"
        if case.before.starts_at <= now or not returns_to(world, case, "postponed"):
            meeting.status = was
            raise Refused("cannot_restore")
    world.given = {k: hours for k, hours in world.given.items() if k[0] != case.name}
    world.owed.pop(case.name, None)
    if case.status != "withdrawn":
        postpone(meeting)
    make_ready(world, case, step, now)
    put_on(world, case, step, "sent_elsewhere", now)
    absence = world.absences[case.absence]
    if absence.cover.get(case.meeting) is False:
        absence.cover[case.meeting] = True
