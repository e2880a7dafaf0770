"""Rows that are written by statements worded once: the other half of `timetable.prepared`.

For what every case and every answer writes. `insert` and `update` store what `save(force_insert=True)` and
`save(update_fields=…)` store, without wording the statement anew. They send no signals and ask no `save` of
the model's own, so that it is the caller who has to know what may be written.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.models import Field, Model
from django.db.models.sql import InsertQuery

from .prepared import Lasting


def insert(row: Model) -> None:
    """Add the row, which learns its key."""
    connection = connections[DEFAULT_DB_ALIAS]
    if not connection.features.can_return_columns_from_insert:
        # SQLite before 3.35.
        row.save(force_insert=True)
        return
    model = type(row)
    sql, fields = _insertion(model, connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(sql, _values(row, fields, add=True))
        (row.pk,) = cursor.fetchone()
    state = row._state  # noqa: SLF001 - what `save` notes, too
    state.adding, state.db = False, DEFAULT_DB_ALIAS


def insert_all(rows: Sequence[Model]) -> None:
    """Add rows of one kind: mostly it is a single one, and for several one statement is worded anew."""
    if len(rows) == 1:
        insert(rows[0])
    elif rows:
        type(rows[0])._base_manager.bulk_create(rows)


def update(row: Model, *names: str) -> None:
    """Store these fields of a row that is on file. Raises DatabaseError if it is there no more."""
    connection = connections[DEFAULT_DB_ALIAS]
    sql, fields = _change(type(row), names, connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(sql, [*_values(row, fields, add=False), row.pk])
        if cursor.rowcount != 1:
            raise DatabaseError(f"{row!r} is not on file: nothing was stored.")


def _values(row: Model, fields: Sequence[Field[Any, Any]], *, add: bool) -> list[Any]:
    connection = connections[DEFAULT_DB_ALIAS]
    return [field.get_db_prep_save(field.pre_save(row, add), connection) for field in fields]


@cache
def _insertion(model: type[Model], vendor: str) -> tuple[Lasting, Sequence[Field[Any, Any]]]:
    """The statement and the fields whose values it wants; the key is given by the database."""
    key = model._meta.pk
    fields = [field for field in model._meta.local_concrete_fields if field is not key]
    query = InsertQuery(model)
    query.insert_values(fields, [model()])
    compiler: Any = query.get_compiler(connection=connections[DEFAULT_DB_ALIAS])
    compiler.returning_fields = [key]
    ((sql, _blank),) = compiler.as_sql()
    return Lasting(sql), fields


@cache
def _change(
    model: type[Model], names: tuple[str, ...], vendor: str
) -> tuple[Lasting, Sequence[Field[Any, Any]]]:
    connection = connections[DEFAULT_DB_ALIAS]
    quoted = connection.ops.quote_name
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    columns = ", ".join(f"{quoted(field.column)} = %s" for field in fields)
    key = quoted(str(model._meta.pk.column))
    table = quoted(model._meta.db_table)
    sql = f"UPDATE {table} SET {columns} WHERE {key} = %s"  # noqa: S608 - names of columns
    return Lasting(sql), fields
