"""Cases: where they stand, who and when could be, and what is decided about them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Annotated

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import Field

from reallocation import answers, overrides, queries, slots
from reallocation.enums import CaseStatus, StepNumber, WaitingFor
from reallocation.forms.case import CandidateLine
from reallocation.models import Case
from reallocation.policy import checkpoint_of, notice, policy_of
from reallocation.queries import Viewer
from reallocation.reasons import Reason
from reallocation.refusals import Refused
from reallocation.views import acts
from timetable.models import Absence

from . import finding, wording
from .absences import check_approval
from .access import caller_of
from .contract import read, write
from .pages import SinceIn, changed_since, cursor_of, newest_first
from .problems import forbidden, not_found
from .schemas import (
    CandidateList,
    CandidateOut,
    CaseList,
    CaseOut,
    CaseStatusOut,
    Code,
    LeftOutOut,
    ReasonOut,
    RescheduleIn,
    SlotList,
    SlotOut,
    StatusOut,
    WeekendIn,
)

router = Router(tags=["Cases"])

EVERY_PLACE = 100
NOT_FOUND = {404: "`not_found`: it does not exist, or not for the caller."}
ON_DECISIONS = {
    403: "`not_yours`, `not_registrar`: the caller sees the case and may not decide. "
    "`scope_missing`.",
    404: "`not_found`: the unavailability, the case or the period.",
}


class CaseFilter(SinceIn):
    status: CaseStatus | None = Field(None, description="Only these.")
    step: StepNumber | None = Field(None, description="Only at this step.")
    professor_id: Code | None = Field(None, description="Only those of this absent professor.")


@read(router, "/cases", answer=CaseList, errors=NOT_FOUND)
def list_cases(request: HttpRequest, data: Annotated[CaseFilter, Query()]) -> CaseList:
    """Cases that concern the caller.

    A registrar sees those of the institute, a professor those where they are absent, asked, standing
    in or co-teaching, a student those of their classes. Newest first.
    """
    actor = caller_of(request).at(data.institute_id)
    if actor.institute is None:
        raise not_found()
    cursor = cursor_of(actor.institute)
    rows = queries.cases_for(actor).filter(changed_since(data.since, actor.institute, case="pk"))
    if data.status is not None:
        rows = rows.filter(status=data.status)
    if data.step is not None:
        rows = rows.filter(step=data.step)
    if data.professor_id is not None:
        rows = rows.filter(professor__code=data.professor_id)
    items, following = newest_first(rows, data, wording.cases)
    return CaseList(items=items, next=following, cursor=cursor)


@read(router, "/reallocation-status/{uuid:id}", answer=StatusOut, errors=NOT_FOUND)
def reallocation_status(request: HttpRequest, id: uuid.UUID) -> StatusOut:
    """Where an unavailability or a case stands.

    For everybody involved, each as far as they may know it: steps taken, deadlines, what happened.
    """
    caller = caller_of(request)
    case = queries.case_with(id)
    if case is not None:
        viewer = finding.viewer_before(caller, case)
        told = wording.case_status(viewer)
        return _status(id, "reallocation", case.status, [told])
    actor, found = finding.absence(caller, id)
    cases = [Viewer(actor, case) for case in queries.cases_of(found)]
    return _status(id, "unavailability", _of_absence(found, cases), list(map(_told, cases)))


def _told(viewer: Viewer) -> CaseStatusOut:
    return wording.case_status(viewer)


def _of_absence(absence: Absence, cases: list[Viewer]) -> str:
    if any(one.case.is_open for one in cases):
        return CaseStatus.OPEN
    return CaseStatus.WITHDRAWN if absence.withdrawn_at else "settled"


def _status(uid: uuid.UUID, kind: str, status: str, cases: list[CaseStatusOut]) -> StatusOut:
    running = [case for case in cases if case.status == CaseStatus.OPEN]
    alone = cases[0] if kind == "reallocation" else None
    return StatusOut(
        id=uid,
        kind=kind,
        status=status,
        step=alone.step if alone else max((one.step for one in running), default=None),
        deadline=min((one.deadline for one in running if one.deadline), default=None),
        step_history=alone.step_history if alone else [],
        log=alone.log if alone else [],
        cases=cases,
    )


@read(
    router,
    "/cases/{uuid:id}/candidates",
    answer=CandidateList,
    errors={**NOT_FOUND, 403: "`not_yours`: the caller sees the case and may not choose."},
)
def case_candidates(request: HttpRequest, id: uuid.UUID) -> CandidateList:
    """Who could take the class.

    Ranked as things stand now, and why each other one cannot. Empty once nobody is looked for any
    more. For the absent professor and registrars.
    """
    viewer, now = finding.may_act(finding.viewer(caller_of(request), id)), timezone.now()
    choosing = acts.open_acts(viewer, now, named=acts.OF_PEOPLE)
    found = acts.choices_for(viewer, choosing, now)
    sentences: dict[str, ReasonOut] = {}
    if found.candidates:
        return CandidateList(
            items=[_candidate(line, sentences) for line in found.candidates], left_out=[]
        )
    if found.pool is None:
        return CandidateList(items=[], left_out=[])
    return CandidateList(
        items=[
            CandidateOut(
                professor_id=one.professor.code,
                name=one.professor.name,
                rank=one.rank,
                available=True,
                reasons=wording.said(one.reasons, sentences),
                balance_before=None,
                balance_after=None,
            )
            for one in found.pool.ranked
        ],
        left_out=[
            LeftOutOut(
                professor_id=one.professor.code,
                name=one.professor.name,
                reason=wording.said([one.reason], sentences)[0],
            )
            for one in found.pool.left_out
        ],
    )


def _candidate(line: CandidateLine, sentences: dict[str, ReasonOut]) -> CandidateOut:
    one, why = line.candidate, line.why_not
    before, after = line.balance or (None, None)
    return CandidateOut(
        professor_id=one.professor.code,
        name=one.professor.name,
        rank=one.rank,
        available=why is None,
        reasons=wording.said([why] if why else one.reasons, sentences),
        balance_before=before,
        balance_after=after,
    )


@read(
    router,
    "/cases/{uuid:id}/slots",
    answer=SlotList,
    errors={**NOT_FOUND, 403: "`not_yours`: the caller sees the case and may not choose."},
)
def case_slots(request: HttpRequest, id: uuid.UUID, weekend: bool = False) -> SlotList:
    """When the class could be held instead.

    The best free places before the next checkpoint, on teaching days, or on weekend days with
    `weekend=true`. For the absent professor and registrars.
    """
    viewer, now = finding.may_act(finding.viewer(caller_of(request), id)), timezone.now()
    case = viewer.case
    checkpoint = checkpoint_of(case, now)
    if not case.is_open or checkpoint is None:
        return SlotList(items=[], looked_at=0, left_out={})
    policy = policy_of(case.institute)
    found = slots.search(
        case,
        policy,
        days=case.institute.weekend_days if weekend else case.institute.teaching_days,
        earliest=now + notice(policy),
        last_day=checkpoint,
        limit=policy.slots_offered,
    )
    sentences: dict[str, ReasonOut] = {}
    return SlotList(
        items=[_slot(case, one, found.bells, sentences) for one in found.options],
        looked_at=found.looked_at,
        left_out=found.left_out,
    )


def _slot(
    case: Case,
    one: slots.SlotOption,
    bells: Mapping[dt.time, slots.Bell],
    sentences: dict[str, ReasonOut],
) -> SlotOut:
    local = case.institute.local(one.starts_at)
    bell = bells.get(local.time())
    return SlotOut(
        new_time_slot_id=bell.uid if bell else None,
        period=bell.name if bell else "",
        new_date=local.date(),
        starts_at=one.starts_at,
        ends_at=one.ends_at,
        room_id=one.room.code if one.room else None,
        rank=one.rank,
        students_in_clash=one.clashing,
        waiting_minutes=round(one.harm, 1),
        reasons=wording.said(one.reasons, sentences),
    )


@write(
    router,
    "/reschedule-class",
    answer=CaseOut,
    errors={
        **ON_DECISIONS,
        409: "`place_refused`: the message says which clash. `not_waiting`: the professor is not "
        "asked for a new time (yet, or any more). `case_closed`, `no_open_case`.",
        422: "`approval_required`: the absent professor has to approve. `invalid`. `key_reused`.",
    },
)
def reschedule_class(request: HttpRequest, data: RescheduleIn) -> CaseOut:
    """Choose a new time.

    Step 4: the absent professor picks a place when they are asked to; a registrar may at any time.
    The best free room that fits is taken.
    """
    viewer, now = finding.one_case(caller_of(request), data), timezone.now()
    check_approval(data.professor_approval)
    case = viewer.case
    period = finding.period(case, data.new_time_slot_id)
    starts_at = case.institute.moment(data.new_date, period.starts)
    # The usual one where none is free, so that the refusal names it.
    room = slots.best_room(case, starts_at) or case.before_room or case.meeting.planned_room
    if case.waiting_for == WaitingFor.SLOT_CHOICE or not viewer.is_registrar:
        answers.choose_slot(
            case,
            starts_at=starts_at,
            room=room,
            now=now,
            user=viewer.actor.user,
            who=acts.who_chooses(viewer),
        )
    else:
        why = data.reason.strip() or _("The absent professor approved the new time.")
        overrides.move(
            case, starts_at=starts_at, room=room, why=why, now=now, who=acts.who(viewer.actor)
        )
    return _again(case)


def _places_on(case: Case, day: dt.date, now: dt.datetime) -> tuple[slots.SlotOption, ...]:
    """Every free place of a day, whatever day it is, the best first."""
    policy = policy_of(case.institute)
    midnight = case.institute.moment(day, dt.time())
    return slots.search(
        case,
        policy,
        days=[day.isoweekday()],
        earliest=max(now + notice(policy), midnight),
        last_day=day,
        limit=EVERY_PLACE,
    ).options


@write(
    router,
    "/weekend-class",
    answer=CaseOut,
    errors={
        **ON_DECISIONS,
        409: "`place_refused`: the message says why. `case_closed`, `no_open_case`.",
    },
)
def weekend_class(request: HttpRequest, data: WeekendIn) -> CaseOut:
    """Propose a weekend class.

    Step 5: the class votes on the best free time of that day. With a `reason` a registrar moves it
    there at once, without a vote. For registrars.
    """
    viewer, now = finding.one_case(caller_of(request), data), timezone.now()
    case, who = viewer.case, acts.who(viewer.actor)
    if not viewer.is_registrar:
        raise forbidden("not_registrar", _("Only a registrar of the institute may do this."))
    day = data.weekend_date
    if not data.reason.strip():
        why = _("a weekend class was proposed")
        if data.student_approval:
            why = _("a weekend class was proposed, as students had wished")
        overrides.propose_weekend(case, day=day, why=why, now=now, who=who)
        return _again(case)
    if not case.is_open:
        raise Refused("case_closed", status=case.get_status_display())
    if day.isoweekday() not in case.institute.weekend_days:
        raise Refused("place_refused", why=Reason("no_teaching_day").sentence())
    places = _places_on(case, day, now)
    if not places:
        raise Refused("place_refused", why=Reason("no_slot").sentence())
    overrides.move(
        case, starts_at=places[0].starts_at, room=places[0].room, why=data.reason, now=now, who=who
    )
    return _again(case)


def _again(case: Case) -> CaseOut:
    return wording.case(case.pk)
