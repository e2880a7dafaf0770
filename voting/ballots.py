"""A ballot's life: opened, answered, reminded of, closed. Nothing else writes ballots and votes.

Times are arguments. A vote's `now` is when it reached the server; it then may have to wait for the
ballot's row. What decides is the order in which that row is locked: a vote sent in time counts
until the close is recorded, and none counts after that, however early it was sent.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog
from django.db import IntegrityError, transaction
from django.db.models import BigIntegerField, CharField, UUIDField
from django.views.decorators.debug import sensitive_variables

from timetable import writes
from timetable.models import Institute, Offering, Student
from timetable.prepared import PreparedRows

from . import receipts, signals
from .enums import BallotKind, BallotResult, ClosedBy, Refusal
from .models import Ballot, RollPlace, Vote
from .refusals import VotingRefused
from .rules import Rule, Turnout

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class CastVote:
    """What a voter gets back. Its repr hides the choice and the receipt."""

    receipt: str = field(repr=False)
    choice: bool = field(repr=False)
    turnout: Turnout
    result: BallotResult | None
    """The class's answer, if this vote decided it and so closed the ballot."""


def open_ballot(
    *,
    institute: Institute,
    offering: Offering,
    kind: BallotKind,
    question: str,
    subject_uid: uuid.UUID,
    closes_at: dt.datetime,
    quorum_percent: int,
    hide_count: bool = False,
    facts: Mapping[str, str] | None = None,
    now: dt.datetime,
) -> Ballot:
    """Put a question to the active students of a class, under a rule that holds until the close.

    The question is as it stands in the records; with its facts, each reads it in their language.

    The roll is frozen: who enrols or leaves later changes nothing. Raises VotingRefused: `no_time`
    if it would close at once, `empty_roll`, `already_open` if a ballot on this subject is.
    """
    if closes_at <= now:
        raise VotingRefused(Refusal.NO_TIME)
    with transaction.atomic():
        students = Student.objects.filter(
            institute=institute, active=True, enrolments__offering=offering
        )
        student_ids = list(students.order_by("pk").values_list("pk", flat=True))
        if not student_ids:
            raise VotingRefused(Refusal.EMPTY_ROLL)
        ballot = Ballot(
            institute=institute,
            offering=offering,
            kind=kind,
            question=question,
            facts=dict(facts or {}),
            subject_uid=subject_uid,
            opened_at=now,
            closes_at=closes_at,
            quorum_percent=quorum_percent,
            hide_count=hide_count,
            roll_size=len(student_ids),
        )
        _insert(ballot)
        RollPlace.objects.bulk_create(
            (RollPlace(ballot=ballot, student_id=student_id) for student_id in student_ids),
            batch_size=1000,
        )
        signals.ballot_opened.send(sender=Ballot, ballot=ballot, now=now)
    return ballot


def _insert(ballot: Ballot) -> None:
    try:
        with transaction.atomic():
            ballot.save(force_insert=True)
    except IntegrityError as error:
        if Ballot.objects.open().filter(subject_uid=ballot.subject_uid).exists():
            raise VotingRefused(Refusal.ALREADY_OPEN) from error
        raise


class _Decides(Exception):
    """This vote closes the ballot, and not every lock that a close needs is held."""

    def __init__(self, subject_uid: uuid.UUID) -> None:
        super().__init__(subject_uid)
        self.subject_uid = subject_uid


@sensitive_variables()
def cast(*, ballot_uid: uuid.UUID, student: Student, choice: bool, now: dt.datetime) -> CastVote:
    """Count this student's answer, or put it in the place of the one they gave before.

    Counted or refused, never accepted and lost. A vote that decides closes the ballot in the same
    transaction. Raises VotingRefused: `not_on_roll` (also if there is no such ballot), `not_open`,
    `closed`, `key_changed`.
    """
    try:
        return _count(ballot_uid, student, choice, now)
    except _Decides as decides:
        # Once in a ballot's life: begin again, with the locks in the order that everybody keeps.
        return _count(ballot_uid, student, choice, now, closing=decides.subject_uid)


@sensitive_variables()
def _count(
    ballot_uid: uuid.UUID,
    student: Student,
    choice: bool,
    now: dt.datetime,
    *,
    closing: uuid.UUID | None = None,
) -> CastVote:
    with transaction.atomic():
        if closing is not None:
            signals.ballot_closing.send(sender=Ballot, subject_uid=closing)
        ballot = _lock_for_voter(ballot_uid, student)
        voter_key = receipts.VoterKeys(ballot).of(student.pk)
        if now < ballot.opened_at:
            raise VotingRefused(Refusal.NOT_OPEN)
        if not ballot.accepts_at(now):
            raise VotingRefused(Refusal.CLOSED)
        receipt = _file(ballot, voter_key, choice)
        result = Rule(ballot.quorum_percent).decided_early(ballot.yes, ballot.no, ballot.roll_size)
        if result is None:
            writes.update(ballot, "yes", "no")
        elif closing is not None:
            _finish(ballot, result, ClosedBy.MAJORITY, now)
        else:
            raise _Decides(ballot.subject_uid)
        return CastVote(receipt, choice, Turnout(ballot.cast, ballot.roll_size), result)


@sensitive_variables()
def _file(ballot: Ballot, voter_key: str, choice: bool) -> str:
    """Write the vote, count it on the (locked, unsaved) ballot, and give its receipt."""
    vote = _FILED.first(ballot=ballot.pk, voter_key=voter_key)
    if vote is not None and vote.choice == choice:
        return vote.receipt
    if vote is None:
        vote = Vote(ballot=ballot, voter_key=voter_key, choice=choice, receipt=receipts.new_code())
        writes.insert(vote)
    else:
        vote.choice, vote.receipt = choice, receipts.new_code()
        writes.update(vote, "choice", "receipt")
        ballot.yes -= not choice
        ballot.no -= choice
    ballot.yes += choice
    ballot.no += not choice
    return vote.receipt


def close(ballot_id: int, now: dt.datetime) -> bool:
    """Close a ballot whose time is over. False, and nothing is done, if it is closed or not due."""
    ballot = Ballot.objects.due(now).filter(pk=ballot_id).first()
    if ballot is None:
        return False
    with transaction.atomic():
        signals.ballot_closing.send(sender=Ballot, subject_uid=ballot.subject_uid)
        ballot = _lock(ballot_id)
        if not ballot.is_open:
            return False
        result = Rule(ballot.quorum_percent).result(ballot.yes, ballot.no, ballot.roll_size)
        _finish(ballot, result, ClosedBy.TIME, now)
    return True


def cancel(ballot_id: int, now: dt.datetime) -> bool:
    """Withdraw the question. False, and nothing is done, if the ballot is closed or gone."""
    ballot = Ballot.objects.open().filter(pk=ballot_id).first()
    if ballot is None:
        return False
    with transaction.atomic():
        signals.ballot_closing.send(sender=Ballot, subject_uid=ballot.subject_uid)
        ballot = _lock(ballot_id)
        if not ballot.is_open:
            return False
        _finish(ballot, BallotResult.CANCELLED, ClosedBy.CANCELLED, now)
    return True


def close_due(now: dt.datetime) -> list[int]:
    """Close each ballot whose time is over in its own transaction: the ids of those closed."""
    due = Ballot.objects.due(now).order_by("closes_at", "pk").values_list("pk", flat=True)
    return _each(due, lambda ballot_id: close(ballot_id, now), "ballot_not_closed")


def remind_due(now: dt.datetime) -> list[int]:
    """Tell of each ballot past half of its time who has not voted yet: the ids of those ballots.

    Once for each ballot, however often and by however many this is called.
    """
    waiting = Ballot.objects.open().filter(reminded_at__isnull=True, closes_at__gt=now)
    due = [
        ballot_id
        for ballot_id, opened_at, closes_at in waiting.order_by("closes_at", "pk").values_list(
            "pk", "opened_at", "closes_at"
        )
        if now - opened_at >= closes_at - now
    ]
    return _each(due, lambda ballot_id: remind(ballot_id, now), "ballot_not_reminded")


def remind(ballot_id: int, now: dt.datetime) -> bool:
    """Remind those who have not voted. False, and nobody is told, if that has been done or it is closed."""
    with transaction.atomic():
        unclaimed = Ballot.objects.open().filter(pk=ballot_id, reminded_at__isnull=True)
        if not unclaimed.update(reminded_at=now):
            return False
        ballot = Ballot.objects.for_list().get(pk=ballot_id)
        students = silent_students(ballot)
        if students:
            signals.reminder_due.send(sender=Ballot, ballot=ballot, students=students, now=now)
    return True


def silent_students(ballot: Ballot) -> list[Student]:
    """Who is on the roll and has not voted. For reminding them, never for showing.

    Raises VotingRefused (`key_changed`) if it can no longer be told.
    """
    keys = receipts.VoterKeys(ballot)
    filed = set(Vote.objects.filter(ballot=ballot).values_list("voter_key", flat=True))
    roll = Student.objects.filter(roll_places__ballot=ballot).select_related("user").order_by("pk")
    return [student for student in roll if keys.of(student.pk) not in filed]


def _each(ballot_ids: Iterable[int], act: Callable[[int], bool], failure: str) -> list[int]:
    """Act on each, in whatever state the others leave: the ids of those on which it took effect."""
    done = []
    for ballot_id in ballot_ids:
        try:
            if act(ballot_id):
                done.append(ballot_id)
        except Exception:
            # One broken ballot must not stop the others.
            logger.exception(failure, ballot=ballot_id)
    return done


def _lock(ballot_id: int) -> Ballot:
    """The ballot as it stands now, held until the transaction ends."""
    # no_key: what merely refers to the ballot need not wait.
    ballot: Ballot = Ballot.objects.select_for_update(no_key=True).get(pk=ballot_id)
    return ballot


# Votes come all at once: what each of them reads is worded once.
_LOCKED_FOR = PreparedRows[Ballot](
    lambda ballot, student: (
        Ballot.objects.select_for_update(no_key=True, of=("self",))
        .filter(uid=ballot, roll__student=student)
        .order_by()
    ),
    ballot=UUIDField(),
    student=BigIntegerField(),
)
_FILED = PreparedRows[Vote](
    lambda ballot, voter_key: Vote.objects.filter(ballot=ballot, voter_key=voter_key).order_by(),
    ballot=BigIntegerField(),
    voter_key=CharField(),
)


def _lock_for_voter(ballot_uid: uuid.UUID, student: Student) -> Ballot:
    """As `_lock`, if the student is on the roll, which is frozen and so can be read with it."""
    ballot = _LOCKED_FOR.first(ballot=ballot_uid, student=student.pk)
    if ballot is None:
        raise VotingRefused(Refusal.NOT_ON_ROLL)
    return ballot


def _finish(ballot: Ballot, result: BallotResult, by: ClosedBy, now: dt.datetime) -> None:
    ballot.closed_at, ballot.closed_by, ballot.result = now, by, result
    ballot.save(update_fields=["closed_at", "closed_by", "result", "yes", "no"])
    signals.ballot_closed.send(sender=Ballot, ballot=ballot, now=now)
