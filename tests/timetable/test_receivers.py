"""What a connection to the database is told when it opens."""

import datetime as dt
import os
import socket
import time
from types import SimpleNamespace

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


@pytest.fixture
def later(monkeypatch):
    """A call that lets so many seconds pass on the clock of `receivers`."""
    passed = [0.0]
    monkeypatch.setattr(receivers, "time", SimpleNamespace(monotonic=lambda: passed[0]))

    def wait(seconds):
        passed[0] += seconds

    return wait


@pytest.fixture
def asked(kept):
    """What the connection has been asked by itself since."""
    questions = []
    factory = kept.connection.cursor_factory

    class Heard(factory):
        def execute(self, query, *args, **kwargs):
            questions.append(str(query))
            return super().execute(query, *args, **kwargs)

    kept.connection.cursor_factory = Heard
    return questions


def taken_up(connection):
    """As by a request: with a look at its health first."""
    connection.health_check_enabled, connection.health_check_done = True, False
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_kept_connection_is_asked_whether_it_still_stands_once_in_a_while(later, kept, asked):
    first = taken_up(kept)
    later(receivers.A_WHILE - 1)
    assert taken_up(kept) == first
    assert asked == ["SELECT pg_backend_pid()"] * 2
    later(1)
    assert [taken_up(kept), taken_up(kept)] == [first] * 2
    assert asked[2:] == ["SELECT 1", "SELECT pg_backend_pid()", "SELECT pg_backend_pid()"]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_kept_connection_that_the_server_has_ended_is_opened_anew(kept):
    ended = taken_up(kept)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [ended])
        assert cursor.fetchone() == (True,)
    assert not kept.is_usable()
    assert taken_up(kept) != ended


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_kept_connection_that_has_died_in_silence_is_opened_anew_after_a_while(later, kept):
    """As behind a firewall that has forgotten it: to this end nothing was said."""
    taken_up(kept)
    here, there = socket.socketpair()
    os.dup2(here.fileno(), kept.connection.fileno())
    assert kept.is_usable()
    later(receivers.A_WHILE)
    there.close()
    here.close()
    assert not kept.is_usable()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_kept_connection_on_which_the_server_has_spoken_is_asked(kept, asked):
    with kept.cursor() as cursor:
        cursor.execute("LISTEN noon")
    with connection.cursor() as cursor:
        cursor.execute("NOTIFY noon")
    until = time.monotonic() + 10
    while "SELECT 1" not in asked and time.monotonic() < until:
        assert kept.is_usable()
    assert asked == ["LISTEN noon", "SELECT 1"]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_kept_connection_is_asked_after_an_error_and_amid_a_transaction(kept, asked):
    kept.errors_occurred = True
    assert kept.is_usable()
    kept.errors_occurred = False
    kept.set_autocommit(False)
    with kept.cursor() as cursor:
        cursor.execute("SELECT 2")
    assert kept.is_usable()
    kept.rollback()
    kept.set_autocommit(True)
    assert asked == ["SELECT 1", "SELECT 2", "SELECT 1"]
