"""The time budget: windows in waking hours, scaled together when time is short."""

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reallocation.policy import BEFORE_THE_CLASS, Budget, Stage, WakingClock, Waves, Window
from tests.factories import at

ZONE = zoneinfo.ZoneInfo("Europe/Vienna")
CLOCK = WakingClock(ZONE, dt.time(7), dt.time(22))
HOUR = dt.timedelta(hours=1)
WINDOWS = {
    Stage.DIRECT: 4 * HOUR,
    Stage.SECTION: 6 * HOUR,
    Stage.CHOOSE: 4 * HOUR,
    Stage.ANSWER: 4 * HOUR,
    Stage.VOTE: 12 * HOUR,
    Stage.SLOT: 24 * HOUR,
    Stage.WEEKEND: 24 * HOUR,
}
FLOOR = dt.timedelta(minutes=10)


def budget(deadline):
    return Budget(WINDOWS, FLOOR, CLOCK, at(deadline))


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2027-03-01 09:00", "2027-03-01 12:00", 3),
        ("2027-03-01 20:00", "2027-03-02 08:00", 3),
        ("2027-03-01 23:00", "2027-03-02 06:00", 0),
        ("2027-03-01 06:00", "2027-03-01 23:30", 15),
        ("2027-03-01 00:00", "2027-03-08 00:00", 7 * 15),
        ("2027-03-01 12:00", "2027-03-01 09:00", 0),
    ],
)
def test_waking_time_between_two_moments(start, end, hours):
    assert CLOCK.between(at(start), at(end)) == hours * HOUR


def test_night_and_summer_time_do_not_count():
    # The clocks go forward at two in the night to Sunday 2027-03-28.
    assert CLOCK.between(at("2027-03-27 21:00"), at("2027-03-28 08:00")) == 2 * HOUR
    assert CLOCK.after(at("2027-03-27 21:00"), 2 * HOUR) == at("2027-03-28 08:00")


@given(
    start=st.datetimes(dt.datetime(2027, 3, 1), dt.datetime(2027, 4, 15)),
    minutes=st.integers(1, 60 * 100),
)
def test_after_undoes_between(start, minutes):
    start = start.replace(tzinfo=dt.UTC)
    span = dt.timedelta(minutes=minutes)
    assert CLOCK.between(start, CLOCK.after(start, span)) == span


def test_windows_are_whole_when_there_is_time():
    window = budget("2027-03-08 09:00").window(Stage.DIRECT, at("2027-03-01 09:00"))
    assert window.closes_at == at("2027-03-01 13:00")


def test_window_pauses_for_the_night():
    window = budget("2027-03-08 09:00").window(Stage.DIRECT, at("2027-03-01 20:00"))
    assert window.closes_at == at("2027-03-02 09:00")


def test_all_windows_left_shrink_by_the_same_factor():
    # From 09:00 to 08:00 the next day there are 14 waking hours for 30 hours of windows.
    now, later = at("2027-03-01 09:00"), budget("2027-03-02 08:00")
    direct = later.window(Stage.DIRECT, now)
    assert direct.length == 4 * HOUR * (14 / 30)
    section = later.window(Stage.SECTION, direct.closes_at)
    assert abs(section.length - 6 * HOUR * (14 / 30)) < dt.timedelta(milliseconds=1)


def test_window_under_its_floor_is_not_opened():
    assert budget("2027-03-01 09:30").window(Stage.DIRECT, at("2027-03-01 09:00")) is None
    assert budget("2027-03-01 09:00").window(Stage.VOTE, at("2027-03-01 09:00")) is None


def test_the_night_counts_when_the_class_comes_before_the_morning():
    # Filed at 23:00 for a class at 08:00: an hour less notice is all night and no waking time.
    window = budget("2027-03-02 07:00").window(Stage.SECTION, at("2027-03-01 23:00"))
    assert window.waking is None
    assert window.length == 8 * HOUR * (6 / 26)


@given(
    start=st.datetimes(dt.datetime(2027, 3, 1), dt.datetime(2027, 3, 31)),
    ahead=st.integers(1, 60 * 24 * 14),
)
def test_no_window_closes_after_the_deadline_and_all_fit_one_after_the_other(start, ahead):
    now = start.replace(tzinfo=dt.UTC)
    deadline = now + dt.timedelta(minutes=ahead)
    left = Budget(WINDOWS, FLOOR, CLOCK, deadline)
    for stage in BEFORE_THE_CLASS:
        window = left.window(stage, now)
        if window is not None:
            assert window.length >= FLOOR
            assert window.closes_at <= deadline + dt.timedelta(milliseconds=1)
            now = window.closes_at


class PolicyOf:
    def __init__(self, wave_size):
        self.wave_size, self.window_floor = wave_size, 10


@pytest.mark.parametrize(
    ("people", "minutes", "wave_size", "waves"),
    [
        (7, 360, 3, Waves(size=3, count=3)),
        (7, 360, 0, Waves(size=7, count=1)),
        (1, 360, 3, Waves(size=1, count=1)),
        (30, 30, 3, Waves(size=10, count=3)),
        (9, 12, 3, Waves(size=9, count=1)),
    ],
)
def test_waves_are_small_but_never_shorter_than_the_floor(people, minutes, wave_size, waves):
    window = Window(at("2027-03-01 09:00"), dt.timedelta(minutes=minutes), None)
    assert Waves.of(people, window, PolicyOf(wave_size)) == waves


@given(
    now=st.datetimes(dt.datetime(2027, 3, 1), dt.datetime(2027, 3, 4)),
    later=st.integers(0, 60 * 72),
    stage=st.sampled_from(list(Stage)),
)
def test_no_window_is_longer_than_what_was_said_at_most(now, later, stage):
    """However much later it opens, and in which clock."""
    now = now.replace(tzinfo=dt.UTC)
    ahead = budget("2027-03-03 09:00")
    opened = ahead.window(stage, now + dt.timedelta(minutes=later))
    at_most = ahead.at_most(stage, now)
    assert opened is None or (at_most is not None and opened.length <= at_most)
