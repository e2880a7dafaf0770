"""What happens whenever a connection to the database is opened."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver

PLANS_KEPT = 1000
"""A worker asks some hundred different questions; psycopg by itself forgets all but the last hundred."""


@receiver(connection_created)
def keep_plans(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Let a connection to PostgreSQL remember the plans of all its statements: see the settings."""
    if connection.vendor == "postgresql":
        connection.connection.prepared_max = PLANS_KEPT
