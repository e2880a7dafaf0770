"""The one order in which rows are locked.

    absence → case → professors (by id) → rooms (by id) → meeting → ballot → end of the audit chain

Lock only what becomes less available, all of a kind at once, before checking it; and with `no_key`,
so that a new row which merely refers to a locked one need not wait, out of all order. On SQLite every
writing transaction is serialised from its start (`IMMEDIATE`), and these are plain reads.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import BigIntegerField

from .models import Meeting, Professor, Room
from .prepared import Many, PreparedRows

_LOCKED_PEOPLE = PreparedRows[Professor](
    lambda people: (
        Professor.objects.select_for_update(no_key=True)
        .filter(pk__among=people)
        .order_by("pk")
        .only("pk")
    ),
    people=Many(),
)
_LOCKED_ROOMS = PreparedRows[Room](
    lambda rooms: (
        Room.objects.select_for_update(no_key=True)
        .filter(pk__among=rooms)
        .order_by("pk")
        .only("pk")
    ),
    rooms=Many(),
)
_LOCKED_MEETING = PreparedRows[Meeting](
    lambda meeting: (
        Meeting.objects.select_for_update(no_key=True).filter(pk=meeting).order_by().only("pk")
    ),
    meeting=BigIntegerField(),
)
_MEETING = PreparedRows[Meeting](
    lambda meeting: (
        Meeting.objects.filter(pk=meeting)
        .order_by()
        .select_related("institute", "offering__course", "offering__term", "professor", "room")
    ),
    meeting=BigIntegerField(),
)


def lock_people_and_rooms(
    professor_ids: Collection[int], room_ids: Collection[int | None] = ()
) -> None:
    """Hold these professors and rooms until the transaction ends."""
    _LOCKED_PEOPLE(people=set(professor_ids))
    wanted = {pk for pk in room_ids if pk is not None}
    if wanted:
        _LOCKED_ROOMS(rooms=wanted)


def lock_meeting(meeting_id: int) -> Meeting:
    """The meeting as it stands now, held until the transaction ends."""
    # Not in one: rows joined to a locked one are as old as the wait for it was long.
    _LOCKED_MEETING(meeting=meeting_id)
    return read_meeting(meeting_id)


def read_meeting(meeting_id: int) -> Meeting:
    """The meeting as it stands now, with all that is told of it, held by nobody."""
    return _MEETING.one(meeting=meeting_id)
