"""slots.csv: the weekly pattern."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from timetable.exchange.bundle import BundleFile, Complaint, Reading, Row
from timetable.exchange.cells import clock, code, weekday, weeks
from timetable.exchange.removal import delete
from timetable.exchange.selection import Selection, written_clock
from timetable.exchange.store import Store, sync_by_values
from timetable.exchange.table import Column
from timetable.models import Slot
from timetable.weeks import parse_weeks

from .classes import CLASSES
from .rooms import ROOMS


@dataclass(frozen=True)
class SlotRow(Row):
    offering: str
    weekday: int
    starts: dt.time
    ends: dt.time
    room: str
    weeks: str


def ends_too_early(column: str, starts: dt.time, ends: dt.time) -> Iterator[Complaint]:
    if ends <= starts:
        yield (
            column,
            _("%(ends)s is not after the start, %(starts)s")
            % {"ends": written_clock(ends), "starts": written_clock(starts)},
        )


def nobody_leads(column: str, offering: str) -> Complaint:
    return column, _("the class “%s” has no professor who could lead its meetings") % offering


class Slots(BundleFile[SlotRow]):
    name = "slots"
    row = SlotRow
    columns = (
        Column("class", code, required=True, refers_to=CLASSES.name),
        Column("weekday", weekday, required=True),
        Column("starts", clock, required=True),
        Column("ends", clock, required=True),
        Column("room", code, refers_to=ROOMS.name),
        Column("weeks", weeks),
    )

    def complaints(self, row: SlotRow, reading: Reading) -> Iterable[Complaint]:
        yield from ends_too_early("ends", row.starts, row.ends)
        if row.offering in reading.leaderless:
            yield nobody_leads("class", row.offering)
        latest = parse_weeks(row.weeks).latest_named
        if reading.calendar is not None and latest > reading.calendar.weeks:
            reason = _("week %(week)d is after the term, which has %(weeks)d weeks")
            yield "weeks", reason % {"week": latest, "weeks": reading.calendar.weeks}

    def write(self, store: Store) -> None:
        classes, rooms = store.ids[CLASSES.name], store.ids[ROOMS.name]
        rows = store.bundle.of(self)
        wanted = [
            {
                "offering_id": classes[row.offering],
                "weekday": row.weekday,
                "starts": row.starts,
                "ends": row.ends,
                "room_id": rooms[row.room] if row.room else None,
                "weeks": row.weeks,
            }
            for row in rows
        ]
        slots, left = sync_by_values(
            store,
            self.name,
            Slot.objects.filter(offering__term=store.term),
            wanted,
            key=("offering_id", "weekday", "starts", "ends"),
        )
        store.slot_ids = {row.line: slot.pk for row, slot in zip(rows, slots, strict=True)}
        store.unwanted[self.name] = list(left)

    def tidy(self, store: Store) -> None:
        """Meetings that stay forget a slot that goes."""
        left: list[Slot] = store.unwanted[self.name]
        delete(left)
        store.tallies[self.name].removed += len(left)

    def export(self, selection: Selection) -> Iterable[Sequence[str]]:
        classes, rooms = selection.codes("classes"), selection.codes("rooms")
        for slot in Slot.objects.filter(offering__term=selection.term):
            yield (
                classes[slot.offering_id],
                str(slot.weekday),
                written_clock(slot.starts),
                written_clock(slot.ends),
                rooms[slot.room_id] if slot.room_id else "",
                slot.weeks,
            )


SLOTS = Slots()
