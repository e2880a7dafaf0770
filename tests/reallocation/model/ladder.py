"""The five rungs: what one move does to a case.

Who ranks before whom, and which of the open places is the best, is asked of an oracle; who and
which may be chosen at all is decided here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Protocol

from . import budget, free, outlook
from .world import Ballot, Case, Hold, Meeting, Offer, Place, Visit, World, names

STEPS = (1, 2, 3, 4, 5)


class Oracle(Protocol):
    """Knows the order that the model leaves open."""

    def rank(self, case: Case, members: set[str]) -> list[str]: ...
    def best_place(self, case: Case, places: set[Place]) -> Place: ...


def advance(world: World, name: str, *, expected: int, now: dt.datetime, oracle: Oracle) -> bool:
    """One move of one case; False where there is nothing to do."""
    case = world.cases[name]
    if not case.is_open or case.turn != expected or case.due_at is None or case.due_at > now:
        return False
    case.turn += 1
    RUNGS[case.step](world, case, now, oracle)
    return True


# What ends a stay or keeps it going.


def wait(case: Case, waiting_for: str, due_at: dt.datetime, deadline: dt.datetime) -> None:
    case.waiting_for, case.due_at, case.deadline = waiting_for, due_at, deadline


def enter(case: Case, now: dt.datetime) -> Visit:
    visit = Visit(step=case.step, entered_at=now)
    case.visits.append(visit)
    return visit


def leave(case: Case, result: str, reason: str) -> None:
    visit = case.visit
    assert visit is not None
    visit.result, visit.reason = result, reason
    case.waiting_for, case.deadline, case.chosen_place = "", None, None


def climb(case: Case, result: str, reason: str, now: dt.datetime) -> None:
    """The rung did not help: the next one is due at once."""
    leave(case, result, reason)
    case.named = None
    case.step += 1
    case.due_at = now


def close(world: World, case: Case, status: str) -> None:
    if case.visit is not None:
        leave(case, "resolved", "")
    case.status, case.due_at, case.deadline, case.waiting_for = status, None, None, ""
    case.named = None
    world.release(case)


def end_offers(case: Case, status: str) -> None:
    for offer in case.waiting_offers():
        offer.status = status


def give(world: World, case: Case, professor: str) -> None:
    """The professor teaches the case's meeting."""
    meeting = world.meetings[case.meeting]
    meeting.professor = professor
    world.given[case.name, professor] = meeting.hours
    end_offers(case, "taken")
    close(world, case, "substituted")


def settle_in(world: World, case: Case, place: Place, status: str) -> None:
    """The case's meeting has a new place."""
    meeting = world.meetings[case.meeting]
    meeting.place, meeting.status, meeting.professor = place, "scheduled", case.professor
    close(world, case, status)


def drop(world: World, case: Case, reason: str) -> None:
    world.meetings[case.meeting].status = "dropped"
    world.owed[case.name] = (case.before.ends_at - case.before.starts_at) / dt.timedelta(hours=1)
    if case.visit is not None:
        leave(case, "gave_up", reason)
    close(world, case, "dropped")


def hold_candidate(world: World, case: Case, professor: str) -> None:
    meeting = world.meetings[case.meeting]
    world.holds.append(Hold(case.name, professor, None, *meeting.place[:2], klass=None))


def window_of(world: World, case: Case, stage: str, now: dt.datetime) -> budget.Window | None:
    idle: frozenset[str] = frozenset()
    if stage in budget.GROUPS[0]:
        deadline = outlook.people_until(world, case, now)
        pools = section_pool(world, case), subject_pool(world, case)
        idle = outlook.idle_stages(world, case, stage, now, deadline, *pools)
    else:
        last = world.checkpoint(case, now)
        if last is None:
            return None
        deadline = world.clock.midnight_after(last) - world.rules.notice
        if stage == "slot":
            deadline = outlook.pick_until(world, case, now, deadline)
    return budget.open_window(stage, now, deadline, world.rules, world.clock, idle)


# The rungs.


def direct(world: World, case: Case, now: dt.datetime, oracle: Oracle) -> None:
    if case.visit is None:
        enter(case, now)
        named = case.named
        if named is None:
            return climb(case, "skipped", "nobody_named", now)
        if reason := free.substitute_reason(world, case, named):
            return climb(case, "skipped", reason, now)
        window = window_of(world, case, "direct", now)
        if window is None:
            return climb(case, "skipped", "no_time", now)
        offer(case, named, 1, now, window.ends_at)
        return wait(case, "substitute", window.ends_at, window.ends_at)
    (asked,) = case.of_visit()
    if asked.status == "accepted":
        return give(world, case, asked.professor)
    if asked.status == "declined":
        return climb(case, "gave_up", "declined", now)
    if now >= asked.expires_at:
        asked.status = "expired"
        return climb(case, "gave_up", "no_answer", now)
    return wait(case, "substitute", asked.expires_at, asked.expires_at)


def section_pool(world: World, case: Case) -> set[str]:
    """Who may be asked as a colleague of the section, whether free or not."""
    sections = world.klass_of(case).sections
    colleagues = {p for k in world.classes.values() if k.sections & sections for p in k.professors}
    return colleagues - {case.professor}


def section(world: World, case: Case, now: dt.datetime, oracle: Oracle) -> None:
    visit = case.visit
    if visit is None:
        visit = enter(case, now)
        if not world.klass_of(case).sections:
            return climb(case, "skipped", "no_section", now)
        visit.pool = filtered(
            world, case, section_pool(world, case), oracle, asked=silent_or_asked(case)
        )
        if not visit.pool:
            return climb(case, "skipped", "nobody_free", now)
        visit.window = window_of(world, case, "section", now)
        if visit.window is None:
            return climb(case, "skipped", "no_time", now)
        visit.wave_count, visit.wave_size = budget.waves(
            len(visit.pool), world.rules.wave_size, visit.window, world.rules.floor
        )
    assert visit.window is not None
    if accepted := case.accepted():
        return give(world, case, accepted.professor)
    if now >= visit.window.ends_at:
        silent = case.waiting_offers()
        end_offers(case, "expired")
        return climb(case, "gave_up", "no_answer" if silent else "all_declined", now)
    while visit.waves_out < visit.wave_count and (
        next_wave_at(world, visit) <= now or not case.waiting_offers()
    ):
        send_wave(world, case, visit, now)
    if not case.waiting_offers():
        return climb(case, "gave_up", "all_declined", now)
    due_at = visit.window.ends_at
    if visit.waves_out < visit.wave_count:
        due_at = next_wave_at(world, visit)
    return wait(case, "colleagues", due_at, visit.window.ends_at)


def silent_or_asked(case: Case) -> set[str]:
    """Who had a request of this case and let it pass, or has it still.

    Whoever only learnt that somebody was faster, or that the request was off, may be asked anew.
    """
    return names([o for o in case.offers if o.status in {"sent", "expired"}])


def next_wave_at(world: World, visit: Visit) -> dt.datetime:
    assert visit.window is not None
    return visit.window.at_share(visit.waves_out, visit.wave_count, world.clock)


def send_wave(world: World, case: Case, visit: Visit, now: dt.datetime) -> None:
    assert visit.window is not None
    first = visit.waves_out * visit.wave_size
    visit.waves_out += 1
    for professor in visit.pool[first : first + visit.wave_size]:
        if reason := free.substitute_reason(world, case, professor):
            visit.left_out[professor] = reason
        else:
            offer(case, professor, visit.waves_out, now, visit.window.ends_at)


def subject_pool(world: World, case: Case) -> set[str]:
    """Who may be asked as somebody who knows the subject, whether free or not."""
    course = world.klass_of(case).course
    able = {p for k in world.classes.values() if k.course == course for p in k.professors}
    able |= {p.name for p in world.professors.values() if course in p.qualified}
    return able - {case.professor}


def subject(world: World, case: Case, now: dt.datetime, oracle: Oracle) -> None:
    visit = case.visit
    if visit is None:
        visit = enter(case, now)
        visit.pool = filtered(world, case, subject_pool(world, case), oracle)
        if not visit.pool:
            return climb(case, "skipped", "nobody_free", now)
        window = window_of(world, case, "choose", now)
        if window is None:
            return ask_candidate(world, case, visit, now)
        return wait(case, "candidate_choice", window.ends_at, window.ends_at)
    if case.waiting_for == "candidate_choice":
        assert case.deadline is not None
        if case.named is None and now < case.deadline:
            return wait(case, "candidate_choice", case.deadline, case.deadline)
        return ask_candidate(world, case, visit, now)
    if case.waiting_for == "candidate":
        return hear_candidate(world, case, visit, now)
    return count_candidate_votes(world, case, now)


def ask_candidate(world: World, case: Case, visit: Visit, now: dt.datetime) -> None:
    """The chosen one, or else the best ranked who is still free."""
    order = [case.named, *visit.pool] if case.named else list(visit.pool)
    case.named = None
    asked = names(case.of_visit())
    for professor in order:
        if professor in asked:
            continue
        if reason := free.substitute_reason(world, case, professor):
            visit.left_out.setdefault(professor, reason)
            continue
        window = window_of(world, case, "answer", now)
        if window is None:
            return climb(case, "gave_up", "no_time", now)
        offer(case, professor, 1, now, window.ends_at)
        return wait(case, "candidate", window.ends_at, window.ends_at)
    return climb(case, "gave_up", "nobody_left", now)


def hear_candidate(world: World, case: Case, visit: Visit, now: dt.datetime) -> None:
    asked = case.of_visit()[-1]
    if asked.status == "accepted":
        roll = world.klass_of(case).students
        if not roll:
            return give(world, case, asked.professor)
        window = window_of(world, case, "vote", now)
        if window is None:
            asked.status = "withdrawn"
            world.release(case)
            return climb(case, "gave_up", "no_time", now)
        case.ballot = Ballot("substitute", roll, window.ends_at, world.rules.quorum_percent)
        return wait(case, "class_vote", window.ends_at, window.ends_at)
    if asked.status == "sent" and now < asked.expires_at:
        return wait(case, "candidate", asked.expires_at, asked.expires_at)
    if asked.status == "sent":
        asked.status = "expired"
    return ask_candidate(world, case, visit, now)


def count_candidate_votes(world: World, case: Case, now: dt.datetime) -> None:
    ballot, accepted = case.ballot, case.accepted()
    assert ballot is not None
    assert accepted is not None
    if not ballot.result and now < ballot.closes_at:
        return wait(case, "class_vote", ballot.closes_at, ballot.closes_at)
    ballot.result = ballot.result or ballot.verdict()
    if ballot.result == "approved":
        return give(world, case, accepted.professor)
    accepted.status = "withdrawn"
    world.release(case)
    return climb(case, "gave_up", "class_said_no", now)


def postpone(meeting: Meeting) -> None:
    meeting.status = "postponed"


def reschedule(world: World, case: Case, now: dt.datetime, oracle: Oracle) -> None:
    entering = case.visit is None
    if entering:
        enter(case, now)
        postpone(world.meetings[case.meeting])
    chosen, case.chosen_place = case.chosen_place, None
    if not entering and chosen is None and case.deadline is not None and now < case.deadline:
        return wait(case, "slot_choice", case.deadline, case.deadline)
    if (
        chosen is not None
        and chosen.starts_at >= now + world.rules.notice
        and not free.place_reason(world, case, chosen)
    ):
        return settle_in(world, case, chosen, "rescheduled")
    if world.checkpoint(case, now) is None:
        return climb(case, "gave_up", "no_checkpoint", now)
    places = free.open_places(world, case, now, now + world.rules.notice, world.teaching_days)
    if not places:
        return climb(case, "gave_up", "no_slot", now)
    window = window_of(world, case, "slot", now) if entering else None
    if window is not None:
        return wait(case, "slot_choice", window.ends_at, window.ends_at)
    return settle_in(world, case, oracle.best_place(case, places), "rescheduled")


def weekend(world: World, case: Case, now: dt.datetime, oracle: Oracle) -> None:
    if case.visit is not None:
        return count_weekend_votes(world, case, now)
    enter(case, now)
    if not world.weekend_days:
        leave(case, "skipped", "no_weekend_days")
        return drop(world, case, "no_weekend_days")
    postpone(world.meetings[case.meeting])
    if world.checkpoint(case, now) is None:
        return drop(world, case, "no_checkpoint")
    window = window_of(world, case, "weekend", now)
    if window is None:
        return drop(world, case, "no_time")
    after = window.ends_at + world.rules.notice
    places = free.open_places(world, case, now, after, world.weekend_days)
    if not places:
        # A shorter vote, about the place that leaves it the most time.
        shortest = now + world.rules.floor + world.rules.notice
        places = free.open_places(world, case, now, shortest, world.weekend_days)
        places = {p for p in places if p.starts_at == max(q.starts_at for q in places)}
    if not places:
        return drop(world, case, "no_slot")
    klass = world.klass_of(case)
    if not klass.students:
        return drop(world, case, "no_roll")
    place = oracle.best_place(case, places)
    world.holds.append(Hold(case.name, case.professor, place.room, *place[:2], klass=klass.name))
    case.ballot_place = place
    closes_at = min(window.ends_at, place.starts_at - world.rules.notice)
    case.ballot = Ballot("weekend", klass.students, closes_at, world.rules.quorum_percent)
    return wait(case, "weekend_vote", closes_at, closes_at)


def count_weekend_votes(world: World, case: Case, now: dt.datetime) -> None:
    ballot, place = case.ballot, case.ballot_place
    assert ballot is not None
    assert place is not None
    if not ballot.result and now < ballot.closes_at:
        return wait(case, "weekend_vote", ballot.closes_at, ballot.closes_at)
    ballot.result = ballot.result or ballot.verdict()
    if ballot.result == "rejected":
        return drop(world, case, "class_said_no")
    if free.place_reason(world, case, place):
        return drop(world, case, "slot_lost")
    return settle_in(world, case, place, "weekend")


RUNGS: dict[int, Callable[[World, Case, dt.datetime, Oracle], None]] = {
    1: direct,
    2: section,
    3: subject,
    4: reschedule,
    5: weekend,
}


def offer(case: Case, professor: str, wave: int, now: dt.datetime, expires_at: dt.datetime) -> None:
    case.offers.append(Offer(professor, case.step, len(case.visits), wave, now, expires_at))


def filtered(
    world: World,
    case: Case,
    pool: set[str],
    oracle: Oracle,
    asked: frozenset[str] | set[str] = frozenset(),
) -> list[str]:
    """The pool in rank order, the others left out with their reasons."""
    visit = case.visit
    assert visit is not None
    visit.left_out = {
        p: reason for p in pool if (reason := free.substitute_reason(world, case, p, asked))
    }
    members = pool - set(visit.left_out)
    order = oracle.rank(case, members) if members else []
    assert set(order) == members, f"ranked {order}, but the pool is {sorted(members)}"
    return order
