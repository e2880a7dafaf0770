"""The one order in which rows are locked.

    absence → case → professors (by id) → rooms (by id) → meeting → ballot → end of the audit chain

Lock only what becomes less available, all of a kind at once, before checking it; and with `no_key`,
so that a new row which merely refers to a locked one need not wait, out of all order. On SQLite every
writing transaction is serialised from its start (`IMMEDIATE`), and these are plain reads.
"""

from __future__ import annotations

from collections.abc import Collection

from .models import Meeting, Professor, Room


def lock_people_and_rooms(
    professor_ids: Collection[int], room_ids: Collection[int | None] = ()
) -> None:
    """Hold these professors and rooms until the transaction ends."""
    people = Professor.objects.select_for_update(no_key=True).filter(pk__in=set(professor_ids))
    list(people.order_by("pk").values_list("pk", flat=True))
    wanted = {pk for pk in room_ids if pk is not None}
    if wanted:
        rooms = Room.objects.select_for_update(no_key=True).filter(pk__in=wanted)
        list(rooms.order_by("pk").values_list("pk", flat=True))


def lock_meeting(meeting_id: int) -> Meeting:
    """The meeting as it stands now, held until the transaction ends."""
    # Not in one: rows joined to a locked one are as old as the wait for it was long.
    list(Meeting.objects.select_for_update(no_key=True).filter(pk=meeting_id).values_list("pk"))
    meeting: Meeting = Meeting.objects.select_related(
        "institute", "offering__course", "offering__term", "professor", "room"
    ).get(pk=meeting_id)
    return meeting
