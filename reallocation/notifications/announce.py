"""What happens in the workflow, told to whom it concerns.

Each function runs in the transaction of the fact that it tells, writes rows only, and may be called
again: what was told under the same key is not told twice. All return the notices that they wrote.
A meeting is read as the database has it, so tell about a change after writing it. Nothing is worded
here: what a text says of times and the like is lazy, and said in each reader's language by `tell`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from django.db.models import QuerySet

from reallocation.enums import CaseStatus, OfferStatus, StepNumber
from reallocation.models import Case, Notice, Offer
from timetable.models import Absence, Meeting, Professor, Student, User
from voting.enums import BallotKind, BallotResult
from voting.models import Ballot

from . import invitations
from .notices import Draft, tell
from .wording import (
    course_name,
    day_and_time_lazy,
    facts,
    hours_lazy,
    meeting_of,
    question_lazy,
    span_lazy,
    stretch_lazy,
)

SMALL_ROLL = 5
"""With fewer voters than this a count would say too much about each of them."""


def absence_filed(absence: Absence, cases: Sequence[Case], now: dt.datetime) -> list[Notice]:
    """The professor's receipt: which meetings are affected and what happens next."""
    part = min((str(case.uid) for case in cases), default="none")
    affected: list[dict[str, object]] = [
        {
            "course": course_name(case.meeting.offering.course),
            "span": span_lazy(absence.institute, case.before_starts_at, case.before_ends_at),
            "named": case.named.name if case.named else "",
        }
        for case in sorted(cases, key=lambda case: (case.before_starts_at, case.pk))
    ]
    return _tell_absence(absence, f"absence-filed/{absence.uid}/{part}", now, affected)


def absence_withdrawn(absence: Absence, now: dt.datetime) -> list[Notice]:
    return _tell_absence(absence, f"absence-withdrawn/{absence.uid}", now, [])


def class_left_out(case: Case, now: dt.datetime) -> list[Notice]:
    """The professor's receipt: they teach this one themselves, of which nobody else had learnt yet."""
    meeting = meeting_of(case)
    draft = _to_professor("left-out", case, meeting, case.professor)
    # It may be left out again, having been taken in meanwhile, with the meeting as it was.
    return tell([replace(draft, key=f"left-out/{case.uid}/{case.turn}")], now)


def _tell_absence(
    absence: Absence, key: str, now: dt.datetime, affected: list[dict[str, object]]
) -> list[Notice]:
    institute = absence.institute
    draft = Draft(
        kind=key.partition("/")[0],
        key=key,
        institute=institute,
        facts={
            "span": stretch_lazy(institute, absence.starts_at, absence.ends_at),
            "affected": affected,
            "zone": institute.timezone.replace("_", " "),
        },
        about=None,
        until=absence.ends_at,
        user_ids=[absence.professor.user_id],
    )
    return tell([draft], now)


def offers_sent(offers: Iterable[Offer], now: dt.datetime) -> list[Notice]:
    """To each professor who is asked, with the time by which to answer."""
    return _tell_offers("offer", offers, now)


def offers_taken(offers: Iterable[Offer], now: dt.datetime) -> list[Notice]:
    """To those who were asked and have not answered: someone else was first."""
    return _tell_offers("offer-taken", offers, now)


def offers_withdrawn(offers: Iterable[Offer], now: dt.datetime) -> list[Notice]:
    """To those whose offer, waiting or accepted, is no longer needed.

    Who was booked already is released instead, with the invitation cancelled; to whom the class said
    no, that has been told.
    """
    told: list[Notice] = []
    waiting = []
    for offer in offers:
        if offer.case.status == CaseStatus.SUBSTITUTED:
            told += substitute_released(offer.case, offer.professor, now)
        elif not _lost_a_ballot(offer):
            waiting.append(offer)
    return told + _tell_offers("offer-withdrawn", waiting, now)


def _lost_a_ballot(offer: Offer) -> bool:
    return offer.answered_at is not None and (
        Notice.objects.filter(
            case=offer.case_id,
            kind="ballot-lost",
            created_at__gte=offer.answered_at,
            messages__user=offer.professor.user_id,
        ).exists()
    )


def _tell_offers(kind: str, offers: Iterable[Offer], now: dt.datetime) -> list[Notice]:
    drafts = []
    known: dict[int, tuple[Meeting, dict[str, object]]] = {}
    for offer in offers:
        case = offer.case
        if case.pk not in known:
            meeting = meeting_of(case)
            known[case.pk] = meeting, facts(case, meeting)
        meeting, said = known[case.pk]
        drafts.append(
            Draft(
                kind=kind,
                key=f"{kind}/{offer.uid}",
                institute=meeting.institute,
                case=case,
                facts={
                    **said,
                    "until": day_and_time_lazy(meeting.institute, offer.expires_at),
                    "named_directly": offer.step == StepNumber.DIRECT,
                    "asked_together": offer.step == StepNumber.SECTION,
                    "class_votes": offer.step == StepNumber.SUBJECT,
                },
                about=offer.uid,
                until=offer.expires_at,
                user_ids=[offer.professor.user_id],
            )
        )
    return tell(drafts, now)


def asked_to_choose_candidate(
    case: Case, candidates_count: int, until: dt.datetime, now: dt.datetime
) -> list[Notice]:
    """To the absent professor, who chooses who is asked next."""
    return _ask_to_choose("choose-candidate", case, candidates_count, until, now)


def asked_to_choose_slot(
    case: Case, slots_count: int, until: dt.datetime, now: dt.datetime
) -> list[Notice]:
    """To the absent professor, who chooses the new time."""
    return _ask_to_choose("choose-slot", case, slots_count, until, now)


def _ask_to_choose(
    kind: str, case: Case, count: int, until: dt.datetime, now: dt.datetime
) -> list[Notice]:
    meeting = meeting_of(case)
    draft = Draft(
        kind=kind,
        key=f"{kind}/{case.uid}/{case.turn}",
        institute=meeting.institute,
        case=case,
        facts={
            **facts(case, meeting),
            "count": count,
            "until": day_and_time_lazy(meeting.institute, until),
        },
        about=case.uid,
        until=until,
        user_ids=[case.professor.user_id],
    )
    return tell([draft], now)


def ballot_opened(ballot: Ballot, case: Case, now: dt.datetime) -> list[Notice]:
    """To everyone on the roll."""
    return tell([_ballot_draft("ballot", ballot, case, _roll(ballot))], now)


def ballot_reminder(
    ballot: Ballot, case: Case, students: Iterable[Student], now: dt.datetime
) -> list[Notice]:
    """To those on the roll who have not voted."""
    audience = User.objects.filter(students__in=[student.pk for student in students])
    return tell([_ballot_draft("ballot-reminder", ballot, case, audience)], now)


def ballot_closed(ballot: Ballot, case: Case, now: dt.datetime) -> list[Notice]:
    """The result to the roll, and to the candidate where the class said no."""
    drafts = [_ballot_draft("ballot-result", ballot, case, _roll(ballot))]
    lost = ballot.kind == BallotKind.SUBSTITUTE and ballot.result == BallotResult.REJECTED
    candidate = _candidate(ballot, case) if lost else None
    if candidate is not None:
        meeting = meeting_of(case)
        drafts.append(
            Draft(
                kind="ballot-lost",
                key=f"ballot-lost/{ballot.uid}",
                institute=meeting.institute,
                case=case,
                facts=facts(case, meeting),
                about=case.uid,
                until=meeting.ends_at,
                user_ids=[candidate.user_id],
            )
        )
    return tell(drafts, now)


def _ballot_draft(kind: str, ballot: Ballot, case: Case, audience: QuerySet[User]) -> Draft:
    meeting = meeting_of(case)
    return Draft(
        kind=kind,
        key=f"{kind}/{ballot.uid}",
        institute=meeting.institute,
        case=case,
        facts={
            **facts(case, meeting),
            "question": question_lazy(ballot),
            "until": day_and_time_lazy(meeting.institute, ballot.closes_at),
            "quorum": ballot.quorum_percent,
            "roll": ballot.roll_size,
            "yes": ballot.yes,
            "no": ballot.no,
            "counted": ballot.roll_size >= SMALL_ROLL,
            "approved": ballot.result == BallotResult.APPROVED,
            "rejected": ballot.result == BallotResult.REJECTED,
        },
        about=ballot.uid,
        until=ballot.closes_at,
        audience=audience,
    )


def _roll(ballot: Ballot) -> QuerySet[User]:
    return User.objects.filter(students__roll_places__ballot=ballot)


def _candidate(ballot: Ballot, case: Case) -> Professor | None:
    """Whom the class was asked about: the last who had said yes when the ballot opened."""
    offer = (
        Offer.objects.filter(
            case=case,
            step=StepNumber.SUBJECT,
            status__in=[OfferStatus.ACCEPTED, OfferStatus.WITHDRAWN],
            answered_at__lte=ballot.opened_at,
        )
        .select_related("professor")
        .order_by("-answered_at", "-id")
        .first()
    )
    return offer.professor if offer else None


def meeting_postponed(case: Case, now: dt.datetime) -> list[Notice]:
    """The planned time is off: to the class and the professor."""
    meeting = meeting_of(case)
    return tell(
        [
            _to_class("postponed", case, meeting, but_for=[case.professor]),
            _to_professor("postponed-professor", case, meeting, case.professor),
        ],
        now,
    )


def meeting_substituted(case: Case, substitute: Professor, now: dt.datetime) -> list[Notice]:
    """Who teaches, to the class; who covers, to the professor; an invitation to the substitute."""
    meeting = meeting_of(case)
    return tell(
        [
            _to_class("substituted", case, meeting, but_for=[case.professor, substitute]),
            _to_professor("substituted-professor", case, meeting, case.professor),
            _to_professor(
                "substituted-substitute",
                case,
                meeting,
                substitute,
                method="REQUEST",
                handover=case.absence.handover,
            ),
        ],
        now,
    )


def meeting_moved(case: Case, now: dt.datetime) -> list[Notice]:
    """The new time and room: to the class, its teacher and, if another, the professor."""
    meeting = meeting_of(case)
    people = [case.professor]
    drafts = [_to_professor("moved-professor", case, meeting, meeting.professor)]
    if meeting.professor_id != case.professor_id:
        # A substitute's calendar already shows the meeting: it gets the update.
        people.append(meeting.professor)
        drafts = [
            _to_professor("moved-professor", case, meeting, meeting.professor, method="REQUEST"),
            _to_professor("moved", case, meeting, case.professor, audience="professor"),
        ]
    return tell([_to_class("moved", case, meeting, but_for=people), *drafts], now)


def meeting_dropped(case: Case, now: dt.datetime) -> list[Notice]:
    """The meeting does not happen: to the class and the professor, with the hours owed."""
    meeting = meeting_of(case)
    return tell(
        [
            _to_class("dropped", case, meeting, but_for=[case.professor]),
            _to_professor("dropped-professor", case, meeting, case.professor),
        ],
        now,
    )


def meeting_restored(case: Case, now: dt.datetime) -> list[Notice]:
    """Back as it was before the case: to the class and the professor."""
    meeting = meeting_of(case)
    return tell(
        [
            _to_class("restored", case, meeting, but_for=[case.professor]),
            _to_professor("restored-professor", case, meeting, case.professor),
        ],
        now,
    )


def open_again(case: Case, now: dt.datetime) -> list[Notice]:
    """What was arranged no longer holds, and the class keeps its time: to the class and the professor."""
    meeting = meeting_of(case)
    return tell(
        [
            _to_class("open-again", case, meeting, but_for=[case.professor]),
            _to_professor("open-again-professor", case, meeting, case.professor),
        ],
        now,
    )


def substitute_released(case: Case, professor: Professor, now: dt.datetime) -> list[Notice]:
    """To someone who was to teach and no longer does, with the cancelled invitation."""
    meeting = meeting_of(case)
    return tell([_to_professor("released", case, meeting, professor, method="CANCEL")], now)


def handover_changed(offers: Iterable[Offer], now: dt.datetime) -> list[Notice]:
    """The absent professor's new note, to those who have agreed to take a class.

    Whose class it is already gets it in the calendar as well, where the old one stands.
    """
    drafts = []
    for offer in offers:
        case, meeting = offer.case, meeting_of(offer.case)
        booked = case.status == CaseStatus.SUBSTITUTED
        draft = _to_professor(
            "handover",
            case,
            meeting,
            offer.professor,
            method="REQUEST" if booked else None,
            handover=case.absence.handover,
        )
        drafts.append(
            replace(
                draft,
                # The note may change again, with the meeting as it was.
                key=f"handover/{offer.uid}/{now.isoformat()}",
                facts={**draft.facts, "booked": booked},
            )
        )
    return tell(drafts, now)


def _to_class(kind: str, case: Case, meeting: Meeting, *, but_for: Sequence[Professor]) -> Draft:
    """To the roster and to who co-teaches, less those who are told in words of their own."""
    roster = Student.objects.filter(enrolments__offering=meeting.offering_id, active=True)
    co_teachers = Professor.objects.filter(
        teachings__offering=meeting.offering_id, teachings__position__gt=0
    )
    # One list to look accounts up by: two joined by OR would make PostgreSQL read every account.
    told = roster.order_by().values("user").union(co_teachers.order_by().values("user"))
    apart = [person.user_id for person in but_for if person.user_id]
    audience = User.objects.filter(pk__in=told).exclude(pk__in=apart)
    return Draft(
        kind=kind,
        key=f"{kind}/{meeting.uid}/{meeting.revision}/class",
        institute=meeting.institute,
        case=case,
        facts=_change_facts(case, meeting),
        about=case.uid,
        until=_last_use(case, meeting),
        audience=audience,
    )


def _to_professor(
    kind: str,
    case: Case,
    meeting: Meeting,
    professor: Professor,
    *,
    method: invitations.Method | None = None,
    handover: str = "",
    audience: str = "",
) -> Draft:
    said = {**_change_facts(case, meeting), "handover": handover}
    return Draft(
        kind=kind,
        key=f"{kind}/{meeting.uid}/{meeting.revision}/{audience or professor.pk}",
        institute=meeting.institute,
        case=case,
        facts=said,
        about=case.uid,
        until=_last_use(case, meeting),
        user_ids=[professor.user_id],
        invitation=partial(invitations.snapshot, method, case, meeting, handover)
        if method
        else None,
    )


def _change_facts(case: Case, meeting: Meeting) -> dict[str, object]:
    checkpoint = meeting.offering.term.checkpoint_after(
        meeting.institute.local(case.before_starts_at).date()
    )
    return {
        **facts(case, meeting),
        "hours": hours_lazy(case.before_ends_at - case.before_starts_at),
        "checkpoint": checkpoint,
    }


def _last_use(case: Case, meeting: Meeting) -> dt.datetime:
    """When nobody acts on the message any more: the sooner of the old time and the new one."""
    return min(case.before_starts_at, meeting.starts_at)
