"""The weeks to choose a place from: what is free, what is not, and why."""

import datetime as dt
import re

import pytest

from reallocation import slots, week_grid
from reallocation.models import Policy, SlotChoice
from tests.factories import (
    AvailabilityFactory,
    EnrolmentFactory,
    HoldFactory,
    MeetingFactory,
    OfferingFactory,
    at,
)
from tests.reallocation.test_pages_cases import page, waits_for_a_slot

TEACHING_DAYS = (1, 2, 3, 4, 5)
PAGE_QUERIES = 7
"""For the session, the case and its story, and the search; of them one for the names of own classes."""


def grid(flow, case, *, best=2, wanted=None, **policy):
    found = slots.search(
        case,
        Policy(institute=flow.house.institute, **policy),
        days=TEACHING_DAYS,
        earliest=flow.now,
        last_day=dt.date(2027, 3, 12),
        limit=week_grid.EVERY_PLACE,
        with_own_classes=True,
    )
    return week_grid.of(case, found, best=best, wanted=wanted)


def kinds(shown):
    return {f"{day.date:%a}": [cell.kind for cell in day.cells] for day in shown.days}


def words(shown, day):
    return [cell.words for cell in next(d for d in shown.days if d.date == day).cells]


@pytest.fixture
def busy(flow):
    """A week in which everything stands in the way somewhere."""
    house = flow.house
    elective = OfferingFactory(
        term=house.term, code="ELECTIVE", course=house.courses["CHEM"], professors=[]
    )
    for student in ("A1", "A2"):
        EnrolmentFactory(offering=elective, student=house.students[student])
    MeetingFactory(
        offering=elective,
        planned_professor=house.professors["EVE"],
        planned_room=None,
        day=dt.date(2027, 3, 4),
        clock=dt.time(9),
    )
    for room in ("R1", "R2"):
        MeetingFactory(
            offering=house.classes["PHYS.B"],
            planned_professor=house.professors["EVE"],
            planned_room=house.rooms[room],
            day=dt.date(2027, 3, 4),
            clock=dt.time(14),
            overlap_tolerated=True,
        )
    AvailabilityFactory(
        professor=house.professors["ADA"], weekday=5, starts=dt.time(9), ends=dt.time(10)
    )
    HoldFactory(
        professor=house.professors["ADA"],
        room=None,
        offering=house.classes["MATH.B"],
        starts_at=at("2027-03-05 11:00"),
        ends_at=at("2027-03-05 12:30"),
    )
    return flow.case()


def test_each_start_of_the_week_says_what_stands_there(flow, busy):
    shown = grid(flow, busy)
    assert kinds(shown) == {
        # It is nine on Monday: everything before that is too soon.
        "Mon": ["free", "free", "free", "free"],
        "Tue": ["busy", "busy", "busy", "busy"],
        "Wed": ["class", "free", "free", "free"],
        "Thu": ["students", "free", "room", "free"],
        "Fri": ["busy", "busy", "free", "free"],
    }
    assert words(shown, dt.date(2027, 3, 2)) == ["absent"] * 4
    assert words(shown, dt.date(2027, 3, 3))[0] == "own class MATH.A"
    assert words(shown, dt.date(2027, 3, 4)) == [
        "2 of 5 have another class",
        "everybody is free",
        "no room is free",
        "everybody is free",
    ]
    assert words(shown, dt.date(2027, 3, 5))[:2] == ["not available", "promised elsewhere"]


def test_a_share_of_students_that_the_rules_allow_is_shown_at_the_free_place(flow, busy):
    shown = grid(flow, busy, clash_percent=40)
    thursday = next(day for day in shown.days if day.date == dt.date(2027, 3, 4))
    cell = thursday.cells[0]
    assert (cell.kind, cell.words, cell.clashing, cell.students) == (
        "free",
        "2 of 5 have another class",
        2,
        5,
    )


def test_the_best_are_marked_and_their_week_is_shown_first(flow, busy):
    shown = grid(flow, busy, best=2)
    best = [cell for day in shown.days for cell in day.cells if cell.is_best]
    assert sorted(cell.option.rank for cell in best) == [1, 2]
    assert shown.shown.monday == dt.date(2027, 3, 1)


def test_every_week_before_the_checkpoint_can_be_turned_to(flow, busy):
    shown = grid(flow, busy, wanted=dt.date(2027, 3, 11))
    assert [(week.monday, week.free) for week in shown.weeks] == [
        (dt.date(2027, 3, 1), 11),
        (dt.date(2027, 3, 8), 19),
    ]
    assert [day.date for day in shown.days] == [dt.date(2027, 3, n) for n in range(8, 13)]
    far = grid(flow, busy, wanted=dt.date(2030, 1, 1))
    assert far.shown == far.weeks[0]


def test_a_co_teacher_who_is_not_free_is_said_without_their_class(flow):
    meeting = flow.house.meetings["CHEM.A", "2027-03-02"]
    case = flow.case(professor="CLEO", cover={meeting.pk: True})
    shown = grid(flow, case)
    # Dan teaches with Cleo; Wednesday at nine is his.
    MeetingFactory(
        offering=flow.house.classes["MATH.B"],
        planned_room=None,
        day=dt.date(2027, 3, 4),
        clock=dt.time(9),
    )
    then = grid(flow, case)
    thursday = dt.date(2027, 3, 4)
    assert (words(shown, thursday)[0], words(then, thursday)[0]) == (
        "everybody is free",
        "a co-teacher is not free",
    )


# On the page


def test_a_place_that_is_not_among_the_best_can_be_taken_from_the_grid(site):
    case = waits_for_a_slot(site.flow)
    response = site.get("ADA", f"{page(case)}?week=2027-03-08")
    offered = [option.starts_at for option in response.context["choices"].slots]
    sent = re.findall(r'name="slot"\s+(?:id="[^"]+"\s+)?value="([^"]+)"', response.content.decode())
    others = [value for value in sent if dt.datetime.fromisoformat(value[:25]) not in offered]
    assert others
    assert site.post("ADA", page(case), act="choose-slot", slot=others[-1]).status_code == 302
    choice = SlotChoice.objects.get()
    assert f"{choice.starts_at.isoformat()}|{choice.room.code}" == others[-1]


def test_no_place_is_asked_for_twice(site):
    case = waits_for_a_slot(site.flow)
    for week in ("", "2027-03-01", "2027-03-08", "nonsense"):
        body = site.get("ADA", f"{page(case)}?week={week}").content.decode()
        sent = re.findall(r'type="radio"\s+name="slot"[^>]*value="([^"]+)"', body)
        assert len(sent) == len(set(sent)) > 8
        for named in re.findall(r'for="(slot-\d+)"', body):
            assert body.count(f'id="{named}"') == 1


def test_the_page_asks_as_often_for_a_full_week_as_for_an_empty_one(site):
    case = waits_for_a_slot(site.flow)
    assert site.queries("ADA", page(case)) == PAGE_QUERIES
    assert site.queries("REGISTRAR", page(case)) == PAGE_QUERIES + 2
    for n in range(20):
        MeetingFactory(
            offering=site.house.classes["MATH.B"],
            planned_professor=site.house.professors["ADA"],
            planned_room=None,
            planned_starts_at=at("2027-03-03 09:00") + dt.timedelta(hours=7 * n),
            planned_ends_at=at("2027-03-03 10:00") + dt.timedelta(hours=7 * n),
            overlap_tolerated=True,
        )
    assert site.queries("ADA", page(case)) == PAGE_QUERIES
