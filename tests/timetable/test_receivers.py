"""What a connection to the database is told when it opens."""

import datetime as dt
import time

import psycopg
import pytest
from django.db import connection, connections
from psycopg.pq import Format

from timetable import receivers


@pytest.mark.postgresql
@pytest.mark.django_db
def test_a_moment_is_read_in_utc_by_the_drivers_own_loader():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT '2027-03-28 03:30:00.00025+02'::timestamptz, '1900-01-01 00:00+00'::timestamptz"
        )
        found = cursor.fetchone()
        loader = cursor.cursor.adapters.get_loader(receivers.MOMENT, Format.TEXT)

    assert found == (
        dt.datetime(2027, 3, 28, 1, 30, 0, 250, tzinfo=dt.UTC),
        dt.datetime(1900, 1, 1, tzinfo=dt.UTC),
    )
    assert {moment.utcoffset() for moment in found} == {dt.timedelta(0)}
    assert loader is psycopg.adapters.get_loader(receivers.MOMENT, Format.TEXT)


@pytest.fixture
def kept():
    """A connection of its own, as a thread of the web keeps one."""
    opened = connections.create_connection("default")
    opened.connect()
    yield opened
    opened.close()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_kept_connection_is_not_asked_whether_it_still_stands(kept, monkeypatch):
    def asked(*_args, **_kwargs):
        raise AssertionError("It was asked.")

    with monkeypatch.context() as patched:
        patched.setattr(kept.connection, "cursor", asked)
        assert kept.is_usable()
    with kept.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_kept_connection_that_the_server_has_ended_is_opened_anew(kept):
    with kept.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (ended,) = cursor.fetchone()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [ended])
        assert cursor.fetchone() == (True,)

    assert not kept.is_usable()
    kept.health_check_enabled, kept.health_check_done = True, False
    with kept.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() != (ended,)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_kept_connection_on_which_the_server_has_spoken_is_asked(kept):
    with kept.cursor() as cursor:
        cursor.execute("LISTEN noon")
    with connection.cursor() as cursor:
        cursor.execute("NOTIFY noon")
    until = time.monotonic() + 10
    while receivers._is_silent(kept) and time.monotonic() < until:
        time.sleep(0.02)

    assert not receivers._is_silent(kept)
    assert kept.is_usable()
    assert receivers._is_silent(kept)
