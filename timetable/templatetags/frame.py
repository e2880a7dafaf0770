"""What every page needs: navigation, icons, and how a meeting's time and change are shown."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from timetable import extensions, icon_pictures, moments, navigation
from timetable.accounts import NOBODY
from timetable.enums import MeetingChange
from timetable.icons import icon
from timetable.models import Offering, Term
from timetable.percentages import percentage

register = template.Library()

CHANGE_ICONS = {
    MeetingChange.SCHEDULED: "check",
    MeetingChange.SUBSTITUTED: "user-round-check",
    MeetingChange.MOVED: "calendar-clock",
    MeetingChange.POSTPONED: "clock-alert",
    MeetingChange.DROPPED: "circle-x",
}


register.filter(percentage)
register.simple_tag(icon)
register.simple_tag(icon_pictures.address, name="icon_picture")


@register.inclusion_tag("frame/navigation.html", takes_context=True)
def navigation_bar(context: template.Context) -> dict[str, Any]:
    request = context.get("request")
    actor = getattr(request, "actor", NOBODY)
    path = request.path if request is not None else ""
    return {"links": navigation.links_for(actor, path), "request": request}


@register.inclusion_tag("frame/account.html", takes_context=True)
def account_menu(context: template.Context) -> dict[str, Any]:
    return _reader(context)


@register.inclusion_tag("frame/foot.html", takes_context=True)
def language_foot(context: template.Context) -> dict[str, Any]:
    """Where nobody is signed in there is no menu, and the languages stand below the page."""
    return _reader(context)


def _reader(context: template.Context) -> dict[str, Any]:
    request = context.get("request")
    return {
        "actor": getattr(request, "actor", NOBODY),
        "csrf_token": context.get("csrf_token"),
        "request": request,
    }


@register.simple_tag(takes_context=True)
def panels(context: template.Context, place: extensions.Place, subject: Any = None) -> SafeString:
    """What the other apps show at this place of the page."""
    return extensions.panels(place, context["request"], subject)


@register.inclusion_tag("timetable/_import_first.html", takes_context=True)
def import_first(context: template.Context) -> dict[str, Any]:
    """How a timetable comes in, where the reader's institute has none; nothing where it has."""
    actor = getattr(context.get("request"), "actor", NOBODY)
    lacks = actor.institute is not None and not actor.once(
        "has_term", lambda: Term.objects.filter(institute=actor.institute).exists()
    )
    may_import = actor.is_registrar and navigation.works_in_admin(actor)
    return {"lacks": lacks, "may_import": may_import}


@register.filter
def change_badge(change: MeetingChange) -> SafeString:
    return format_html(
        '<span class="state state-{}">{}{}</span>',
        change.value,
        icon(CHANGE_ICONS[change], 14),
        change.label,
    )


@register.simple_tag
def span(starts: dt.datetime, ends: dt.datetime) -> SafeString:
    """`08:30–09:20`, as a time element; the moments are given in the zone to show."""
    return format_html(
        '<time class="span" datetime="{}">{}–{}</time>',
        starts.isoformat(),
        moments.figures(starts),
        moments.figures(ends),
    )


@register.filter
def class_url(offering: Offering) -> str:
    """The page of a class. Its code alone names it while its term runs; else the term is said too.

    Wants `offering.term` loaded, as `MeetingQuerySet.for_list` does.
    """
    url = reverse("timetable:class-detail", args=[offering.code])
    if offering.term.starts_on <= timezone.localdate() <= offering.term.ends_on:
        return url
    return f"{url}?{urlencode({'term': offering.term.name})}"


@register.simple_tag
def week_url(url_name: str, day: dt.date | None, code: str = "") -> str:
    """The week that the day lies in, or this week: one's own, or of the section or room `code`."""
    return reverse(url_name, args=[part for part in (code, day) if part])


@register.filter
def day(value: dt.date) -> str:
    """`Mon 4 Jan`"""
    return moments.day(value)


@register.filter
def long_day(value: dt.date) -> str:
    """`Monday 4 January 2027`"""
    return moments.long_day(value)


@register.filter
def short_day(value: dt.date) -> str:
    """`4 Jan`"""
    return moments.short_day(value)
