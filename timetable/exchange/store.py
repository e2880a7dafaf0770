"""Writing a bundle: rows are matched by what identifies them, created, updated or left alone."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet

from timetable.models import Coded, Institute, Term

from .bundle import Bundle
from .progress import Progress, chunks
from .references import rows_of

M = TypeVar("M", bound=Model)
C = TypeVar("C", bound=Coded)
V = TypeVar("V")
W = TypeVar("W")
SHOWN = 1000


@dataclass(slots=True)
class Tally:
    """What became of the rows of one kind."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0


class Because(StrEnum):
    """Why something stayed although the bundle has no place for it as it is."""

    HISTORY = "history"
    CHANGED = "changed"
    IN_USE = "in_use"


@dataclass(slots=True)
class Kept:
    """What stayed; like faults, all counted and the first thousand listed."""

    shown: list[dict[str, str]] = field(default_factory=list)
    total: int = 0

    def add(self, kind: str, because: Because, **what: str) -> None:
        self.total += 1
        if self.total <= SHOWN:
            self.shown.append({"kind": kind, **what, "reason": because.value})


@dataclass(slots=True)
class Store:
    """Where the rows of one bundle go, and what became of them so far."""

    bundle: Bundle
    institute: Institute
    term: Term
    now: dt.datetime
    progress: Progress
    ids: dict[str, dict[str, int]] = field(default_factory=dict)
    """By file and code: the ids of the rows that others refer to."""

    slot_ids: dict[int, int] = field(default_factory=dict)
    """By the line in slots.csv."""

    tallies: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    counts: dict[str, int] = field(default_factory=dict)
    overlaps: dict[str, int] = field(default_factory=dict)
    overlapping: list[dict[str, str]] = field(default_factory=list)
    kept: Kept = field(default_factory=Kept)
    unwanted: dict[str, list[Any]] = field(default_factory=dict)
    """What each kind of file left for its `tidy`."""

    def details(self) -> dict[str, dict[str, int]]:
        return {name: asdict(tally) for name, tally in self.tallies.items()}

    def create(self, kind: str, rows: Sequence[Model]) -> None:
        """Insert the rows, which gives them their ids."""
        self.create_each(kind, rows, lambda row: row)

    def create_each(self, kind: str, values: Sequence[V], make: Callable[[V], Model]) -> None:
        """Insert a row made of each value; only a handful of them are in memory at a time."""
        for chunk in chunks(values, self.progress, kind):
            rows = [make(value) for value in chunk]
            rows_of(type(rows[0])).bulk_create(rows)

    def change(self, kind: str, rows: Sequence[Model], fields: Sequence[str]) -> None:
        """Write these fields of rows that exist: an upsert by id is much quicker than bulk_update."""
        for chunk in chunks(rows, self.progress, kind):
            rows_of(type(chunk[0])).bulk_create(
                chunk, update_conflicts=True, unique_fields=["id"], update_fields=fields
            )


@dataclass(frozen=True, slots=True)
class Synced(Generic[C]):
    """The codes that were created or changed, and the rows whose codes are not wanted."""

    touched: set[str]
    left: list[C]


def sync_by_code(
    store: Store,
    kind: str,
    scope: QuerySet[C],
    wanted: Mapping[str, Mapping[str, object]],
    **owner: object,
) -> Synced[C]:
    """Create or update the rows of a model by their codes, and remember their ids.

    Each code comes with the values of its columns; `owner` is what a new row belongs to.
    """
    existing = {row.code: row for row in scope}
    tally = store.tallies[kind]
    ids = store.ids[kind] = {}
    new: list[C] = []
    changed: list[C] = []
    fields: set[str] = set()
    for code, values in wanted.items():
        row = existing.pop(code, None)
        if row is None:
            new.append(scope.model(code=code, **owner, **values))
            continue
        ids[code] = row.pk
        differing = set_values(row, values)
        if differing:
            changed.append(row)
            fields.update(differing)
    store.create(kind, new)
    store.change(kind, changed, sorted(fields))
    ids.update((row.code, row.pk) for row in new)
    tally.created += len(new)
    tally.updated += len(changed)
    tally.unchanged += len(wanted) - len(new) - len(changed)
    touched = {row.code for row in (*new, *changed)}
    return Synced(touched, list(existing.values()))


def set_values(row: Model, values: Mapping[str, object]) -> list[str]:
    """Set what differs; returns the names of the fields that did."""
    differing = [name for name, value in values.items() if getattr(row, name) != value]
    for name in differing:
        setattr(row, name, values[name])
    return differing


@dataclass(frozen=True, slots=True)
class Matched:
    """Rows without codes and the wanted values, by their positions: paired, missing, or too many."""

    pairs: list[list[tuple[int, int]]]
    """For each way of matching, (existing, wanted)."""

    missing: list[int]
    surplus: list[int]


def match(
    existing: Sequence[V], wanted: Sequence[W], *ways: tuple[Callable[[V], Any], Callable[[W], Any]]
) -> Matched:
    """Pair what is there with what is wanted: first those that agree most, then those left over.

    Each way of matching is a key of an existing row and one of a wanted one, the strictest way first.
    Every row is used once, in order, so that what is there twice stays there twice.
    """
    rows, wishes = list(range(len(existing))), list(range(len(wanted)))
    pairs = []
    for key_of_row, key_of_wish in ways:
        waiting: dict[Any, deque[int]] = defaultdict(deque)
        for at in rows:
            waiting[key_of_row(existing[at])].append(at)
        found = [
            (queue.popleft(), at) for at in wishes if (queue := waiting[key_of_wish(wanted[at])])
        ]
        pairs.append(found)
        used, served = {pair[0] for pair in found}, {pair[1] for pair in found}
        rows = [at for at in rows if at not in used]
        wishes = [at for at in wishes if at not in served]
    return Matched(pairs, missing=wishes, surplus=rows)


def sync_by_values(
    store: Store,
    kind: str,
    scope: QuerySet[M],
    wanted: Sequence[Mapping[str, object]],
    key: Sequence[str],
) -> tuple[list[M], list[M]]:
    """Create, update or leave rows that have no code, matched by all their values or else by a key.

    Returns the rows in the order of the wanted ones, and those that are not wanted.
    """
    existing = list(scope.order_by("pk"))
    names = list(wanted[0]) if wanted else []

    def values_of(
        fields: Sequence[str],
    ) -> tuple[Callable[[M], Any], Callable[[Mapping[str, object]], Any]]:
        return (
            lambda row: tuple(getattr(row, name) for name in fields),
            lambda values: tuple(values[name] for name in fields),
        )

    found = match(existing, wanted, values_of(names), values_of(key))
    same, similar = found.pairs
    rows: dict[int, M] = {at: existing[row_at] for row_at, at in (*same, *similar)}
    fields: set[str] = set()
    for _row_at, at in similar:
        fields.update(set_values(rows[at], wanted[at]))
    rows.update((at, scope.model(**wanted[at])) for at in found.missing)
    store.create(kind, [rows[at] for at in found.missing])
    store.change(kind, [rows[at] for _row_at, at in similar], sorted(fields))
    tally = store.tallies[kind]
    tally.created += len(found.missing)
    tally.updated += len(similar)
    tally.unchanged += len(same)
    return [rows[at] for at in range(len(wanted))], [existing[at] for at in found.surplus]
