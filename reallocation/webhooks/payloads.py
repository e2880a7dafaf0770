"""What is sent: one schema for each event, in one envelope. Part of the API's promise.

Codes, ids, statuses and times that a registrar reads in the API as well; no names, no reasons, and of a
vote the sums alone, where there are enough voters for a sum not to tell on them. Fields are added,
never renamed or taken away; if that must be, `version` rises.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, Literal

from ninja import Schema
from pydantic import AwareDatetime, Field

from reallocation.enums import CaseStatus, StepNumber, WebhookEvent
from reallocation.models import Case, LogEntry
from timetable.enums import MeetingChange
from timetable.models import Meeting
from voting.enums import BallotKind, BallotResult, ClosedBy
from voting.models import Ballot

MOMENT = "2027-03-02T08:00:00Z"


class CaseData(Schema):
    """A case as it stood when the event was written."""

    institute_id: str = Field(description="Slug of the institute.", examples=["northfield"])
    reallocation_id: uuid.UUID = Field(description="Id of the case.")
    unavailability_id: uuid.UUID
    meeting: uuid.UUID = Field(description="Id of the class meeting.")
    assignment_id: str = Field(description="Code of the class.", examples=["MATH.A"])
    professor_id: str = Field(description="Who is absent.", examples=["ADA"])
    status: CaseStatus
    step: StepNumber = Field(description="1 direct … 5 weekend.")
    planned_starts_at: AwareDatetime = Field(description="As the case opened.", examples=[MOMENT])
    planned_ends_at: AwareDatetime
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None


class CaseOpenedData(CaseData):
    """A class needs cover."""

    reopened: bool = Field(description="The case had been settled before.")


class CaseResolvedData(CaseData):
    """A case is settled; `status` says how. It may be opened, or withdrawn, again later."""


class MeetingData(Schema):
    """What holds of a class meeting now. Of several the one with the highest `revision` is true."""

    institute_id: str = Field(examples=["northfield"])
    meeting: uuid.UUID
    revision: int = Field(description="Rises with each change of this meeting.")
    assignment_id: str = Field(examples=["MATH.A"])
    status: MeetingChange
    starts_at: AwareDatetime = Field(examples=[MOMENT])
    ends_at: AwareDatetime
    room_id: str | None = Field(examples=["R1"])
    professor_id: str = Field(description="Who teaches it.", examples=["BEN"])
    planned_starts_at: AwareDatetime
    planned_ends_at: AwareDatetime
    planned_room_id: str | None
    planned_professor_id: str = Field(examples=["ADA"])


class BallotData(Schema):
    """How a vote ended. Who voted what, nobody is told."""

    institute_id: str = Field(examples=["northfield"])
    ballot_id: uuid.UUID
    reallocation_id: uuid.UUID
    assignment_id: str = Field(examples=["MATH.A"])
    kind: BallotKind
    result: BallotResult
    closed_by: ClosedBy
    opened_at: AwareDatetime
    closed_at: AwareDatetime
    roll: int = Field(description="How many could vote.")
    yes: int | None = Field(description="null where so few could vote that it would tell on them.")
    no: int | None


class _Envelope(Schema):
    version: Literal[1] = Field(1, description="Of this description.")
    timestamp: AwareDatetime = Field(description="When it happened.", examples=[MOMENT])


class CaseOpened(_Envelope):
    type: Literal["case.opened"]
    data: CaseOpenedData


class CaseResolved(_Envelope):
    type: Literal["case.resolved"]
    data: CaseResolvedData


class MeetingChanged(_Envelope):
    type: Literal["meeting.changed"]
    data: MeetingData


class BallotClosed(_Envelope):
    type: Literal["ballot.closed"]
    data: BallotData


SCHEMAS: dict[WebhookEvent, type[_Envelope]] = {
    WebhookEvent.CASE_OPENED: CaseOpened,
    WebhookEvent.CASE_RESOLVED: CaseResolved,
    WebhookEvent.MEETING_CHANGED: MeetingChanged,
    WebhookEvent.BALLOT_CLOSED: BallotClosed,
}


def body(event: WebhookEvent, at: dt.datetime, data: Schema) -> str:
    """The content as it is signed and sent, letter by letter."""
    told = SCHEMAS[event](type=event.value, timestamp=at, data=data)  # type: ignore[call-arg]
    return told.model_dump_json()


def case_opened(case: Case, entry: LogEntry) -> CaseOpenedData:
    return CaseOpenedData(**_case(case), reopened=entry.kind == "case.reopened")


def case_resolved(case: Case) -> CaseResolvedData:
    return CaseResolvedData(**_case(case))


def _case(case: Case) -> dict[str, Any]:
    return {
        "institute_id": case.institute.slug,
        "reallocation_id": case.uid,
        "unavailability_id": case.absence.uid,
        "meeting": case.meeting.uid,
        "assignment_id": case.meeting.offering.code,
        "professor_id": case.professor.code,
        "status": CaseStatus(case.status),
        "step": StepNumber(case.step),
        "planned_starts_at": case.before_starts_at,
        "planned_ends_at": case.before_ends_at,
        "opened_at": case.opened_at,
        "closed_at": case.closed_at,
    }


def meeting_changed(meeting: Meeting) -> MeetingData:
    return MeetingData(
        institute_id=meeting.institute.slug,
        meeting=meeting.uid,
        revision=meeting.revision,
        assignment_id=meeting.offering.code,
        status=meeting.change,
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        room_id=meeting.room.code if meeting.room else None,
        professor_id=meeting.professor.code,
        planned_starts_at=meeting.planned_starts_at,
        planned_ends_at=meeting.planned_ends_at,
        planned_room_id=meeting.planned_room.code if meeting.planned_room else None,
        planned_professor_id=meeting.planned_professor.code,
    )


def ballot_closed(ballot: Ballot, case: Case, entry: LogEntry) -> BallotData:
    """`entry` says the sums, if they may be said."""
    return BallotData(
        institute_id=case.institute.slug,
        ballot_id=ballot.uid,
        reallocation_id=case.uid,
        assignment_id=case.meeting.offering.code,
        kind=BallotKind(ballot.kind),
        result=BallotResult(ballot.result),
        closed_by=ClosedBy(ballot.closed_by),
        opened_at=ballot.opened_at,
        closed_at=ballot.closed_at or entry.at,
        roll=ballot.roll_size,
        yes=entry.data.get("yes"),
        no=entry.data.get("no"),
    )
