"""Filing, changing and withdrawing an absence."""

import datetime as dt

import pytest

from fairness.models import LedgerEntry
from reallocation import absences, answers, overrides
from reallocation.audit import Who
from reallocation.enums import ActorKind, CaseStatus, StepNumber, WaitingFor
from reallocation.models import Case, LogEntry, Notice, Offer
from reallocation.refusals import Refused
from reallocation.sweep import sweep
from tests.factories import MeetingFactory, at, small_institute
from timetable.enums import MeetingStatus
from timetable.models import Absence, AbsenceException, Hold
from voting.models import Ballot


def test_every_meeting_in_the_span_gets_a_case(flow):
    filed = flow.file(ends="2027-03-04 00:00")
    assert [case.meeting.offering.code for case in filed.cases] == ["MATH.A", "MATH.A"]
    assert all(case.due_at == flow.now for case in filed.cases)


def test_absence_without_meetings_opens_no_case(flow):
    assert flow.file(professor="EVE").cases == ()


@pytest.mark.parametrize(
    ("starts", "ends", "code"),
    [
        ("2027-03-02 12:00", "2027-03-02 12:00", "absence_ends_before_start"),
        ("2027-03-02 12:00", "2027-03-01 12:00", "absence_ends_before_start"),
        ("2027-02-20 00:00", "2027-02-21 00:00", "absence_past"),
        ("2027-02-26 00:00", "2027-03-03 00:00", "absence_past"),
        ("2027-03-02 00:00", "2029-03-03 00:00", "absence_too_long"),
    ],
)
def test_impossible_span_is_refused_and_nothing_is_written(flow, starts, ends, code):
    with pytest.raises(Refused) as refused:
        flow.file(starts=starts, ends=ends)
    assert refused.value.code == code
    assert refused.value.message
    assert (Absence.objects.count(), Case.objects.count(), LogEntry.objects.count()) == (0, 0, 0)


def test_overlap_with_an_own_absence_is_refused(flow):
    flow.file()
    with pytest.raises(Refused) as refused:
        flow.file(starts="2027-03-02 12:00", ends="2027-03-05 00:00")
    assert refused.value.code == "absence_overlaps"
    assert "on file already (Tuesday 2 March 2027, all day)." in refused.value.message
    assert Absence.objects.count() == 1


def test_of_several_times_all_are_filed_or_none(flow):
    tuesday = absences.Request(at("2027-03-02 00:00"), at("2027-03-03 00:00"))
    wednesday = absences.Request(
        at("2027-03-03 00:00"),
        at("2027-03-04 00:00"),
        names={
            flow.house.meetings["MATH.A", "2027-03-03"].pk: flow.house.professors["BEN"],
        },
    )
    ada = flow.house.professors["ADA"]
    with pytest.raises(Refused) as refused:
        absences.file_all(ada, [tuesday, wednesday], now=flow.now)
    assert refused.value.code == "substitute_not_free"
    assert (Absence.objects.count(), Case.objects.count(), LogEntry.objects.count()) == (0, 0, 0)

    free = absences.Request(wednesday.starts_at, wednesday.ends_at)
    filed = absences.file_all(ada, [tuesday, free], now=flow.now)
    assert [len(one.cases) for one in filed] == [1, 1]
    assert LogEntry.objects.filter(kind="absence.filed").count() == 2


def test_busy_substitute_is_refused_with_the_reason_and_nothing_is_written(flow):
    meeting = flow.house.meetings["MATH.A", "2027-03-03"]
    with pytest.raises(Refused) as refused:
        flow.file(
            starts="2027-03-03 00:00",
            ends="2027-03-04 00:00",
            names={meeting.pk: flow.house.professors["BEN"]},
        )
    assert refused.value.code == "substitute_not_free"
    assert "teaches another class" in refused.value.message
    assert (Absence.objects.count(), Case.objects.count(), Offer.objects.count()) == (0, 0, 0)


def test_meeting_of_somebody_else_cannot_be_named(flow):
    meeting = flow.house.meetings["PHYS.A", "2027-03-02"]
    with pytest.raises(Refused) as refused:
        flow.file(names={meeting.pk: flow.house.professors["EVE"]})
    assert refused.value.code == "outside_absence"
    assert Absence.objects.count() == 0


def test_co_taught_meeting_needs_no_cover_unless_the_professor_insists(flow):
    assert flow.file(professor="CLEO").cases == ()
    meeting = flow.house.meetings["CHEM.A", "2027-03-02"]
    absences.withdraw(Absence.objects.get(), now=flow.now)
    (case,) = flow.file(professor="CLEO", cover={meeting.pk: True}).cases
    assert case.meeting == meeting


def test_co_taught_meeting_needs_cover_when_both_are_away(flow):
    flow.file(professor="CLEO")
    flow.file(professor="DAN")
    flow.tick(minutes=1)
    codes = {case.meeting.offering.code for case in Case.objects.all()}
    assert codes == {"CHEM.A", "MATH.B"}


def test_co_taught_meeting_needs_cover_while_the_other_teaches_elsewhere(flow):
    MeetingFactory(
        offering=flow.house.classes["MATH.B"], day=dt.date(2027, 3, 2), clock=dt.time(15)
    )
    (case,) = flow.file(professor="CLEO").cases
    assert case.meeting == flow.house.meetings["CHEM.A", "2027-03-02"]


def test_meeting_left_out_gets_no_case(flow):
    meeting = flow.house.meetings["MATH.A", "2027-03-02"]
    assert flow.file(cover={meeting.pk: False}).cases == ()
    assert flow.tick(minutes=1).opened == 0


def test_meeting_that_appears_later_gets_its_case(flow):
    flow.file()
    MeetingFactory(
        offering=flow.house.classes["MATH.A"],
        day=dt.date(2027, 3, 2),
        clock=dt.time(16),
        planned_room=flow.house.rooms["R1"],
    )
    assert flow.tick(minutes=1).opened == 1
    assert flow.tick(minutes=1).opened == 0


def test_class_that_has_begun_starts_at_step_four_with_the_reason(flow):
    flow.now = at("2027-03-02 09:30")
    case = flow.case()
    assert flow.records(case)[:3] == [(n, "skipped", "already_begun") for n in (1, 2, 3)]
    assert (case.step, case.meeting.status) == (StepNumber.RESCHEDULE, MeetingStatus.POSTPONED)


def test_withdrawing_tells_those_asked_and_closes_the_case(flow):
    case = flow.case()
    absences.withdraw(case.absence, now=flow.now)
    case = flow.again(case)
    assert (case.status, case.due_at, case.waiting_for) == (CaseStatus.WITHDRAWN, None, "")
    assert {status for _, status in flow.offers(case)} == {"withdrawn"}
    told = {m.user for n in case.notices.all() for m in n.messages.all()}
    assert {flow.house.professors[code].user for code in ("BEN", "CLEO", "DAN")} <= told
    with pytest.raises(Refused) as refused:
        absences.withdraw(case.absence, now=flow.now)
    assert refused.value.code == "absence_withdrawn"


def covered(flow):
    case = flow.case()
    offer = case.offers.get(professor__code="BEN")
    answers.accept(offer, by=offer.professor, now=flow.now)
    flow.settle()
    return flow.again(case)


def test_substituted_class_goes_back_to_its_professor_and_the_ledger_is_reversed(flow):
    case = covered(flow)
    absences.withdraw(case.absence, now=flow.now)
    case = flow.again(case)
    assert (case.status, case.meeting.professor.code) == (CaseStatus.WITHDRAWN, "ADA")
    lines = LedgerEntry.objects.filter(kind="given").values_list("hours", flat=True)
    assert sum(lines) == 0
    assert case.meeting.revision == 2


def test_class_that_has_been_covered_stays_covered(flow):
    case = covered(flow)
    flow.now = at("2027-03-02 09:05")
    absences.withdraw(case.absence, now=flow.now)
    assert flow.again(case).status == CaseStatus.SUBSTITUTED


def test_moved_class_stays_moved(flow):
    flow.now = at("2027-03-02 09:30")
    case = flow.past(flow.case())
    assert case.status == CaseStatus.RESCHEDULED
    absences.withdraw(case.absence, now=flow.now)
    assert flow.again(case).status == CaseStatus.RESCHEDULED


def test_postponed_class_goes_back_to_its_old_time_while_that_is_free(flow):
    case = flow.case()
    while case.step < StepNumber.RESCHEDULE:
        case = flow.past(case)
    assert case.meeting.status == MeetingStatus.POSTPONED
    assert flow.now < case.before_starts_at
    absences.withdraw(case.absence, now=flow.now)
    case = flow.again(case)
    assert (case.status, case.meeting.status) == (CaseStatus.WITHDRAWN, MeetingStatus.SCHEDULED)


def test_postponed_class_whose_old_time_is_gone_still_gets_a_new_one(flow):
    flow.now = at("2027-03-02 09:30")
    case = flow.case()
    absences.withdraw(case.absence, now=flow.now)
    case = flow.again(case)
    assert (case.status, case.waiting_for) == (CaseStatus.OPEN, WaitingFor.SLOT_CHOICE)
    assert flow.past(case).status == CaseStatus.RESCHEDULED


def test_prolonging_opens_cases_and_shortening_withdraws_them(flow):
    filed = flow.file()
    absences.change(
        filed.absence,
        starts_at=filed.absence.starts_at,
        ends_at=at("2027-03-04 00:00"),
        now=flow.now,
    )
    assert Case.objects.open().count() == 2
    absences.change(
        filed.absence,
        starts_at=at("2027-03-03 00:00"),
        ends_at=at("2027-03-04 00:00"),
        now=flow.now,
    )
    assert [c.status for c in Case.objects.order_by("pk")] == ["withdrawn", "open"]


# The note for whoever takes the class


def noted(flow, absence, note, *, starts="2027-03-02 00:00", ends="2027-03-03 00:00"):
    return absences.change(
        absence, starts_at=at(starts), ends_at=at(ends), handover=note, now=flow.now
    )


def last_pk():
    return Notice.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def test_a_new_note_is_told_once_to_whoever_is_booked_and_not_written_into_the_log(flow):
    case, before = covered(flow), last_pk()
    noted(flow, case.absence, "Chapter SEVEN")
    assert told_since(flow, before) == [("handover", ["ben"])]
    noted(flow, case.absence, "Chapter SEVEN")
    assert told_since(flow, before) == [("handover", ["ben"])]
    flow.tick(minutes=1)
    noted(flow, case.absence, "Chapter EIGHT")
    flow.tick(minutes=1)
    noted(flow, case.absence, "Chapter SEVEN")
    assert told_since(flow, before) == [("handover", ["ben"])] * 3
    assert Absence.objects.get().handover == "Chapter SEVEN"
    changes = LogEntry.objects.filter(kind="absence.changed").order_by("number")
    assert [one.data.get("handover") for one in changes] == ["changed", None, "changed", "changed"]
    assert not [one for one in LogEntry.objects.all() if "SEVEN" in f"{one.data}{one.reason}"]


def test_a_change_of_the_span_alone_leaves_the_note_and_tells_nobody_of_it(flow):
    case = flow.case(handover="Chapter 7")
    answers.accept(
        offer := case.offers.get(professor__code="BEN"), by=offer.professor, now=flow.now
    )
    flow.settle()
    before = last_pk()
    noted(flow, case.absence, None, ends="2027-03-02 12:00")
    assert told_since(flow, before) == []
    assert Absence.objects.get().handover == "Chapter 7"


def test_who_is_still_asked_reads_the_note_and_is_not_told_again(flow):
    case = flow.case()
    assert [status for _, status in flow.offers(case)] == ["sent"] * 3
    before = last_pk()
    noted(flow, case.absence, "Chapter 7")
    assert told_since(flow, before) == []


def test_whoever_has_promised_is_told_while_the_class_votes(flow):
    case = flow.case()
    while flow.again(case).step < StepNumber.SUBJECT:
        case = flow.past(case)
    answers.choose_candidate(case, candidate=flow.house.professors["EVE"], now=flow.now)
    flow.settle()
    offer = case.offers.get(professor__code="EVE")
    answers.accept(offer, by=offer.professor, now=flow.now)
    flow.settle()
    case, before = flow.again(case), last_pk()
    assert case.waiting_for == WaitingFor.CLASS_VOTE
    noted(flow, case.absence, "Chapter 7")
    assert told_since(flow, before) == [("handover", ["eve"])]
    assert "Chapter 7" in Notice.objects.latest("pk").body


def test_a_note_on_a_class_that_has_begun_is_told_to_nobody(flow):
    case = covered(flow)
    flow.now, before = case.meeting.starts_at, last_pk()
    noted(flow, case.absence, "Chapter 7")
    assert told_since(flow, before) == []


def test_whoever_the_same_change_releases_gets_no_note(flow):
    case, before = covered(flow), last_pk()
    noted(flow, case.absence, "Chapter 7", starts="2027-03-03 00:00", ends="2027-03-04 00:00")
    told = [kind for kind, _ in told_since(flow, before)]
    assert "released" in told
    assert "handover" not in told


def test_a_substitute_who_is_absent_in_turn_gets_the_note_until_somebody_takes_over(flow):
    case = covered(flow)
    second = flow.case(professor="BEN", ends="2027-03-02 10:45")
    before = last_pk()
    noted(flow, case.absence, "Chapter 7")
    assert told_since(flow, before) == [("handover", ["ben"])]
    offer = second.offers.get(professor__code="CLEO")
    answers.accept(offer, by=offer.professor, now=flow.now)
    flow.settle()
    flow.tick(minutes=1)
    before = last_pk()
    noted(flow, case.absence, "Chapter 8")
    assert told_since(flow, before) == []


# One class of an absence, taught after all


def two_days(flow):
    first, second = flow.file(ends="2027-03-04 00:00").cases
    flow.settle()
    return flow.again(first), flow.again(second)


def told_since(flow, before):
    rows = Notice.objects.filter(pk__gt=before).order_by("pk")
    return [
        (one.kind, sorted(m.user.email.partition("@")[0] for m in one.messages.all()))
        for one in rows
    ]


def last_notice():
    return Notice.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def test_leaving_one_class_out_ends_its_case_and_no_other(flow):
    case, other = two_days(flow)
    before, turn = last_notice(), other.turn
    absences.leave_out(case, now=flow.now)
    case, other = flow.again(case), flow.again(other)
    assert (case.status, case.due_at, case.waiting_for) == (CaseStatus.WITHDRAWN, None, "")
    assert {status for _, status in flow.offers(case)} == {"withdrawn"}
    assert (other.status, other.turn) == (CaseStatus.OPEN, turn)
    assert case.absence.withdrawn_at is None
    told = told_since(flow, before)
    assert sorted(told[:-1]) == [("offer-withdrawn", [name]) for name in ("ben", "cleo", "dan")]
    assert told[-1] == ("left-out", ["ada"])
    entries = LogEntry.objects.filter(case=case).order_by("-number")
    kinds = [entry.kind for entry in entries]
    assert kinds[: kinds.index("absence.left_out") + 1].count("case.withdrawn") == 1
    assert entries.get(kind="absence.left_out").data == {
        "absence": str(case.absence.uid),
        "professor": "ADA",
        "name": "Ada Adler",
        "class": "MATH.A",
        "starts_at": "2027-03-02T08:00:00+00:00",
    }
    assert flow.tick(minutes=1).opened == 0


def test_leaving_it_out_gives_a_substituted_class_back_and_reverses_the_ledger(flow):
    case, _ = two_days(flow)
    offer = case.offers.get(professor__code="BEN")
    answers.accept(offer, by=offer.professor, now=flow.now)
    flow.settle()
    before = last_notice()
    absences.leave_out(case, now=flow.now)
    case = flow.again(case)
    assert (case.status, case.meeting.professor.code) == (CaseStatus.WITHDRAWN, "ADA")
    assert sum(LedgerEntry.objects.filter(kind="given").values_list("hours", flat=True)) == 0
    assert {kind for kind, _ in told_since(flow, before)} == {
        "released",
        "restored",
        "restored-professor",
    }


def test_leaving_it_out_calls_the_vote_off_and_frees_whoever_was_promised(flow):
    case, _ = two_days(flow)
    case = flow.past(case)
    answers.choose_candidate(case, candidate=flow.house.professors["EVE"], now=flow.now)
    flow.settle()
    offer = case.offers.get(professor__code="EVE")
    answers.accept(offer, by=offer.professor, now=flow.now)
    flow.settle()
    assert flow.again(case).waiting_for == WaitingFor.CLASS_VOTE
    absences.leave_out(case, now=flow.now)
    assert not Ballot.objects.open().filter(subject_uid=case.uid).exists()
    assert not Hold.objects.filter(case_uid=case.uid).exists()
    offer.refresh_from_db()
    assert (flow.again(case).status, offer.status) == ("withdrawn", "withdrawn")


def test_a_postponed_class_that_is_left_out_goes_back_to_its_old_time(flow):
    case, _ = two_days(flow)
    while case.step < StepNumber.RESCHEDULE:
        case = flow.past(case)
    absences.leave_out(case, now=flow.now)
    case = flow.again(case)
    assert (case.status, case.meeting.status) == (CaseStatus.WITHDRAWN, MeetingStatus.SCHEDULED)


def begun_while_covered(flow):
    case = covered(flow)
    flow.now = at("2027-03-02 09:05")
    return case


def moved(flow):
    flow.now = at("2027-03-02 09:30")
    return flow.past(flow.case())


def begun_and_postponed(flow):
    flow.now = at("2027-03-02 09:30")
    return flow.case()


def of_a_withdrawn_absence(flow):
    case = flow.case()
    absences.withdraw(case.absence, now=flow.now)
    return flow.again(case)


def left_out_already(flow):
    case, _ = two_days(flow)
    absences.leave_out(case, now=flow.now)
    return flow.again(case)


def old_time_taken(flow):
    case, _ = two_days(flow)
    while case.step < StepNumber.RESCHEDULE:
        case = flow.past(case)
    MeetingFactory(
        offering=flow.house.classes["MATH.B"],
        planned_professor=flow.house.professors["ADA"],
        day=dt.date(2027, 3, 2),
        clock=dt.time(9),
    )
    return case


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (begun_while_covered, "class_begun"),
        (begun_and_postponed, "class_begun"),
        (moved, "case_closed"),
        (of_a_withdrawn_absence, "absence_withdrawn"),
        (left_out_already, "case_closed"),
        (old_time_taken, "cannot_restore"),
    ],
)
def test_what_cannot_be_taught_after_all_is_refused_and_nothing_is_changed(flow, make, code):
    case = make(flow)
    before = (case.status, case.turn, LogEntry.objects.count(), AbsenceException.objects.count())
    with pytest.raises(Refused) as refused:
        absences.leave_out(case, now=flow.now)
    assert refused.value.code == code
    assert absences.can_leave_out(case, flow.now) == (code == "cannot_restore")
    case = flow.again(case)
    assert before == (
        case.status, case.turn, LogEntry.objects.count(), AbsenceException.objects.count(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("span", "of_class", "ends"),
    [
        (("2027-03-02 09:00", "2027-03-02 10:30"), False, True),
        (("2027-03-02 00:00", "2027-03-03 00:00"), False, False),
        (("2027-03-02 00:00", "2027-03-03 00:00"), True, True),
        (("2027-03-02 00:00", "2027-03-04 00:00"), True, False),
    ],
)
def test_an_absence_about_this_class_alone_is_withdrawn_with_it(flow, span, of_class, ends):
    offering = flow.house.classes["MATH.A"] if of_class else None
    case, *_ = flow.file(starts=span[0], ends=span[1], offering=offering).cases
    flow.settle()
    before = last_notice()
    assert absences.is_about_alone(case) == ends
    absences.leave_out(case, now=flow.now)
    case = flow.again(case)
    assert case.status == CaseStatus.WITHDRAWN
    assert (case.absence.withdrawn_at is not None) == ends
    receipt = "absence-withdrawn" if ends else "left-out"
    assert told_since(flow, before)[-1] == (receipt, ["ada"])
    assert LogEntry.objects.filter(kind="absence.withdrawn").exists() == ends


def test_an_absence_goes_with_the_last_of_its_classes_only_if_all_are_taught(flow):
    """Of a class's absence two meetings are taken back one by one: with the second it is over."""
    offering = flow.house.classes["MATH.A"]
    first, second = flow.file(ends="2027-03-04 00:00", offering=offering).cases
    flow.settle()
    absences.leave_out(first, now=flow.now)
    assert flow.again(first).absence.withdrawn_at is None
    absences.leave_out(second, now=flow.now)
    assert flow.again(second).absence.withdrawn_at is not None


def changed(flow, absence, *, starts="2027-03-02 00:00", ends="2027-03-04 00:00", take_in=()):
    return absences.change(
        absence, starts_at=at(starts), ends_at=at(ends), take_in=take_in, now=flow.now
    )


def test_what_is_left_out_stays_so_however_the_absence_is_changed(flow):
    case, other = two_days(flow)
    absences.leave_out(case, now=flow.now)
    changed(flow, case.absence, ends="2027-03-05 00:00")
    changed(flow, case.absence, starts="2027-03-03 00:00")
    changed(flow, case.absence)
    assert flow.tick(minutes=1).opened == 0
    assert [c.status for c in case.meeting.cases.all()] == ["withdrawn"]
    assert flow.again(other).is_open


def test_what_is_left_out_is_taken_in_again_when_that_is_said(flow):
    case, _ = two_days(flow)
    absences.leave_out(case, now=flow.now)
    assert absences.left_out(case.absence, flow.now) == [case.meeting]
    filed = changed(flow, case.absence, take_in=[case.meeting_id])
    assert [opened.meeting for opened in filed.cases] == [case.meeting]
    assert absences.left_out(case.absence, flow.now) == []
    entry = LogEntry.objects.get(kind="absence.changed")
    assert entry.data["taken_in"] == [{"class": "MATH.A", "starts_at": "2027-03-02T08:00:00+00:00"}]
    flow.settle()
    again = flow.again(filed.cases[0])
    absences.leave_out(again, now=flow.now)
    assert flow.again(again).status == CaseStatus.WITHDRAWN


@pytest.mark.parametrize(
    ("starts", "clock", "code"),
    [
        ("2027-03-03 00:00", "2027-03-01 09:00", "outside_absence"),
        ("2027-03-02 00:00", "2027-03-02 09:30", "class_begun"),
    ],
)
def test_what_cannot_be_taken_in_is_refused_and_nothing_is_changed(flow, starts, clock, code):
    case, _ = two_days(flow)
    absences.leave_out(case, now=flow.now)
    flow.now = at(clock)
    with pytest.raises(Refused) as refused:
        changed(flow, case.absence, starts=starts, take_in=[case.meeting_id])
    assert refused.value.code == code
    assert AbsenceException.objects.get().cover is False
    assert Absence.objects.get().starts_at == at("2027-03-02 00:00")


def test_only_what_is_left_out_can_be_taken_in(flow):
    case, _ = two_days(flow)
    with pytest.raises(Refused) as refused:
        changed(flow, case.absence, take_in=[case.meeting_id])
    assert refused.value.code == "outside_absence"


def test_a_registrar_who_opens_the_case_again_takes_the_class_in(flow):
    case, _ = two_days(flow)
    absences.leave_out(case, now=flow.now)
    overrides.reopen(
        case, step=StepNumber.SECTION, why="Ill", now=flow.now, who=Who(ActorKind.REGISTRAR)
    )
    assert flow.again(case).is_open
    assert absences.left_out(case.absence, flow.now) == []
    changed(flow, case.absence, starts="2027-03-03 00:00")
    changed(flow, case.absence)
    assert [c.status for c in case.meeting.cases.order_by("pk")] == ["withdrawn", "open"]


def test_a_co_taught_class_that_was_insisted_on_is_insisted_on_again(flow):
    meeting = flow.house.meetings["CHEM.A", "2027-03-02"]
    (case,) = flow.file(professor="CLEO", cover={meeting.pk: True}).cases
    flow.settle()
    absences.leave_out(case, now=flow.now)
    span = {"starts_at": at("2027-03-02 00:00"), "ends_at": at("2027-03-03 00:00")}
    (coming,) = absences.coming_in(case.absence, *span.values(), [meeting.pk])
    assert (coming.meeting, coming.needs_cover) == (meeting, True)
    filed = absences.change(case.absence, **span, take_in=[meeting.pk], now=flow.now)
    assert [opened.meeting for opened in filed.cases] == [meeting]


def test_substitute_who_falls_ill_opens_a_case_of_their_own(flow):
    case = covered(flow)
    second = flow.case(professor="BEN", ends="2027-03-02 10:45")
    assert second.meeting == case.meeting
    assert second.professor.code == "BEN"
    absences.withdraw(case.absence, now=flow.now)
    assert flow.again(second).status == CaseStatus.WITHDRAWN
    assert flow.again(case).meeting.professor.code == "ADA"


def test_another_institute_is_not_touched(flow):
    other = small_institute("southfield")
    flow.case()
    assert Hold.objects.filter(institute=other.institute).count() == 0
    assert not Case.objects.filter(institute=other.institute).exists()
    assert {o.professor.institute for o in Offer.objects.all()} == {flow.house.institute}


def test_a_sweep_costs_the_same_however_many_cases_wait(flow, django_assert_max_num_queries):
    flow.case()
    flow.tick(minutes=1)
    with django_assert_max_num_queries(16) as one:
        sweep(flow.now)
    flow.file(professor="BEN")
    flow.file(professor="DAN")
    flow.tick(minutes=1)
    with django_assert_max_num_queries(16) as more:
        sweep(flow.now)
    assert (Case.objects.open().count(), len(more)) == (3, len(one))
