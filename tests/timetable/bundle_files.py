"""A bundle small enough to read, and ways to write it down, changed or whole."""

import io
import zipfile
from textwrap import dedent

import pytest

from tests.factories import NOW
from timetable.exchange.faults import BundleRejected
from timetable.exchange.importing import import_bundle

HEAD = dedent(
    """\
    [institute]
    slug = "hillside"
    name = "Hillside College"
    timezone = "Europe/Vienna"
    teaching_days = [1, 2, 3, 4, 5]
    weekend_days = [6, 7]

    [term]
    name = "Spring 2027"
    starts_on = 2027-03-01
    ends_on = 2027-04-11
    mid_semester_on = 2027-03-19
    end_semester_on = 2027-04-09

    [[periods]]
    name = "1"
    starts = "09:00"
    ends = "10:30"

    [[periods]]
    name = "2"
    starts = "11:00"
    ends = "12:30"

    [[closures]]
    name = "Easter Monday"
    from = 2027-03-29
    to = 2027-03-29
    """
)

FILES = {
    "institute.toml": HEAD,
    "rooms.csv": "code,name,building,capacity\nR1,Room one,Main,40\nR2,,,\n",
    "courses.csv": "code,title,department\nMATH,Algebra,Sciences\nPHYS,Mechanics,\n",
    "professors.csv": (
        "code,name,email,phone,department,rank,fte,weekly_hours,max_daily_hours\n"
        "ADA,Ada Adler,ada@hillside.example,+431234567,Sciences,professor,1,12,6\n"
        "BEN,Ben Baker,Ben@Hillside.example,,,assistant,0.5,7.5,\n"
        "CLEO,Cleo Clark,cleo@hillside.example,,,phd,,,\n"
    ),
    "qualifications.csv": "professor,course\nCLEO,MATH\n",
    "sections.csv": "code,name,programme\nA,Section A,Bachelor\nB,,\n",
    "students.csv": (
        "code,name,email,phone,section\n"
        "A1,Anna Able,a1@hillside.example,,A\n"
        "A2,Adam Able,a2@hillside.example,+431234568,A\n"
        "B1,Bella Best,b1@hillside.example,,B\n"
        "X1,Xaver Extra,x1@hillside.example,,\n"
    ),
    "classes.csv": (
        "code,course,sections,professors,kind\n"
        "MATH.A,MATH,A,ADA,lecture\n"
        "MATH.B,MATH,B;A,BEN;CLEO,tutorial\n"
        "PHYS.X,PHYS,A,BEN,lab\n"
    ),
    "enrolments.csv": "class,student\nPHYS.X,X1\nPHYS.X,A2\n",
    "slots.csv": (
        "class,weekday,starts,ends,room,weeks\n"
        "MATH.A,1,09:00,10:30,R1,\n"
        "MATH.B,2,09:00,10:30,R1,odd\n"
        "PHYS.X,3,11:00,12:30,,1-2\n"
    ),
    "meetings.csv": "class,date,starts,ends,room,professor\nMATH.A,2027-03-06,10:00,11:30,R2,CLEO\n",
    "availability.csv": "professor,weekday,starts,ends,kind\nBEN,5,08:00,18:00,unavailable\n",
}

COUNTS = {
    "rooms": 2,
    "courses": 2,
    "professors": 3,
    "sections": 2,
    "students": 4,
    "classes": 3,
    "enrolments": 7,
    "slots": 3,
    "meetings": 11,
    "qualifications": 1,
    "availability": 1,
}
"""Six Mondays less Easter, three Tuesdays, two Wednesdays and one dated Saturday."""

EVERYTHING = 51
"""All that the bundle makes, accounts, institute, term, bells and closed days included."""


def changed(**files):
    """The bundle with whole files replaced (`rooms="…"`), or left out (`rooms=None`)."""
    texts = dict(FILES)
    for stem, text in files.items():
        name = "institute.toml" if stem == "institute" else f"{stem}.csv"
        if text is None:
            del texts[name]
        else:
            texts[name] = text
    return texts


def with_line(stem, line):
    """The file's text with one more line."""
    return FILES[f"{stem}.csv"] + line + "\n"


def replaced(stem, old, new):
    """The file's text with one thing changed."""
    text = FILES["institute.toml" if stem == "institute" else f"{stem}.csv"]
    assert old in text
    return text.replace(old, new)


def write(folder, files=FILES):
    """Write the files into the folder, texts or bytes; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    return folder


def zipped(files=FILES, prefix=""):
    """The bundle as the bytes of a .zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(prefix + name, content)
    packed.seek(0)
    return packed


def imported(folder, files=FILES, **options):
    """Write these files into the folder and import them."""
    for old in folder.glob("*"):
        old.unlink()
    return import_bundle(write(folder, files), now=NOW, **options)


def faults_of(folder, files):
    """What an import of these files complains of, as (file, line, column, reason)."""
    with pytest.raises(BundleRejected) as rejected:
        imported(folder, files)
    faults = rejected.value.faults
    assert len(faults.shown) == faults.total
    return [(fault.file, fault.line, fault.column, fault.reason) for fault in faults.shown]
