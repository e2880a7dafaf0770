"""The fairness page: all of it for staff, one's own line and the totals for a professor."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from timetable.accounts import ActorRequest, member_required
from timetable.enums import StaffRole

from .forms import LinesForm
from .recent import recent_report
from .report import for_department, for_professor

PAGE = 50


@require_safe
@member_required
def report(request: ActorRequest) -> HttpResponse:
    actor = request.actor
    if actor.institute is None or not (actor.role or actor.professor):
        raise Http404
    found = recent_report(actor.institute, timezone.now())
    if not actor.role and actor.professor is not None:
        found = for_professor(found, actor.professor)
        return render(request, "fairness/own.html", {"report": found, "line": found.own_line})
    if actor.role == StaffRole.HEAD and actor.department:
        found = for_department(found, actor.department)
    form = LinesForm(request.GET)
    page = Paginator(form.chosen(found.lines), PAGE).get_page(request.GET.get("page"))
    return render(request, "fairness/report.html", {"report": found, "form": form, "page": page})
