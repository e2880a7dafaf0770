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
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import Any

from django.db.models import BigIntegerField, DateTimeField, Q, QuerySet, UUIDField

from .enums import AvailabilityKind
from .models import Absence, Availability, Hold, Institute, Meeting, Teaching
from .prepared import Many, PreparedQuery
from .querysets import LONGEST, MeetingQuerySet, SpanQuerySet

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


@dataclass(frozen=True, slots=True)
class Engagement:
    """One span of a diary. `offering_id` says with which class, where there is one."""

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
_COLUMNS = ("professor_id", "starts_at", "ends_at", "offering_id", "pk")


def _holding(starts_at: Any, ends_at: Any, but_for: Any) -> MeetingQuerySet:
    return Meeting.objects.holding().overlapping(starts_at, ends_at).exclude(pk=but_for).order_by()


_LED = PreparedQuery(
    lambda people, **span: _holding(**span).filter(professor__among=people).values_list(*_COLUMNS),
    people=Many(),
    but_for=BigIntegerField(),
    **_SPAN,
)
_CO_TAUGHT = PreparedQuery(
    lambda people: (
        Teaching.objects.filter(professor__among=people, position__gt=0)
        .order_by()
        .values_list("professor_id", "offering_id")
    ),
    people=Many(),
)
_MEETINGS_OF = PreparedQuery(
    lambda offerings, **span: (
        _holding(**span).filter(offering__among=offerings).values_list(*_COLUMNS)
    ),
    offerings=Many(),
    but_for=BigIntegerField(),
    **_SPAN,
)
_ABSENT = PreparedQuery(
    lambda people, starts_at, ends_at: (
        Absence.objects.standing()
        .overlapping(starts_at, ends_at)
        .filter(professor__among=people)
        .order_by()
        .values_list("professor_id", "starts_at", "ends_at")
    ),
    people=Many(),
    **_SPAN,
)
_HELD = PreparedQuery(
    lambda people, starts_at, ends_at, but_for: (
        Hold.objects.overlapping(starts_at, ends_at)
        .filter(professor__among=people)
        .but_for(but_for)
        .order_by()
        .values_list("professor_id", "starts_at", "ends_at", "offering_id")
    ),
    people=Many(),
    but_for=UUIDField(),
    **_SPAN,
)
_WEEKLY = PreparedQuery(
    lambda people, weekdays: (
        Availability.objects.filter(professor__among=people, weekday__among=weekdays)
        .order_by()
        .values_list("professor_id", "weekday", "starts", "ends", "kind")
    ),
    people=Many(),
    weekdays=Many(),
)


class Diaries:
    """The engagements of some professors between two moments, read in at most five queries."""

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
        entries: dict[int, list[Engagement]] = defaultdict(list)
        if not professor_ids:
            return cls(entries)
        span = {"starts_at": starts_at, "ends_at": ends_at}
        meeting = but_for_meeting or NO_MEETING
        for professor_id, start, end, offering_id, pk in _LED(
            people=professor_ids, but_for=meeting, **span
        ):
            entries[professor_id].append(
                Engagement(start, end, EngagementKind.TEACHING, offering_id, pk)
            )
        co_taught: dict[int, list[int]] = defaultdict(list)
        for professor_id, offering_id in _CO_TAUGHT(people=professor_ids):
            co_taught[offering_id].append(professor_id)
        if co_taught:
            for lead, start, end, offering_id, pk in _MEETINGS_OF(
                offerings=co_taught, but_for=meeting, **span
            ):
                for professor_id in co_taught[offering_id]:
                    if professor_id != lead:
                        entries[professor_id].append(
                            Engagement(start, end, EngagementKind.TEACHING, offering_id, pk)
                        )
        for professor_id, start, end in _ABSENT(people=professor_ids, **span):
            entries[professor_id].append(Engagement(start, end, EngagementKind.ABSENT))
        for professor_id, start, end, offering_id in _HELD(
            people=professor_ids, but_for=but_for_case or NO_CASE, **span
        ):
            entries[professor_id].append(Engagement(start, end, EngagementKind.HELD, offering_id))
        cls._add_weekly(entries, institute, professor_ids, starts_at, ends_at)
        return cls(entries)

    @staticmethod
    def _add_weekly(
        entries: dict[int, list[Engagement]],
        institute: Institute,
        professor_ids: Collection[int],
        starts_at: dt.datetime,
        ends_at: dt.datetime,
    ) -> None:
        days = list(local_days(institute, starts_at, ends_at))
        by_weekday: dict[int, list[tuple[int, dt.time, dt.time, str]]] = defaultdict(list)
        for professor_id, weekday, start, end, kind in _WEEKLY(
            people=professor_ids, weekdays={day.isoweekday() for day in days}
        ):
            by_weekday[weekday].append((professor_id, start, end, kind))
        for day in days:
            for professor_id, start, end, kind in by_weekday.get(day.isoweekday(), ()):
                engagement_kind = (
                    EngagementKind.UNAVAILABLE
                    if kind == AvailabilityKind.UNAVAILABLE
                    else EngagementKind.AVOID
                )
                entries[professor_id].append(
                    Engagement(
                        institute.moment(day, start), institute.moment(day, end), engagement_kind
                    )
                )

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
        return next(
            (
                e
                for e in self._near(professor_id, starts_at, ends_at)
                if e.kind in kinds and e.overlaps(starts_at, ends_at)
            ),
            None,
        )

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
def _rooms_taken(spans: int, *, everywhere: bool) -> tuple[PreparedQuery, PreparedQuery]:
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

    def rows(found: SpanQuerySet) -> QuerySet[Any, Any]:
        return found.order_by().values_list("room_id", "starts_at", "ends_at")

    kinds: dict[str, Any] = {
        "where": BigIntegerField() if everywhere else Many(),
        "but_for_meeting": BigIntegerField(),
        "but_for_case": UUIDField(),
    }
    for n in range(spans):
        kinds |= {f"starts_at_{n}": DateTimeField(), f"ends_at_{n}": DateTimeField()}
    return (
        PreparedQuery(
            lambda where, but_for_meeting, but_for_case, **moments: rows(
                Meeting.objects.holding()
                .filter(touching(where, moments))
                .exclude(pk=but_for_meeting)
            ),
            **kinds,
        ),
        PreparedQuery(
            lambda where, but_for_meeting, but_for_case, **moments: rows(
                Hold.objects.filter(touching(where, moments)).but_for(but_for_case)
            ),
            **kinds,
        ),
    )


class RoomDiary:
    """When some rooms are busy, read in two queries for any number of spans."""

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
        values: dict[str, Any] = {
            "where": institute.pk if room_ids is None else room_ids,
            "but_for_meeting": but_for_meeting or NO_MEETING,
            "but_for_case": but_for_case or NO_CASE,
        }
        for n, (starts_at, ends_at) in enumerate(merged):
            values |= {f"starts_at_{n}": starts_at, f"ends_at_{n}": ends_at}
        for query in _rooms_taken(len(merged), everywhere=room_ids is None):
            for room_id, start, end in query(**values):
                busy[room_id].append((start, end))
        return cls(busy)

    def is_free(self, room_id: int, starts_at: dt.datetime, ends_at: dt.datetime) -> bool:
        spans = self._busy.get(room_id)
        if not spans:
            return True
        # Everything from the first span that starts at or after our end is too late to matter.
        before = spans[: bisect_left(spans, (ends_at,))]
        return all(end <= starts_at for _, end in before)


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
