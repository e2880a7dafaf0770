"""What staff may read of ballots: the sums, and only when they tell on nobody."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from timetable.enums import StaffRole
from timetable.scoped_admin import InstituteScopedAdmin, ReadOnlyAdmin

from .models import Ballot
from .queries import SMALLEST_LIVE_ROLL
from .rules import Rule, Turnout

HIDDEN = "–"


@admin.register(Ballot)
class BallotAdmin(ReadOnlyAdmin, InstituteScopedAdmin):
    """Nothing can be added, changed or deleted, and votes and rolls have no pages at all."""

    roles = frozenset({StaffRole.REGISTRAR.value, StaffRole.AUDITOR.value})
    list_display = ("wording", "offering", "opened_at", "closes_at", "outcome", "turnout", "sums")
    list_filter = ("kind", "result", "closed_by", "opened_at")
    list_select_related = ("offering",)
    search_fields = ("question", "offering__code", "offering__course__title", "subject_uid")
    date_hierarchy = "opened_at"
    ordering = ("-opened_at", "-id")
    actions = None
    fields: ClassVar = (
        "wording",
        "kind",
        "institute",
        "offering",
        "subject_uid",
        ("opened_at", "closes_at", "closed_at"),
        ("outcome", "closed_by"),
        "rule",
        ("turnout", "sums"),
    )
    readonly_fields: ClassVar = ("wording", "outcome", "rule", "turnout", "sums")

    @admin.display(description=_("question"), ordering="question")
    def wording(self, ballot: Ballot) -> str:
        return ballot.wording

    @admin.display(description=_("result"))
    def outcome(self, ballot: Ballot) -> str:
        return str(ballot.get_result_display() or _("open"))

    @admin.display(description=_("rule"))
    def rule(self, ballot: Ballot) -> str:
        return Rule(ballot.quorum_percent).sentence(ballot.roll_size)

    @admin.display(description=_("turnout"))
    def turnout(self, ballot: Ballot) -> str:
        return Turnout(ballot.cast, ballot.roll_size).sentence()

    @admin.display(description=_("yes : no"))
    def sums(self, ballot: Ballot) -> str:
        # While it is open, or with so few voters, the sums would tell who has said what.
        if ballot.is_open or ballot.roll_size < SMALLEST_LIVE_ROLL:
            return HIDDEN
        return f"{ballot.yes} : {ballot.no}"
