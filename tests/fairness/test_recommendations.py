"""What is recommended is concrete, checked, and would help."""

import datetime as dt
from decimal import Decimal

import pytest

from fairness.recommendations import RecommendationKind, recommendations
from fairness.standing import distribution, standings
from fairness.teaching import distribution as teaching_distribution
from fairness.teaching import teaching_loads
from fairness.term_days import TermDays
from tests.factories import (
    NOW,
    AbsenceFactory,
    AvailabilityFactory,
    CourseFactory,
    HoldFactory,
    MeetingFactory,
    OfferingFactory,
    ProfessorFactory,
    QualificationFactory,
    TermFactory,
    at,
)
from tests.fairness.covers import cover
from timetable.enums import MeetingStatus
from timetable.models import Professor, Term

pytestmark = pytest.mark.django_db

TUESDAY = dt.date(2027, 3, 9)


@pytest.fixture
def term():
    return Term.objects.select_related("institute").get(pk=TermFactory().pk)


def recommended(term, now=NOW):
    people = {one.pk: one for one in Professor.objects.filter(active=True)}
    everybody, days = standings(term, now=now), TermDays.of(term)
    loads = teaching_loads(term, people.values(), everybody, days, now=now, checkpoint=None)
    return recommendations(term, people, everybody, loads, now=now)


def said(found):
    return [
        (str(one.kind), one.giver.name, one.taker.name, one.offering.code, one.meetings, one.hours)
        for one in found
    ]


# Covers


@pytest.fixture
def covering(term):
    """Ben has covered twice for Ada and is to do so again on Tuesday at nine; Eve and Fay could."""
    maths = CourseFactory(code="MATH")
    people = {
        name: ProfessorFactory(name=name, code=name, weekly_hours=None)
        for name in ("Ada", "Ben", "Eve", "Fay")
    }
    for name in ("Ben", "Eve", "Fay"):
        QualificationFactory(professor=people[name], course=maths)
    offering = OfferingFactory(course=maths, code="MATH.A", professors=[people["Ada"]])
    for day in (dt.date(2027, 2, 9), dt.date(2027, 2, 16), TUESDAY):
        meeting = MeetingFactory(offering=offering, day=day, professor=people["Ben"])
        cover(people["Ben"], people["Ada"], meeting=meeting)
    return people


COVER = ("cover", "Ben", "Eve", "MATH.A", 1, Decimal("1.5"))
BY_FAY = ("cover", "Ben", "Fay", "MATH.A", 1, Decimal("1.5"))


def test_a_coming_cover_goes_to_whoever_carries_least(term, covering):
    (found,) = recommended(term)
    assert said([found]) == [COVER]
    assert found.kind is RecommendationKind.COVER
    assert found.meeting.starts_at == at("2027-03-09 09:00")
    everybody = standings(term, now=NOW)
    assert found.balance_before == distribution(everybody).balance.score
    assert found.balance_before < found.balance_after


def test_what_is_promised_is_what_comes_of_it(term, covering):
    """Enter what is recommended: the balance is as it was said to be."""
    from fairness import ledger

    (found,) = recommended(term)
    about = {"meeting": found.meeting, "hours": found.hours, "now": NOW}
    case = found.meeting.ledger.latest("pk").case_uid
    pair = {"absent": covering["Ada"], "case_uid": case, **about}
    ledger.uncovered(substitute=found.giver, **pair)
    ledger.covered(substitute=found.taker, **pair)
    assert distribution(standings(term, now=NOW)).balance.score == found.balance_after


@pytest.mark.parametrize("obstacle", ["teaches", "absent", "unavailable", "held", "co-teaches"])
def test_whoever_is_not_free_then_is_left_out(term, covering, obstacle):
    eve = covering["Eve"]
    if obstacle == "teaches":
        MeetingFactory(offering=OfferingFactory(professors=[eve]), day=TUESDAY, clock=dt.time(10))
    elif obstacle == "co-teaches":
        joint = OfferingFactory(professors=[ProfessorFactory(weekly_hours=None), eve])
        MeetingFactory(offering=joint, day=TUESDAY, clock=dt.time(8), minutes=61)
    elif obstacle == "absent":
        AbsenceFactory(
            professor=eve, starts_at=at("2027-03-09 10:29"), ends_at=at("2027-03-09 12:00")
        )
    elif obstacle == "unavailable":
        AvailabilityFactory(professor=eve, weekday=2, starts=dt.time(9), ends=dt.time(10))
    else:
        HoldFactory(professor=eve, starts_at=at("2027-03-09 09:00"), ends_at=at("2027-03-09 10:30"))
    assert said(recommended(term))[:1] == [BY_FAY]


def test_nobody_is_asked_beyond_their_hours_a_day(term, covering):
    eve = covering["Eve"]
    Professor.objects.filter(pk=eve.pk).update(max_daily_hours=4)
    other = OfferingFactory(professors=[eve])
    MeetingFactory(offering=other, day=TUESDAY, clock=dt.time(14), minutes=150)
    assert COVER in said(recommended(term))
    MeetingFactory(offering=other, day=TUESDAY, clock=dt.time(17), minutes=1)
    assert BY_FAY in said(recommended(term))
    assert COVER not in said(recommended(term))


def test_nobody_qualified_is_nobody_recommended(term, covering):
    Professor.objects.filter(name__in=["Eve", "Fay"]).update(active=False)
    for _ in range(2):
        ProfessorFactory(weekly_hours=None)
    assert recommended(term) == []


def test_the_absent_professor_is_not_recommended_for_their_own_class(term, covering):
    Professor.objects.filter(name__in=["Eve", "Fay"]).update(active=False)
    ProfessorFactory(weekly_hours=None)
    assert standings(term, now=NOW)[covering["Ada"].pk].deviation < 0
    assert recommended(term) == []


@pytest.mark.parametrize(
    "now", ["2027-03-09 09:00", "2027-03-10 09:00", "2027-02-01 09:00"], ids=str
)
def test_only_covers_of_the_coming_weeks_are_looked_at(term, covering, now):
    """Not one that has begun, and not one more than four weeks ahead."""
    assert "2027-03-09" not in [
        one.meeting.starts_at.date().isoformat() for one in recommended(term, now=at(now))
    ]


def test_a_substitution_without_a_line_in_the_ledger_is_nobodys_burden(term, covering):
    """It came with the timetable: to move it changes no share."""
    elsewhere = MeetingFactory(
        offering=OfferingFactory(course=CourseFactory(), professors=[covering["Ada"]]),
        professor=covering["Ben"],
        day=dt.date(2027, 3, 10),
        minutes=60,
    )
    QualificationFactory(professor=covering["Fay"], course=elsewhere.offering.course)
    assert said(recommended(term)) == [COVER]


def test_a_dropped_meeting_is_not_given_away(term, covering):
    meeting = covering["Ben"].meetings.get(starts_at=at("2027-03-09 09:00"))
    meeting.status = MeetingStatus.DROPPED
    meeting.save(update_fields=["status"])
    assert recommended(term) == []


def test_with_two_people_nothing_is_recommended(term):
    ada, ben = (ProfessorFactory(weekly_hours=None) for _ in range(2))
    offering = OfferingFactory(professors=[ada])
    QualificationFactory(professor=ben, course=offering.course)
    meeting = MeetingFactory(offering=offering, day=TUESDAY, professor=ben)
    cover(ben, ada, meeting=meeting)
    assert recommended(term) == []


# Classes


@pytest.fixture
def teaching(term):
    """Ada teaches two classes where one is expected; Ben teaches nothing, and knows the course."""
    maths, physics = CourseFactory(code="MATH"), CourseFactory(code="PHYS")
    weekly = Decimal("0.75")
    people = {
        name: ProfessorFactory(name=name, code=name, weekly_hours=weekly)
        for name in ("Ada", "Ben", "Cleo")
    }
    QualificationFactory(professor=people["Ben"], course=maths)
    classes = {
        code: OfferingFactory(course=course, code=code, professors=[people[who]])
        for code, course, who in (
            ("MATH.A", maths, "Ada"),
            ("PHYS.A", physics, "Ada"),
            ("PHYS.B", physics, "Cleo"),
        )
    }
    for week in range(8):
        for code, hour in (("MATH.A", 9), ("PHYS.A", 11), ("PHYS.B", 14)):
            day = dt.date(2027, 2, 2) + dt.timedelta(weeks=week)
            MeetingFactory(offering=classes[code], day=day, clock=dt.time(hour))
    return people, classes


CLASS = ("class", "Ada", "Ben", "MATH.A", 4, Decimal(6))


def test_the_rest_of_a_class_goes_to_somebody_with_too_few_hours(term, teaching):
    """Four of the eight meetings are over."""
    (found,) = recommended(term)
    assert said([found]) == [CLASS]
    assert found.meeting is None
    people = list(Professor.objects.all())
    everybody, days = standings(term, now=NOW), TermDays.of(term)
    loads = teaching_loads(term, people, everybody, days, now=NOW, checkpoint=None)
    assert found.balance_before == teaching_distribution(loads).balance.score
    assert found.balance_before < found.balance_after


def test_a_class_needs_its_taker_free_at_every_meeting(term, teaching):
    people, _ = teaching
    last = dt.date(2027, 3, 23)
    other = OfferingFactory(professors=[people["Ben"]])
    MeetingFactory(offering=other, day=last, clock=dt.time(8), minutes=61)
    assert recommended(term) == []


def test_a_class_that_is_over_is_not_given_away(term, teaching):
    assert recommended(term, now=at("2027-04-01 09:00")) == []


def test_a_class_is_not_given_to_who_teaches_it_already(term, teaching):
    people, classes = teaching
    classes["MATH.A"].teachings.create(professor=people["Ben"], position=1)
    assert recommended(term) == []


def test_only_what_the_responsible_professor_leads_is_given_away(term, teaching):
    """A meeting that somebody else has taken over is not the giver's to give."""
    people, classes = teaching
    meeting = classes["MATH.A"].meetings.get(starts_at=at("2027-03-23 09:00"))
    meeting.professor = people["Cleo"]
    meeting.save(update_fields=["professor"])
    assert said(recommended(term)) == [("class", "Ada", "Ben", "MATH.A", 3, Decimal("4.5"))]


# Both


def test_each_person_is_in_one_recommendation_of_a_kind(term, covering):
    another = MeetingFactory(
        offering=covering["Ben"].meetings.first().offering,
        professor=covering["Ben"],
        day=dt.date(2027, 3, 16),
    )
    cover(covering["Ben"], covering["Ada"], meeting=another)
    assert said(recommended(term)) == [COVER]


@pytest.mark.parametrize("classes", [1, 3])
def test_queries_do_not_grow(term, covering, classes, django_assert_num_queries):
    for n in range(classes):
        taker = ProfessorFactory(weekly_hours=20)
        giver = ProfessorFactory(weekly_hours=Decimal("0.1"))
        offering = OfferingFactory(professors=[giver])
        QualificationFactory(professor=taker, course=offering.course)
        for day in (TUESDAY, TUESDAY + dt.timedelta(weeks=1)):
            MeetingFactory(offering=offering, day=day, clock=dt.time(11 + n))
    people = {one.pk: one for one in Professor.objects.all()}
    everybody, days = standings(term, now=NOW), TermDays.of(term)
    loads = teaching_loads(term, people.values(), everybody, days, now=NOW, checkpoint=None)
    with django_assert_num_queries(3):
        found = recommendations(term, people, everybody, loads, now=NOW)
    assert len(found) == 1 + classes
