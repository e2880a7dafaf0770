"""import_timetable and export_timetable, as scripts see them."""

import json
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from timetable.models import Institute

from .bundle_files import COUNTS, EVERYTHING, FILES, changed, with_line, write, zipped

pytestmark = pytest.mark.django_db


def run(*arguments, **options):
    out, err = StringIO(), StringIO()
    call_command(*arguments, stdout=out, stderr=err, **options)
    assert err.getvalue() == ""
    return out.getvalue()


def test_json_of_an_import_has_the_promised_fields(tmp_path):
    report = json.loads(run("import_timetable", str(write(tmp_path)), "--json"))
    promised = {
        "institute": "hillside",
        "counts": COUNTS,
        "overlaps": {"professor": 0, "room": 0},
        "created": EVERYTHING,
        "updated": 0,
        "unchanged": 0,
        "removed": 0,
    }
    assert {name: report[name] for name in promised} == promised
    assert (report["term"], report["dry_run"]) == ("Spring 2027", False)
    assert (report["kept"], report["kept_total"], report["overlapping"]) == ([], 0, [])
    assert report["details"]["rooms"] == {
        "created": 2, "updated": 0, "unchanged": 0, "removed": 0,
    }  # fmt: skip
    for total in ("created", "updated", "unchanged", "removed"):
        assert sum(tally[total] for tally in report["details"].values()) == report[total]


def test_a_zip_and_a_named_format(tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(zipped().getvalue())
    report = json.loads(run("import_timetable", str(path), "--format", "bundle", "--json"))
    assert report["created"] == EVERYTHING


def test_an_import_tells_people_what_it_did(tmp_path):
    overlap = with_line("meetings", "MATH.B,2027-03-01,10:00,11:00,,ADA")
    assert run(
        "import_timetable", str(write(tmp_path, changed(meetings=overlap)))
    ).splitlines() == [
        "hillside, Spring 2027",
        "        2 rooms",
        "        2 courses",
        "        3 professors",
        "        2 sections",
        "        4 students",
        "        3 classes",
        "        7 enrolments",
        "        3 slots",
        "       12 meetings",
        "        1 qualifications",
        "        1 availability",
        "created 52, updated 0, unchanged 0, removed 0",
        "1 overlaps of a professor, imported and marked",
    ]


def test_a_dry_run_says_so(tmp_path):
    out = run("import_timetable", str(write(tmp_path)), "--dry-run")
    assert out.splitlines()[-1] == "A dry run: nothing was changed."
    assert not Institute.objects.exists()


def test_json_of_a_refused_import_lists_every_fault(tmp_path):
    write(tmp_path, changed(rooms=with_line("rooms", "R3,,,many") + "R1,,,\n"))
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError) as error:
        call_command("import_timetable", str(tmp_path), "--json", stdout=out, stderr=err)
    assert json.loads(out.getvalue()) == {
        "errors": [
            {
                "file": "rooms.csv", "line": 4, "column": "capacity",
                "reason": "“many” is not a whole number",
            },
            {
                "file": "rooms.csv", "line": 5, "column": "code",
                "reason": "“R1” is already in line 2",
            },
        ],
        "errors_total": 2,
    }  # fmt: skip
    assert error.value.returncode == 1
    assert str(error.value) == "2 faults: nothing was imported."


def test_a_refused_import_tells_people_every_fault(tmp_path):
    rows = "".join(f"NOPE,{n}\n" for n in range(700))
    write(tmp_path, changed(enrolments="class,student\n" + rows))
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="1400 faults: nothing was imported"):
        call_command("import_timetable", str(tmp_path), stdout=out, stderr=err)
    lines = err.getvalue().splitlines()
    assert lines[:2] == [
        "enrolments.csv:2: class: “NOPE” is not in classes.csv",
        "enrolments.csv:2: student: “0” is not in students.csv",
    ]
    assert (len(lines), lines[-1]) == (1001, "… and 400 more")
    assert out.getvalue() == ""


def test_export_and_import_by_command(tmp_path):
    run("import_timetable", str(write(tmp_path / "in")))
    out = tmp_path / "some" / "where"
    report = json.loads(run("export_timetable", "hillside", str(out), "--json"))
    assert report == {
        "institute": "hillside",
        "term": "Spring 2027",
        "folder": str(out),
        # Rosters that come from sections are not listed student by student.
        "counts": {**COUNTS, "enrolments": 2},
    }
    assert {path.name for path in out.iterdir()} == set(FILES)
    again = json.loads(run("import_timetable", str(out), "--json"))
    assert again["unchanged"] == EVERYTHING
    named = run("export_timetable", "hillside", str(out), "--term", "Spring 2027")
    assert named.splitlines()[0] == f"hillside, Spring 2027 → {out}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere", "out"), "There is no institute “nowhere”."),
        (("hillside", "out", "--term", "Winter"), "“hillside” has no such term."),
        (("hillside", "institute.toml"), "cannot write: "),
    ],
)
def test_an_export_that_cannot_be(tmp_path, monkeypatch, arguments, message):
    run("import_timetable", str(write(tmp_path)))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=message):
        run("export_timetable", *arguments)


def test_a_refused_import_ends_with_exit_code_one_and_only_json_on_stdout(tmp_path, settings):
    refused = subprocess.run(
        [sys.executable, "manage.py", "import_timetable", str(tmp_path / "gone"), "--json"],
        cwd=settings.BASE_DIR,
        env={"DATABASE_URL": f"sqlite:///{tmp_path}/own.db", "SECRET_KEY": "only-for-tests"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["errors"] == [
        {
            "file": str(tmp_path / "gone"), "line": None, "column": None,
            "reason": "there is no such file or folder",
        }
    ]  # fmt: skip
    assert refused.stderr == "CommandError: 1 fault: nothing was imported.\n"
