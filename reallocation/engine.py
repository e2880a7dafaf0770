"""The only code that moves a case.

The database row is the truth and the queue only a nudge. `advance` makes one move: it locks the case,
stops if the case is closed, not due or no longer where the caller expected it, lets the step act, and
writes state, step and due time with the log entry. A nudge that is lost, doubled or late changes
nothing, because a sweep advances whatever is due.

The other functions are the remaining ways in which a case changes: opened, resolved, stopped, reopened.
All but `advance` run inside the caller's `audit.writing` block, on a case locked with `lock`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django_q.tasks import async_task

from fairness import ledger
from timetable import meetings
from timetable.enums import MeetingStatus
from timetable.locking import lock_people_and_rooms
from timetable.models import Absence, Meeting, Professor
from voting import ballots
from voting.models import Ballot

from . import audit, offers
from .audit import SYSTEM, Who
from .enums import CaseStatus, OfferStatus, StepNumber, StepResult
from .models import Case, StepRecord
from .notifications import announce
from .policy import checkpoint_of, policy_of
from .reasons import Reason
from .slots import SlotOption
from .steps import LADDER
from .steps.base import GiveUp, Move, Outcome, Resolved, Skip, Step, Substitution, Visit, Wait

ATTEMPTS = 3
"""How often a move is prepared anew when all its places were taken in the meantime."""


RUNGS = 12
"""More moves than a case can make at one moment."""


class Overtaken(Exception):
    """What was prepared no longer holds: everything it offered has been taken since."""


def step_of(case: Case) -> Step[Any]:
    return LADDER[case.step - 1]


def lock(case_id: int) -> Case:
    """The case as it stands now, held until the transaction ends."""
    # First the lock, then the reading: what is joined to a locked row is as old as the wait was long.
    list(Case.objects.select_for_update(no_key=True).filter(pk=case_id).values_list("pk"))
    return _joined(Case.objects.for_moving().get(pk=case_id))


def lock_cases_of(absence: Absence) -> None:
    """Hold the cases of the absence, and what came after them for the same meetings."""
    meetings_touched = absence.cases.values("meeting")
    rows = Case.objects.select_for_update(no_key=True).filter(meeting__in=meetings_touched)
    list(rows.order_by("pk").values_list("pk", flat=True))


def _joined(case: Case) -> Case:
    """All that the case refers to shares its institute, which then is read but once."""
    institute, meeting = case.institute, case.meeting
    meeting.institute = case.professor.institute = institute
    meeting.offering.term.institute = institute
    return case


def _lock_seen(seen: Case) -> Case:
    """As `lock`, for a case read a moment ago: what moves no case is not read again."""
    case: Case = Case.objects.select_for_update(no_key=True).get(pk=seen.pk)
    case.institute, case.professor = seen.institute, seen.professor
    if case.named_id == seen.named_id:
        case.named = seen.named
    case.meeting = Meeting.objects.get(pk=case.meeting_id)
    case.meeting.offering = seen.meeting.offering
    return _joined(case)


def nudge(case: Case) -> None:
    """Have the case advanced as soon as this transaction commits."""
    case_id, turn = case.pk, case.turn
    transaction.on_commit(lambda: async_task("reallocation.tasks.advance_case", case_id, turn))


def wake(case: Case, now: dt.datetime) -> None:
    """Somebody answered: look at the case at once."""
    case.due_at = now
    case.save(update_fields=["due_at"])
    nudge(case)


def open_case(
    absence: Absence,
    meeting: Meeting,
    *,
    now: dt.datetime,
    named: Professor | None = None,
    who: Who = SYSTEM,
) -> Case:
    """Open the case of one affected meeting. A meeting that has begun starts at step 4."""
    begun = meeting.starts_at <= now
    case = Case.objects.create(
        institute=absence.institute,
        absence=absence,
        meeting=meeting,
        professor=absence.professor,
        before_starts_at=meeting.starts_at,
        before_ends_at=meeting.ends_at,
        before_room=meeting.room,
        step=StepNumber.RESCHEDULE if begun else StepNumber.DIRECT,
        due_at=now,
        named=named,
        opened_at=now,
    )
    audit.record(
        "case.opened",
        institute=case.institute,
        case=case,
        at=now,
        who=who,
        data={
            "class": meeting.offering.code,
            "starts_at": meeting.starts_at.isoformat(),
            "professor": case.professor.code,
            "name": case.professor.name,
            "named": named.code if named else None,
        },
    )
    if begun:
        for number in (StepNumber.DIRECT, StepNumber.SECTION, StepNumber.SUBJECT):
            _skip(StepRecord(case=case, step=number, entered_at=now), Reason("already_begun"), now)
    nudge(case)
    return case


def advance(case_id: int, *, expected: int, now: dt.datetime) -> bool:
    """Make one move of the case, if it is open, due, and still at its turn `expected`.

    True if it moved. One move is one of: a step skipped, a step waiting (again), a step given up, the
    case resolved. If more is to be done at once, it is nudged.
    """
    visit = _look(case_id, expected, now)
    moved = visit and _attempt(visit, now)
    if moved and _is_due(moved.case, now):
        nudge(moved.case)
    return bool(moved)


def climb(case_id: int, *, expected: int, now: dt.datetime) -> bool:
    """Make one move after the other from the turn `expected` on, until the case waits.

    True if it moved at all. Each move is a transaction of its own, as with `advance`; only what no move
    changes is not read again for the next one.
    """
    visit = _look(case_id, expected, now)
    moved = False
    for _rung in range(RUNGS):
        done = visit and _attempt(visit, now)
        if not visit or not done:
            break
        moved = True
        if not _is_due(done.case, now):
            break
        visit = _next(visit, done)
    return moved


def _look(case_id: int, expected: int, now: dt.datetime) -> Visit | None:
    """The case as it stands, with what every move looks at; None if it is not its turn."""
    # Without all that it refers to, because most nudges find that the case has moved on.
    if not Case.objects.due(now).filter(pk=case_id, turn=expected).exists():
        return None
    seen = _joined(Case.objects.for_moving().get(pk=case_id))
    if seen.turn != expected:
        return None
    return Visit(seen, policy_of(seen.institute), _record(seen, now), now)


def _next(before: Visit, done: Visit) -> Visit:
    """What the move after this one looks at: what it left, and what no move changes."""
    case, record = done.case, done.record
    case.meeting.offering = before.case.meeting.offering
    if record.left_at is not None:
        record = StepRecord(case=case, step=case.step, entered_at=done.now)
    return Visit(_joined(case), done.policy, record, done.now)


def _attempt(visit: Visit, now: dt.datetime) -> Visit | None:
    """Move the case, prepared anew where all its places were taken meanwhile; None if it did not move."""
    expected = visit.case.turn
    again: Visit | None = visit
    for _time in range(ATTEMPTS):
        if again is None:
            return None
        try:
            return _advance(again, now)
        except Overtaken:
            again = _look(visit.case.pk, expected, now)
    return None


def _is_due(case: Case, now: dt.datetime) -> bool:
    return case.is_open and case.due_at is not None and case.due_at <= now


def _advance(reading: Visit, now: dt.datetime) -> Visit | None:
    """One move in one transaction: what was acted on, or None if somebody was there before."""
    seen, policy = reading.case, reading.policy
    step = step_of(seen)
    skipped = step.applicable(reading) if reading.entering else None
    prepared = None if skipped else step.prepare(reading)
    with audit.writing(seen.institute):
        case = _lock_seen(seen)
        if not _is_due(case, now) or case.turn != seen.turn:
            return None
        # A record changes only with a turn, so what was read before the lock still holds.
        record = reading.record
        record.case = case
        visit = Visit(case, policy, record, now)
        if visit.record.pk is None:
            visit.record.save()
        outcome = Skip(skipped) if skipped else step.act(visit, prepared)
        case.turn += 1
        case.failures = 0
        _carry_out(visit, outcome)
        _save(case)
    return visit


def _record(case: Case, now: dt.datetime) -> StepRecord:
    """The visit that runs, or a new one for a step that is being entered."""
    return _running(case) or StepRecord(case=case, step=case.step, entered_at=now)


def _running(case: Case) -> StepRecord | None:
    record = StepRecord.objects.filter(case=case, left_at=None).first()
    if record is not None:
        record.case = case
    return record


def _carry_out(visit: Visit, outcome: Outcome) -> None:
    case, now = visit.case, visit.now
    match outcome:
        case Wait():
            case.waiting_for = outcome.waiting_for
            case.deadline, case.due_at = outcome.deadline, outcome.due_at
            visit.record.save()
        case Resolved(change=Substitution(professor=professor)):
            substitute(case, professor, visit.record, now=now)
        case Resolved(change=Move(options=options, status=status)):
            move(case, options, status, visit.record, now=now)
        case GiveUp(reason=reason):
            _leave(visit.record, StepResult.GAVE_UP, reason, now)
            _climb(case, reason, now)
        case Skip(reason=reason):
            _skip(visit.record, reason, now)
            _climb(case, reason, now)


def _climb(case: Case, reason: Reason, now: dt.datetime) -> None:
    """On to the next rung; from the last one, the class is dropped."""
    if case.step == StepNumber.WEEKEND:
        drop(case, reason, now=now)
        return
    case.step += 1
    case.waiting_for, case.deadline, case.due_at, case.named = "", None, now, None


def _skip(record: StepRecord, reason: Reason, now: dt.datetime) -> None:
    _leave(record, StepResult.SKIPPED, reason, now)


def _leave(
    record: StepRecord,
    result: StepResult,
    reason: Reason,
    now: dt.datetime,
    who: Who = SYSTEM,
) -> None:
    record.left_at, record.result, record.reason = now, result, reason.as_json()
    record.save()
    audit.record(
        f"step.{result}",
        institute=record.case.institute,
        case=record.case,
        at=now,
        who=who,
        data={"step": int(record.step), "reason": record.reason},
    )


def _save(case: Case) -> None:
    case.save(
        update_fields=[
            "status",
            "step",
            "waiting_for",
            "turn",
            "due_at",
            "deadline",
            "named",
            "closed_at",
            "failures",
        ]
    )


# --- how a case is settled -----------------------------------------------------------------------


def substitute(
    case: Case,
    professor: Professor,
    record: StepRecord | None,
    *,
    now: dt.datetime,
    who: Who = SYSTEM,
    why: str = "",
) -> None:
    """This professor teaches the meeting at its time. Raises `meetings.Clash` if that is impossible."""
    case.meeting = meetings.book(
        case.meeting_id,
        professor=professor,
        starts_at=case.before_starts_at,
        ends_at=case.before_ends_at,
        room=case.before_room,
        case_uid=case.uid,
    )
    ledger.covered(
        substitute=professor,
        absent=case.professor,
        meeting=case.meeting,
        case_uid=case.uid,
        hours=offers.hours_of(case),
        now=now,
    )
    reason = Reason("substituted", {"name": professor.name})
    data = {"professor": professor.code, "name": professor.name}
    _close(case, CaseStatus.SUBSTITUTED, record, reason, now, who, why, data)
    announce.meeting_substituted(case, professor, now)


def move(
    case: Case,
    options: tuple[SlotOption, ...],
    status: CaseStatus,
    record: StepRecord | None,
    *,
    now: dt.datetime,
    who: Who = SYSTEM,
    why: str = "",
) -> None:
    """Hold the meeting at the first of these places that is still free. Raises Overtaken if none is."""
    people = {case.professor_id, *meetings.co_teacher_ids(case.meeting)}
    # All rooms at once and in order, though only one will be used: see `timetable.locking`.
    lock_people_and_rooms(people, {option.room.pk for option in options if option.room})
    for option in options:
        try:
            with transaction.atomic():
                case.meeting = meetings.book(
                    case.meeting_id,
                    professor=case.professor,
                    starts_at=option.starts_at,
                    ends_at=option.ends_at,
                    room=option.room,
                    case_uid=case.uid,
                )
        except meetings.Clash:
            continue
        break
    else:
        raise Overtaken
    institute = case.institute
    reason = Reason("moved", {"when": f"{institute.local(option.starts_at):%Y-%m-%d %H:%M}"})
    data = {
        "from": case.before_starts_at.isoformat(),
        "to": option.starts_at.isoformat(),
        "room": option.room.code if option.room else None,
    }
    _close(case, status, record, reason, now, who, why, data)
    announce.meeting_moved(case, now)


def drop(case: Case, reason: Reason, *, now: dt.datetime, who: Who = SYSTEM, why: str = "") -> None:
    """The class does not happen; its hours are owed before the checkpoint."""
    case.meeting = meetings.drop(case.meeting_id)
    hours = offers.hours_of(case)
    ledger.owe(
        meeting=case.meeting,
        case_uid=case.uid,
        hours=hours,
        due_on=checkpoint_of(case, now),
        now=now,
    )
    data = {"hours": hours, "reason": reason.as_json()}
    _close(case, CaseStatus.DROPPED, None, reason, now, who, why, data)
    announce.meeting_dropped(case, now)


def _close(
    case: Case,
    status: CaseStatus,
    record: StepRecord | None,
    reason: Reason,
    now: dt.datetime,
    who: Who,
    why: str,
    data: dict[str, Any],
) -> None:
    if record is not None and record.left_at is None:
        _leave(record, StepResult.RESOLVED, reason, now, who)
    meetings.release(case.uid)
    case.status, case.closed_at = status, now
    case.waiting_for, case.deadline, case.due_at, case.named = "", None, None, None
    audit.record(
        f"case.{status}",
        institute=case.institute,
        case=case,
        at=now,
        who=who,
        reason=why,
        data={**data, "step": int(case.step)},
    )


# --- what comes from outside ---------------------------------------------------------------------


def stop(case: Case, reason: Reason, *, now: dt.datetime, who: Who = SYSTEM) -> None:
    """End whatever the running step has under way: offers, ballot, holds. The case stays on its rung."""
    standing = [*offers.waiting(case)]
    accepted = offers.accepted(case)
    if accepted is not None:
        standing.append(accepted)
    offers.end(case, standing, OfferStatus.WITHDRAWN, now)
    meetings.release(case.uid)
    running = _running(case)
    if running is not None:
        _leave(running, StepResult.STOPPED, reason, now, who)
    for ballot in Ballot.objects.open().filter(subject_uid=case.uid):
        ballots.cancel(ballot.pk, now)
    case.waiting_for, case.deadline = "", None


def restore(case: Case) -> bool:
    """Give the meeting back its place and professor from before the case; False if that is gone."""
    try:
        with transaction.atomic():
            case.meeting = meetings.book(
                case.meeting_id,
                professor=case.professor,
                starts_at=case.before_starts_at,
                ends_at=case.before_ends_at,
                room=case.before_room,
                case_uid=case.uid,
            )
    except meetings.Clash:
        return False
    return True


def withdraw(case: Case, *, now: dt.datetime, who: Who = SYSTEM) -> bool:
    """The professor teaches after all. False, and nothing changed, where it is too late for that.

    An open case is withdrawn unless its meeting was postponed and its old place is gone. A substituted
    meeting that has not begun goes back to its professor. What has been moved or dropped stays so.
    """
    begun = case.before_starts_at <= now
    if case.is_open:
        postponed = case.meeting.status == MeetingStatus.POSTPONED
        if postponed and (begun or not restore(case)):
            return False
        stop(case, Reason("withdrawn"), now=now, who=who)
        case.turn += 1
        _close(case, CaseStatus.WITHDRAWN, None, Reason("withdrawn"), now, who, "", {})
        _save(case)
        if postponed:
            announce.meeting_restored(case, now)
        return True
    if case.status == CaseStatus.SUBSTITUTED and not begun:
        return _hand_back(case, now, who)
    return False


def later_cases(case: Case) -> QuerySet[Case]:
    """Cases of the same meeting opened since, because its substitute was away in turn."""
    return Case.objects.filter(meeting=case.meeting_id, pk__gt=case.pk).exclude(
        status=CaseStatus.WITHDRAWN
    )


def _hand_back(case: Case, now: dt.datetime, who: Who) -> bool:
    """A substituted meeting returns to its professor; what its substitute's absence led to is moot."""
    later = [lock(pk) for pk in later_cases(case).order_by("pk").values_list("pk", flat=True)]
    standing = (CaseStatus.OPEN, CaseStatus.SUBSTITUTED)
    if any(other.status not in standing for other in later) or not restore(case):
        return False
    for over in (*reversed(later), case):
        accepted = offers.accepted(over) if over.status == CaseStatus.SUBSTITUTED else None
        stop(over, Reason("withdrawn"), now=now, who=who)
        data: dict[str, Any] = {}
        if accepted is not None:
            uncover(over, accepted.professor, now)
            data = {"released": accepted.professor.code, "name": accepted.professor.name}
        _close(over, CaseStatus.WITHDRAWN, None, Reason("withdrawn"), now, who, "", data)
        finish(over)
    announce.meeting_restored(case, now)
    return True


def uncover(case: Case, released: Professor, now: dt.datetime) -> None:
    """Take the cover out of the ledger again."""
    ledger.uncovered(
        substitute=released,
        absent=case.professor,
        meeting=case.meeting,
        case_uid=case.uid,
        hours=offers.hours_of(case),
        now=now,
    )


def send_to(
    case: Case,
    step: StepNumber,
    *,
    reason: Reason,
    now: dt.datetime,
    who: Who = SYSTEM,
    why: str = "",
) -> None:
    """Put the case on this rung, to be entered at once: an open case elsewhere, a closed one again."""
    was = case.status
    stop(case, reason, now=now, who=who)
    case.status, case.closed_at = CaseStatus.OPEN, None
    case.step, case.due_at = step, now
    if step != StepNumber.DIRECT:
        case.named = None
    case.turn += 1
    _save(case)
    audit.record(
        "case.sent_to" if was == CaseStatus.OPEN else "case.reopened",
        institute=case.institute,
        case=case,
        at=now,
        who=who,
        reason=why,
        data={"step": int(step), "was": was, "reason": reason.as_json()},
    )
    nudge(case)


def finish(case: Case) -> None:
    """Store a case that was settled from outside an `advance`."""
    case.turn += 1
    _save(case)
