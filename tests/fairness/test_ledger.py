"""Lines of the ledger: only added, at most one statement each, and balanced."""

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from fairness import ledger
from fairness.models import LedgerEntry, LedgerEntryIsFinal, OwedHours
from tests.factories import (
    NOW,
    InstituteFactory,
    LedgerEntryFactory,
    MeetingFactory,
    ProfessorFactory,
    at,
)
from timetable.models import Meeting

pytestmark = pytest.mark.django_db

CASE = uuid.UUID(int=1)


def lines(*fields):
    return list(LedgerEntry.objects.order_by("pk").values_list(*fields))


@pytest.fixture
def meeting():
    made = MeetingFactory()
    return Meeting.objects.select_related("offering").get(pk=made.pk)


@pytest.fixture
def about(meeting):
    return {"meeting": meeting, "case_uid": CASE, "hours": meeting.hours, "now": NOW}


def test_everybody_asked_gets_a_line_in_one_statement(about, meeting, django_assert_num_queries):
    people = [ProfessorFactory(name=name) for name in ("Ben", "Cleo", "Dan")]
    with django_assert_num_queries(1):
        ledger.asked(people, **about)
    fields = ("institute", "term", "professor", "professor_name", "kind", "hours", "at")
    assert lines(*fields, "case_uid", "meeting") == [
        (
            meeting.institute_id,
            meeting.offering.term_id,
            one.pk,
            one.name,
            "asked",
            Decimal("1.5"),
            NOW,
            CASE,
            meeting.pk,
        )
        for one in people
    ]


def test_asking_nobody_writes_nothing(about, django_assert_num_queries):
    with django_assert_num_queries(0):
        ledger.asked([], **about)
    assert lines("pk") == []


@pytest.mark.parametrize("answer", ["accepted", "declined"])
def test_an_answer_is_one_line(about, answer, django_assert_num_queries):
    ben = ProfessorFactory()
    with django_assert_num_queries(1):
        getattr(ledger, answer)(ben, **about)
    assert lines("professor", "kind", "hours") == [(ben.pk, answer, Decimal("1.5"))]


def test_what_one_gives_the_other_takes(about, meeting, django_assert_num_queries):
    ben, ada = ProfessorFactory(), meeting.professor
    with django_assert_num_queries(1):
        ledger.covered(substitute=ben, absent=ada, **about)
    assert lines("professor", "kind", "hours") == [
        (ben.pk, "given", Decimal("1.5")),
        (ada.pk, "taken", Decimal("1.5")),
    ]


def test_what_is_undone_gets_negative_lines(about, meeting):
    ben, ada = ProfessorFactory(), meeting.professor
    ledger.covered(substitute=ben, absent=ada, **about)
    ledger.uncovered(substitute=ben, absent=ada, **{**about, "now": NOW + dt.timedelta(hours=1)})
    assert lines("professor", "kind", "hours") == [
        (ben.pk, "given", Decimal("1.5")),
        (ada.pk, "taken", Decimal("1.5")),
        (ben.pk, "given", Decimal("-1.5")),
        (ada.pk, "taken", Decimal("-1.5")),
    ]


@pytest.mark.parametrize(
    ("hours", "kept"),
    [
        (50 / 60, "0.8333"),
        (100 / 60, "1.6667"),
        (Decimal(1) / Decimal(3), "0.3333"),
        (Decimal("0.00005"), "0.0001"),
        (1, "1.0000"),
        (Decimal("2.50"), "2.5000"),
    ],
)
def test_hours_are_kept_to_four_decimals(about, meeting, hours, kept):
    ben, ada = ProfessorFactory(), meeting.professor
    ledger.covered(substitute=ben, absent=ada, **{**about, "hours": hours})
    ledger.uncovered(substitute=ben, absent=ada, **{**about, "hours": hours})
    assert [str(one) for (one,) in lines("hours")] == [kept, kept, f"-{kept}", f"-{kept}"]


@pytest.mark.parametrize("hours", [0, -1.5, Decimal("0.00004"), float("nan"), float("inf")])
def test_impossible_hours_are_refused(about, hours):
    with pytest.raises(ValueError, match="more than nothing"):
        ledger.accepted(ProfessorFactory(), **{**about, "hours": hours})
    assert lines("pk") == []


def test_a_line_is_never_changed_or_deleted(about):
    ledger.accepted(ProfessorFactory(), **about)
    line = LedgerEntry.objects.get()
    line.hours = 9
    for deed in (
        line.save,
        line.delete,
        LedgerEntry.objects.all().delete,
        lambda: LedgerEntry.objects.update(hours=9),
    ):
        with pytest.raises(LedgerEntryIsFinal):
            deed()
    assert lines("hours") == [(Decimal("1.5"),)]


def test_a_line_outlives_its_meeting_and_a_change_of_name(about, meeting):
    ben = ProfessorFactory(name="Ben Baker")
    ledger.accepted(ben, **about)
    ben.name = "Ben Brewer"
    ben.save(update_fields=["name"])
    meeting.delete()
    assert lines("professor_name", "meeting", "case_uid") == [("Ben Baker", None, CASE)]


@pytest.mark.parametrize("wrong", [{"hours": 0}, {"kind": "lent"}])
def test_the_database_refuses_impossible_lines(wrong):
    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerEntryFactory(**wrong)


def owed():
    return list(OwedHours.objects.values_list("offering", "hours", "at", "due_on", "settled_at"))


def test_a_dropped_class_is_owed_until_it_is_settled(about, meeting, django_assert_num_queries):
    due = dt.date(2027, 3, 12)
    with django_assert_num_queries(1):
        ledger.owe(due_on=due, **about)
    assert owed() == [(meeting.offering_id, Decimal("1.5"), NOW, due, None)]
    later = NOW + dt.timedelta(days=1)
    with django_assert_num_queries(1):
        assert ledger.settle_owed(CASE, later)
    assert owed() == [(meeting.offering_id, Decimal("1.5"), NOW, due, later)]
    assert not OwedHours.objects.open().exists()


def test_settling_twice_keeps_the_first_moment(about):
    ledger.owe(due_on=None, **about)
    assert ledger.settle_owed(CASE, NOW)
    assert not ledger.settle_owed(CASE, at("2027-03-05 12:00"))
    assert not ledger.settle_owed(uuid.uuid4(), NOW)
    assert [one[-1] for one in owed()] == [NOW]


def test_a_case_dropped_again_owes_once(about, meeting):
    ledger.owe(due_on=dt.date(2027, 3, 12), **about)
    ledger.settle_owed(CASE, NOW)
    again = at("2027-03-20 09:00")
    ledger.owe(due_on=dt.date(2027, 4, 16), **{**about, "now": again})
    assert owed() == [(meeting.offering_id, Decimal("1.5"), again, dt.date(2027, 4, 16), None)]


def test_lines_belong_to_the_institute_of_the_meeting(about):
    """Even where the substitute were to come from elsewhere, the meeting's ledger has the line."""
    guest = ProfessorFactory(institute=InstituteFactory(slug="southfield"))
    ledger.accepted(guest, **about)
    assert lines("institute__slug") == [("northfield",)]
