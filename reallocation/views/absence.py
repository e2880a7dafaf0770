"""Absences: filed in two looks, shown, changed, withdrawn."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from reallocation import absences, history, preview, progress, queries
from reallocation.audit import Who
from reallocation.enums import ActorKind
from reallocation.forms.absence import AbsenceForm, ChangeForm, WhoForm
from reallocation.forms.times import Times
from reallocation.models import Case, Offer
from reallocation.refusals import Refused
from timetable.accounts import Actor, ActorRequest, member_required
from timetable.models import Absence, Institute, Meeting, Professor
from timetable.prepared import together

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
    if address := _where_left_out(request, professor, now):
        return redirect(address)
    times = _times(request, professor, now)
    context: dict[str, Any] = {
        "professor": professor,
        "times": times,
        **_for(request.actor, professor),
    }
    if not times.is_valid():
        context["carried"] = _carried(request, times)
        status = 400 if posted and not times.is_growing else 200
        return render(request, "reallocation/absence_span.html", context, status=status)
    form = AbsenceForm(
        request.POST if posted else None,
        professor=professor,
        spans=times.spans,
        prospects=preview.prospects(professor, times.spans, now=now),
        now=now,
    )
    if filed := _file(request.actor, professor, form, now):
        return _filed(request, professor, filed)
    context["form"] = form
    return render(request, "reallocation/absence_file.html", context, status=form.status)


def _filed(
    request: ActorRequest, professor: Professor, filed: Sequence[absences.Filed]
) -> HttpResponse:
    """On to the absence, or to the list of cases where there are several."""
    said = ngettext("The absence is on file.", "%(n)d absences are on file.", len(filed))
    messages.success(request, said % {"n": len(filed)})
    if len(filed) == 1:
        return redirect("reallocation:absence-detail", uid=filed[0].absence.uid)
    cases = reverse("reallocation:case-list")
    if request.actor.professor == professor:
        return redirect(cases)
    return redirect(f"{cases}?{urlencode({'all': '1', 'q': professor.code})}")


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


def _for(actor: Actor, professor: Professor) -> dict[str, bool]:
    on_behalf = actor.professor != professor
    return {"on_behalf": on_behalf, "may_choose_professor": actor.is_registrar}


def _carried(request: ActorRequest, times: Times) -> list[tuple[str, str]]:
    """What was typed beside a time that cannot be: it goes along until the time is right."""
    return [(name, str(value)) for name, value in request.POST.items() if name not in times.names]


def _for_whom(request: ActorRequest) -> HttpResponse:
    institute = cast("Institute", request.actor.institute)
    form = WhoForm(request.GET if "who" in request.GET else None, institute=institute)
    if form.is_valid():
        code = form.cleaned_data["who"].code
        return redirect(f"{request.path}?{urlencode({'professor': code})}")
    return render(request, "reallocation/absence_for_whom.html", {"form": form})


def _meeting_asked_for(request: ActorRequest) -> uuid.UUID | None:
    try:
        return uuid.UUID(request.GET.get("meeting", ""))
    except ValueError:
        return None


def _where_left_out(request: ActorRequest, professor: Professor, now: dt.datetime) -> str:
    """Where a class that was left out of an absence comes in again; "" if none is named that was."""
    uid = _meeting_asked_for(request)
    if uid is None or request.method == "POST" or "day" in request.GET:
        return ""
    absence = absences.leaving_out(professor, uid, now)
    if absence is None:
        return ""
    change = reverse("reallocation:absence-change", args=[absence.uid])
    return f"{change}?{urlencode({'take_in': uid})}"


def _times(request: ActorRequest, professor: Professor, now: dt.datetime) -> Times:
    """Filled from what was sent, or with the time of the meeting that is named, or with today."""
    given: Mapping[str, Any] | None = None
    on_file, named = together(absences.on_file(professor, now), _meeting_named(request, professor))
    if request.method == "POST":
        given = request.POST
    elif "day" in request.GET:
        given = request.GET
    elif named:
        meeting, local = named[0], professor.institute.local
        given = {
            "kind": "part",
            "day": f"{local(meeting.starts_at):%Y-%m-%d}",
            "starts": f"{local(meeting.starts_at):%H:%M}",
            "ends": f"{local(meeting.ends_at):%H:%M}",
        }
    today = professor.institute.local(now).date()
    return Times(given, professor=professor, now=now, today=today, on_file=on_file)


def _meeting_named(request: ActorRequest, professor: Professor) -> QuerySet[Meeting]:
    """One, or none."""
    uid = _meeting_asked_for(request)
    if uid is None:
        return Meeting.objects.none()
    rows: QuerySet[Meeting] = Meeting.objects.holding().filter(professor=professor, uid=uid)
    return rows


def _file(
    actor: Actor, professor: Professor, form: AbsenceForm, now: dt.datetime
) -> tuple[absences.Filed, ...]:
    """File it; nothing, with what is wrong in the form, if that cannot be."""
    if not form.is_bound or not form.is_valid():
        return ()
    try:
        return absences.file_all(
            professor, form.requests(), now=now, user=actor.user, who=_who(actor, professor)
        )
    except Refused as refusal:
        form.place(refusal)
        return ()


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
    """Another span or note, in two looks: what would change, and only then the change."""
    absence, now = _find(request.actor, uid), timezone.now()
    if absence.withdrawn_at is not None:
        return redirect("reallocation:absence-detail", uid=uid)
    form = ChangeForm(
        request.POST or None, absence=absence, left_out=absences.left_out(absence, now), now=now
    )
    context: dict[str, Any] = {"absence": absence, "form": form}
    wanted = request.GET.get("take_in")
    if not form.is_bound and wanted in form.left_out:
        form.initial["take_in"] = [wanted]
        context["comes_in"] = form.left_out[wanted]
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
        absences.change(
            absence,
            starts_at=starts_at,
            ends_at=ends_at,
            take_in=[meeting.pk for meeting in form.taken_in],
            handover=form.new_note,
            now=now,
            who=who,
        )
    except Refused as refusal:
        form.place(refusal)
        return False
    return True


def _differences(absence: Absence, form: ChangeForm) -> dict[str, Any]:
    """Which classes another span would add, which cases it would end, and who is told of a new note."""
    starts_at, ends_at = form.span

    def stays(case: Case) -> bool:
        return case.before_starts_at < ends_at and starts_at < case.before_ends_at

    new_note = form.new_note is not None
    agreed = absences.agreed(absence, form.now) if new_note else []
    cases = queries.cases_of(absence)
    wanted = [meeting.pk for meeting in form.taken_in]
    return {
        "looked": True,
        "from": starts_at,
        "until": ends_at,
        "added": absences.coming_in(absence, starts_at, ends_at, wanted),
        "ended": [
            (case, progress.if_withdrawn(case, form.now)) for case in cases if not stays(case)
        ],
        "new_note": new_note,
        # Each once, whatever they have agreed to.
        "told": list(dict.fromkeys(one.professor.name for one in agreed if stays(one.case))),
    }


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def absence_withdraw(request: ActorRequest, uid: uuid.UUID) -> HttpResponse:
    """What would become of each class; a POST withdraws."""
    absence, now = _find(request.actor, uid), timezone.now()
    if absence.withdrawn_at is not None:
        # By the back button, or sent twice.
        if request.method == "POST":
            messages.info(request, _("This absence has been withdrawn."))
        return redirect("reallocation:absence-detail", uid=uid)
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
