"""What changes about a meeting: booked, postponed, dropped, and never in two places at once."""

import datetime as dt
import uuid

import pytest
from django.db import IntegrityError, transaction

from tests.factories import HoldFactory, MeetingFactory, TeachingFactory, at, small_institute
from timetable import meetings
from timetable.enums import MeetingChange, MeetingStatus
from timetable.models import Hold, Meeting


@pytest.fixture
def house(db):
    return small_institute()


def book(house, meeting, **changes):
    place = {
        "professor": meeting.professor,
        "starts_at": meeting.starts_at,
        "ends_at": meeting.ends_at,
        "room": meeting.room,
    }
    with transaction.atomic():
        return meetings.book(meeting.pk, **{**place, **changes})


def planned(meeting):
    return (
        meeting.planned_professor_id,
        meeting.planned_room_id,
        meeting.planned_starts_at,
        meeting.planned_ends_at,
    )


def test_substituting_changes_what_holds_and_not_the_plan(house):
    meeting = house.meetings["MATH.A", "2027-03-02"]
    plan = planned(meeting)
    booked = book(house, meeting, professor=house.professors["EVE"])
    assert (booked.professor.code, booked.change, booked.revision) == (
        "EVE",
        MeetingChange.SUBSTITUTED,
        1,
    )
    assert planned(Meeting.objects.get(pk=meeting.pk)) == plan


def test_moving_frees_the_old_place_and_takes_the_new_one(house):
    meeting = house.meetings["MATH.A", "2027-03-02"]
    start = at("2027-03-04 14:00")
    booked = book(
        house,
        meeting,
        starts_at=start,
        ends_at=start + dt.timedelta(minutes=90),
        room=house.rooms["R2"],
    )
    assert (booked.change, booked.starts_at) == (MeetingChange.MOVED, start)
    assert not Meeting.objects.holding().overlapping(
        meeting.planned_starts_at, meeting.planned_ends_at
    )


@pytest.mark.parametrize("what", ["professor", "room", "co_teacher", "hold"])
def test_nothing_is_booked_where_somebody_or_something_is_taken(house, what):
    meeting = house.meetings["MATH.A", "2027-03-02"]
    start = at("2027-03-02 11:00")
    professor, room = meeting.professor, house.rooms["R3"]
    if what == "professor":
        professor = house.professors["BEN"]
    elif what == "room":
        room = house.rooms["R1"]
    elif what == "co_teacher":
        TeachingFactory(offering=meeting.offering, professor=house.professors["BEN"], position=1)
    else:
        HoldFactory(professor=professor, starts_at=start, ends_at=start + dt.timedelta(hours=1))
    with pytest.raises(meetings.Clash):
        book(
            house,
            meeting,
            professor=professor,
            room=room,
            starts_at=start,
            ends_at=start + dt.timedelta(minutes=90),
        )
    assert Meeting.objects.get(pk=meeting.pk).revision == 0


def test_the_own_hold_is_no_obstacle_and_is_released(house):
    meeting, case = house.meetings["MATH.A", "2027-03-02"], uuid.uuid4()
    eve = house.professors["EVE"]
    meetings.hold(meeting, case_uid=case, professor=eve)
    book(house, meeting, professor=eve, case_uid=case)
    assert not Hold.objects.exists()


def test_only_what_is_scheduled_occupies(house):
    first = house.meetings["PHYS.A", "2027-03-02"]
    math = house.meetings["MATH.A", "2027-03-02"]
    with transaction.atomic():
        assert meetings.postpone(first.pk).status == MeetingStatus.POSTPONED
    moved = book(
        house,
        math,
        starts_at=first.starts_at,
        ends_at=first.ends_at,
        room=house.rooms["R1"],
    )
    assert moved.room.code == "R1"
    with transaction.atomic():
        assert meetings.drop(first.pk).change == MeetingChange.DROPPED


def test_a_place_is_held_once(house):
    meeting = house.meetings["MATH.A", "2027-03-02"]
    place = {
        "room": house.rooms["R1"],
        "starts_at": at("2027-03-06 09:00"),
        "ends_at": at("2027-03-06 10:30"),
    }
    with transaction.atomic():
        first = meetings.try_hold(
            meeting, case_uid=uuid.uuid4(), professor=house.professors["ADA"], **place
        )
        second = meetings.try_hold(
            meeting, case_uid=uuid.uuid4(), professor=house.professors["EVE"], **place
        )
    assert (first is not None, second) == (True, None)


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("what", "constraint"),
    [
        ("professor", "meeting_professor_in_one_place"),
        ("room", "meeting_room_in_one_use"),
    ],
)
def test_the_database_excludes_double_bookings_itself(house, what, constraint):
    start = at("2027-03-02 11:30")
    other = MeetingFactory(
        offering=house.classes["MATH.A"],
        planned_professor=house.professors["EVE"],
        planned_room=house.rooms["R3"],
        planned_starts_at=start,
        planned_ends_at=start + dt.timedelta(hours=1),
    )
    change = {
        "professor": {"professor": house.professors["BEN"]},
        "room": {"room": house.rooms["R1"]},
    }
    rows = Meeting.objects.filter(pk=other.pk)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        rows.update(**change[what])
    for exempt in ({"overlap_tolerated": True}, {"status": "postponed"}, {"status": "dropped"}):
        with transaction.atomic():
            assert rows.update(**change[what], **exempt) == 1
            transaction.set_rollback(True)
    back_to_back = at("2027-03-02 12:30")
    assert rows.update(
        **change[what], starts_at=back_to_back, ends_at=back_to_back + dt.timedelta(hours=1)
    )
