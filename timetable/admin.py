"""The timetable for staff: to read, in their own institute. It is changed by importing it anew."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from . import moments
from .enums import StaffRole
from .forms import AccountChangeForm, AccountCreationForm
from .models import (
    Absence,
    Availability,
    Closure,
    Course,
    Enrolment,
    Institute,
    Meeting,
    Offering,
    Period,
    Professor,
    Qualification,
    Room,
    Section,
    Slot,
    Staff,
    Student,
    Teaching,
    Term,
    User,
)
from .scoped_admin import (
    InstituteScopedAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    ScopedRelatedFilter,
    staff_roles,
)
from .views import imports

admin.site.site_header = _("Understudy")
admin.site.site_title = _("Understudy")
admin.site.index_title = _("What happened, and why")
admin.site.unregister(Group)

REGISTRAR_ONLY = frozenset({StaffRole.REGISTRAR.value})


def local_span(institute: Institute, starts_at: dt.datetime, ends_at: dt.datetime) -> str:
    """`Mon 4 Jan 2027, 08:30–09:20` on the institute's clock; both days if they differ."""
    start, end = institute.local(starts_at), institute.local(ends_at)
    if start.date() == end.date():
        hours = f"{moments.figures(start)}–{moments.clock(end)}"
        return f"{moments.day_of_year(start)}, {hours}"
    return f"{moments.day_year_and_time(start)} – {moments.day_year_and_time(end)}"


class InstituteReader(ReadOnlyAdmin, InstituteScopedAdmin):
    """What of the timetable an institute's staff may read."""

    list_per_page = 50
    actions = None


@admin.register(User)
class UserAdmin(StockUserAdmin[User]):
    """Accounts come from the import and from `add_staff`; here a superuser switches one off."""

    ordering = ("email",)
    list_display = ("email", "name", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_superuser", "is_active")
    search_fields = ("email", "name")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("email", "name", "language", "password")}),
        (_("Access"), {"fields": ("is_active", "is_staff", "is_superuser")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("email", "name", "usable_password", "password1", "password2"),
            },
        ),
    )
    form = AccountChangeForm
    add_form = AccountCreationForm

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Staff)
class StaffAdmin(InstituteScopedAdmin):
    """Registrars read it; only a superuser gives and takes roles."""

    list_display = ("user", "institute", "role", "department", "reads_private_notes")
    list_filter = ("role",)
    list_select_related = ("user", "institute")
    search_fields = ("user__email", "user__name")
    raw_id_fields = ("user",)
    roles = REGISTRAR_ONLY


@admin.register(Institute)
class InstituteAdmin(InstituteReader):
    institute_path = "pk"
    list_display = ("name", "slug", "timezone")
    search_fields = ("name", "slug")

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.import_page)
        return [path("import/", page, name="timetable_import"), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        more = {"may_import": imports.may_import(request)}
        return super().changelist_view(request, {**more, **(extra_context or {})})

    def import_page(self, request: HttpRequest) -> HttpResponse:
        return imports.page(request, self.admin_site)


class PeriodInline(ReadOnlyInline):
    model = Period
    fields = ("name", "starts", "ends")


class ClosureInline(ReadOnlyInline):
    model = Closure
    fields = ("name", "starts_on", "ends_on")


@admin.register(Term)
class TermAdmin(InstituteReader):
    list_display = (
        "name",
        "institute",
        "starts_on",
        "ends_on",
        "mid_semester_on",
        "end_semester_on",
    )
    list_select_related = ("institute",)
    inlines = (PeriodInline, ClosureInline)


@admin.register(Closure)
class ClosureAdmin(InstituteReader):
    institute_path = "term__institute"
    list_display = ("name", "starts_on", "ends_on", "term")
    list_filter = (("term", ScopedRelatedFilter),)
    list_select_related = ("term",)
    search_fields = ("name",)


@admin.register(Room)
class RoomAdmin(InstituteReader):
    list_display = ("code", "name", "building", "capacity")
    list_filter = ("building",)
    search_fields = ("code", "name", "building")

    def view_on_site(self, obj: Room) -> str:
        return reverse("timetable:room-week", args=[obj.code])


@admin.register(Course)
class CourseAdmin(InstituteReader):
    department_path = "department"
    list_display = ("code", "title", "department")
    search_fields = ("code", "title", "department")


@admin.register(Section)
class SectionAdmin(InstituteReader):
    list_display = ("code", "name", "programme", "size")
    search_fields = ("code", "name", "programme")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).annotate(size=Count("students"))
        return rows

    @admin.display(description=_("students"), ordering="size")
    def size(self, section: Any) -> int:
        return int(section.size)

    def view_on_site(self, obj: Section) -> str:
        return reverse("timetable:section-week", args=[obj.code])


class QualificationInline(ReadOnlyInline):
    model = Qualification
    fields = ("course",)
    related = ("professor", "course")


class AvailabilityInline(ReadOnlyInline):
    model = Availability
    fields = ("weekday", "starts", "ends", "kind")
    related = ("professor",)


class ClassTaughtInline(ReadOnlyInline):
    model = Teaching
    fields = ("offering", "position")
    related = ("offering", "professor")


class TeacherInline(ReadOnlyInline):
    model = Teaching
    fields = ("professor", "position")
    related = ("offering", "professor")


@admin.register(Professor)
class ProfessorAdmin(InstituteReader):
    department_path = "department"
    list_display = ("name", "code", "department", "rank", "fte", "weekly_hours", "active")
    list_filter = ("rank", "active")
    search_fields = ("name", "code", "email", "department")
    exclude = ("user", "courses")
    inlines = (ClassTaughtInline, QualificationInline, AvailabilityInline)


class EnrolmentInline(ReadOnlyInline):
    model = Enrolment
    fields = ("offering",)
    related = ("offering", "student")


@admin.register(Student)
class StudentAdmin(InstituteReader):
    list_display = ("name", "code", "section", "email", "active")
    list_filter = ("active",)
    list_select_related = ("section",)
    search_fields = ("name", "code", "email", "section__code")
    exclude = ("user",)
    inlines = (EnrolmentInline,)


class SlotInline(ReadOnlyInline):
    model = Slot
    fields = ("weekday", "starts", "ends", "room", "weeks")
    related = ("offering", "room")


@admin.register(Offering)
class OfferingAdmin(InstituteReader):
    institute_path = "term__institute"
    department_path = "course__department"
    list_display = ("code", "course", "kind", "term", "roster")
    list_filter = (("term", ScopedRelatedFilter), "kind")
    list_select_related = ("course", "term")
    search_fields = ("code", "course__code", "course__title", "sections__code")
    exclude = ("professors", "students")
    inlines = (TeacherInline, SlotInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rosters = Count("enrolments", distinct=True)
        rows: QuerySet[Any] = super().get_queryset(request).annotate(roster=rosters)
        return rows

    @admin.display(description=_("roster"), ordering="roster")
    def roster(self, offering: Any) -> str:
        size: int = offering.roster
        return ngettext("%d student", "%d students", size) % size

    def view_on_site(self, obj: Offering) -> str:
        return reverse("timetable:class-detail", args=[obj.code])


@admin.register(Meeting)
class MeetingAdmin(InstituteReader):
    """What was planned beside what holds."""

    department_path = "offering__course__department"
    list_display = ("offering", "holds", "planned", "leads", "change")
    list_filter = ("status", "overlap_tolerated")
    date_hierarchy = "starts_at"
    search_fields = ("offering__code", "offering__course__title", "professor__name", "room__code")
    list_select_related = (
        "institute",
        "offering",
        "professor",
        "planned_professor",
        "room",
        "planned_room",
    )
    fieldsets = (
        (None, {"fields": ("offering", "change", "overlap_tolerated", "revision", "uid")}),
        (_("Holds"), {"fields": ("holds", "professor", "room")}),
        (_("Planned"), {"fields": ("planned", "planned_professor", "planned_room")}),
    )
    readonly_fields = ("holds", "planned", "change", "uid")

    @admin.display(description=_("holds"), ordering="starts_at")
    def holds(self, meeting: Meeting) -> str:
        return local_span(meeting.institute, meeting.starts_at, meeting.ends_at)

    @admin.display(description=_("planned"), ordering="planned_starts_at")
    def planned(self, meeting: Meeting) -> str:
        return local_span(meeting.institute, meeting.planned_starts_at, meeting.planned_ends_at)

    @admin.display(description=_("professor"), ordering="professor__name")
    def leads(self, meeting: Meeting) -> str:
        if not meeting.is_substituted:
            return str(meeting.professor)
        return gettext("%(who)s instead of %(planned)s") % {
            "who": meeting.professor,
            "planned": meeting.planned_professor,
        }

    @admin.display(description=_("state"))
    def change(self, meeting: Meeting) -> str:
        return str(meeting.change.label)


@admin.register(Absence)
class AbsenceAdmin(InstituteReader):
    """The reason is for registrars; the private note for its author and who was granted it."""

    department_path = "professor__department"
    list_display = ("professor", "span", "offering", "filed_at", "withdrawn_at")
    list_filter = ("category",)
    date_hierarchy = "starts_at"
    list_select_related = ("institute", "professor", "offering")
    search_fields = ("professor__name", "professor__code")
    readonly_fields = ("span", "private_note")

    def get_list_filter(self, request: HttpRequest) -> Any:
        roles = [row.role for row in staff_roles(request).values()]
        registers_all = bool(roles) and set(roles) == {StaffRole.REGISTRAR}
        return self.list_filter if registers_all else ()

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        fields = ["professor", "span", "offering", "category", "handover", "private_note"]
        if not isinstance(obj, Absence) or self._registrar_of(request, obj) is None:
            fields.remove("category")
        if not isinstance(obj, Absence) or not self._reads_note(request, obj):
            fields.remove("private_note")
        return [*fields, "filed_at", "filed_by", "withdrawn_at"]

    @admin.display(description=_("span"), ordering="starts_at")
    def span(self, absence: Absence) -> str:
        return local_span(absence.institute, absence.starts_at, absence.ends_at)

    @admin.display(description=_("private note"))
    def private_note(self, absence: Absence) -> str:
        return absence.note or "–"

    @staticmethod
    def _registrar_of(request: HttpRequest, absence: Absence) -> Staff | None:
        row = staff_roles(request).get(absence.institute_id)
        return row if row and row.role == StaffRole.REGISTRAR else None

    def _reads_note(self, request: HttpRequest, absence: Absence) -> bool:
        registrar = self._registrar_of(request, absence)
        wrote_it = absence.filed_by_id is not None and absence.filed_by_id == request.user.pk
        return wrote_it or (registrar is not None and registrar.reads_private_notes)
