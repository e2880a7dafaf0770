"""Who and what is free, and when: the one place that answers it.

A professor is busy while leading or co-teaching a meeting that holds, while absent, in weekly times
marked unavailable, and while a hold keeps the time for something pending. A room is busy with meetings
that hold and with holds.
"""

from __future__ import annotations

import datetime as dt
import uuid
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import chain, islice
from operator import attrgetter
from typing import Any, NamedTuple

from django.db.models import (
    BigIntegerField,
    DateTimeField,
    IntegerField,
    Q,
    QuerySet,
    TimeField,
    UUIDField,
)

from .enums import AvailabilityKind
from .models import Absence, Availability, Hold, Institute, Meeting
from .prepared import Many, PreparedQuery, PreparedTogether, empty, literal
from .querysets import LONGEST

ONE_DAY = dt.timedelta(days=1)


class EngagementKind(StrEnum):
    TEACHING = "teaching"
    ABSENT = "absent"
    UNAVAILABLE = "unavailable"
    AVOID = "avoid"
    HELD = "held"


SHORT_DIARY = 24
"""Up to so many engagements looking at all is quicker than an index by day."""

BLOCKING = frozenset(EngagementKind) - {EngagementKind.AVOID}
DOUBLE_BOOKING = frozenset({EngagementKind.TEACHING, EngagementKind.HELD})
"""What would put somebody in two places at once, whatever they agreed to."""


class Engagement(NamedTuple):
    """One span of a diary. `offering_id` says with which class, where there is one.

    A search reads hundreds: hence no dataclass.
    """

    starts_at: dt.datetime
    ends_at: dt.datetime
    kind: EngagementKind
    offering_id: int | None = None
    meeting_id: int | None = None

    def overlaps(self, starts_at: dt.datetime, ends_at: dt.datetime) -> bool:
        return self.starts_at < ends_at and starts_at < self.ends_at

    @property
    def hours(self) -> float:
        return (self.ends_at - self.starts_at).total_seconds() / 3600


# What a diary is read from. Without anything to leave out, an id that nothing has is left out.

NO_MEETING, NO_CASE = 0, uuid.UUID(int=0)

_SPAN: dict[str, Any] = {"starts_at": DateTimeField(), "ends_at": DateTimeField()}


def _engagements(
    people: Any,
    weekdays: Any,
    starts_at: Any,
    ends_at: Any,
    but_for_meeting: Any,
    but_for_case: Any,
) -> list[QuerySet[Any, Any]]:
    """Everything that takes these people's time, a row each; of weekly times the weekday and the clock."""
    meetings = Meeting.objects.holding().overlapping(starts_at, ends_at).exclude(pk=but_for_meeting)
    dated = (empty(IntegerField()), empty(TimeField()), empty(TimeField()))
    classless = (empty(BigIntegerField()), empty(BigIntegerField()))
    span = ("starts_at", "ends_at")
    led = meetings.filter(professor__among=people).values_list(
        "professor_id", literal(EngagementKind.TEACHING), *span, "offering_id", "pk", *dated
    )
    co_taught = meetings.filter(
        offering__teachings__professor__among=people, offering__teachings__position__gt=0
    ).values_list(
        "offering__teachings__professor_id",
        literal(EngagementKind.TEACHING),
        *span,
        "offering_id",
        "pk",
        *dated,
    )
    absent = (
        Absence.objects.standing()
        .overlapping(starts_at, ends_at)
        .filter(professor__among=people)
        .values_list("professor_id", literal(EngagementKind.ABSENT), *span, *classless, *dated)
    )
    held = (
        Hold.objects.overlapping(starts_at, ends_at)
        .filter(professor__among=people)
        .but_for(but_for_case)
        .values_list(
            "professor_id",
            literal(EngagementKind.HELD),
            *span,
            "offering_id",
            empty(BigIntegerField()),
            *dated,
        )
    )
    weekly = Availability.objects.filter(
        professor__among=people, weekday__among=weekdays
    ).values_list(
        "professor_id",
        "kind",
        empty(DateTimeField()),
        empty(DateTimeField()),
        *classless,
        "weekday",
        "starts",
        "ends",
    )
    return [rows.order_by() for rows in (led, co_taught, absent, held, weekly)]


def _all_engagements(**asked: Any) -> QuerySet[Any, Any]:
    first, *others = _engagements(**asked)
    return first.union(*others, all=True)


_BUT_FOR: dict[str, Any] = {"but_for_meeting": BigIntegerField(), "but_for_case": UUIDField()}
_ENGAGEMENTS = PreparedQuery(_all_engagements, people=Many(), weekdays=Many(), **_SPAN, **_BUT_FOR)
_KINDS = {kind.value: kind for kind in EngagementKind}
"""Looked up here, as a diary is read, at a quarter of what it takes to ask the enumeration."""
_WEEKLY_KINDS = {
    AvailabilityKind.UNAVAILABLE.value: EngagementKind.UNAVAILABLE,
    AvailabilityKind.AVOID.value: EngagementKind.AVOID,
}


def first_of(
    engagements: Iterable[Engagement], starts_at: dt.datetime, ends_at: dt.datetime
) -> Engagement | None:
    """The first of them that overlaps the span."""
    for one in engagements:
        if one.starts_at < ends_at and starts_at < one.ends_at:
            return one
    return None


class Diaries:
    """The engagements of some professors between two moments, read in one query."""

    def __init__(self, engagements: dict[int, list[Engagement]]) -> None:
        self._of = engagements
        for entries in self._of.values():
            entries.sort(key=attrgetter("starts_at"))
        self._by_day: dict[int, dict[int, list[Engagement]]] = {}

    @classmethod
    def load(
        cls,
        institute: Institute,
        professor_ids: Collection[int],
        starts_at: dt.datetime,
        ends_at: dt.datetime,
        *,
        but_for_case: uuid.UUID | None = None,
        but_for_meeting: int | None = None,
    ) -> Diaries:
        """Read the diaries. A case's own holds and its own meeting are no obstacle to it."""
        if not professor_ids:
            return cls({})
        days = _by_weekday(institute, starts_at, ends_at)
        rows = _ENGAGEMENTS(
            people=professor_ids,
            weekdays=days,
            starts_at=starts_at,
            ends_at=ends_at,
            but_for_meeting=but_for_meeting or NO_MEETING,
            but_for_case=but_for_case or NO_CASE,
        )
        return cls(_entries(institute, rows, days))

    def of(self, professor_id: int) -> list[Engagement]:
        """All engagements of one professor, by start."""
        return self._of.get(professor_id, [])

    def clash(
        self,
        professor_id: int,
        starts_at: dt.datetime,
        ends_at: dt.datetime,
        kinds: Collection[EngagementKind] = BLOCKING,
    ) -> Engagement | None:
        """The first engagement of these kinds that overlaps the span."""
        for one in self._near(professor_id, starts_at, ends_at):
            if one.starts_at < ends_at and starts_at < one.ends_at and one.kind in kinds:
                return one
        return None

    def during(
        self,
        professor_id: int,
        starts_at: dt.datetime,
        ends_at: dt.datetime,
        kinds: Collection[EngagementKind] = BLOCKING,
    ) -> list[Engagement]:
        """The engagements of these kinds that overlap the span, by start."""
        return [
            one
            for one in self._near(professor_id, starts_at, ends_at)
            if one.overlaps(starts_at, ends_at) and one.kind in kinds
        ]

    def _near(
        self, professor_id: int, starts_at: dt.datetime, ends_at: dt.datetime
    ) -> list[Engagement]:
        """The engagements that may overlap the span: of a long diary, those of its days only."""
        entries = self.of(professor_id)
        if len(entries) <= SHORT_DIARY or starts_at.date() != ends_at.date():
            return entries
        days = self._by_day.get(professor_id)
        if days is None:
            days = self._by_day[professor_id] = defaultdict(list)
            for entry in entries:
                for day in range(entry.starts_at.toordinal(), entry.ends_at.toordinal() + 1):
                    days[day].append(entry)
        return days.get(starts_at.toordinal(), [])

    def teaching(
        self, professor_id: int, starts_at: dt.datetime, ends_at: dt.datetime
    ) -> list[Engagement]:
        """Classes taught or held for them that start inside the span."""
        return [
            e
            for e in self.of(professor_id)
            if e.kind in DOUBLE_BOOKING and starts_at <= e.starts_at < ends_at
        ]


def _by_weekday(
    institute: Institute, starts_at: dt.datetime, ends_at: dt.datetime
) -> dict[int, list[dt.date]]:
    days: dict[int, list[dt.date]] = defaultdict(list)
    for day in local_days(institute, starts_at, ends_at):
        days[day.isoweekday()].append(day)
    return days


def _entries(
    institute: Institute, rows: Iterable[Sequence[Any]], days: Mapping[int, Sequence[dt.date]]
) -> dict[int, list[Engagement]]:
    """By professor, of rows of `_engagements`."""
    entries: dict[int, list[Engagement]] = defaultdict(list)
    meetings_seen: set[tuple[int, int]] = set()
    for who, kind, start, end, offering_id, meeting_id, weekday, opens, closes in rows:
        if weekday is not None:
            entries[who] += (
                Engagement(
                    institute.moment(day, opens),
                    institute.moment(day, closes),
                    _WEEKLY_KINDS[kind],
                )
                for day in days[weekday]
            )
            continue
        if meeting_id is not None:
            # Who co-teaches a class leads some of its meetings, too.
            if (who, meeting_id) in meetings_seen:
                continue
            meetings_seen.add((who, meeting_id))
        entries[who].append(Engagement(start, end, _KINDS[kind], offering_id, meeting_id))
    return entries


def local_days(
    institute: Institute, starts_at: dt.datetime, ends_at: dt.datetime
) -> Iterator[dt.date]:
    """The institute's local days that the half-open span touches."""
    day = institute.local(starts_at).date()
    last = institute.local(ends_at - dt.timedelta(microseconds=1)).date()
    while day <= last:
        yield day
        day += ONE_DAY


def day_span(institute: Institute, moment: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """The institute's local day around a moment."""
    day = institute.local(moment).date()
    return institute.moment(day, dt.time()), institute.moment(day + ONE_DAY, dt.time())


def week_span(institute: Institute, moment: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """The institute's local week, Monday to Sunday, around a moment."""
    day = institute.local(moment).date()
    monday = day - dt.timedelta(days=day.weekday())
    return institute.moment(monday, dt.time()), institute.moment(
        monday + dt.timedelta(days=7), dt.time()
    )


@cache
def _rooms_taken(spans: int, *, everywhere: bool) -> PreparedQuery:
    """What takes rooms in so many spans: meetings and holds, of the institute or of some rooms."""

    def touching(where: Any, moments: dict[str, Any]) -> Q:
        # Said anew with each span, or SQLite would read the whole timetable instead of an index.
        theirs = Q(institute=where, room__isnull=False) if everywhere else Q(room__among=where)
        found = Q()
        for n in range(spans):
            starts_at, ends_at = moments[f"starts_at_{n}"], moments[f"ends_at_{n}"]
            found |= theirs & Q(
                starts_at__lt=ends_at, starts_at__gt=starts_at - LONGEST, ends_at__gt=starts_at
            )
        return found

    def rows(
        where: Any, but_for_meeting: Any, but_for_case: Any, **moments: Any
    ) -> QuerySet[Any, Any]:
        columns = ("room_id", "starts_at", "ends_at")
        condition = touching(where, moments)
        meetings = Meeting.objects.holding().filter(condition).exclude(pk=but_for_meeting)
        holds = Hold.objects.filter(condition).but_for(but_for_case).order_by()
        return (
            meetings.order_by().values_list(*columns).union(holds.values_list(*columns), all=True)
        )

    kinds: dict[str, Any] = {
        "where": BigIntegerField() if everywhere else Many(),
        "but_for_meeting": BigIntegerField(),
        "but_for_case": UUIDField(),
    }
    for n in range(spans):
        kinds |= {f"starts_at_{n}": DateTimeField(), f"ends_at_{n}": DateTimeField()}
    return PreparedQuery(rows, **kinds)


class RoomDiary:
    """When some rooms are busy, read in one query for any number of spans."""

    def __init__(self, busy: dict[int, list[tuple[dt.datetime, dt.datetime]]]) -> None:
        self._busy = busy
        for spans in busy.values():
            spans.sort()

    @classmethod
    def load(
        cls,
        institute: Institute,
        spans: Iterable[tuple[dt.datetime, dt.datetime]],
        *,
        room_ids: Collection[int] | None = None,
        but_for_case: uuid.UUID | None = None,
        but_for_meeting: int | None = None,
    ) -> RoomDiary:
        busy: dict[int, list[tuple[dt.datetime, dt.datetime]]] = defaultdict(list)
        merged = _merged(spans)
        if not merged:
            return cls(busy)
        # The last again, so that one statement serves any number of up to eight, or sixteen, and so on.
        merged += [merged[-1]] * (_round_number(len(merged)) - len(merged))
        values: dict[str, Any] = {
            "where": institute.pk if room_ids is None else room_ids,
            "but_for_meeting": but_for_meeting or NO_MEETING,
            "but_for_case": but_for_case or NO_CASE,
        }
        for n, (starts_at, ends_at) in enumerate(merged):
            values |= {f"starts_at_{n}": starts_at, f"ends_at_{n}": ends_at}
        for room_id, start, end in _rooms_taken(len(merged), everywhere=room_ids is None)(**values):
            busy[room_id].append((start, end))
        return cls(busy)

    def is_free(self, room_id: int, starts_at: dt.datetime, ends_at: dt.datetime) -> bool:
        spans = self._busy.get(room_id)
        if not spans:
            return True
        # Everything from the first span that starts at or after our end is too late to matter.
        before = spans[: bisect_left(spans, (ends_at,))]
        return all(end <= starts_at for _, end in before)


def _round_number(count: int) -> int:
    """The next power of two."""
    return 1 << (count - 1).bit_length()


def _merged(
    spans: Iterable[tuple[dt.datetime, dt.datetime]],
) -> list[tuple[dt.datetime, dt.datetime]]:
    """The spans joined where they lie close together, so that one short condition covers them."""
    merged: list[tuple[dt.datetime, dt.datetime]] = []
    for start, end in sorted(spans):
        if merged and start - merged[-1][1] < dt.timedelta(hours=4):
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


@cache
def _plans(*, rooms: bool, near: bool) -> PreparedTogether:
    """The engagements of people, and what classes have; if wanted also what rooms have, and the engagements
    of people near. Each part costs something even where nothing is asked for."""

    def parts(**asked: Any) -> list[QuerySet[Any, Any]]:
        people = {name: asked[name] for name in ("people", "weekdays", *_SPAN, *_BUT_FOR)}
        span = asked["starts_at"], asked["ends_at"]
        meetings = Meeting.objects.holding().overlapping(*span).exclude(pk=asked["but_for_meeting"])
        holds = Hold.objects.overlapping(*span).but_for(asked["but_for_case"])
        columns = ("starts_at", "ends_at")
        found = _engagements(**people)
        assert len(found) == _PEOPLE_PARTS  # noqa: S101 - what is read below counts on it
        for rows in (meetings, holds):
            of_classes = rows.filter(offering__among=asked["classes"])
            found.append(of_classes.order_by().values_list("offering_id", *columns))
        if rooms:
            for rows in (meetings, holds):
                of_rooms = rows.filter(room__among=asked["rooms"])
                found.append(of_rooms.order_by().values_list("room_id", *columns))
        if near:
            found += _engagements(**{**people, **{n: asked[f"near_{n}"] for n in _OF_NEAR}})
        return found

    kinds = {"people": Many(), "weekdays": Many(), "classes": Many(), **_SPAN, **_BUT_FOR}
    if rooms:
        kinds["rooms"] = Many()
    if near:
        kinds |= {f"near_{name}": kinds[name] for name in _OF_NEAR}
    return PreparedTogether(parts, **kinds)


_OF_NEAR = ("people", "weekdays", "starts_at", "ends_at")
_PEOPLE_PARTS = 5
"""As many as `_engagements` are."""


@dataclass(frozen=True)
class Near:
    """People about whom is asked on the way, between two moments of their own."""

    people: Collection[int]
    starts_at: dt.datetime
    ends_at: dt.datetime


@dataclass(frozen=True)
class Plans:
    """What people, classes and rooms have between two moments: all of it read in one query."""

    diaries: Diaries
    classes: Sequence[tuple[int, dt.datetime, dt.datetime]]
    """Of the classes asked for each meeting that holds, and each hold: the class, from, until."""
    rooms: RoomDiary
    near: Diaries

    @classmethod
    def load(
        cls,
        institute: Institute,
        starts_at: dt.datetime,
        ends_at: dt.datetime,
        *,
        people: Collection[int],
        classes: Collection[int],
        rooms: Collection[int],
        near: Near | None = None,
        but_for_case: uuid.UUID | None = None,
        but_for_meeting: int | None = None,
    ) -> Plans:
        days = _by_weekday(institute, starts_at, ends_at)
        asked: dict[str, Any] = {
            "people": people,
            "weekdays": days,
            "starts_at": starts_at,
            "ends_at": ends_at,
            "classes": classes,
            "but_for_meeting": but_for_meeting or NO_MEETING,
            "but_for_case": but_for_case or NO_CASE,
        }
        if rooms:
            asked["rooms"] = rooms
        near_days: dict[int, list[dt.date]] = {}
        if near:
            near_days = _by_weekday(institute, near.starts_at, near.ends_at)
            asked["near_people"], asked["near_weekdays"] = near.people, near_days
            asked["near_starts_at"], asked["near_ends_at"] = near.starts_at, near.ends_at
        found = iter(_plans(rooms=bool(rooms), near=near is not None)(**asked))

        def entries(days: Mapping[int, Sequence[dt.date]]) -> Diaries:
            of_people = chain.from_iterable(islice(found, _PEOPLE_PARTS))
            return Diaries(_entries(institute, of_people, days))

        diaries = entries(days)
        of_classes = [*next(found), *next(found)]
        busy: dict[int, list[tuple[dt.datetime, dt.datetime]]] = defaultdict(list)
        if rooms:
            for room_id, start, end in (*next(found), *next(found)):
                busy[room_id].append((start, end))
        return cls(
            diaries,
            [(offering_id, start, end) for offering_id, start, end in of_classes],
            RoomDiary(busy),
            entries(near_days),
        )
