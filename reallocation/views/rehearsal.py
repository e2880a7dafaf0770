"""Rehearsals: asked for, watched, compared. For registrars alone."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from reallocation import queries
from reallocation.forms.rehearsal import RehearsalForm, filled_from
from reallocation.models import Rehearsal
from reallocation.policy import policy_of
from reallocation.refusals import Refused
from reallocation.rehearsal import programme
from reallocation.rehearsal.comparison import compare
from timetable.accounts import Actor, ActorRequest, registrar_required
from timetable.models import Institute

PER_PAGE = 20
NOTHING_NEW = 204


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@registrar_required
def rehearsal_list(request: ActorRequest) -> HttpResponse:
    """What to rehearse, and what has been. A POST asks for one."""
    form = _form(request)
    status = 200
    if request.method == "POST":
        rehearsal = _ask(request.actor, form)
        if rehearsal is not None:
            return redirect("reallocation:rehearsal-detail", uid=rehearsal.uid)
        status = 409 if form.non_field_errors() else 400
    rows = queries.rehearsals_for(request.actor)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {"form": form, "page": page, "going": rows.going().first()}
    return render(request, "reallocation/rehearsal_list.html", context, status=status)


def _form(request: ActorRequest) -> RehearsalForm:
    """Filled with what was sent, or with an earlier rehearsal to change, or with the rules as they are."""
    institute = cast("Institute", request.actor.institute)
    given = request.POST if request.method == "POST" else None
    return RehearsalForm(
        given, institute=institute, policy=policy_of(institute), initial=_again(request)
    )


def _again(request: ActorRequest) -> dict[str, Any]:
    try:
        uid = uuid.UUID(request.GET.get("like", ""))
    except ValueError:
        return {}
    earlier = queries.rehearsals_for(request.actor).filter(uid=uid).first()
    return filled_from(earlier.script, earlier.rules) if earlier else {}


def _ask(actor: Actor, form: RehearsalForm) -> Rehearsal | None:
    if not form.is_valid():
        return None
    try:
        return programme.ask(
            form.institute, form.script, form.rules, now=timezone.now(), user=actor.user
        )
    except Refused as refusal:
        form.add_error(None, refusal.message)
        return None


def _find(actor: Actor, uid: uuid.UUID) -> Rehearsal:
    rows = queries.rehearsals_for(actor).select_related("institute", "asked_by")
    rehearsal: Rehearsal = get_object_or_404(rows, uid=uid)
    return rehearsal


@never_cache
@require_safe
@registrar_required
def rehearsal_detail(request: ActorRequest, uid: uuid.UUID) -> HttpResponse:
    """How far it is, and then what came of it. htmx asks for the part that lives."""
    rehearsal = _find(request.actor, uid)
    state = f"{rehearsal.status}.{rehearsal.phase}.{rehearsal.done}"
    if request.GET.get("live") == state:
        return HttpResponse(status=NOTHING_NEW)
    context: dict[str, Any] = {"rehearsal": rehearsal, "state": state}
    if rehearsal.found is not None:
        context["comparison"] = compare(rehearsal.found, rehearsal.compared, rehearsal.rules)
    page = "_rehearsal_live" if "live" in request.GET else "rehearsal_detail"
    return render(request, f"reallocation/{page}.html", context)


@require_POST
@registrar_required
def rehearsal_cancel(request: ActorRequest, uid: uuid.UUID) -> HttpResponse:
    _find(request.actor, uid)
    if programme.cancel(uid, timezone.now()):
        messages.success(request, _("The rehearsal is cancelled."))
    else:
        messages.info(request, _("The rehearsal was over already."))
    return redirect("reallocation:rehearsal-detail", uid=uid)


@require_POST
@registrar_required
def rehearsal_delete(request: ActorRequest, uid: uuid.UUID) -> HttpResponse:
    _find(request.actor, uid)
    if programme.delete(uid):
        messages.success(request, _("The rehearsal is deleted."))
        return redirect("reallocation:rehearsal-list")
    messages.error(request, _("A rehearsal that is being played must be cancelled first."))
    return redirect("reallocation:rehearsal-detail", uid=uid)
