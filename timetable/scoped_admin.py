"""The admin as staff see it: their own institute, by their role, and mostly to read.

Model permissions play no part: whoever has a staff role at an institute may look at what is its.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.utils import timezone

from .enums import StaffRole
from .models import Staff


def staff_roles(request: HttpRequest) -> Mapping[int, Staff]:
    """The roles of the request's account by institute id; asked of the database once a request."""
    known = getattr(request, "_staff_roles", None)
    if known is None:
        user = request.user
        known = (
            {
                row.institute_id: row
                for row in Staff.objects.filter(user_id=user.pk).select_related("institute")
            }
            if user.is_authenticated and user.is_active
            else {}
        )
        request._staff_roles = known  # type: ignore[attr-defined]  # noqa: SLF001
    return cast("Mapping[int, Staff]", known)


def is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


def clock_of(request: HttpRequest) -> zoneinfo.ZoneInfo | None:
    """The clock that all of the account's institutes share; None: they share none, so it is UTC's."""
    zones = {row.institute.timezone for row in staff_roles(request).values()}
    return zoneinfo.ZoneInfo(zones.pop()) if len(zones) == 1 else None


SCRIPTS = ("jquery.init.js", "core.js", "admin/RelatedObjectLookups.js", "actions.js")


class InstituteScopedAdmin(admin.ModelAdmin[Any]):
    """Shows the rows of the institutes at which the account has one of `roles`, on their clock.

    `institute_path` leads from the model to its institute. Where `department_path` is given, a head
    of department sees only the rows of that department.
    """

    institute_path = "institute"
    department_path = ""
    roles: frozenset[str] = frozenset(StaffRole.values)

    @property
    def media(self) -> forms.Media:
        """The stock scripts but for those that make slugs: nothing here has one, and they are half a page."""
        jquery = "jquery.js" if settings.DEBUG else "jquery.min.js"
        names = (f"vendor/jquery/{jquery}", *SCRIPTS)
        return forms.Media(js=[f"admin/js/{name}" for name in names])

    def roles_here(self, request: HttpRequest) -> list[Staff]:
        return [row for row in staff_roles(request).values() if row.role in self.roles]

    def scope(self, request: HttpRequest) -> Q:
        """The condition for rows that the account may see; a superuser's is empty: all of them."""
        if is_superuser(request):
            return Q()
        seen = Q(pk__in=[])
        for row in self.roles_here(request):
            rows = Q(**{self.institute_path: row.institute_id})
            if self.department_path and row.role == StaffRole.HEAD and row.department:
                rows &= Q(**{self.department_path: row.department})
            seen |= rows
        return seen

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(self.scope(request))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request) or bool(self.roles_here(request))

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_module_permission(request)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        with timezone.override(clock_of(request)):
            return _rendered(super().changelist_view(request, extra_context))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        with timezone.override(clock_of(request)):
            return _rendered(super().changeform_view(request, object_id, form_url, extra_context))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only by what is offered as a filter: any other column could be guessed letter by letter
        from the address line, shown or not."""
        offered = {
            str(one[0] if isinstance(one, tuple | list) else one)
            for one in self.get_list_filter(request)
            if not isinstance(one, type)
        }
        if self.date_hierarchy:
            offered.add(self.date_hierarchy)
        # These name no column: the filter of that name does with the value what it likes.
        own = {
            one.parameter_name
            for one in self.get_list_filter(request)
            if isinstance(one, type) and issubclass(one, admin.SimpleListFilter)
        }
        return lookup in own or (
            any(lookup == name or lookup.startswith(f"{name}__") for name in offered)
            and super().lookup_allowed(lookup, value, request)
        )


def _rendered(response: HttpResponse) -> HttpResponse:
    """The page as it is now: else it would be written only after the clock is put back."""
    if isinstance(response, SimpleTemplateResponse):
        response.render()
    return response


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Nothing is added, changed or deleted here: what changes these rows is the domain's business."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyInline(admin.TabularInline[Any, Any]):
    """Rows of another model inside a page that the account may see already.

    `related` names what each row shows of other tables, in its columns or as its name, so that
    they are read at once.
    """

    related: tuple[str, ...] = ()
    extra = 0
    can_delete = False
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related(*self.related) if self.related else rows

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ScopedRelatedFilter(admin.RelatedFieldListFilter):
    """A list filter that names only rows of the account's own institutes."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, Any]]:
        related = model_admin.admin_site.get_model_admin(field.related_model)
        ordering = self.field_admin_ordering(field, request, model_admin)
        choices: list[tuple[str, Any]] = field.get_choices(
            include_blank=False,
            ordering=ordering,
            limit_choices_to=cast("InstituteScopedAdmin", related).scope(request),
        )
        return choices
