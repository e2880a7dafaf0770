"""Suggestions for what is being typed, whichever field it is typed into."""

from __future__ import annotations

from typing import cast

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from reallocation import queries
from timetable.accounts import ActorRequest, member_required, registrar_required
from timetable.models import Institute


@require_safe
@member_required
def professor_search(request: ActorRequest) -> HttpResponse:
    """For whoever may name a colleague."""
    actor = request.actor
    if actor.professor is None and not actor.is_registrar:
        raise Http404
    found = queries.find_professors(cast("Institute", actor.institute), _typed(request))
    return render(request, "reallocation/_professor_options.html", {"professors": found})


@require_safe
@registrar_required
def room_search(request: ActorRequest) -> HttpResponse:
    """For whoever may move a class."""
    found = queries.find_rooms(cast("Institute", request.actor.institute), _typed(request))
    return render(request, "reallocation/_room_options.html", {"rooms": found})


def _typed(request: ActorRequest) -> str:
    # PostgreSQL takes no text with a zero in it, and no name has one.
    return str(next(iter(request.GET.values()), "")).replace("\0", "")
