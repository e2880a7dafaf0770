"""What goes in and what comes out: names, meanings, units, examples.

Ids are the bundle's codes for people, classes and institutes, and UUIDs for the rest. Moments are ISO
8601 in UTC, days are local to the institute, hours are clock hours.

They are plain models of pydantic: one of ninja's takes its fields from anything that has attributes, so
that `false` would pass for a body of which nothing is required, and takes longer over each row.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Annotated, Any

from django.utils.translation import gettext as _
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from reallocation.enums import (
    CaseStatus,
    OfferStatus,
    StepNumber,
    StepResult,
    WaitingFor,
    WebhookEvent,
    WebhookOff,
    WebhookStatus,
)
from timetable.enums import MeetingChange
from voting.enums import BallotKind, BallotResult, Phase

CASE_ID = "0b9d8c1e-6a0f-4b52-9a51-0a3b8a6d6f11"
SLOT_ID = "5a1f3c1e-2f8e-4a0e-8d51-1c2f2f4ce0d7"
MOMENT = "2027-03-02T08:00:00Z"


def storable(text: str) -> str:
    """No database keeps a NUL, and half a surrogate pair is no character."""
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError(_("It holds a character that cannot be kept."))
    return text


WRITTEN_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def day_of(given: Any) -> dt.date:
    """A day as JSON has it, far enough from the ends of the calendar for any time zone."""
    if not isinstance(given, str) or not WRITTEN_DAY.fullmatch(given):
        raise ValueError(_("Write a day as 2027-03-02."))
    return _in_our_time(dt.date.fromisoformat(given))


def day_or_moment(given: Any) -> dt.date | dt.datetime:
    if isinstance(given, str) and WRITTEN_DAY.fullmatch(given):
        return day_of(given)
    if not isinstance(given, str) or "T" not in given.upper():
        raise ValueError(_("Write a day as 2027-03-02, a moment as 2027-03-02T09:00:00+01:00."))
    moment = dt.datetime.fromisoformat(given)
    _in_our_time(moment)
    return moment


def _in_our_time(day: dt.date) -> dt.date:
    if not 1900 <= day.year < 2200:
        raise ValueError(_("The year must lie between 1900 and 2199."))
    return day


ON_DAY: Any = {"type": "string", "format": "date"}
AT_MOMENT: Any = {"type": "string", "format": "date-time"}

Text = Annotated[str, AfterValidator(storable)]
Code = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(storable)]
Day = Annotated[dt.date, PlainValidator(day_of), WithJsonSchema(ON_DAY)]
DayOrMoment = Annotated[
    dt.date, PlainValidator(day_or_moment), WithJsonSchema({"anyOf": [ON_DAY, AT_MOMENT]})
]
"""A `datetime`, which is a `date` too, if a time was given."""

Flag = Annotated[bool, Field(strict=True)]


class ProblemOut(BaseModel):
    """Why a request is refused. Nothing has been changed."""

    code: str = Field(description="Stable, for programs.", examples=["not_free"])
    message: str = Field(
        description="For people, in the language that `Accept-Language` asks for.",
        examples=["Ben Baker teaches another class at that time."],
    )
    fields: dict[str, str] = Field(description="What is wrong with which field.", examples=[{}])


class UnavailabilityIn(BaseModel):
    """A professor cannot teach."""

    institute_id: Code = Field(description="Slug of the institute.", examples=["northfield"])
    professor_id: Code = Field(description="Code of who is away.", examples=["ADA"])
    assignment_id: Code | None = Field(
        None,
        description="Code of the class. Left out: every meeting in the span.",
        examples=["MATH.A"],
    )
    unavailability_date: DayOrMoment = Field(
        description="A day, or the moment from which on. Without an offset: local time.",
        examples=["2027-03-02", "2027-03-02T09:00:00+01:00"],
    )
    reason: Text = Field(
        max_length=2000,
        description="One of illness, family, duty, conference, other. Any other text is kept as a "
        "private note.",
        examples=["illness"],
    )
    ends_at: DayOrMoment | None = Field(
        None,
        description="The last day, or the moment until which. Left out: the end of the first day.",
        examples=["2027-03-02T12:00:00+01:00"],
    )
    substitute_professor_id: Code | None = Field(
        None, description="Code of whom to ask first (step 1).", examples=["BEN"]
    )
    note: Text = Field(
        "", max_length=2000, description="Private: for the professor and granted registrars."
    )


class OpenedCase(BaseModel):
    reallocation_id: uuid.UUID = Field(examples=[CASE_ID])
    meeting: uuid.UUID = Field(description="Id of the class meeting.")
    assignment_id: str = Field(description="Code of the class.", examples=["MATH.A"])
    starts_at: AwareDatetime = Field(description="Its planned start.", examples=[MOMENT])
    ends_at: AwareDatetime = Field(examples=["2027-03-02T09:30:00Z"])
    step: StepNumber = Field(description="1 direct … 5 weekend.")
    status: CaseStatus


class Filed(BaseModel):
    unavailability_id: uuid.UUID
    cases: list[OpenedCase] = Field(description="One for each meeting that needs cover.")


class Target(BaseModel):
    """Exactly one of both ids."""

    unavailability_id: uuid.UUID | None = Field(None, description="Of an unavailability.")
    reallocation_id: uuid.UUID | None = Field(
        None, description="Of one case, where an unavailability has several."
    )

    @model_validator(mode="after")
    def one_of_both(self) -> Any:
        if (self.unavailability_id is None) == (self.reallocation_id is None):
            raise ValueError(_("Give unavailability_id or reallocation_id, one of both."))
        return self


class SubstituteIn(Target):
    substitute_professor_id: Code = Field(description="Whom to ask.", examples=["BEN"])
    professor_approval: Flag = Field(description="The absent professor wants it so: must be true.")


class VoteIn(BaseModel):
    reallocation_id: uuid.UUID = Field(examples=[CASE_ID])
    student_id: Code = Field(description="Your own code.", examples=["A1"])
    vote: Flag = Field(description="true: yes.")


class RescheduleIn(Target):
    new_time_slot_id: Code = Field(
        description="Id or name of a period of the bell grid.", examples=[SLOT_ID, "3"]
    )
    new_date: Day = Field(examples=["2027-03-04"])
    professor_approval: Flag = Field(description="The absent professor wants it so: must be true.")
    reason: Text = Field("", max_length=1000, description="For the log, if a registrar decides.")


class WeekendIn(Target):
    weekend_date: Day = Field(examples=["2027-03-06"])
    student_approval: Flag = Field(
        description="What students said beforehand. It is noted; the vote decides all the same."
    )
    reason: Text = Field(
        "",
        max_length=1000,
        description="With a reason the registrar decides alone, and there is no vote.",
    )


class DeclineIn(BaseModel):
    comment: Text = Field(default="", max_length=500, description="For the registrar.")


class Turnout(BaseModel):
    voted: int = Field(description="How many have voted.", examples=[7])
    roll: int = Field(description="How many may vote.", examples=[24])


class VoteOut(BaseModel):
    reallocation_id: uuid.UUID
    ballot_id: uuid.UUID
    vote: bool
    receipt: str = Field(description="Proof of the vote.", examples=["7K2M-QX4D-93BT-HVNC"])
    turnout: Turnout
    result: BallotResult | None = Field(description="Only if this vote closed the ballot.")


class ReasonOut(BaseModel):
    code: str = Field(examples=["below_fair_share"])
    text: str = Field(examples=["2.5 h below fair share"])


class StepOut(BaseModel):
    """One visit of a case to a step."""

    step: StepNumber
    name: str = Field(examples=["Direct substitute"])
    entered_at: AwareDatetime
    left_at: AwareDatetime | None
    result: StepResult
    reason: str = Field(description="Why it ended so.", examples=["nobody answered in time"])


class LogLine(BaseModel):
    at: AwareDatetime
    text: str
    by: str = Field(description="Who did it, where the text does not say so.")
    why: str


class CaseOut(BaseModel):
    """A case: one class meeting whose professor is away."""

    reallocation_id: uuid.UUID = Field(examples=[CASE_ID])
    unavailability_id: uuid.UUID
    institute_id: str = Field(examples=["northfield"])
    meeting: uuid.UUID = Field(description="Id of the class meeting.")
    assignment_id: str = Field(description="Code of the class.", examples=["MATH.A"])
    course: str = Field(examples=["Algebra"])
    professor_id: str = Field(description="Who is absent.", examples=["ADA"])
    status: CaseStatus
    step: StepNumber = Field(description="1 direct … 5 weekend.")
    waiting_for: WaitingFor | None = Field(description="null: nobody; the system acts at once.")
    deadline: AwareDatetime | None = Field(description="Until when an answer is expected.")
    planned_starts_at: AwareDatetime = Field(description="When it was to be, as the case opened.")
    planned_ends_at: AwareDatetime
    starts_at: AwareDatetime | None = Field(description="When it is now; null while it is off.")
    ends_at: AwareDatetime | None
    room_id: str | None = Field(examples=["R1"])
    teacher_id: str | None = Field(description="Who teaches it now.", examples=["BEN"])
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None


class CaseStatusOut(CaseOut):
    now: str = Field(description="Where it stands, in a sentence.")
    step_history: list[StepOut]
    log: list[LogLine] = Field(description="As far as the caller may see it.")


class StatusOut(BaseModel):
    """Where an unavailability or one case stands."""

    id: uuid.UUID = Field(description="The id asked for.")
    kind: str = Field(description="`unavailability` or `reallocation`.", examples=["reallocation"])
    status: str = Field(
        description="That of the case; of an unavailability `open` while one of its cases is, "
        "`withdrawn`, else `settled`.",
        examples=["open"],
    )
    step: StepNumber | None = Field(description="The furthest step of an open case.")
    deadline: AwareDatetime | None = Field(description="The next one.")
    step_history: list[StepOut] = Field(description="Of a case; of several, under `cases`.")
    log: list[LogLine]
    cases: list[CaseStatusOut]


class CaseList(BaseModel):
    items: list[CaseOut]
    next: uuid.UUID | None = Field(description="Give it as `after` for the next page.")
    cursor: int = Field(description="Give it as `since` later: only what has changed comes.")


class CandidateOut(BaseModel):
    professor_id: str = Field(examples=["BEN"])
    name: str = Field(examples=["Ben Baker"])
    rank: int = Field(description="1 is asked first.")
    available: bool
    reasons: list[ReasonOut] = Field(description="What speaks for and against.")
    balance_before: float | None = Field(description="The institute's balance of covering, 0–1.")
    balance_after: float | None = Field(description="The same, if this professor takes it.")


class LeftOutOut(BaseModel):
    professor_id: str
    name: str
    reason: ReasonOut


class CandidateList(BaseModel):
    items: list[CandidateOut]
    left_out: list[LeftOutOut]


class SlotOut(BaseModel):
    new_time_slot_id: uuid.UUID | None = Field(description="The period, for `reschedule-class`.")
    period: str = Field(description="Its name.", examples=["3"])
    new_date: dt.date
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    room_id: str | None
    rank: int
    students_in_clash: int
    waiting_minutes: float = Field(description="Added to a student's day, on average.")
    reasons: list[ReasonOut]


class SlotList(BaseModel):
    items: list[SlotOut]
    looked_at: int = Field(description="How many places there are in all.")
    left_out: dict[str, int] = Field(description="How many were left out for what.")


class OfferOut(BaseModel):
    offer_id: uuid.UUID
    reallocation_id: uuid.UUID
    professor_id: str = Field(description="Who is asked.", examples=["BEN"])
    status: OfferStatus
    step: StepNumber
    sent_at: AwareDatetime
    expires_at: AwareDatetime = Field(description="An answer counts until then.")
    answered_at: AwareDatetime | None
    comment: str
    assignment_id: str = Field(examples=["MATH.A"])
    course: str
    absent_professor_id: str = Field(examples=["ADA"])
    starts_at: AwareDatetime = Field(description="Of the class meeting.")
    ends_at: AwareDatetime
    room_id: str | None
    reasons: list[ReasonOut] = Field(description="Why this professor is asked.")


class OfferList(BaseModel):
    items: list[OfferOut]
    next: uuid.UUID | None
    cursor: int


class BallotOut(BaseModel):
    ballot_id: uuid.UUID
    reallocation_id: uuid.UUID
    kind: BallotKind
    question: str
    assignment_id: str
    course: str
    phase: Phase
    opened_at: AwareDatetime
    closes_at: AwareDatetime
    closed_at: AwareDatetime | None
    result: BallotResult | None
    rule: str = Field(description="When the class has said yes.")
    turnout: Turnout
    yes: int | None = Field(description="null while the count is hidden.")
    no: int | None
    vote: bool | None = Field(description="What you said; null: nothing yet.")
    receipt: str | None


class BallotList(BaseModel):
    items: list[BallotOut]
    next: uuid.UUID | None
    cursor: int


class MeetingOut(BaseModel):
    """A class meeting: what holds, and what was planned."""

    meeting: uuid.UUID
    assignment_id: str = Field(examples=["MATH.A"])
    course: str = Field(examples=["Algebra"])
    status: MeetingChange
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    room_id: str | None
    professor_id: str
    planned_starts_at: AwareDatetime
    planned_ends_at: AwareDatetime
    planned_room_id: str | None
    planned_professor_id: str


class MeetingList(BaseModel):
    items: list[MeetingOut]
    next: uuid.UUID | None


class FairnessOut(BaseModel):
    """Hours are clock hours; a measure without data is null, never a perfect score."""

    institute: str = Field(examples=["northfield"])
    term: str | None
    at: AwareDatetime = Field(description="When it was computed.")
    covering: dict[str, Any] = Field(
        description="The burden of covering: asked, accepted, declined, covers, people, hours, "
        "balance (0–1), gini, coefficient_of_variation, jain, largest_deviation, lorenz."
    )
    teaching: dict[str, Any] = Field(description="Hours taught against hours expected.")
    professors: list[dict[str, Any]] = Field(description="A line for each that you may see.")
    recommendations: list[dict[str, Any]] = Field(description="Who could give what to whom.")
    forecast: dict[str, Any] | None = Field(description="For the next checkpoint.")
    hours_owed: float | None = Field(description="To the students of dropped classes.")
    owed: list[dict[str, Any]]


class WebhookIn(BaseModel):
    """Another system that wants to be told."""

    institute_id: Code | None = Field(
        None, description="Where, for registrars of several institutes."
    )
    url: Text = Field(
        min_length=1,
        max_length=500,
        description="Where to send to: https, on a public address.",
        examples=["https://hooks.example.org/understudy"],
    )
    events: list[WebhookEvent] = Field(
        min_length=1, max_length=20, description="What to send.", examples=[["case.opened"]]
    )
    name: Text = Field("", max_length=100, description="For people.", examples=["Campus portal"])


class WebhookOut(BaseModel):
    webhook_id: uuid.UUID
    institute_id: str = Field(examples=["northfield"])
    name: str
    url: str
    events: list[WebhookEvent]
    active: bool = Field(description="Whether anything is sent to it.")
    off_why: WebhookOff | None = Field(description="Why not, where it was switched off.")
    off_at: AwareDatetime | None
    created_at: AwareDatetime
    last_delivered_at: AwareDatetime | None
    former_secret_until: AwareDatetime | None = Field(
        description="Until when a former secret signs beside the present one."
    )


class WebhookMade(WebhookOut):
    secret: str = Field(
        description="Shown this once: check signatures with it.",
        examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"],
    )


class WebhookList(BaseModel):
    items: list[WebhookOut]
    next: uuid.UUID | None


class WebhookDeliveryOut(BaseModel):
    delivery_id: uuid.UUID = Field(description="The `webhook-id` of the message.")
    type: WebhookEvent
    reallocation_id: uuid.UUID | None = Field(description="The case that it is about.")
    status: WebhookStatus
    attempts: int
    written_at: AwareDatetime = Field(description="When it happened.")
    next_attempt_at: AwareDatetime | None
    delivered_at: AwareDatetime | None
    answer_status: int | None = Field(description="What the receiver answered last.")
    error: str = Field(description="What went wrong last.")
    body: str = Field(description="What is sent, letter by letter.")


class WebhookDeliveryList(BaseModel):
    items: list[WebhookDeliveryOut]
    next: uuid.UUID | None


class ReplayIn(BaseModel):
    delivery_id: uuid.UUID | None = Field(
        default=None, description="Which one. Left out: all that were given up."
    )


class ReplayOut(BaseModel):
    replayed: int = Field(description="How many are sent again.")
