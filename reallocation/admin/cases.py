"""Cases with their whole story, and the offers made for them."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from reallocation import reasons
from reallocation.models import Case, LogEntry, Notice, Offer
from reallocation.timeline import timeline_of
from timetable.scoped_admin import ScopedRelatedFilter
from voting.models import Ballot

from .register import (
    NOTHING,
    CaseFilter,
    Register,
    YesFilter,
    case_links,
    class_of,
    clock,
    is_registrar,
    local,
)


class StuckFilter(YesFilter):
    title = _("trouble")
    parameter_name = "trouble"
    answer = _("could not be moved by the system")
    condition = Q(failures__gt=0)


@admin.register(Case)
class CaseAdmin(Register):
    department_path = "meeting__offering__course__department"
    list_display = ("about", "when", "absent", "step", "status", "waiting_for", "until")
    list_filter = (
        "status",
        "step",
        "waiting_for",
        StuckFilter,
        "opened_at",
        ("institute", ScopedRelatedFilter),
    )
    search_fields = (
        "meeting__offering__code",
        "meeting__offering__course__code",
        "meeting__offering__course__title",
        "professor__name",
        "professor__code",
        "uid",
    )
    date_hierarchy = "before_starts_at"
    ordering = ("-opened_at", "-pk")
    fields = readonly_fields = ("uid",)

    when = clock("before_starts_at", _("when"))
    until = clock("deadline", _("answer until"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = cast("Any", super().get_queryset(request)).for_list()
        return rows

    def view_on_site(self, obj: Case) -> str:
        return reverse("reallocation:case-detail", args=[obj.uid])

    @admin.display(description=_("class"), ordering="meeting__offering__code")
    def about(self, case: Case) -> str:
        return class_of(case)

    @admin.display(description=_("absent"), ordering="professor__name")
    def absent(self, case: Case) -> str:
        return f"{case.professor.name} ({case.professor.code})"

    def title_of(self, row: Case) -> str:
        return f"{class_of(row)}, {local(row.institute, row.before_starts_at)}"

    def story(self, request: HttpRequest, row: Case) -> dict[str, Any]:
        decides = is_registrar(request, row.institute_id)
        site = self.admin_site
        return {
            "timeline": timeline_of(row, comments=decides),
            "decides": decides,
            **{
                f"reads_{model._meta.model_name}": site.get_model_admin(model).has_view_permission(
                    request
                )
                for model in (Offer, Notice, LogEntry, Ballot)
            },
        }


@admin.register(Offer)
class OfferAdmin(Register):
    institute_path = "case__institute"
    department_path = "case__meeting__offering__course__department"
    list_display = ("who", "about", "when", "step", "status", "sent", "answered")
    list_filter = (
        "status",
        "step",
        "sent_at",
        CaseFilter,
        ("case__institute", ScopedRelatedFilter),
    )
    search_fields = (
        "professor__name",
        "professor__code",
        "case__meeting__offering__code",
        "case__meeting__offering__course__title",
        "case__uid",
    )
    date_hierarchy = "sent_at"
    ordering = ("-sent_at", "-pk")

    about = case_links("case__meeting__offering__code")
    sent = clock("sent_at", _("sent"), lambda offer: offer.case.institute)
    until = clock("expires_at", _("answer until"), lambda offer: offer.case.institute)
    answered = clock("answered_at", _("answered"), lambda offer: offer.case.institute)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = cast("Any", super().get_queryset(request)).for_list()
        return rows

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """In which words somebody said no is for registrars."""
        fields: list[Any] = ["who", "about", "when", "step", "wave", "rank", "why", "status"]
        fields += ["sent", "until", "answered"]
        if isinstance(obj, Offer) and is_registrar(request, obj.case.institute_id):
            fields.append("comment")
        return fields

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["who", "about", "when", "why", "sent", "until", "answered"]

    def title_of(self, row: Offer) -> str:
        return f"{row.professor.name}, {class_of(row.case)}"

    @admin.display(description=_("professor"), ordering="professor__name")
    def who(self, offer: Offer) -> str:
        return f"{offer.professor.name} ({offer.professor.code})"

    @admin.display(description=_("when"), ordering="case__before_starts_at")
    def when(self, offer: Offer) -> str:
        return local(offer.case.institute, offer.case.before_starts_at)

    @admin.display(description=_("why they were asked"))
    def why(self, offer: Offer) -> str:
        return "; ".join(reasons.sentence(stored) for stored in offer.reasons) or NOTHING
