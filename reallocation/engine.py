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
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, QuerySet, UUIDField
from django_q.tasks import async_task

from fairness import ledger
from timetable import meetings, writes
from timetable.enums import MeetingStatus
from timetable.locking import lock_people_and_rooms
from timetable.models import Absence, Meeting, Professor
from timetable.prepared import Many, PreparedQuery, PreparedRows
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

_CASES = PreparedRows[Case](
    lambda cases: Case.objects.for_moving().filter(pk__among=cases).order_by(), cases=Many()
)
# One is not read as the only one of many: PostgreSQL takes every list for one of ten.
_CASE = PreparedRows[Case](
    lambda case: Case.objects.for_moving().filter(pk=case).order_by(), case=BigIntegerField()
)
_LOCKED = PreparedRows[Case](
    lambda case: Case.objects.select_for_update(no_key=True).filter(pk=case).order_by(),
    case=BigIntegerField(),
)
_MEETING = PreparedRows[Meeting](
    lambda meeting: Meeting.objects.filter(pk=meeting).order_by(), meeting=BigIntegerField()
)
_ALL_RUNNING = PreparedRows[StepRecord](
    lambda cases: StepRecord.objects.filter(case__among=cases, left_at=None).order_by(),
    cases=Many(),
)


class Overtaken(Exception):
    """What was prepared no longer holds: everything it offered has been taken since."""


def step_of(case: Case) -> Step[Any]:
    return LADDER[case.step - 1]


def lock(case_id: int) -> Case:
    """The case as it stands now, held until the transaction ends."""
    # First the lock, then the reading: what is joined to a locked row is as old as the wait was long.
    _LOCKED(case=case_id)
    return _joined(_CASE.one(case=case_id))


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
    case = _LOCKED.one(case=seen.pk)
    case.institute, case.professor = seen.institute, seen.professor
    if case.named_id == seen.named_id:
        case.named = seen.named
    case.meeting = _MEETING.one(meeting=case.meeting_id)
    case.meeting.offering = seen.meeting.offering
    return _joined(case)


def nudge(case: Case) -> None:
    """Have the case advanced as soon as this transaction commits."""
    case_id, turn = case.pk, case.turn
    transaction.on_commit(lambda: async_task("reallocation.tasks.advance_case", case_id, turn))


def wake(case: Case, now: dt.datetime) -> None:
    """Somebody answered: look at the case at once."""
    case.due_at = now
    writes.update(case, "due_at")
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
    case = Case(
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
    writes.insert(case)
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
    moved = visit and _attempt(visit, now, moves=1)
    if moved and _is_due(moved.case, now):
        nudge(moved.case)
    return bool(moved)


def climb(case_id: int, *, expected: int, now: dt.datetime) -> bool:
    """Make one move after the other from the turn `expected` on, until the case waits.

    True if it moved at all. The moves are those that `advance` makes. Only what no move changes is not
    read again for the next one, and steps that are passed over share the transaction of what follows.
    """
    return climb_from(_look(case_id, expected, now), now)


def climb_from(visit: Visit | None, now: dt.datetime) -> bool:
    """As `climb`, from a look at the case that was taken before; None is a case not to be moved."""
    moved = False
    for _rung in range(RUNGS):
        done = visit and _attempt(visit, now, moves=RUNGS)
        if not visit or not done:
            break
        moved = True
        if not _is_due(done.case, now):
            break
        visit = _next(visit, done)
    return moved


def look_at(turns: Mapping[int, int], now: dt.datetime) -> dict[int, Visit]:
    """What `climb_from` wants of many cases at once, by id: of those still due at the turn given."""
    cases = {case.pk: _joined(case) for case in _CASES(cases=turns)}
    running = {record.case_id: record for record in _ALL_RUNNING(cases=turns)}
    return {
        pk: Visit(case, policy_of(case.institute), _visited(running.get(pk), case, now), now)
        for pk, case in cases.items()
        if case.turn == turns[pk] and _is_due(case, now)
    }


def _look(case_id: int, expected: int, now: dt.datetime) -> Visit | None:
    """The case as it stands, with what every move looks at; None if it is not its turn."""
    return look_at({case_id: expected}, now).get(case_id)


def _next(before: Visit, done: Visit) -> Visit:
    """What the move after this one looks at: what it left, and what no move changes."""
    case, record = done.case, done.record
    case.meeting.offering = before.case.meeting.offering
    if record.left_at is not None:
        record = StepRecord(case=case, step=case.step, entered_at=done.now)
    return Visit(_joined(case), done.policy, record, done.now)


def _attempt(visit: Visit, now: dt.datetime, *, moves: int) -> Visit | None:
    """Move the case, prepared anew where all its places were taken meanwhile; None if it did not move."""
    case_id, expected = visit.case.pk, visit.case.turn
    again: Visit | None = visit
    for _time in range(ATTEMPTS):
        if again is None:
            return None
        try:
            return _advance(again, now, moves=moves)
        except Overtaken:
            again = _look(case_id, expected, now)
    return None


def _is_due(case: Case, now: dt.datetime) -> bool:
    return case.is_open and case.due_at is not None and case.due_at <= now


def _advance(reading: Visit, now: dt.datetime, *, moves: int) -> Visit | None:
    """So many moves at most in one transaction: what was acted on last, or None if somebody was before.

    More than one only where steps are passed over, for which nothing has to be read.
    """
    seen, policy, turn = reading.case, reading.policy, reading.case.turn
    passed: list[tuple[StepRecord, Reason]] = []
    while skipped := reading.entering and step_of(seen).applicable(reading):
        passed.append((reading.record, skipped))
        if len(passed) == moves or seen.step == StepNumber.WEEKEND:
            break
        seen.step, seen.named = seen.step + 1, None
        reading = Visit(seen, policy, _visited(None, seen, now), now)
    prepared = None if skipped else step_of(seen).prepare(reading)
    with audit.writing(seen.institute):
        case = _lock_seen(seen)
        if not _is_due(case, now) or case.turn != turn:
            return None
        case.failures = 0
        for record, reason in passed:
            visit = Visit(case, policy, record, now)
            _move(visit, Skip(reason))
        if not skipped:
            # A record changes only with a turn, so what was read before the lock still holds.
            visit = Visit(case, policy, reading.record, now)
            visit.record.case = case
            if visit.record.pk is None:
                _keep(visit.record)
            _move(visit, step_of(case).act(visit, prepared))
        _save(case)
    return visit


def _move(visit: Visit, outcome: Outcome) -> None:
    visit.record.case = visit.case
    visit.case.turn += 1
    _carry_out(visit, outcome)


def _visited(running: StepRecord | None, case: Case, now: dt.datetime) -> StepRecord:
    """The visit that runs, or a new one for a step that is being entered."""
    if running is None:
        return StepRecord(case=case, step=case.step, entered_at=now)
    running.case = case
    return running


def _running(case: Case) -> StepRecord | None:
    record = _ALL_RUNNING.first(cases=[case.pk])
    if record is not None:
        record.case = case
    return record


def _carry_out(visit: Visit, outcome: Outcome) -> None:
    case, now = visit.case, visit.now
    match outcome:
        case Wait():
            case.waiting_for = outcome.waiting_for
            case.deadline, case.due_at = outcome.deadline, outcome.due_at
            _keep(visit.record)
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
    _keep(record)
    audit.record(
        f"step.{result}",
        institute=record.case.institute,
        case=record.case,
        at=now,
        who=who,
        data={"step": int(record.step), "reason": record.reason},
    )


def _keep(record: StepRecord) -> None:
    if record.pk is None:
        writes.insert(record)
    else:
        writes.update(record, "left_at", "result", "reason", "considered")


def _save(case: Case) -> None:
    writes.update(
        case,
        *("status", "step", "waiting_for", "turn", "due_at", "deadline"),
        *("named", "closed_at", "failures"),
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


_OPEN_BALLOTS = PreparedQuery(
    lambda case: Ballot.objects.open().filter(subject_uid=case).order_by("pk").values_list("pk"),
    case=UUIDField(),
)


def stop(case: Case, reason: Reason, *, now: dt.datetime, who: Who = SYSTEM) -> None:
    """End whatever the running step has under way: offers, ballot, holds. The case stays on its rung."""
    standing = offers.waiting(case)
    accepted = offers.accepted(case)
    if accepted is not None:
        standing.append(accepted)
    offers.end(case, standing, OfferStatus.WITHDRAWN, now)
    meetings.release(case.uid)
    running = _running(case)
    if running is not None:
        _leave(running, StepResult.STOPPED, reason, now, who)
    for (ballot,) in _OPEN_BALLOTS(case=case.uid):
        ballots.cancel(ballot, now)
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
