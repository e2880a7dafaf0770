"""The slot search: complete, ranked, with reasons, whatever the timetable."""

import datetime as dt
import random

import pytest

from reallocation import slots
from reallocation.models import Policy
from reallocation.policy import checkpoint_of
from tests.factories import (
    AbsenceFactory,
    AvailabilityFactory,
    ClosureFactory,
    EnrolmentFactory,
    HoldFactory,
    MeetingFactory,
    OfferingFactory,
    at,
)
from tests.reallocation.brute_force import free_places

EVERY = (1, 2, 3, 4, 5)


def search(flow, case, limit=1000, days=EVERY, **policy):
    rules = Policy(institute=flow.house.institute, **policy)
    return slots.search(
        case, rules, days=days, earliest=flow.now, last_day=dt.date(2027, 3, 12), limit=limit
    )


def starts(found):
    return [option.starts_at for option in found.options]


def test_every_place_is_looked_at_and_the_best_come_first(flow):
    case = flow.case()
    found = search(flow, case)
    assert sorted(starts(found)) == [
        start
        for start, _ in free_places(
            case, days=EVERY, earliest=flow.now, last_day=dt.date(2027, 3, 12)
        )
    ]
    keys = [(o.clashing, round(o.harm, 1), o.starts_at) for o in found.options]
    assert keys == sorted(keys)
    assert [o.rank for o in found.options] == list(range(1, len(keys) + 1))
    assert found.looked_at == len(keys) + sum(found.left_out.values())


@pytest.mark.parametrize("seed", range(12))
def test_search_agrees_with_brute_force_on_crowded_timetables(flow, seed):
    chance = random.Random(seed)  # noqa: S311
    house = flow.house
    case = flow.case()
    everyone = list(house.professors.values())
    for _ in range(120):
        offering = chance.choice(list(house.classes.values()))
        starts_at = at("2027-03-01 09:00") + dt.timedelta(
            days=chance.randrange(12), minutes=30 * chance.randrange(18)
        )
        room = chance.choice([*house.rooms.values(), None])
        MeetingFactory(
            offering=offering,
            planned_professor=chance.choice(everyone),
            planned_room=room,
            planned_starts_at=starts_at,
            planned_ends_at=starts_at + dt.timedelta(minutes=chance.choice([45, 90, 120])),
            overlap_tolerated=True,
            status=chance.choice(["scheduled", "scheduled", "scheduled", "postponed", "dropped"]),
        )
    for _ in range(4):
        start = at("2027-03-03 00:00") + dt.timedelta(hours=chance.randrange(200))
        HoldFactory(
            professor=chance.choice(everyone),
            room=chance.choice([*house.rooms.values(), None]),
            offering=chance.choice(list(house.classes.values())),
            starts_at=start,
            ends_at=start + dt.timedelta(hours=2),
        )
    AvailabilityFactory(professor=house.professors["ADA"], weekday=chance.randrange(1, 6))
    ClosureFactory(
        term=case.meeting.offering.term, starts_on=dt.date(2027, 3, 9), ends_on=dt.date(2027, 3, 9)
    )
    for percent in (0, 40):
        expected = free_places(
            case,
            days=EVERY,
            earliest=flow.now,
            last_day=dt.date(2027, 3, 12),
            clash_percent=percent,
        )
        found = search(flow, case, clash_percent=percent)
        assert sorted((o.starts_at, o.clashing) for o in found.options) == sorted(expected)


def test_the_absence_itself_is_avoided(flow):
    case = flow.case()
    assert not [s for s in starts(search(flow, case)) if s.date() == dt.date(2027, 3, 2)]


def test_too_small_a_room_is_never_used(flow):
    # R1 is the usual room, R2 seats 40, R3 four of the five students.
    case = flow.case()
    taken = [
        MeetingFactory(
            offering=flow.house.classes["PHYS.B"],
            planned_professor=flow.house.professors["EVE"],
            planned_room=flow.house.rooms["R1"],
            day=dt.date(2027, 3, 4),
            clock=dt.time(hour),
        ).starts_at
        for hour in (9, 11, 14)
    ]
    rooms = {o.starts_at: o.room.code for o in search(flow, case).options}
    assert [rooms[start] for start in taken] == ["R2", "R2", "R2"]
    assert set(rooms.values()) == {"R1", "R2"}
    assert {start: slots.best_room(case, start).code for start in rooms} == rooms


def test_where_no_room_is_free_none_is_the_best(flow):
    case = flow.case()
    start = search(flow, case).options[0].starts_at
    assert slots.best_room(case, start) is not None
    for room in flow.house.rooms.values():
        HoldFactory(
            institute=flow.house.institute,
            professor=None,
            room=room,
            offering=case.meeting.offering,
            starts_at=start,
            ends_at=start + dt.timedelta(minutes=50),
        )
    assert slots.best_room(case, start) is None


def test_students_of_other_classes_count_as_clashing(flow):
    case = flow.case()
    elective = OfferingFactory(
        term=case.meeting.offering.term,
        code="ELECTIVE",
        course=flow.house.courses["CHEM"],
        professors=[flow.house.professors["EVE"]],
    )
    EnrolmentFactory(offering=elective, student=flow.house.students["A1"])
    MeetingFactory(
        offering=elective,
        planned_professor=flow.house.professors["EVE"],
        planned_room=None,
        day=dt.date(2027, 3, 4),
        clock=dt.time(9),
    )
    thursday = at("2027-03-04 09:00")
    assert thursday not in starts(search(flow, case))
    allowed = search(flow, case, clash_percent=20)
    (option,) = [o for o in allowed.options if o.starts_at == thursday]
    assert (option.clashing, option.reasons[0].sentence()) == (1, "1 students have another class")
    assert option.rank == len(allowed.options)


def test_a_day_on_which_the_class_is_there_anyway_is_better_than_another(flow):
    case = flow.case()
    first = search(flow, case, limit=1).options[0]
    # On Wednesday the section has class from nine: eleven adds half an hour of waiting.
    assert first.starts_at == at("2027-03-03 11:00")
    assert [reason.sentence() for reason in first.reasons] == [
        "no student has another class",
        "adds 30 min of waiting",
        "in the usual room",
    ]


def test_weekend_days_are_searched_in_the_same_way(flow):
    found = search(flow, flow.case(), days=(6, 7))
    assert {s.astimezone(flow.house.institute.zone).isoweekday() for s in starts(found)} == {6, 7}


def test_nothing_is_found_when_the_professor_is_away_until_the_checkpoint(flow):
    AbsenceFactory(
        professor=flow.house.professors["ADA"],
        starts_at=at("2027-03-03 00:00"),
        ends_at=at("2027-03-20 00:00"),
    )
    flow.now = at("2027-03-01 19:00")
    found = search(flow, flow.case())
    assert found.options == ()
    assert found.left_out == {"professor": found.looked_at, "students": 0, "room": 0}


def test_checkpoint_is_the_next_after_class_and_now(flow):
    case = flow.case()
    assert checkpoint_of(case, flow.now) == dt.date(2027, 3, 12)
    assert checkpoint_of(case, at("2027-03-13 08:00")) == dt.date(2027, 4, 16)
    assert checkpoint_of(case, at("2027-04-17 08:00")) is None


def test_search_costs_the_same_however_many_meetings_there_are(flow, django_assert_num_queries):
    case = flow.case()
    with django_assert_num_queries(5):
        search(flow, flow.again(case), limit=8)
    for n in range(30):
        MeetingFactory(
            offering=flow.house.classes["PHYS.B"],
            planned_room=None,
            planned_starts_at=at("2027-03-01 09:00") + dt.timedelta(hours=5 * n),
            planned_ends_at=at("2027-03-01 10:00") + dt.timedelta(hours=5 * n),
        )
    with django_assert_num_queries(5):
        search(flow, flow.again(case), limit=8)
