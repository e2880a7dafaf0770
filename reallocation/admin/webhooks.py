"""Which other systems are told, and what became of it: to be read. Secrets are shown to nobody, and of an
address the host alone, because many receivers have a secret of their own behind it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from reallocation.models import Webhook, WebhookDelivery
from timetable.models import Institute
from timetable.scoped_admin import ScopedRelatedFilter

from .register import WHOLE_INSTITUTE, CaseFilter, Register, case_links, clock


def _of_webhook(row: Any) -> Institute:
    institute: Institute = row.webhook.institute
    return institute


@admin.register(Webhook)
class WebhookAdmin(Register):
    roles = WHOLE_INSTITUTE
    list_display = ("name", "host", "told_of", "owner", "last", "off", "off_why", "removed")
    list_filter = ("off_why", ("institute", ScopedRelatedFilter))
    list_select_related = ("institute", "owner")
    search_fields = ("name",)
    ordering = ("-pk",)
    fields = ("name", "host", "told_of", "owner", "made", "last", "off", "off_why", "removed")
    readonly_fields = ("host", "told_of", "made", "last", "off", "removed")

    made = clock("created_at", _("made"))
    last = clock("delivered_at", _("last delivery"))
    off = clock("off_at", _("switched off"))
    removed = clock("removed_at", _("removed"))

    @admin.display(description=_("receiver"))
    def host(self, row: Webhook) -> str:
        return urlsplit(row.url).hostname or ""

    @admin.display(description=_("told of"))
    def told_of(self, row: Webhook) -> str:
        return ", ".join(row.events)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(Register):
    roles = WHOLE_INSTITUTE
    institute_path = "webhook__institute"
    list_display = (
        "happened",
        "event",
        "webhook",
        "of_class",
        "status",
        "attempts",
        "answer",
        "error",
    )
    list_filter = (
        "status",
        "event",
        "written_at",
        CaseFilter,
        ("webhook", ScopedRelatedFilter),
        ("webhook__institute", ScopedRelatedFilter),
    )
    list_select_related = ("webhook__institute", "case__meeting__offering")
    search_fields = ("uid", "case__uid", "webhook__name")
    ordering = ("-pk",)
    fields = (
        *("uid", "webhook", "event", "of_class", "happened", "status", "attempts", "next"),
        *("delivered", "answer", "error", "body"),
    )
    readonly_fields = ("uid", "of_class", "happened", "next", "delivered", "answer")

    happened = clock("written_at", _("happened"), _of_webhook)
    next = clock("due_at", _("tried next"), _of_webhook)
    delivered = clock("delivered_at", _("delivered"), _of_webhook)
    of_class = case_links("case__meeting__offering__code")

    def title_of(self, row: WebhookDelivery) -> str:
        return f"{row.webhook}: {row.event}"

    @admin.display(description=_("answer"), ordering="answer_status")
    def answer(self, row: WebhookDelivery) -> int | None:
        return row.answer_status
