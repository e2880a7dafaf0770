"""The made institute: of the promised size, without a clash, with a case in every state."""

import datetime as dt

import pytest

from reallocation.audit import verify
from reallocation.enums import CaseStatus, StepNumber, WaitingFor
from reallocation.models import Case
from reallocation.sample.cases import STATES, make_cases
from reallocation.sample.institute import SLUG, write_bundle
from reallocation.sweep import sweep
from tests.factories import at
from timetable.exchange.importing import import_bundle
from timetable.models import Institute

TODAY = dt.date(2027, 3, 3)
NOW = at("2027-03-03 10:00")


@pytest.fixture
def lakeside(db, tmp_path):
    write_bundle(tmp_path, TODAY)
    report = import_bundle(tmp_path, now=NOW)
    return Institute.objects.get(slug=SLUG), report


def test_the_institute_has_the_promised_size_and_no_clash(lakeside):
    institute, report = lakeside
    counts = report.counts
    assert (counts["sections"], counts["professors"], counts["students"]) == (25, 60, 1000)
    assert (counts["classes"], counts["slots"]) == (150, 300)
    assert report.overlaps == {"professor": 0, "room": 0}
    term = institute.terms.get()
    assert term.starts_on < TODAY < term.mid_semester_on < term.end_semester_on


def test_the_same_day_makes_the_same_institute(tmp_path):
    for folder in ("one", "two"):
        write_bundle(tmp_path / folder, TODAY)
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}
        for folder in ("one", "two")
    )
    assert one == two


def test_there_is_a_case_in_every_state_and_a_sweep_moves_none_of_them(lakeside):
    institute, _ = lakeside
    cases = make_cases(institute, NOW)
    assert set(cases) == set(STATES)
    states = {case.status for case in cases.values()}
    assert states == set(CaseStatus.values)
    waiting = {case.waiting_for for case in cases.values() if case.is_open}
    assert waiting == set(WaitingFor.values)
    assert {case.step for case in cases.values()} == set(StepNumber.values)
    assert all(case.opened_at <= NOW for case in cases.values())
    assert sweep(NOW).moved == 0
    assert Case.objects.open().count() == len(waiting)
    assert verify(institute).ok
