"""What was told, to whom, and whether it got there."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from reallocation.enums import DeliveryStatus
from reallocation.models import Delivery, Message, Notice
from reallocation.notifications.kinds import KINDS
from timetable.scoped_admin import ScopedRelatedFilter

from .register import WHOLE_INSTITUTE, CaseFilter, Register, YesFilter, case_links, clock

REMINDER = "ballot-reminder"
DONE = (DeliveryStatus.SENT, DeliveryStatus.DELIVERED)
TROUBLE = (DeliveryStatus.BOUNCED, DeliveryStatus.FAILED)


class UnreachedFilter(YesFilter):
    title = _("trouble")
    parameter_name = "trouble"
    answer = _("somebody was not reached")
    condition = Q(unreached__gt=0)


class NoticeKindFilter(admin.SimpleListFilter):
    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, name.replace("-", " ")) for name in KINDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class DeliveryCaseFilter(CaseFilter):
    case_path = "message__notice__case"


@admin.register(Notice)
class NoticeAdmin(Register):
    roles = WHOLE_INSTITUTE
    list_display = ("subject", "written", "about", "recipients", "handed_over", "unreached")
    list_filter = (
        NoticeKindFilter,
        UnreachedFilter,
        "created_at",
        CaseFilter,
        ("institute", ScopedRelatedFilter),
    )
    search_fields = ("subject", "case__meeting__offering__code", "case__uid")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    fields = ("subject", "written", "kind", "about", "text")
    readonly_fields = ("written", "about", "text")

    written = clock("created_at", _("written"))
    about = case_links("case__meeting__offering__code")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        deliveries = Delivery.objects.filter(message__notice=OuterRef("pk"))
        counted: QuerySet[Any] = rows.select_related(
            "institute", "case__meeting__offering__course"
        ).annotate(
            recipients=_how_many(Message.objects.filter(notice=OuterRef("pk")), "notice"),
            handed_over=_how_many(deliveries.filter(status__in=DONE), "message__notice"),
            unreached=_how_many(deliveries.filter(status__in=TROUBLE), "message__notice"),
        )
        return counted

    @admin.display(description=_("recipients"), ordering="recipients")
    def recipients(self, notice: Any) -> int:
        return int(notice.recipients)

    @admin.display(description=_("handed over"), ordering="handed_over")
    def handed_over(self, notice: Any) -> int:
        return int(notice.handed_over)

    @admin.display(description=_("not reached"), ordering="unreached")
    def unreached(self, notice: Any) -> int:
        return int(notice.unreached)

    @admin.display(description=_("text"))
    def text(self, notice: Notice) -> SafeString:
        parts = ((part,) for part in notice.body.split("\n\n"))
        return format_html_join("", '<p class="message-text">{}</p>', parts)

    def story(self, request: HttpRequest, row: Notice) -> dict[str, Any]:
        if row.kind == REMINDER:
            return {"is_secret": True}
        told = Message.objects.filter(notice=row).order_by("user__name", "pk")
        return {"told": told.select_related("user").prefetch_related("deliveries")}


@admin.register(Delivery)
class DeliveryAdmin(Register):
    roles = WHOLE_INSTITUTE
    institute_path = "message__notice__institute"
    list_display = ("to", "subject", "channel", "status", "sent", "error", "address")
    list_filter = (
        "status",
        "channel",
        "sent_at",
        DeliveryCaseFilter,
        ("message__notice__institute", ScopedRelatedFilter),
    )
    list_select_related = ("message__user", "message__notice__institute")
    search_fields = ("address", "message__user__name", "message__notice__subject")
    ordering = ("-pk",)
    fields = ("to", "address", "channel", "subject", "status", "attempts", "next", "sent", "error")
    readonly_fields = ("to", "subject", "next", "sent")

    next = clock("due_at", _("tried next"), lambda row: row.message.notice.institute)
    sent = clock("sent_at", _("sent"), lambda row: row.message.notice.institute)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.exclude(message__notice__kind=REMINDER)

    def title_of(self, row: Delivery) -> str:
        return f"{row.message.user.get_full_name()}: {row.message.notice.subject}"

    @admin.display(description=_("recipient"), ordering="message__user__name")
    def to(self, delivery: Delivery) -> str:
        return delivery.message.user.get_full_name()

    @admin.display(description=_("message"), ordering="message__notice__subject")
    def subject(self, delivery: Delivery) -> SafeString:
        notice = delivery.message.notice
        url = reverse("admin:reallocation_notice_change", args=[notice.pk])
        return format_html('<a href="{}">{}</a>', url, notice.subject)


def _how_many(rows: QuerySet[Any], group: str) -> Coalesce:
    """How many of these rows belong to the outer row."""
    counted = rows.order_by().values(group).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted), 0)
