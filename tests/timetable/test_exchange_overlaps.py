"""Overlaps in the data come in, are marked on both sides, and are told."""

import pytest

from tests.factories import at
from timetable.exchange.overlaps import Standing, mark_overlaps
from timetable.models import Meeting

from .bundle_files import EVERYTHING, FILES, changed, imported, replaced, with_line

pytestmark = pytest.mark.django_db


def marked():
    """(class, local start) of the marked meetings."""
    return [
        (meeting.offering.code, f"{meeting.institute.local(meeting.starts_at):%m-%d %H:%M}")
        for meeting in Meeting.objects.filter(overlap_tolerated=True).order_by("starts_at", "pk")
    ]


def test_a_professor_in_two_places(tmp_path):
    files = changed(meetings=with_line("meetings", "MATH.B,2027-03-01,10:00,11:00,,ADA"))
    report = imported(tmp_path, files)
    assert report.overlaps == {"professor": 1, "room": 0}
    assert marked() == [("MATH.A", "03-01 09:00"), ("MATH.B", "03-01 10:00")]
    assert report.overlapping == [
        {
            "kind": "professor", "code": "ADA", "class": "MATH.B", "date": "2027-03-01",
            "starts": "10:00", "with": "MATH.A",
        }
    ]  # fmt: skip
    assert imported(tmp_path, files).unchanged == EVERYTHING + 1


def test_a_room_in_two_uses(tmp_path):
    files = changed(meetings=with_line("meetings", "PHYS.X,2027-03-01,10:00,11:00,R1,"))
    report = imported(tmp_path, files)
    assert report.overlaps == {"professor": 0, "room": 1}
    assert marked() == [("MATH.A", "03-01 09:00"), ("PHYS.X", "03-01 10:00")]


def test_a_co_teacher_in_two_places(tmp_path):
    files = changed(meetings=with_line("meetings", "MATH.A,2027-03-02,10:00,11:00,,CLEO"))
    report = imported(tmp_path, files)
    assert report.overlaps == {"professor": 1, "room": 0}
    assert [(one["kind"], one["code"]) for one in report.overlapping] == [("professor", "CLEO")]
    assert marked() == [("MATH.B", "03-02 09:00"), ("MATH.A", "03-02 10:00")]


def test_one_after_the_other_is_no_overlap(tmp_path):
    files = changed(meetings=with_line("meetings", "MATH.A,2027-03-01,10:30,11:00,R1,"))
    assert imported(tmp_path, files).overlaps == {"professor": 0, "room": 0}
    assert marked() == []


def test_a_slot_that_is_there_twice_comes_in_twice(tmp_path):
    files = changed(slots=with_line("slots", "PHYS.X,3,11:00,12:30,R1,1-2"))
    report = imported(tmp_path, files)
    assert report.counts["meetings"] == 13
    assert report.overlaps == {"professor": 2, "room": 0}
    assert len(marked()) == 4


def test_three_at_once_are_three_pairs(tmp_path):
    files = changed(
        meetings=FILES["meetings.csv"]
        + "MATH.A,2027-03-09,14:00,15:00,,ADA\n"
        + "MATH.B,2027-03-09,14:30,16:00,,ADA\n"
        + "PHYS.X,2027-03-09,14:45,15:30,,ADA\n"
    )
    assert imported(tmp_path, files).overlaps == {"professor": 3, "room": 0}
    assert len(marked()) == 3


def test_the_mark_goes_with_the_overlap(tmp_path):
    imported(
        tmp_path, changed(meetings=with_line("meetings", "MATH.B,2027-03-01,10:00,11:00,,ADA"))
    )
    report = imported(tmp_path)
    assert report.overlaps == {"professor": 0, "room": 0}
    assert marked() == []


def test_what_does_not_take_place_overlaps_nothing(tmp_path):
    imported(tmp_path)
    Meeting.objects.filter(starts_at=at("2027-03-01 09:00")).update(status="dropped")
    files = changed(meetings=with_line("meetings", "MATH.B,2027-03-01,10:00,11:00,,ADA"))
    assert imported(tmp_path, files).overlaps == {"professor": 0, "room": 0}


def test_a_new_meeting_may_overlap_one_that_was_moved_there(tmp_path):
    imported(tmp_path)
    Meeting.objects.filter(starts_at=at("2027-03-01 09:00")).update(
        starts_at=at("2027-03-04 14:00"), ends_at=at("2027-03-04 15:30")
    )
    files = changed(meetings=with_line("meetings", "MATH.B,2027-03-04,15:00,16:00,R1,ADA"))
    report = imported(tmp_path, files)
    assert report.overlaps == {"professor": 1, "room": 1}
    assert marked() == [("MATH.A", "03-04 14:00"), ("MATH.B", "03-04 15:00")]


def test_terms_that_run_at_the_same_time_share_their_rooms(tmp_path):
    imported(tmp_path)
    evening = changed(
        institute=replaced("institute", "Spring 2027", "Evening school"),
        classes=replaced("classes", "MATH.A,MATH,A,ADA", "MATH.E,MATH,A,CLEO"),
        slots="class,weekday,starts,ends,room,weeks\nMATH.E,1,10:00,11:00,R1,1\n",
        meetings=None,
    )
    report = imported(tmp_path, evening)
    assert report.overlaps == {"professor": 0, "room": 1}
    assert marked() == [("MATH.A", "03-01 09:00"), ("MATH.E", "03-01 10:00")]


def test_two_meetings_of_a_restored_timetable_may_have_swapped_rooms(tmp_path):
    """Row by row, each would be in the other's room for a moment."""
    both = "MATH.A,2027-03-09,14:00,15:00,{},ADA{}\nMATH.B,2027-03-09,14:00,15:00,{},BEN{}\n"
    header = FILES["meetings.csv"].splitlines()[0]
    imported(
        tmp_path, changed(meetings=header + "\n" + both.format("R1", "", "R2", ""), slots=None)
    )
    header += ",status,planned_date,planned_starts,planned_ends,planned_room,planned_professor"
    plan = ",moved,2027-03-09,14:00,15:00,{},{}"
    swapped = both.format("R2", plan.format("R1", "ADA"), "R1", plan.format("R2", "BEN"))
    report = imported(tmp_path, changed(meetings=f"{header}\n{swapped}", slots=None))
    assert report.details["meetings"] == {
        "created": 0, "updated": 2, "unchanged": 0, "removed": 0,
    }  # fmt: skip
    assert list(
        Meeting.objects.order_by("pk").values_list(
            "planned_room__code", "room__code", "overlap_tolerated", "revision"
        )
    ) == [("R1", "R2", False, 1), ("R2", "R1", False, 1)]


def test_many_at_once_are_counted_quickly():
    """Pairs are counted, not listed: a hundred thousand meetings in one room are five thousand million."""
    first, last = at("2027-03-01 09:00"), at("2027-03-01 10:00")
    standings = [Standing(first, last, n, 1, n) for n in range(2, 20_002)]
    by_professor, by_room = mark_overlaps(standings, {})
    assert (by_professor.total, by_room.total) == (0, 20_000 * 19_999 // 2)
    assert len(by_room.shown) == 1000
    assert all(standing.overlaps for standing in standings)
