"""Where a meeting could move, week by week: every place of the bell grid, and what stands in its way.

For a person who picks a place and wants to see why another is not among them. Times are local.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from timetable.availability import EngagementKind

from .models import Case
from .slots import LeftOutPlace, SlotOption, SlotSearch

ONE_DAY = dt.timedelta(days=1)

Place = SlotOption | LeftOutPlace

EVERY_PLACE = 10_000
"""As the limit of a search: more places than there are before any checkpoint."""

BUSY = {
    EngagementKind.ABSENT: gettext_lazy("absent"),
    EngagementKind.UNAVAILABLE: gettext_lazy("not available"),
    EngagementKind.HELD: gettext_lazy("promised elsewhere"),
}


@dataclass(frozen=True)
class Cell:
    """One start of a day. Neither `option` nor `left`: it is too soon, too late, or no teaching day."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    students: int
    option: SlotOption | None = None
    left: LeftOutPlace | None = None
    is_best: bool = False
    own_class: str = ""
    """The code of what the professor teaches then."""

    @property
    def kind(self) -> str:
        """free, students, room, class, busy or off"""
        if self.option is not None:
            return "free"
        if self.left is None:
            return "off"
        if self.left.cause != "professor":
            return self.left.cause
        return "class" if self.own_class else "busy"

    @property
    def clashing(self) -> int:
        """Students of the class who have another one then."""
        place = self.option or self.left
        return place.clashing if place is not None else 0

    @property
    def words(self) -> str:
        """What stands in the way, or how many could come."""
        match self.kind:
            case "free" if not self.clashing:
                return _("everybody is free")
            case "free" | "students":
                return ngettext(
                    "%(n)d of %(all)d has another class",
                    "%(n)d of %(all)d have another class",
                    self.clashing,
                ) % {"n": self.clashing, "all": self.students}
            case "room":
                return _("no room is free")
            case "class":
                return _("own class %(code)s") % {"code": self.own_class}
            case "busy":
                return self._busy
        return ""

    @property
    def _busy(self) -> str:
        engagement = self.left.engagement if self.left is not None else None
        if engagement is None:
            return _("a co-teacher is not free")
        return str(BUSY.get(engagement.kind, _("teaching")))


@dataclass(frozen=True)
class Day:
    date: dt.date
    cells: tuple[Cell, ...]

    @property
    def is_off(self) -> bool:
        return all(cell.kind == "off" for cell in self.cells)


@dataclass(frozen=True)
class Week:
    """One of the weeks to look at, and how many places are free in it."""

    monday: dt.date
    free: int

    @property
    def sunday(self) -> dt.date:
        return self.monday + 6 * ONE_DAY


@dataclass(frozen=True)
class WeekGrid:
    weeks: tuple[Week, ...]
    shown: Week
    days: tuple[Day, ...]

    @property
    def kinds(self) -> set[str]:
        """What there is to explain."""
        return {cell.kind for day in self.days for cell in day.cells}


def of(
    case: Case, found: SlotSearch, *, best: int, wanted: dt.date | None = None
) -> WeekGrid | None:
    """The week of the wanted day, or else that of the best place; None where nothing was looked at.

    `found` must hold every place; the first `best` of it are marked.
    """
    local = case.institute.local
    looked_at: list[Place] = [*found.options, *found.left]
    if not looked_at:
        return None
    places = {local(place.starts_at): place for place in looked_at}
    free = Counter(_monday(local(option.starts_at).date()) for option in found.options)
    first, last = _monday(min(places).date()), _monday(max(places).date())
    weeks = tuple(
        Week(monday, free[monday])
        for monday in (first + 7 * n * ONE_DAY for n in range((last - first).days // 7 + 1))
    )
    sought = wanted or local(looked_at[0].starts_at).date()
    shown = next((week for week in weeks if week.monday == _monday(sought)), weeks[0])
    dates = [shown.monday + n * ONE_DAY for n in range(7)]
    cells = list(_cells(case, found, places, dates, best))
    days = (
        Day(date, tuple(cell for cell in cells if cell.starts_at.date() == date)) for date in dates
    )
    weekdays = {moment.isoweekday() for moment in places}
    return WeekGrid(weeks, shown, tuple(day for day in days if day.date.isoweekday() in weekdays))


def _monday(day: dt.date) -> dt.date:
    return day - day.weekday() * ONE_DAY


def _cells(
    case: Case,
    found: SlotSearch,
    places: Mapping[dt.datetime, Place],
    dates: list[dt.date],
    best: int,
) -> Iterator[Cell]:
    length = case.before_ends_at - case.before_starts_at
    starts = sorted({moment.time() for moment in places})
    for date in dates:
        for start in starts:
            starts_at = case.institute.local(case.institute.moment(date, start))
            ends_at = case.institute.local(starts_at + length)
            place = places.get(starts_at)
            if isinstance(place, SlotOption):
                chosen = place.rank <= best
                yield Cell(starts_at, ends_at, found.students, option=place, is_best=chosen)
            else:
                own = found.own_classes.get(_offering(place) or 0, "")
                yield Cell(starts_at, ends_at, found.students, left=place, own_class=own)


def _offering(place: Place | None) -> int | None:
    if not isinstance(place, LeftOutPlace) or place.engagement is None:
        return None
    engaged = place.engagement
    return engaged.offering_id if engaged.kind is EngagementKind.TEACHING else None
