import datetime as dt
import itertools

from django.urls import reverse

from reallocation import response_times
from reallocation.enums import OfferStatus
from tests.factories import OfferFactory, small_institute

MINUTES = dt.timedelta(minutes=1)
DAYS = (dt.timedelta(days=n) for n in itertools.count())


def answered(flow, minutes, *, days_ago=1, status=OfferStatus.ACCEPTED):
    sent = flow.now - dt.timedelta(days=days_ago)
    return OfferFactory(
        case__meeting__offering=flow.house.classes["CHEM.B"],
        case__meeting__day=dt.date(2027, 4, 1) + next(DAYS),
        case__meeting__planned_room=None,
        professor=flow.house.professors["EVE"],
        status=status,
        sent_at=sent,
        expires_at=sent + dt.timedelta(days=1),
        answered_at=sent + minutes * MINUTES,
    )


def usual(flow):
    return response_times.usual(response_times.answered(flow.house.institute, flow.now))


def test_the_usual_time_is_that_of_the_one_in_the_middle(flow):
    for minutes in (10, 20, 120, 300):
        answered(flow, minutes, status=OfferStatus.DECLINED)
    assert usual(flow) is None
    answered(flow, 700)
    assert usual(flow) == 120 * MINUTES


def test_only_answers_count_that_were_given_here_and_of_late(flow):
    for _ in range(5):
        answered(flow, 120)
    answered(flow, 5, days_ago=91)
    answered(flow, 5, status=OfferStatus.WITHDRAWN)
    elsewhere = small_institute("southfield").institute
    assert usual(flow) == 120 * MINUTES
    assert response_times.usual(response_times.answered(elsewhere, flow.now)) is None


def test_who_files_an_absence_reads_how_long_answers_take(site):
    address = reverse("reallocation:absence-file") + "?kind=day&day=2027-03-02"
    assert "usually answered" not in site.read("ADA", address)
    for _ in range(5):
        answered(site.flow, 120)
    assert (
        "free colleagues of the section are asked; the first to say yes takes the class. "
        "Requests are usually answered within 2 hours."
    ) in site.read("ADA", address)
