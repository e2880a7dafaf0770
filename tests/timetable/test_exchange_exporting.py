"""What is exported imports again to the same, to the byte."""

import csv
import datetime as dt
import io
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reallocation.models import Case
from tests.factories import CaseFactory, InstituteFactory, TermFactory, at
from timetable.enums import MeetingStatus
from timetable.exchange.exporting import export_bundle, term_at
from timetable.exchange.registry import FILES as KINDS
from timetable.models import (
    Absence,
    Course,
    Institute,
    Meeting,
    Offering,
    Period,
    Professor,
    Room,
    Section,
    Student,
    Term,
    User,
)

from .bundle_files import COUNTS, EVERYTHING, FILES, changed, imported, replaced

pytestmark = pytest.mark.django_db

MEETINGS_HEADER = (
    "class,date,starts,ends,room,professor,status,"
    "planned_date,planned_starts,planned_ends,planned_room,planned_professor"
)


def exported(folder):
    """The files of the only term, by name."""
    export_bundle(Term.objects.get(), folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def rows(files, name):
    return list(csv.DictReader(io.StringIO(files[f"{name}.csv"].decode(), newline="")))


def wipe():
    """An empty database, as far as a timetable is concerned."""
    for model in (Case, Absence, Meeting, Offering):
        model.objects.all().delete()
    for model in (Course, Professor, Room, Section, Student, Institute, User):
        model.objects.all().delete()


def meeting(code, start):
    return Meeting.objects.get(offering__code=code, planned_starts_at=at(start))


def change_things():
    """One meeting of each kind of change."""
    swap = meeting("MATH.A", "2027-03-01 09:00")
    swap.professor = Professor.objects.get(code="BEN")
    swap.save()
    move = meeting("MATH.A", "2027-03-08 09:00")
    move.starts_at, move.ends_at = at("2027-03-28 16:00"), at("2027-03-28 17:30")
    move.save()
    other_room = meeting("MATH.A", "2027-03-15 09:00")
    other_room.room = None
    other_room.save()
    postponed = meeting("MATH.B", "2027-03-02 09:00")
    postponed.status = MeetingStatus.POSTPONED
    postponed.save()
    dropped = meeting("PHYS.X", "2027-03-03 11:00")
    dropped.status = MeetingStatus.DROPPED
    dropped.save()


def test_every_kind_of_file_is_written_with_its_columns(tmp_path):
    imported(tmp_path / "in")
    files = exported(tmp_path / "out")
    assert set(files) == set(FILES)
    headers = {name: files[name].split(b"\r\n")[0].decode() for name in files}
    for name, text in FILES.items():
        if name.endswith(".csv") and name != "meetings.csv":
            assert headers[name] == text.splitlines()[0]
    assert headers["meetings.csv"] == MEETINGS_HEADER


def test_the_plain_bundle_comes_back_in_a_fixed_order(tmp_path):
    imported(tmp_path / "in")
    files = exported(tmp_path / "out")
    assert files["institute.toml"].decode() == FILES["institute.toml"]
    assert files["rooms.csv"] == b"code,name,building,capacity\r\nR1,Room one,Main,40\r\nR2,,,\r\n"
    assert files["classes.csv"].decode().splitlines()[1:] == [
        "MATH.A,MATH,A,ADA,lecture",
        "MATH.B,MATH,A;B,BEN;CLEO,tutorial",
        "PHYS.X,PHYS,A,BEN,lab",
    ]
    assert files["professors.csv"].decode().splitlines()[1:] == [
        "ADA,Ada Adler,ada@hillside.example,+431234567,Sciences,professor,1,12,6",
        "BEN,Ben Baker,Ben@Hillside.example,,,assistant,0.5,7.5,",
        "CLEO,Cleo Clark,cleo@hillside.example,,,phd,1,,",
    ]
    assert files["enrolments.csv"].decode().splitlines()[1:] == ["PHYS.X,A2", "PHYS.X,X1"]


def test_meetings_say_what_was_planned_and_what_holds(tmp_path):
    imported(tmp_path / "in")
    change_things()
    found = exported(tmp_path / "out")["meetings.csv"].decode().splitlines()
    plan = ",2027-03-{},09:00,10:30,R1,ADA"
    assert len(found) == 1 + COUNTS["meetings"]
    assert {line for line in found[1:] if ",scheduled," not in line} == {
        "MATH.A,2027-03-01,09:00,10:30,R1,BEN,substituted" + plan.format("01"),
        "MATH.A,2027-03-28,16:00,17:30,R1,ADA,moved" + plan.format("08"),
        "MATH.A,2027-03-15,09:00,10:30,,ADA,moved" + plan.format("15"),
        "MATH.B,2027-03-02,09:00,10:30,R1,BEN,postponed,2027-03-02,09:00,10:30,R1,BEN",
        "PHYS.X,2027-03-03,11:00,12:30,,BEN,dropped,2027-03-03,11:00,12:30,,BEN",
    }


def test_an_export_imported_into_the_same_database_changes_nothing(tmp_path):
    imported(tmp_path / "in")
    change_things()
    report = imported(tmp_path / "again", exported(tmp_path / "out"))
    assert (report.created, report.updated, report.unchanged, report.removed) == (
        0,
        0,
        EVERYTHING,
        0,
    )
    assert (report.counts, report.kept) == (COUNTS, [])


def test_an_export_imported_into_an_empty_database_restores_it(tmp_path):
    imported(tmp_path / "in")
    change_things()
    first = exported(tmp_path / "out")
    slots = sorted(Meeting.objects.values_list("planned_starts_at", "slot__weekday"))
    wipe()
    report = imported(tmp_path / "again", first)
    assert (report.created, report.counts) == (EVERYTHING, COUNTS)
    assert exported(tmp_path / "out2") == first
    assert sorted(Meeting.objects.values_list("planned_starts_at", "slot__weekday")) == slots


def test_rows_with_a_plan_are_all_the_meetings_of_their_class(tmp_path):
    """Its slots make none besides; those of a class without such rows do."""
    imported(tmp_path / "in")
    files = exported(tmp_path / "out")
    kept = [
        line
        for line in files["meetings.csv"].decode().splitlines()
        if not line.startswith(("MATH.A,2027-03-15", "MATH.B"))
    ]
    wipe()
    report = imported(tmp_path / "again", {**files, "meetings.csv": "\n".join(kept) + "\n"})
    assert report.counts["meetings"] == COUNTS["meetings"] - 1
    assert not Meeting.objects.filter(planned_starts_at=at("2027-03-15 09:00")).exists()
    assert Meeting.objects.filter(offering__code="MATH.B").count() == 3


def test_what_an_export_says_holds_again_for_an_untouched_meeting(tmp_path):
    imported(tmp_path / "in")
    change_things()
    with_changes = exported(tmp_path / "out")
    wipe()
    imported(tmp_path / "in")
    report = imported(tmp_path / "again", with_changes)
    assert report.details["meetings"] == {
        "created": 0, "updated": 5, "unchanged": 6, "removed": 0,
    }  # fmt: skip
    assert exported(tmp_path / "out2") == with_changes


def test_an_old_export_does_not_undo_what_happened_since(tmp_path):
    imported(tmp_path / "in")
    old = exported(tmp_path / "out")
    change_things()
    CaseFactory(meeting=meeting("MATH.A", "2027-03-22 09:00"))
    since = exported(tmp_path / "out2")
    report = imported(tmp_path / "again", old)
    assert (report.created, report.updated, report.removed) == (0, 0, 0)
    assert [(kept["class"], kept["date"], kept["reason"]) for kept in report.kept] == [
        ("MATH.A", "2027-03-01", "changed"),
        ("MATH.A", "2027-03-08", "changed"),
        ("MATH.A", "2027-03-15", "changed"),
        ("MATH.B", "2027-03-02", "changed"),
        ("PHYS.X", "2027-03-03", "changed"),
    ]
    assert exported(tmp_path / "out3") == since


def test_people_who_left_are_exported_only_where_they_are_still_named(tmp_path):
    imported(tmp_path / "in")
    CaseFactory(meeting=meeting("MATH.A", "2027-03-06 10:00"))
    files = changed(
        professors=FILES["professors.csv"]
        .replace("CLEO,Cleo Clark,cleo@hillside.example,,,phd,,,\n", "")
        .replace("ADA,", "DORA,")
        .replace("ada@", "dora@"),
        classes=FILES["classes.csv"].replace("BEN;CLEO", "BEN").replace("ADA", "DORA"),
        qualifications=None,
        meetings=None,
    )
    imported(tmp_path / "in", files)
    out = exported(tmp_path / "out")
    people = {row["code"]: row["active"] for row in rows(out, "professors")}
    assert people == {"BEN": "", "CLEO": "no", "DORA": ""}
    assert len(rows(out, "meetings")) == COUNTS["meetings"]

    again = imported(tmp_path / "again", out)
    assert (again.created, again.updated, again.removed, again.kept) == (0, 0, 0, [])
    wipe()
    imported(tmp_path / "again", out)
    assert exported(tmp_path / "out2") == out
    assert not Professor.objects.get(code="CLEO").active


def test_a_class_kept_for_its_history_is_exported_with_its_roster(tmp_path):
    imported(tmp_path / "in")
    CaseFactory(meeting=meeting("MATH.A", "2027-03-01 09:00"))
    imported(
        tmp_path / "in",
        changed(
            classes=FILES["classes.csv"].replace("MATH.A,MATH,A,ADA,lecture\n", ""),
            slots=FILES["slots.csv"].replace("MATH.A,1,09:00,10:30,R1,\n", ""),
            meetings=None,
            students=FILES["students.csv"].replace("A1,Anna Able,a1@hillside.example,,A\n", ""),
        ),
    )
    out = exported(tmp_path / "out")
    assert {row["code"]: row["active"] for row in rows(out, "students")} == {
        "A1": "no", "A2": "", "B1": "", "X1": "",
    }  # fmt: skip
    again = imported(tmp_path / "again", out)
    assert (again.created, again.updated, again.removed, again.kept) == (0, 0, 0, [])


def test_names_with_every_printable_character_come_back(tmp_path):
    name = 'Žofie "Zofka" O\'Neil, 50% \\ {x} — 教授 \u00a0🎓'
    files = changed(
        rooms='code,name\nR1,"' + name.replace('"', '""') + '"\nR2,=1+1\n',
        institute=replaced(
            "institute",
            "Hillside College",
            name.replace("\\", "\\\\").replace('"', '\\"'),
        ),
    )
    imported(tmp_path / "in", files)
    assert Room.objects.get(code="R1").name == Institute.objects.get().name == name
    out = exported(tmp_path / "out")
    assert imported(tmp_path / "again", out).unchanged == EVERYTHING


def test_an_export_replaces_what_was_there(tmp_path):
    imported(tmp_path / "in")
    first = exported(tmp_path / "out")
    (tmp_path / "out" / "rooms.csv").write_text("something else")
    assert exported(tmp_path / "out") == first


def test_the_term_that_runs_is_the_one_exported():
    institute = InstituteFactory()
    assert term_at(institute, at("2027-03-01 09:00")) is None
    spring = TermFactory(institute=institute)
    autumn = TermFactory(
        institute=institute,
        name="Autumn 2027",
        starts_on=dt.date(2027, 9, 6),
        mid_semester_on=dt.date(2027, 10, 15),
        end_semester_on=dt.date(2027, 12, 3),
        ends_on=dt.date(2027, 12, 19),
    )
    days = {"2026-12-24": spring, "2027-01-04": spring, "2027-04-25": spring, "2027-04-26": autumn,
            "2027-12-19": autumn, "2028-05-01": autumn}  # fmt: skip
    assert {day: term_at(institute, at(f"{day} 00:00")) for day in days} == days


# Any timetable ---------------------------------------------------------------------------------------

CLOCKS = [f"{hour:02}:{minute:02}" for hour in (0, 2, 8, 9, 23) for minute in (0, 30)]
DAYS = [f"2027-03-{day:02}" for day in range(20, 32)]
NAMES = st.text(
    st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=12
).filter(str.strip)

rooms = st.sampled_from(["", "R1", "R2"])
teachers = st.lists(st.sampled_from(["ADA", "BEN", "CLEO"]), min_size=1, max_size=3, unique=True)
times = st.lists(st.sampled_from(CLOCKS), min_size=2, max_size=2, unique=True).map(sorted)
classes = st.sampled_from(["MATH.A", "MATH.B", "PHYS.X"])
slots = st.lists(
    st.tuples(
        classes,
        st.integers(1, 7),
        times,
        rooms,
        st.sampled_from(["", "odd", "even", "1-2", "2;3"]),
    ),
    max_size=5,
)
dated = st.lists(
    st.tuples(classes, st.sampled_from(DAYS), times, rooms, st.sampled_from(["", "ADA", "BEN"])),
    max_size=5,
)
rosters = st.lists(
    st.tuples(classes, st.sampled_from(["A1", "A2", "B1", "X1"])), max_size=5, unique=True
)
availability = st.lists(
    st.tuples(
        st.sampled_from(["ADA", "BEN"]),
        st.integers(1, 7),
        times,
        st.sampled_from(["unavailable", "avoid"]),
    ),
    max_size=3,
)
happenings = st.lists(
    st.tuples(
        st.sampled_from(["substituted", "moved", "roomless", "postponed", "dropped", "case"]),
        st.integers(0, 30),
        st.integers(0, 6 * 24),
    ),
    max_size=6,
)
zones = st.sampled_from(["Europe/Vienna", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Kolkata"])


def sheet(header, lines):
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(header.split(","))
    writer.writerows(lines)
    return written.getvalue()


def some_bundle(name, zone, teaching, slot_rows, dated_rows, roster_rows, availability_rows):
    """The usual bundle with drawn classes, in a term in which the clocks change."""
    head = replaced("institute", '"Europe/Vienna"', f'"{zone}"')
    for old, new in (
        ("03-01", "03-20"),
        ("03-19", "03-25"),
        ("04-09", "03-26"),
        ("04-11", "04-09"),
    ):
        head = head.replace(f"2027-{old}", f"2027-{new}")
    return changed(
        institute=head,
        rooms=sheet("code,name,building,capacity", [("R1", name, "", "7"), ("R2", "", name, "")]),
        classes=sheet(
            "code,course,sections,professors,kind",
            [
                ("MATH.A", "MATH", "A", ";".join(teaching), "lecture"),
                ("MATH.B", "MATH", "A;B", "BEN", "lab"),
                ("PHYS.X", "PHYS", "", "CLEO;ADA", "seminar"),
            ],
        ),
        slots=sheet(
            "class,weekday,starts,ends,room,weeks",
            [(c, day, *clock, room, weeks) for c, day, clock, room, weeks in slot_rows],
        ),
        meetings=sheet(
            "class,date,starts,ends,room,professor",
            [(c, day, *clock, room, who) for c, day, clock, room, who in dated_rows],
        ),
        enrolments=sheet("class,student", roster_rows),
        availability=sheet(
            "professor,weekday,starts,ends,kind",
            [(who, day, *clock, kind) for who, day, clock, kind in availability_rows],
        ),
    )


def let_happen(events):
    meetings = list(Meeting.objects.order_by("pk"))
    for what, which, hours in events if meetings else ():
        found = meetings[which % len(meetings)]
        # Overlaps of their own making are the workflow's to prevent, not the exchange's.
        found.overlap_tolerated = True
        match what:
            case "substituted":
                found.professor = Professor.objects.get(code="CLEO")
            case "moved":
                # Whole hours from a quiet noon: a wall-clock time that exists once, on one day.
                length = found.planned_ends_at - found.planned_starts_at
                noon = found.institute.moment(dt.date(2027, 3, 30), dt.time(12))
                if length <= dt.timedelta(hours=10):
                    found.starts_at = noon + dt.timedelta(days=hours // 24)
                    found.ends_at = found.starts_at + length
            case "roomless":
                found.room = None
            case "postponed" | "dropped":
                found.status = what
            case "case":
                if not found.cases.exists():
                    CaseFactory(meeting=found)
        found.save()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    bundle=st.builds(some_bundle, NAMES, zones, teachers, slots, dated, rosters, availability),
    events=happenings,
)
def test_any_timetable_survives_the_round_trip(bundle, events):
    with TemporaryDirectory() as name, transaction.atomic():
        folder = Path(name)
        first = imported(folder / "in", bundle)
        assert imported(folder / "in", bundle).unchanged == first.created
        let_happen(events)

        out = exported(folder / "out")
        again = imported(folder / "again", out)
        assert (again.created, again.updated, again.removed, again.kept) == (0, 0, 0, [])
        assert exported(folder / "out2") == out

        # The plain bundle knows nothing of what happened since, and undoes none of it.
        plain = imported(folder / "in", bundle)
        assert (plain.created, plain.updated, plain.removed, plain.kept) == (0, 0, 0, [])
        assert exported(folder / "out3") == out

        transaction.set_rollback(True)

    with TemporaryDirectory() as name, transaction.atomic():
        folder = Path(name)
        restored = imported(folder / "again", out)
        assert restored.counts == first.counts
        assert exported(folder / "out") == out
        transaction.set_rollback(True)


def test_each_kind_of_file_has_a_row_with_its_columns():
    import dataclasses

    for kind in KINDS:
        fields = [field.name for field in dataclasses.fields(kind.row)]
        assert len(fields) == 1 + len(kind.columns), kind.name


def test_bells_come_in_the_order_of_the_day(tmp_path):
    imported(tmp_path / "in")
    Period.objects.create(term=Term.objects.get(), name="0", starts=dt.time(7), ends=dt.time(7, 45))
    text = exported(tmp_path / "out")["institute.toml"].decode()
    assert text.index('name = "0"') < text.index('name = "1"') < text.index('name = "2"')
    assert imported(tmp_path / "again", exported(tmp_path / "out")).unchanged == EVERYTHING + 1


def test_numbers_are_written_as_short_as_they_can_be(tmp_path):
    imported(tmp_path / "in")
    Professor.objects.filter(code="ADA").update(
        fte=Decimal("0.50"), weekly_hours=Decimal("10.00"), max_daily_hours=Decimal("7.25")
    )
    people = {row["code"]: row for row in rows(exported(tmp_path / "out"), "professors")}
    ada = people["ADA"]
    assert (ada["fte"], ada["weekly_hours"], ada["max_daily_hours"]) == ("0.5", "10", "7.25")
