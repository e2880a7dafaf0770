"""How the pages show what a rehearsal is about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django import template
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reallocation.enums import RehearsalStatus
from reallocation.models import Rehearsal
from reallocation.rehearsal import programme
from reallocation.rehearsal.comparison import rule_name
from reallocation.templatetags.cases import badge
from timetable import moments
from timetable.percentages import percentage

register = template.Library()

LOOKS = {
    RehearsalStatus.WAITING: ("info", "hourglass"),
    RehearsalStatus.RUNNING: ("info", "hourglass"),
    RehearsalStatus.DONE: ("good", "check"),
    RehearsalStatus.FAILED: ("bad", "circle-x"),
    RehearsalStatus.CANCELLED: ("none", "circle-slash"),
}


@register.filter
def rehearsal_badge(rehearsal: Rehearsal) -> SafeString:
    look, icon_name = LOOKS[RehearsalStatus(rehearsal.status)]
    return badge(look, icon_name, rehearsal.get_status_display())


@register.filter
def percent_played(rehearsal: Rehearsal) -> int:
    return programme.percent(rehearsal)


@register.filter
def who_is_absent(rehearsal: Rehearsal) -> str:
    """`50 absences over the term`, `20 % of all who teach on Tue 2 Mar`."""
    script = rehearsal.script
    day = _day(script["on"]) if script["on"] else ""
    if script["wave"] is not None:
        said = {"percent": as_percent(script["wave"]), "day": day}
        return _("%(percent)s of all who teach on %(day)s") % said
    said = {"n": number_format(script["absences"], 0), "day": day}
    if day:
        text = ngettext("%(n)s absence on %(day)s", "%(n)s absences on %(day)s", script["absences"])
    else:
        text = ngettext(
            "%(n)s absence over the term", "%(n)s absences over the term", script["absences"]
        )
    return text % said


@register.filter
def other_rules(rehearsal: Rehearsal) -> Iterator[tuple[str, Any, Any]]:
    """(rule, as it was, instead) of each rule that is compared with."""
    return ((rule_name(name), old, new) for name, (old, new) in rehearsal.rules.items())


@register.filter
def as_percent(share: float) -> str:
    return percentage(100 * share)


def _day(text: str) -> str:
    return moments.day(dt.date.fromisoformat(text))
