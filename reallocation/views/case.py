"""Cases: a professor's own, an institute's, and the page of one for everybody involved."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from reallocation import engine, history, progress, queries, windows
from reallocation.enums import CaseStatus, WaitingFor
from reallocation.forms.case import CaseFilter, CaseForm, Choices
from reallocation.models import Case
from reallocation.queries import Viewer
from reallocation.refusals import Refused
from timetable.accounts import Actor, ActorRequest, member_required
from timetable.models import Institute, Professor

from . import acts
from .acts import Act

ABSENCES_PER_PAGE = 10
CASES_PER_PAGE = 25
NOTHING_NEW = 204


@require_safe
@member_required
def case_list(request: ActorRequest) -> HttpResponse:
    """A professor's absences with their cases; for a registrar, or on asking, the institute's."""
    actor = request.actor
    if actor.professor is None and not actor.role:
        raise Http404
    if actor.role and (actor.professor is None or "all" in request.GET):
        return _register(request, actor)
    professor = cast("Professor", actor.professor)
    rows = queries.own_absences(professor)
    page = Paginator(rows, ABSENCES_PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "choices": queries.choices_to_make(professor, timezone.now())}
    return render(request, "reallocation/case_list.html", context)


def _register(request: ActorRequest, actor: Actor) -> HttpResponse:
    rows = queries.in_order_of_urgency(queries.cases_overseen(actor).for_list())
    found = CaseFilter(request.GET, rows, institute=cast("Institute", actor.institute))
    page = Paginator(found.qs, CASES_PER_PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    context = {"page": page, "form": found.form, "query": query.urlencode(), "filter": found}
    context["open_cases"] = _open_cases(request, actor)
    return render(request, "reallocation/case_register.html", context)


@dataclass(frozen=True)
class OpenCases:
    """How many cases are open, or wait for these people, and where they are listed."""

    label: str
    count: int
    url: str
    is_shown: bool


def _open_cases(request: ActorRequest, actor: Actor) -> list[OpenCases]:
    """All that are open, then for whom they wait, in the order of the ladder. Empty if none is."""
    rows = queries.cases_overseen(actor).filter(status=CaseStatus.OPEN).order_by()
    by_whom = dict(rows.values_list("waiting_for").annotate(count=Count("pk")))
    asked = {name: request.GET.get(name, "") for name in ("status", "waiting_for")}

    def line(label: str, count: int, waiting_for: str) -> OpenCases:
        wanted = {"status": CaseStatus.OPEN.value, "waiting_for": waiting_for}
        query = {**({"all": "1"} if "all" in request.GET else {}), **wanted}
        return OpenCases(label, count, f"?{urlencode(query)}", asked == wanted)

    lines = [line(str(one.label), by_whom[one], one) for one in WaitingFor if by_whom.get(one)]
    return [line(_("open"), sum(by_whom.values()), ""), *lines] if by_whom else []


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def case_detail(request: ActorRequest, uid: uuid.UUID) -> HttpResponse:
    return case_page(request, find(request.actor, uid))


def find(actor: Actor, uid: uuid.UUID) -> Viewer:
    """The actor before a case. Raises Http404 if it does not exist for them."""
    try:
        return queries.viewer_of(actor, uid)
    except Case.DoesNotExist as error:
        raise Http404 from error


@dataclass(frozen=True)
class Attempt:
    """Something that was posted and could not be done."""

    act: Act
    form: CaseForm | None
    refusal: Refused | None = None
    choices: Choices | None = None
    """What was looked up for the form, as long as nothing was done about it."""

    @property
    def was_tried(self) -> bool:
        """Then the case may not be any more what it was."""
        return self.form is not None and self.refusal is not None

    @property
    def status(self) -> int:
        return 400 if self.refusal is None else 409


def case_page(request: ActorRequest, viewer: Viewer, *, by_link: bool = False) -> HttpResponse:
    """The case for a viewer, whoever has made sure that it is them.

    Everything happens at the address that was asked for: what is decided is posted to it, and htmx
    asks it for the part that lives.
    """
    now = timezone.now()
    failed = None
    if request.method == "POST":
        failed = _attempt(request, viewer, now, by_link=by_link)
        if failed is None:
            return redirect(request.path)
        if failed.was_tried:
            viewer = find(viewer.actor, viewer.case.uid)
    context = {"viewer": viewer, "case": viewer.case, "by_link": by_link, "address": request.path}
    open_acts = acts.open_acts(viewer, now, by_link=by_link)
    if "live" in request.GET:
        return _live(request, context, open_acts, now)
    choices = failed.choices if failed else None
    if choices is None:
        choices = acts.choices_for(viewer, open_acts, now, week=_week(request))
    forms = [(act, _form(act, choices, failed)) for act in open_acts]
    context |= _story(viewer, now) | {"forms": forms, "failed": failed, "choices": choices}
    context["acts"] = _names(open_acts)
    status = failed.status if failed else 200
    return render(request, "reallocation/case_detail.html", context, status=status)


def _attempt(
    request: ActorRequest, viewer: Viewer, now: dt.datetime, *, by_link: bool
) -> Attempt | None:
    """Do what was posted; None if it is done. Raises Http404 for what the viewer may never do."""
    act = acts.find(request.POST.get("act", ""), viewer, by_link=by_link)
    if act is None:
        raise Http404
    if not act.is_open(viewer, now):
        return Attempt(act, None, Refused("not_waiting"))
    choices = None
    if act.form.offers_lists:
        choices = acts.choices_for(viewer, acts.open_acts(viewer, now, by_link=by_link), now)
    form = act.form(request.POST, choices=choices or Choices(viewer.case))
    if not form.is_valid():
        return Attempt(act, form, choices=choices)
    try:
        act.do(viewer, form.cleaned_data, now)
    except Refused as refusal:
        form.place(refusal)
        return Attempt(act, form, refusal)
    messages.success(request, act.done)
    return None


def _week(request: ActorRequest) -> dt.date | None:
    """The week that the reader turned to among those with free places."""
    try:
        return dt.date.fromisoformat(request.GET.get("week", ""))
    except ValueError:
        return None


def _form(act: Act, choices: Choices, failed: Attempt | None) -> CaseForm:
    if failed is not None and failed.form is not None and failed.act == act:
        failed.form.offer(choices)
        return failed.form
    return act.form(choices=choices)


def _live(
    request: ActorRequest, context: dict[str, Any], open_acts: list[Act], now: dt.datetime
) -> HttpResponse:
    """The part that lives, or nothing if nothing has happened: then nothing moves on the page."""
    if request.GET["live"] == queries.state_of(context["case"]):
        return HttpResponse(status=NOTHING_NEW)
    was, are = request.GET.get("acts", ""), _names(open_acts)
    context |= _story(context["viewer"], now)
    context |= {"acts": was, "has_news": was != are, "is_update": True}
    return render(request, "reallocation/_case_live.html", context)


def _names(open_acts: list[Act]) -> str:
    return ",".join(act.name for act in open_acts)


def _story(viewer: Viewer, now: dt.datetime) -> dict[str, Any]:
    """What is happening, the ladder and the history, as far as the viewer may know it."""
    case = viewer.case
    reader = history.Reader(
        case.institute,
        names=viewer.knows_answers,
        question=viewer.knows_question,
        comments=viewer.is_registrar,
        is_absent=viewer.is_absent,
    )
    entries = viewer.story.log
    outlook = windows.outlook(case, now)
    withdrawn = case.status == CaseStatus.WITHDRAWN
    is_taken_up = withdrawn and engine.later_cases(case).exists()
    return {
        "who_is_there": progress.who_is_there(case, is_taken_up=is_taken_up),
        "now": progress.now_of(case, viewer.offers, reader),
        "rungs": progress.ladder(case, viewer.records, viewer.offers, reader, outlook.takes),
        "ends": outlook.ends,
        "lines": history.lines(entries, reader),
        "considered": [r for r in viewer.records if r.considered] if viewer.knows_answers else [],
        "state": f"{case.turn}.{entries[-1].number if entries else 0}",
    }
