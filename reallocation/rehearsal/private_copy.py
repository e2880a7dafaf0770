"""A private copy of one institute, on which a rehearsal is played.

A rehearsal is one long transaction. On the live database it would keep everybody else from writing (on
SQLite), or from adding to the institute's log (on PostgreSQL). So it gets a copy: the institute's rows as
they are at one moment, read without a lock, in an SQLite database in the memory of its own process. It
is the same road from either database, and there is no file to be left behind.

What the engine does not look at stays where it is: votes, the log, messages, passwords, private notes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.apps import apps
from django.db import connection, models, transaction

from fairness.models import LedgerEntry
from reallocation.models import (
    Case,
    Delivery,
    LogEntry,
    Message,
    Notice,
    Rehearsal,
    Webhook,
    WebhookDelivery,
)
from timetable.models import Absence, Institute, User
from voting.models import Vote

LEFT_OUT: frozenset[type[models.Model]] = frozenset(
    {Delivery, LogEntry, Message, Notice, Rehearsal, Vote, Webhook, WebhookDelivery}
)
BLANKED: dict[type[models.Model], dict[str, Any]] = {
    User: {"password": "", "last_login": None},
    Absence: {"note": "", "handover": ""},
}
BATCH = 2000
# Reading takes no lock in either, and what is written meanwhile is not seen.
ONE_MOMENT = {
    "sqlite": "BEGIN DEFERRED",
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}


class Rows(NamedTuple):
    """Some rows of a model: `model` as "app.name", columns by attribute, values as Python has them."""

    model: str
    columns: tuple[str, ...]
    values: list[tuple[Any, ...]]


@contextmanager
def one_moment() -> Iterator[None]:
    """What is read in here is of one and the same moment. Wants autocommit."""
    with connection.cursor() as cursor:
        cursor.execute(ONE_MOMENT[connection.vendor])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")


def rows_of(institute: Institute) -> Iterator[Rows]:
    """All that a rehearsal of the institute needs, in batches; the accounts that it names come last."""
    accounts: set[int] = set()
    for model, path in _copied().items():
        columns = _columns(model)
        named = [n for n, field in enumerate(columns) if field.related_model is User]
        found = model._base_manager.filter(**{path: institute.pk}).order_by()
        for batch in _batches(model, found):
            for place in named:
                accounts.update(row[place] for row in batch.values if row[place] is not None)
            yield batch
    keys = sorted(accounts)
    for start in range(0, len(keys), BATCH):
        wanted = User._base_manager.filter(pk__in=keys[start : start + BATCH])
        yield from _batches(User, wanted.order_by())


def _copied() -> dict[type[models.Model], str]:
    """The models whose rows belong to an institute, each with the way there."""
    ours = {model._meta.app_label for model in (Institute, Vote, LedgerEntry, Case)}
    found = {}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.app_label in ours and model not in LEFT_OUT:
            path = _way_to_institute(model)
            if path:
                found[model] = path
    return found


def _way_to_institute(start: type[models.Model]) -> str:
    """The shortest way by references that are never empty, as a lookup; none is the empty string."""
    ways = deque([(start, "")])
    seen = {start}
    while ways:
        model, path = ways.popleft()
        if model is Institute:
            return path or "pk"
        for field in model._meta.concrete_fields:
            other = field.related_model
            if isinstance(other, type) and not field.null and other not in seen:
                seen.add(other)
                ways.append((other, f"{path}__{field.name}" if path else field.name))
    return ""


def _columns(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    return [field for field in model._meta.concrete_fields if not field.generated]


def _batches(model: type[models.Model], found: models.QuerySet[Any]) -> Iterator[Rows]:
    columns = tuple(field.attname for field in _columns(model))
    blanks = {columns.index(name): value for name, value in BLANKED.get(model, {}).items()}
    batch: list[tuple[Any, ...]] = []
    for row in found.values_list(*columns).iterator(BATCH):
        values = row
        if blanks:
            values = tuple(blanks.get(place, value) for place, value in enumerate(row))
        batch.append(values)
        if len(batch) == BATCH:
            yield Rows(model._meta.label_lower, columns, batch)
            batch = []
    if batch:
        yield Rows(model._meta.label_lower, columns, batch)


def make_tables() -> None:
    """Make the tables in this process's own, empty database, as the models have them: what the
    migrations come to, in a hundredth of their time."""
    with connection.constraint_checks_disabled(), connection.schema_editor() as editor:
        for model in apps.get_models():
            if model._meta.managed and not model._meta.proxy:
                editor.create_model(model)


def fill(batches: Iterable[Rows]) -> int:
    """Put the rows into this process's own, empty database; how many there are.

    Raises IntegrityError if they are not of one piece.
    """
    count = 0
    with connection.constraint_checks_disabled(), transaction.atomic():
        for batch in batches:
            _insert(batch)
            count += len(batch.values)
        connection.check_constraints()
    return count


def _insert(batch: Rows) -> None:
    model = apps.get_model(batch.model)
    fields = [model._meta.get_field(name) for name in batch.columns]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    # Names of the models' own tables and columns, quoted; values are parameters.
    statement = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ({places})"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.executemany(
            statement,
            [
                [
                    field.get_db_prep_save(value, connection)
                    for field, value in zip(fields, row, strict=True)
                ]
                for row in batch.values
            ],
        )
