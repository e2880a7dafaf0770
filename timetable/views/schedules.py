"""The timetable as people see it: a week, a student's classes, one class, what changed."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

from django.db.models import Case, Q, When
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from .. import classes, extensions, schedule, visibility
from ..accounts import (
    Actor,
    ActorRequest,
    member_required,
    student_required,
    timetable_required,
)
from ..middleware import KEEP
from ..models import Institute, Offering, Professor, Room, Student
from ..querysets import MeetingQuerySet

NEXT_CHANGES = 3
"""How many changes to come stand on a student's start page."""

PAST_CHANGES = 50
"""How many changes of the past a student is shown."""


@require_safe
@timetable_required
def week(request: ActorRequest, day: dt.date | None = None) -> HttpResponse:
    """One's own. The current one is kept on the device for when it has no network."""
    actor = request.actor
    if actor.professor is not None:
        rows = schedule.of_professor(actor.professor)
    else:
        rows = schedule.of_student(cast("Student", actor.student))
    context = _week(actor, rows, day, professor=actor.professor)
    response = render(
        request, "timetable/week.html", {**context, "show_professor": actor.professor is None}
    )
    if context["week"].is_current:
        response[KEEP] = "week"
    return response


@require_safe
@member_required
def section_week(request: ActorRequest, code: str, day: dt.date | None = None) -> HttpResponse:
    section = get_object_or_404(visibility.sections_for(request.actor), code=code)
    context = _week(request.actor, schedule.of_section(section), day)
    context |= {"heading": _("Section %(section)s") % {"section": section}}
    context |= {"show_professor": True, "week_url_name": "timetable:section-week"}
    return render(request, "timetable/other_week.html", {**context, "code": section.code})


@require_safe
@member_required
def professor_week(request: ActorRequest, code: str, day: dt.date | None = None) -> HttpResponse:
    """A colleague's, to look at: absences are filed from one's own."""
    professor = get_object_or_404(visibility.professors_for(request.actor), code=code)
    rows = schedule.of_professor(professor)
    context = _week(request.actor, rows, day, professor=professor)
    context |= {"heading": professor, "only_to_look_at": True}
    context |= {"show_professor": False, "week_url_name": "timetable:professor-week"}
    return render(request, "timetable/other_week.html", {**context, "code": professor.code})


@require_safe
@member_required
def room_week(request: ActorRequest, code: str, day: dt.date | None = None) -> HttpResponse:
    room = get_object_or_404(visibility.rooms_for(request.actor), code=code)
    context = _week(request.actor, schedule.of_room(room), day, room=room)
    context |= {"heading": _("Room %(room)s") % {"room": room}}
    context |= {"show_professor": True, "week_url_name": "timetable:room-week"}
    return render(request, "timetable/other_week.html", {**context, "code": room.code})


@require_safe
@student_required
def my_classes(request: ActorRequest) -> HttpResponse:
    """A student's start page: what waits for a vote, what has changed, and the classes."""
    student, now = cast("Student", request.actor.student), timezone.now()
    lines = classes.lines_for(student, now=now)
    today = request.actor.today(now)
    changed = _coming(schedule.of_student(student).changed(), now)[:NEXT_CHANGES]
    context = {
        "changed": _entries(request.actor, changed, now),
        "running": [line for line in lines if line.offering.term.ends_on >= today],
        "earlier": [line for line in lines if line.offering.term.ends_on < today],
    }
    return render(request, "timetable/my_classes.html", context)


@require_safe
@member_required
def class_detail(request: ActorRequest, code: str) -> HttpResponse:
    """Codes come back every term: without `?term=` it is the first term that is not over yet."""
    actor, now = request.actor, timezone.now()
    offerings = (
        visibility.offerings_for(actor)
        .filter(code=code)
        .select_related("term__institute", "course")
        .annotate(roster_size=classes.roster_size())
        .prefetch_related("sections", classes.TEACHERS)
    )
    if "term" in request.GET:
        offering = offerings.filter(term__name=request.GET["term"]).first()
    else:
        is_over = Case(When(term__ends_on__lt=actor.today(now), then=1), default=0)
        offering = offerings.order_by(is_over, "term__starts_on").first()
    if offering is None:
        raise Http404
    entries = _entries(actor, offering.meetings.all(), now, offering=offering)
    context = {
        "offering": offering,
        "coming": [entry for entry in entries if not entry.is_past],
        "past": [entry for entry in entries if entry.is_past],
        "roster_size": None if actor.is_only_student else offering.roster_size,
    }
    return render(request, "timetable/class_detail.html", context)


@require_safe
@student_required
def changes(request: ActorRequest) -> HttpResponse:
    """What is not as planned among the student's meetings; the last ones of the past as well."""
    now = timezone.now()
    rows = schedule.of_student(cast("Student", request.actor.student)).changed()
    past = rows.filter(starts_at__lte=now, planned_starts_at__lte=now)
    context = {
        "coming": _entries(request.actor, _coming(rows, now), now),
        "past": _entries(request.actor, past.order_by("-starts_at", "-pk")[:PAST_CHANGES], now),
    }
    return render(request, "timetable/changes.html", context)


def _coming(rows: MeetingQuerySet, now: dt.datetime) -> MeetingQuerySet:
    """Those that are still to be held, or were to be."""
    coming: MeetingQuerySet = rows.filter(Q(starts_at__gt=now) | Q(planned_starts_at__gt=now))
    return coming


def _entries(
    actor: Actor, meetings: MeetingQuerySet, now: dt.datetime, *, offering: Offering | None = None
) -> list[schedule.Entry]:
    """The meetings as lines of a list. If all are of one class, its sections are known."""
    meetings = meetings.for_list()
    rows = list(meetings if offering is None else meetings.prefetch_related(None))
    for row in rows if offering is not None else ():
        row.offering = offering
    return schedule.entries(
        rows,
        institute=cast("Institute", actor.institute),
        now=now,
        professor=actor.professor,
        notes=extensions.notes(actor, rows),
    )


def _week(
    actor: Actor,
    meetings: MeetingQuerySet,
    day: dt.date | None,
    *,
    professor: Professor | None = None,
    room: Room | None = None,
) -> dict[str, Any]:
    """The week of the day (or of today), and where the next class is if the week has none."""
    institute, now = cast("Institute", actor.institute), timezone.now()
    monday = schedule.monday_of(day or actor.today(now))
    rows = schedule.rows_of_week(meetings, institute, monday)
    shown = schedule.week(
        rows,
        institute=institute,
        monday=monday,
        now=now,
        professor=professor,
        room=room,
        notes=extensions.notes(actor, rows),
    )
    nearest = None
    if shown.is_empty:
        nearest = schedule.nearest_day(meetings, institute, monday)
    return {"week": shown, "nearest": nearest}
