"""What votes add to the pages of the timetable: a line where something waits for a student."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from timetable.accounts import Actor, ActorRequest
from timetable.models import Offering

from .enums import Phase
from .models import Ballot
from .queries import OpenBallot, VoterView, ballots_of_late, listed


def waiting_votes(actor: Actor) -> int:
    """How many open ballots wait for the actor's first answer."""
    return len(_waiting(actor))


def _of_late(actor: Actor) -> list[Ballot]:
    student = actor.student
    if student is None:
        return []
    return actor.once("voting.of_late", lambda: ballots_of_late(student, timezone.now()))


def _seen(actor: Actor) -> list[VoterView]:
    """The same as the student sees them."""
    student, rows = actor.student, _of_late(actor)
    if student is None or not rows:
        return []
    return actor.once("voting.seen", lambda: listed(student, rows, timezone.now()))


def _waiting(actor: Actor) -> list[OpenBallot]:
    """The most urgent first."""
    now = timezone.now()
    if all(ballot.phase(now) is not Phase.OPEN for ballot in _of_late(actor)):
        return []
    rows = [
        OpenBallot(view.ballot, has_voted=False)
        for view in _seen(actor)
        if view.phase is Phase.OPEN and view.own is None
    ]
    return sorted(rows, key=lambda row: (row.ballot.closes_at, row.ballot.pk))


def votes_of_class(request: ActorRequest, offering: Offering) -> SafeString | str:
    """The ballots of one class on its page, where they can be answered with one tap: what is open or
    being counted, and results of late."""
    now = timezone.now()
    if all(ballot.offering_id != offering.pk for ballot in _of_late(request.actor)):
        return ""
    views = [view for view in _seen(request.actor) if view.ballot.offering_id == offering.pk]
    context = {"views": views, "now": now}
    return render_to_string("voting/_of_class.html", context, request=request)


def votes_waiting(request: ActorRequest, _subject: Any) -> SafeString | str:
    """The open ballots that the student has not answered yet, above their classes."""
    return _panel(request, _waiting(request.actor))


def _panel(request: ActorRequest, rows: list[OpenBallot]) -> SafeString | str:
    if not rows:
        return ""
    return render_to_string("voting/_panel.html", {"open": rows}, request=request)
