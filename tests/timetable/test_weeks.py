"""Week patterns, the calendar of a term, and wall-clock times on dated days."""

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import ClosureFactory, TermFactory
from timetable.weeks import (
    EVEN_WEEKS,
    EVERY_WEEK,
    ODD_WEEKS,
    BadWeeks,
    TermCalendar,
    WeekPattern,
    parse_weeks,
    span,
)

MONDAY = dt.date(2027, 1, 4)
TERM = TermCalendar(MONDAY, dt.date(2027, 4, 25))
VIENNA = zoneinfo.ZoneInfo("Europe/Vienna")


def utc(text):
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("written", "weeks"),
    [
        ("", [*range(1, 17)]),
        ("odd", [1, 3, 5, 7, 9, 11, 13, 15]),
        ("even", [2, 4, 6, 8, 10, 12, 14, 16]),
        ("1-6;8;10-15", [1, 2, 3, 4, 5, 6, 8, 10, 11, 12, 13, 14, 15]),
        ("3", [3]),
        ("2; 4-5", [2, 4, 5]),
    ],
)
def test_a_pattern_means_these_weeks(written, weeks):
    pattern = parse_weeks(written)
    assert [week for week in range(1, 17) if week in pattern] == weeks


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("odds", "“odds” is neither odd, even nor a list like 1-6;8;10-15"),
        ("1,2", "“1,2” is neither odd, even nor a list like 1-6;8;10-15"),
        ("1;;2", "“1;;2” is neither odd, even nor a list like 1-6;8;10-15"),
        ("-3", "“-3” is neither odd, even nor a list like 1-6;8;10-15"),
        ("0", "weeks are counted from 1"),
        ("6-1", "“6-1” ends before it starts"),
        ("999", "week 999 is beyond any term"),
        ("1-9999", "“1-9999” is neither odd, even nor a list like 1-6;8;10-15"),
    ],
)
def test_a_bad_pattern_says_why(written, reason):
    with pytest.raises(BadWeeks) as error:
        parse_weeks(written)
    assert str(error.value) == reason


def test_a_pattern_knows_the_latest_week_that_it_names():
    assert [p.latest_named for p in (EVERY_WEEK, ODD_WEEKS, EVEN_WEEKS)] == [0, 0, 0]
    assert parse_weeks("1-6;8").latest_named == 8


def test_weeks_are_counted_from_the_first_day_of_the_term_whatever_its_weekday():
    term = TermCalendar(dt.date(2027, 1, 6), dt.date(2027, 1, 27))  # both Wednesdays
    assert term.weeks == 4
    assert term.week_of(dt.date(2027, 1, 12)) == 1
    assert term.week_of(dt.date(2027, 1, 13)) == 2
    assert list(term.dates(1)) == [dt.date(2027, 1, day) for day in (11, 18, 25)]
    assert list(term.dates(3)) == [dt.date(2027, 1, day) for day in (6, 13, 20, 27)]
    assert list(term.dates(1, ODD_WEEKS)) == [dt.date(2027, 1, 11), dt.date(2027, 1, 25)]


def test_no_class_meets_on_a_closed_day():
    term = TermCalendar.of(
        MONDAY,
        dt.date(2027, 1, 31),
        [(dt.date(2027, 1, 11), dt.date(2027, 1, 18)), (dt.date(2027, 1, 31), dt.date(2030, 1, 1))],
    )
    assert list(term.dates(1)) == [MONDAY, dt.date(2027, 1, 25)]
    assert list(term.dates(7)) == [dt.date(2027, 1, 10), dt.date(2027, 1, 24)]


@pytest.mark.django_db
def test_the_calendar_of_a_term_knows_its_closures():
    term = TermFactory()
    ClosureFactory(term=term, starts_on=dt.date(2027, 3, 29))
    assert TermCalendar.of_term(term) == TermCalendar(
        term.starts_on, term.ends_on, frozenset({dt.date(2027, 3, 29)})
    )


patterns = st.one_of(
    st.sampled_from([EVERY_WEEK, ODD_WEEKS, EVEN_WEEKS]),
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9)), min_size=1, max_size=3).map(
        lambda found: WeekPattern(tuple((first, first + more) for first, more in found))
    ),
)


@given(
    starts_on=st.dates(dt.date(2026, 1, 1), dt.date(2028, 1, 1)),
    length=st.integers(0, 250),
    weekday=st.integers(1, 7),
    pattern=patterns,
    closed=st.sets(st.integers(0, 250), max_size=5),
)
def test_dates_are_those_days_of_the_term_that_fit(starts_on, length, weekday, pattern, closed):
    all_days = [starts_on + dt.timedelta(days=n) for n in range(length + 1)]
    calendar = TermCalendar(
        starts_on, all_days[-1], frozenset(starts_on + dt.timedelta(days=n) for n in closed)
    )
    expected = [
        day
        for n, day in enumerate(all_days)
        if day.isoweekday() == weekday and n not in closed and n // 7 + 1 in pattern
    ]
    assert list(calendar.dates(weekday, pattern)) == expected
    assert all(day in calendar for day in expected)


def test_a_slot_keeps_its_clock_time_when_the_clocks_change():
    nine, ten = dt.time(9), dt.time(10)
    before = span(dt.date(2027, 3, 27), nine, ten, VIENNA)
    after = span(dt.date(2027, 3, 28), nine, ten, VIENNA)
    assert before == (utc("2027-03-27 08:00"), utc("2027-03-27 09:00"))
    assert after == (utc("2027-03-28 07:00"), utc("2027-03-28 08:00"))


@pytest.mark.parametrize(
    ("day", "starts", "ends", "expected"),
    [
        # 02:00–03:00 does not exist on this day.
        ("2027-03-28", dt.time(1, 30), dt.time(2, 30), ("2027-03-28 00:30", "2027-03-28 01:30")),
        ("2027-03-28", dt.time(2, 30), dt.time(3), ("2027-03-28 01:30", "2027-03-28 02:00")),
        ("2027-03-28", dt.time(2, 30), dt.time(5), ("2027-03-28 01:30", "2027-03-28 03:00")),
        # 02:00–03:00 comes twice on this one.
        ("2027-10-31", dt.time(2, 30), dt.time(3), ("2027-10-31 00:30", "2027-10-31 02:00")),
        ("2027-10-31", dt.time(1), dt.time(2, 30), ("2027-10-30 23:00", "2027-10-31 00:30")),
    ],
)
def test_a_slot_in_the_hour_of_the_change_still_has_a_start_and_a_later_end(
    day, starts, ends, expected
):
    found = span(dt.date.fromisoformat(day), starts, ends, VIENNA)
    assert found == tuple(map(utc, expected))


@given(
    day=st.dates(dt.date(2020, 1, 1), dt.date(2030, 12, 31)),
    starts=st.integers(0, 1438),
    length=st.integers(1, 1439),
    zone=st.sampled_from(
        ["Europe/Vienna", "Africa/Cairo", "Asia/Beirut", "Australia/Lord_Howe", "America/Santiago"]
    ),
)
def test_every_span_ends_after_it_starts(day, starts, length, zone):
    ends = min(starts + length, 1439)
    first, last = span(
        day, dt.time(*divmod(starts, 60)), dt.time(*divmod(ends, 60)), zoneinfo.ZoneInfo(zone)
    )
    assert first < last
