"""A case: what was tried for it, who was asked, where it could go."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from timetable.models import Absence, Institute, Meeting, Professor, Room, User
from voting.models import Ballot

from ..enums import (
    CaseStatus,
    OfferStatus,
    StepNumber,
    StepResult,
    WaitingFor,
)


class CaseQuerySet(models.QuerySet[Any]):
    def open(self) -> Self:
        return self.filter(status=CaseStatus.OPEN)

    def due(self, now: dt.datetime) -> Self:
        return self.open().filter(due_at__lte=now)

    def at_step(self, step: StepNumber) -> Self:
        return self.filter(step=step)

    def for_moving(self) -> Self:
        """With what every move looks at."""
        return self.select_related(
            "institute__policy",
            "professor",
            "named",
            "meeting__offering__course",
            "meeting__offering__term",
        )

    def for_list(self) -> Self:
        return self.select_related(
            "institute",
            "absence",
            "professor",
            "named",
            "meeting__institute",
            "meeting__offering__course",
            "meeting__offering__term",
            "meeting__professor",
            "meeting__room",
            "meeting__planned_professor",
            "meeting__planned_room",
        )


class Case(models.Model):
    """The work item for one affected meeting.

    `turn` rises each time the case moves, so that a nudge meant for an earlier position does nothing.
    `before_*` keep what held when the case opened: what a withdrawal goes back to.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    institute = models.ForeignKey(
        Institute, models.PROTECT, related_name="cases", verbose_name=_("institute")
    )
    absence = models.ForeignKey(
        Absence, models.PROTECT, related_name="cases", verbose_name=_("absence")
    )
    meeting = models.ForeignKey(
        Meeting, models.PROTECT, related_name="cases", verbose_name=_("class meeting")
    )
    professor = models.ForeignKey(
        Professor,
        models.PROTECT,
        related_name="cases",
        help_text=_("Who is absent."),
        verbose_name=_("professor"),
    )
    before_starts_at = models.DateTimeField(_("start before"))
    before_ends_at = models.DateTimeField(_("end before"))
    before_room = models.ForeignKey(
        Room, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("room before")
    )

    status = models.CharField(
        _("status"), max_length=16, choices=CaseStatus, default=CaseStatus.OPEN
    )
    step = models.PositiveSmallIntegerField(
        _("step"), choices=StepNumber, default=StepNumber.DIRECT
    )
    waiting_for = models.CharField(
        _("waiting for"), max_length=20, choices=WaitingFor, blank=True, default=""
    )
    turn = models.PositiveIntegerField(_("turn"), default=0)
    due_at = models.DateTimeField(_("looked at next"), null=True, blank=True)
    deadline = models.DateTimeField(_("answer expected until"), null=True, blank=True)
    named = models.ForeignKey(
        Professor,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Whom the absent professor wants asked next."),
        verbose_name=_("named substitute"),
    )
    opened_at = models.DateTimeField(_("opened"))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    failures = models.PositiveSmallIntegerField(_("failures in a row"), default=0)

    objects: ClassVar[models.Manager[Case]] = CaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("case")
        verbose_name_plural = _("cases")
        ordering: ClassVar = ["before_starts_at", "id"]
        indexes: ClassVar = [
            # Only what is open is due. Said so, and not by the status, a plan for any status can use it.
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="case_due_at"),
            models.Index(fields=["institute", "status"], name="case_institute_status"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["meeting"],
                condition=Q(status="open"),
                name="case_one_open_per_meeting",
                violation_error_message=_("This class meeting already has an open case."),
            ),
            models.CheckConstraint(
                condition=Q(status="open", closed_at__isnull=True, due_at__isnull=False)
                | (~Q(status="open") & Q(closed_at__isnull=False, due_at__isnull=True)),
                name="case_open_is_due_closed_is_not",
            ),
            models.CheckConstraint(
                condition=Q(status__in=CaseStatus.values), name="case_status_known"
            ),
            models.CheckConstraint(condition=Q(step__range=(1, 5)), name="case_step_known"),
        ]

    def __str__(self) -> str:
        return f"{self.meeting_id} {self.status} ({self.step})"

    @property
    def is_open(self) -> bool:
        return self.status == CaseStatus.OPEN

    # Django's own look through the translations of all choices, for each case of a list.

    def get_status_display(self) -> str:  # type: ignore[no-redef]
        return str(CaseStatus(self.status).label)

    def get_step_display(self) -> str:  # type: ignore[no-redef]
        return str(StepNumber(self.step).label)

    def get_waiting_for_display(self) -> str:  # type: ignore[no-redef]
        return str(WaitingFor(self.waiting_for).label) if self.waiting_for else ""


class StepRecord(models.Model):
    """One visit of a case to one rung: what was considered there and how it ended."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="records")
    step = models.PositiveSmallIntegerField(_("step"), choices=StepNumber)
    entered_at = models.DateTimeField(_("entered"))
    left_at = models.DateTimeField(_("left"), null=True, blank=True)
    result = models.CharField(
        _("result"), max_length=16, choices=StepResult, default=StepResult.RUNNING
    )
    reason = models.JSONField(_("reason"), default=dict, blank=True)
    considered = models.JSONField(
        _("considered"),
        default=dict,
        blank=True,
        help_text=_("The ranked candidates or slots, and why each other one was left out."),
    )

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["case"],
                condition=Q(left_at__isnull=True),
                name="record_one_running_per_case",
            ),
            models.CheckConstraint(
                condition=Q(left_at__isnull=True, result="running")
                | (Q(left_at__isnull=False) & ~Q(result="running")),
                name="record_left_with_result",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id}/{self.step} {self.result}"


AGREED = Q(status__in=[OfferStatus.ACCEPTED, OfferStatus.WITHDRAWN], answered_at__gt=F("sent_at"))
"""Requests to which they said yes when asked, and did not take it back: also what was called off since.

Whom a registrar has assigned was not asked: that offer is answered as it is made.
"""
TURNED_DOWN = Q(status__in=[OfferStatus.DECLINED, OfferStatus.EXPIRED])
"""Requests to which they said no, or nothing in time."""


class OfferQuerySet(models.QuerySet[Any]):
    def waiting(self) -> Self:
        return self.filter(status=OfferStatus.SENT)

    def accepted(self) -> Self:
        return self.filter(status=OfferStatus.ACCEPTED)

    def for_list(self) -> Self:
        return self.select_related(
            "professor",
            "case__institute",
            "case__professor",
            "case__absence",
            "case__meeting__institute",
            "case__meeting__offering__course",
            "case__meeting__room",
            "case__meeting__professor",
        )


class Offer(models.Model):
    """A request to one professor to take one meeting, with the reasons for asking them."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    case = models.ForeignKey(Case, models.CASCADE, related_name="offers", verbose_name=_("case"))
    record = models.ForeignKey(
        StepRecord, models.CASCADE, related_name="offers", verbose_name=_("step")
    )
    professor = models.ForeignKey(
        Professor, models.PROTECT, related_name="offers", verbose_name=_("professor")
    )
    step = models.PositiveSmallIntegerField(_("step"), choices=StepNumber)
    wave = models.PositiveSmallIntegerField(_("wave"), default=1)
    rank = models.PositiveSmallIntegerField(_("rank"), default=1)
    status = models.CharField(
        _("status"), max_length=16, choices=OfferStatus, default=OfferStatus.SENT
    )
    sent_at = models.DateTimeField(_("sent"))
    expires_at = models.DateTimeField(_("answer until"))
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)
    comment = models.CharField(_("reason given"), max_length=500, blank=True)
    spared_week = models.DateField(
        _("no other request for the week from"),
        null=True,
        blank=True,
        db_index=True,
        help_text=_("The Monday of the week in which they want to be asked for nothing else."),
    )
    reasons = models.JSONField(_("reasons"), default=list, blank=True)

    objects: ClassVar[models.Manager[Offer]] = OfferQuerySet.as_manager()

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        ordering: ClassVar = ["sent_at", "rank", "id"]
        indexes: ClassVar = [
            models.Index(fields=["professor", "status"], name="offer_professor_status"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["case"],
                condition=Q(status="accepted"),
                name="offer_one_accepted_per_case",
                violation_error_message=_("Someone else has already taken this class."),
            ),
            models.UniqueConstraint(
                fields=["case", "professor"],
                condition=Q(status="sent"),
                name="offer_one_waiting_per_professor",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("sent_at")), name="offer_expires_after_sending"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.professor_id} {self.status}"

    def is_answerable(self, now: dt.datetime) -> bool:
        return self.status == OfferStatus.SENT and now < self.expires_at


class SlotChoice(models.Model):
    """A place in time and space taken up for a case: chosen by a person, or put to a weekend vote."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="slot_choices")
    step = models.PositiveSmallIntegerField(_("step"), choices=StepNumber)
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    room = models.ForeignKey(Room, models.PROTECT, null=True, blank=True, related_name="+")
    chosen_at = models.DateTimeField(_("chosen"))
    chosen_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    ballot = models.OneToOneField(
        Ballot, models.PROTECT, null=True, blank=True, related_name="slot_choice"
    )
    reasons = models.JSONField(_("reasons"), default=list, blank=True)
    used_at = models.DateTimeField(_("acted on"), null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="slot_choice_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.starts_at:%Y-%m-%d %H:%M}"
