"""From what the log says to the rows that tell it: one for each fact and each webhook that wants it.

The engine knows nothing of this. Entries come when the log is appended to, in the transaction of the
facts; what holds of a meeting is compared then with what held at the transaction's beginning, so that
several changes in one, or one that was taken back, are told as what came of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import BigIntegerField

from reallocation import audit
from reallocation.enums import WebhookEvent
from reallocation.models import Case, LogEntry, Webhook, WebhookDelivery
from reallocation.notifications.outbox import is_muted
from timetable.meetings import Standing, standing_of
from timetable.models import Meeting
from timetable.prepared import PreparedRows
from voting.models import Ballot

from . import outbox, payloads

EVENT_OF = {
    "case.opened": WebhookEvent.CASE_OPENED,
    "case.reopened": WebhookEvent.CASE_OPENED,
    "case.substituted": WebhookEvent.CASE_RESOLVED,
    "case.rescheduled": WebhookEvent.CASE_RESOLVED,
    "case.weekend": WebhookEvent.CASE_RESOLVED,
    "case.dropped": WebhookEvent.CASE_RESOLVED,
    "case.withdrawn": WebhookEvent.CASE_RESOLVED,
    "ballot.closed": WebhookEvent.BALLOT_CLOSED,
}
"""By kind of log entry. Of meetings, `remember` is told."""

ASIDE = "webhooks.meetings"

_ACTIVE = PreparedRows[Webhook](
    lambda institute: Webhook.objects.active().filter(institute=institute),
    institute=BigIntegerField(),
)


@dataclass(frozen=True)
class Fact:
    """Something to tell. `key` is the same whoever is told."""

    event: WebhookEvent
    key: str
    at: dt.datetime
    body: str
    case_id: int | None


def remember(meeting: Meeting, before: Standing) -> None:
    """Note what held of a meeting before its first change in this transaction."""
    aside = audit.aside()
    if aside is not None:
        aside.setdefault(ASIDE, {}).setdefault(meeting.pk, before)


def write(institute_id: int, entries: Sequence[LogEntry], aside: dict[Any, Any]) -> None:
    """Write what these entries and the meetings noted aside are to webhooks; nothing is sent here."""
    told = [entry for entry in entries if entry.kind in EVENT_OF]
    touched: dict[int, Standing] = aside.get(ASIDE, {})
    if not (told or touched) or is_muted():
        return
    webhooks = _ACTIVE(institute=institute_id)
    wanted = {event for webhook in webhooks for event in webhook.events}
    told = [entry for entry in told if EVENT_OF[entry.kind] in wanted]
    facts = list(_of_entries(told))
    if WebhookEvent.MEETING_CHANGED in wanted:
        facts += _of_meetings(institute_id, touched, entries)
    rows = [
        WebhookDelivery(
            webhook=webhook,
            case_id=fact.case_id,
            event=fact.event,
            key=fact.key,
            body=fact.body,
            written_at=fact.at,
            queued_at=fact.at,
            due_at=fact.at,
        )
        for fact in facts
        for webhook in webhooks
        if fact.event in webhook.events
    ]
    WebhookDelivery.objects.bulk_create(rows)
    for webhook_id in dict.fromkeys(row.webhook_id for row in rows):
        outbox.nudge(webhook_id)


def _of_entries(entries: Sequence[LogEntry]) -> Iterable[Fact]:
    if not entries:
        return
    rows = Case.objects.select_related("institute", "absence", "professor", "meeting__offering")
    cases = rows.in_bulk({entry.case_id for entry in entries if entry.case_id})
    closed = {entry.data["ballot"] for entry in entries if entry.kind == "ballot.closed"}
    ballots = {str(row.uid): row for row in Ballot.objects.filter(uid__in=closed)} if closed else {}
    for entry in entries:
        event = EVENT_OF[entry.kind]
        assert entry.case_id is not None  # noqa: S101 - each of these kinds is about a case
        case = cases[entry.case_id]
        match event:
            case WebhookEvent.CASE_OPENED:
                data: Any = payloads.case_opened(case, entry)
            case WebhookEvent.CASE_RESOLVED:
                data = payloads.case_resolved(case)
            case WebhookEvent.BALLOT_CLOSED:
                data = payloads.ballot_closed(ballots[entry.data["ballot"]], case, entry)
        body = payloads.body(event, entry.at, data)
        yield Fact(event, f"{event}/{entry.number}", entry.at, body, case.pk)


def _of_meetings(
    institute_id: int, touched: dict[int, Standing], entries: Sequence[LogEntry]
) -> Iterable[Fact]:
    if not touched:
        return
    event = WebhookEvent.MEETING_CHANGED
    why = {entry.case.meeting_id: entry for entry in entries if entry.case}
    rows = Meeting.objects.filter(institute=institute_id, pk__in=touched).select_related(
        *("institute", "offering", "professor", "room", "planned_professor", "planned_room")
    )
    for meeting in rows.order_by("pk"):
        if standing_of(meeting) == touched[meeting.pk]:
            continue
        entry = why.get(meeting.pk, entries[-1])
        body = payloads.body(event, entry.at, payloads.meeting_changed(meeting))
        yield Fact(
            event, f"{event}/{meeting.uid}/{meeting.revision}", entry.at, body, entry.case_id
        )
