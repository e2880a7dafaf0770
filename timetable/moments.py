"""Days and times in words, as the reader's language writes them: see `config.formats`.

Moments are given on the clock on which they are to be said.
"""

from __future__ import annotations

import datetime as dt

from django.utils.formats import date_format
from django.utils.translation import gettext as _


def day(value: dt.date) -> str:
    """Like "Tue 2 Mar"."""
    return date_format(value, "DAY_FORMAT")


def short_day(value: dt.date) -> str:
    """Like "2 Mar", in a grid."""
    return date_format(value, "SHORT_DAY_FORMAT")


def day_of_year(value: dt.date) -> str:
    """Like "Tue 2 Mar 2027"."""
    return date_format(value, "DAY_YEAR_FORMAT")


def long_day(value: dt.date) -> str:
    """Like "Tuesday 2 March 2027"."""
    return date_format(value, "LONG_DAY_FORMAT")


def day_and_time(moment: dt.datetime) -> str:
    """Like "Tue 2 Mar, 09:00"."""
    return date_format(moment, "DAY_TIME_FORMAT")


def day_year_and_time(moment: dt.datetime) -> str:
    """Like "Tue 2 Mar 2027, 09:00"."""
    return date_format(moment, "DAY_YEAR_TIME_FORMAT")


def clock(moment: dt.datetime) -> str:
    """Like "09:00", in a sentence."""
    return date_format(moment, "CLOCK_FORMAT")


def after_figures(moment: dt.datetime) -> str:
    """What the language says after the figures, like the German " Uhr"; nothing in English."""
    return clock(moment).removeprefix(figures(moment))


def figures(moment: dt.datetime) -> str:
    """Like "09:00", in a grid or at the beginning of a span."""
    return date_format(moment, "H:i")


def span(starts: dt.datetime, ends: dt.datetime) -> str:
    """Like "Tue 2 Mar, 09:00–09:50"; the day of the end is said where it is another one."""
    if starts.date() == ends.date():
        return f"{day(starts)}, {figures(starts)}–{clock(ends)}"
    return f"{day_and_time(starts)} – {day_and_time(ends)}"


def whole_days(starts: dt.datetime, ends: dt.datetime) -> str:
    """Like "Tue 2 Mar – Thu 4 Mar" or "Tuesday 2 March 2027, all day"; empty if a part of a day is in it."""
    if starts >= ends or not starts.time() == ends.time() == dt.time():
        return ""
    last = ends - dt.timedelta(days=1)
    if starts.date() == last.date():
        return f"{long_day(starts)}, {_('all day')}"
    return f"{day(starts)} – {day(last)}"


def stretch(starts: dt.datetime, ends: dt.datetime) -> str:
    """A span as people say it: whole days without their midnights."""
    return whole_days(starts, ends) or span(starts, ends)
