"""What an import makes of a bundle, once and again."""

import dataclasses
import datetime as dt

import pytest
from django.db import connection

from tests.factories import NOW, ProfessorFactory, StaffFactory, UserFactory, at
from timetable.enums import AvailabilityKind, ClassKind, MeetingStatus, Rank
from timetable.exchange.importing import import_bundle
from timetable.models import (
    Absence,
    Availability,
    Closure,
    Course,
    Enrolment,
    Institute,
    Meeting,
    Offering,
    Period,
    Professor,
    Qualification,
    Room,
    Section,
    Slot,
    Student,
    Teaching,
    Term,
    User,
)
from timetable.signals import timetable_imported

from .bundle_files import (
    COUNTS,
    EVERYTHING,
    FILES,
    changed,
    imported,
    replaced,
    with_line,
    write,
    zipped,
)

pytestmark = pytest.mark.django_db

MODELS = (
    Institute, Term, Period, Closure, Room, Course, Professor, Qualification, Section, Student, User,
    Offering, Teaching, Enrolment, Slot, Meeting, Availability, Absence,
)  # fmt: skip


def everything():
    """Every row of the timetable, to compare whole."""
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in MODELS}


def meetings_of(code):
    """(planned start, planned room, planned professor) of a class's meetings, on the local clock."""
    return [
        (
            f"{meeting.institute.local(meeting.planned_starts_at):%Y-%m-%d %H:%M}",
            meeting.planned_room and meeting.planned_room.code,
            meeting.planned_professor.code,
        )
        for meeting in Meeting.objects.filter(offering__code=code).order_by("planned_starts_at")
    ]


def rosters():
    found = {}
    for offering, student in Enrolment.objects.values_list("offering__code", "student__code"):
        found.setdefault(offering, set()).add(student)
    return found


def test_a_bundle_becomes_rows(tmp_path):
    report = imported(tmp_path)

    assert report.counts == COUNTS
    assert (report.institute, report.term, report.dry_run) == ("hillside", "Spring 2027", False)
    assert (report.created, report.updated, report.unchanged, report.removed) == (
        EVERYTHING,
        0,
        0,
        0,
    )
    assert report.overlaps == {"professor": 0, "room": 0}
    assert (report.kept, report.kept_total, report.overlapping) == ([], 0, [])

    institute = Institute.objects.get()
    assert (institute.slug, institute.name, institute.timezone) == (
        "hillside", "Hillside College", "Europe/Vienna",
    )  # fmt: skip
    assert (institute.teaching_days, institute.weekend_days) == ([1, 2, 3, 4, 5], [6, 7])
    assert list(Term.objects.values_list("name", "starts_on", "ends_on")) == [
        ("Spring 2027", dt.date(2027, 3, 1), dt.date(2027, 4, 11))
    ]
    assert list(Period.objects.values_list("name", "starts", "ends")) == [
        ("1", dt.time(9), dt.time(10, 30)),
        ("2", dt.time(11), dt.time(12, 30)),
    ]
    assert list(Closure.objects.values_list("name", "starts_on", "ends_on")) == [
        ("Easter Monday", dt.date(2027, 3, 29), dt.date(2027, 3, 29))
    ]
    assert list(Room.objects.values_list("code", "name", "building", "capacity")) == [
        ("R1", "Room one", "Main", 40),
        ("R2", "", "", None),
    ]
    assert list(
        Professor.objects.values_list(
            "code", "phone", "department", "rank", "fte", "weekly_hours", "max_daily_hours"
        )
    ) == [
        ("ADA", "+431234567", "Sciences", Rank.PROFESSOR, 1, 12, 6),
        ("BEN", "", "", Rank.ASSISTANT, 0.5, 7.5, None),
        ("CLEO", "", "", Rank.PHD, 1, None, None),
    ]
    assert list(Qualification.objects.values_list("professor__code", "course__code")) == [
        ("CLEO", "MATH")
    ]
    assert list(Offering.objects.values_list("code", "course__code", "kind")) == [
        ("MATH.A", "MATH", ClassKind.LECTURE),
        ("MATH.B", "MATH", ClassKind.TUTORIAL),
        ("PHYS.X", "PHYS", ClassKind.LAB),
    ]
    assert list(
        Teaching.objects.order_by("offering__code", "position").values_list(
            "offering__code", "professor__code", "position"
        )
    ) == [("MATH.A", "ADA", 0), ("MATH.B", "BEN", 0), ("MATH.B", "CLEO", 1), ("PHYS.X", "BEN", 0)]
    assert Availability.objects.values_list(
        "professor__code", "weekday", "starts", "ends", "kind"
    ).get() == ("BEN", 5, dt.time(8), dt.time(18), AvailabilityKind.UNAVAILABLE)


def test_slots_become_dated_meetings_less_closures_and_dated_rows_stand_beside_them(tmp_path):
    imported(tmp_path)
    assert meetings_of("MATH.A") == [
        ("2027-03-01 09:00", "R1", "ADA"),
        ("2027-03-06 10:00", "R2", "CLEO"),
        ("2027-03-08 09:00", "R1", "ADA"),
        ("2027-03-15 09:00", "R1", "ADA"),
        ("2027-03-22 09:00", "R1", "ADA"),
        ("2027-04-05 09:00", "R1", "ADA"),
    ]
    assert meetings_of("MATH.B") == [
        ("2027-03-02 09:00", "R1", "BEN"),
        ("2027-03-16 09:00", "R1", "BEN"),
        ("2027-03-30 09:00", "R1", "BEN"),
    ]
    assert meetings_of("PHYS.X") == [
        ("2027-03-03 11:00", None, "BEN"),
        ("2027-03-10 11:00", None, "BEN"),
    ]
    # The clocks change on 28 March: nine o'clock stays nine o'clock.
    assert [m.starts_at.hour for m in Meeting.objects.filter(slot__weekday=1)] == [8, 8, 8, 8, 7]
    assert all(
        (m.professor, m.room, m.starts_at, m.ends_at, m.status)
        == (
            m.planned_professor, m.planned_room, m.planned_starts_at, m.planned_ends_at,
            MeetingStatus.SCHEDULED,
        )
        for m in Meeting.objects.all()
    )  # fmt: skip
    assert Meeting.objects.filter(slot__isnull=True).count() == 1


def test_a_dated_row_takes_the_place_of_the_slots_meeting_at_its_time(tmp_path):
    files = changed(meetings=with_line("meetings", "MATH.A,2027-03-08,09:00,10:30,R2,"))
    report = imported(tmp_path, files)
    assert report.counts["meetings"] == COUNTS["meetings"]
    assert report.overlaps == {"professor": 0, "room": 0}
    assert ("2027-03-08 09:00", "R2", "ADA") in meetings_of("MATH.A")
    assert ("2027-03-08 09:00", "R1", "ADA") not in meetings_of("MATH.A")


def test_meetings_may_stand_instead_of_slots(tmp_path):
    report = imported(tmp_path, changed(slots=None, availability=None, qualifications=None))
    assert report.counts == {
        **COUNTS, "slots": 0, "meetings": 1, "availability": 0, "qualifications": 0,
    }  # fmt: skip


def test_rosters_come_from_the_sections_unless_they_are_listed(tmp_path):
    imported(tmp_path)
    assert rosters() == {
        "MATH.A": {"A1", "A2"},
        "MATH.B": {"A1", "A2", "B1"},
        "PHYS.X": {"A2", "X1"},
    }
    assert dict(Offering.objects.values_list("code", "roster_from_sections")) == {
        "MATH.A": True,
        "MATH.B": True,
        "PHYS.X": False,
    }


def test_a_class_may_have_no_professor_and_no_slot(tmp_path):
    files = changed(classes=with_line("classes", "LATER,PHYS,,,"))
    assert imported(tmp_path, files).counts["classes"] == 4
    assert list(Teaching.objects.filter(offering__code="LATER")) == []


def test_column_order_is_free_and_optional_columns_may_be_missing(tmp_path):
    files = changed(
        rooms="name,code\nRoom one,R1\n,R2\n",
        professors=(
            "email,name,code\nada@hillside.example,Ada,ADA\n"
            "ben@hillside.example,Ben,BEN\ncleo@hillside.example,Cleo,CLEO\n"
        ),
        classes="professors,code,course\nADA,MATH.A,MATH\nBEN,MATH.B,MATH\nBEN,PHYS.X,PHYS\n",
        slots="ends,starts,weekday,class\n10:30,09:00,1,MATH.A\n",
    )
    report = imported(tmp_path, files)
    assert report.counts["slots"] == 1
    assert Room.objects.values_list("name", "capacity").get(code="R1") == ("Room one", None)
    assert Professor.objects.values_list("rank", "fte", "weekly_hours").get(code="BEN") == (
        Rank.PROFESSOR, 1, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    "spell",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.rstrip("\n").encode(),
        lambda text: ("\n\n" + text.replace("\n", "\n\n")).encode(),
        lambda text: "".join(
            ",".join(f'"{cell}"' for cell in line.split(",")) + "\n" for line in text.splitlines()
        ).encode(),
        lambda text: "".join(
            ",".join(f" {cell} " for cell in line.split(",")) + "\n" for line in text.splitlines()
        ).encode(),
        lambda text: (text + "," * text.splitlines()[0].count(",") + "\n").encode(),
    ],
    ids=["bom", "crlf", "no last newline", "blank lines", "quoted", "spaces", "row of commas"],
)
def test_csv_may_be_written_in_any_of_its_ways(tmp_path, spell):
    files = {name: spell(text) if name.endswith(".csv") else text for name, text in FILES.items()}
    assert imported(tmp_path, files).counts == COUNTS
    assert imported(tmp_path).unchanged == EVERYTHING


def test_the_head_may_begin_with_a_byte_order_mark(tmp_path):
    files = FILES | {"institute.toml": b"\xef\xbb\xbf" + FILES["institute.toml"].encode()}
    assert imported(tmp_path, files).counts == COUNTS


def test_the_same_bundle_again_changes_nothing(tmp_path):
    imported(tmp_path)
    before = everything()
    report = imported(tmp_path)
    assert (report.created, report.updated, report.unchanged, report.removed) == (
        0,
        0,
        EVERYTHING,
        0,
    )
    assert report.counts == COUNTS
    assert everything() == before


def test_a_zip_is_the_same_as_its_folder(tmp_path):
    imported(tmp_path / "folder")
    path = tmp_path / "bundle.zip"
    for prefix in ("", "hillside/"):
        path.write_bytes(zipped(prefix=prefix).getvalue())
        assert import_bundle(path, now=NOW).unchanged == EVERYTHING
        assert import_bundle(zipped(prefix=prefix), now=NOW).unchanged == EVERYTHING


def test_other_files_in_the_bundle_are_left_alone(tmp_path):
    files = {**FILES, "README.md": "About.", ".DS_Store": b"\x00\xff", ".~rooms.csv": "?"}
    assert imported(tmp_path, files).counts == COUNTS


def test_a_dry_run_reports_the_same_and_changes_nothing(tmp_path):
    before = everything()
    rehearsed = imported(tmp_path, dry_run=True)
    assert everything() == before
    real = imported(tmp_path)
    assert rehearsed == dataclasses.replace(real, dry_run=True)


def test_two_terms_of_an_institute_live_beside_each_other(tmp_path):
    imported(tmp_path)
    autumn = replaced("institute", "Spring 2027", "Autumn 2027")
    for old, new in (
        ("2027-03-01", "2027-09-01"), ("2027-04-11", "2027-12-19"), ("2027-03-19", "2027-10-15"),
        ("2027-04-09", "2027-12-03"), ("2027-03-29", "2027-10-26"),
    ):  # fmt: skip
        autumn = autumn.replace(old, new)
    files = changed(institute=autumn, meetings=None)
    report = imported(tmp_path, files)
    assert (report.details["term"]["created"], report.details["institute"]["unchanged"]) == (1, 1)
    assert report.removed == 0
    assert Term.objects.count() == 2
    assert Offering.objects.filter(code="MATH.A").count() == 2
    assert Professor.objects.count() == 3
    assert imported(tmp_path).unchanged == EVERYTHING


def test_every_address_gets_one_account_without_a_password(tmp_path):
    shared = replaced("students", "x1@hillside.example", "ADA@hillside.example")
    imported(tmp_path, changed(students=shared))
    assert sorted(User.objects.values_list("email", flat=True)) == [
        "a1@hillside.example", "a2@hillside.example", "ada@hillside.example",
        "b1@hillside.example", "ben@hillside.example", "cleo@hillside.example",
    ]  # fmt: skip
    assert not any(user.has_usable_password() for user in User.objects.all())
    ada = User.objects.get(email="ada@hillside.example")
    assert ada.name == "Ada Adler"
    assert [p.code for p in ada.professors.all()] == ["ADA"]
    assert [s.code for s in ada.students.all()] == ["X1"]
    assert Professor.objects.get(code="BEN").email == "Ben@Hillside.example"
    assert Professor.objects.get(code="BEN").user.email == "ben@hillside.example"


def test_accounts_that_are_there_keep_what_is_theirs(tmp_path):
    user = UserFactory(
        email="ada@hillside.example", name="Dr. Adler", password="old secret", is_staff=True
    )
    role = StaffFactory(user=user)
    before = User.objects.values().get(pk=user.pk)
    report = imported(tmp_path)
    assert report.details["accounts"] == {
        "created": 6, "updated": 0, "unchanged": 1, "removed": 0,
    }  # fmt: skip
    assert User.objects.values().get(pk=user.pk) == before
    assert Professor.objects.get(code="ADA").user == user
    assert list(user.staff_roles.all()) == [role]


def test_another_address_is_another_account(tmp_path):
    imported(tmp_path)
    files = changed(professors=replaced("professors", "ada@", "adler@"))
    report = imported(tmp_path, files)
    assert report.details["professors"]["updated"] == 1
    assert Professor.objects.get(code="ADA").user.email == "adler@hillside.example"
    assert User.objects.filter(email="ada@hillside.example").exists()


def test_codes_of_one_institute_mean_nothing_in_another(tmp_path):
    other = ProfessorFactory(code="ADA", name="Another Ada")
    imported(tmp_path)
    other.refresh_from_db()
    assert (other.name, other.institute.slug) == ("Another Ada", "northfield")
    assert Professor.objects.filter(code="ADA").count() == 2


def test_whoever_wants_to_know_is_told_inside_the_transaction(tmp_path):
    told = []

    def receiver(sender, institute, term, now, **kwargs):
        told.append((sender, institute.slug, term.name, now, Meeting.objects.count()))

    timetable_imported.connect(receiver)
    try:
        imported(tmp_path)
    finally:
        timetable_imported.disconnect(receiver)
    assert told == [(Institute, "hillside", "Spring 2027", NOW, COUNTS["meetings"])]


def test_a_receiver_that_fails_leaves_nothing_behind(tmp_path):
    def receiver(sender, **kwargs):
        raise RuntimeError("no")

    timetable_imported.connect(receiver)
    try:
        with pytest.raises(RuntimeError):
            imported(tmp_path)
    finally:
        timetable_imported.disconnect(receiver)
    assert not Institute.objects.exists()


def test_a_moved_start_of_a_row_without_a_plan_is_a_new_plan(tmp_path):
    imported(tmp_path)
    files = changed(meetings=replaced("meetings", "10:00,11:30", "12:00,13:30"))
    report = imported(tmp_path, files)
    assert report.details["meetings"] == {
        "created": 1, "updated": 0, "unchanged": 10, "removed": 1,
    }  # fmt: skip
    assert Meeting.objects.filter(planned_starts_at=at("2027-03-06 12:00")).exists()


def test_queries_do_not_grow_with_the_rows(tmp_path, django_assert_max_num_queries):
    write(tmp_path)
    with django_assert_max_num_queries(120):
        import_bundle(tmp_path, now=NOW)
    more = "".join(f"N{n},Student,n{n}@hillside.example,,A\n" for n in range(60))
    write(tmp_path, changed(students=FILES["students.csv"] + more))
    with django_assert_max_num_queries(120):
        import_bundle(tmp_path, now=NOW)


@pytest.mark.postgresql
def test_the_database_knows_afterwards_what_is_in_every_table_and_which_are_empty(tmp_path):
    """Of a table of which it knows nothing it thinks that it has hundreds of rows."""
    unknown = "SELECT relname FROM pg_class WHERE reltuples < 0 AND relname = ANY(%s)"
    tables = connection.introspection.django_table_names()
    imported(tmp_path)
    with connection.cursor() as cursor:
        cursor.execute(unknown, [tables])
        assert cursor.fetchall() == []
