"""The report is reckoned once for all who look at it in the same minute, unless something happens."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fairness.recent import recent_report
from fairness.report import fairness_report
from tests.factories import AbsenceFactory, OwedHoursFactory, at, small_institute
from tests.fairness.covers import cover
from tests.voting.crowd import at_once

pytestmark = pytest.mark.django_db

NOW = at("2027-03-01 09:00:10")


@pytest.fixture
def house():
    return small_institute()


def queries_of(house, now):
    with CaptureQueriesContext(connection) as asked:
        report = recent_report(house.institute, now)
    return len(asked), report


def test_whoever_looks_second_is_told_the_same_by_one_query(house):
    meeting = house.meetings["MATH.A", "2027-03-02"]
    cover(house.professors["BEN"], house.professors["ADA"], meeting=meeting, now=NOW)
    _, first = queries_of(house, NOW)
    number, second = queries_of(house, NOW + dt.timedelta(seconds=30))
    assert number == 1
    assert second.as_json() == first.as_json() == fairness_report(house.institute, NOW).as_json()


def test_it_is_reckoned_anew_after_a_minute(house):
    _, first = queries_of(house, NOW)
    number, later = queries_of(house, NOW + dt.timedelta(seconds=60))
    assert number > 1
    assert (first.at, later.at) == (NOW, NOW + dt.timedelta(seconds=60))


def test_it_is_reckoned_anew_when_something_happened(house):
    ada, ben = house.professors["ADA"], house.professors["BEN"]
    meeting = house.meetings["MATH.A", "2027-03-02"]

    def covered():
        cover(ben, ada, meeting=meeting, now=NOW)

    def away():
        happenings["absence"] = AbsenceFactory(professor=ada)

    def back():
        happenings["absence"].withdrawn_at = NOW
        happenings["absence"].save(update_fields=["withdrawn_at"])

    def owed():
        happenings["owed"] = OwedHoursFactory(institute=house.institute, offering=meeting.offering)

    def settled():
        happenings["owed"].settled_at = NOW
        happenings["owed"].save(update_fields=["settled_at"])

    happenings = {}
    for happens in (covered, away, back, owed, settled):
        recent_report(house.institute, NOW)
        happens()
        number, report = queries_of(house, NOW)
        assert number > 1, happens
        assert report.as_json() == fairness_report(house.institute, NOW).as_json()


def test_institutes_are_told_apart(house):
    other = small_institute("elsewhere")
    recent_report(house.institute, NOW)
    assert recent_report(other.institute, NOW).institute == other.institute


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_whoever_looks_while_it_is_reckoned_waits_for_that_one(house):
    looks = [lambda: recent_report(house.institute, NOW)] * 8
    first, *others = at_once(*looks)
    assert first.term is not None
    assert all(one is first for one in others)
