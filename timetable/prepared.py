"""Queries that are compiled once and then only executed.

To word a query takes the ORM about ten times as long as the database takes to answer it. Where the same
question is asked for every case (who is free? which room? who has covered how much?) it is built once,
with parameters in the place of values:

    led = PreparedQuery(
        lambda people: Meeting.objects.holding().filter(professor__among=people).values_list("pk"),
        people=Many(),
    )
    led(people=[1, 2, 3])

The function gets the parameters by name and returns the queryset, of `values_list`. A condition on any
number of values is `among`, not `in`: it is one parameter, however many they are.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, Field, ForeignKey, Lookup, QuerySet
from django.db.models.sql.compiler import SQLCompiler


class Many:
    """The kind of a parameter that stands for any number of plain values, such as ids."""


class Parameter(Expression):
    """What stands in a prepared query for a value that is known when it is asked."""

    def __init__(
        self, name: str, kind: Field[Any, Any] | Many, shift: dt.timedelta = dt.timedelta()
    ) -> None:
        super().__init__(output_field=None if isinstance(kind, Many) else kind)
        self.name, self.kind, self.shift = name, kind, shift

    def __sub__(self, other: Any) -> Any:
        """A moment that lies so much earlier: reckoned when asked, so that an index can be used."""
        return Parameter(self.name, self.kind, self.shift - other)

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)

    def bound(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """The value as the database wants it."""
        if isinstance(self.kind, Many):
            return list(value) if connection.vendor == "postgresql" else json.dumps(list(value))
        if self.shift:
            value += self.shift
        return self.kind.get_db_prep_value(value, connection)


@ForeignKey.register_lookup
@Field.register_lookup
class Among(Lookup[Any]):
    """`in`, for a parameter that stands for many values."""

    lookup_name = "among"

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        column, first = self.process_lhs(compiler, connection)
        _, second = compiler.compile(self.rhs)
        values = (
            "= ANY(%s)"
            if connection.vendor == "postgresql"
            else "IN (SELECT value FROM json_each(%s))"
        )
        return f"{column} {values}", (*first, *second)


@dataclass(frozen=True, slots=True)
class _Statement:
    sql: str
    values: Sequence[Any]
    converters: Sequence[tuple[int, Sequence[Callable[..., Any]], Any]]


class PreparedQuery:
    """A query of `values_list`, compiled at its first call for each kind of database."""

    def __init__(
        self, build: Callable[..., QuerySet[Any, Any]], **kinds: Field[Any, Any] | Many
    ) -> None:
        self._build = build
        self._parameters = {name: Parameter(name, kind) for name, kind in kinds.items()}
        self._statements: dict[str, _Statement] = {}

    def __call__(self, **values: Any) -> Iterable[Sequence[Any]]:
        """The rows, each a sequence of values. Wants a value for every parameter."""
        connection = connections[DEFAULT_DB_ALIAS]
        statement = self._statements.get(connection.vendor)
        if statement is None:
            statement = self._statements[connection.vendor] = self._compile(connection)
        bound = [
            value.bound(values[value.name], connection) if isinstance(value, Parameter) else value
            for value in statement.values
        ]
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, bound)
            rows: list[Sequence[Any]] = cursor.fetchall()
        if not statement.converters:
            return rows
        found = [list(row) for row in rows]
        for position, converters, expression in statement.converters:
            for row in found:
                value = row[position]
                for convert in converters:
                    value = convert(value, expression, connection)
                row[position] = value
        return found

    def _compile(self, connection: BaseDatabaseWrapper) -> _Statement:
        compiler = self._build(**self._parameters).query.get_compiler(connection=connection)
        sql, values = compiler.as_sql()
        columns = [column for column, *_ in compiler.select[: compiler.col_count]]
        converters = compiler.get_converters(columns)
        return _Statement(
            sql,
            values,
            [(position, *converter) for position, converter in converters.items()],
        )
