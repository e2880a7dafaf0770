"""What a registrar may do to a case at any time: the same functions, the same checks, and a reason.

Every function wants a reason for the log and raises Refused, having changed nothing, if it is missing
or if the act is impossible.
"""

from __future__ import annotations

import datetime as dt

from django.db import IntegrityError, transaction

from fairness import ledger
from timetable import meetings, writes
from timetable.enums import MeetingStatus
from timetable.locking import lock_people_and_rooms
from timetable.models import Professor, Room

from . import audit, candidates, engine, slots
from .audit import Who
from .enums import CaseStatus, OfferStatus, StepNumber
from .models import Case, Offer, SlotChoice, StepRecord
from .notifications import announce
from .policy import notice, policy_of
from .reasons import Reason
from .refusals import Refused
from .slots import SlotOption
from .steps import weekend

EVERY_DAY = range(1, 8)


def assign(case: Case, *, professor: Professor, why: str, now: dt.datetime, who: Who) -> Case:
    """Have this professor teach the class at its old time. Raises Refused: case_closed, class_begun,
    not_free, cannot_restore."""
    _require_reason(why)
    with audit.writing(case.institute):
        case = _open(case)
        if case.before_starts_at <= now:
            raise Refused("class_begun")
        lock_people_and_rooms([professor.pk])
        obstacle = candidates.obstacle(case, professor, policy_of(case.institute))
        if obstacle is not None:
            raise Refused("not_free", name=professor.name, why=obstacle.sentence())
        engine.stop(case, Reason("sent_elsewhere", {"why": why}), now=now, who=who)
        record = StepRecord.objects.create(case=case, step=case.step, entered_at=now)
        Offer.objects.create(
            case=case,
            record=record,
            professor=professor,
            step=case.step,
            status=OfferStatus.ACCEPTED,
            sent_at=now,
            expires_at=case.before_starts_at,
            answered_at=now,
        )
        try:
            engine.substitute(case, professor, record, now=now, who=who, why=why)
        except meetings.Clash as clash:
            raise Refused("cannot_restore") from clash
        engine.finish(case)
    return case


def move(
    case: Case,
    *,
    starts_at: dt.datetime,
    room: Room | None,
    why: str,
    now: dt.datetime,
    who: Who,
) -> Case:
    """Hold the class then and there. Raises Refused: case_closed, place_refused."""
    _require_reason(why)
    with audit.writing(case.institute):
        case = _open(case)
        policy = policy_of(case.institute)
        obstacle = slots.obstacle(
            case,
            policy,
            starts_at=starts_at,
            room=room,
            days=EVERY_DAY,
            earliest=now + notice(policy),
            last_day=case.meeting.offering.term.ends_on,
        )
        if obstacle is not None:
            raise Refused("place_refused", why=obstacle.sentence())
        engine.stop(case, Reason("sent_elsewhere", {"why": why}), now=now, who=who)
        weekend = case.institute.local(starts_at).isoweekday() in case.institute.weekend_days
        ends_at = starts_at + (case.before_ends_at - case.before_starts_at)
        place = SlotOption(starts_at, ends_at, room, 1, 0, 0.0, ())
        status = CaseStatus.WEEKEND if weekend else CaseStatus.RESCHEDULED
        try:
            engine.move(case, (place,), status, None, now=now, who=who, why=why)
        except engine.Overtaken as overtaken:
            raise Refused("place_refused", why=Reason("slot_lost").sentence()) from overtaken
        engine.finish(case)
    return case


def drop(case: Case, *, why: str, now: dt.datetime, who: Who) -> Case:
    """Cancel the class; its hours are owed. Raises Refused: case_closed."""
    _require_reason(why)
    reason = Reason("sent_elsewhere", {"why": why})
    with audit.writing(case.institute):
        case = _open(case)
        engine.stop(case, reason, now=now, who=who)
        engine.drop(case, reason, now=now, who=who, why=why)
        engine.finish(case)
    return case


def send_to(case: Case, *, step: StepNumber, why: str, now: dt.datetime, who: Who) -> Case:
    """Put an open case on another rung. Raises Refused: case_closed, cannot_restore."""
    _require_reason(why)
    with audit.writing(case.institute):
        case = _open(case)
        _make_ready(case, step, now)
        reason = Reason("sent_elsewhere", {"why": why})
        engine.send_to(case, step, reason=reason, now=now, who=who, why=why)
    return case


def propose_weekend(case: Case, *, day: dt.date, why: str, now: dt.datetime, who: Who) -> Case:
    """Put the best time of this weekend day to the class's vote (step 5). Raises Refused:
    case_closed, place_refused."""
    _require_reason(why)
    with audit.writing(case.institute):
        case = _open(case)
        if day.isoweekday() not in case.institute.weekend_days:
            raise Refused("place_refused", why=Reason("no_teaching_day").sentence())
        found = weekend.places(case, policy_of(case.institute), now, day=day)
        if found is None or not found.options:
            code = "no_time" if found is None else "no_slot"
            raise Refused("place_refused", why=Reason(code).sentence())
        place = found.options[0]
        writes.insert(
            SlotChoice(
                case=case,
                step=StepNumber.WEEKEND,
                starts_at=place.starts_at,
                ends_at=place.ends_at,
                room=place.room,
                chosen_at=now,
            )
        )
        reason = Reason("sent_elsewhere", {"why": why})
        engine.send_to(case, StepNumber.WEEKEND, reason=reason, now=now, who=who, why=why)
    return case


def reopen(case: Case, *, step: StepNumber, why: str, now: dt.datetime, who: Who) -> Case:
    """Open a settled case again at a step; a class that was left out is part of the absence again.

    Raises Refused: already_open, absence_withdrawn, meeting_has_case, class_begun, cannot_restore.
    """
    _require_reason(why)
    with audit.writing(case.institute):
        case = engine.lock(case.pk)
        if case.is_open:
            raise Refused("already_open")
        if case.absence.withdrawn_at is not None:
            raise Refused("absence_withdrawn")
        others = Case.objects.open().filter(meeting=case.meeting_id)
        if others.exists() or engine.later_cases(case).exists():
            raise Refused("meeting_has_case")
        happened = case.meeting.status == MeetingStatus.SCHEDULED and case.meeting.starts_at <= now
        if happened and case.status != CaseStatus.WITHDRAWN:
            raise Refused("class_begun")
        if case.status == CaseStatus.SUBSTITUTED:
            engine.uncover(case, case.meeting.professor, now)
        if case.status == CaseStatus.DROPPED:
            ledger.settle_owed(case.uid, now)
        told = case.status != CaseStatus.WITHDRAWN
        if told:
            case.meeting = meetings.postpone(case.meeting_id)
        _make_ready(case, step, now)
        reason = Reason("sent_elsewhere", {"why": why})
        try:
            with transaction.atomic():
                engine.send_to(case, step, reason=reason, now=now, who=who, why=why)
        except IntegrityError as error:  # an absence has just opened another
            raise Refused("meeting_has_case") from error
        case.absence.exceptions.filter(meeting=case.meeting_id, cover=False).update(cover=True)
        if told and case.meeting.status == MeetingStatus.SCHEDULED:
            announce.open_again(case, now)
    return case


def _make_ready(case: Case, step: StepNumber, now: dt.datetime) -> None:
    """Steps 1–3 are about the old time, so a class that was taken off it must get it back first."""
    if step > StepNumber.SUBJECT or case.meeting.status == MeetingStatus.SCHEDULED:
        return
    if case.before_starts_at <= now or not engine.restore(case):
        raise Refused("cannot_restore")


def _require_reason(why: str) -> None:
    if not why.strip():
        raise Refused("reason_required")


def _open(case: Case) -> Case:
    case = engine.lock(case.pk)
    if not case.is_open:
        raise Refused("case_closed", status=case.get_status_display())
    return case
