"""Processes of their own, for what cannot be seen from inside: their database, their environment."""

import contextlib
import os
import sqlite3
import subprocess
import sys

from django.conf import settings
from django.db import connection

MANAGE = [sys.executable, str(settings.BASE_DIR / "manage.py")]


def environment(database, **more):
    """The tests' environment with this SQLite file as the database."""
    return {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{database}",
        "SECRET_KEY": settings.SECRET_KEY,
        **more,
    }


def make_database(path):
    """An SQLite file with the tables: copied from the tests' own, or where that is none, migrated."""
    if connection.vendor != "sqlite":
        migrate = [*MANAGE, "migrate", "--verbosity=0"]
        subprocess.run(migrate, env=environment(path), check=True)
        return
    connection.ensure_connection()
    with contextlib.closing(sqlite3.connect(path)) as copy:
        copy.executescript("\n".join(connection.connection.iterdump()))
