"""What a voter may see of a ballot."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import BigIntegerField, Q, QuerySet, UUIDField

from timetable.models import Student
from timetable.prepared import PreparedRows

from .enums import Phase
from .models import Ballot, RollPlace, Vote
from .receipts import Receipt, VoterKeys, own_vote, public_receipts
from .refusals import VotingRefused
from .rules import Rule, Turnout

SMALLEST_LIVE_ROLL = 5
"""With fewer voters, a live count tells what the last one to vote has said."""

OF_LATE = dt.timedelta(days=14)
"""So long the page of a class shows how a vote ended."""

PAST_BALLOTS = 20
"""How many ballots of the past a student is shown."""


@dataclass(frozen=True)
class Count:
    """How a ballot stands, as far as its reader may know: yes and no are None while hidden."""

    turnout: Turnout
    yes: int | None = None
    no: int | None = None

    @property
    def is_shown(self) -> bool:
        return self.yes is not None

    @property
    def mark(self) -> str:
        """Changes with what its reader sees of it."""
        shown = f".{self.yes}.{self.no}" if self.is_shown else ""
        return f"{self.turnout.voted}{shown}"


@dataclass(frozen=True)
class OpenBallot:
    """An open ballot in a student's list."""

    ballot: Ballot
    has_voted: bool


@dataclass(frozen=True)
class VoterView:
    """A ballot as one of its voters sees it at one moment."""

    ballot: Ballot
    phase: Phase
    rule: str
    count: Count
    own: Receipt | None = field(repr=False)
    receipts: list[Receipt] = field(repr=False)
    knows_voters: bool
    """False if the server's key has changed: then nobody's own vote can be told any more."""


_PLACE = PreparedRows[RollPlace](
    lambda ballot, user: (
        RollPlace.objects.filter(
            ballot__uid=ballot, student__user=user, student__user__is_active=True
        )
        .select_related("student__user")
        .order_by("pk")
    ),
    ballot=UUIDField(),
    user=BigIntegerField(),
)


def roll_place(ballot_uid: uuid.UUID, user_id: int) -> RollPlace:
    """An account's place on the ballot's roll. Raises RollPlace.DoesNotExist."""
    return _PLACE.one(ballot=ballot_uid, user=user_id)


def ballot_for_student(ballot_uid: uuid.UUID, student: Student) -> Ballot:
    """The ballot, if the student is on its roll. Raises Ballot.DoesNotExist."""
    ballot: Ballot = Ballot.objects.for_student(student).for_list().get(uid=ballot_uid)
    return ballot


def open_ballots(student: Student, now: dt.datetime) -> list[OpenBallot]:
    """The ballots that still take this student's answer, the most urgent first: two queries."""
    rows = Ballot.objects.for_student(student).open().filter(opened_at__lte=now, closes_at__gt=now)
    ballots = list(rows.for_list().order_by("closes_at", "pk"))
    keys = [_voter_key(ballot, student) for ballot in ballots]
    filed = set(
        Vote.objects.filter(ballot__in=ballots, voter_key__in=keys).values_list(
            "ballot_id", flat=True
        )
    )
    return [OpenBallot(ballot, ballot.pk in filed) for ballot in ballots]


def ballots_of_late(student: Student, now: dt.datetime) -> list[Ballot]:
    """Those that are open or being counted, and those closed of late, the latest first."""
    of_late = Q(closed_at__isnull=True) | Q(closed_at__gt=now - OF_LATE)
    rows = Ballot.objects.for_student(student).filter(of_late)
    return list(rows.for_list().order_by("-closes_at", "-pk"))


def past_ballots(student: Student, now: dt.datetime) -> QuerySet[Ballot]:
    """The latest ballots that take this student's answer no longer, closed or being counted."""
    rows = Ballot.objects.for_student(student).exclude(closed_at__isnull=True, closes_at__gt=now)
    past: QuerySet[Ballot] = rows.for_list().order_by("-closes_at", "-pk")[:PAST_BALLOTS]
    return past


def visible_count(ballot: Ballot, *, has_voted: bool) -> Count:
    """What somebody on the roll may know of the count.

    Turnout always. Yes and no after the close; before it only to those who have voted, unless
    policy hides them or fewer than five may vote.
    """
    turnout = Turnout(ballot.cast, ballot.roll_size)
    live = has_voted and not ballot.hide_count and ballot.roll_size >= SMALLEST_LIVE_ROLL
    if ballot.is_open and not live:
        return Count(turnout)
    return Count(turnout, ballot.yes, ballot.no)


def as_seen_by(student: Student, ballot: Ballot, now: dt.datetime) -> VoterView:
    """What the page of a ballot shows to a student on its roll. Two queries at most."""
    try:
        own, knows_voters = own_vote(ballot, student), True
    except VotingRefused:
        own, knows_voters = None, False
    return VoterView(
        ballot=ballot,
        phase=ballot.phase(now),
        rule=Rule(ballot.quorum_percent).sentence(ballot.roll_size),
        count=visible_count(ballot, has_voted=own is not None),
        own=own,
        receipts=public_receipts(ballot),
        knows_voters=knows_voters,
    )


def listed(student: Student, ballots: Sequence[Ballot], now: dt.datetime) -> list[VoterView]:
    """The same for many ballots in one query. Their public receipts are left out."""
    keys = {ballot.pk: _voter_key(ballot, student) for ballot in ballots}
    votes = Vote.objects.filter(ballot__in=keys, voter_key__in=keys.values())
    own = {
        ballot: Receipt(code, choice)
        for ballot, code, choice in votes.values_list("ballot_id", "receipt", "choice")
    }
    return [
        VoterView(
            ballot=ballot,
            phase=ballot.phase(now),
            rule=Rule(ballot.quorum_percent).sentence(ballot.roll_size),
            count=visible_count(ballot, has_voted=ballot.pk in own),
            own=own.get(ballot.pk),
            receipts=[],
            knows_voters=bool(keys[ballot.pk]),
        )
        for ballot in ballots
    ]


def _voter_key(ballot: Ballot, student: Student) -> str:
    try:
        return VoterKeys(ballot).of(student.pk)
    except VotingRefused:
        # The ballot's own page says what is wrong with it.
        return ""
