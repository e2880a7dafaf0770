"""Classes with ballots open to them."""

import datetime as dt
import uuid

from tests.factories import NOW, InstituteFactory, OfferingFactory, StudentFactory, TermFactory
from voting import ballots
from voting.enums import BallotKind
from voting.models import Vote

SOON = NOW + dt.timedelta(hours=1)
CLOSES = NOW + dt.timedelta(hours=12)


def class_of(size, slug="northfield"):
    """A class with so many students at the institute of this slug."""
    institute = InstituteFactory(slug=slug)
    students = [StudentFactory(institute=institute, section=None) for _ in range(size)]
    return OfferingFactory(term=TermFactory(institute=institute), students=students, professors=[])


def open_for(offering, **given):
    """Open a ballot to a class; whatever `open_ballot` takes may be given."""
    return ballots.open_ballot(
        **{
            "institute": offering.term.institute,
            "offering": offering,
            "kind": BallotKind.SUBSTITUTE,
            "question": "Shall Ben Baker teach this class?",
            "subject_uid": uuid.uuid4(),
            "closes_at": CLOSES,
            "quorum_percent": 25,
            "now": NOW,
        }
        | given
    )


def open_to(size, slug="northfield", **given):
    """Open a ballot to a new class: the ballot and its voters."""
    offering = class_of(size, slug)
    return open_for(offering, **given), list(offering.students.order_by("pk"))


def cast(ballot, student, choice, now=SOON):
    return ballots.cast(ballot_uid=ballot.uid, student=student, choice=choice, now=now)


def tally(ballot):
    """What is counted, which must be what is filed."""
    ballot.refresh_from_db()
    filed = list(Vote.objects.filter(ballot=ballot).values_list("choice", flat=True))
    assert (ballot.yes, ballot.no) == (filed.count(True), filed.count(False))
    return ballot.yes, ballot.no
