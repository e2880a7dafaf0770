"""What happens whenever a connection to the database is opened."""

from __future__ import annotations

import select
import time
from functools import cache
from typing import Any, cast

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver
from psycopg.abc import Loader
from psycopg.pq import Format, TransactionStatus

from .prepared import Lasting

PLANS_KEPT = 1000
"""A worker asks some hundred different questions; psycopg by itself forgets all but the last hundred."""

A_WHILE = 30
"""Seconds. Whatever forgets a quiet connection does so after minutes."""

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
def ask_seldom(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Let a kept connection be tried by a question once in a while, not for each request that takes it up.

    A server that ends a connection says so on it. What dies in silence, behind a firewall that forgets, has
    been quiet for longer than a while. After an error Django asks in any case.
    """
    if connection.vendor == "postgresql":
        connection.is_usable = _Health(connection).is_good  # type: ignore[method-assign]


class _Health:
    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        self._asked_at = time.monotonic()

    def is_good(self) -> bool:
        """What `is_usable` says of the connection."""
        now = time.monotonic()
        if now - self._asked_at < A_WHILE and self._is_at_rest():
            return True
        is_good = type(self._connection).is_usable(self._connection)
        if is_good:
            self._asked_at = now
        return bool(is_good)

    def _is_at_rest(self) -> bool:
        """Whether it is open, without a fault, and nothing has come on it that nobody asked for."""
        opened = self._connection.connection
        if self._connection.errors_occurred or opened is None or opened.closed:
            return False
        if opened.info.transaction_status != TransactionStatus.IDLE or not hasattr(select, "poll"):
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
