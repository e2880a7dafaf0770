"""What the lists of the workflow share: whose rows, whose clock, and the way to the case."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from reallocation.models import Case
from timetable import moments
from timetable.enums import StaffRole
from timetable.models import Institute
from timetable.scoped_admin import (
    InstituteScopedAdmin,
    ReadOnlyAdmin,
    is_superuser,
    staff_roles,
)

WHOLE_INSTITUTE = frozenset({StaffRole.REGISTRAR.value, StaffRole.AUDITOR.value})
NOTHING = "–"
NO_BREAK = "\u00a0"


class Register(ReadOnlyAdmin, InstituteScopedAdmin):
    """Rows of the workflow, to be read."""

    list_per_page = 50
    actions = None
    empty_value_display = NOTHING

    def title_of(self, row: Any) -> str:
        """What a row is called on its page."""
        return str(row)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = context["original"]
        context |= {"title": self.title_of(row), "subtitle": "", **self.story(request, row)}
        return super().render_change_form(request, context, *args, **kwargs)

    def story(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the page of a row shows beside its fields."""
        return {}


def is_registrar(request: HttpRequest, institute_id: int | None = None) -> bool:
    """Of this institute, or of any if none is given; a superuser is everywhere."""
    rows = staff_roles(request)
    asked = rows.values() if institute_id is None else filter(None, [rows.get(institute_id)])
    return is_superuser(request) or any(row.role == StaffRole.REGISTRAR for row in asked)


def local(institute: Institute, moment: dt.datetime | None) -> str:
    """`Mon 4 Jan 2027, 08:30` on the institute's clock; where it is narrow, it breaks at the comma."""
    if moment is None:
        return NOTHING
    day, _comma, time = moments.day_year_and_time(institute.local(moment)).rpartition(", ")
    return f"{day.replace(' ', NO_BREAK)}, {time.replace(' ', NO_BREAK)}"


def of_itself(row: Any) -> Institute:
    return cast("Institute", row.institute)


def clock(
    column: str, label: Any, institute: Callable[[Any], Institute] = of_itself
) -> Callable[[Any, Any], str]:
    """A column of a list: the moment kept in `column`, on the clock of the row's institute."""

    @admin.display(description=label, ordering=column)
    def shown(_admin: Any, row: Any) -> str:
        return local(institute(row), getattr(row, column))

    return shown


def class_of(case: Case) -> str:
    """`MATH.A · Algebra`"""
    offering = case.meeting.offering
    return f"{offering.code} · {offering.course}"


def case_links(ordering: str) -> Callable[[Any, Any], SafeString | str]:
    """A column of a list: the class of the row's case, leading to the case."""

    @admin.display(description=_("class"), ordering=ordering)
    def shown(_admin: Any, row: Any) -> SafeString | str:
        if row.case is None:
            return NOTHING
        url = reverse("admin:reallocation_case_change", args=[row.case_id])
        return format_html('<a href="{}">{}</a>', url, row.case.meeting.offering.code)

    return shown


class CaseFilter(admin.SimpleListFilter):
    """Rows of one case: offered only where a link has chosen it already."""

    title = _("case")
    parameter_name = "case"
    case_path = "case"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(value, _("this case"))] if (value := self.value()) else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        try:
            return queryset.filter(**{f"{self.case_path}__uid": uuid.UUID(self.value())})
        except ValueError as error:
            raise IncorrectLookupParameters(error) from error


class YesFilter(admin.SimpleListFilter):
    """Rows for which something holds, or all of them."""

    condition: Q
    answer: Any

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", self.answer)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(self.condition) if self.value() == "yes" else queryset
