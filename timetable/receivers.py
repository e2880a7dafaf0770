"""What happens whenever a connection to the database is opened."""

from __future__ import annotations

import select
from functools import cache
from typing import Any, cast

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver
from psycopg.abc import Loader
from psycopg.pq import Format

from .prepared import Lasting

PLANS_KEPT = 1000
"""A worker asks some hundred different questions; psycopg by itself forgets all but the last hundred."""

MOMENT = psycopg.adapters.types["timestamptz"].oid


@receiver(connection_created)
def keep_plans(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Let a connection to PostgreSQL remember the plans of all its statements: see the settings."""
    if connection.vendor == "postgresql":
        connection.connection.prepared_max = PLANS_KEPT


@receiver(connection_created)
def be_quick(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Let its cursors read moments with the driver's own loader, and plan for good what will be asked again.

    Django's loader is written in Python, because it also serves connections whose time zone is not UTC. Ours
    always is. Fifty cases have a thousand moments, each of which took four microseconds and takes a quarter.

    Any other statement is planned anew until it has come a few times; of those that are worded once it is
    known that they will.
    """
    if connection.vendor == "postgresql":
        connection.connection.cursor_factory = _quick(connection.connection.cursor_factory)


@receiver(connection_created)
def look_before_asking(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Let a kept connection be tried by a question only where there is something to hear on it.

    Whenever a request takes it up, Django asks the server for nothing but an answer. A server that has ended
    the connection has said so by then; where nothing has come, the question would tell no more than the next
    one that is asked anyway.
    """
    if connection.vendor == "postgresql":
        ask = type(connection).is_usable
        connection.is_usable = lambda: _is_silent(connection) or ask(connection)  # type: ignore[method-assign]


def _is_silent(connection: BaseDatabaseWrapper) -> bool:
    """Whether it is open, and nothing has come on it that nobody asked for, such as a farewell."""
    opened = connection.connection
    if opened is None or opened.closed:
        return False
    poll = select.poll()
    poll.register(opened.fileno(), select.POLLIN)
    return not poll.poll(0)


@cache
def _quick(factory: type[psycopg.Cursor[Any]]) -> type[psycopg.Cursor[Any]]:
    loader = cast("type[Loader]", psycopg.adapters.get_loader(MOMENT, Format.TEXT))

    class QuickCursor(factory):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.adapters.register_loader(MOMENT, loader)

        def execute(
            self, query: Any, params: Any = None, *, prepare: bool | None = None, **kwargs: Any
        ) -> Any:
            lasts = isinstance(query, Lasting) or prepare
            return super().execute(query, params, prepare=lasts, **kwargs)

    return QuickCursor
