"""Teaching hours against expected hours, and how far a term has come."""

import datetime as dt
from decimal import Decimal

import pytest

from fairness.standing import standings
from fairness.teaching import distribution, teaching_loads
from fairness.term_days import TermDays, current_term
from tests.factories import (
    NOW,
    AbsenceFactory,
    ClosureFactory,
    InstituteFactory,
    MeetingFactory,
    OfferingFactory,
    ProfessorFactory,
    TermFactory,
    at,
)
from timetable.enums import MeetingStatus
from timetable.models import Professor, Term

pytestmark = pytest.mark.django_db

D = Decimal
CHECKPOINT = dt.date(2027, 3, 12)


@pytest.fixture
def term():
    """Sixteen weeks of five days."""
    return Term.objects.select_related("institute").get(pk=TermFactory().pk)


def loads(term, now=NOW, checkpoint=CHECKPOINT):
    people = list(Professor.objects.filter(active=True))
    everybody = standings(term, now=now)
    days = TermDays.of(term)
    return teaching_loads(term, people, everybody, days, now=now, checkpoint=checkpoint)


# Days


def test_a_term_counts_its_teaching_days(term):
    days = TermDays.of(term)
    assert (len(days.days), days.weeks) == (80, 16)
    assert days.until(dt.date(2027, 1, 3)) == 0
    assert days.until(dt.date(2027, 1, 4)) == 1
    assert days.until(dt.date(2027, 1, 10)) == 5
    assert days.until(dt.date(2027, 12, 31)) == 80
    assert days.share_until(dt.date(2027, 1, 29)) == D("0.25")


def test_closures_take_teaching_days_off(term):
    ClosureFactory(term=term, starts_on=dt.date(2027, 3, 27), ends_on=dt.date(2027, 3, 30))
    ClosureFactory(term=term, starts_on=dt.date(2027, 3, 30), ends_on=dt.date(2027, 4, 2))
    days = TermDays.of(term)
    assert (len(days.days), days.weeks) == (75, 15)


def test_an_institute_without_teaching_days_divides_by_nothing(term):
    term.institute.teaching_days = []
    days = TermDays.of(term)
    assert (days.weeks, days.share_until(CHECKPOINT)) == (0, 0)


@pytest.mark.parametrize(
    ("now", "name"),
    [
        ("2026-06-01 09:00", "Autumn 2026"),
        ("2026-10-01 09:00", "Autumn 2026"),
        ("2026-12-31 09:00", "Autumn 2026"),
        ("2027-01-03 23:59", "Autumn 2026"),
        ("2027-01-04 00:00", "Spring 2027"),
        ("2028-01-01 09:00", "Spring 2027"),
    ],
)
def test_the_term_is_the_one_that_runs_or_ran_last(term, now, name):
    TermFactory(
        name="Autumn 2026",
        starts_on=dt.date(2026, 9, 1),
        mid_semester_on=dt.date(2026, 10, 1),
        end_semester_on=dt.date(2026, 12, 1),
        ends_on=dt.date(2026, 12, 20),
    )
    TermFactory(institute=InstituteFactory(slug="southfield"), name="Elsewhere")
    assert current_term(term.institute, at(now)).name == name


def test_an_institute_may_have_no_term():
    assert current_term(InstituteFactory(), NOW) is None


# Hours


def test_what_holds_counts_for_whoever_leads_it(term):
    ada, ben = ProfessorFactory(name="Ada"), ProfessorFactory(name="Ben")
    maths = OfferingFactory(professors=[ada])
    meeting = {"offering": maths, "minutes": 50}
    MeetingFactory(day=dt.date(2027, 2, 22), **meeting)
    MeetingFactory(day=dt.date(2027, 3, 8), **meeting)
    MeetingFactory(day=CHECKPOINT, **meeting)
    MeetingFactory(day=CHECKPOINT + dt.timedelta(days=1), **meeting)
    MeetingFactory(day=dt.date(2027, 3, 9), professor=ben, **meeting)
    MeetingFactory(day=dt.date(2027, 3, 10), status=MeetingStatus.POSTPONED, **meeting)
    MeetingFactory(day=dt.date(2027, 3, 11), status=MeetingStatus.DROPPED, **meeting)
    found = loads(term)
    assert [
        (one.done, one.coming_until_checkpoint, one.coming, one.hours)
        for one in (found[ada.pk], found[ben.pk])
    ] == [
        (D("0.8333"), D("1.6667"), D("2.5"), D("3.3333")),
        (0, D("0.8333"), D("0.8333"), D("0.8333")),
    ]


def test_a_class_taught_together_counts_for_each(term):
    cleo, dan = ProfessorFactory(name="Cleo"), ProfessorFactory(name="Dan")
    joint = OfferingFactory(professors=[cleo, dan])
    MeetingFactory(offering=joint)
    MeetingFactory(offering=joint, day=dt.date(2027, 3, 3), professor=dan)
    found = loads(term)
    assert (found[cleo.pk].hours, found[dan.pk].hours) == (D("1.5"), D(3))


def test_other_terms_do_not_count(term):
    ada = ProfessorFactory()
    later = TermFactory(
        name="Autumn 2027",
        starts_on=dt.date(2027, 9, 1),
        mid_semester_on=dt.date(2027, 10, 1),
        end_semester_on=dt.date(2027, 12, 1),
        ends_on=dt.date(2027, 12, 20),
    )
    MeetingFactory(offering=OfferingFactory(term=later, professors=[ada]), day=dt.date(2027, 9, 7))
    assert loads(term)[ada.pk].hours == 0


# What is expected


def test_contracted_hours_are_expected_every_teaching_week(term):
    """The hours are those of the contract: a part-timer's are not halved again."""
    full = ProfessorFactory(weekly_hours=12)
    half = ProfessorFactory(weekly_hours=6, fte=D("0.5"))
    ClosureFactory(term=term, starts_on=dt.date(2027, 3, 29), ends_on=dt.date(2027, 4, 2))
    found = loads(term)
    assert [(found[one.pk].expected, found[one.pk].stated) for one in (full, half)] == [
        (180, True),
        (90, True),
    ]


def test_leave_lowers_what_is_expected(term):
    ada = ProfessorFactory(weekly_hours=10)
    AbsenceFactory(
        professor=ada,
        starts_at=at("2027-02-01 00:00"),
        ends_at=at("2027-03-01 00:00"),
        filed_at=at("2027-01-10 09:00"),
    )
    assert loads(term)[ada.pk].expected == pytest.approx(D(120), abs=D("0.1"))


def test_without_contracted_hours_what_is_taught_is_shared_by_entitlement(term):
    ada = ProfessorFactory(weekly_hours=None)
    ben = ProfessorFactory(weekly_hours=None, fte=D("0.5"))
    cleo = ProfessorFactory(weekly_hours=10)
    for one, minutes in ((ada, 90), (ben, 270), (cleo, 600)):
        MeetingFactory(offering=OfferingFactory(professors=[one]), minutes=minutes)
    found = loads(term)
    assert [(found[one.pk].expected, found[one.pk].stated) for one in (ada, ben, cleo)] == [
        (4, False),
        (2, False),
        (160, True),
    ]
    assert found[ben.pk].deviation == D("2.5")


def test_nobody_entitled_expects_nothing(term):
    guest = ProfessorFactory(weekly_hours=None, fte=0)
    MeetingFactory(offering=OfferingFactory(professors=[guest]))
    found = loads(term)
    assert (found[guest.pk].expected, found[guest.pk].hours) == (0, D("1.5"))
    assert len(distribution(found)) == 0


def test_the_evenness_compares_with_what_is_expected(term):
    people = [ProfessorFactory(weekly_hours=D("0.25")) for _ in range(3)]
    for one, minutes in zip(people, (240, 240, 120), strict=True):
        MeetingFactory(offering=OfferingFactory(professors=[one]), minutes=minutes)
    found = loads(term)
    evenness = distribution(found).evenness({pk: one.expected for pk, one in found.items()})
    assert (evenness.people, evenness.hours, evenness.largest_deviation) == (3, 10, 2)
    assert evenness.gini == pytest.approx(2 / 15)
    assert (evenness.balance, evenness.balance_exact) == (1, True)


@pytest.mark.parametrize("people", [1, 3])
def test_loads_take_one_query(term, people, django_assert_num_queries):
    for _ in range(people):
        MeetingFactory(
            offering=OfferingFactory(professors=[ProfessorFactory(), ProfessorFactory()])
        )
    rows, everybody, days = (
        list(Professor.objects.all()),
        standings(term, now=NOW),
        TermDays.of(term),
    )
    with django_assert_num_queries(1):
        teaching_loads(term, rows, everybody, days, now=NOW, checkpoint=CHECKPOINT)
