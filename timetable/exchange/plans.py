"""From slots.csv and meetings.csv to the dated meetings that a bundle plans."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from timetable.enums import MeetingStatus
from timetable.weeks import parse_weeks, span

from .files.classes import CLASSES, ClassRow
from .files.professors import PROFESSORS
from .files.rooms import ROOMS
from .files.slots import SLOTS, SlotRow
from .store import Store

if TYPE_CHECKING:
    from .files.meetings import MeetingRow

Span = tuple[dt.datetime, dt.datetime]


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds for a meeting, by ids; times in UTC."""

    professor: int
    room: int | None
    starts_at: dt.datetime
    ends_at: dt.datetime
    status: str


@dataclass(frozen=True, slots=True)
class Plan:
    """One dated meeting as planned, by ids; times in UTC. `holds` is None where no file says it."""

    offering: int
    starts_at: dt.datetime
    ends_at: dt.datetime
    room: int | None
    professor: int
    slot: int | None
    holds: Holding | None

    @property
    def as_planned(self) -> Holding:
        return Holding(
            self.professor, self.room, self.starts_at, self.ends_at, MeetingStatus.SCHEDULED
        )


@dataclass(frozen=True, slots=True)
class _Occurrence:
    """One date of a slot."""

    span: Span
    room: int | None
    slot: int


class Planner:
    """Expands the bundle's slots over the term and joins them with its dated rows.

    A dated row takes the place of the slot's meeting of the same class, day and time. Once a row of a
    class says what was planned (as exported rows do), the rows are all the meetings the class has, and
    its slots only say which pattern they belong to.
    """

    def __init__(self, store: Store, dated: list[MeetingRow]) -> None:
        self.store = store
        self.zone = store.bundle.head.zone
        self.calendar = store.bundle.head.calendar
        # No code is empty: looking up an empty cell finds nothing.
        self.rooms = store.ids[ROOMS.name]
        self.professors = store.ids[PROFESSORS.name]
        self.slots: dict[str, list[SlotRow]] = defaultdict(list)
        for slot in store.bundle.of(SLOTS):
            self.slots[slot.offering].append(slot)
        self.dated: dict[str, list[MeetingRow]] = defaultdict(list)
        for row in dated:
            self.dated[row.offering].append(row)

    def plans(self) -> Iterator[Plan]:
        ids = self.store.ids[CLASSES.name]
        for offering in self.store.bundle.of(CLASSES):
            yield from self._plans_of(offering, ids[offering.code])

    def _plans_of(self, offering: ClassRow, offering_id: int) -> Iterator[Plan]:
        rows = self.dated.get(offering.code, [])
        occurrences: dict[Span, list[_Occurrence]] = defaultdict(list)
        for occurrence in self._occurrences(self.slots.get(offering.code, [])):
            occurrences[occurrence.span].append(occurrence)
        responsible = self.professors[offering.professors[0]] if offering.professors else None
        for row in rows:
            yield self._dated(row, offering_id, responsible, occurrences)
        if responsible is None or any(row.planned_date for row in rows):
            return
        for occurrence in sorted(
            (one for same in occurrences.values() for one in same), key=lambda one: one.span
        ):
            starts_at, ends_at = occurrence.span
            yield Plan(
                offering_id,
                starts_at,
                ends_at,
                occurrence.room,
                responsible,
                occurrence.slot,
                holds=None,
            )

    def _occurrences(self, slots: list[SlotRow]) -> Iterator[_Occurrence]:
        for slot in slots:
            room = self.rooms.get(slot.room)
            slot_id = self.store.slot_ids[slot.line]
            for day in self.calendar.dates(slot.weekday, parse_weeks(slot.weeks)):
                yield _Occurrence(span(day, slot.starts, slot.ends, self.zone), room, slot_id)

    def _dated(
        self,
        row: MeetingRow,
        offering_id: int,
        responsible: int | None,
        occurrences: dict[Span, list[_Occurrence]],
    ) -> Plan:
        planned_professor = self.professors.get(row.planned_professor)
        now_professor = self.professors.get(row.professor, planned_professor or responsible)
        if now_professor is None:
            raise AssertionError("read without a complaint, yet nobody leads it")
        now_at = span(row.date, row.starts, row.ends, self.zone)
        now_room = self.rooms.get(row.room)
        at, room, professor = now_at, now_room, now_professor
        if row.planned_date and row.planned_starts and row.planned_ends:
            at = span(row.planned_date, row.planned_starts, row.planned_ends, self.zone)
            room = self.rooms.get(row.planned_room)
            professor = planned_professor or responsible or now_professor
        holds = None
        if row.planned_date or row.status:
            status = row.holding_status
            holds = Holding(now_professor, now_room, now_at[0], now_at[1], status)
        slot = _take(occurrences.get(at, []), room)
        return Plan(offering_id, at[0], at[1], room, professor, slot, holds)


def _take(occurrences: list[_Occurrence], room: int | None) -> int | None:
    """Use up the slot's date that a row stands for, best one in the same room."""
    if not occurrences:
        return None
    best = next((one for one in occurrences if one.room == room), occurrences[0])
    occurrences.remove(best)
    return best.slot
