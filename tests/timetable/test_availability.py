"""Who and what is free: diaries of professors and of rooms."""

import datetime as dt
import uuid

import pytest

from tests.factories import (
    AbsenceFactory,
    AvailabilityFactory,
    HoldFactory,
    MeetingFactory,
    at,
    small_institute,
)
from timetable.availability import Diaries, EngagementKind, RoomDiary, day_span, week_span


@pytest.fixture
def house(db):
    return small_institute()


def diary(house, code, start="2027-03-02 00:00", end="2027-03-03 00:00", **but_for):
    professor = house.professors[code]
    diaries = Diaries.load(house.institute, [professor.pk], at(start), at(end), **but_for)
    return [
        (e.kind.value, f"{house.institute.local(e.starts_at):%d %H:%M}")
        for e in diaries.of(professor.pk)
    ]


def test_led_and_co_taught_meetings_are_in_the_diary(house):
    assert diary(house, "DAN") == [("teaching", "02 11:00"), ("teaching", "02 14:00")]


def test_everything_that_keeps_somebody_busy_is_in_the_diary(house):
    eve = house.professors["EVE"]
    AvailabilityFactory(professor=eve, weekday=2, starts=dt.time(8), ends=dt.time(10))
    AvailabilityFactory(
        professor=eve, weekday=2, starts=dt.time(12), ends=dt.time(13), kind="avoid"
    )
    AbsenceFactory(professor=eve, starts_at=at("2027-03-02 15:00"), ends_at=at("2027-03-02 16:00"))
    HoldFactory(professor=eve, starts_at=at("2027-03-02 17:00"), ends_at=at("2027-03-02 18:00"))
    assert diary(house, "EVE") == [
        ("unavailable", "02 08:00"),
        ("avoid", "02 12:00"),
        ("absent", "02 15:00"),
        ("held", "02 17:00"),
    ]


def test_withdrawn_absences_and_meetings_that_do_not_hold_are_not(house):
    AbsenceFactory(professor=house.professors["BEN"], withdrawn_at=at("2027-03-01 09:00"))
    for meeting in house.meetings.values():
        meeting.status = "postponed"
        meeting.save(update_fields=["status"])
    assert diary(house, "BEN") == []


def test_ones_own_case_is_no_obstacle_to_it(house):
    case = uuid.uuid4()
    HoldFactory(professor=house.professors["BEN"], case_uid=case)
    meeting = house.meetings["PHYS.A", "2027-03-02"]
    assert diary(house, "BEN", but_for_case=case, but_for_meeting=meeting.pk) == []


def test_back_to_back_is_no_clash_and_one_minute_is(house):
    ben = house.professors["BEN"].pk
    diaries = Diaries.load(house.institute, [ben], at("2027-03-02 00:00"), at("2027-03-03 00:00"))
    assert diaries.clash(ben, at("2027-03-02 12:30"), at("2027-03-02 14:00")) is None
    assert diaries.clash(ben, at("2027-03-02 10:00"), at("2027-03-02 11:00")) is None
    found = diaries.clash(ben, at("2027-03-02 12:29"), at("2027-03-02 14:00"))
    assert found.kind is EngagementKind.TEACHING


def test_long_diaries_are_searched_like_short_ones(house):
    ben = house.professors["BEN"]
    AbsenceFactory(professor=ben, starts_at=at("2027-03-10 00:00"), ends_at=at("2027-03-20 00:00"))
    for n in range(40):
        start = at("2027-03-04 08:00") + dt.timedelta(hours=12 * n)
        MeetingFactory(
            offering=house.classes["PHYS.B"],
            planned_room=None,
            planned_starts_at=start,
            planned_ends_at=start + dt.timedelta(hours=1),
            overlap_tolerated=True,
        )
    first, last = at("2027-03-01 00:00"), at("2027-04-01 00:00")
    diaries = Diaries.load(house.institute, [ben.pk], first, last)
    moment = first
    while moment < last:
        end = moment + dt.timedelta(minutes=50)
        expected = [e for e in diaries.of(ben.pk) if e.starts_at < end and moment < e.ends_at]
        assert (diaries.clash(ben.pk, moment, end) is None) == (not expected)
        moment += dt.timedelta(minutes=37)


def test_rooms_are_busy_with_meetings_and_holds(house):
    room = house.rooms["R1"]
    HoldFactory(
        professor=house.professors["EVE"],
        room=room,
        starts_at=at("2027-03-02 15:00"),
        ends_at=at("2027-03-02 16:00"),
    )
    spans = [(at("2027-03-02 08:00"), at("2027-03-02 18:00"))]
    rooms = RoomDiary.load(house.institute, spans)
    free = {
        f"{hour:02}": rooms.is_free(
            room.pk, at(f"2027-03-02 {hour:02}:00"), at(f"2027-03-02 {hour + 1:02}:00")
        )
        for hour in range(8, 18)
    }
    assert [hour for hour, is_free in free.items() if is_free] == ["08", "13", "14", "16", "17"]


def test_days_and_weeks_are_those_of_the_institute(house):
    late = at("2027-03-07 23:30")
    assert day_span(house.institute, late) == (at("2027-03-07 00:00"), at("2027-03-08 00:00"))
    assert week_span(house.institute, late) == (at("2027-03-01 00:00"), at("2027-03-08 00:00"))
    # The week in which the clocks go forward is an hour shorter.
    first, last = week_span(house.institute, at("2027-03-28 12:00"))
    assert last - first == dt.timedelta(days=7) - dt.timedelta(hours=1)
