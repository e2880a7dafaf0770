"""What the commands of manage.py have in common."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _


class DatabaseCommand(BaseCommand):
    """A command that reads or writes tables: where they are not there yet, it says how they come."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except DatabaseError as error:
            if not _is_behind():
                raise
            raise CommandError(
                _("The database is not ready for this release: run `manage.py migrate` first.")
            ) from error


def _is_behind() -> bool:
    """Whether a migration has not been run. False where the database cannot be asked: it is not that."""
    try:
        executor = MigrationExecutor(connection)
        return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError:
        return False
