"""The real timetables import whole, and come back as they were."""

import pytest
from django.db.models import F

from tests.factories import NOW
from timetable.exchange.exporting import export_bundle
from timetable.exchange.importing import import_bundle
from timetable.models import Meeting, Period, Term

pytestmark = [pytest.mark.django_db, pytest.mark.data]

KNOWN = {
    "anna-univ": {
        "sections": 12, "courses": 54, "professors": 26, "rooms": 16, "students": 450, "classes": 58,
        "slots": 164, "availability": 38, "meetings": 2594, "qualifications": 0, "enrolments": 2790,
    },
    "telpolytech": {
        "sections": 144, "courses": 64, "professors": 152, "rooms": 30, "students": 5760,
        "classes": 564, "slots": 712, "availability": 1153, "meetings": 11392, "qualifications": 0,
        "enrolments": 22560,
    },
    "udine-comp01": {
        "sections": 14, "courses": 30, "professors": 24, "rooms": 6, "students": 233, "classes": 30,
        "slots": 160, "availability": 5, "meetings": 2560, "qualifications": 0, "enrolments": 737,
    },
}  # fmt: skip
BELLS = {"anna-univ": 9, "telpolytech": 11, "udine-comp01": 6}


@pytest.mark.parametrize("name", KNOWN)
def test_a_real_timetable_imports_and_comes_back(name, shared_data, tmp_path):
    report = import_bundle(shared_data(name), now=NOW)
    assert report.counts == KNOWN[name]
    assert report.overlaps == {"professor": 0, "room": 0}
    assert (report.updated, report.unchanged, report.removed, report.kept) == (0, 0, 0, [])
    assert Period.objects.count() == BELLS[name]
    assert not Meeting.objects.exclude(starts_at=F("planned_starts_at")).exists()

    again = import_bundle(shared_data(name), now=NOW)
    assert (again.created, again.unchanged) == (0, report.created)

    export_bundle(Term.objects.get(), tmp_path / "out")
    back = import_bundle(tmp_path / "out", now=NOW)
    assert (back.created, back.updated, back.unchanged, back.removed) == (0, 0, report.created, 0)


def test_a_real_timetable_comes_back_to_the_byte_from_an_empty_database(shared_data, tmp_path):
    def files(folder):
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    import_bundle(shared_data("anna-univ"), now=NOW)
    term = Term.objects.get()
    export_bundle(term, tmp_path / "out")
    Meeting.objects.all().delete()
    term.offerings.all().delete()
    term.institute.delete()
    assert not Term.objects.exists()

    import_bundle(tmp_path / "out", now=NOW)
    export_bundle(Term.objects.get(), tmp_path / "out2")
    assert files(tmp_path / "out2") == files(tmp_path / "out")


def test_three_lessons_of_anna_univ_have_no_room(shared_data):
    import_bundle(shared_data("anna-univ"), now=NOW)
    roomless = Meeting.objects.filter(planned_room=None)
    assert roomless.order_by().values("slot").distinct().count() == 3
