import datetime as dt

import pytest
from django.test import override_settings

from tests.factories import NOW
from tests.voting.classroom import CLOSES, SOON, cast, open_to
from voting import ballots, signals

pytestmark = pytest.mark.django_db

HALF_TIME = NOW + (CLOSES - NOW) / 2


def reminders(told):
    return [said for name, said in told if name == "reminder_due"]


def test_at_half_time_those_who_have_not_voted_are_reminded(told):
    ballot, students = open_to(5)
    cast(ballot, students[1], True)
    cast(ballot, students[3], False)
    assert ballots.remind_due(HALF_TIME) == [ballot.pk]
    assert reminders(told) == [
        {
            "ballot": ballot,
            "students": [students[0], students[2], students[4]],
            "now": HALF_TIME,
        }
    ]
    ballot.refresh_from_db()
    assert ballot.reminded_at == HALF_TIME


def test_nobody_is_reminded_before_half_time(told):
    open_to(5)
    assert ballots.remind_due(HALF_TIME - dt.timedelta(microseconds=1)) == []
    assert reminders(told) == []


def test_nobody_is_reminded_twice(told):
    open_to(5)
    ballots.remind_due(HALF_TIME)
    assert ballots.remind_due(HALF_TIME + dt.timedelta(minutes=1)) == []
    assert len(reminders(told)) == 1


def test_when_all_have_voted_there_is_nobody_to_remind(told):
    ballot, students = open_to(4, quorum_percent=80)
    for n, student in enumerate(students):
        cast(ballot, student, n != 0)
    assert ballots.remind_due(HALF_TIME) == [ballot.pk]
    assert reminders(told) == []


def test_a_closed_ballot_or_one_past_its_time_reminds_of_nothing(told):
    closed, _students = open_to(2)
    ballots.cancel(closed.pk, NOW)
    open_to(2)
    assert ballots.remind_due(CLOSES) == []
    assert reminders(told) == []


def test_a_reminder_that_cannot_be_told_stays_due_and_stops_no_other(told, caplog):
    broken, _students = open_to(2, closes_at=SOON)
    fine, _students = open_to(2)

    def refuse(sender, ballot, **more):
        if ballot == broken:
            raise RuntimeError("no")

    now = SOON - dt.timedelta(minutes=1)
    fine.opened_at = now - dt.timedelta(hours=20)
    fine.save(update_fields=["opened_at"])
    signals.reminder_due.connect(refuse)
    try:
        assert ballots.remind_due(now) == [fine.pk]
    finally:
        signals.reminder_due.disconnect(refuse)
    assert [record.msg["event"] for record in caplog.records] == ["ballot_not_reminded"]
    assert ballots.remind_due(now) == [broken.pk]


def test_nobody_is_reminded_while_nobody_knows_who_has_voted(told, caplog):
    open_to(2)
    with override_settings(SECRET_KEY="new"):
        assert ballots.remind_due(HALF_TIME) == []
    assert reminders(told) == []
    assert [record.msg["event"] for record in caplog.records] == ["ballot_not_reminded"]


@pytest.mark.usefixtures("nobody_listens")
@pytest.mark.parametrize("size", [1, 3])
def test_reminding_takes_as_many_queries_for_any_roll(size, django_assert_num_queries):
    open_to(size)
    # due; savepoint, claim, ballot, votes, students, release
    with django_assert_num_queries(7):
        ballots.remind_due(HALF_TIME)
