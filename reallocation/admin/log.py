"""The log: to be searched, taken out, and proved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from reallocation import audit, logbook
from reallocation.models import LogEntry
from timetable.models import Institute
from timetable.scoped_admin import ScopedRelatedFilter, clock_of, is_superuser

from .register import NOTHING, WHOLE_INSTITUTE, CaseFilter, Register, case_links, clock

EXPORTS: dict[str, tuple[str, Callable[[Iterable[LogEntry]], Iterable[str]]]] = {
    "csv": ("text/csv", logbook.as_csv),
    "jsonl": ("application/jsonl", logbook.as_json_lines),
}


class LogKindFilter(admin.SimpleListFilter):
    """By what the entry is about; once that is chosen, by its kind."""

    title = _("what")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        chosen = (self.value() or "").partition(".")[0]
        offered: list[tuple[str, Any]] = []
        for subject, label in logbook.SUBJECTS.items():
            offered.append((subject, label))
            kinds = [kind for kind in logbook.KINDS if kind.startswith(f"{subject}.")]
            if subject == chosen and len(kinds) > 1:
                offered += [(kind, f"· {logbook.label(kind)}") for kind in kinds]
        return offered

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        kind = self.value()
        if not kind:
            return queryset
        return queryset.filter(Q(kind=kind) | Q(kind__startswith=f"{kind}."))


@admin.register(LogEntry)
class LogEntryAdmin(Register):
    roles = WHOLE_INSTITUTE
    list_display = ("number", "when", "what", "said", "by", "about", "reason")
    list_display_links = ("number", "when")
    list_filter = (
        LogKindFilter,
        "actor_kind",
        "at",
        CaseFilter,
        ("institute", ScopedRelatedFilter),
    )
    search_fields = (
        "actor_name",
        "reason",
        "case__meeting__offering__code",
        "case__meeting__offering__course__title",
        "case__professor__name",
        "case__uid",
    )
    date_hierarchy = "at"
    ordering = ("-at", "-number")
    fields = (
        *("number", "when", "what", "said", "by", "actor_kind", "reason", "about"),
        *("content", "previous_hash", "hash"),
    )
    readonly_fields = ("when", "what", "said", "by", "about", "content")

    when = clock("at", _("when"))
    about = case_links("case__meeting__offering__code")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = cast("Any", super().get_queryset(request)).for_list()
        return rows

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(require_safe(self.export))
        verify = self.admin_site.admin_view(require_POST(self.verify))
        return [
            path("export/<str:form>/", export, name="reallocation_logentry_export"),
            path("verify/", verify, name="reallocation_logentry_verify"),
            *super().get_urls(),
        ]

    def title_of(self, row: LogEntry) -> str:
        return f"{row.number}: {logbook.label(row.kind)}"

    @admin.display(description=_("what"), ordering="kind")
    def what(self, entry: LogEntry) -> str:
        return logbook.label(entry.kind)

    @admin.display(description=_("in words"))
    def said(self, entry: LogEntry) -> str:
        return logbook.sentence(entry) or NOTHING

    @admin.display(description=_("who"), ordering="actor_name")
    def by(self, entry: LogEntry) -> str:
        return entry.actor_name or str(entry.get_actor_kind_display())

    @admin.display(description=_("data"))
    def content(self, entry: LogEntry) -> SafeString:
        text = json.dumps(entry.data, indent=2, ensure_ascii=False, sort_keys=True)
        return format_html('<pre class="log-data">{}</pre>', text)

    def export(self, request: HttpRequest, form: str) -> HttpResponseBase:
        """What the list would show with these filters, all pages of it, in the order of the chain."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if form not in EXPORTS:
            raise Http404
        with timezone.override(clock_of(request)):
            try:
                found = self.get_changelist_instance(request)
            except IncorrectLookupParameters:
                return HttpResponseRedirect(reverse("admin:reallocation_logentry_changelist"))
        entries = found.queryset.order_by("institute", "number").iterator(chunk_size=2000)
        content_type, written = EXPORTS[form]
        return StreamingHttpResponse(
            written(entries),
            content_type=f"{content_type}; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="understudy-log.{form}"'},
        )

    def verify(self, request: HttpRequest) -> HttpResponse:
        """Prove the chains of all the institutes whose log the account may read."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        institutes = Institute.objects.all()
        if not is_superuser(request):
            mine = [row.institute_id for row in self.roles_here(request)]
            institutes = institutes.filter(pk__in=mine)
        for institute in institutes:
            verdict = audit.verify(institute)
            level = messages.SUCCESS if verdict.ok else messages.ERROR
            self.message_user(request, f"{institute}: {verdict.sentence()}", level)
        return HttpResponseRedirect(reverse("admin:reallocation_logentry_changelist"))
