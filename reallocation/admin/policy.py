"""The institute's rules: the one thing of the workflow that is set here."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.db.models import ForeignKey, Model, TimeField
from django.forms import ModelChoiceField, ModelForm, TimeInput
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from reallocation.audit import Who
from reallocation.enums import ActorKind
from reallocation.models import WINDOWS, Policy
from reallocation.policy import change_policy
from timetable.enums import StaffRole
from timetable.models import Institute, User
from timetable.scoped_admin import InstituteScopedAdmin, is_superuser, staff_roles

from .register import is_registrar


@admin.register(Policy)
class PolicyAdmin(InstituteScopedAdmin):
    """Read by all staff, set by registrars: each change is logged, old and new."""

    list_display = ("institute", "quorum_percent", "daily_cap_hours", "weekly_cap_hours", "notice")
    list_select_related = ("institute",)
    actions = None
    formfield_overrides = {
        TimeField: {"widget": TimeInput(attrs={"type": "time"}, format="%H:%M")},
    }
    fieldsets = (
        (None, {"fields": ("institute",)}),
        (
            _("Time to answer"),
            {
                "fields": (
                    *WINDOWS,
                    "window_floor",
                    "notice",
                    "waking_from",
                    "waking_to",
                ),
                "description": _(
                    "Windows count waking hours. Where the time left is shorter than the windows "
                    "left, all of them shrink alike. What is being asked already keeps its deadline."
                ),
            },
        ),
        (
            _("Whom to ask"),
            {
                "fields": (
                    "wave_size",
                    "daily_cap_hours",
                    "weekly_cap_hours",
                    "weekly_extra_hours",
                )
            },
        ),
        (_("Votes"), {"fields": ("quorum_percent", "hide_count")}),
        (_("New times"), {"fields": ("clash_percent", "slots_offered")}),
        (_("Private notes"), {"fields": ("note_retention_days",)}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["institute"] if obj else []

    def has_add_permission(self, request: HttpRequest) -> bool:
        return any(True for _one in self._without_rules(request))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_registrar(request, obj.institute_id if isinstance(obj, Policy) else None)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_form(self, *args: Any, **kwargs: Any) -> type[ModelForm[Any]]:
        form: Any = super().get_form(*args, **kwargs)
        if "institute" in form.base_fields:
            form.base_fields["institute"].widget.can_view_related = False
        return cast("type[ModelForm[Any]]", form)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        institutes = self._without_rules(request)
        kwargs["queryset"] = Institute.objects.filter(pk__in=[one.pk for one in institutes])
        kwargs["empty_label"] = None if len(institutes) == 1 else ""
        field: Any = super().formfield_for_foreignkey(db_field, request, **kwargs)
        return cast("ModelChoiceField[Any] | None", field)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["show_save_and_add_another"] = False
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(
        self, request: HttpRequest, obj: Policy, form: ModelForm[Any], change: bool
    ) -> None:
        values = {name: form.cleaned_data[name] for name in form.changed_data}
        values.pop("institute", None)
        who = Who.of(cast("User", request.user), ActorKind.REGISTRAR)
        obj.pk = change_policy(obj.institute, values, now=timezone.now(), who=who).pk

    @staticmethod
    def _without_rules(request: HttpRequest) -> list[Institute]:
        """The institutes of which the account is registrar and that go by the defaults still."""
        known: list[Institute] | None = getattr(request, "_without_rules", None)
        if known is None:
            institutes = Institute.objects.filter(policy=None)
            if not is_superuser(request):
                rows = staff_roles(request).values()
                mine = [row.institute_id for row in rows if row.role == StaffRole.REGISTRAR]
                institutes = institutes.filter(pk__in=mine)
            known = list(institutes)
            request._without_rules = known  # type: ignore[attr-defined]  # noqa: SLF001
        return known
