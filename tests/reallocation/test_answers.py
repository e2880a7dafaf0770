"""What people do: accept, decline, choose, name, take back."""

import datetime as dt

import pytest

from fairness.models import LedgerEntry
from reallocation import answers, candidates
from reallocation.enums import CaseStatus, OfferStatus, StepNumber, WaitingFor
from reallocation.models import LogEntry, SlotChoice
from reallocation.refusals import Refused
from tests.factories import (
    AbsenceFactory,
    HoldFactory,
    MeetingFactory,
    OfferingFactory,
    RoomFactory,
    at,
)
from tests.reallocation.telling import CLASS_A, told
from timetable.enums import ClassKind
from timetable.models import Hold, Meeting
from voting.enums import BallotResult
from voting.models import Ballot


def code_of(act, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        act(*args, **kwargs)
    assert refused.value.message
    return refused.value.code


def offer(case, code):
    return case.offers.filter(professor__code=code).latest("pk")


def test_accepting_holds_the_time_at_once(flow):
    case = flow.case()
    ben = flow.house.professors["BEN"]
    answers.accept(offer(case, "BEN"), by=ben, now=flow.now)
    assert Hold.objects.get().professor == ben
    flow.settle()
    assert not Hold.objects.exists()
    assert flow.again(case).meeting.professor == ben


def test_somebody_else_cannot_answer_an_offer(flow):
    case = flow.case()
    dan = flow.house.professors["DAN"]
    assert code_of(answers.accept, offer(case, "BEN"), by=dan, now=flow.now) == "not_your_offer"
    assert code_of(answers.decline, offer(case, "BEN"), by=dan, now=flow.now) == "not_your_offer"


def test_answer_after_the_time_is_refused(flow):
    case = flow.case()
    ben = flow.house.professors["BEN"]
    late = offer(case, "BEN").expires_at
    assert code_of(answers.accept, offer(case, "BEN"), by=ben, now=late) == "offer_expired"


def test_second_answer_is_refused(flow):
    case = flow.case()
    ben = flow.house.professors["BEN"]
    answers.decline(offer(case, "BEN"), by=ben, now=flow.now)
    assert code_of(answers.accept, offer(case, "BEN"), by=ben, now=flow.now) == "offer_answered"


def test_a_no_for_the_whole_week_spares_them_the_other_requests_of_that_week(flow):
    house = flow.house
    case, ben = flow.case(), house.professors["BEN"]
    answers.decline(offer(case, "BEN"), by=ben, now=flow.now, whole_week=True)
    assert offer(case, "BEN").spared_week == dt.date(2027, 3, 1)
    MeetingFactory(offering=house.classes["MATH.A"], day=dt.date(2027, 3, 10), planned_room=None)
    same, after = (
        flow.case(starts=f"{day} 00:00", ends=f"{day} 23:00")
        for day in ("2027-03-03", "2027-03-10")
    )
    assert [code for code, _ in flow.offers(same)] == ["CLEO", "DAN"]
    assert "BEN" in [code for code, _ in flow.offers(after)]
    (left,) = [left for left in same.records.last().considered["left_out"] if left["code"] == "BEN"]
    assert left["reason"]["code"] == "not_this_week"


def test_what_was_sent_before_a_no_for_the_week_can_still_be_accepted(flow):
    first = flow.case()
    second = flow.case(starts="2027-03-03 00:00", ends="2027-03-03 23:00")
    dan = flow.house.professors["DAN"]
    answers.decline(offer(first, "DAN"), by=dan, now=flow.now, whole_week=True)
    answers.accept(offer(second, "DAN"), by=dan, now=flow.now)
    assert offer(second, "DAN").status == OfferStatus.ACCEPTED


def test_accepting_is_refused_to_whoever_has_become_busy(flow):
    first = flow.case()
    ben = flow.house.professors["BEN"]
    Hold.objects.create(
        institute=flow.house.institute,
        professor=ben,
        starts_at=first.before_starts_at,
        ends_at=first.before_ends_at,
        case_uid="00000000-0000-0000-0000-000000000001",
    )
    assert code_of(answers.accept, offer(first, "BEN"), by=ben, now=flow.now) == "not_free"
    assert offer(first, "BEN").status == "sent"


def test_declines_are_kept_in_the_ledger_and_the_person_is_not_asked_again(flow):
    case = flow.case()
    for code in ("BEN", "CLEO", "DAN"):
        answers.decline(offer(case, code), by=flow.house.professors[code], now=flow.now)
    flow.settle()
    case = flow.again(case)
    assert case.step == StepNumber.SUBJECT
    record = case.records.get(left_at=None)
    assert record.considered["order"] == ["EVE"]
    assert {(x["code"], x["reason"]["code"]) for x in record.considered["left_out"]} == {
        ("DAN", "said_no")
    }
    assert LedgerEntry.objects.filter(kind="declined").count() == 3


def test_choosing_outside_the_pool_or_at_the_wrong_time_is_refused(flow):
    case = flow.case()
    eve, cleo = flow.house.professors["EVE"], flow.house.professors["CLEO"]
    choose = answers.choose_candidate
    assert code_of(choose, case, candidate=eve, now=flow.now) == "not_waiting"
    case = flow.past(case)
    assert code_of(choose, case, candidate=cleo, now=flow.now) == "not_in_pool"
    assert code_of(choose, case, candidate=eve, now=case.deadline) == "not_waiting"


def postponed(flow):
    flow.now = at("2027-03-02 09:30")
    return flow.case()


def test_professor_picks_a_slot(flow):
    case = postponed(flow)
    answers.choose_slot(
        case, starts_at=at("2027-03-05 14:00"), room=flow.house.rooms["R2"], now=flow.now
    )
    flow.settle()
    case = flow.again(case)
    assert case.status == CaseStatus.RESCHEDULED
    assert (case.meeting.starts_at, case.meeting.room.code) == (at("2027-03-05 14:00"), "R2")
    assert case.meeting.planned_starts_at == at("2027-03-02 09:00")


@pytest.mark.parametrize(
    ("when", "room", "why"),
    [
        ("2027-03-02 10:00", "R1", "the new time must lie ahead"),
        ("2027-03-06 09:00", "R1", "no classes on that day"),
        ("2027-03-15 09:00", "R1", "checkpoint"),
        ("2027-03-02 16:00", "R1", "is absent"),
        ("2027-03-03 09:00", "R1", "teaches another class"),
        ("2027-03-03 14:00", "R2", "R2 is taken"),
        ("2027-03-05 14:00", "R3", "R3 is not known to fit this class of 5"),
        ("2027-03-05 14:00", "R0", "R0 is not known to fit this class of 5"),
        ("2027-03-05 14:00", None, "needs a room"),
    ],
)
def test_impossible_slot_is_refused_with_the_reason(flow, when, room, why):
    rooms = flow.house.rooms | {None: None}
    rooms["R0"] = RoomFactory(institute=flow.house.institute, code="R0", capacity=None)
    case = postponed(flow)
    with pytest.raises(Refused) as refused:
        answers.choose_slot(case, starts_at=at(when), room=rooms[room], now=flow.now)
    assert refused.value.code == "place_refused"
    assert why in refused.value.message
    assert not SlotChoice.objects.exists()


def test_a_lab_goes_to_a_room_where_labs_are_held(flow):
    house = flow.house
    OfferingFactory(term=house.term, kind=ClassKind.LAB)
    lab = house.classes["MATH.A"]
    lab.kind = ClassKind.LAB
    lab.save()
    case = postponed(flow)
    friday = {"starts_at": at("2027-03-05 14:00"), "now": flow.now}
    assert code_of(answers.choose_slot, case, room=house.rooms["R2"], **friday) == "place_refused"
    answers.choose_slot(case, room=house.rooms["R1"], **friday)


def test_a_class_without_a_planned_room_needs_none(flow):
    Meeting.objects.filter(offering=flow.house.classes["MATH.A"]).update(
        planned_room=None, room=None
    )
    case = postponed(flow)
    answers.choose_slot(case, starts_at=at("2027-03-05 14:00"), room=None, now=flow.now)
    flow.settle()
    assert flow.again(case).status == CaseStatus.RESCHEDULED


def substituted(flow, code="BEN"):
    case = flow.case()
    answers.accept(offer(case, code), by=flow.house.professors[code], now=flow.now)
    flow.settle()
    return flow.again(case)


def test_substitute_who_takes_it_back_is_not_asked_again_but_the_others_are(flow):
    case = substituted(flow)
    answers.take_back(case, by=flow.house.professors["BEN"], now=flow.now)
    flow.settle()
    case = flow.again(case)
    assert (case.status, case.step) == (CaseStatus.OPEN, StepNumber.SECTION)
    assert case.meeting.professor.code == "ADA"
    # Whoever was only told that it is taken is asked anew.
    assert {o.professor.code for o in case.offers.filter(status="sent")} == {"CLEO", "DAN"}
    assert sum(LedgerEntry.objects.filter(kind="given").values_list("hours", flat=True)) == 0
    assert LogEntry.objects.filter(kind="offer.taken_back").count() == 1
    assert told()[-5:-2] == [
        ("released", ["ben"]),
        ("open-again", CLASS_A),
        ("open-again-professor", ["ada"]),
    ]


def test_a_promise_may_be_taken_back_while_the_class_votes_and_the_vote_is_called_off(flow):
    case = flow.past(flow.case())
    eve = flow.house.professors["EVE"]
    answers.choose_candidate(case, candidate=eve, now=flow.now)
    flow.settle()
    answers.accept(offer(case, "EVE"), by=eve, now=flow.now)
    flow.settle()
    ballot = Ballot.objects.open().get(subject_uid=case.uid)
    assert flow.again(case).waiting_for == WaitingFor.CLASS_VOTE
    dan = flow.house.professors["DAN"]
    assert code_of(answers.take_back, case, by=dan, now=flow.now) == "not_substitute"
    answers.take_back(case, by=eve, now=flow.now)
    flow.settle()
    ballot.refresh_from_db()
    case = flow.again(case)
    assert ballot.result == BallotResult.CANCELLED
    assert not Hold.objects.exists()
    assert (case.status, case.step) == (CaseStatus.OPEN, StepNumber.SUBJECT)
    assert case.waiting_for == WaitingFor.CANDIDATE_CHOICE
    assert "EVE" not in case.records.get(left_at=None).considered["order"]
    assert ("ballot-result", CLASS_A) in told()
    assert LedgerEntry.objects.filter(professor=eve, kind="given").count() == 0
    assert code_of(answers.take_back, case, by=eve, now=flow.now) == "not_substitute"


def test_a_promise_is_taken_back_before_anybody_has_acted_on_it(flow):
    case = flow.case()
    ben = flow.house.professors["BEN"]
    answers.accept(offer(case, "BEN"), by=ben, now=flow.now)
    answers.take_back(case, by=ben, now=flow.now)
    flow.settle()
    case = flow.again(case)
    assert (case.status, case.step) == (CaseStatus.OPEN, StepNumber.SECTION)
    assert {o.professor.code for o in case.offers.filter(status="sent")} == {"CLEO", "DAN"}


def test_nobody_is_named_in_the_place_of_whoever_has_said_yes(flow):
    case = flow.case()
    eve, ben = flow.house.professors["EVE"], flow.house.professors["BEN"]
    answers.accept(offer(case, "BEN"), by=ben, now=flow.now)
    assert code_of(answers.name_substitute, case, substitute=eve, now=flow.now) == "not_waiting"
    flow.settle()
    assert flow.again(case).meeting.professor == ben


def test_taking_back_what_is_not_yours_is_refused(flow):
    case = substituted(flow)
    dan, ben = flow.house.professors["DAN"], flow.house.professors["BEN"]
    assert code_of(answers.take_back, case, by=dan, now=flow.now) == "not_substitute"
    late = case.before_starts_at
    assert code_of(answers.take_back, case, by=ben, now=late) == "class_begun"


def test_taking_back_within_the_notice_leads_to_a_new_time(flow):
    case = substituted(flow)
    flow.now = at("2027-03-02 08:30")
    answers.take_back(case, by=flow.house.professors["BEN"], now=flow.now)
    flow.settle()
    assert flow.again(case).waiting_for == WaitingFor.SLOT_CHOICE


def test_naming_somebody_later_asks_them_first(flow):
    case = flow.case()
    answers.name_substitute(case, substitute=flow.house.professors["EVE"], now=flow.now)
    flow.settle()
    case = flow.again(case)
    assert (case.step, case.waiting_for) == (StepNumber.DIRECT, WaitingFor.SUBSTITUTE)
    assert flow.offers(case)[-1] == ("EVE", "sent")
    ben = flow.house.professors["BEN"]
    assert code_of(answers.accept, offer(case, "BEN"), by=ben, now=flow.now) == "offer_withdrawn"


def test_obstacles_are_said_one_by_one(flow):
    case = flow.case()
    policy = candidates.Policy(institute=flow.house.institute)

    def why(code):
        reason = candidates.obstacle(case, flow.house.professors[code], policy)
        return reason and reason.code

    assert (why("ADA"), why("EVE")) == ("is_absent_professor", None)
    flow.house.professors["EVE"].max_daily_hours = 1
    assert why("EVE") == "daily_cap"
    flow.house.professors["EVE"].active = False
    assert why("EVE") == "inactive"


def test_slot_that_is_taken_before_it_is_booked_gives_way_to_the_best_that_is_left(flow):
    case = postponed(flow)
    wanted = at("2027-03-05 14:00")
    answers.choose_slot(case, starts_at=wanted, room=flow.house.rooms["R2"], now=flow.now)
    HoldFactory(
        professor=flow.house.professors["ADA"],
        starts_at=wanted,
        ends_at=at("2027-03-05 15:00"),
    )
    flow.settle()
    case = flow.again(case)
    assert case.status == CaseStatus.RESCHEDULED
    assert case.meeting.starts_at != wanted


def test_slot_that_is_taken_with_nothing_else_left_leads_to_the_weekend(flow):
    case = postponed(flow)
    wanted = at("2027-03-05 14:00")
    answers.choose_slot(case, starts_at=wanted, room=flow.house.rooms["R2"], now=flow.now)
    AbsenceFactory(
        professor=flow.house.professors["ADA"],
        starts_at=at("2027-03-03 00:00"),
        ends_at=at("2027-03-13 00:00"),
    )
    flow.settle()
    case = flow.again(case)
    assert (case.status, case.records.get(step=4).reason["code"]) == ("dropped", "no_slot")
