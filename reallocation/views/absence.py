"""Absences: filed in two looks, shown, changed, withdrawn."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from reallocation import absences, history, preview, progress, queries
from reallocation.audit import Who
from reallocation.enums import ActorKind
from reallocation.forms.absence import AbsenceForm, ChangeForm, SpanForm, WhoForm
from reallocation.models import Case, Offer
from reallocation.refusals import Refused
from timetable.accounts import Actor, ActorRequest, member_required
from timetable.models import Absence, Institute, Meeting, Professor

NOTHING_NEW = 204


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def absence_file(request: ActorRequest) -> HttpResponse:
    """First when, then what about each class. A registrar files for whom `?professor=` names.

    Only a POST of what the page has shown files anything: if the days were changed on the way, the
    page shows what lies in them now, with everything that was typed.
    """
    professor = _who_is_absent(request)
    if professor is None:
        return _for_whom(request)
    now, posted = timezone.now(), request.method == "POST"
    span = _span_form(request, professor, now)
    like = _like(request, professor)
    context: dict[str, Any] = {
        "professor": professor,
        "span": span,
        "like": like,
        **_for(request.actor, professor),
    }
    if not span.is_valid():
        context["carried"] = _carried(request, span)
        status = 400 if posted else 200
        return render(request, "reallocation/absence_span.html", context, status=status)
    form = AbsenceForm(
        request.POST if posted else None,
        professor=professor,
        span=span.span,
        prospects=preview.prospects(professor, *span.span, now=now),
        now=now,
        like=_what_goes_with(request.actor, like),
    )
    if filed := _file(request.actor, professor, form, now):
        messages.success(request, _("The absence is on file."))
        if request.POST.get("file") == "another":
            query = {"professor": professor.code} if context["on_behalf"] else {}
            return redirect(f"{request.path}?{urlencode({**query, 'like': filed.absence.uid})}")
        return redirect("reallocation:absence-detail", uid=filed.absence.uid)
    context |= {"form": form, "from": span.span[0], "until": span.span[1]}
    return render(request, "reallocation/absence_file.html", context, status=form.status)


def _who_is_absent(request: ActorRequest) -> Professor | None:
    """For whom is filed. None if a registrar has not said so; Http404 for whoever may not file."""
    actor, code = request.actor, request.GET.get("professor")
    if code and actor.is_registrar:
        people = Professor.objects.filter(institute=actor.institute, active=True)
        return get_object_or_404(people.select_related("institute"), code=code)
    if actor.professor is not None and (not code or code == actor.professor.code):
        return None if code == "" and actor.is_registrar else actor.professor
    if actor.is_registrar:
        return None
    raise Http404


def _like(request: ActorRequest, professor: Professor) -> Absence | None:
    """The absence of theirs that was filed just before, where somebody is away at several times."""
    try:
        uid = uuid.UUID(request.GET.get("like", ""))
    except ValueError:
        return None
    return queries.absences_for(request.actor).filter(professor=professor, uid=uid).first()


def _what_goes_with(actor: Actor, absence: Absence | None) -> dict[str, str]:
    if absence is None:
        return {}
    goes = {"category": absence.category, "handover": absence.handover}
    return {**goes, "note": absence.note} if queries.reads_note(actor, absence) else goes


def _for(actor: Actor, professor: Professor) -> dict[str, bool]:
    on_behalf = actor.professor != professor
    return {"on_behalf": on_behalf, "may_choose_professor": actor.is_registrar}


def _carried(request: ActorRequest, span: SpanForm) -> list[tuple[str, str]]:
    """What was typed beside a time that cannot be: it goes along until the time is right."""
    left_out = {*span.fields, "csrfmiddlewaretoken", "seen", "update", "file"}
    return [(name, str(value)) for name, value in request.POST.items() if name not in left_out]


def _for_whom(request: ActorRequest) -> HttpResponse:
    institute = cast("Institute", request.actor.institute)
    form = WhoForm(request.GET if "who" in request.GET else None, institute=institute)
    if form.is_valid():
        code = form.cleaned_data["who"].code
        return redirect(f"{request.path}?{urlencode({'professor': code})}")
    return render(request, "reallocation/absence_for_whom.html", {"form": form})


def _span_form(request: ActorRequest, professor: Professor, now: dt.datetime) -> SpanForm:
    """Filled from what was sent, or with the time of the meeting that is named, or with today."""
    given: Mapping[str, Any] | None = None
    if request.method == "POST":
        given = request.POST
    elif "day" in request.GET:
        given = request.GET
    elif meeting := _meeting_named(request, professor):
        local = professor.institute.local
        given = {
            "kind": "part",
            "day": f"{local(meeting.starts_at):%Y-%m-%d}",
            "starts": f"{local(meeting.starts_at):%H:%M}",
            "ends": f"{local(meeting.ends_at):%H:%M}",
        }
    today = professor.institute.local(now).date()
    return SpanForm(given, professor=professor, now=now, initial={"day": today})


def _meeting_named(request: ActorRequest, professor: Professor) -> Meeting | None:
    try:
        uid = uuid.UUID(request.GET.get("meeting", ""))
    except ValueError:
        return None
    meeting: Meeting | None = Meeting.objects.holding().filter(professor=professor, uid=uid).first()
    return meeting


def _file(
    actor: Actor, professor: Professor, form: AbsenceForm, now: dt.datetime
) -> absences.Filed | None:
    """File it; None, with what is wrong in the form, if that cannot be."""
    if not form.is_bound or not form.is_valid():
        return None
    try:
        return absences.file(
            professor, form.request(), now=now, user=actor.user, who=_who(actor, professor)
        )
    except Refused as refusal:
        form.place(refusal)
        return None


def _who(actor: Actor, professor: Professor) -> Who:
    own = actor.professor == professor
    return Who.of(actor.user, ActorKind.PROFESSOR if own else ActorKind.REGISTRAR)


def _find(actor: Actor, uid: uuid.UUID) -> Absence:
    rows = queries.absences_for(actor).for_list().select_related("professor__institute", "filed_by")
    absence: Absence = get_object_or_404(rows, uid=uid)
    return absence


@never_cache
@require_safe
@member_required
def absence_detail(request: ActorRequest, uid: uuid.UUID) -> HttpResponse:
    """What was filed, and what happens next with each class. htmx asks for the part that lives."""
    absence, now = _find(request.actor, uid), timezone.now()
    cases = queries.cases_of(absence)
    state = ".".join(f"{case.pk}-{case.turn}" for case in cases)
    if request.GET.get("live") == state:
        return HttpResponse(status=NOTHING_NEW)
    context = {
        "absence": absence,
        "state": state,
        "cases": _standings(request.actor, absence, cases),
        "any_open": any(case.is_open for case in cases),
        "uncovered": [] if absence.withdrawn_at else _uncovered(absence, cases),
        "is_over": absence.ends_at <= now,
        "reads_note": queries.reads_note(request.actor, absence),
    }
    page = "_absence_cases" if "live" in request.GET else "absence_detail"
    return render(request, f"reallocation/{page}.html", context)


def _standings(
    actor: Actor, absence: Absence, cases: list[Case]
) -> list[tuple[Case, progress.Now]]:
    """Each case with where it stands, as the absent professor may know it."""
    offers: dict[int, list[Offer]] = defaultdict(list)
    for offer in queries.offers_of(*cases):
        offers[offer.case_id].append(offer)
    own = actor.professor == absence.professor
    reader = history.Reader(absence.institute, names=True, question=True, is_absent=own)
    return [(case, progress.now_of(case, offers[case.pk], reader)) for case in cases]


def _uncovered(absence: Absence, cases: list[Case]) -> list[absences.Affected]:
    """Meetings in the span for which nobody is looked for."""
    covered = {case.meeting_id for case in cases}
    inside = absences.affected(
        absence.professor, absence.starts_at, absence.ends_at, absence.offering
    )
    return [entry for entry in inside if entry.meeting.pk not in covered]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def absence_change(request: ActorRequest, uid: uuid.UUID) -> HttpResponse:
    """Another span, in two looks: what would change, and only then the change."""
    absence, now = _find(request.actor, uid), timezone.now()
    if absence.withdrawn_at is not None:
        return redirect("reallocation:absence-detail", uid=uid)
    form = ChangeForm(request.POST or None, absence=absence, now=now)
    context: dict[str, Any] = {"absence": absence, "form": form}
    if form.is_bound and form.is_valid():
        if request.POST.get("confirm") == form.mark and _change(request.actor, absence, form, now):
            messages.success(request, _("The absence is changed."))
            return redirect("reallocation:absence-detail", uid=uid)
        context |= _differences(absence, form)
    return render(request, "reallocation/absence_change.html", context, status=form.status)


def _change(actor: Actor, absence: Absence, form: ChangeForm, now: dt.datetime) -> bool:
    starts_at, ends_at = form.span
    who = _who(actor, absence.professor)
    try:
        absences.change(absence, starts_at=starts_at, ends_at=ends_at, now=now, who=who)
    except Refused as refusal:
        form.place(refusal)
        return False
    return True


def _differences(absence: Absence, form: ChangeForm) -> dict[str, Any]:
    """Which classes another span would add, and which cases it would end."""
    starts_at, ends_at = form.span
    cases = queries.cases_of(absence)
    known = {case.meeting_id for case in cases}
    inside = absences.affected(absence.professor, starts_at, ends_at, absence.offering)
    return {
        "looked": True,
        "from": starts_at,
        "until": ends_at,
        "added": [entry for entry in inside if entry.meeting.pk not in known],
        "ended": [
            (case, progress.if_withdrawn(case, form.now))
            for case in cases
            if not (case.before_starts_at < ends_at and starts_at < case.before_ends_at)
        ],
    }


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def absence_withdraw(request: ActorRequest, uid: uuid.UUID) -> HttpResponse:
    """What would become of each class; a POST withdraws."""
    absence, now = _find(request.actor, uid), timezone.now()
    refusal = None
    if request.method == "POST":
        try:
            absences.withdraw(absence, now=now, who=_who(request.actor, absence.professor))
        except Refused as error:
            refusal = error
        else:
            messages.success(request, _("The absence is withdrawn."))
            return redirect("reallocation:absence-detail", uid=uid)
    cases = [(case, progress.if_withdrawn(case, now)) for case in queries.cases_of(absence)]
    context = {"absence": absence, "cases": cases, "refusal": refusal}
    status = 409 if refusal else 200
    return render(request, "reallocation/absence_withdraw.html", context, status=status)
