"""What votes add to the pages of the timetable: a line where something waits for a student."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from timetable.accounts import Actor, ActorRequest
from timetable.models import Offering

from .queries import OpenBallot, ballots_of_class, open_ballots


def waiting_votes(actor: Actor) -> int:
    """How many open ballots wait for the actor's first answer."""
    return len(_waiting(actor))


def _waiting(actor: Actor) -> list[OpenBallot]:
    student = actor.student
    if student is None:
        return []
    rows = actor.once("voting.open", lambda: open_ballots(student, timezone.now()))
    return [row for row in rows if not row.has_voted]


def votes_of_class(request: ActorRequest, offering: Offering) -> SafeString | str:
    """The ballots of one class on its page, where they can be answered with one tap."""
    if request.actor.student is None:
        return ""
    now = timezone.now()
    views = ballots_of_class(request.actor.student, offering, now)
    if not views:
        return ""
    context = {"views": views, "now": now}
    return render_to_string("voting/_of_class.html", context, request=request)


def votes_waiting(request: ActorRequest, _subject: Any) -> SafeString | str:
    """The open ballots that the student has not answered yet, above their classes."""
    return _panel(request, _waiting(request.actor))


def _panel(request: ActorRequest, rows: list[OpenBallot]) -> SafeString | str:
    if not rows:
        return ""
    return render_to_string("voting/_panel.html", {"open": rows}, request=request)
