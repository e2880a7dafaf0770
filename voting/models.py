"""A question put to a roll of students, and its honest answer.

No column ties a student to a choice: a vote is filed under a keyed hash of ballot and student and
under a random id, carries no time, and a place on the roll is never written again once the ballot
is open. What that does and does not keep secret is said in `receipts`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, ClassVar, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from timetable.models import Institute, Offering, Student

from .enums import BallotKind, BallotResult, ClosedBy, Phase
from .keys import current_mark


class BallotQuerySet(models.QuerySet[Any]):
    def open(self) -> Self:
        """Not closed yet; whether votes still count at a moment is `Ballot.accepts_at`."""
        return self.filter(closed_at__isnull=True)

    def due(self, now: dt.datetime) -> Self:
        """Open past its time."""
        return self.open().filter(closes_at__lte=now)

    def for_student(self, student: Student) -> Self:
        return self.filter(roll__student=student)

    def for_list(self) -> Self:
        return self.select_related("institute", "offering__course")


class Ballot(models.Model):
    """One yes/no question to one class, with the rule it was opened under."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    institute = models.ForeignKey(
        Institute, models.CASCADE, related_name="ballots", verbose_name=_("institute")
    )
    offering = models.ForeignKey(
        Offering, models.PROTECT, related_name="ballots", verbose_name=_("class")
    )
    kind = models.CharField(_("kind"), max_length=16, choices=BallotKind)
    question = models.CharField(_("question"), max_length=500)
    facts = models.JSONField(_("what the question is about"), default=dict, editable=False)
    subject_uid = models.UUIDField(
        _("subject"), db_index=True, help_text=_("The case that waits for the answer.")
    )
    opened_at = models.DateTimeField(_("opened"))
    closes_at = models.DateTimeField(_("closes"))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    closed_by = models.CharField(_("closed by"), max_length=16, choices=ClosedBy, blank=True)
    result = models.CharField(_("result"), max_length=16, choices=BallotResult, blank=True)
    reminded_at = models.DateTimeField(_("reminded"), null=True, blank=True)

    quorum_percent = models.PositiveSmallIntegerField(
        _("approval quorum, per cent of the roll"),
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    hide_count = models.BooleanField(_("count hidden until the close"), default=False)
    # Under which of the server's keys the votes are filed: not the key, only its mark.
    key_mark = models.CharField(max_length=16, default=current_mark, editable=False)
    roll_size = models.PositiveIntegerField(_("size of the roll"))
    yes = models.PositiveIntegerField(_("yes"), default=0)
    no = models.PositiveIntegerField(_("no"), default=0)

    objects: ClassVar[models.Manager[Ballot]] = BallotQuerySet.as_manager()

    class Meta:
        verbose_name = _("ballot")
        verbose_name_plural = _("ballots")
        ordering: ClassVar = ["-opened_at", "id"]
        indexes: ClassVar = [
            models.Index(fields=["closed_at", "closes_at"], name="ballot_due"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject_uid"],
                condition=Q(closed_at__isnull=True),
                name="ballot_one_open_per_subject",
                violation_error_message=_("A vote on this is already open."),
            ),
            models.CheckConstraint(
                condition=Q(closes_at__gt=F("opened_at")), name="ballot_closes_after_opening"
            ),
            models.CheckConstraint(
                condition=Q(quorum_percent__range=(0, 100)), name="ballot_quorum_is_percent"
            ),
            models.CheckConstraint(
                condition=Q(yes__lte=F("roll_size") - F("no")), name="ballot_votes_within_roll"
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, result="", closed_by="")
                | (Q(closed_at__isnull=False) & ~Q(result="") & ~Q(closed_by="")),
                name="ballot_closed_with_result",
            ),
        ]

    def __str__(self) -> str:
        return self.wording

    @property
    def wording(self) -> str:
        """The question in the reader's language; as recorded, where its facts are not known."""
        if not self.facts:
            return self.question
        return BallotKind(self.kind).question(self.facts)

    @property
    def is_open(self) -> bool:
        """Not closed yet, though its time may be over: the sweep closes it within a minute."""
        return self.closed_at is None

    def accepts_at(self, now: dt.datetime) -> bool:
        """Whether a vote at this moment counts: the closing moment itself is too late."""
        return self.closed_at is None and now < self.closes_at

    def phase(self, now: dt.datetime) -> Phase:
        if self.closed_at is not None:
            return Phase.CLOSED
        return Phase.OPEN if now < self.closes_at else Phase.COUNTING

    @property
    def ended_at(self) -> dt.datetime:
        """Until when votes were taken, or will be."""
        return min(self.closes_at, self.closed_at or self.closes_at)

    @property
    def cast(self) -> int:
        return self.yes + self.no


class RollPlace(models.Model):
    """One student who may answer; frozen when the ballot opens.

    Not even that somebody has voted is written here: the database would file the change under the
    same transaction as the vote, and so tie the two together.
    """

    ballot = models.ForeignKey(Ballot, models.CASCADE, related_name="roll")
    student = models.ForeignKey(Student, models.PROTECT, related_name="roll_places")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["ballot", "student"], name="roll_place_once"),
        ]

    def __str__(self) -> str:
        return f"{self.student} · {self.ballot_id}"


class Vote(models.Model):
    """One answer, under a key that only its voter's request can compute again."""

    # Random, so that neither the id nor an order by it tells who came first.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ballot = models.ForeignKey(Ballot, models.CASCADE, related_name="votes")
    voter_key = models.CharField(max_length=64, editable=False)
    choice = models.BooleanField(_("yes"))
    receipt = models.CharField(_("receipt"), max_length=32, unique=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["ballot", "voter_key"], name="vote_once"),
        ]

    def __str__(self) -> str:
        # Neither choice nor receipt: pages that list what depends on a row print this.
        return str(_("a vote"))
