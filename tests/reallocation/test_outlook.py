"""Near a checkpoint people are waited for only as long as something better is not lost."""

import datetime as dt

import pytest

from reallocation.enums import CaseStatus, StepNumber, WaitingFor
from reallocation.models import Policy
from reallocation.outlook import Turn, own_place
from reallocation.slots import SlotOption
from tests.factories import AbsenceFactory, PeriodFactory, at

TUESDAY, WEDNESDAY, SUNDAY = dt.date(2027, 3, 2), dt.date(2027, 3, 3), dt.date(2027, 3, 7)


def checkpoint_on(flow, day):
    flow.house.term.mid_semester_on = day
    flow.house.term.save(update_fields=["mid_semester_on"])


def until_the_end(flow, case):
    for _ in range(8):
        if not case.is_open:
            break
        case = flow.past(case)
    return case


def places(*clocks, hours=1):
    starts = [at(f"2027-03-01 {clock}") for clock in clocks]
    return [
        SlotOption(start, start + dt.timedelta(hours=hours), None, rank, 0, 0.0, ())
        for rank, start in enumerate(starts, start=1)
    ]


@pytest.mark.parametrize(
    ("turn", "clock"),
    [
        (Turn(0, 1), "14:00"),
        (Turn(0, 2), "11:00"),
        (Turn(1, 2), "14:00"),
        (Turn(0, 3), "09:00"),
        (Turn(2, 4), "14:00"),
        (Turn(3, 4), None),
    ],
)
def test_each_open_case_counts_on_one_of_the_last_places(turn, clock):
    found = own_place(places("11:00", "09:00", "14:00"), turn)
    assert found == (clock and at(f"2027-03-01 {clock}"))


def test_places_that_overlap_count_once():
    assert own_place(places("09:00", "10:00", "11:00", hours=2), Turn(0, 2)) == at(
        "2027-03-01 09:00"
    )


def test_nobody_is_waited_for_until_the_last_place_has_passed(flow):
    # The checkpoint is the day of the class, so all that is left is today: 11:00, 14:00, 16:00.
    checkpoint_on(flow, TUESDAY)
    case = flow.case()
    assert case.waiting_for == WaitingFor.COLLEAGUES
    assert case.deadline <= at("2027-03-01 14:50")
    case = until_the_end(flow, case)
    assert (case.status, case.meeting.starts_at) == (
        CaseStatus.RESCHEDULED,
        at("2027-03-01 16:00"),
    )


def test_two_classes_of_an_absence_do_not_wait_for_the_same_last_place(flow):
    checkpoint_on(flow, WEDNESDAY)
    cases = flow.file(starts="2027-03-02 00:00", ends="2027-03-04 00:00").cases
    flow.settle()
    ended = [until_the_end(flow, flow.again(case)) for case in cases]
    assert [case.status for case in ended] == [CaseStatus.RESCHEDULED] * 2
    assert len({case.meeting.starts_at for case in ended}) == 2


def test_a_professor_may_pick_only_as_long_as_the_last_place_is_left(flow):
    # Filed when the class had begun; 16:00 and 18:00 are free. Half of the time until 16:50, ten minutes
    # before the last one is lost, and not of the whole day.
    checkpoint_on(flow, TUESDAY)
    PeriodFactory(term=flow.house.term, name="5", starts=dt.time(18), ends=dt.time(19, 30))
    flow.now = at("2027-03-02 09:30")
    case = flow.case(starts="2027-03-02 09:00", ends="2027-03-02 10:30")
    assert (case.waiting_for, case.deadline) == (
        WaitingFor.SLOT_CHOICE,
        at("2027-03-02 13:10"),
    )
    assert flow.past(case).meeting.starts_at == at("2027-03-02 16:00")


def test_the_only_place_left_is_taken_at_once(flow):
    checkpoint_on(flow, TUESDAY)
    flow.now = at("2027-03-02 13:30")
    case = flow.case(starts="2027-03-02 09:00", ends="2027-03-02 15:00")
    assert (case.status, case.meeting.starts_at) == (
        CaseStatus.RESCHEDULED,
        at("2027-03-02 16:00"),
    )


def test_with_a_week_to_the_checkpoint_the_class_alone_decides(flow, monkeypatch):
    def look(*args, **kwargs):
        raise AssertionError("looked for places")

    monkeypatch.setattr("reallocation.outlook.search", look)
    checkpoint_on(flow, dt.date(2027, 3, 9))
    assert flow.case().waiting_for == WaitingFor.COLLEAGUES


def test_no_time_is_kept_for_a_step_in_which_nobody_can_be_asked(flow):
    # Of Ben's course there is nobody else, so the section has its six hours though time is short.
    case = flow.case(professor="BEN")
    assert (case.waiting_for, case.deadline) == (WaitingFor.COLLEAGUES, at("2027-03-01 15:00"))


def busy_on_teaching_days(flow):
    AbsenceFactory(
        professor=flow.house.professors["ADA"],
        starts_at=at("2027-03-01 00:00"),
        ends_at=at("2027-03-02 00:00"),
    )
    AbsenceFactory(
        professor=flow.house.professors["ADA"],
        starts_at=at("2027-03-03 00:00"),
        ends_at=at("2027-03-06 00:00"),
    )


def test_the_weekend_vote_ends_while_the_last_weekend_place_can_be_had(flow):
    checkpoint_on(flow, SUNDAY)
    busy_on_teaching_days(flow)
    Policy.objects.create(institute=flow.house.institute, weekend_window=10 * 24 * 60)
    case = flow.case()
    for _ in range(8):
        if case.step == StepNumber.WEEKEND or not case.is_open:
            break
        case = flow.past(case)
    assert (case.waiting_for, case.deadline) == (
        WaitingFor.WEEKEND_VOTE,
        at("2027-03-07 15:00"),
    )
