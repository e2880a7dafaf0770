"""What was told, as tests look at it, and what there is to tell about."""

from django.db import transaction

from reallocation.models import Delivery, Message, Notice
from tests.factories import NOW, BallotFactory, CaseFactory, OfferFactory, StepRecordFactory
from timetable import meetings
from voting.enums import ClosedBy

TUESDAY = "2027-03-02"
CLASS_A = ["a1", "a2", "a3", "a4", "a5"]


def case_of(house, code, **values):
    return CaseFactory(meeting=house.meetings[code, TUESDAY], **values)


def told():
    """(kind, sorted recipients) of every notice, by the code of each one's address."""
    return [
        (
            notice.kind,
            sorted(
                message.user.email.partition("@")[0]
                for message in notice.messages.select_related("user")
            ),
        )
        for notice in Notice.objects.order_by("pk")
    ]


def words(kind):
    notice = Notice.objects.get(kind=kind)
    return notice.subject, notice.body


def rows():
    return Notice.objects.count(), Message.objects.count(), Delivery.objects.count()


def offer_in(case, **values):
    record = case.records.first() or StepRecordFactory(case=case)
    return OfferFactory(case=case, record=record, **values)


def ballot_on(case, **values):
    return BallotFactory(offering=case.meeting.offering, subject_uid=case.uid, **values)


def close(ballot, result, *, yes, no):
    ballot.result, ballot.closed_by, ballot.closed_at = result, ClosedBy.TIME, NOW
    ballot.yes, ballot.no = yes, no
    ballot.save(update_fields=["result", "closed_by", "closed_at", "yes", "no"])
    return ballot


def book(case, **values):
    meeting = case.meeting
    place = {
        "professor": case.professor,
        "starts_at": case.before_starts_at,
        "ends_at": case.before_ends_at,
        "room": case.before_room,
    }
    with transaction.atomic():
        meetings.book(meeting.pk, **{**place, **values})
