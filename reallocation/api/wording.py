"""Rows as the API tells them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import BigIntegerField, QuerySet

from reallocation import history, progress, queries, reasons
from reallocation.enums import CaseStatus, OfferStatus, StepNumber, StepResult, WaitingFor
from reallocation.models import Case, Offer, StepRecord
from reallocation.queries import Viewer
from reallocation.reasons import Reason
from timetable.enums import MeetingStatus
from timetable.models import Meeting
from timetable.prepared import Many, PreparedRows

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


def _cases(rows: QuerySet[Case]) -> QuerySet[Case]:
    return (
        rows.select_related("institute", "absence", "professor", "meeting__offering__course")
        .select_related("meeting__professor", "meeting__room")
        .only(
            *("uid", "status", "step", "waiting_for", "deadline", "opened_at", "closed_at"),
            *("before_starts_at", "before_ends_at", "institute__slug", "absence__uid"),
            *("professor__code", "meeting__uid", "meeting__status", "meeting__starts_at"),
            *("meeting__ends_at", "meeting__offering__code", "meeting__offering__course__title"),
            *("meeting__professor__code", "meeting__room__code"),
        )
        .order_by()
    )


def _offers(rows: QuerySet[Offer]) -> QuerySet[Offer]:
    return (
        rows.select_related("professor", "case__professor", "case__before_room")
        .select_related("case__meeting__offering__course")
        .only(
            *("uid", "status", "step", "sent_at", "expires_at", "answered_at", "comment"),
            *("reasons", "professor__code", "case__uid", "case__professor__code"),
            *("case__before_starts_at", "case__before_ends_at", "case__before_room__code"),
            *("case__meeting__offering__code", "case__meeting__offering__course__title"),
        )
        .order_by()
    )


# One is not read as the only one of many: PostgreSQL takes every list for one of ten.
CASE = PreparedRows[Case](lambda pk: _cases(Case.objects.filter(pk=pk)), pk=BigIntegerField())
CASES = PreparedRows[Case](lambda pks: _cases(Case.objects.filter(pk__among=pks)), pks=Many())
OFFER = PreparedRows[Offer](lambda pk: _offers(Offer.objects.filter(pk=pk)), pk=BigIntegerField())
OFFERS = PreparedRows[Offer](lambda pks: _offers(Offer.objects.filter(pk__among=pks)), pks=Many())
MEETINGS = PreparedRows[Meeting](
    lambda pks: (
        Meeting.objects.filter(pk__among=pks)
        .select_related("offering__course", "professor", "room", "planned_professor")
        .select_related("planned_room")
        .only(
            *("uid", "status", "starts_at", "ends_at", "planned_starts_at", "planned_ends_at"),
            *("offering__code", "offering__course__title", "professor__code", "room__code"),
            *("planned_professor__code", "planned_room__code"),
        )
        .order_by()
    ),
    pks=Many(),
)
"""What is told of each row is read with it. Pages show more of each: for fifty rows, that is several
times the work."""


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


def case(row: Case) -> CaseOut:
    return CaseOut(**_case(row))


def _case(row: Case) -> dict[str, Any]:
    meeting = row.meeting
    holds = meeting.status == MeetingStatus.SCHEDULED
    return {
        "reallocation_id": row.uid,
        "unavailability_id": row.absence.uid,
        "institute_id": row.institute.slug,
        "meeting": meeting.uid,
        "assignment_id": meeting.offering.code,
        "course": meeting.offering.course.title,
        "professor_id": row.professor.code,
        "status": CaseStatus(row.status),
        "step": StepNumber(row.step),
        "waiting_for": WaitingFor(row.waiting_for) if row.waiting_for else None,
        "deadline": row.deadline if row.is_open else None,
        "planned_starts_at": row.before_starts_at,
        "planned_ends_at": row.before_ends_at,
        "starts_at": meeting.starts_at if holds else None,
        "ends_at": meeting.ends_at if holds else None,
        "room_id": meeting.room.code if holds and meeting.room else None,
        "teacher_id": meeting.professor.code if holds else None,
        "opened_at": row.opened_at,
        "closed_at": row.closed_at,
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
    lines = history.lines(queries.log_of(row), reader)
    return CaseStatusOut(
        **_case(row),
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


def offer(row: Offer, *, with_comment: bool) -> OfferOut:
    request = row.case
    offering = request.meeting.offering
    return OfferOut(
        offer_id=row.uid,
        reallocation_id=request.uid,
        professor_id=row.professor.code,
        status=OfferStatus(row.status),
        step=StepNumber(row.step),
        sent_at=row.sent_at,
        expires_at=row.expires_at,
        answered_at=row.answered_at,
        comment=row.comment if with_comment else "",
        assignment_id=offering.code,
        course=offering.course.title,
        absent_professor_id=request.professor.code,
        starts_at=request.before_starts_at,
        ends_at=request.before_ends_at,
        room_id=request.before_room.code if request.before_room else None,
        reasons=[ReasonOut(code=one["code"], text=reasons.sentence(one)) for one in row.reasons],
    )


def said(given: Iterable[Reason]) -> list[ReasonOut]:
    return [ReasonOut(code=one.code, text=one.sentence()) for one in given]


def meeting(row: Meeting) -> MeetingOut:
    return MeetingOut(
        meeting=row.uid,
        assignment_id=row.offering.code,
        course=row.offering.course.title,
        status=row.change,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        room_id=row.room.code if row.room else None,
        professor_id=row.professor.code,
        planned_starts_at=row.planned_starts_at,
        planned_ends_at=row.planned_ends_at,
        planned_room_id=row.planned_room.code if row.planned_room else None,
        planned_professor_id=row.planned_professor.code,
    )
