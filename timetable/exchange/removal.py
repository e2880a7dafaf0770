"""What the bundle no longer names: gone if nothing hangs on it, else kept and reported."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeVar

from django.db.models import Model

from timetable.models import Coded

from .references import referred_to, rows_of
from .store import Because, Store

M = TypeVar("M", bound=Model)
HANDFUL = 500


def delete(rows: Sequence[M]) -> None:
    """Delete rows of one model."""
    if rows:
        delete_by_id(type(rows[0]), [row.pk for row in rows])


def delete_by_id(model: type[Model], ids: Sequence[int]) -> None:
    """Delete many at a time; one that something protects stops all of it."""
    for start in range(0, len(ids), HANDFUL):
        rows_of(model).filter(pk__in=ids[start : start + HANDFUL]).delete()


def still_in_use(rows: Sequence[Model], *, but_for: Collection[type[Model]] = ()) -> set[int]:
    """The ids of those rows of one model that anything else refers to."""
    found: set[int] = set()
    for start in range(0, len(rows), HANDFUL):
        handful = rows[start : start + HANDFUL]
        some = rows_of(type(handful[0])).filter(pk__in=[row.pk for row in handful])
        found |= referred_to(some, but_for=but_for)
    return found


def remove_unused(store: Store, kind: str) -> None:
    """Delete those left over that nothing refers to any more, and report the others as kept."""
    left: list[Coded] = store.unwanted.get(kind, [])
    in_use = still_in_use(left)
    for row in left:
        if row.pk in in_use:
            store.kept.add(kind.removesuffix("s"), Because.IN_USE, code=row.code)
    gone = [row for row in left if row.pk not in in_use]
    delete(gone)
    store.tallies[kind].removed += len(gone)
