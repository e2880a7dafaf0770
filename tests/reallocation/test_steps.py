"""The ladder, rung by rung, on the small institute."""

import pytest

from reallocation import answers
from reallocation.enums import CaseStatus, StepNumber, WaitingFor
from reallocation.refusals import Refused
from tests.factories import at
from timetable.enums import MeetingStatus
from voting import ballots
from voting.models import Ballot


def offer_to(case, code):
    return case.offers.filter(professor__code=code).latest("pk")


def accept(flow, case, code):
    answers.accept(offer_to(case, code), by=flow.house.professors[code], now=flow.now)
    flow.settle()
    return flow.again(case)


def decline(flow, case, code):
    answers.decline(offer_to(case, code), by=flow.house.professors[code], now=flow.now)
    flow.settle()
    return flow.again(case)


def vote(flow, case, yes=0, no=0):
    ballot = Ballot.objects.open().get(subject_uid=case.uid)
    students = [place.student for place in ballot.roll.select_related("student").order_by("pk")]
    for n, student in enumerate(students[: yes + no]):
        ballots.cast(ballot_uid=ballot.uid, student=student, choice=n < yes, now=flow.now)
    flow.settle()
    return flow.again(case)


def asked_of_the_class(case):
    return Ballot.objects.open().get(subject_uid=case.uid).question


def named(flow, code):
    meeting = flow.house.meetings["MATH.A", "2027-03-02"]
    return {"names": {meeting.pk: flow.house.professors[code]}}


def test_named_substitute_who_accepts_teaches_the_class(flow):
    case = flow.case(**named(flow, "EVE"))
    assert (case.step, case.waiting_for) == (StepNumber.DIRECT, WaitingFor.SUBSTITUTE)
    case = accept(flow, case, "EVE")
    assert (case.status, case.meeting.professor.code) == (CaseStatus.SUBSTITUTED, "EVE")
    assert case.meeting.planned_professor.code == "ADA"


def test_named_substitute_who_declines_leads_to_the_section(flow):
    case = flow.case(**named(flow, "EVE"))
    case = decline(flow, case, "EVE")
    assert (case.step, case.waiting_for) == (StepNumber.SECTION, WaitingFor.COLLEAGUES)
    assert flow.records(case)[0] == (1, "gave_up", "declined")


def test_first_of_the_section_to_accept_gets_it_and_the_others_learn_that_it_is_taken(flow):
    case = flow.case()
    assert {code for code, _ in flow.offers(case)} == {"BEN", "CLEO", "DAN"}
    case = accept(flow, case, "CLEO")
    assert case.status == CaseStatus.SUBSTITUTED
    assert sorted(flow.offers(case)) == [("BEN", "taken"), ("CLEO", "accepted"), ("DAN", "taken")]
    with pytest.raises(Refused) as refused:
        accept(flow, case, "BEN")
    assert refused.value.code == "offer_taken"
    assert "Cleo Clark" in refused.value.message


def test_silence_climbs_from_the_section_to_the_subject_and_its_vote(flow):
    case = flow.case()
    case = flow.past(case)
    assert (case.step, case.waiting_for) == (StepNumber.SUBJECT, WaitingFor.CANDIDATE_CHOICE)
    answers.choose_candidate(case, candidate=flow.house.professors["EVE"], now=flow.now)
    flow.settle()
    case = accept(flow, flow.again(case), "EVE")
    assert case.waiting_for == WaitingFor.CLASS_VOTE
    assert asked_of_the_class(case) == "Shall Eve Ernst teach the class on Tue 2 Mar, 09:00?"
    case = vote(flow, case, yes=3)
    assert (case.status, case.meeting.professor.code) == (CaseStatus.SUBSTITUTED, "EVE")


def test_a_no_by_the_class_postpones_it_and_the_professor_picks_a_slot(flow):
    case = flow.case()
    case = flow.past(case)
    case = flow.past(case)
    (asked,) = [code for code, status in flow.offers(case) if status == "sent"]
    case = vote(flow, accept(flow, case, asked), no=3)
    assert (case.step, case.waiting_for) == (StepNumber.RESCHEDULE, WaitingFor.SLOT_CHOICE)
    assert case.meeting.status == MeetingStatus.POSTPONED
    best = case.records.get(left_at=None).considered["ranked"]
    assert len(best) == 8
    case = flow.past(case)
    assert case.status == CaseStatus.RESCHEDULED
    assert case.meeting.status == MeetingStatus.SCHEDULED
    assert case.meeting.professor.code == "ADA"


def nothing_free_on_teaching_days(flow):
    from tests.factories import AbsenceFactory

    AbsenceFactory(
        professor=flow.house.professors["ADA"],
        starts_at=at("2027-03-03 00:00"),
        ends_at=at("2027-03-06 00:00"),
    )
    AbsenceFactory(
        professor=flow.house.professors["ADA"],
        starts_at=at("2027-03-08 00:00"),
        ends_at=at("2027-03-13 00:00"),
    )


def to_the_weekend(flow):
    nothing_free_on_teaching_days(flow)
    case = flow.case()
    for _ in range(6):
        if case.step == StepNumber.WEEKEND or not case.is_open:
            break
        case = flow.past(case)
    return case


def test_weekend_class_is_held_if_the_students_vote_for_it(flow):
    case = to_the_weekend(flow)
    assert (case.step, case.waiting_for) == (StepNumber.WEEKEND, WaitingFor.WEEKEND_VOTE)
    assert (
        asked_of_the_class(case)
        == "Shall the class of Tue 2 Mar, 09:00 be held on Sat 6 Mar, 09:00?"
    )
    case = vote(flow, case, yes=3)
    assert case.status == CaseStatus.WEEKEND
    assert case.institute.local(case.meeting.starts_at).isoweekday() in (6, 7)


def test_class_is_dropped_and_its_hours_are_owed_if_the_students_vote_against_it(flow):
    case = to_the_weekend(flow)
    case = vote(flow, case, no=3)
    assert (case.status, case.meeting.status) == (CaseStatus.DROPPED, MeetingStatus.DROPPED)
    (owed,) = case.meeting.owed_hours.all()
    assert float(owed.hours) == 1.5
