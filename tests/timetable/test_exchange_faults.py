"""Every bad line is named with its file, line, column and reason; and then nothing is imported."""

import pytest

from tests.factories import NOW
from timetable.exchange.faults import SHOWN, BundleRejected
from timetable.exchange.importing import import_bundle
from timetable.models import Institute, User

from .bundle_files import FILES, HEAD, changed, faults_of, imported, replaced, with_line, write

pytestmark = pytest.mark.django_db


def head(old, new):
    return changed(institute=replaced("institute", old, new))


def bad(stem, line):
    return changed(**{stem: with_line(stem, line)})


ROWS = {
    "no code": (bad("rooms", ",Nameless,,"), ("rooms.csv", 4, "code", "is empty")),
    "long code": (
        bad("rooms", "x" * 65 + ",,,"),
        ("rooms.csv", 4, "code", "longer than 64 characters"),
    ),
    "code twice": (
        bad("rooms", "R1,Again,,"),
        ("rooms.csv", 4, "code", "“R1” is already in line 2"),
    ),
    "capacity": (
        bad("rooms", "R3,,,many"),
        ("rooms.csv", 4, "capacity", "“many” is not a whole number"),
    ),
    "negative capacity": (
        bad("rooms", "R3,,,-1"),
        ("rooms.csv", 4, "capacity", "“-1” is not a whole number"),
    ),
    "control character": (
        bad("rooms", "R3,a\x00b,,"),
        ("rooms.csv", 4, "name", "holds a control character or a line break"),
    ),
    "line break": (
        bad("rooms", '"R3","two\nlines",,'),
        ("rooms.csv", 4, "name", "holds a control character or a line break"),
    ),
    "too few cells": (
        bad("rooms", "R3,Room"),
        ("rooms.csv", 4, None, "has 2 cells, the header has 4"),
    ),
    "too many cells": (
        bad("rooms", "R3,Room,Main,40,50"),
        ("rooms.csv", 4, None, "has 5 cells, the header has 4"),
    ),
    "open quote": (
        bad("rooms", 'R3,"Room,,'),
        ("rooms.csv", 4, None, "not readable as CSV: unexpected end of data"),
    ),
    "text after quote": (
        bad("rooms", 'R3,"Room"x,,'),
        ("rooms.csv", 4, None, "not readable as CSV: ',' expected after '\"'"),
    ),
    "long name": (
        bad("rooms", "R3," + "x" * 201 + ",,"),
        ("rooms.csv", 4, "name", "longer than 200 characters"),
    ),
    "no title": (bad("courses", "CHEM,,"), ("courses.csv", 4, "title", "is empty")),
    "e-mail": (
        bad("professors", "EVE,Eve,eve at home,,,,,,"),
        ("professors.csv", 5, "email", "“eve at home” is not an e-mail address"),
    ),
    "e-mail twice": (
        bad("professors", "EVE,Eve,ADA@hillside.example,,,,,,"),
        ("professors.csv", 5, "email", "the same address as in line 2"),
    ),
    "phone": (
        bad("professors", "EVE,Eve,eve@hillside.example,0664 123,,,,,"),
        ("professors.csv", 5, "phone", "“0664 123” is not a phone number like +43123456789"),
    ),
    "impossible phone": (
        bad("professors", "EVE,Eve,eve@hillside.example,+431,,,,,"),
        ("professors.csv", 5, "phone", "“+431” is not a phone number like +43123456789"),
    ),
    "rank": (
        bad("professors", "EVE,Eve,eve@hillside.example,,,dean,,,"),
        ("professors.csv", 5, "rank", "“dean” is none of professor, assistant, phd"),
    ),
    "fte": (
        bad("professors", "EVE,Eve,eve@hillside.example,,,,2.5,,"),
        ("professors.csv", 5, "fte", "2.5 is more than 2"),
    ),
    "hours": (
        bad("professors", 'EVE,Eve,eve@hillside.example,,,,,"7,5",'),
        ("professors.csv", 5, "weekly_hours", "“7,5” is not a number like 12 or 7.5"),
    ),
    "code with a semicolon": (
        bad("professors", "E;V,Eve,eve@hillside.example,,,,,,"),
        ("professors.csv", 5, "code", "a code that stands in lists may not contain “;”"),
    ),
    "unknown course": (
        bad("qualifications", "ADA,CHEM"),
        ("qualifications.csv", 3, "course", "“CHEM” is not in courses.csv"),
    ),
    "codes are case-sensitive": (
        bad("qualifications", "Ada,PHYS"),
        ("qualifications.csv", 3, "professor", "“Ada” is not in professors.csv"),
    ),
    "qualified twice": (
        bad("qualifications", "CLEO,MATH"),
        ("qualifications.csv", 3, "course", "“CLEO, MATH” is already in line 2"),
    ),
    "unknown section": (
        bad("students", "C1,Carl,c1@hillside.example,,C"),
        ("students.csv", 6, "section", "“C” is not in sections.csv"),
    ),
    "unknown professor in a list": (
        bad("classes", "NEW,MATH,A,ADA;ZOE,"),
        ("classes.csv", 5, "professors", "“ZOE” is not in professors.csv"),
    ),
    "section twice in a list": (
        bad("classes", "NEW,MATH,A;B;A,ADA,"),
        ("classes.csv", 5, "sections", "names “A” twice"),
    ),
    "kind": (
        bad("classes", "NEW,MATH,A,ADA,show"),
        ("classes.csv", 5, "kind", "“show” is none of lecture, lab, tutorial, seminar"),
    ),
    "unknown student": (
        bad("enrolments", "PHYS.X,Z9"),
        ("enrolments.csv", 4, "student", "“Z9” is not in students.csv"),
    ),
    "enrolled twice": (
        bad("enrolments", "PHYS.X,X1"),
        ("enrolments.csv", 4, "student", "“PHYS.X, X1” is already in line 2"),
    ),
    "unknown class": (
        bad("slots", "CHEM.A,1,09:00,10:00,,"),
        ("slots.csv", 5, "class", "“CHEM.A” is not in classes.csv"),
    ),
    "weekday": (
        bad("slots", "MATH.A,8,09:00,10:00,,"),
        ("slots.csv", 5, "weekday", "“8” is not a weekday from 1 (Monday) to 7 (Sunday)"),
    ),
    "time": (
        bad("slots", "MATH.A,1,25:00,10:00,,"),
        ("slots.csv", 5, "starts", "“25:00” is not a time like 08:30"),
    ),
    "end before start": (
        bad("slots", "MATH.A,1,10:00,09:00,,"),
        ("slots.csv", 5, "ends", "09:00 is not after the start, 10:00"),
    ),
    "no length": (
        bad("slots", "MATH.A,1,10:00,10:00,,"),
        ("slots.csv", 5, "ends", "10:00 is not after the start, 10:00"),
    ),
    "unknown room": (
        bad("slots", "MATH.A,1,09:00,10:00,R9,"),
        ("slots.csv", 5, "room", "“R9” is not in rooms.csv"),
    ),
    "weeks": (
        bad("slots", "MATH.A,1,09:00,10:00,,weekly"),
        ("slots.csv", 5, "weeks", "“weekly” is neither odd, even nor a list like 1-6;8;10-15"),
    ),
    "weeks after the term": (
        bad("slots", "MATH.A,1,09:00,10:00,,5-7"),
        ("slots.csv", 5, "weeks", "week 7 is after the term, which has 6 weeks"),
    ),
    "date outside the term": (
        bad("meetings", "MATH.A,2027-04-12,09:00,10:00,,"),
        ("meetings.csv", 3, "date", "lies outside the term"),
    ),
    "no such day": (
        bad("meetings", "MATH.A,2027-02-29,09:00,10:00,,"),
        ("meetings.csv", 3, "date", "there is no day 2027-02-29"),
    ),
    "other way of writing a date": (
        bad("meetings", "MATH.A,01/03/2027,09:00,10:00,,"),
        ("meetings.csv", 3, "date", "“01/03/2027” is not a date like 2027-01-31"),
    ),
    "meeting ends before it starts": (
        bad("meetings", "MATH.A,2027-03-02,10:00,09:00,,"),
        ("meetings.csv", 3, "ends", "09:00 is not after the start, 10:00"),
    ),
    "kind of availability": (
        bad("availability", "ADA,1,09:00,10:00,busy"),
        ("availability.csv", 3, "kind", "“busy” is none of unavailable, avoid"),
    ),
    "availability ends before it starts": (
        bad("availability", "ADA,1,19:00,10:00,avoid"),
        ("availability.csv", 3, "ends", "10:00 is not after the start, 19:00"),
    ),
}

HEADERS = {
    "unknown column": (
        changed(rooms="code,seats\nR1,4\nR2,4\n"),
        [("rooms.csv", 1, "seats", "unknown column")],
    ),
    "nearly right": (
        changed(rooms="code,capcity\nR1,4\nR2,4\n"),
        [("rooms.csv", 1, "capcity", "unknown column; did you mean “capacity”?")],
    ),
    "missing columns": (
        changed(courses="code\nMATH\nPHYS\n"),
        [("courses.csv", 1, "title", "the column is missing")],
    ),
    "column twice": (
        changed(rooms="code,name,name\nR1,a,b\nR2,a,b\n"),
        [("rooms.csv", 1, "name", "the column is there twice")],
    ),
    "column without a name": (
        changed(rooms="code,\nR1,a\nR2,b\n"),
        [("rooms.csv", 1, None, "column 2 has no name")],
    ),
    "semicolons": (
        changed(rooms="code;name\nR1;a\nR2;b\n"),
        [("rooms.csv", 1, None, "columns are separated by “,”, not by “;”")],
    ),
    "empty file": (changed(rooms=""), [("rooms.csv", 1, None, "the header row is missing")]),
    "no file": (
        changed(courses=None),
        [("courses.csv", None, None, "the file is missing")],
    ),
    "a file nobody knows": (
        FILES | {"enrollments.csv": "class,student\n"},
        [("enrollments.csv", None, None, "no file of a bundle has this name")],
    ),
    "a misspelt file": (
        {**changed(rooms=None, slots=None, meetings=None), "room.csv": FILES["rooms.csv"]},
        [
            (
                "room.csv", None, None,
                "no file of a bundle has this name; did you mean “rooms.csv”?",
            )
        ],
    ),
}  # fmt: skip

BYTES = {
    "latin-1": (
        FILES["rooms.csv"].encode() + "R3,Café,,\n".encode("latin-1"),
        [("rooms.csv", 4, "name", "not UTF-8: byte 0xe9 at position 7")],
    ),
    "latin-1 in the header": (
        "code,Größe\nR1,40\nR2,\n".encode("latin-1"),
        [("rooms.csv", 1, None, "not UTF-8: byte 0xf6 at position 8")],
    ),
    "utf-16": (
        FILES["rooms.csv"].encode("utf-16"),
        [("rooms.csv", 1, None, "the file is UTF-16, not UTF-8")],
    ),
    "an endless line": (
        FILES["rooms.csv"].encode() + b"R3," + b"x" * 600_000 + b",,\nR1,,,\n",
        [
            ("rooms.csv", 4, None, "the line is longer than 262144 bytes"),
            ("rooms.csv", 5, "code", "“R1” is already in line 2"),
        ],
    ),
}

HEADS = {
    "not TOML": (
        head('slug = "hillside"', "slug = hillside"),
        ("institute.toml", 2, "8", "not readable as TOML: Invalid value"),
    ),
    "cut off": (
        changed(institute=HEAD + "[more"),
        (
            "institute.toml", 29, None,
            "not readable as TOML: Expected ']' at the end of a table declaration",
        ),
    ),
    "not UTF-8": (
        FILES | {"institute.toml": HEAD.encode().replace(b"College", b"Coll\xe8ge")},
        ("institute.toml", 3, None, "not UTF-8: byte 0xe8"),
    ),
    "no slug": (
        head('slug = "hillside"\n', ""),
        ("institute.toml", 1, "institute.slug", "is missing"),
    ),
    "slug": (
        head('"hillside"', '"Hill Side"'),
        (
            "institute.toml", 2, "institute.slug",
            "must be lower-case letters, digits and hyphens",
        ),
    ),
    "name": (
        head('"Hillside College"', "7"),
        ("institute.toml", 3, "institute.name", "must be a text in quotes"),
    ),
    "time zone": (
        head("Europe/Vienna", "Europe/Sydney"),
        (
            "institute.toml", 4, "institute.timezone",
            "“Europe/Sydney” is not an IANA time zone",
        ),
    ),
    "time zone that is a path": (
        head("Europe/Vienna", "../../etc/passwd"),
        (
            "institute.toml", 4, "institute.timezone",
            "“../../etc/passwd” is not an IANA time zone",
        ),
    ),
    "weekdays": (
        head("[6, 7]", "[6, 8]"),
        (
            "institute.toml", 6, "institute.weekend_days",
            "must be a list of weekdays from 1 (Monday) to 7 (Sunday)",
        ),
    ),
    "a day twice": (
        head("[6, 7]", "[6, 6]"),
        ("institute.toml", 6, "institute.weekend_days", "names a day twice"),
    ),
    "no teaching day": (
        head("[1, 2, 3, 4, 5]", "[]"),
        ("institute.toml", 5, "institute.teaching_days", "at least one day is needed"),
    ),
    "weekend on a teaching day": (
        head("[6, 7]", "[5, 6]"),
        (
            "institute.toml", 6, "institute.weekend_days",
            "a teaching day may not be a weekend day as well: 5",
        ),
    ),
    "unknown key": (
        head("timezone =", "colour = 1\ntimezone ="),
        ("institute.toml", 4, "institute.colour", "unknown key"),
    ),
    "unknown table": (
        changed(institute=HEAD + "\n[colours]\n"),
        ("institute.toml", 30, "colours", "unknown table or key “colours”"),
    ),
    "no term": (
        changed(institute=HEAD[: HEAD.index("[term]")]),
        ("institute.toml", None, "term", "the table [term] is missing"),
    ),
    "date": (
        head("ends_on = 2027-04-11", 'ends_on = "soon"'),
        ("institute.toml", 11, "term.ends_on", "“soon” is not a date like 2027-01-31"),
    ),
    "term backwards": (
        head("ends_on = 2027-04-11", "ends_on = 2027-04-08"),
        ("institute.toml", 11, "term.ends_on", "earlier than end_semester_on"),
    ),
    "checkpoint before the term": (
        head("mid_semester_on = 2027-03-19", "mid_semester_on = 2027-02-19"),
        ("institute.toml", 12, "term.mid_semester_on", "earlier than starts_on"),
    ),
    "endless term": (
        head("ends_on = 2027-04-11", "ends_on = 2047-04-11"),
        ("institute.toml", 11, "term.ends_on", "a term lasts at most two years"),
    ),
    "bell": (
        head('starts = "11:00"', 'starts = "11"'),
        ("institute.toml", 22, "periods.starts", "“11” is not a time like 08:30"),
    ),
    "bell backwards": (
        head('ends = "12:30"', 'ends = "10:59"'),
        ("institute.toml", 23, "periods.ends", "ends before it starts"),
    ),
    "bells of one name": (
        head('name = "2"', 'name = "1"'),
        ("institute.toml", 21, "periods.name", "another period is called “1” too"),
    ),
    "closure backwards": (
        head("to = 2027-03-29", "to = 2027-03-28"),
        ("institute.toml", 28, "closures.to", "earlier than from"),
    ),
    "closure in another year": (
        head("from = 2027-03-29\nto = 2027-03-29", "from = 2026-03-29\nto = 2026-03-29"),
        ("institute.toml", 27, "closures.from", "lies outside the term"),
    ),
    "bells in one table": (
        head(HEAD[HEAD.index("[[periods]]") : HEAD.rindex("[[periods]]")] + "[[periods]]", "[periods]"),
        ("institute.toml", 15, "periods", "must be written as [[periods]] tables"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "fault"), ROWS.values(), ids=ROWS)
def test_a_bad_row_is_named(tmp_path, files, fault):
    assert faults_of(tmp_path, files) == [fault]
    assert not Institute.objects.exists()
    assert not User.objects.exists()


@pytest.mark.parametrize(("files", "faults"), HEADERS.values(), ids=HEADERS)
def test_wrong_columns_and_files_are_named_once(tmp_path, files, faults):
    assert faults_of(tmp_path, files) == faults


@pytest.mark.parametrize(("content", "faults"), BYTES.values(), ids=BYTES)
def test_broken_encoding_is_named_with_its_line(tmp_path, content, faults):
    assert faults_of(tmp_path, FILES | {"rooms.csv": content}) == faults


@pytest.mark.parametrize(("files", "fault"), HEADS.values(), ids=HEADS)
def test_a_bad_head_is_named_with_its_line(tmp_path, files, fault):
    assert faults_of(tmp_path, files) == [fault]


def test_a_misspelt_key_is_also_a_missing_one(tmp_path):
    assert faults_of(tmp_path, head("timezone =", "time_zone =")) == [
        ("institute.toml", 4, "institute.time_zone", "unknown key; did you mean “timezone”?"),
        ("institute.toml", 1, "institute.timezone", "is missing"),
    ]


def test_a_folder_without_a_head_is_no_bundle(tmp_path):
    assert faults_of(tmp_path, changed(institute=None)) == [
        ("institute.toml", None, None, "the file is missing: is this a timetable bundle?")
    ]


def test_every_fault_of_every_file_is_told_at_once_and_none_twice(tmp_path):
    """A row with one bad cell still has its code: whoever refers to it is not at fault."""
    files = changed(
        institute=replaced("institute", "Europe/Vienna", "Mars"),
        professors=replaced("professors", "ada@hillside.example", "ada"),
        rooms=replaced("rooms", ",40", ",-"),
        classes=with_line("classes", "MATH.A,CHEM,C,ADA;EVE,"),
        slots=with_line("slots", "MATH.A,0,9,8,R7,0"),
    )
    assert faults_of(tmp_path, files) == [
        ("institute.toml", 4, "institute.timezone", "“Mars” is not an IANA time zone"),
        ("rooms.csv", 2, "capacity", "“-” is not a whole number"),
        ("professors.csv", 2, "email", "“ada” is not an e-mail address"),
        ("classes.csv", 5, "course", "“CHEM” is not in courses.csv"),
        ("classes.csv", 5, "sections", "“C” is not in sections.csv"),
        ("classes.csv", 5, "professors", "“EVE” is not in professors.csv"),
        ("classes.csv", 5, "code", "“MATH.A” is already in line 2"),
        ("slots.csv", 5, "weekday", "“0” is not a weekday from 1 (Monday) to 7 (Sunday)"),
        ("slots.csv", 5, "starts", "“9” is not a time like 08:30"),
        ("slots.csv", 5, "ends", "“8” is not a time like 08:30"),
        ("slots.csv", 5, "room", "“R7” is not in rooms.csv"),
        ("slots.csv", 5, "weeks", "weeks are counted from 1"),
    ]


def test_a_class_nobody_teaches_can_have_no_slots(tmp_path):
    files = changed(
        classes=with_line("classes", "NOBODY,MATH,A,,"),
        slots=with_line("slots", "NOBODY,1,11:00,12:00,,"),
        meetings=with_line("meetings", "NOBODY,2027-03-02,11:00,12:00,,")
        + "NOBODY,2027-03-02,14:00,15:00,,CLEO\n",
    )
    reason = "the class “NOBODY” has no professor who could lead its meetings"
    assert faults_of(tmp_path, files) == [
        ("slots.csv", 5, "class", reason),
        ("meetings.csv", 3, "professor", reason),
    ]


def test_half_a_plan_is_a_fault(tmp_path):
    header = (
        "class,date,starts,ends,room,professor,status,"
        "planned_date,planned_starts,planned_ends,planned_room,planned_professor\n"
    )
    when = "MATH.A,2027-03-02,09:00,10:00,,,"
    files = changed(
        meetings=header
        + when + "moved,,,,,\n"
        + when + "scheduled,2027-03-02,09:00,,,\n"
        + when + "scheduled,2027-03-02,09:00,08:00,,\n"
        + when + "scheduled,,,,R1,\n"
        + when + "cancelled,,,,,\n"
    )  # fmt: skip
    unfilled = "is empty, though other planned columns are not"
    assert faults_of(tmp_path, files) == [
        ("meetings.csv", 2, "status", "“moved” needs the planned columns filled"),
        ("meetings.csv", 3, "planned_ends", unfilled),
        ("meetings.csv", 4, "planned_ends", "08:00 is not after the start, 09:00"),
        ("meetings.csv", 5, "planned_date", unfilled),
        (
            "meetings.csv", 6, "status",
            "“cancelled” is none of scheduled, substituted, moved, postponed, dropped",
        ),
    ]  # fmt: skip


def test_faults_beyond_the_first_thousand_are_only_counted(tmp_path):
    rows = "".join(f"NOPE,{n}\n" for n in range(20_000))
    write(tmp_path, changed(enrolments="class,student\n" + rows))
    with pytest.raises(BundleRejected) as rejected:
        import_bundle(tmp_path, now=NOW)
    assert rejected.value.faults.total == 40_000
    assert len(rejected.value.faults.shown) == SHOWN
    assert str(rejected.value) == "40000 faults: nothing was imported."


def test_a_fault_in_a_later_import_leaves_the_earlier_one_as_it_was(tmp_path):
    imported(tmp_path)
    files = changed(
        rooms=replaced("rooms", "Room one", "Another name"),
        availability=with_line("availability", "ADA,1,x,y,avoid"),
    )
    assert len(faults_of(tmp_path, files)) == 2
    assert imported(tmp_path).updated == 0


def test_a_registrar_cannot_bring_in_another_institutes_timetable(tmp_path):
    imported(tmp_path)
    mine = Institute.objects.create(slug="valley", name="Valley")
    with pytest.raises(BundleRejected) as rejected:
        imported(tmp_path, only_for=mine)
    assert [str(fault) for fault in rejected.value.faults.shown] == [
        "institute.toml: institute.slug: this is a timetable of “hillside”, not of “valley”"
    ]
    imported(tmp_path, only_for=Institute.objects.get(slug="hillside"))
