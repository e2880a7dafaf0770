"""What is written by a prepared statement is what `save` would have written."""

import uuid

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from reallocation.models import LogEntry, StepRecord
from tests.factories import BallotFactory, at, small_institute
from timetable import writes
from timetable.models import Hold, Meeting
from voting.models import Vote


@pytest.fixture
def house(db):
    return small_institute()


def a_hold(house, **fields):
    meeting = house.meetings["MATH.A", "2027-03-02"]
    return Hold(
        institute=house.institute,
        case_uid=uuid.uuid4(),
        professor=house.professors["BEN"],
        offering=meeting.offering,
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        **fields,
    )


def stored(row):
    return type(row).objects.values().get(pk=row.pk)


def test_an_inserted_row_is_on_file_and_knows_its_key(house):
    one, other = a_hold(house), a_hold(house)
    writes.insert(one)
    other.save(force_insert=True)
    assert one.pk
    assert not one._state.adding
    expected = {**stored(other), "id": one.pk, "case_uid": one.case_uid}
    assert stored(one) == expected
    one.delete()
    assert not Hold.objects.filter(case_uid=one.case_uid).exists()


def test_every_kind_of_value_is_written_as_save_writes_it(house):
    data = {"Ärger": [1, 2.5, None], "when": "2027-03-02"}
    entries = [
        LogEntry(
            institute=house.institute, number=n, at=at("2027-03-01 08:00"), kind="x", data=data
        )
        for n in (1, 2)
    ]
    writes.insert(entries[0])
    entries[1].save(force_insert=True)
    first, second = map(stored, entries)
    assert first == {**second, "id": first["id"], "number": 1}
    assert LogEntry.objects.get(pk=first["id"], data__when="2027-03-02") == entries[0]


def test_an_update_stores_what_it_names_and_nothing_else(house):
    meeting = house.meetings["MATH.A", "2027-03-02"]
    was = stored(meeting)
    meeting.professor = house.professors["CLEO"]
    meeting.revision += 1
    meeting.overlap_tolerated = not meeting.overlap_tolerated
    writes.update(meeting, "professor", "revision")
    assert stored(meeting) == {
        **was,
        "professor_id": house.professors["CLEO"].pk,
        "revision": was["revision"] + 1,
    }


def test_what_is_gone_cannot_be_updated(house):
    hold = a_hold(house)
    hold.save()
    Hold.objects.all().delete()
    with pytest.raises(DatabaseError, match="nothing was stored"):
        writes.update(hold, "starts_at")


def test_constraints_hold(house):
    record = StepRecord(case_id=0, step=1, entered_at=at("2027-03-01 08:00"))
    with transaction.atomic():
        writes.insert(record)
        # What is deferred is looked at in the end.
        with pytest.raises(IntegrityError):
            connection.check_constraints()
        transaction.set_rollback(True)


def test_a_statement_is_worded_once(house):
    first, second = a_hold(house), a_hold(house)
    with CaptureQueriesContext(connection) as queries:
        writes.insert(first)
        writes.insert(second)
    assert len(queries) == 2
    assert Meeting.objects.count() == len(house.meetings)


@pytest.mark.django_db
def test_a_row_that_brings_its_key_keeps_it():
    """As votes do, whose ids are random so that no order tells who came first."""
    ballot = BallotFactory()
    votes = [
        Vote(ballot=ballot, voter_key=name, choice=True, receipt=name) for name in ("a", "b", "c")
    ]
    keys = [vote.pk for vote in votes]
    writes.insert_all(votes)
    assert [vote.pk for vote in votes] == keys
    votes[1].choice = False
    writes.update(votes[1], "choice")
    assert set(Vote.objects.values_list("pk", "choice")) == {
        (keys[0], True),
        (keys[1], False),
        (keys[2], True),
    }


def test_several_rows_are_written_at_once_each_with_its_key(house):
    for count in (0, 1, 3, writes.AT_ONCE, writes.AT_ONCE + 1):
        holds = [a_hold(house) for _ in range(count)]
        with CaptureQueriesContext(connection) as asked:
            writes.insert_all(holds)
        assert len(asked) == min(count, 1)
        for hold in holds:
            assert stored(hold)["case_uid"] == hold.case_uid
            assert not hold._state.adding
