"""What the workflow adds to the pages of the timetable: what waits, and where a class stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from timetable.accounts import Actor, ActorRequest
from timetable.extensions import MeetingNote
from timetable.models import Meeting

from . import queries
from .models import Case
from .notifications import devices, vapid


def waiting_offers(actor: Actor) -> QuerySet[Any] | int:
    if actor.professor is None:
        return 0
    return queries.waiting_offers(actor.professor, timezone.now())


def waiting_choices(actor: Actor) -> QuerySet[Any] | int:
    if actor.professor is None:
        return 0
    return queries.choices_to_make(actor.professor, timezone.now())


def what_waits(request: ActorRequest, _subject: Any) -> SafeString | str:
    """Above a professor's week: requests to answer, and choices to make."""
    professor, now = request.actor.professor, timezone.now()
    if professor is None:
        return ""
    offers = list(queries.waiting_offers(professor, now))
    choices = list(queries.choices_to_make(professor, now))
    if not offers and not choices:
        return ""
    context = {"offers": offers, "choices": choices}
    return render_to_string("reallocation/_what_waits.html", context, request=request)


def on_this_device(request: ActorRequest, _subject: Any) -> SafeString | str:
    """The button with which this device asks to be told at once. Scripts show it where it works."""
    user = request.actor.user
    if user is None or not request.actor.is_member:
        return ""
    context = {"key": vapid.server_key().public, "marks": devices.marks(user)}
    return render_to_string("reallocation/_device.html", context, request=request)


def where_cases_stand(actor: Actor, meetings: Sequence[Meeting]) -> dict[int, MeetingNote]:
    """A line and a link under each meeting that has a case which the actor may see: one query.

    The latest case of a meeting speaks for it.
    """
    cases = queries.cases_for(actor).filter(meeting__in=[meeting.pk for meeting in meetings])
    notes = {}
    for case in cases.select_related("professor").order_by("pk"):
        own = actor.professor is not None and case.professor_id == actor.professor.pk
        notes[case.meeting_id] = MeetingNote(
            _line(case),
            reverse("reallocation:case-detail", args=[case.uid]),
            replaces_absence_link=case.is_open and own,
        )
    return notes


def _line(case: Case) -> str:
    if not case.is_open:
        return _("How it came about")
    said = {"name": case.professor.name}
    return _("%(name)s is absent: see what is being done") % said
