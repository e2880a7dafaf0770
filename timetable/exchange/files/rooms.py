"""rooms.csv"""

from __future__ import annotations

from dataclasses import dataclass

from timetable.exchange.bundle import Row
from timetable.exchange.catalogue import Catalogue
from timetable.exchange.cells import code, whole
from timetable.exchange.table import Column
from timetable.models import Room


@dataclass(frozen=True)
class RoomRow(Row):
    code: str
    name: str
    building: str
    capacity: int | None


class Rooms(Catalogue[RoomRow]):
    name = "rooms"
    row = RoomRow
    model = Room
    columns = (
        Column("code", code, required=True),
        Column("name"),
        Column("building"),
        Column("capacity", whole, default=None),
    )


ROOMS = Rooms()
