"""The ledger and the hours owed, to be read: each institute's own."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from timetable.scoped_admin import InstituteScopedAdmin, ReadOnlyAdmin, ScopedRelatedFilter

from .models import LedgerEntry, OwedHours


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin, InstituteScopedAdmin):
    department_path = "professor__department"
    actions = None
    list_display = ("at", "professor_name", "kind", "hours", "class_code", "case_uid")
    list_filter = ("kind", ("term", ScopedRelatedFilter), "at")
    list_select_related = ("meeting__offering",)
    search_fields = ("professor_name", "professor__code", "meeting__offering__code", "case_uid")
    date_hierarchy = "at"
    ordering = ("-at", "-id")

    @admin.display(description=_("class"), ordering="meeting__offering__code")
    def class_code(self, entry: LedgerEntry) -> str:
        return entry.meeting.offering.code if entry.meeting else "–"


@admin.register(OwedHours)
class OwedHoursAdmin(ReadOnlyAdmin, InstituteScopedAdmin):
    department_path = "offering__course__department"
    actions = None
    list_display = ("offering", "hours", "at", "due_on", "settled_at", "case_uid")
    list_filter = (
        ("settled_at", admin.EmptyFieldListFilter),
        ("term", ScopedRelatedFilter),
        "due_on",
    )
    list_select_related = ("offering",)
    search_fields = ("offering__code", "offering__course__title", "case_uid")
    date_hierarchy = "at"
    ordering = ("-at", "-id")
