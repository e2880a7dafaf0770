"""When could this meeting move: every free place, filtered and ranked, each with its reasons.

A place is a start on the bell grid on one of the allowed days. There the professor and the co-teachers
must be free, a fitting room must be free, and no more students may be in a clash than the policy allows.
Ranked: fewest students in a clash, then least harm to their day, then soonest.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, islice
from typing import Any, NamedTuple

from django.db.models import BigIntegerField, DateTimeField, Exists, QuerySet

from timetable.availability import (
    DOUBLE_BOOKING,
    ONE_DAY,
    Diaries,
    Engagement,
    EngagementKind,
    Near,
    Plans,
    RoomDiary,
    first_of,
)
from timetable.enums import ClassKind
from timetable.models import Closure, Meeting, Offering, Period, Room, Teaching
from timetable.prepared import Columns, PreparedTogether
from timetable.querysets import LONGEST

from .models import Case, Policy
from .reasons import Reason
from .roster import ALONE, Cohorts, Roster, cohorts_of, students_of

BATCH = 8
"""Places whose rooms are looked at first; three times as many with each further look."""

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


class LeftOutPlace(NamedTuple):
    """A place that cannot be, for the sake of whom: "professor", "students" or "room".

    Of one search there are hundreds: hence no dataclass.
    """

    starts_at: dt.datetime
    ends_at: dt.datetime
    cause: str
    engagement: Engagement | None = None
    """What the professor has then; None if only a co-teacher is not free."""
    clashing: int = 0


class Bell(NamedTuple):
    """A period of the bell grid. Times that are a grid only because classes are held then have no name."""

    starts: dt.time
    ends: dt.time
    uid: uuid.UUID | None = None
    name: str = ""


@dataclass(frozen=True)
class SlotSearch:
    """The best places, how many were looked at, and which were left out for what."""

    options: tuple[SlotOption, ...] = ()
    looked_at: int = 0
    left: tuple[LeftOutPlace, ...] = ()
    students: int = 0
    """On the roster of the class."""
    own_classes: Mapping[int, str] = field(default_factory=dict)
    """The codes of what the professor teaches then, by the ids of the classes; if they were asked for."""
    near: Diaries | None = None
    bells: Mapping[dt.time, Bell] = field(default_factory=dict)
    """By the time at which they ring in."""

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


class _Place(NamedTuple):
    """Compared as they are ranked, by one field after the other."""

    clashing: int
    harm_said: float
    starts_at: dt.datetime
    ends_at: dt.datetime
    harm: float


def search(
    case: Case,
    policy: Policy,
    *,
    days: Collection[int],
    earliest: dt.datetime,
    last_day: dt.date,
    limit: int,
    near: Near | None = None,
    with_own_classes: bool = False,
) -> SlotSearch:
    """The best `limit` places for the case's meeting, out of all that exist.

    `days` are ISO weekdays, `earliest` the first moment at which it may start, `last_day` the last local
    day (the checkpoint). The length of the meeting stays what it was. The diaries of those who are `near`
    are read on the way, and `with_own_classes` what those of the professor are called.
    """
    length = case.before_ends_at - case.before_starts_at
    frame = _Frame.load(case, earliest, with_own_classes=with_own_classes)
    grid = list(_grid(case, frame, days, earliest, last_day, length))
    if not grid:
        return SlotSearch()
    looked_at = sum(len(spans) for _, spans in grid)
    first, last = grid[0][1][0][0], grid[-1][1][-1][1] + ONE_DAY
    others = frame.co_teachers
    rooms = _in_order(case, frame.large_enough())
    # Whoever wants every place looks at all of the time; for a few the rooms are read there alone.
    at_once = (rooms or [])[:ROOMS_AT_ONCE] if limit >= looked_at else []
    plans = Plans.load(
        case.institute,
        first,
        last,
        people=[case.professor_id, *others],
        classes=frame.classes,
        rooms=[room.pk for room in at_once],
        near=near,
        but_for_case=case.uid,
        but_for_meeting=case.meeting_id,
    )
    diaries = plans.diaries
    roster = Roster.of(case, frame.cohorts, plans.classes)
    allowed = roster.size * policy.clash_percent // 100
    left: list[LeftOutPlace] = []
    places: list[_Place] = []
    for day, spans in grid:
        of_day = min(start for start, _ in spans), max(end for _, end in spans)
        own = diaries.during(case.professor_id, *of_day)
        of_others = [e for pk in others for e in diaries.during(pk, *of_day, DOUBLE_BOOKING)]
        there = roster.on(day)
        for starts_at, ends_at in spans:
            taken = first_of(own, starts_at, ends_at)
            if taken or first_of(of_others, starts_at, ends_at):
                left.append(LeftOutPlace(starts_at, ends_at, "professor", taken))
                continue
            clashing = there.clashing(starts_at, ends_at)
            if clashing > allowed:
                left.append(LeftOutPlace(starts_at, ends_at, "students", clashing=clashing))
            else:
                harm = there.harm(starts_at, ends_at)
                places.append(_Place(clashing, round(harm, 1), starts_at, ends_at, harm))
    places.sort()
    rather_not = [e for e in diaries.of(case.professor_id) if e.kind is EngagementKind.AVOID]
    options: list[SlotOption] = []
    remaining, size = iter(places), max(BATCH, limit)
    while len(options) < limit and (batch := list(islice(remaining, size))):
        size *= 3
        for place, room in _with_rooms(case, batch, rooms, plans.rooms if at_once else None):
            if rooms is not None and room is None:
                left.append(
                    LeftOutPlace(place.starts_at, place.ends_at, "room", clashing=place.clashing)
                )
            elif len(options) < limit:
                where = room and room.row()
                reasons = [*_reasons(place, where, case)]
                if first_of(rather_not, place.starts_at, place.ends_at):
                    reasons.append(Reason("rather_not"))
                options.append(
                    SlotOption(
                        place.starts_at,
                        place.ends_at,
                        where,
                        len(options) + 1,
                        place.clashing,
                        place.harm,
                        tuple(reasons),
                    )
                )
    return SlotSearch(
        tuple(options),
        looked_at,
        tuple(left),
        roster.size,
        frame.own_classes,
        plans.near,
        {bell.starts: bell for bell in frame.bells},
    )


_ROOM = Columns(Room, "", 0)
_CODE, _BUILDING, _CAPACITY = map(_ROOM.paths.index, ("code", "building", "capacity"))


class _FittingRoom(NamedTuple):
    """A room in a search: hundreds fit, and a few of them are found to be the best."""

    pk: int
    code: str
    building: str
    capacity: int | None
    columns: Sequence[Any] = ()
    known: Room | None = None

    @classmethod
    def of(cls, room: Room) -> _FittingRoom:
        return cls(room.pk, room.code, room.building, room.capacity, known=room)

    @classmethod
    def found(cls, row: Sequence[Any]) -> _FittingRoom:
        """Of a row of the query below."""
        return cls(row[0], row[_CODE], row[_BUILDING], row[_CAPACITY], row)

    def row(self) -> Room | None:
        return self.known or _ROOM.of(self.columns)


def best_room(case: Case, starts_at: dt.datetime) -> Room | None:
    """The best room for the class that is free at this time; None if none is, or its plan needs none."""
    frame = _Frame.load(case, starts_at)
    ends_at = starts_at + (case.before_ends_at - case.before_starts_at)
    place = _Place(0, 0.0, starts_at, ends_at, 0.0)
    rooms = _in_order(case, frame.large_enough())
    found = next((room for _place, room in _with_rooms(case, [place], rooms, None)), None)
    return found and found.row()


@cache
def _frame(*, labs_only: bool, with_own_classes: bool) -> PreparedTogether:
    def parts(
        term: Any, institute: Any, offering: Any, professor: Any, earliest: Any
    ) -> list[QuerySet[Any, Any]]:
        bells = Period.objects.filter(term=term).values_list("starts", "ends", "uid", "name")
        # Without bells, the times of the term's own classes are the grid.
        planned = (
            Meeting.objects.filter(~Exists(Period.objects.filter(term=term)), offering__term=term)
            .values_list("planned_starts_at", "planned_ends_at")
            .distinct()
        )
        closed = Closure.objects.filter(term=term).values_list("starts_on", "ends_on")
        with_them = Teaching.objects.filter(offering=offering, position__gt=0)
        rooms = _rooms_for(institute, term if labs_only else None).values_list(*_ROOM.paths)
        found = [bells, planned, closed, with_them.values_list("professor"), rooms]
        if with_own_classes:
            led = Meeting.objects.holding().filter(
                professor=professor, starts_at__gt=earliest - LONGEST
            )
            co_taught = Teaching.objects.filter(professor=professor, position__gt=0)
            # First which classes these are: joined to all their meetings, or with an OR of the two ways to
            # them, PostgreSQL reads all classes there are.
            own = (
                Offering.objects.filter(pk__in=led.order_by().values("offering")),
                Offering.objects.filter(pk__in=co_taught.order_by().values("offering"), term=term),
            )
            found += [classes.values_list("pk", "code") for classes in own]
        return [students_of(offering), *(rows.order_by() for rows in found)]

    return PreparedTogether(
        parts,
        term=BigIntegerField(),
        institute=BigIntegerField(),
        offering=BigIntegerField(),
        professor=BigIntegerField(),
        earliest=DateTimeField(),
    )


@dataclass(frozen=True)
class _Frame:
    """Within what a place is looked for: the bells, the days that are closed, who has to be there, and
    in which rooms it could be. Read in one query."""

    bells: list[Bell]
    closed: list[tuple[dt.date, dt.date]]
    co_teachers: list[int]
    """Without the professor of the case."""
    cohorts: Cohorts
    """Of the students of the class."""
    rooms: list[_FittingRoom]
    own_classes: dict[int, str]

    @classmethod
    def load(cls, case: Case, earliest: dt.datetime, *, with_own_classes: bool = False) -> _Frame:
        offering, local = case.meeting.offering, case.institute.local
        is_lab = offering.kind == ClassKind.LAB
        students, bells, planned, closed, with_them, rooms, *own = _frame(
            labs_only=is_lab, with_own_classes=with_own_classes
        )(
            term=offering.term_id,
            institute=case.institute_id,
            offering=offering.pk,
            professor=case.professor_id,
            earliest=earliest,
        )
        return cls(
            [
                *(Bell(*bell) for bell in bells),
                *(Bell(local(start).time(), local(end).time()) for start, end in planned),
            ],
            [(first, last) for first, last in closed],
            [professor for (professor,) in with_them if professor != case.professor_id],
            cohorts_of(students),
            [_FittingRoom.found(row) for row in rooms],
            dict(chain.from_iterable(own)),
        )

    @property
    def classes(self) -> frozenset[int]:
        """All classes that a student on the roster has, this one included."""
        return frozenset().union(*self.cohorts)

    @property
    def size(self) -> int:
        """Students on the roster."""
        return sum(self.cohorts.values())

    def large_enough(self) -> Iterator[_FittingRoom]:
        """Rooms that are known to hold everybody on the roster."""
        size = self.size
        return (one for one in self.rooms if one.capacity is not None and one.capacity >= size)

    def is_closed(self, day: dt.date) -> bool:
        return any(first <= day <= last for first, last in self.closed)


def _grid(
    case: Case,
    frame: _Frame,
    days: Collection[int],
    earliest: dt.datetime,
    last_day: dt.date,
    length: dt.timedelta,
) -> Iterator[tuple[dt.date, list[tuple[dt.datetime, dt.datetime]]]]:
    """Of each local day every start on the bell grid from which the meeting ends by its last bell, with
    its end."""
    institute, term = case.institute, case.meeting.offering.term
    bells = frame.bells
    if not bells:
        return
    starts = sorted({bell.starts for bell in bells})
    closing = max(bell.ends for bell in bells)
    day = max(institute.local(earliest).date(), term.starts_on)
    while day <= min(last_day, term.ends_on):
        if day.isoweekday() in days and not frame.is_closed(day):
            latest = institute.moment(day, closing) - length
            moments = (institute.moment(day, clock) for clock in starts)
            spans = [(start, start + length) for start in moments if earliest <= start <= latest]
            if spans:
                yield day, spans
        day += ONE_DAY


def _in_order(case: Case, fitting: Iterable[_FittingRoom]) -> list[_FittingRoom] | None:
    """Rooms for the class, best first; None where its plan needs no room. The usual one always fits."""
    usual = _usual_room(case)
    if usual is None:
        return None
    others = sorted(
        (room for room in fitting if room.pk != usual.pk),
        key=lambda room: (room.building != usual.building, room.capacity or 0, room.code),
    )
    return [_FittingRoom.of(usual), *others]


def _usual_room(case: Case) -> Room | None:
    return case.before_room or case.meeting.planned_room


def _usual_room_id(case: Case) -> int | None:
    return case.before_room_id or case.meeting.planned_room_id


def _rooms_for(institute: Any, labs_of: Any) -> QuerySet[Room]:
    """The rooms of the institute. With a term, only those in which it holds labs: a lab goes nowhere else."""
    rooms = Room.objects.filter(institute=institute)
    if labs_of is not None:
        labs = Meeting.objects.filter(offering__term=labs_of, offering__kind=ClassKind.LAB)
        rooms = rooms.filter(pk__in=labs.order_by().values("planned_room"))
    return rooms


def _room_obstacle(case: Case, room: Room | None, frame: _Frame) -> Reason | None:
    """Why the class could not be held in this room at any time."""
    usual = _usual_room_id(case)
    if room is None:
        return Reason("room_needed") if usual else None
    if room.institute_id != case.institute_id:
        return Reason("room_unknown")
    if room.pk != usual and all(one.pk != room.pk for one in frame.large_enough()):
        return Reason("room_unfit", {"room": room.name or room.code, "count": frame.size})
    return None


def _with_rooms(
    case: Case, places: list[_Place], rooms: list[_FittingRoom] | None, known: RoomDiary | None
) -> Iterator[tuple[_Place, _FittingRoom | None]]:
    """Each place with the best room that is free there. The plan of the first rooms may be `known`."""
    if rooms is None:
        for place in places:
            yield place, None
        return
    found: dict[_Place, _FittingRoom] = {}
    for some, diary in ((rooms[:ROOMS_AT_ONCE], known), (rooms[ROOMS_AT_ONCE:], None)):
        left = [place for place in places if place not in found]
        if not left or not some:
            break
        found |= _free_in(left, some, diary or _plan_of(some, left, case))
    for place in places:
        yield place, found.get(place)


def _plan_of(rooms: Iterable[_FittingRoom], places: Iterable[_Place], case: Case) -> RoomDiary:
    return RoomDiary.load(
        case.institute,
        [(place.starts_at, place.ends_at) for place in places],
        room_ids=[room.pk for room in rooms],
        but_for_case=case.uid,
        but_for_meeting=case.meeting_id,
    )


def _free_in(
    places: Iterable[_Place], rooms: Sequence[_FittingRoom], diary: RoomDiary
) -> dict[_Place, _FittingRoom]:
    """The first of the rooms that is free, of each place that has one."""
    return {
        place: room
        for place in places
        if (
            room := next(
                (r for r in rooms if diary.is_free(r.pk, place.starts_at, place.ends_at)), None
            )
        )
    }


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
    elif room.pk == _usual_room_id(case):
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
    frame = _Frame.load(case, earliest)
    if day.isoweekday() not in days or frame.is_closed(day):
        return Reason("no_teaching_day")
    others = frame.co_teachers
    plans = Plans.load(
        case.institute,
        starts_at,
        ends_at,
        people=[case.professor_id, *others],
        classes=frame.classes,
        rooms=[room.pk] if room else [],
        but_for_case=case.uid,
        but_for_meeting=case.meeting_id,
    )
    clash = plans.diaries.clash(case.professor_id, starts_at, ends_at)
    if clash is not None:
        return Reason(clash.kind.value)
    if any(plans.diaries.clash(pk, starts_at, ends_at, DOUBLE_BOOKING) for pk in others):
        return Reason("teaching")
    roster = Roster.of(case, frame.cohorts, plans.classes)
    clashing = roster.on(day).clashing(starts_at, ends_at)
    if clashing > roster.size * policy.clash_percent // 100:
        return Reason("clash", {"count": clashing})
    unfit = _room_obstacle(case, room, frame)
    if unfit is not None:
        return unfit
    if room is not None and not plans.rooms.is_free(room.pk, starts_at, ends_at):
        return Reason("room_taken", {"room": room.name or room.code})
    return None
