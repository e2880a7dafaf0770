"""What steps 3 and 5 share: a question to the class, and its answer."""

from __future__ import annotations

import datetime as dt

from reallocation import audit
from reallocation.models import Case
from reallocation.notifications import announce
from reallocation.reasons import Reason
from timetable.models import Enrolment
from voting import ballots, questions
from voting.enums import BallotKind, BallotResult
from voting.models import Ballot
from voting.queries import SMALLEST_LIVE_ROLL

from .base import Visit


def has_voters(case: Case) -> bool:
    """Whether anybody is on the roster who could vote."""
    roster = Enrolment.objects.filter(offering=case.meeting.offering_id, student__active=True)
    return roster.exists()


def open_vote(
    visit: Visit, kind: BallotKind, facts: dict[str, str], closes_at: dt.datetime
) -> Ballot:
    """Open a ballot to the roster under the policy's rule, log it and tell the roll."""
    case, policy = visit.case, visit.policy
    question = questions.recorded(kind, facts)
    ballot = ballots.open_ballot(
        institute=case.institute,
        offering=case.meeting.offering,
        kind=kind,
        question=question,
        subject_uid=case.uid,
        closes_at=closes_at,
        quorum_percent=policy.quorum_percent,
        hide_count=policy.hide_count,
        facts=facts,
        now=visit.now,
    )
    visit.record.considered["ballot"] = str(ballot.uid)
    audit.record(
        "ballot.opened",
        institute=case.institute,
        case=case,
        at=visit.now,
        data={
            "ballot": str(ballot.uid),
            "question": question,
            "kind": kind.value,
            "facts": facts,
            "roll": ballot.roll_size,
            "until": closes_at.isoformat(),
        },
    )
    announce.ballot_opened(ballot, case, visit.now)
    return ballot


def closed_ballot(visit: Visit) -> Ballot | None:
    """The visit's ballot once it is closed, closing it now if its time is over; None while open."""
    uid = visit.record.considered["ballot"]
    ballot = Ballot.objects.get(uid=uid)
    if ballot.is_open:
        if visit.now < ballot.closes_at:
            return None
        ballots.close(ballot.pk, visit.now)
        ballot.refresh_from_db()
    return ballot


def refusal(ballot: Ballot) -> Reason | None:
    """Why the closed ballot is no approval; None if it is one."""
    if ballot.result == BallotResult.APPROVED:
        return None
    if ballot.result == BallotResult.CANCELLED:
        return Reason("vote_cancelled")
    if ballot.roll_size < SMALLEST_LIVE_ROLL:
        return Reason("small_class_said_no")
    counts = {"yes": ballot.yes, "no": ballot.no, "roll": ballot.roll_size}
    return Reason("class_said_no", counts)
