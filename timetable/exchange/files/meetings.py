"""meetings.csv: dated meetings; in an export, what was planned and what now holds for each of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from timetable.enums import MeetingChange, MeetingStatus
from timetable.exchange.bundle import BundleFile, Complaint, Reading, Row
from timetable.exchange.cells import choice, clock, code, date
from timetable.exchange.meetings import write_meetings
from timetable.exchange.plans import Planner
from timetable.exchange.progress import watched
from timetable.exchange.selection import Selection, written_clock
from timetable.exchange.store import Store
from timetable.exchange.table import Column
from timetable.models import Meeting

from .classes import CLASSES
from .professors import PROFESSORS
from .rooms import ROOMS
from .slots import ends_too_early, nobody_leads


@dataclass(frozen=True)
class MeetingRow(Row):
    offering: str
    date: dt.date
    starts: dt.time
    ends: dt.time
    room: str
    professor: str
    status: MeetingChange | None
    planned_date: dt.date | None
    planned_starts: dt.time | None
    planned_ends: dt.time | None
    planned_room: str
    planned_professor: str

    @property
    def holding_status(self) -> MeetingStatus:
        """Substituted and moved are told by the plan, not by the status."""
        if self.status in {MeetingChange.POSTPONED, MeetingChange.DROPPED}:
            return MeetingStatus(str(self.status))
        return MeetingStatus.SCHEDULED


class Meetings(BundleFile[MeetingRow]):
    name = "meetings"
    row = MeetingRow
    columns = (
        Column("class", code, required=True, refers_to=CLASSES.name),
        Column("date", date, required=True),
        Column("starts", clock, required=True),
        Column("ends", clock, required=True),
        Column("room", code, refers_to=ROOMS.name),
        Column("professor", code, refers_to=PROFESSORS.name),
        Column("status", choice(MeetingChange), default=None),
        Column("planned_date", date, default=None),
        Column("planned_starts", clock, default=None),
        Column("planned_ends", clock, default=None),
        Column("planned_room", code, refers_to=ROOMS.name),
        Column("planned_professor", code, refers_to=PROFESSORS.name),
    )

    def complaints(self, row: MeetingRow, reading: Reading) -> Iterable[Complaint]:
        yield from ends_too_early("ends", row.starts, row.ends)
        if row.offering in reading.leaderless and not (row.professor or row.planned_professor):
            yield nobody_leads("professor", row.offering)
        if row.planned_date or row.planned_starts or row.planned_ends:
            yield from self._complaints_of_plan(row)
            return
        if row.planned_room or row.planned_professor:
            yield "planned_date", _("is empty, though other planned columns are not")
        if reading.calendar is not None and row.date not in reading.calendar:
            yield "date", _("lies outside the term")
        if row.status in {MeetingChange.SUBSTITUTED, MeetingChange.MOVED}:
            yield "status", _("“%s” needs the planned columns filled") % row.status

    @staticmethod
    def _complaints_of_plan(row: MeetingRow) -> Iterator[Complaint]:
        # The day itself is not held against the term: a kept meeting may lie outside a changed one.
        plan = (row.planned_date, row.planned_starts, row.planned_ends)
        names = ("planned_date", "planned_starts", "planned_ends")
        missing = [name for name, value in zip(names, plan, strict=True) if value is None]
        for name in missing:
            yield name, _("is empty, though other planned columns are not")
        if row.planned_starts and row.planned_ends:
            yield from ends_too_early("planned_ends", row.planned_starts, row.planned_ends)

    def write(self, store: Store) -> None:
        write_meetings(store, list(Planner(store, store.bundle.of(self)).plans()))

    def export(self, selection: Selection) -> Iterable[Sequence[str]]:
        classes, rooms = selection.codes("classes"), selection.codes("rooms")
        professors = selection.codes("professors")
        meetings = Meeting.objects.filter(offering__term=selection.term).order_by()
        for meeting in watched(
            meetings.iterator(), meetings.count(), selection.progress, self.name
        ):
            starts_at = selection.institute.local(meeting.starts_at)
            planned = selection.institute.local(meeting.planned_starts_at)
            yield (
                classes[meeting.offering_id],
                starts_at.date().isoformat(),
                written_clock(starts_at.time()),
                written_clock(selection.institute.local(meeting.ends_at).time()),
                rooms[meeting.room_id] if meeting.room_id else "",
                professors[meeting.professor_id],
                meeting.change,
                planned.date().isoformat(),
                written_clock(planned.time()),
                written_clock(selection.institute.local(meeting.planned_ends_at).time()),
                rooms[meeting.planned_room_id] if meeting.planned_room_id else "",
                professors[meeting.planned_professor_id],
            )


MEETINGS = Meetings()
