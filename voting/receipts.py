"""Proof of a vote for its voter, and for nobody else while the ballot is open.

What is kept secret, and from whom:

- No page, no admin, no API and no log tells who voted what, or who voted. Staff see sums.
- In the tables a vote is filed under a hash of ballot and student, keyed with SECRET_KEY. Its id is
  random and it carries no time, so no column or order of ids ties it to a place on the roll.
  Whoever holds a copy of the database, but not SECRET_KEY, cannot tell whose vote is whose.
- Whoever holds the database *and* SECRET_KEY can compute each student's key: the server must be
  able to, or nobody could change a vote. Whoever watches the running database, or compares several
  copies of it (or the order in which rows lie on the disk) with the times in a web server's log,
  sees which votes came after which.
- What the sums themselves say is no secret: if all have voted yes, everybody knows what each voted.

A changed vote gets a new receipt and the old one is worth nothing: whoever saw it over a shoulder
learns nothing of the second thought. Saying the same again keeps the receipt, so a double click
does no harm.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from timetable.models import Student

from . import keys
from .enums import Refusal
from .models import Ballot, Vote
from .refusals import VotingRefused

ALPHABET = "23456789BCDFGHJKMNPQRSTVWXYZ"
"""Nothing that looks like something else (0 O, 1 I L), and no vowels: no words come about."""

GROUPS = 4
GROUP_LENGTH = 4


@dataclass(frozen=True)
class Receipt:
    """A vote as it is shown. Its repr hides both, so that no log or error report tells them."""

    code: str = field(repr=False)
    choice: bool = field(repr=False)


def new_code() -> str:
    """Four groups of four, easy to read aloud: 76 bits that nobody guesses."""
    return "-".join(
        "".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS)
    )


class VoterKeys:
    """The keys under which one ballot's votes are filed.

    Always made with the SECRET_KEY of when the ballot opened, so that nobody gets a second vote
    when a new one takes over; the old one has to stay in SECRET_KEY_FALLBACKS until open ballots
    are closed. Raises VotingRefused (`key_changed`) if it is in neither.
    """

    def __init__(self, ballot: Ballot) -> None:
        secret = keys.secret_marked(ballot.key_mark)
        if secret is None:
            raise VotingRefused(Refusal.KEY_CHANGED)
        self._secret, self._ballot_uid = secret, ballot.uid

    def of(self, student_id: int) -> str:
        return keys.voter_key(self._secret, self._ballot_uid, student_id)


def own_vote(ballot: Ballot, student: Student) -> Receipt | None:
    """What this student has voted, if anything. For the student's own eyes.

    Raises VotingRefused (`key_changed`) if it can no longer be told.
    """
    vote = Vote.objects.filter(ballot=ballot, voter_key=VoterKeys(ballot).of(student.pk)).first()
    return Receipt(vote.receipt, vote.choice) if vote else None


def public_receipts(ballot: Ballot) -> list[Receipt]:
    """Every vote of a closed ballot, in the order of the receipts, which tells nothing.

    Nothing while it is open: a receipt next to its choice would tell on whoever voted last.
    """
    if ballot.is_open:
        return []
    votes = Vote.objects.filter(ballot=ballot).order_by("receipt")
    return [Receipt(code, choice) for code, choice in votes.values_list("receipt", "choice")]
