"""When could this meeting move: every free place, filtered and ranked, each with its reasons.

A place is a start on the bell grid on one of the allowed days. There the professor and the co-teachers
must be free, a fitting room must be free, and no more students may be in a clash than the policy allows.
Ranked: fewest students in a clash, then least harm to their day, then soonest.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import (
    BigIntegerField,
    DateField,
    QuerySet,
    TimeField,
)

from timetable.availability import (
    DOUBLE_BOOKING,
    ONE_DAY,
    Diaries,
    Engagement,
    EngagementKind,
    RoomDiary,
)
from timetable.enums import ClassKind
from timetable.meetings import co_teacher_ids
from timetable.models import Closure, Meeting, Period, Room, Teaching
from timetable.prepared import PreparedQuery, empty

from .models import Case, Policy
from .reasons import Reason
from .roster import ALONE, Roster

BATCH = 8
"""Places whose rooms are looked up at first; three times as many with each further look."""

ROOMS_AT_ONCE = 12
"""Of so many rooms, the best fitting, the plan is read first; mostly one of them is free."""


@dataclass(frozen=True)
class SlotOption:
    """A place where the meeting could be held. `harm` is minutes of waiting added per student."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    room: Room | None
    rank: int
    clashing: int
    harm: float
    reasons: tuple[Reason, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "starts_at": self.starts_at.isoformat(),
            "ends_at": self.ends_at.isoformat(),
            "room": self.room.code if self.room else None,
            "rank": self.rank,
            "clashing": self.clashing,
            "harm": round(self.harm, 1),
            "reasons": [reason.as_json() for reason in self.reasons],
        }


@dataclass(frozen=True, slots=True)
class LeftOutPlace:
    """A place that cannot be, for the sake of whom: "professor", "students" or "room"."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    cause: str
    engagement: Engagement | None = None
    """What the professor has then; None if only a co-teacher is not free."""
    clashing: int = 0


@dataclass(frozen=True)
class SlotSearch:
    """The best places, how many were looked at, and which were left out for what."""

    options: tuple[SlotOption, ...] = ()
    looked_at: int = 0
    left: tuple[LeftOutPlace, ...] = ()
    students: int = 0
    """On the roster of the class."""

    @property
    def left_out(self) -> dict[str, int]:
        """How many for the sake of whom."""
        causes = Counter(place.cause for place in self.left)
        return {cause: causes[cause] for cause in ("professor", "students", "room")}

    def as_json(self) -> dict[str, Any]:
        return {
            "ranked": [option.as_json() for option in self.options],
            "looked_at": self.looked_at,
            "left_out": self.left_out,
        }


@dataclass(frozen=True, slots=True)
class _Place:
    starts_at: dt.datetime
    ends_at: dt.datetime
    clashing: int
    harm: float

    @property
    def order(self) -> tuple[Any, ...]:
        return (self.clashing, round(self.harm, 1), self.starts_at)


def search(
    case: Case,
    policy: Policy,
    *,
    days: Collection[int],
    earliest: dt.datetime,
    last_day: dt.date,
    limit: int,
) -> SlotSearch:
    """The best `limit` places for the case's meeting, out of all that exist.

    `days` are ISO weekdays, `earliest` the first moment at which it may start, `last_day` the last local
    day (the checkpoint). The length of the meeting stays what it was.
    """
    meeting, institute = case.meeting, case.institute
    length = case.before_ends_at - case.before_starts_at
    frame = _Frame.load(case)
    grid = list(_grid(case, frame, days, earliest, last_day, length))
    if not grid:
        return SlotSearch()
    first, last = grid[0][0], grid[-1][1] + ONE_DAY
    others = [pk for pk in frame.co_teachers if pk != case.professor_id]
    diaries = Diaries.load(
        institute,
        [case.professor_id, *others],
        first,
        last,
        but_for_case=case.uid,
        but_for_meeting=meeting.pk,
    )
    free = []
    left: list[LeftOutPlace] = []
    for starts_at, ends_at in grid:
        taken = diaries.clash(case.professor_id, starts_at, ends_at)
        if taken or any(diaries.clash(pk, starts_at, ends_at, DOUBLE_BOOKING) for pk in others):
            left.append(LeftOutPlace(starts_at, ends_at, "professor", taken))
        else:
            free.append((starts_at, ends_at))
    roster = Roster.load(case, first, last)
    allowed = roster.size * policy.clash_percent // 100
    places = []
    for starts_at, ends_at in free:
        clashing = roster.clashing(starts_at, ends_at)
        if clashing > allowed:
            left.append(LeftOutPlace(starts_at, ends_at, "students", clashing=clashing))
        else:
            places.append(_Place(starts_at, ends_at, clashing, roster.harm(starts_at, ends_at)))
    places.sort(key=lambda place: place.order)
    rooms = _fitting_rooms(case, roster.size)
    rather_not = [e for e in diaries.of(case.professor_id) if e.kind is EngagementKind.AVOID]
    options: list[SlotOption] = []
    remaining, size = iter(places), max(BATCH, limit)
    while len(options) < limit and (batch := list(islice(remaining, size))):
        size *= 3
        for place, room in _with_rooms(case, batch, rooms):
            if rooms is not None and room is None:
                left.append(
                    LeftOutPlace(place.starts_at, place.ends_at, "room", clashing=place.clashing)
                )
            elif len(options) < limit:
                reasons = [*_reasons(place, room, case)]
                if any(e.overlaps(place.starts_at, place.ends_at) for e in rather_not):
                    reasons.append(Reason("rather_not"))
                options.append(
                    SlotOption(
                        place.starts_at,
                        place.ends_at,
                        room,
                        len(options) + 1,
                        place.clashing,
                        place.harm,
                        tuple(reasons),
                    )
                )
    return SlotSearch(tuple(options), len(grid), tuple(left), roster.size)


def _frame(term: Any, offering: Any) -> QuerySet[Any, Any]:
    """A row for each bell and closure of a term and each co-teacher of a class, with only its own columns."""
    clock, day, nobody = empty(TimeField()), empty(DateField()), empty(BigIntegerField())
    bells = Period.objects.filter(term=term).values_list("starts", "ends", day, day, nobody)
    closed = Closure.objects.filter(term=term).values_list(
        clock, clock, "starts_on", "ends_on", nobody
    )
    with_them = Teaching.objects.filter(offering=offering, position__gt=0).values_list(
        clock, clock, day, day, "professor_id"
    )
    first, *others = (rows.order_by() for rows in (bells, closed, with_them))
    return first.union(*others, all=True)


_FRAME = PreparedQuery(_frame, term=BigIntegerField(), offering=BigIntegerField())


@dataclass(frozen=True)
class _Frame:
    """Within what a place is looked for: the bells, the days that are closed, and who has to be there."""

    bells: list[tuple[dt.time, dt.time]]
    closed: list[tuple[dt.date, dt.date]]
    co_teachers: list[int]

    @classmethod
    def load(cls, case: Case) -> _Frame:
        offering = case.meeting.offering
        frame = cls([], [], [])
        for starts, ends, starts_on, ends_on, professor_id in _FRAME(
            term=offering.term_id, offering=offering.pk
        ):
            if starts is not None:
                frame.bells.append((starts, ends))
            elif starts_on is not None:
                frame.closed.append((starts_on, ends_on))
            else:
                frame.co_teachers.append(professor_id)
        return frame


def _grid(
    case: Case,
    frame: _Frame,
    days: Collection[int],
    earliest: dt.datetime,
    last_day: dt.date,
    length: dt.timedelta,
) -> Iterator[tuple[dt.datetime, dt.datetime]]:
    """Every start on the bell grid from which the meeting ends by the last bell of its day."""
    institute, term = case.institute, case.meeting.offering.term
    bells = frame.bells
    if not bells:
        slots = Meeting.objects.filter(offering__term=term)
        bells = [
            (institute.local(start).time(), institute.local(end).time())
            for start, end in slots.values_list("planned_starts_at", "planned_ends_at").distinct()
        ]
    if not bells:
        return
    starts = sorted({start for start, _ in bells})
    closing = max(end for _, end in bells)
    day = max(institute.local(earliest).date(), term.starts_on)
    while day <= min(last_day, term.ends_on):
        if day.isoweekday() in days and not any(a <= day <= b for a, b in frame.closed):
            latest = institute.moment(day, closing)
            for clock in starts:
                starts_at = institute.moment(day, clock)
                if starts_at >= earliest and starts_at + length <= latest:
                    yield starts_at, starts_at + length
        day += ONE_DAY


def _fitting_rooms(case: Case, roster: int) -> list[Room] | None:
    """Rooms for the class, best first; None where its plan needs no room."""
    usual = _usual_room(case)
    if usual is None:
        return None
    others = sorted(
        (room for room in _other_rooms(case, roster) if room.pk != usual.pk),
        key=lambda room: (room.building != usual.building, room.capacity or 0, room.code),
    )
    return [usual, *others]


def _usual_room(case: Case) -> Room | None:
    return case.before_room or case.meeting.planned_room


def _other_rooms(case: Case, roster: int) -> QuerySet[Room]:
    """The usual room always fits. Another must be known to be large enough, and a lab goes only where
    labs are held."""
    rooms = Room.objects.filter(institute=case.institute_id, capacity__gte=roster)
    if case.meeting.offering.kind == ClassKind.LAB:
        term = case.meeting.offering.term_id
        labs = Meeting.objects.filter(offering__term=term, offering__kind=ClassKind.LAB)
        rooms = rooms.filter(pk__in=labs.values("planned_room"))
    return rooms


def _room_obstacle(case: Case, room: Room | None, roster: int) -> Reason | None:
    """Why the class could not be held in this room at any time."""
    usual = _usual_room(case)
    if room is None:
        return Reason("room_needed") if usual else None
    if room.institute_id != case.institute_id:
        return Reason("room_unknown")
    if room != usual and not _other_rooms(case, roster).filter(pk=room.pk).exists():
        return Reason("room_unfit", {"room": room.name or room.code, "count": roster})
    return None


def _with_rooms(
    case: Case, places: list[_Place], rooms: list[Room] | None
) -> Iterator[tuple[_Place, Room | None]]:
    """Each place with the best room that is free there."""
    if rooms is None:
        for place in places:
            yield place, None
        return
    found: dict[_Place, Room] = {}
    for some in (rooms[:ROOMS_AT_ONCE], rooms[ROOMS_AT_ONCE:]):
        left = [place for place in places if place not in found]
        if not left or not some:
            break
        diary = RoomDiary.load(
            case.institute,
            [(place.starts_at, place.ends_at) for place in left],
            room_ids=[room.pk for room in some],
            but_for_case=case.uid,
            but_for_meeting=case.meeting_id,
        )
        for place in left:
            for room in some:
                if diary.is_free(room.pk, place.starts_at, place.ends_at):
                    found[place] = room
                    break
    for place in places:
        yield place, found.get(place)


def _reasons(place: _Place, room: Room | None, case: Case) -> Iterator[Reason]:
    if place.clashing:
        yield Reason("clash", {"count": place.clashing})
    else:
        yield Reason("no_clash")
    minutes = round(place.harm)
    if minutes == ALONE:
        yield Reason("only_class")
    elif minutes:
        yield Reason("gap", {"minutes": minutes})
    else:
        yield Reason("day_unbroken")
    if room is None:
        yield Reason("no_room_needed")
    elif room.pk == (case.before_room_id or case.meeting.planned_room_id):
        yield Reason("same_room")
    else:
        yield Reason("other_room", {"room": room.name or room.code})


def obstacle(
    case: Case,
    policy: Policy,
    *,
    starts_at: dt.datetime,
    room: Room | None,
    days: Collection[int],
    earliest: dt.datetime,
    last_day: dt.date,
) -> Reason | None:
    """Why the meeting could not be held just there; None if it could.

    For a person who picks a place: the same tests as `search` makes, for one place, except that it need
    not lie on the bell grid.
    """
    ends_at = starts_at + (case.before_ends_at - case.before_starts_at)
    day = case.institute.local(starts_at).date()
    if starts_at < earliest:
        return Reason("slot_past")
    if day > last_day:
        return Reason("slot_late", {"day": last_day.isoformat()})
    closures = Closure.objects.filter(
        term=case.meeting.offering.term, starts_on__lte=day, ends_on__gte=day
    )
    if day.isoweekday() not in days or closures.exists():
        return Reason("no_teaching_day")
    others = [pk for pk in co_teacher_ids(case.meeting) if pk != case.professor_id]
    diaries = Diaries.load(
        case.institute,
        [case.professor_id, *others],
        starts_at,
        ends_at,
        but_for_case=case.uid,
        but_for_meeting=case.meeting_id,
    )
    clash = diaries.clash(case.professor_id, starts_at, ends_at)
    if clash is not None:
        return Reason(clash.kind.value)
    if any(diaries.clash(pk, starts_at, ends_at, DOUBLE_BOOKING) for pk in others):
        return Reason("teaching")
    roster = Roster.load(case, starts_at, ends_at)
    clashing = roster.clashing(starts_at, ends_at)
    if clashing > roster.size * policy.clash_percent // 100:
        return Reason("clash", {"count": clashing})
    unfit = _room_obstacle(case, room, roster.size)
    if unfit is not None:
        return unfit
    if room is not None:
        diary = RoomDiary.load(
            case.institute,
            [(starts_at, ends_at)],
            room_ids=[room.pk],
            but_for_case=case.uid,
            but_for_meeting=case.meeting_id,
        )
        if not diary.is_free(room.pk, starts_at, ends_at):
            return Reason("room_taken", {"room": room.name or room.code})
    return None
