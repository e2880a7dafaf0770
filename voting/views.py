"""The pages of a vote. Whoever is not on a ballot's roll does not find it, staff included."""

from __future__ import annotations

import datetime as dt
import uuid
import zlib
from typing import cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.timesince import timeuntil
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRefresh

from timetable import link_pages, signed_links
from timetable.accounts import ActorRequest, account_required, student_required
from timetable.models import Student

from . import ballots, queries
from .forms import VoteForm
from .models import Ballot, RollPlace
from .refusals import VotingRefused

NOTHING_NEW = 204

LINK_PURPOSE = "ballot"
"""Of signed links to a ballot. Their payload is {"ballot": its uid, "user": the account's id}."""


@require_safe
@student_required
def ballot_list(request: ActorRequest) -> HttpResponse:
    student, now = cast("Student", request.actor.student), timezone.now()
    context = {
        "open": queries.open_ballots(student, now),
        "past": queries.past_ballots(student, now),
    }
    return render(request, "voting/ballot_list.html", context)


@sensitive_post_parameters("choice")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@account_required
def ballot_detail(request: ActorRequest, uid: uuid.UUID) -> HttpResponse:
    return ballot_page(request, uid, voter(uid, cast("int", request.user.pk)))


@sensitive_post_parameters("choice")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ballot_link(request: ActorRequest, token: str) -> HttpResponse:
    """The ballot's page for whom the link in a message was made, without signing in."""
    try:
        payload = signed_links.read(LINK_PURPOSE, token, now=timezone.now())
    except signed_links.LinkRefused as refusal:
        return link_pages.refused(
            request, refusal, next_step=_("Sign in to find your votes and their results.")
        )
    uid = uuid.UUID(payload["ballot"])
    student = voter(uid, payload["user"])
    if student.user is not None:
        link_pages.in_language_of(request, student.user)
    return ballot_page(request, uid, student)


def voter(ballot_uid: uuid.UUID, user_id: int) -> Student:
    """As whom the account may vote there. Raises Http404 if it is not on the roll."""
    try:
        return queries.roll_place(ballot_uid, user_id).student
    except RollPlace.DoesNotExist as error:
        raise Http404 from error


@sensitive_variables()
def ballot_page(request: HttpRequest, ballot_uid: uuid.UUID, student: Student) -> HttpResponse:
    """The ballot for a student on its roll, whoever has made sure that it is them.

    Everything happens at the address that was asked for: the vote is posted to it, and htmx asks
    it for the part that lives.
    """
    now = timezone.now()
    form = VoteForm(request.POST if request.method == "POST" else None)
    refusal, status = None, 200
    if request.method == "POST" and form.is_valid():
        try:
            ballots.cast(
                ballot_uid=ballot_uid, student=student, choice=form.cleaned_data["choice"], now=now
            )
        except VotingRefused as error:
            refusal, status = error, 409
        else:
            messages.success(request, _("Your vote is counted."))
            return redirect(request.path)
    elif request.method == "POST":
        status = 400
    try:
        ballot = queries.ballot_for_student(ballot_uid, student)
    except Ballot.DoesNotExist as error:
        raise Http404 from error
    view = queries.as_seen_by(student, ballot, now)
    if "phase" in request.GET:
        # The rest of the page is of the phase that it was loaded in: only the live part is swapped.
        if request.GET["phase"] != view.phase:
            return HttpResponseClientRefresh()
        if request.GET.get("seen") == _mark(view, now):
            return HttpResponse(status=NOTHING_NEW)
        context = {"view": view, "now": now, "mark": _mark(view, now)}
        return render(request, "voting/_live.html", context)
    context = {"view": view, "form": form, "refusal": refusal, "now": now}
    context["mark"] = _mark(view, now)
    return render(request, "voting/ballot_detail.html", context, status=status)


def _mark(view: queries.VoterView, now: dt.datetime) -> str:
    """What the live part has shown: the count, and how much time is left."""
    left = timeuntil(view.ballot.ended_at, now)
    return f"{zlib.crc32(f'{view.count.mark} {left}'.encode()):x}"
