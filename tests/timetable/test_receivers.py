"""What a connection to the database is told when it opens."""

import datetime as dt

import psycopg
import pytest
from django.db import connection
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
