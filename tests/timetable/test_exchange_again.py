"""A changed bundle: what is updated in place, what goes, and what stays because it has a history."""

import datetime as dt

import pytest

from tests.factories import (
    NOW,
    AbsenceExceptionFactory,
    AbsenceFactory,
    BallotFactory,
    CaseFactory,
    LedgerEntryFactory,
    SlotChoiceFactory,
    at,
)
from timetable.enums import MeetingStatus
from timetable.exchange import meetings as exchange_meetings
from timetable.models import Enrolment, Meeting, Offering, Professor, Room, Slot, Student, Teaching

from .bundle_files import EVERYTHING, FILES, changed, imported, replaced, with_line

pytestmark = pytest.mark.django_db

PLAN = ("planned_professor_id", "planned_room_id", "planned_starts_at", "planned_ends_at")
FIRST_MONDAY = {"class": "MATH.A", "date": "2027-03-01", "starts": "09:00"}


def totals(report, kind=None):
    if kind is None:
        return report.created, report.updated, report.unchanged, report.removed
    tally = report.details[kind]
    return tally["created"], tally["updated"], tally["unchanged"], tally["removed"]


def mondays():
    return Meeting.objects.filter(slot__weekday=1, offering__code="MATH.A").order_by("starts_at")


def rows(meetings):
    return list(meetings.order_by("pk").values())


def test_plain_facts_are_updated_in_place(tmp_path):
    imported(tmp_path)
    ids = {model: list(model.objects.values_list("pk")) for model in (Room, Professor, Offering)}
    files = changed(
        institute=replaced("institute", "Hillside College", "Hillside University"),
        rooms=replaced("rooms", ",40", ",60"),
        professors=replaced("professors", "assistant,0.5,7.5", "professor,1,"),
        classes=replaced("classes", "PHYS.X,PHYS,A,BEN,lab", "PHYS.X,PHYS,A,BEN,lecture"),
        availability=replaced("availability", "unavailable", "avoid"),
    )
    report = imported(tmp_path, files)
    assert totals(report) == (0, 5, EVERYTHING - 5, 0)
    assert Room.objects.get(code="R1").capacity == 60
    assert Professor.objects.values_list("rank", "fte", "weekly_hours").get(code="BEN") == (
        "professor", 1, None,
    )  # fmt: skip
    assert ids == {model: list(model.objects.values_list("pk")) for model in ids}
    assert imported(tmp_path, files).unchanged == EVERYTHING


def test_a_changed_order_of_professors_is_an_update_of_the_class(tmp_path):
    imported(tmp_path)
    files = changed(classes=replaced("classes", "BEN;CLEO", "CLEO;BEN"))
    report = imported(tmp_path, files)
    assert totals(report, "classes") == (0, 1, 2, 0)
    assert list(
        Teaching.objects.filter(offering__code="MATH.B")
        .order_by("position")
        .values_list("professor__code", flat=True)
    ) == ["CLEO", "BEN"]


def test_a_class_that_loses_a_section_loses_its_students(tmp_path):
    imported(tmp_path)
    report = imported(tmp_path, changed(classes=replaced("classes", "B;A", "B")))
    assert totals(report, "classes") == (0, 1, 2, 0)
    assert totals(report, "enrolments") == (0, 0, 5, 2)
    roster = Enrolment.objects.filter(offering__code="MATH.B")
    assert list(roster.values_list("student__code", flat=True)) == ["B1"]


def test_a_student_who_changes_section_changes_classes(tmp_path):
    imported(tmp_path)
    moved = replaced("students", "a1@hillside.example,,A", "a1@hillside.example,,B")
    report = imported(tmp_path, changed(students=moved))
    assert totals(report, "students") == (0, 1, 3, 0)
    assert totals(report, "enrolments") == (0, 0, 6, 1)


def test_a_list_of_its_own_and_back_again(tmp_path):
    imported(tmp_path)
    files = changed(enrolments=with_line("enrolments", "MATH.A,X1"))
    report = imported(tmp_path, files)
    assert totals(report, "enrolments") == (1, 0, 5, 2)
    assert not Offering.objects.get(code="MATH.A").roster_from_sections
    assert totals(imported(tmp_path), "enrolments") == (2, 0, 5, 1)
    assert Offering.objects.get(code="MATH.A").roster_from_sections


def test_who_leaves_becomes_inactive_and_who_returns_active(tmp_path):
    imported(tmp_path)
    files = changed(
        professors=FILES["professors.csv"].replace(
            "CLEO,Cleo Clark,cleo@hillside.example,,,phd,,,\n", ""
        ),
        classes=replaced("classes", "BEN;CLEO", "BEN"),
        qualifications=None,
        meetings=None,
        students=FILES["students.csv"].replace("B1,Bella Best,b1@hillside.example,,B\n", ""),
    )
    report = imported(tmp_path, files)
    assert totals(report, "professors") == (0, 0, 2, 1)
    assert totals(report, "students") == (0, 0, 3, 1)
    assert dict(Professor.objects.values_list("code", "active")) == {
        "ADA": True, "BEN": True, "CLEO": False,
    }  # fmt: skip
    assert Student.objects.get(code="B1").active is False
    assert not Enrolment.objects.filter(student__code="B1").exists()
    again = imported(tmp_path, files)
    assert (again.created, again.updated, again.removed) == (0, 0, 0)

    report = imported(tmp_path)
    assert totals(report, "professors") == (0, 1, 2, 0)
    assert totals(report, "students") == (0, 1, 3, 0)
    assert imported(tmp_path).unchanged == EVERYTHING


def test_what_nothing_hangs_on_any_more_goes(tmp_path):
    files = changed(
        rooms=with_line("rooms", "R3,,,"), courses=with_line("courses", "CHEM,Chemistry,")
    )
    imported(tmp_path, files)
    report = imported(tmp_path)
    assert (totals(report, "rooms"), totals(report, "courses")) == ((0, 0, 2, 1), (0, 0, 2, 1))
    assert not Room.objects.filter(code="R3").exists()
    assert report.kept == []


def test_a_room_that_something_else_remembers_stays(tmp_path):
    """The timetable does not know who remembers it."""
    imported(tmp_path, changed(rooms=with_line("rooms", "R3,,,")))
    SlotChoiceFactory(room=Room.objects.get(code="R3"))
    report = imported(tmp_path)
    assert report.kept == [{"kind": "room", "code": "R3", "reason": "in_use"}]
    assert Room.objects.filter(code="R3").exists()


def test_another_room_for_a_slot_plans_its_meetings_anew(tmp_path):
    imported(tmp_path)
    uids = list(mondays().values_list("uid", flat=True))
    slot = Slot.objects.get(weekday=1)
    files = changed(slots=replaced("slots", "10:30,R1,\n", "10:30,R2,\n"))
    report = imported(tmp_path, files)
    assert totals(report, "slots") == (0, 1, 2, 0)
    assert totals(report, "meetings") == (0, 5, 6, 0)
    assert Slot.objects.get(weekday=1) == slot
    assert list(mondays().values_list("uid", "room__code", "planned_room__code", "revision")) == [
        (uid, "R2", "R2", 1) for uid in uids
    ]
    assert imported(tmp_path, files).unchanged == EVERYTHING


def test_another_time_for_a_slot_takes_the_old_meetings_away(tmp_path):
    imported(tmp_path)
    files = changed(slots=replaced("slots", "MATH.A,1,09:00,10:30", "MATH.A,4,09:00,10:30"))
    report = imported(tmp_path, files)
    assert totals(report, "slots") == (1, 0, 2, 1)
    assert totals(report, "meetings") == (6, 0, 6, 5)
    assert report.kept == []


HISTORIES = {
    "a case": lambda meeting: CaseFactory(meeting=meeting),
    "a line of the ledger": lambda meeting: LedgerEntryFactory(meeting=meeting),
    "a decision of an absent professor": lambda meeting: AbsenceExceptionFactory(meeting=meeting),
}


@pytest.mark.parametrize("happen", HISTORIES.values(), ids=HISTORIES)
@pytest.mark.parametrize(
    "files",
    [
        changed(slots=replaced("slots", "MATH.A,1,09:00,10:30", "MATH.A,4,09:00,10:30")),
        changed(slots=replaced("slots", "10:30,R1,\n", "10:30,R2,\n")),
        changed(classes=replaced("classes", "MATH.A,MATH,A,ADA", "MATH.A,MATH,A,BEN")),
    ],
    ids=["another time", "another room", "another professor"],
)
def test_a_meeting_with_a_history_stays_as_it_is(tmp_path, happen, files):
    imported(tmp_path)
    first = mondays()[0]
    happen(first)
    before = rows(Meeting.objects.filter(pk=first.pk))
    report = imported(tmp_path, files)
    assert report.kept == [{"kind": "meeting", **FIRST_MONDAY, "reason": "history"}]
    assert report.kept_total == 1
    after = rows(Meeting.objects.filter(pk=first.pk))
    assert [{**row, "slot_id": None} for row in after] == [
        {**row, "slot_id": None} for row in before
    ]
    again = imported(tmp_path, files)
    assert (again.created, again.updated, again.removed) == (0, 0, 0)
    assert again.kept == report.kept


def test_a_case_that_opens_while_the_import_decides_keeps_its_meeting(tmp_path, monkeypatch):
    imported(tmp_path)
    first = mondays()[0]
    ask = exchange_meetings.referred_to
    answers = []

    def ask_and_be_overtaken(rows):
        answers.append(ask(rows))
        if len(answers) == 1:
            CaseFactory(meeting=first)
        return answers[-1]

    monkeypatch.setattr(exchange_meetings, "referred_to", ask_and_be_overtaken)
    report = imported(tmp_path, changed(slots=None, meetings=None))
    assert answers == [set(), {first.pk}]
    assert report.kept == [{"kind": "meeting", **FIRST_MONDAY, "reason": "history"}]
    assert list(Meeting.objects.all()) == [first]


CHANGES = {
    "substituted": lambda meeting: {"professor": Professor.objects.get(code="BEN")},
    "moved": lambda meeting: {
        "starts_at": at("2027-03-04 16:00"), "ends_at": at("2027-03-04 17:30"),
    },
    "in another room": lambda meeting: {"room": Room.objects.get(code="R2")},
    "postponed": lambda meeting: {"status": MeetingStatus.POSTPONED},
    "dropped": lambda meeting: {"status": MeetingStatus.DROPPED},
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_meeting_that_no_longer_equals_its_plan_is_left_alone(tmp_path, change):
    imported(tmp_path)
    first = mondays()[0]
    Meeting.objects.filter(pk=first.pk).update(**change(first))
    before = rows(Meeting.objects.filter(pk=first.pk))

    # The same bundle says nothing new about it.
    same = imported(tmp_path)
    assert (same.unchanged, same.kept) == (EVERYTHING, [])
    assert rows(Meeting.objects.filter(pk=first.pk)) == before

    # Another one would plan it away.
    gone = imported(tmp_path, changed(slots=None))
    assert gone.kept == [{"kind": "meeting", **FIRST_MONDAY, "reason": "changed"}]
    assert [{**row, "slot_id": None} for row in before] == rows(Meeting.objects.filter(pk=first.pk))
    assert Meeting.objects.filter(offering__code="MATH.A").count() == 2


def test_the_plan_of_a_row_never_changes(tmp_path):
    imported(tmp_path)
    CaseFactory(meeting=mondays()[0])
    CaseFactory(meeting=mondays()[1])
    plans = {pk: plan for pk, *plan in Meeting.objects.values_list("pk", *PLAN)}
    imported(
        tmp_path,
        changed(
            institute=replaced("institute", "2027-03-29", "2027-03-22"),
            slots=replaced("slots", "MATH.A,1,09:00,10:30,R1,", "MATH.A,1,09:00,10:30,R2,1-3"),
            classes=replaced("classes", "MATH.B,MATH,B;A,BEN;CLEO", "MATH.B,MATH,B;A,ADA"),
        ),
    )
    after = {pk: plan for pk, *plan in Meeting.objects.values_list("pk", *PLAN)}
    assert {pk: plan for pk, plan in after.items() if pk in plans and plan != plans[pk]} == {}
    assert {mondays()[0].pk, mondays()[1].pk} <= set(plans)


def test_a_class_with_a_history_stays_with_its_roster(tmp_path):
    imported(tmp_path)
    CaseFactory(meeting=mondays()[0])
    files = changed(
        classes=FILES["classes.csv"].replace("MATH.A,MATH,A,ADA,lecture\n", ""),
        slots=FILES["slots.csv"].replace("MATH.A,1,09:00,10:30,R1,\n", ""),
        meetings=None,
        students=replaced("students", "a1@hillside.example,,A", "a1@hillside.example,,B"),
    )
    report = imported(tmp_path, files)
    assert report.kept == [
        {"kind": "meeting", **FIRST_MONDAY, "reason": "history"},
        {"kind": "class", "code": "MATH.A", "reason": "history"},
    ]
    kept = Offering.objects.get(code="MATH.A")
    assert kept.meetings.count() == 1
    assert kept.slots.count() == 0
    assert list(kept.professors.values_list("code", flat=True)) == ["ADA"]
    assert set(kept.students.values_list("code", flat=True)) == {"A1", "A2"}
    assert not kept.roster_from_sections
    again = imported(tmp_path, files)
    assert (again.created, again.updated, again.removed) == (0, 0, 0)
    assert again.kept == report.kept


@pytest.mark.parametrize(
    "happen",
    [
        lambda offering: BallotFactory(offering=offering),
        lambda offering: AbsenceFactory(
            offering=offering, professor=offering.professors.get(), filed_at=NOW
        ),
    ],
    ids=["a vote", "an absence"],
)
def test_a_class_that_a_vote_or_an_absence_names_stays_without_meetings(tmp_path, happen):
    imported(tmp_path)
    happen(Offering.objects.get(code="PHYS.X"))
    files = changed(
        classes=FILES["classes.csv"].replace("PHYS.X,PHYS,A,BEN,lab\n", ""),
        slots=FILES["slots.csv"].replace("PHYS.X,3,11:00,12:30,,1-2\n", ""),
        enrolments=None,
    )
    report = imported(tmp_path, files)
    assert report.kept == [{"kind": "class", "code": "PHYS.X", "reason": "history"}]
    assert Offering.objects.get(code="PHYS.X").students.count() == 2


def test_a_class_without_a_history_goes_with_all_its_parts(tmp_path):
    imported(tmp_path)
    files = changed(
        classes=FILES["classes.csv"].replace("MATH.B,MATH,B;A,BEN;CLEO,tutorial\n", ""),
        slots=FILES["slots.csv"].replace("MATH.B,2,09:00,10:30,R1,odd\n", ""),
    )
    report = imported(tmp_path, files)
    assert totals(report, "classes") == (0, 0, 2, 1)
    assert totals(report, "meetings") == (0, 0, 8, 3)
    assert report.kept == []
    assert not Enrolment.objects.filter(offering__code="MATH.B").exists()


def test_a_second_meeting_at_the_same_time_is_matched_by_its_room(tmp_path):
    """A class split over two rooms: one of them changes, the other keeps its row."""
    split = with_line("slots", "PHYS.X,3,11:00,12:30,R2,1-2")
    imported(tmp_path, changed(slots=split))
    in_r2 = set(Meeting.objects.filter(planned_room__code="R2", slot__weekday=3).values_list("pk"))
    report = imported(
        tmp_path, changed(slots=split.replace("PHYS.X,3,11:00,12:30,,1-2", "PHYS.X,3,11:00,12:30,R1,1-2"))
    )  # fmt: skip
    assert totals(report, "meetings") == (0, 2, 11, 0)
    assert in_r2 == set(
        Meeting.objects.filter(planned_room__code="R2", slot__weekday=3).values_list("pk")
    )


def test_another_time_zone_plans_everything_anew(tmp_path):
    imported(tmp_path)
    report = imported(
        tmp_path, changed(institute=replaced("institute", "Europe/Vienna", "Europe/London"))
    )
    assert totals(report, "meetings") == (11, 0, 0, 11)
    assert mondays()[0].starts_at == dt.datetime(2027, 3, 1, 9, tzinfo=dt.UTC)
