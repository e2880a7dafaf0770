"""availability.csv: weekly times at which professors cannot, or would rather not, teach."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from timetable.enums import AvailabilityKind
from timetable.exchange.bundle import BundleFile, Complaint, Reading, Row
from timetable.exchange.cells import choice, clock, code, weekday
from timetable.exchange.removal import delete
from timetable.exchange.selection import Selection, written_clock
from timetable.exchange.store import Store, sync_by_values
from timetable.exchange.table import Column
from timetable.models import Availability

from .professors import PROFESSORS
from .slots import ends_too_early


@dataclass(frozen=True)
class AvailabilityRow(Row):
    professor: str
    weekday: int
    starts: dt.time
    ends: dt.time
    kind: AvailabilityKind


class AvailabilityFile(BundleFile[AvailabilityRow]):
    name = "availability"
    row = AvailabilityRow
    columns = (
        Column("professor", code, required=True, refers_to=PROFESSORS.name),
        Column("weekday", weekday, required=True),
        Column("starts", clock, required=True),
        Column("ends", clock, required=True),
        Column("kind", choice(AvailabilityKind), required=True),
    )

    def complaints(self, row: AvailabilityRow, reading: Reading) -> Iterable[Complaint]:
        return ends_too_early("ends", row.starts, row.ends)

    def write(self, store: Store) -> None:
        professors = store.ids[PROFESSORS.name]
        wanted = [
            {
                "professor_id": professors[row.professor],
                "weekday": row.weekday,
                "starts": row.starts,
                "ends": row.ends,
                "kind": row.kind,
            }
            for row in store.bundle.of(self)
        ]
        scope = Availability.objects.filter(professor__institute=store.institute)
        _rows, left = sync_by_values(
            store, self.name, scope, wanted, key=("professor_id", "weekday", "starts", "ends")
        )
        delete(left)
        store.tallies[self.name].removed += len(left)

    def export(self, selection: Selection) -> Iterable[Sequence[str]]:
        professors = selection.listed_professors()
        rows = Availability.objects.filter(professor__institute=selection.institute)
        for professor, day, starts, ends, kind in rows.values_list(
            "professor_id", "weekday", "starts", "ends", "kind"
        ):
            if professor in professors:
                yield (
                    professors[professor],
                    str(day),
                    written_clock(starts),
                    written_clock(ends),
                    kind,
                )


AVAILABILITY = AvailabilityFile()
