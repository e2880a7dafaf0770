"""The admin's page for importing a timetable by upload."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..enums import StaffRole
from ..exchange.faults import BundleRejected
from ..exchange.importing import import_bundle
from ..forms import ImportForm
from ..models import Institute
from ..scoped_admin import is_superuser, staff_roles

COUNTED = {
    "rooms": _("rooms"),
    "courses": _("courses"),
    "professors": _("professors"),
    "sections": _("sections"),
    "students": _("students"),
    "classes": _("classes"),
    "enrolments": _("places on rosters"),
    "slots": _("weekly slots"),
    "meetings": _("meetings"),
    "qualifications": _("qualifications"),
    "availability": _("weekly times unavailable"),
}
"""What the report counts, in the words of the page."""

FAULTS_SHOWN = 200
"""So many lines of complaint are enough to start mending a file."""


def page(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """A form, and below it what the import found: counts and overlaps, or every line at fault.

    Registrars import for the institutes that they look after, superusers for any, new ones as well.
    """
    if not may_import(request):
        raise Http404
    form = ImportForm(
        *((request.POST, request.FILES) if request.method == "POST" else ()),
        institutes=writable_institutes(request),
        any_institute=is_superuser(request),
    )
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": _("Import a timetable"),
        "form": form,
    }
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and _import(form, context):
            status = 200
    return render(request, "admin/timetable/import.html", context, status=status)


def writable_institutes(request: HttpRequest) -> list[Institute]:
    """Those at which the account is registrar: whose timetable it may replace."""
    roles = staff_roles(request).values()
    mine = [row.institute_id for row in roles if row.role == StaffRole.REGISTRAR]
    return list(Institute.objects.filter(pk__in=mine))


def may_import(request: HttpRequest) -> bool:
    roles = (row.role for row in staff_roles(request).values())
    return is_superuser(request) or StaffRole.REGISTRAR in roles


def _import(form: ImportForm, context: dict[str, Any]) -> bool:
    """Whether the bundle was read without a fault; the report or the faults go into the context."""
    bundle = form.cleaned_data["bundle"]
    try:
        report = import_bundle(
            bundle.file,
            now=timezone.now(),
            dry_run=form.cleaned_data["dry_run"],
            only_for=form.chosen_institute(),
        )
    except BundleRejected as rejected:
        context["rejected"] = rejected
        context["faults"] = rejected.faults.shown[:FAULTS_SHOWN]
        context["more_faults"] = rejected.faults.total - len(context["faults"])
        return False
    context["report"] = report
    context["counts"] = [(COUNTED.get(name, name), n) for name, n in report.counts.items()]
    return True
