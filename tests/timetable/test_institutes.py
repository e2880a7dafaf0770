"""The clock of an institute."""

import datetime as dt

import pytest

from timetable.models import Institute


@pytest.mark.parametrize("first", [0, 1])
def test_an_hour_that_comes_twice_is_told_apart_by_its_fold(first):
    berlin, autumn = Institute(timezone="Europe/Berlin"), dt.date(2026, 10, 25)
    found = {
        fold: berlin.moment(autumn, dt.time(2, 30 + first, fold=fold))
        for fold in (first, 1 - first)
    }
    assert found[1] - found[0] == dt.timedelta(hours=1)
    assert [found[0].hour, found[1].hour] == [0, 1]


def test_a_moment_is_read_on_the_institutes_clock():
    berlin = Institute(timezone="Europe/Berlin")
    winter, summer = (berlin.moment(dt.date(2027, month, 2), dt.time(8)) for month in (2, 7))
    assert (winter.hour, summer.hour) == (7, 6)
    assert {berlin.local(moment).time() for moment in (winter, summer)} == {dt.time(8)}
