"""The work that an absence makes: cases, what was tried for them, who was asked, who was told.

Only `engine` moves a case, only `answers` answers an offer, only `audit` adds to the log.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from timetable.models import Absence, Institute, Meeting, Professor, Room, User
from voting.models import Ballot

from .enums import (
    ActorKind,
    CaseStatus,
    DeliveryStatus,
    MessageChannel,
    OfferStatus,
    RehearsalFailure,
    RehearsalPhase,
    RehearsalStatus,
    StepNumber,
    StepResult,
    WaitingFor,
    WebhookEvent,
    WebhookOff,
    WebhookStatus,
)

WINDOWS = (
    *("direct_window", "section_window", "choose_window", "answer_window", "vote_window"),
    *("slot_window", "weekend_window"),
)

# Beyond these a typing error would lead out of the calendar: minutes, minutes, days.
LONGEST_WINDOW = 14 * 24 * 60
LONGEST_NOTICE = 7 * 24 * 60
LONGEST_RETENTION = 10 * 366


def _minutes(label: Any, default: int) -> Any:
    return models.PositiveIntegerField(
        label,
        default=default,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_WINDOW)],
    )


def _hours(label: Any, default: int, most: int, help_text: Any = "") -> Any:
    return models.DecimalField(
        label,
        max_digits=5,
        decimal_places=2,
        default=default,
        validators=[MinValueValidator(0), MaxValueValidator(most)],
        help_text=help_text,
    )


def _percent(label: Any, default: int) -> Any:
    return models.PositiveSmallIntegerField(
        label, default=default, validators=[MaxValueValidator(100)]
    )


class Policy(models.Model):
    """An institute's rules. Windows are in minutes of waking time, caps in clock hours."""

    institute = models.OneToOneField(Institute, models.CASCADE, related_name="policy")

    direct_window = _minutes(_("step 1: named substitute answers, minutes"), 4 * 60)
    section_window = _minutes(_("step 2: section answers, minutes"), 6 * 60)
    choose_window = _minutes(_("step 3: professor chooses, minutes"), 4 * 60)
    answer_window = _minutes(_("step 3: candidate answers, minutes"), 4 * 60)
    vote_window = _minutes(_("step 3: students vote, minutes"), 12 * 60)
    slot_window = _minutes(_("step 4: professor picks a slot, minutes"), 24 * 60)
    weekend_window = _minutes(_("step 5: students vote, minutes"), 24 * 60)
    notice = models.PositiveIntegerField(
        _("notice before the class, minutes"),
        default=60,
        validators=[MaxValueValidator(LONGEST_NOTICE)],
        help_text=_("Steps 1–3 are decided at least this long before the class."),
    )
    window_floor = _minutes(_("shortest window worth opening, minutes"), 10)
    waking_from = models.TimeField(_("waking hours from"), default=dt.time(7))
    waking_to = models.TimeField(_("waking hours to"), default=dt.time(22))

    wave_size = models.PositiveSmallIntegerField(
        _("offers in a wave"), default=3, help_text=_("0: everyone at once.")
    )
    daily_cap_hours = _hours(
        _("most hours a day"), 8, 24, _("Where a professor states no limit of their own.")
    )
    weekly_cap_hours = _hours(
        _("most hours a week"), 24, 168, _("Where no contracted weekly hours are stated.")
    )
    weekly_extra_hours = _hours(_("cover above contracted hours a week"), 6, 168)

    quorum_percent = _percent(_("approval quorum, per cent of the roll"), 25)
    hide_count = models.BooleanField(_("hide the count until the close"), default=False)
    clash_percent = _percent(_("students who may be in a clash, per cent"), 0)
    slots_offered = models.PositiveSmallIntegerField(
        _("slots shown to the professor"),
        default=8,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
    )
    note_retention_days = models.PositiveIntegerField(
        _("private notes are kept, days"),
        default=180,
        validators=[MaxValueValidator(LONGEST_RETENTION)],
        help_text=_("Counted from the end of the absence."),
    )

    class Meta:
        verbose_name_plural = _("policies")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(waking_to__gt=F("waking_from")),
                name="policy_waking_hours_in_order",
                violation_error_message=_("Waking hours must end after they begin."),
            ),
        ]

    def __str__(self) -> str:
        return str(self.institute)

    def clean(self) -> None:
        """What two fields say of each other, said at the field to mend."""
        faults = {}
        if self.waking_from and self.waking_to and self.waking_to <= self.waking_from:
            faults["waking_to"] = _("Waking hours must end after they begin.")
        windows = [getattr(self, name) for name in WINDOWS]
        if self.window_floor and any(w and w < self.window_floor for w in windows):
            faults["window_floor"] = _("A window shorter than this would never be opened.")
        if faults:
            raise ValidationError(faults)


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
            "institute",
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
    institute = models.ForeignKey(Institute, models.PROTECT, related_name="cases")
    absence = models.ForeignKey(Absence, models.PROTECT, related_name="cases")
    meeting = models.ForeignKey(Meeting, models.PROTECT, related_name="cases")
    professor = models.ForeignKey(
        Professor, models.PROTECT, related_name="cases", help_text=_("Who is absent.")
    )
    before_starts_at = models.DateTimeField(_("start before"))
    before_ends_at = models.DateTimeField(_("end before"))
    before_room = models.ForeignKey(Room, models.PROTECT, null=True, blank=True, related_name="+")

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
    )
    opened_at = models.DateTimeField(_("opened"))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    failures = models.PositiveSmallIntegerField(_("failures in a row"), default=0)

    objects: ClassVar[models.Manager[Case]] = CaseQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["before_starts_at", "id"]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=Q(status="open"), name="case_due"),
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
    case = models.ForeignKey(Case, models.CASCADE, related_name="offers")
    record = models.ForeignKey(StepRecord, models.CASCADE, related_name="offers")
    professor = models.ForeignKey(Professor, models.PROTECT, related_name="offers")
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
    reasons = models.JSONField(_("reasons"), default=list, blank=True)

    objects: ClassVar[models.Manager[Offer]] = OfferQuerySet.as_manager()

    class Meta:
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


class AuditHead(models.Model):
    """The end of one institute's chain: its row is the lock under which entries are appended."""

    institute = models.OneToOneField(Institute, models.PROTECT, related_name="audit_head")
    number = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.institute_id} {self.number}"


class LogEntryIsFinal(Exception):
    """Somebody tried to change or delete what the log says."""


class LogEntryQuerySet(models.QuerySet[Any]):
    def update(self, **kwargs: Any) -> int:
        raise LogEntryIsFinal("Log entries are never changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise LogEntryIsFinal("Log entries are never deleted.")

    def for_list(self) -> Self:
        return self.select_related("institute", "case__meeting__offering__course")


class LogEntry(models.Model):
    """Who did what, when and why. Never changed, never deleted; each carries the hash before it."""

    institute = models.ForeignKey(Institute, models.PROTECT, related_name="log")
    number = models.PositiveBigIntegerField(_("number"))
    at = models.DateTimeField(_("when"))
    actor_kind = models.CharField(_("acted as"), max_length=16, choices=ActorKind)
    actor_id = models.CharField(_("account"), max_length=64, blank=True)
    actor_name = models.CharField(_("who"), max_length=200, blank=True)
    kind = models.CharField(_("what"), max_length=40)
    case = models.ForeignKey(Case, models.PROTECT, null=True, blank=True, related_name="log")
    reason = models.TextField(_("why"), blank=True)
    data = models.JSONField(_("data"), default=dict, blank=True)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    objects: ClassVar[models.Manager[LogEntry]] = LogEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = _("log entries")
        ordering: ClassVar = ["institute", "number"]
        indexes: ClassVar = [
            models.Index(fields=["case", "number"], name="log_case"),
            models.Index(fields=["institute", "kind"], name="log_kind"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["institute", "number"], name="log_number_once"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.kind}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise LogEntryIsFinal("Log entries are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise LogEntryIsFinal("Log entries are never deleted.")


class Notice(models.Model):
    """What is told, worded once for all its recipients. `key` makes telling it twice impossible."""

    institute = models.ForeignKey(Institute, models.CASCADE, related_name="notices")
    case = models.ForeignKey(Case, models.CASCADE, null=True, blank=True, related_name="notices")
    kind = models.CharField(_("kind"), max_length=40)
    key = models.CharField(_("idempotency key"), max_length=200, unique=True)
    subject = models.CharField(_("subject"), max_length=300)
    body = models.TextField(_("text"))
    link = models.CharField(_("link"), max_length=200, blank=True)
    data = models.JSONField(_("data"), default=dict, blank=True)
    created_at = models.DateTimeField(_("written"))

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.subject


class Message(models.Model):
    """A notice in one person's inbox."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    notice = models.ForeignKey(Notice, models.CASCADE, related_name="messages")
    user = models.ForeignKey(User, models.CASCADE, related_name="messages")
    read_at = models.DateTimeField(_("read"), null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["user", "read_at"], name="message_user_read")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["notice", "user"], name="message_once_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.notice_id}"


class DeliveryQuerySet(models.QuerySet[Any]):
    def due(self, now: dt.datetime) -> Self:
        return self.filter(status=DeliveryStatus.QUEUED, due_at__lte=now)


class Delivery(models.Model):
    """One message on its way over one channel to one address."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="deliveries")
    channel = models.CharField(_("channel"), max_length=8, choices=MessageChannel)
    address = models.CharField(_("address"), max_length=254)
    status = models.CharField(
        _("status"), max_length=16, choices=DeliveryStatus, default=DeliveryStatus.QUEUED
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("tried next"))
    claimed_at = models.DateTimeField(_("claimed"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    provider_id = models.CharField(_("provider's id"), max_length=200, blank=True, db_index=True)
    error = models.TextField(_("error"), blank=True)

    objects: ClassVar[models.Manager[Delivery]] = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = _("deliveries")
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["status", "due_at"], name="delivery_due")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["message", "channel"], name="delivery_once_per_channel"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.address} {self.status}"


class WebhookQuerySet(models.QuerySet[Any]):
    def standing(self) -> Self:
        """Those that have not been removed."""
        return self.filter(removed_at=None)

    def active(self) -> Self:
        """Those to which events are sent."""
        return self.standing().filter(off_at=None)

    def rested(self, now: dt.datetime) -> Self:
        """Active ones that may be tried now."""
        return self.active().filter(Q(resting_until=None) | Q(resting_until__lte=now))


class Webhook(models.Model):
    """Another system that is told of an institute's events, and what signs what it is told.

    `secrets` are sealed, the newest first: `{"sealed": …, "until": null or moment}`. After a failure the
    receiver is left alone until `resting_until`. A removed one stays, for its deliveries' sake.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    institute = models.ForeignKey(Institute, models.PROTECT, related_name="webhooks")
    name = models.CharField(_("name"), max_length=100)
    url = models.CharField(_("address"), max_length=500)
    events = models.JSONField(_("events"), default=list)
    secrets = models.JSONField(default=list)
    owner = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="webhooks")
    created_at = models.DateTimeField(_("made"))
    delivered_at = models.DateTimeField(_("last delivery"), null=True, blank=True)
    resting_until = models.DateTimeField(_("left alone until"), null=True, blank=True)
    off_at = models.DateTimeField(_("switched off"), null=True, blank=True)
    off_why = models.CharField(_("why"), max_length=16, choices=WebhookOff, blank=True)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)

    objects: ClassVar[models.Manager[Webhook]] = WebhookQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["institute", "url"],
                condition=Q(removed_at__isnull=True),
                name="webhook_once_per_address",
                violation_error_message=_("There is a webhook with this address already."),
            ),
            models.CheckConstraint(
                condition=Q(off_at__isnull=True, off_why="")
                | (Q(off_at__isnull=False) & ~Q(off_why="")),
                name="webhook_off_for_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_on(self) -> bool:
        return self.off_at is None and self.removed_at is None


class WebhookDeliveryQuerySet(models.QuerySet[Any]):
    def due(self, now: dt.datetime) -> Self:
        return self.filter(status=WebhookStatus.QUEUED, due_at__lte=now)


class WebhookDelivery(models.Model):
    """One event on its way to one webhook. `uid` is the message's id, the same at each attempt.

    `key` names the fact, so that it is written once for each webhook; `queued_at` is when it was
    written, or last asked for again.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    webhook = models.ForeignKey(Webhook, models.PROTECT, related_name="deliveries")
    case = models.ForeignKey(Case, models.CASCADE, null=True, blank=True, related_name="+")
    event = models.CharField(_("event"), max_length=32, choices=WebhookEvent)
    key = models.CharField(_("idempotency key"), max_length=100)
    body = models.TextField(_("content"))
    status = models.CharField(
        _("status"), max_length=16, choices=WebhookStatus, default=WebhookStatus.QUEUED
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    written_at = models.DateTimeField(_("happened"))
    queued_at = models.DateTimeField(_("queued"))
    due_at = models.DateTimeField(_("tried next"))
    claimed_at = models.DateTimeField(_("claimed"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    answer_status = models.PositiveSmallIntegerField(_("answer"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)

    objects: ClassVar[models.Manager[WebhookDelivery]] = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = _("webhook deliveries")
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(fields=["status", "due_at"], name="webhook_delivery_due"),
            models.Index(fields=["webhook", "status"], name="webhook_delivery_status"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["webhook", "key"], name="webhook_told_once"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.status}"


class RehearsalQuerySet(models.QuerySet[Any]):
    def going(self) -> Self:
        """Those that wait to begin or are being played."""
        return self.filter(status__in=Rehearsal.GOING)


class Rehearsal(models.Model):
    """What a registrar wanted played, how far it is, and what came of it.

    `script` is who is absent and how people behave; `rules` what is compared with: by name, the rule as
    it was and the other one. `found` and `compared` are the figures under each.
    """

    GOING = (RehearsalStatus.WAITING, RehearsalStatus.RUNNING)

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    institute = models.ForeignKey(Institute, models.CASCADE, related_name="rehearsals")
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    asked_at = models.DateTimeField(_("asked for"))
    script = models.JSONField(_("script"), default=dict)
    rules = models.JSONField(_("other rules"), default=dict, blank=True)

    status = models.CharField(
        _("status"), max_length=16, choices=RehearsalStatus, default=RehearsalStatus.WAITING
    )
    phase = models.CharField(_("phase"), max_length=16, choices=RehearsalPhase, blank=True)
    done = models.PositiveIntegerField(_("absences played"), default=0)
    total = models.PositiveIntegerField(_("absences to play"), default=0)
    heard_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    found = models.JSONField(_("figures"), null=True, blank=True)
    compared = models.JSONField(_("figures by the other rules"), null=True, blank=True)
    failure = models.CharField(
        _("why it failed"), max_length=16, choices=RehearsalFailure, blank=True
    )
    error = models.CharField(_("error"), max_length=200, blank=True)

    objects: ClassVar[models.Manager[Rehearsal]] = RehearsalQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-asked_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["institute"],
                condition=Q(status__in=["waiting", "running"]),
                name="rehearsal_one_going_per_institute",
                violation_error_message=_("A rehearsal is being played already."),
            ),
            models.CheckConstraint(
                condition=Q(status__in=RehearsalStatus.values), name="rehearsal_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["waiting", "running"], ended_at__isnull=True)
                | (~Q(status__in=["waiting", "running"]) & Q(ended_at__isnull=False)),
                name="rehearsal_ended_is_not_going",
            ),
            models.CheckConstraint(
                condition=Q(status="done", found__isnull=False)
                | (~Q(status="done") & Q(found__isnull=True)),
                name="rehearsal_done_has_figures",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.institute_id} {self.asked_at:%Y-%m-%d %H:%M} {self.status}"

    @property
    def is_going(self) -> bool:
        return self.status in self.GOING


class PushSubscription(models.Model):
    """A device on which somebody wants to be told at once (Web Push, RFC 8030).

    `endpoint` is where its push service takes messages; the keys are the browser's, with which only
    this device can read them. `server_key` is the one of ours that the push service expects.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="push_subscriptions")
    endpoint = models.CharField(_("address"), max_length=1000)
    endpoint_hash = models.CharField(max_length=64, unique=True, editable=False)
    p256dh = models.CharField(max_length=100, editable=False)
    auth = models.CharField(max_length=32, editable=False)
    server_key = models.CharField(max_length=100, editable=False)
    made_at = models.DateTimeField(_("made"))

    class Meta:
        ordering: ClassVar = ["-made_at", "-id"]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.pk}"
