"""How the pages of the workflow show moments, reasons and states."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import template
from django.forms import BoundField
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from reallocation import reasons
from reallocation.enums import CaseStatus, OfferStatus, StepNumber
from reallocation.models import Case, Offer
from reallocation.progress import RungState
from reallocation.reasons import Reason
from timetable import moments
from timetable.icons import icon

register = template.Library()

CASE_LOOKS = {
    CaseStatus.OPEN: ("info", "hourglass"),
    CaseStatus.SUBSTITUTED: ("good", "user-round-check"),
    CaseStatus.RESCHEDULED: ("warn", "calendar-clock"),
    CaseStatus.WEEKEND: ("warn", "calendar-clock"),
    CaseStatus.DROPPED: ("bad", "circle-x"),
    CaseStatus.WITHDRAWN: ("none", "circle-slash"),
}
OFFER_LOOKS = {
    OfferStatus.SENT: ("warn", "hourglass"),
    OfferStatus.ACCEPTED: ("good", "check"),
    OfferStatus.DECLINED: ("none", "x"),
    OfferStatus.EXPIRED: ("none", "timer-off"),
    OfferStatus.WITHDRAWN: ("none", "circle-slash"),
    OfferStatus.TAKEN: ("none", "user-round-check"),
}
RUNG_LOOKS = {
    RungState.AHEAD: ("circle-dashed", gettext_lazy("still to come")),
    RungState.CURRENT: ("circle-dot", gettext_lazy("now")),
    RungState.SETTLED: ("circle-check", gettext_lazy("settled here")),
    RungState.TRIED: ("corner-right-down", gettext_lazy("tried")),
    RungState.SKIPPED: ("skip-forward", gettext_lazy("skipped")),
    RungState.SPARED: ("circle-dashed", gettext_lazy("not needed")),
}
PLACE_ICONS = {
    "class": "presentation",
    "busy": "calendar-off",
    "students": "users",
    "room": "door-closed",
}


@register.filter
def moment(value: dt.datetime | None) -> SafeString | str:
    """`Tue 2 Mar, 09:00`, on the clock of the page."""
    if value is None:
        return ""
    local = timezone.localtime(value)
    said = moments.day_and_time(local)
    return format_html('<time datetime="{}">{}</time>', local.isoformat(), said)


@register.filter
def stored_moment(value: str) -> SafeString | str:
    """The same for a moment that was stored in words."""
    return moment(dt.datetime.fromisoformat(value))


@register.simple_tag
def stretch(starts: dt.datetime, ends: dt.datetime) -> SafeString:
    """`Tue 2 Mar, 09:00–10:30`; the day of the end is said where it is another one, and
    midnights are not, where it is whole days.
    """
    first, last = timezone.localtime(starts), timezone.localtime(ends)
    if first.date() == last.date():
        return format_html(
            '<time datetime="{}">{}, <span class="span">{}–{}</span>{}</time>',
            first.isoformat(),
            moments.day(first),
            moments.figures(first),
            moments.figures(last),
            moments.after_figures(last),
        )
    if days := moments.whole_days(first, last):
        return format_html("{}", days)
    return format_html("{} – {}", moment(starts), moment(ends))


@register.filter
def sentence(reason: Reason | dict[str, Any] | None) -> str:
    """A reason in words, as it is stored or as it was found."""
    if not reason:
        return ""
    return reason.sentence() if isinstance(reason, Reason) else reasons.sentence(reason)


def badge(look: str, icon_name: str, label: Any) -> SafeString:
    """A coloured word for a state."""
    return format_html('<span class="state state-{}">{}{}</span>', look, icon(icon_name, 14), label)


@register.filter
def case_badge(case: Case) -> SafeString:
    look, icon_name = CASE_LOOKS[CaseStatus(case.status)]
    return badge(look, icon_name, case.get_status_display())


@register.filter
def pips(case: Case) -> SafeString:
    """The ladder in small: five marks, up to where the case has come. Words beside it say the same."""
    here = "now" if case.is_open else CASE_LOOKS[CaseStatus(case.status)][0]
    marks = [
        "passed" if number < case.step else here if number == case.step else "ahead"
        for number in StepNumber
    ]
    drawn = format_html_join("", '<span class="pip pip-{}"></span>', ((mark,) for mark in marks))
    return format_html('<span class="pips" aria-hidden="true">{}</span>', drawn)


@register.filter
def offer_badge(offer: Offer) -> SafeString:
    look, icon_name = OFFER_LOOKS[OfferStatus(offer.status)]
    return badge(look, icon_name, offer.get_status_display())


@register.simple_tag
def answer_badge(status: str, label: str) -> SafeString:
    look, icon_name = OFFER_LOOKS[OfferStatus(status)]
    return badge(look, icon_name, label)


@register.simple_tag
def rung_icon(state: RungState) -> SafeString:
    return icon(RUNG_LOOKS[state][0], 22)


@register.filter
def rung_word(state: RungState) -> str:
    return str(RUNG_LOOKS[state][1])


@register.filter
def slot_value(option: Any) -> str:
    """How a place is sent: its moment, and the code of its room."""
    return f"{option.starts_at.isoformat()}|{option.room.code if option.room else ''}"


@register.simple_tag
def place_icon(kind: str) -> SafeString:
    """What stands in the way of a place."""
    return icon(PLACE_ICONS[kind], 16)


@register.filter
def search_list(field: BoundField) -> str:
    """The id of the list into which a search field's suggestions are put."""
    return str(getattr(field.field, "list_id", ""))


@register.filter
def balance(value: float) -> str:
    """A balance of covering, 0 to 1, as `0.93`."""
    return number_format(value, 2)
