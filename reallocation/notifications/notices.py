"""From a fact to the rows that tell it: one notice, a message each, a delivery per channel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.db.models import QuerySet
from django.template import Context, loader

from reallocation import audit
from reallocation.enums import DeliveryStatus, MessageChannel
from reallocation.models import Case, Delivery, Message, Notice
from timetable.models import Institute, User
from timetable.prepared import Many, PreparedQuery

from . import devices, outbox
from .addresses import mail_addresses, phone_numbers
from .kinds import KINDS, Kind

LITTLE_TIME = dt.timedelta(hours=3)
"""With less than this left, an urgent message goes out as a text message as well."""


@dataclass(frozen=True, eq=False)
class Draft:
    """What is to be told to one audience: accounts by id, or all accounts of a query.

    `about` names what the link opens, `until` is when the message loses its use.
    """

    kind: str
    key: str
    institute: Institute
    facts: dict[str, Any]
    about: UUID | None
    until: dt.datetime
    case: Case | None = None
    user_ids: Sequence[int | None] = ()
    audience: QuerySet[User] | None = None
    invitation: dict[str, Any] | None = None


def tell(drafts: Sequence[Draft], now: dt.datetime) -> list[Notice]:
    """Write what has not been told yet, for everyone who has an account; nothing is sent here.

    Returns the notices written. Joins the caller's transaction, and notes each notice in the log.
    """
    told: list[Notice] = []
    while fresh := _untold(drafts):
        try:
            with audit.writing(fresh[0].institute):
                told = _write(fresh, now)
        except IntegrityError:
            # Another process told it first: then less is left to tell. Else it is a fault of ours.
            if len(_untold(drafts)) == len(fresh):
                raise
        else:
            break
    for notice in told:
        outbox.nudge(notice)
    return told


_TOLD = PreparedQuery(
    lambda keys: Notice.objects.filter(key__among=keys).order_by().values_list("key"), keys=Many()
)


def _untold(drafts: Sequence[Draft]) -> list[Draft]:
    keys = [draft.key for draft in drafts]
    if not keys:
        return []
    told = {key for (key,) in _TOLD(keys=keys)}
    return [draft for draft in drafts if draft.key not in told]


def _write(drafts: Sequence[Draft], now: dt.datetime) -> list[Notice]:
    notices = [_worded(draft, now) for draft in drafts]
    Notice.objects.bulk_create(notices)
    named_ids = {pk for draft in drafts for pk in draft.user_ids if pk is not None}
    named = mail_addresses(User.objects.filter(pk__in=named_ids)) if named_ids else {}
    messages: list[Message] = []
    deliveries: list[Delivery] = []
    audiences = [_people(draft, named) for draft in drafts]
    on_devices = _on_devices(drafts, audiences)
    for draft, notice, people in zip(drafts, notices, audiences, strict=True):
        phones = phone_numbers(people) if _in_a_hurry(draft, now) else {}
        told = [Message(notice=notice, user_id=pk) for pk in people]
        messages += told
        for message in told:
            address, phone = people[message.user_id], phones.get(message.user_id, "")
            is_pushed = KINDS[draft.kind].is_pushed and message.user_id in on_devices
            pushed = devices.ADDRESS if is_pushed else ""
            deliveries += [
                Delivery(message=message, channel=channel, address=to, status=_first(), due_at=now)
                for channel, to in (
                    (MessageChannel.EMAIL, address),
                    (MessageChannel.SMS, phone),
                    (MessageChannel.PUSH, pushed),
                )
                if to
            ]
        audit.record(
            "message",
            institute=draft.institute,
            case=draft.case,
            at=now,
            data={"notice": notice.key, "subject": notice.subject, "recipients": len(told)},
        )
    Message.objects.bulk_create(messages)
    Delivery.objects.bulk_create(deliveries)
    return notices


def _people(draft: Draft, named: dict[int, str]) -> dict[int, str]:
    """Mail addresses by account."""
    people = {pk: named[pk] for pk in draft.user_ids if pk in named}
    return people if draft.audience is None else people | mail_addresses(draft.audience)


def _on_devices(drafts: Sequence[Draft], audiences: Sequence[dict[int, str]]) -> set[int]:
    """Who of those who are asked something wants to be told at once on a device. One query."""
    asked = {
        pk
        for draft, people in zip(drafts, audiences, strict=True)
        if KINDS[draft.kind].is_pushed
        for pk in people
    }
    return devices.owners(asked) if asked else set()


def _worded(draft: Draft, now: dt.datetime) -> Notice:
    kind = KINDS[draft.kind]
    return Notice(
        institute=draft.institute,
        case=draft.case,
        kind=kind.name,
        key=draft.key,
        # One line: a name with a line break in it would be refused as a mail header.
        subject=" ".join((kind.subject % draft.facts).split())[:300],
        body=_text(kind, draft.facts),
        link=f"{kind.link}/{draft.about}" if draft.about else kind.link,
        data={
            "until": max(draft.until, now).isoformat(),
            **({"invitation": draft.invitation} if draft.invitation else {}),
        },
        created_at=now,
    )


def _text(kind: Kind, facts: dict[str, Any]) -> str:
    """Plain text in paragraphs; what the template's tags leave behind is tidied up."""
    template = loader.get_template(kind.template).template  # type: ignore[attr-defined]
    text = template.render(Context(facts, autoescape=False))
    blocks = "\n".join(" ".join(line.split()) for line in text.splitlines()).split("\n\n")
    return "\n\n".join(block.strip() for block in blocks if block.strip())


def _in_a_hurry(draft: Draft, now: dt.datetime) -> bool:
    return bool(settings.SMS_URL) and KINDS[draft.kind].urgent and draft.until - now < LITTLE_TIME


def _first() -> DeliveryStatus:
    return DeliveryStatus.MUTED if outbox.is_muted() else DeliveryStatus.QUEUED
