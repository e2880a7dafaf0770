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

AT_ONCE = 8
"""Up to so many rows are added by a statement that is kept. More are rare, and worth one of their own."""


def insert(row: Model) -> None:
    """Add the row, which learns its key."""
    insert_all([row])


def insert_all(rows: Sequence[Model]) -> None:
    """Add rows of one kind, which learn their keys; a model that makes its own keeps them. What the rows
    belong to is on file already."""
    if not rows:
        return
    connection, model = connections[DEFAULT_DB_ALIAS], type(rows[0])
    if not connection.features.can_return_columns_from_insert:
        # SQLite before 3.35.
        for row in rows:
            row.save(force_insert=True)
        return
    if len(rows) > AT_ONCE:
        model._base_manager.bulk_create(rows)
        return
    sql, fields = _insertion(model, len(rows), connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(sql, [one for row in rows for one in _values(row, fields, add=True)])
        keys = cursor.fetchall()
    for row, (key,) in zip(rows, keys, strict=True):
        if model._meta.pk not in fields:
            row.pk = key
        state = row._state  # noqa: SLF001 - what `save` notes, too
        state.adding, state.db = False, DEFAULT_DB_ALIAS


def update(row: Model, *names: str) -> None:
    """Store these fields of a row that is on file. Raises DatabaseError if it is there no more."""
    connection = connections[DEFAULT_DB_ALIAS]
    sql, fields = _change(type(row), names, connection.vendor)
    with connection.cursor() as cursor:
        key = row._meta.pk.get_db_prep_save(row.pk, connection)
        cursor.execute(sql, [*_values(row, fields, add=False), key])
        if cursor.rowcount != 1:
            raise DatabaseError(f"{row!r} is not on file: nothing was stored.")


def _values(row: Model, fields: Sequence[Field[Any, Any]], *, add: bool) -> list[Any]:
    connection = connections[DEFAULT_DB_ALIAS]
    return [field.get_db_prep_save(field.pre_save(row, add), connection) for field in fields]


@cache
def _insertion(
    model: type[Model], count: int, vendor: str
) -> tuple[Lasting, Sequence[Field[Any, Any]]]:
    """The statement for so many rows, and the fields whose values it wants. The database gives the keys,
    except where a model makes its own."""
    key = model._meta.pk
    fields = [
        field
        for field in model._meta.local_concrete_fields
        if field is not key or key.has_default()
    ]
    query = InsertQuery(model)
    query.insert_values(fields, [model()])
    compiler: Any = query.get_compiler(connection=connections[DEFAULT_DB_ALIAS])
    compiler.returning_fields = [key]
    ((sql, _blank),) = compiler.as_sql()
    head, _values, one_row = sql.partition(" VALUES ")
    one_row, _returning, key_column = one_row.rpartition(" RETURNING ")
    places = ", ".join([one_row] * count)
    return Lasting(f"{head} VALUES {places} RETURNING {key_column}"), fields


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
