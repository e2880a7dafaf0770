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
number of values is `among`, not `in`: it is one parameter, however many they are. `PreparedRows` does the
same for whole rows, `select_related` and `select_for_update` included, and `PreparedFacts` for facts of
rows and what belongs to them, by their names.

What is asked together is asked at once: by `PreparedTogether`, of querysets that have nothing in common, or
by a `union` of rows that are read in one go, with a `literal` for the kind and `empty` columns.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, Generic, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    Aggregate,
    CharField,
    Expression,
    Field,
    ForeignKey,
    Lookup,
    Model,
    QuerySet,
    TextField,
    Value,
)
from django.db.models.functions import Cast
from django.db.models.query import get_related_populators
from django.db.models.sql.compiler import SQLCompiler
from django.db.transaction import TransactionManagementError

Row = TypeVar("Row", bound=Model)


class Many:
    """The kind of a parameter that stands for any number of plain values: ids, texts or days.

    All columns that it is compared with are of one kind: PostgreSQL takes the array's kind from the first.
    """


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
            if connection.vendor != "postgresql":
                return json.dumps(list(value), default=_as_stored)
            return _as_array(value)
        if self.shift:
            value += self.shift
        return self.kind.get_db_prep_value(value, connection)


def _as_array(values: Iterable[Any]) -> Any:
    """Ids as the text of an array, whose kind PostgreSQL takes from the column that they are compared with.

    Adapted one by one by the driver, a hundred take as long as the whole query.
    """
    many = list(values)
    if all(issubclass(kind, int) for kind in set(map(type, many))):
        return "{" + ",".join(map(str, many)) + "}"
    return many


def _as_stored(value: Any) -> str:
    """What JSON has no word for, as SQLite stores it."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} cannot be one of many values in a prepared query.")


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


def literal(text: str) -> Value:
    """A column that says the same in every row: of which kind they are, where several are joined."""
    return Value(text, output_field=CharField())


def empty(kind: Field[Any, Any]) -> Cast:
    """A column without values, for rows joined to others that have some. PostgreSQL wants its kind."""
    return Cast(Value(None), output_field=kind)


class Listed(Aggregate):
    """The ids of a group in one text, with commas between them, in any order.

    A row for each of them takes the driver and Python several times as long.
    """

    function = "GROUP_CONCAT"
    output_field = TextField()

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, Sequence[Any]]:
        return self.as_sql(
            compiler, connection, template="STRING_AGG(%(expressions)s::text, ',')", **context
        )


Converters = Sequence[tuple[int, Sequence[Callable[..., Any]], Any]]
"""Of some columns, by their position: how what the database says becomes a value."""


@dataclass(frozen=True, slots=True)
class _Statement:
    worded: _Worded
    converters: Converters
    shape: _Shape | None


class Lasting(str):
    """SQL that will be asked again: PostgreSQL plans it at its first time (timetable/receivers.py)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Worded:
    """SQL in which each parameter has one name, however often it stands there: it is sent once."""

    sql: str
    parameters: Mapping[str, Parameter]
    constants: Mapping[str, Any]

    @classmethod
    def of(cls, sql: str, wanted: Sequence[Any]) -> _Worded:
        names: dict[tuple[str, dt.timedelta], str] = {}
        parameters: dict[str, Parameter] = {}
        constants: dict[str, Any] = {}
        places = []
        for one in wanted:
            if isinstance(one, Parameter):
                name = names.setdefault((one.name, one.shift), f"p{len(names)}")
                parameters[name] = one
            else:
                name = f"c{len(constants)}"
                constants[name] = one
            places.append(f"%({name})s")
        return cls(sql.replace("%%", "%%%%") % tuple(places), parameters, constants)

    def lasting(self) -> _Worded:
        """The same, to be asked again."""
        return replace(self, sql=Lasting(self.sql))

    def values(self, known: dict[str, Any], connection: BaseDatabaseWrapper) -> dict[str, Any]:
        """What is sent, with the values that are known now."""
        return {
            **self.constants,
            **{
                name: one.bound(known[one.name], connection)
                for name, one in self.parameters.items()
            },
        }


def _converters_of(compiler: SQLCompiler) -> Converters:
    columns = [column for column, *_ in compiler.select[: compiler.col_count]]
    found = compiler.get_converters(columns)
    return [(position, *converter) for position, converter in found.items()]


def _converted(
    rows: Sequence[Sequence[Any]], converters: Converters, connection: BaseDatabaseWrapper
) -> Sequence[Sequence[Any]]:
    if not converters:
        return rows
    found = [list(row) for row in rows]
    for position, each, expression in converters:
        for row in found:
            value = row[position]
            for convert in each:
                value = convert(value, expression, connection)
            row[position] = value
    return found


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a row of columns becomes a row of a model: what `ModelIterable` finds out for a queryset."""

    model: Any
    first: int
    last: int
    names: Sequence[str]
    populators: Sequence[Any]
    locks: bool

    @classmethod
    def of(cls, compiler: SQLCompiler) -> _Shape | None:
        """None where the query gives values and no rows."""
        kind: Any = compiler.klass_info
        if kind is None:
            return None
        first, last = kind["select_fields"][0], kind["select_fields"][-1] + 1
        return cls(
            kind["model"],
            first,
            last,
            [column.target.attname for column, *_ in compiler.select[first:last]],
            # The stubs are of a later Django, in which it takes one argument more.
            get_related_populators(kind, compiler.select, DEFAULT_DB_ALIAS),  # type: ignore[call-arg]
            bool(compiler.query.select_for_update),
        )

    def row(self, columns: Sequence[Any]) -> Any:
        instance = self.model.from_db(DEFAULT_DB_ALIAS, self.names, columns[self.first : self.last])
        for populator in self.populators:
            populator.populate(columns, instance)
        return instance


class Columns(Generic[Row]):
    """One model's columns among those of a query of values, as where rows of several are joined."""

    def __init__(self, model: type[Row], path: str, first: int) -> None:
        self._model = model
        self._names = [field.attname for field in model._meta.concrete_fields]
        self.paths = [f"{path}{field.name}" for field in model._meta.concrete_fields]
        self._first, self.end = first, first + len(self._names)

    @property
    def nothing(self) -> list[Cast]:
        """As many empty columns, for rows that have none of the model but are joined to some that do."""
        return [empty(field) for field in self._model._meta.concrete_fields]

    def of(self, row: Sequence[Any]) -> Row | None:
        """The model's row; None where there was none to join."""
        values = row[self._first : self.end]
        return self._model.from_db(DEFAULT_DB_ALIAS, self._names, values) if values[0] else None


class _Prepared:
    """A query that is compiled at its first call, for each kind of database."""

    def __init__(
        self, build: Callable[..., QuerySet[Any, Any]], **kinds: Field[Any, Any] | Many
    ) -> None:
        self._build = build
        self._parameters = {name: Parameter(name, kind) for name, kind in kinds.items()}
        self._statements: dict[str, _Statement] = {}

    def _statement(self, connection: BaseDatabaseWrapper) -> _Statement:
        statement = self._statements.get(connection.vendor)
        if statement is None:
            statement = self._statements[connection.vendor] = self._compile(connection)
        return statement

    def _fetch(
        self, statement: _Statement, connection: BaseDatabaseWrapper, values: dict[str, Any]
    ) -> Sequence[Sequence[Any]]:
        asked = statement.worded.values(values, connection)
        with connection.cursor() as cursor:
            cursor.execute(statement.worded.sql, asked)
            rows: list[Sequence[Any]] = cursor.fetchall()
        return _converted(rows, statement.converters, connection)

    def _compile(self, connection: BaseDatabaseWrapper) -> _Statement:
        compiler = self._build(**self._parameters).query.get_compiler(connection=connection)
        sql, values = compiler.as_sql()
        return _Statement(
            _Worded.of(sql, values).lasting(), _converters_of(compiler), self._shape_of(compiler)
        )

    def _shape_of(self, compiler: SQLCompiler) -> _Shape | None:
        """Of rows only: None where the query is one of values."""
        return None


class PreparedQuery(_Prepared):
    """A prepared query of `values_list`."""

    def __call__(self, **values: Any) -> Iterable[Sequence[Any]]:
        """The rows, each a sequence of values. Wants a value for every parameter."""
        connection = connections[DEFAULT_DB_ALIAS]
        return self._fetch(self._statement(connection), connection, values)


class PreparedFacts(_Prepared):
    """A prepared query of single facts: `paths` names each, and says on what way from the row it stands.

    A model for each row and each of its relations is several times the work, once there are many.
    """

    def __init__(
        self,
        build: Callable[..., QuerySet[Any]],
        paths: Mapping[str, str],
        **kinds: Field[Any, Any] | Many,
    ) -> None:
        super().__init__(lambda **asked: build(**asked).values_list(*paths.values()), **kinds)
        self._ways = {name: path.split("__") for name, path in paths.items()}

    def __call__(self, **values: Any) -> list[dict[str, Any]]:
        """The facts of each row. Wants a value for every parameter."""
        connection = connections[DEFAULT_DB_ALIAS]
        rows = self._fetch(self._statement(connection), connection, values)
        return [dict(zip(self._ways, row, strict=True)) for row in rows]

    def of(self, row: Model) -> dict[str, Any]:
        """The facts of a row that is there already, best with all that stands on the ways to them."""
        return {name: _at_the_end(way, row) for name, way in self._ways.items()}


def _at_the_end(way: Iterable[str], found: Any) -> Any:
    for name in way:
        if found is None:
            return None
        found = getattr(found, name)
    return found


class PreparedRows(_Prepared, Generic[Row]):
    """A prepared query of whole rows, with what they select as related."""

    def __call__(self, **values: Any) -> list[Row]:
        """The rows. Wants a value for every parameter.

        Raises TransactionManagementError outside of a transaction, if it is to lock them.
        """
        connection = connections[DEFAULT_DB_ALIAS]
        statement = self._statement(connection)
        shape = self._shape(statement)
        if shape.locks and connection.get_autocommit():
            raise TransactionManagementError("Rows are locked inside a transaction only.")
        return [shape.row(columns) for columns in self._fetch(statement, connection, values)]

    def first(self, **values: Any) -> Row | None:
        """The first row; None if there is none."""
        return next(iter(self(**values)), None)

    def one(self, **values: Any) -> Row:
        """The only row. Raises the model's DoesNotExist if there is none."""
        found = self.first(**values)
        if found is None:
            raise self._shape(self._statement(connections[DEFAULT_DB_ALIAS])).model.DoesNotExist
        return found

    def _shape_of(self, compiler: SQLCompiler) -> _Shape | None:
        return _Shape.of(compiler)

    @staticmethod
    def _shape(statement: _Statement) -> _Shape:
        if statement.shape is None:
            raise TypeError("The query gives values: it is a PreparedQuery.")
        return statement.shape


@dataclass(frozen=True, slots=True)
class _Part:
    """One of several querysets in a statement: its own SQL, and how its rows are made of the statement's."""

    sql: str
    values: Sequence[Any]
    columns: dict[tuple[str, int], str]
    """Names by kind and number: the first text, the second text, the first moment."""
    converters: Converters
    shape: _Shape | None
    is_ordered: bool

    @classmethod
    def of(cls, rows: QuerySet[Any, Any], connection: BaseDatabaseWrapper) -> _Part:
        compiler = rows.query.get_compiler(connection=connection)
        sql, values = compiler.as_sql(with_col_aliases=True)
        seen: Counter[str] = Counter()
        columns = {}
        for column, _, alias in compiler.select[: compiler.col_count]:
            # On SQLite, too, a column says what it is: days and moments are both texts, and read otherwise.
            kind = column.output_field.db_type(connection)
            columns[kind, seen[kind]] = connection.ops.quote_name(alias)
            seen[kind] += 1
        shape = _Shape.of(compiler) if rows.query.default_cols else None
        return cls(sql, values, columns, _converters_of(compiler), shape, bool(rows.ordered))


class PreparedTogether:
    """Several querysets, of rows or of values, asked in one query:

        _STORY = PreparedTogether(
            lambda case: (
                Offer.objects.filter(case=case).select_related("professor"),
                LogEntry.objects.filter(case=case).order_by("number"),
            ),
            case=BigIntegerField(),
        )
        offers, log = _STORY(case=7)

    Each comes in its own order. Columns of the same kind share a place, so that rows stay narrow.
    """

    def __init__(
        self,
        build: Callable[..., Sequence[QuerySet[Any, Any]]],
        **kinds: Field[Any, Any] | Many,
    ) -> None:
        self._build = build
        self._parameters = {name: Parameter(name, kind) for name, kind in kinds.items()}
        self._statements: dict[str, _Together] = {}

    def __call__(self, **values: Any) -> list[list[Any]]:
        """The rows of each. Wants a value for every parameter."""
        connection = connections[DEFAULT_DB_ALIAS]
        statement = self._statements.get(connection.vendor)
        if statement is None:
            built = self._build(**self._parameters)
            statement = _Together.of(built, connection).lasting()
            self._statements[connection.vendor] = statement
        return statement.rows(values, connection)


def together(*querysets: QuerySet[Any, Any]) -> list[list[Any]]:
    """The rows of each of these, in one query. What they prefetch is not."""
    connection = connections[DEFAULT_DB_ALIAS]
    return _Together.of(querysets, connection).rows({}, connection)


@dataclass(frozen=True, slots=True)
class _Together:
    """A statement of several parts. A part that cannot have any row is None."""

    worded: _Worded | None
    """None where no part can have a row."""
    parts: Sequence[_Part | None]
    places: Sequence[Sequence[int]]
    """Of each part, where in a row of the statement its columns stand."""

    @classmethod
    def of(
        cls, querysets: Sequence[QuerySet[Any, Any]], connection: BaseDatabaseWrapper
    ) -> _Together:
        parts = [_part(rows, connection) for rows in querysets]
        columns = list(dict.fromkeys(key for part in parts if part for key in part.columns))
        worded: list[str] = []
        for number, part in enumerate(parts):
            if part:
                worded.append(_worded(number, part, columns, connection, is_first=not worded))
        asked = [value for part in parts if part for value in part.values]
        return cls(
            _Worded.of(" UNION ALL ".join(worded), asked) if worded else None,
            parts,
            [
                [_BEFORE + columns.index(key) for key in part.columns] if part else []
                for part in parts
            ],
        )

    def lasting(self) -> _Together:
        """The same, to be asked again."""
        return replace(self, worded=self.worded and self.worded.lasting())

    def rows(self, values: dict[str, Any], connection: BaseDatabaseWrapper) -> list[list[Any]]:
        found: list[list[Sequence[Any]]] = [[] for _ in self.parts]
        if self.worded:
            asked = self.worded.values(values, connection)
            with connection.cursor() as cursor:
                cursor.execute(self.worded.sql, asked)
                for row in cursor.fetchall():
                    found[row[0]].append(row)
        return [
            self._made(part, places, rows, connection) if part else []
            for part, places, rows in zip(self.parts, self.places, found, strict=True)
        ]

    @staticmethod
    def _made(
        part: _Part,
        places: Sequence[int],
        rows: list[Sequence[Any]],
        connection: BaseDatabaseWrapper,
    ) -> list[Any]:
        if part.is_ordered:
            rows.sort(key=itemgetter(1))
        own = [[row[place] for place in places] for row in rows]
        made = _converted(own, part.converters, connection)
        return [part.shape.row(row) for row in made] if part.shape else list(made)


_BEFORE = 2
"""Columns before those of the parts: of which part a row is, and which of it."""


def _part(rows: QuerySet[Any, Any], connection: BaseDatabaseWrapper) -> _Part | None:
    try:
        return _Part.of(rows, connection)
    except EmptyResultSet:
        return None


def _worded(
    number: int,
    part: _Part,
    columns: Sequence[tuple[str, int]],
    connection: BaseDatabaseWrapper,
    *,
    is_first: bool,
) -> str:
    # PostgreSQL wants to know the kind of a column also where it is empty, and learns it from the first part.
    says_kind = is_first and connection.vendor == "postgresql"
    nothing = "CAST(NULL AS {})" if says_kind else "NULL"
    place = "row_number() OVER ()" if part.is_ordered else "0"
    own = [part.columns.get(key) or nothing.format(key[0]) for key in columns]
    return f"SELECT {number}, {place}, {', '.join(own)} FROM ({part.sql}) part"  # noqa: S608
