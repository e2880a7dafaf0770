"""Votes of a class. Nobody is told what anybody else has said, and nothing of it is kept here."""

from __future__ import annotations

from django.db.models import BigIntegerField, UUIDField
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from ninja import Router

from reallocation.models import Case
from timetable.models import Institute, Student
from timetable.prepared import PreparedRows
from voting import ballots, queries
from voting.enums import BallotKind, BallotResult, Refusal
from voting.models import Ballot
from voting.refusals import VotingRefused

from .access import caller_of
from .contract import read, write
from .pages import Since, changed_since, cursor_of, newest_first
from .problems import Problem, forbidden, not_found
from .schemas import BallotList, BallotOut, Turnout, VoteIn, VoteOut

router = Router(tags=["Votes"])

_CASE: PreparedRows[Case] = PreparedRows(
    lambda uid: Case.objects.filter(uid=uid).select_related("institute").order_by(),
    uid=UUIDField(),
)
_BALLOT: PreparedRows[Ballot] = PreparedRows(
    lambda case, student: (
        Ballot.objects.filter(subject_uid=case).for_student(student).order_by("-pk")
    ),
    case=UUIDField(),
    student=BigIntegerField(),
)


@write(
    router,
    "/student-vote",
    answer=VoteOut,
    # A kept answer would tie a student to a choice. Saying the same again changes nothing anyway.
    stored=False,
    errors={
        403: "`not_on_roll`: not among those who may vote. `not_yourself`. `scope_missing`.",
        404: "`not_found`: the case does not exist, or not for the caller.",
        409: "`closed`: too late, not counted. `not_open`: there is no vote yet. `key_changed`.",
    },
)
@sensitive_variables()
def student_vote(request: HttpRequest, data: VoteIn) -> VoteOut:
    """Vote.

    For the student alone. A vote may be changed until the close; the same again keeps its receipt.
    An `Idempotency-Key` is therefore not needed, and nothing is kept under it.
    """
    case = _CASE.first(uid=data.reallocation_id)
    if case is None:
        raise not_found("reallocation_id")
    student = _student(request, case.institute, data.student_id)
    ballot = _BALLOT.first(case=case.uid, student=student.pk)
    if ballot is None:
        enrolled = student.enrolments.filter(offering__meetings__cases=case).exists()
        early = enrolled and not Ballot.objects.filter(subject_uid=case.uid).exists()
        raise VotingRefused(Refusal.NOT_OPEN if early else Refusal.NOT_ON_ROLL)
    cast = ballots.cast(
        ballot_uid=ballot.uid, student=student, choice=data.vote, now=timezone.now()
    )
    return VoteOut(
        reallocation_id=case.uid,
        ballot_id=ballot.uid,
        vote=cast.choice,
        receipt=cast.receipt,
        turnout=Turnout(voted=cast.turnout.voted, roll=cast.turnout.roll),
        result=cast.result,
    )


def _student(request: HttpRequest, institute: Institute, code: str) -> Student:
    try:
        student = caller_of(request).at(institute.slug).student
    except Problem as problem:
        raise (
            not_found("reallocation_id") if problem.code == "not_found" else problem
        ) from problem
    if student is None or student.code != code:
        raise forbidden("not_yourself", _("Everybody votes for themselves."))
    return student


@read(
    router,
    "/ballots",
    answer=BallotList,
    errors={404: "`not_found`: the institute, or the ballot in `after`."},
)
@sensitive_variables()
def list_ballots(request: HttpRequest, data: Since) -> BallotList:
    """Votes on whose roll the caller is.

    With their own answer and, as far as they may see it, the count. Newest first; `since` tells of
    those opened or closed meanwhile.
    """
    actor = caller_of(request).at(data.institute_id)
    if actor.institute is None:
        raise not_found()
    cursor = cursor_of(actor.institute)
    if actor.student is None:
        return BallotList(items=[], next=None, cursor=cursor)
    rows = Ballot.objects.for_student(actor.student).for_list()
    rows = rows.filter(changed_since(data.since, actor.institute, case__uid="subject_uid"))
    found, following = newest_first(rows, data)
    seen = queries.listed(actor.student, found, timezone.now())
    return BallotList(items=[_ballot(one) for one in seen], next=following, cursor=cursor)


def _ballot(seen: queries.VoterView) -> BallotOut:
    ballot, own = seen.ballot, seen.own
    return BallotOut(
        ballot_id=ballot.uid,
        reallocation_id=ballot.subject_uid,
        kind=BallotKind(ballot.kind),
        question=ballot.wording,
        assignment_id=ballot.offering.code,
        course=ballot.offering.course.title,
        phase=seen.phase,
        opened_at=ballot.opened_at,
        closes_at=ballot.closes_at,
        closed_at=ballot.closed_at,
        result=BallotResult(ballot.result) if ballot.result else None,
        rule=seen.rule,
        turnout=Turnout(voted=seen.count.turnout.voted, roll=seen.count.turnout.roll),
        yes=seen.count.yes,
        no=seen.count.no,
        vote=own.choice if own else None,
        receipt=own.code if own else None,
    )
