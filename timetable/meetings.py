"""What changes about a meeting after import: who teaches it, when and where, and whether at all.

Only these functions write the columns that hold; the planned ones are never touched. Each runs in the
caller's transaction and raises the meeting's revision by one.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import BigIntegerField

from . import writes
from .availability import DOUBLE_BOOKING, Diaries, Engagement, RoomDiary
from .enums import MeetingStatus
from .locking import lock_meeting, lock_people_and_rooms
from .models import Hold, Meeting, Professor, Room, Teaching
from .prepared import PreparedQuery
from .signals import meeting_changed


class Standing(NamedTuple):
    """What holds of a meeting: by whom, where, when, and whether at all."""

    professor_id: int
    room_id: int | None
    starts_at: dt.datetime
    ends_at: dt.datetime
    status: str


def standing_of(meeting: Meeting) -> Standing:
    return Standing(*(getattr(meeting, name) for name in Standing._fields))


@dataclass
class Clash(Exception):
    """The place is taken: by whom or what, and when."""

    professor_id: int | None = None
    room_id: int | None = None
    engagement: Engagement | None = None


_CO_TEACHERS = PreparedQuery(
    lambda offering: (
        Teaching.objects.filter(offering=offering, position__gt=0)
        .order_by("position", "pk")
        .values_list("professor_id")
    ),
    offering=BigIntegerField(),
)


def co_teacher_ids(meeting: Meeting) -> list[int]:
    """Professors who co-teach the meeting's class."""
    return [professor for (professor,) in _CO_TEACHERS(offering=meeting.offering_id)]


def book(
    meeting_id: int,
    *,
    professor: Professor,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    room: Room | None,
    case_uid: uuid.UUID | None = None,
) -> Meeting:
    """Let the meeting be held by this professor, then and there.

    Locks everyone and everything concerned, checks that nobody and no room would be in two places at
    once, and writes. Raises Clash, having written nothing, if somebody or something is taken. The holds
    of the case for which it is booked do not stand in its way, and are released.
    """
    meeting = Meeting.objects.select_related("institute").get(pk=meeting_id)
    moves = meeting.status != MeetingStatus.SCHEDULED or (starts_at, ends_at) != (
        meeting.starts_at,
        meeting.ends_at,
    )
    moves_room = moves or (room.pk if room else None) != meeting.room_id
    _claim(
        meeting,
        professor,
        room if moves_room else None,
        starts_at,
        ends_at,
        case_uid,
        moves=moves,
    )
    meeting = lock_meeting(meeting_id)
    before = standing_of(meeting)
    if case_uid is not None:
        release(case_uid)
    meeting.professor = professor
    meeting.room = room
    meeting.starts_at = starts_at
    meeting.ends_at = ends_at
    meeting.status = MeetingStatus.SCHEDULED
    if moves_room:
        meeting.overlap_tolerated = False
    _save(meeting, before)
    return meeting


def _claim(
    meeting: Meeting,
    professor: Professor,
    room: Room | None,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    case_uid: uuid.UUID | None,
    *,
    moves: bool,
) -> None:
    """Lock the professor, the room and, if the meeting moves, its co-teachers; raise Clash if taken."""
    people = {professor.pk}
    if moves:
        people |= set(co_teacher_ids(meeting))
    room_ids = [room.pk] if room else []
    lock_people_and_rooms(people, room_ids)
    diaries = Diaries.load(
        meeting.institute,
        people,
        starts_at,
        ends_at,
        but_for_case=case_uid,
        but_for_meeting=meeting.pk,
    )
    for professor_id in sorted(people):
        clash = diaries.clash(professor_id, starts_at, ends_at, DOUBLE_BOOKING)
        if clash:
            raise Clash(professor_id=professor_id, engagement=clash)
    for room_id in room_ids:
        rooms = RoomDiary.load(
            meeting.institute,
            [(starts_at, ends_at)],
            room_ids=room_ids,
            but_for_case=case_uid,
            but_for_meeting=meeting.pk,
        )
        if not rooms.is_free(room_id, starts_at, ends_at):
            raise Clash(room_id=room_id)


def postpone(meeting_id: int) -> Meeting:
    """Take the meeting off its time; nothing is occupied until it gets a new one."""
    return _set_status(meeting_id, MeetingStatus.POSTPONED)


def drop(meeting_id: int) -> Meeting:
    """Cancel the meeting for good."""
    return _set_status(meeting_id, MeetingStatus.DROPPED)


def _set_status(meeting_id: int, status: MeetingStatus) -> Meeting:
    meeting = lock_meeting(meeting_id)
    before = standing_of(meeting)
    meeting.status = status
    _save(meeting, before)
    return meeting


def _save(meeting: Meeting, before: Standing) -> None:
    meeting.revision += 1
    writes.update(
        meeting,
        *("professor", "room", "starts_at", "ends_at"),
        *("status", "overlap_tolerated", "revision"),
    )
    if standing_of(meeting) != before:
        meeting_changed.send(sender=Meeting, meeting=meeting, before=before)


def hold(meeting: Meeting, *, case_uid: uuid.UUID, professor: Professor) -> Hold:
    """Keep a professor free at the meeting's time. The caller has locked and checked them."""
    kept = Hold(
        institute_id=meeting.institute_id,
        case_uid=case_uid,
        professor=professor,
        offering_id=meeting.offering_id,
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
    )
    writes.insert(kept)
    return kept


def try_hold(
    meeting: Meeting,
    *,
    case_uid: uuid.UUID,
    professor: Professor,
    room: Room | None,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
) -> Hold | None:
    """Keep another place for the meeting free for a pending case; None if it is taken."""
    try:
        _claim(meeting, professor, room, starts_at, ends_at, case_uid, moves=True)
    except Clash:
        return None
    return Hold.objects.create(
        institute_id=meeting.institute_id,
        case_uid=case_uid,
        professor=professor,
        room=room,
        offering_id=meeting.offering_id,
        starts_at=starts_at,
        ends_at=ends_at,
    )


def is_bookable(
    meeting: Meeting,
    *,
    case_uid: uuid.UUID,
    professor: Professor,
    room: Room | None,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
) -> bool:
    """Whether the meeting could be booked there; locks those concerned, so that it stays so."""
    try:
        _claim(meeting, professor, room, starts_at, ends_at, case_uid, moves=True)
    except Clash:
        return False
    return True


def release(case_uid: uuid.UUID) -> None:
    """Give back whatever was held for the case."""
    Hold.objects.filter(case_uid=case_uid).delete()
