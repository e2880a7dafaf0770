"""The report as a whole, what of it a professor sees, the forecast, and the command."""

import datetime as dt
import json
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from fairness import ledger
from fairness.forecast import Forecast
from fairness.report import fairness_report, for_department, for_professor
from tests.factories import (
    NOW,
    InstituteFactory,
    MeetingFactory,
    OfferingFactory,
    OwedHoursFactory,
    ProfessorFactory,
    TermFactory,
    small_institute,
)
from tests.fairness.covers import cover

pytestmark = pytest.mark.django_db

NO_MEASURES = {
    "balance": None,
    "balance_exact": None,
    "gini": None,
    "coefficient_of_variation": None,
    "jain": None,
    "largest_deviation": None,
    "lorenz": None,
}
NO_COUNTS = {"asked": 0, "accepted": 0, "declined": 0, "covers": 0}


@pytest.fixture
def small():
    """Of five people, Ben has covered for Ada; Dan was asked as well, and declined."""
    made = small_institute()
    meeting = made.meetings["MATH.A", "2027-03-02"]
    meeting.professor = made.professors["BEN"]
    meeting.save(update_fields=["professor"])
    about = cover(made.professors["BEN"], made.professors["ADA"], meeting=meeting)
    ledger.asked([made.professors["DAN"]], **about)
    ledger.declined(made.professors["DAN"], **about)
    return made


def test_an_institute_without_a_term_has_no_data():
    institute = InstituteFactory()
    report = fairness_report(institute, NOW)
    assert report.as_json() == {
        "institute": "northfield",
        "term": None,
        "at": "2027-03-01T08:00:00+00:00",
        "covering": {**NO_COUNTS, "people": 0, "hours": 0.0, **NO_MEASURES},
        "teaching": {"people": 0, "hours": 0.0, **NO_MEASURES},
        "professors": [],
        "recommendations": [],
        "forecast": None,
        "hours_owed": 0.0,
        "owed": [],
    }


def test_a_term_without_anybody_has_no_data():
    report = fairness_report(TermFactory().institute, NOW)
    assert report.covering == report.teaching
    assert (report.covering.people, report.covering.balance, report.lines) == (0, None, ())
    assert report.forecast == Forecast(
        checkpoint=dt.date(2027, 3, 12),
        teaching_days_left=9,
        covers=None,
        cover_hours=None,
        largest_deviation=None,
        balance=None,
        teaching_hours=0.0,
        expected_hours=0.0,
        hours_owed=0.0,
    )


@pytest.mark.parametrize("people", [1, 2])
def test_few_people_get_counts_only(people):
    few = [ProfessorFactory() for _ in range(people)]
    term = OfferingFactory(professors=few[:1]).term
    cover(few[0], few[-1], hours=2)
    report = fairness_report(term.institute, NOW).as_json()
    assert report["covering"] == {
        **NO_COUNTS,
        "asked": 1,
        "accepted": 1,
        "covers": 1,
        "people": people,
        "hours": 2.0,
        **NO_MEASURES,
    }
    assert [line["hours_given"] for line in report["professors"] if line["hours_given"]] == [2.0]
    assert report["recommendations"] == []


def test_the_whole_report(small):
    OwedHoursFactory(offering=small.classes["PHYS.B"], due_on=dt.date(2027, 3, 12))
    report = fairness_report(small.institute, NOW).as_json()
    nobody = {"asked": 0, "accepted": 0, "declined": 0, "hours_given": 0.0, "hours_taken": 0.0}

    def line(code, name, hours, **other):
        given = other.get("hours_given", 0.0)
        return {
            "professor": code,
            "name": name,
            "department": "Sciences",
            "fte": 1.0,
            "entitlement": 1.0,
            **nobody,
            "fair_share": 0.3,
            "deviation": given - 0.3,
            "teaching_hours": hours,
            "expected_hours": 192.0,
            "teaching_deviation": hours - 192.0,
            **other,
        }

    assert report == {
        "institute": "northfield",
        "term": "Spring 2027",
        "at": "2027-03-01T08:00:00+00:00",
        "covering": {
            "asked": 2,
            "accepted": 1,
            "declined": 1,
            "covers": 1,
            "people": 5,
            "hours": 1.5,
            "balance": 1.0,
            "balance_exact": True,
            "gini": 0.8,
            "coefficient_of_variation": 2.0,
            "jain": 0.2,
            "largest_deviation": 1.2,
            "lorenz": [[0.0, 0.0], [0.8, 0.0], [1.0, 1.0]],
        },
        "teaching": {
            "people": 5,
            "hours": 12.0,
            "balance": pytest.approx(18 / 26, abs=1e-4),
            "balance_exact": True,
            "gini": 0.35,
            "coefficient_of_variation": pytest.approx(0.6374, abs=1e-4),
            "jain": pytest.approx(0.7111, abs=1e-4),
            "largest_deviation": 192.0,
            "lorenz": [[0.0, 0.0], [0.2, 0.0], [0.4, 0.125], [0.8, 0.625], [1.0, 1.0]],
        },
        "professors": [
            line("ADA", "Ada Adler", 1.5, hours_taken=1.5),
            line("BEN", "Ben Baker", 4.5, hours_given=1.5, asked=1, accepted=1),
            line("CLEO", "Cleo Clark", 3.0),
            line("DAN", "Dan Dorn", 3.0, asked=1, declined=1),
            line("EVE", "Eve Ernst", 0.0),
        ],
        "recommendations": [],
        "forecast": {
            "checkpoint": "2027-03-12",
            "teaching_days_left": 9,
            "method": "linear",
            "covers_expected": 0,
            "cover_hours": pytest.approx(1.5 * 50 / 41, abs=1e-4),
            "largest_deviation": pytest.approx(1.2 * 50 / 41, abs=1e-4),
            "balance_if_least_burdened_first": 1.0,
            "teaching_hours": 12.0,
            "expected_hours": 600.0,
            "hours_owed": 1.5,
        },
        "hours_owed": 1.5,
        "owed": [
            {
                "class": "PHYS.B",
                "course": "Mechanics",
                "hours": 1.5,
                "since": "2027-03-01T08:00:00+00:00",
                "due_on": "2027-03-12",
            }
        ],
    }
    assert json.loads(json.dumps(report)) == report


def test_settled_and_foreign_hours_are_not_owed(small):
    OwedHoursFactory(offering=small.classes["PHYS.B"], settled_at=NOW)
    elsewhere = TermFactory(institute=InstituteFactory(slug="southfield"))
    OwedHoursFactory(offering=OfferingFactory(term=elsewhere))
    report = fairness_report(small.institute, NOW)
    assert (report.hours_owed, report.owed) == (0, ())


def test_a_professor_sees_the_own_line_and_the_totals(small):
    OwedHoursFactory(offering=small.classes["PHYS.B"])
    whole = fairness_report(small.institute, NOW)
    own = for_professor(whole, small.professors["DAN"])
    told = own.as_json()
    assert [line["professor"] for line in told["professors"]] == ["DAN"]
    assert own.own_line == own.lines[0]
    assert (told["recommendations"], told["owed"], told["hours_owed"]) == ([], [], 1.5)
    for question in ("covering", "teaching"):
        assert told[question] == {**whole.as_json()[question], "lorenz": None}
    text = json.dumps(told)
    assert not [name for name in ("Ada", "Ben", "Cleo", "Eve", "PHYS.B") if name in text]


def test_a_head_sees_the_lines_of_the_department(small):
    small.professors["ADA"].department = "Letters"
    small.professors["ADA"].save(update_fields=["department"])
    OwedHoursFactory(offering=small.classes["PHYS.B"])
    report = for_department(fairness_report(small.institute, NOW), "Letters")
    assert [line.professor.code for line in report.lines] == ["ADA"]
    assert (report.owed, report.covering.people) == ((), 5)


def test_the_report_takes_as_many_queries_for_many_as_for_few(django_assert_num_queries):
    small = small_institute()
    cover(small.professors["BEN"], small.professors["ADA"])
    with django_assert_num_queries(5):
        fairness_report(small.institute, NOW)
    for _ in range(5):
        offering = OfferingFactory(term=small.term)
        MeetingFactory(offering=offering)
        cover(ProfessorFactory(), offering.professors.get())
        OwedHoursFactory(offering=offering)
    with django_assert_num_queries(5):
        fairness_report(small.institute, NOW)


# The forecast


def test_covering_goes_on_as_so_far(small):
    """After 41 of 80 teaching days; the checkpoint is on the fiftieth."""
    for _ in range(9):
        cover(small.professors["BEN"], small.professors["ADA"])
    found = fairness_report(small.institute, NOW).forecast
    assert (found.covers, found.cover_hours) == (2, pytest.approx(15 * 50 / 41))
    assert found.largest_deviation == pytest.approx(12 * 50 / 41)
    # Twelve covers, ten of them Ben's: 10 + 1 + 1 where 3 + 3 + 2 + 2 + 2 was possible.
    assert found.balance == pytest.approx((48 - 42) / (48 - 6), abs=1e-9)


def test_after_the_last_checkpoint_there_is_no_forecast(small):
    assert fairness_report(small.institute, NOW + dt.timedelta(days=60)).forecast is None


def test_before_the_first_teaching_day_nothing_is_known_of_covering(small):
    early = NOW - dt.timedelta(days=90)
    found = fairness_report(small.institute, early).forecast
    assert (found.covers, found.cover_hours, found.balance) == (None, None, None)
    assert (found.teaching_days_left, found.teaching_hours) == (50, 12.0)


def test_what_is_due_later_is_not_owed_by_the_checkpoint(small):
    OwedHoursFactory(offering=small.classes["PHYS.A"], due_on=dt.date(2027, 4, 16))
    OwedHoursFactory(offering=small.classes["PHYS.B"], due_on=None)
    report = fairness_report(small.institute, NOW)
    assert (report.forecast.hours_owed, report.hours_owed) == (0, Decimal(3))


# The command


def printed(*arguments):
    out, err = StringIO(), StringIO()
    call_command("fairness_report", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_command_prints_one_json_object_and_nothing_else(small):
    out, err = printed("northfield", "--json")
    told = json.loads(out)
    assert (out.count("\n"), err) == (1, "")
    assert (told["institute"], told["term"]) == ("northfield", "Spring 2027")
    assert told["covering"] == fairness_report(small.institute, NOW).as_json()["covering"]


def test_the_command_tells_people_in_sentences(small):
    out, _ = printed("northfield")
    assert out.startswith(
        "Northfield University, Spring 2027\n"
        "Covering: 1.50 h, 1 covers among 5 (asked 2, accepted 1, declined 1).\n"
        "  Balance 1.00, Gini 0.800, coefficient of variation 2.000, Jain 0.200, largest "
        "deviation 1.20 h.\n"
    )


def test_the_command_says_when_there_is_nothing_to_say():
    InstituteFactory()
    assert printed("northfield") == ("Northfield University: no term yet, no data.\n", "")
    TermFactory()
    assert "No data, or too few people to compare." in printed("northfield")[0]


def test_the_command_refuses_an_unknown_institute():
    with pytest.raises(CommandError, match="no institute “nowhere”"):
        printed("nowhere", "--json")
