"""What other systems are told, and when: written with the fact, once for each fact and webhook."""

import json
import re

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from reallocation import absences, answers, audit, overrides
from reallocation.api import api
from reallocation.audit import Who
from reallocation.enums import ActorKind, StepNumber, WebhookEvent
from reallocation.models import Case, LogEntry, Offer, Webhook, WebhookDelivery
from reallocation.notifications import outbox as messages
from reallocation.webhooks import payloads
from tests.factories import (
    InstituteFactory,
    WebhookDeliveryFactory,
    WebhookFactory,
    at,
    small_institute,
)
from timetable import meetings
from timetable.models import Meeting
from voting import ballots
from voting.models import Ballot

pytestmark = pytest.mark.django_db

WHO = Who(ActorKind.REGISTRAR, "1", "Rita Registrar")
ALGEBRA = ("MATH.A", "2027-03-02")


@pytest.fixture
def webhook(flow):
    return WebhookFactory(institute=flow.house.institute)


def told(*fields, of=None):
    """(event, …) of everything written so far, oldest first, with these fields of its data."""
    rows = WebhookDelivery.objects.order_by("pk")
    if of is not None:
        rows = rows.filter(webhook=of)
    return [
        (row.event, *(json.loads(row.body)["data"].get(name) for name in fields)) for row in rows
    ]


def substituted(flow):
    """Ben is asked for Ada's class, and takes it."""
    house = flow.house
    case = flow.case(names={house.meetings[ALGEBRA].pk: house.professors["BEN"]})
    answers.accept(Offer.objects.get(), by=house.professors["BEN"], now=flow.now)
    flow.settle()
    return flow.again(case)


def test_a_case_and_its_meeting_are_told_from_opening_to_substitution(flow, webhook):
    case = substituted(flow)
    rows = list(WebhookDelivery.objects.order_by("pk"))
    opened, resolved, changed = (json.loads(row.body) for row in rows)
    common = {
        "institute_id": "northfield",
        "reallocation_id": str(case.uid),
        "unavailability_id": str(case.absence.uid),
        "meeting": str(case.meeting.uid),
        "assignment_id": "MATH.A",
        "professor_id": "ADA",
        "planned_starts_at": "2027-03-02T08:00:00Z",
        "planned_ends_at": "2027-03-02T09:30:00Z",
        "opened_at": "2027-03-01T08:00:00Z",
    }
    envelope = {"version": 1, "timestamp": "2027-03-01T08:00:00Z"}
    assert opened == {
        **envelope,
        "type": "case.opened",
        "data": {**common, "status": "open", "step": 1, "closed_at": None, "reopened": False},
    }
    assert resolved == {
        **envelope,
        "type": "case.resolved",
        "data": {
            **common,
            "status": "substituted",
            "step": 1,
            "closed_at": "2027-03-01T08:00:00Z",
        },
    }
    assert changed == {
        **envelope,
        "type": "meeting.changed",
        "data": {
            "institute_id": "northfield",
            "meeting": str(case.meeting.uid),
            "revision": 1,
            "assignment_id": "MATH.A",
            "status": "substituted",
            "starts_at": "2027-03-02T08:00:00Z",
            "ends_at": "2027-03-02T09:30:00Z",
            "room_id": case.meeting.room.code,
            "professor_id": "BEN",
            "planned_starts_at": "2027-03-02T08:00:00Z",
            "planned_ends_at": "2027-03-02T09:30:00Z",
            "planned_room_id": case.meeting.planned_room.code,
            "planned_professor_id": "ADA",
        },
    }
    assert {row.case_id for row in rows} == {case.pk}
    assert {(row.status, row.attempts, row.due_at) for row in rows} == {("queued", 0, flow.now)}


CHANGES = ("status", "revision", "professor_id")


def meeting_changes(of=None):
    return [row[1:] for row in told(*CHANGES, of=of) if row[0] == "meeting.changed"]


def test_a_class_given_back_is_told(flow, webhook):
    case = substituted(flow)
    absences.withdraw(case.absence, now=flow.now)
    assert meeting_changes() == [("substituted", 1, "BEN"), ("scheduled", 2, "ADA")]
    assert told("status")[-2:] == [
        ("case.resolved", "withdrawn"),
        ("meeting.changed", "scheduled"),
    ]


def test_a_substitute_who_takes_it_back_is_told_as_class_and_case(flow, webhook):
    case = substituted(flow)
    answers.take_back(case, by=flow.house.professors["BEN"], now=flow.now)
    assert told("reopened", "status")[-2:] == [
        ("case.opened", True, "open"),
        ("meeting.changed", None, "scheduled"),
    ]


def test_a_class_that_never_changed_is_not_told_as_changed(flow, webhook):
    case = flow.case()
    absences.withdraw(case.absence, now=flow.now)
    assert told("status") == [("case.opened", "open"), ("case.resolved", "withdrawn")]


def test_postponed_and_moved(flow, webhook):
    case = flow.case()
    overrides.send_to(case, step=StepNumber.RESCHEDULE, why="so", now=flow.now, who=WHO)
    flow.settle()
    flow.past(case)
    assert [row[:2] for row in meeting_changes()] == [("postponed", 1), ("moved", 2)]
    assert told("status")[-2:] == [("case.resolved", "rescheduled"), ("meeting.changed", "moved")]


def test_dropped(flow, webhook):
    overrides.drop(flow.case(), why="so", now=flow.now, who=WHO)
    assert told("status") == [
        ("case.opened", "open"),
        ("case.resolved", "dropped"),
        ("meeting.changed", "dropped"),
    ]


def test_of_several_changes_in_one_transaction_what_came_of_them_is_told(flow, webhook):
    """Reopened, a class is taken off its new place and given its old one back: it is told once."""
    case = substituted(flow)
    before = len(meeting_changes())
    overrides.reopen(case, step=StepNumber.SECTION, why="so", now=flow.now, who=WHO)
    assert Meeting.objects.get(pk=case.meeting_id).revision == 3
    assert meeting_changes()[before:] == [("scheduled", 3, "ADA")]
    assert told("reopened")[-2] == ("case.opened", True)


def test_what_was_taken_back_within_a_transaction_is_not_told(flow, webhook):
    case = flow.case()
    WebhookDelivery.objects.all().delete()

    @transaction.atomic
    def drop():
        meetings.drop(case.meeting_id)
        raise ZeroDivisionError

    with audit.writing(case.institute):
        with pytest.raises(ZeroDivisionError):
            drop()
        audit.record("step.skipped", institute=case.institute, case=case, at=flow.now)
    assert told() == []


def test_what_is_rolled_back_leaves_nothing(flow, webhook, worker):

    @transaction.atomic
    def in_vain():
        substituted(flow)
        assert len(told()) == 3
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        in_vain()
    assert (told(), LogEntry.objects.count(), worker.queued()) == ([], 0, [])


def test_a_fault_in_writing_undoes_the_fact(flow, webhook, monkeypatch):
    monkeypatch.setattr(payloads, "case_opened", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        flow.file()
    assert not Case.objects.exists()
    assert not LogEntry.objects.exists()


def vote(flow, roll):
    house = flow.house
    case = flow.case()
    ballot = ballots.open_ballot(
        institute=house.institute,
        offering=house.classes["MATH.A"],
        kind="substitute",
        question="Shall Ben Baker teach this class?",
        subject_uid=case.uid,
        closes_at=at("2027-03-01 20:00"),
        quorum_percent=25,
        now=flow.now,
    )
    for student in list(house.classes["MATH.A"].enrolments.order_by("pk"))[:2]:
        ballots.cast(ballot_uid=ballot.uid, student=student.student, choice=True, now=flow.now)
    if Ballot.objects.get(pk=ballot.pk).roll_size != roll:
        Ballot.objects.filter(pk=ballot.pk).update(roll_size=roll)
    ballots.cancel(ballot.pk, flow.now)
    return ballot


@pytest.mark.parametrize(("roll", "sums"), [(5, (2, 0)), (4, (None, None))])
def test_a_vote_is_told_by_its_sums_and_small_ones_without(flow, webhook, roll, sums):
    ballot = vote(flow, roll)
    (body,) = WebhookDelivery.objects.filter(event="ballot.closed").values_list("body", flat=True)
    said = json.loads(body)
    assert said["data"] == {
        "institute_id": "northfield",
        "ballot_id": str(ballot.uid),
        "reallocation_id": str(ballot.subject_uid),
        "assignment_id": "MATH.A",
        "kind": "substitute",
        "result": "cancelled",
        "closed_by": "cancelled",
        "opened_at": "2027-03-01T08:00:00Z",
        "closed_at": "2027-03-01T08:00:00Z",
        "roll": roll,
        "yes": sums[0],
        "no": sums[1],
    }


def test_nothing_tells_who_anybody_is(flow, webhook):
    """Names, notes, reasons and voters are all there to be told."""
    house = flow.house
    case = substituted(flow)
    overrides.reopen(case, step=StepNumber.SECTION, why="Ben has the flu", now=flow.now, who=WHO)
    case.absence.note = "SECRET-DIAGNOSIS"
    case.absence.category = "illness"
    case.absence.save(update_fields=["note", "category"])
    WebhookDelivery.objects.all().delete()
    flow.tick(hours=1)
    vote_ = ballots.open_ballot(
        institute=house.institute,
        offering=house.classes["MATH.A"],
        kind="substitute",
        question="Shall Ben Baker teach this class?",
        subject_uid=case.uid,
        closes_at=at("2027-03-01 20:00"),
        quorum_percent=25,
        now=flow.now,
    )
    voter = house.students["A1"]
    receipt = ballots.cast(ballot_uid=vote_.uid, student=voter, choice=True, now=flow.now).receipt
    absences.withdraw(case.absence, now=flow.now)
    assert {row[0] for row in told()} == {"case.resolved", "ballot.closed"}
    text = " ".join(WebhookDelivery.objects.values_list("body", flat=True))
    people = [*house.professors.values(), *house.students.values()]
    secrets = [*(one.name for one in people), *(one.user.email for one in people), voter.code]
    secrets += ["SECRET-DIAGNOSIS", "illness", "flu", "Rita", "Shall", receipt]
    assert [one for one in secrets if re.search(rf"\b{re.escape(one)}\b", text)] == []


def test_each_webhook_is_told_what_it_wants_of_its_own_institute(flow, webhook):
    institute = flow.house.institute
    opened = WebhookFactory(institute=institute, events=["case.opened"])
    off = WebhookFactory(institute=institute, off_at=flow.now, off_why="asked")
    gone = WebhookFactory(institute=institute, removed_at=flow.now)
    theirs = WebhookFactory(institute=small_institute("elsewhere").institute)
    substituted(flow)
    counts = {one.pk: len(told(of=one)) for one in (webhook, opened, off, gone, theirs)}
    assert list(counts.values()) == [3, 1, 0, 0, 0]


def test_a_rehearsal_tells_nobody(flow, webhook):
    with messages.muted():
        substituted(flow)
    assert told() == []


def test_one_nudge_for_each_webhook_after_the_commit(flow, webhook, worker, monkeypatch):
    other = WebhookFactory(institute=flow.house.institute)
    sent = []
    monkeypatch.setattr("reallocation.tasks.webhook_outbox.hand_over_webhook", sent_to(sent))
    with worker.after_commit():
        flow.file()
        assert worker.queued() == []
    assert sent == [webhook.pk, other.pk]


def sent_to(sent):
    return lambda webhook_id, now: sent.append(webhook_id)


def test_the_same_fact_cannot_be_written_twice(webhook):
    WebhookDeliveryFactory(webhook=webhook, key="case.opened/1")
    row = WebhookDeliveryFactory.build(webhook=webhook, key="case.opened/1")
    assert WebhookDelivery.objects.bulk_create([row], ignore_conflicts=True)
    assert WebhookDelivery.objects.count() == 1


def test_without_webhooks_the_log_asks_one_question_more(flow):
    """And none where nothing is to be told."""

    def cost(kind):
        case = Case.objects.get()
        with CaptureQueriesContext(connection) as captured, audit.writing(case.institute):
            audit.record(kind, institute=case.institute, case=case, at=flow.now)
        return len(captured)

    flow.file()
    assert cost("case.opened") - cost("step.skipped") == 1
    WebhookFactory(institute=InstituteFactory(slug="elsewhere"))
    assert cost("case.opened") - cost("step.skipped") == 1


def test_telling_many_costs_as_much_as_telling_one(flow):
    def cost():
        case = Case.objects.get()
        with CaptureQueriesContext(connection) as captured, audit.writing(case.institute):
            audit.record("case.opened", institute=case.institute, case=case, at=flow.now)
        return len(captured)

    flow.file()
    WebhookFactory(institute=flow.house.institute)
    alone = cost()
    WebhookFactory.create_batch(4, institute=flow.house.institute)
    assert cost() == alone
    assert Webhook.objects.count() == 5


def test_the_openapi_document_describes_what_is_sent(flow, webhook):
    """Each body against the document's own schema, by somebody else's code."""
    import jsonschema_rs

    case = substituted(flow)
    overrides.reopen(case, step=StepNumber.SECTION, why="so", now=flow.now, who=WHO)
    vote_ = ballots.open_ballot(
        institute=flow.house.institute,
        offering=flow.house.classes["MATH.A"],
        kind="substitute",
        question="Shall Ben teach this class?",
        subject_uid=case.uid,
        closes_at=at("2027-03-01 20:00"),
        quorum_percent=25,
        now=flow.now,
    )
    ballots.cancel(vote_.pk, flow.now)
    described = api.get_openapi_schema()["webhooks"]
    assert set(described) == set(WebhookEvent.values)
    seen = set()
    for event, body in WebhookDelivery.objects.values_list("event", "body"):
        schema = described[event]["post"]["requestBody"]["content"]["application/json"]["schema"]
        check = jsonschema_rs.validator_for(schema)
        said = json.loads(body)
        check.validate(said)
        # The schema is one that something could break.
        for broken in ({**said, "data": {}}, {**said, "type": "other"}):
            assert not check.is_valid(broken)
        seen.add(event)
    assert seen == set(WebhookEvent.values)
