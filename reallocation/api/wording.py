"""Rows as the API tells them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import BigIntegerField

from reallocation import history, progress
from reallocation.enums import CaseStatus, StepNumber, StepResult
from reallocation.models import Case, Offer, StepRecord
from reallocation.queries import Viewer
from reallocation.reasons import Reason
from timetable.enums import MeetingChange, MeetingStatus
from timetable.models import Meeting
from timetable.prepared import Many, PreparedFacts

from .schemas import (
    CaseOut,
    CaseStatusOut,
    LogLine,
    MeetingOut,
    OfferOut,
    OpenedCase,
    ReasonOut,
    StepOut,
)

_CASE = {
    "pk": "pk",
    "reallocation_id": "uid",
    "unavailability_id": "absence__uid",
    "institute_id": "institute__slug",
    "meeting": "meeting__uid",
    "assignment_id": "meeting__offering__code",
    "course": "meeting__offering__course__title",
    "professor_id": "professor__code",
    "status": "status",
    "step": "step",
    "waiting_for": "waiting_for",
    "deadline": "deadline",
    "planned_starts_at": "before_starts_at",
    "planned_ends_at": "before_ends_at",
    "meeting_status": "meeting__status",
    "starts_at": "meeting__starts_at",
    "ends_at": "meeting__ends_at",
    "room_id": "meeting__room__code",
    "teacher_id": "meeting__professor__code",
    "opened_at": "opened_at",
    "closed_at": "closed_at",
}
_OFFER = {
    "pk": "pk",
    "offer_id": "uid",
    "reallocation_id": "case__uid",
    "professor_id": "professor__code",
    "status": "status",
    "step": "step",
    "sent_at": "sent_at",
    "expires_at": "expires_at",
    "answered_at": "answered_at",
    "comment": "comment",
    "assignment_id": "case__meeting__offering__code",
    "course": "case__meeting__offering__course__title",
    "absent_professor_id": "case__professor__code",
    "starts_at": "case__before_starts_at",
    "ends_at": "case__before_ends_at",
    "room_id": "case__before_room__code",
    "reasons": "reasons",
}
_MEETING = {
    "pk": "pk",
    "meeting": "uid",
    "assignment_id": "offering__code",
    "course": "offering__course__title",
    "status": "status",
    "starts_at": "starts_at",
    "ends_at": "ends_at",
    "room_id": "room__code",
    "professor_id": "professor__code",
    "planned_starts_at": "planned_starts_at",
    "planned_ends_at": "planned_ends_at",
    "planned_room_id": "planned_room__code",
    "planned_professor_id": "planned_professor__code",
}
"""What is told of each, and where it stands, from the row on. Pages show more of each: for fifty rows, that
is several times the work."""

_CASES = PreparedFacts(lambda pks: Case.objects.filter(pk__among=pks), _CASE, pks=Many())
_OFFERS = PreparedFacts(lambda pks: Offer.objects.filter(pk__among=pks), _OFFER, pks=Many())
_MEETINGS = PreparedFacts(lambda pks: Meeting.objects.filter(pk__among=pks), _MEETING, pks=Many())
# One is not read as the only one of many: PostgreSQL takes every list for one of ten.
_ONE_CASE = PreparedFacts(lambda pk: Case.objects.filter(pk=pk), _CASE, pk=BigIntegerField())
_ONE_OFFER = PreparedFacts(lambda pk: Offer.objects.filter(pk=pk), _OFFER, pk=BigIntegerField())


def opened(case: Case) -> OpenedCase:
    return OpenedCase(
        reallocation_id=case.uid,
        meeting=case.meeting.uid,
        assignment_id=case.meeting.offering.code,
        starts_at=case.before_starts_at,
        ends_at=case.before_ends_at,
        step=StepNumber(case.step),
        status=CaseStatus(case.status),
    )


def cases(pks: list[int]) -> dict[int, CaseOut]:
    """Those of these cases that there are, by their keys."""
    return {facts["pk"]: CaseOut(**_case(facts)) for facts in _CASES(pks=pks)}


def case(pk: int) -> CaseOut:
    """One case, as it stands now. Raises DoesNotExist if there is none."""
    return CaseOut(**_case(_only(_ONE_CASE(pk=pk), Case)))


def _only(found: list[dict[str, Any]], model: type[Case | Offer]) -> dict[str, Any]:
    if not found:
        raise model.DoesNotExist
    return found[0]


def _case(facts: dict[str, Any]) -> dict[str, Any]:
    nowhere = {"starts_at": None, "ends_at": None, "room_id": None, "teacher_id": None}
    return {
        **facts,
        "waiting_for": facts["waiting_for"] or None,
        "deadline": facts["deadline"] if facts["status"] == CaseStatus.OPEN else None,
        **({} if facts["meeting_status"] == MeetingStatus.SCHEDULED else nowhere),
    }


def case_status(viewer: Viewer) -> CaseStatusOut:
    """A case with its story, as far as the viewer may know it."""
    row = viewer.case
    reader = history.Reader(
        row.institute,
        names=viewer.knows_answers,
        question=viewer.knows_question,
        comments=viewer.is_registrar,
    )
    lines = history.lines(viewer.story.log, reader)
    return CaseStatusOut(
        **_case(_CASES.of(row)),
        now=progress.now_of(row, viewer.offers, reader).headline,
        step_history=[_step(record, reader) for record in viewer.records],
        log=[LogLine(at=line.at, text=line.text, by=line.by, why=line.why) for line in lines],
    )


def _step(record: StepRecord, reader: history.Reader) -> StepOut:
    return StepOut(
        step=StepNumber(record.step),
        name=str(StepNumber(record.step).label),
        entered_at=record.entered_at,
        left_at=record.left_at,
        result=StepResult(record.result),
        reason=history.reason_sentence(record.reason, names=reader.names),
    )


def offers(pks: list[int]) -> dict[int, OfferOut]:
    """Those of these requests that there are, by their keys."""
    sentences: dict[str, ReasonOut] = {}
    return {facts["pk"]: _offer(facts, sentences) for facts in _OFFERS(pks=pks)}


def offer(pk: int) -> OfferOut:
    """One request, as it stands now. Raises DoesNotExist if there is none."""
    return _offer(_only(_ONE_OFFER(pk=pk), Offer), {})


def _offer(facts: dict[str, Any], sentences: dict[str, ReasonOut]) -> OfferOut:
    """`sentences` has what was said before, in the same language: many have the same reasons."""
    reasons = said(map(Reason.from_json, facts["reasons"]), sentences)
    return OfferOut(**{**facts, "reasons": reasons})


def said(given: Iterable[Reason], known: dict[str, ReasonOut]) -> list[ReasonOut]:
    """The reasons in the reader's language. `known` has what was said before, in the same answer."""
    told = []
    for one in given:
        key = f"{one.code} {one.data}"
        if key not in known:
            known[key] = ReasonOut(code=one.code, text=one.sentence())
        told.append(known[key])
    return told


def meetings(pks: list[int]) -> dict[int, MeetingOut]:
    """Those of these class meetings that there are, by their keys."""
    return {facts["pk"]: MeetingOut(**_meeting(facts)) for facts in _MEETINGS(pks=pks)}


def _meeting(facts: dict[str, Any]) -> dict[str, Any]:
    place = ("starts_at", "ends_at", "room_id")
    change = MeetingChange.of(
        facts["status"],
        moved=any(facts[name] != facts[f"planned_{name}"] for name in place),
        substituted=facts["professor_id"] != facts["planned_professor_id"],
    )
    return {**facts, "status": change}
