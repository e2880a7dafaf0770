"""What people do about a case: name, choose, accept, decline, take back.

An answer is a row and a nudge; the engine makes the move. Each function locks the case first, checks
everything again, and raises Refused, having changed nothing, if it cannot be.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from fairness import ledger
from timetable import meetings, writes
from timetable.locking import lock_people_and_rooms
from timetable.models import Professor, Room, User

from . import audit, candidates, engine, offers, slots, ties
from .audit import SYSTEM, Who
from .enums import CaseStatus, OfferStatus, StepNumber, WaitingFor
from .models import Case, Offer, SlotChoice
from .notifications import announce
from .policy import checkpoint_of, notice, policy_of
from .reasons import Reason
from .refusals import Refused


def accept(offer: Offer, *, by: Professor, now: dt.datetime, who: Who = SYSTEM) -> Offer:
    """Take the meeting. The first to accept gets it; everyone else learns at once that it is taken.

    Raises Refused: not_your_offer, offer_taken, offer_expired, offer_withdrawn, offer_answered,
    class_begun, not_free.
    """
    with audit.writing(offer.case.institute):
        case = engine.lock(offer.case_id)
        standing = offers.of_case(case)
        offer = _answerable(offer, standing, by, now)
        if case.before_starts_at <= now:
            raise Refused("class_begun")
        lock_people_and_rooms([by.pk])
        why = candidates.obstacle(case, by, policy_of(case.institute))
        if why is not None:
            raise Refused("not_free", name=by.name, why=why.sentence())
        _answer(offer, OfferStatus.ACCEPTED, now, "")
        _log_answer("offer.accepted", case, by, now, who)
        waiting = [one for one in standing if one.status == OfferStatus.SENT]
        offers.end(case, waiting, OfferStatus.TAKEN, now)
        meetings.hold(case.meeting, case_uid=case.uid, professor=by)
        ledger.accepted(
            by, meeting=case.meeting, case_uid=case.uid, hours=offers.hours_of(case), now=now
        )
        engine.wake(case, now)
    return offer


def decline(
    offer: Offer,
    *,
    by: Professor,
    now: dt.datetime,
    comment: str = "",
    whole_week: bool = False,
    who: Who = SYSTEM,
) -> Offer:
    """Say no, with a reason if one likes; with `whole_week` to anything else in the week of the class
    as well: of what has been sent already, each can still be answered. Raises Refused as `accept` does.
    """
    with audit.writing(offer.case.institute):
        case = engine.lock(offer.case_id)
        offer = _answerable(offer, offers.of_case(case), by, now)
        if whole_week:
            offer.spared_week = ties.week_of(case)
        _answer(offer, OfferStatus.DECLINED, now, comment)
        ledger.declined(
            by, meeting=case.meeting, case_uid=case.uid, hours=offers.hours_of(case), now=now
        )
        _log_answer("offer.declined", case, by, now, who)
        engine.wake(case, now)
    return offer


def take_back(
    case: Case, *, by: Professor, now: dt.datetime, comment: str = "", who: Who = SYSTEM
) -> Case:
    """Who said yes can no longer come: the case goes on where it stands, without them.

    A class that they were to teach is open again, and everyone concerned is told; a promise that the
    class still votes on, or that nobody has acted on, is just gone, and the vote with it.

    Raises Refused: not_substitute, class_begun, meeting_has_case.
    """
    with audit.writing(case.institute):
        case = engine.lock(case.pk)
        offer = offers.accepted(case)
        booked = case.status == CaseStatus.SUBSTITUTED
        if offer is None or offer.professor != by or not (booked or case.is_open):
            raise Refused("not_substitute")
        if case.before_starts_at <= now:
            raise Refused("class_begun")
        if booked and case.meeting.professor_id != by.pk:
            raise Refused("not_substitute")
        if booked and engine.later_cases(case).exists():
            raise Refused("meeting_has_case")
        _answer(offer, OfferStatus.DECLINED, now, comment)
        ledger.declined(
            by, meeting=case.meeting, case_uid=case.uid, hours=offers.hours_of(case), now=now
        )
        _log_answer("offer.taken_back", case, by, now, who)
        reason = Reason("taken_back", {"name": by.name})
        if booked:
            _give_back(case, by, reason, now, who)
        else:
            engine.send_to(case, StepNumber(case.step), reason=reason, now=now, who=who)
    return case


def name_substitute(
    case: Case, *, substitute: Professor, now: dt.datetime, who: Who = SYSTEM
) -> Case:
    """Ask this person first: step 1, now. Raises Refused: case_closed, not_waiting, not_free."""
    with audit.writing(case.institute):
        case = _open(case)
        # Who has said yes is not sent away for somebody who has not been asked yet.
        if case.step > StepNumber.SUBJECT or offers.accepted(case) is not None:
            raise Refused("not_waiting")
        why = candidates.obstacle(case, substitute, policy_of(case.institute))
        if why is not None:
            raise Refused("not_free", name=substitute.name, why=why.sentence())
        reason = Reason("named_later", {"name": substitute.name})
        case.named = substitute
        engine.send_to(case, StepNumber.DIRECT, reason=reason, now=now, who=who)
    return case


def choose_candidate(
    case: Case, *, candidate: Professor, now: dt.datetime, who: Who = SYSTEM
) -> Case:
    """The absent professor picks whom to ask. Raises Refused: case_closed, not_waiting, not_in_pool,
    not_free."""
    with audit.writing(case.institute):
        case = _open(case)
        _require(case, WaitingFor.CANDIDATE_CHOICE, now)
        record = case.records.get(left_at=None)
        if candidate.code not in record.considered["order"]:
            raise Refused("not_in_pool", name=candidate.name)
        why = candidates.obstacle(case, candidate, policy_of(case.institute))
        if why is not None:
            raise Refused("not_free", name=candidate.name, why=why.sentence())
        case.named = candidate
        case.save(update_fields=["named"])
        _log_choice(
            "choice.candidate", case, now, who, professor=candidate.code, name=candidate.name
        )
        engine.wake(case, now)
    return case


def choose_slot(
    case: Case,
    *,
    starts_at: dt.datetime,
    room: Room | None,
    now: dt.datetime,
    user: User | None = None,
    who: Who = SYSTEM,
) -> Case:
    """The absent professor picks a new time. Raises Refused: case_closed, not_waiting, place_refused."""
    with audit.writing(case.institute):
        case = _open(case)
        _require(case, WaitingFor.SLOT_CHOICE, now)
        policy = policy_of(case.institute)
        checkpoint = checkpoint_of(case, now)
        why = (
            Reason("no_checkpoint")
            if checkpoint is None
            else slots.obstacle(
                case,
                policy,
                starts_at=starts_at,
                room=room,
                days=case.institute.teaching_days,
                earliest=now + notice(policy),
                last_day=checkpoint,
            )
        )
        if why is not None:
            raise Refused("place_refused", why=why.sentence())
        choice = SlotChoice(
            case=case,
            step=case.step,
            starts_at=starts_at,
            ends_at=starts_at + (case.before_ends_at - case.before_starts_at),
            room=room,
            chosen_at=now,
            chosen_by=user,
        )
        writes.insert(choice)
        _log_choice(
            "choice.slot",
            case,
            now,
            who,
            starts_at=starts_at.isoformat(),
            room=room.code if room else None,
        )
        engine.wake(case, now)
    return case


def _give_back(case: Case, by: Professor, reason: Reason, now: dt.datetime, who: Who) -> None:
    """The class is its professor's again, at its time if that can be, and the case is open."""
    engine.uncover(case, by, now)
    late = case.before_starts_at - notice(policy_of(case.institute)) <= now
    if not engine.restore(case):
        case.meeting = meetings.postpone(case.meeting_id)
        late = True
    step = StepNumber.RESCHEDULE if late else StepNumber(case.step)
    engine.send_to(case, step, reason=reason, now=now, who=who)
    announce.substitute_released(case, by, now)
    if step != StepNumber.RESCHEDULE:
        announce.open_again(case, now)


def _answerable(offer: Offer, standing: Sequence[Offer], by: Professor, now: dt.datetime) -> Offer:
    """The offer as it is among those of its case, now that this is locked, if it can still be answered."""
    offer = next(one for one in standing if one.pk == offer.pk)
    if offer.professor_id != by.pk:
        raise Refused("not_your_offer")
    if offer.status == OfferStatus.TAKEN:
        winners = (one for one in standing if one.status == OfferStatus.ACCEPTED)
        raise Refused("offer_taken", name=next((one.professor.name for one in winners), ""))
    if offer.status == OfferStatus.WITHDRAWN:
        raise Refused("offer_withdrawn")
    if offer.status in (OfferStatus.ACCEPTED, OfferStatus.DECLINED):
        raise Refused("offer_answered")
    if offer.status == OfferStatus.EXPIRED or now >= offer.expires_at:
        raise Refused("offer_expired")
    return offer


def _answer(offer: Offer, status: OfferStatus, now: dt.datetime, comment: str) -> None:
    offer.status, offer.answered_at, offer.comment = status, now, comment[:500]
    writes.update(offer, "status", "answered_at", "comment", "spared_week")


def _open(case: Case) -> Case:
    case = engine.lock(case.pk)
    if not case.is_open:
        raise Refused("case_closed", status=case.get_status_display())
    return case


def _require(case: Case, waiting_for: WaitingFor, now: dt.datetime) -> None:
    if case.waiting_for != waiting_for or case.deadline is None or now >= case.deadline:
        raise Refused("not_waiting")


def _log_answer(kind: str, case: Case, by: Professor, now: dt.datetime, who: Who) -> None:
    audit.record(
        kind,
        institute=case.institute,
        case=case,
        at=now,
        who=who,
        data={"professor": by.code, "name": by.name},
    )


def _log_choice(kind: str, case: Case, now: dt.datetime, who: Who, **data: str | None) -> None:
    audit.record(kind, institute=case.institute, case=case, at=now, who=who, data=data)
