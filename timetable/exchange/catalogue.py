"""The plain lists of an institute: rooms, courses and sections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from timetable.models import Course, Room, Section

from .bundle import BundleFile, R
from .references import rows_of
from .removal import remove_unused
from .selection import Selection
from .store import Store, sync_by_code


class Catalogue(BundleFile[R]):
    """A file whose columns are the fields of a model of the institute, the first of them its code."""

    key = ("code",)
    model: ClassVar[type[Room] | type[Course] | type[Section]]

    def write(self, store: Store) -> None:
        wanted = dict(map(self.coded, store.bundle.of(self)))
        scope = rows_of(self.model).filter(institute=store.institute)
        synced = sync_by_code(store, self.name, scope, wanted, institute=store.institute)
        store.unwanted[self.name] = list(synced.left)

    def tidy(self, store: Store) -> None:
        remove_unused(store, self.name)

    def export(self, selection: Selection) -> Iterable[Sequence[str]]:
        names = [column.name for column in self.columns]
        for values in rows_of(self.model).filter(institute=selection.institute).values_list(*names):
            yield tuple("" if value is None else str(value) for value in values)
