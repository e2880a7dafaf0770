"""From a fact to the rows that tell it: one notice, a message each, a delivery per channel.

Whoever causes a message, each reader gets it in their own language: an audience that reads several
gets a notice in each. The first of them carries the key of what is told, so that it is told once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.db.models import QuerySet
from django.template import Context, loader
from django.utils import translation

from reallocation import audit
from reallocation.enums import DeliveryStatus, MessageChannel
from reallocation.models import Case, Delivery, Message, Notice
from timetable import writes
from timetable.models import Institute, User
from timetable.prepared import Many, PreparedQuery

from . import devices, outbox
from .addresses import Reader, phone_numbers, readers
from .kinds import KINDS, Kind

LITTLE_TIME = dt.timedelta(hours=3)
"""With less than this left, an urgent message goes out as a text message as well."""


@dataclass(frozen=True, eq=False)
class Draft:
    """What is to be told to one audience: accounts by id, or all accounts of a query.

    `about` names what the link opens, `until` is when the message loses its use. The facts, and what
    makes the invitation, are worded in the language that is active when they are asked.
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
    invitation: Callable[[], dict[str, Any]] | None = None


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
    named_ids = {pk for draft in drafts for pk in draft.user_ids if pk is not None}
    named = readers(named_ids)
    audiences = [_people(draft, named) for draft in drafts]
    on_devices = _on_devices(drafts, audiences)
    told = [
        (draft, _worded(draft, language, key, now), people)
        for draft, audience in zip(drafts, audiences, strict=True)
        for language, key, people in _by_language(draft, audience)
    ]
    notices = [notice for _draft, notice, _people in told]
    writes.insert_all(notices)
    messages = [
        [Message(notice=notice, user_id=pk) for pk in people] for _draft, notice, people in told
    ]
    writes.insert_all(list(chain.from_iterable(messages)))
    deliveries: list[Delivery] = []
    for (draft, notice, people), theirs in zip(told, messages, strict=True):
        phones = phone_numbers(people) if _in_a_hurry(draft, now) else {}
        for message in theirs:
            address, phone = people[message.user_id].address, phones.get(message.user_id, "")
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
            data={
                "notice": notice.key,
                "subject": notice.subject,
                "language": notice.language,
                "recipients": len(theirs),
            },
        )
    writes.insert_all(deliveries)
    return notices


def _people(draft: Draft, named: dict[int, Reader]) -> dict[int, Reader]:
    """The audience, by account."""
    people = {pk: named[pk] for pk in draft.user_ids if pk in named}
    return people if draft.audience is None else people | readers(draft.audience)


def _by_language(
    draft: Draft, people: dict[int, Reader]
) -> list[tuple[str, str, dict[int, Reader]]]:
    """Who reads what language, with the key of their notice: the house's language first.

    The first has the plain key, whichever it is. An audience of nobody is told as well: to the log.
    """
    house = settings.LANGUAGE_CODE
    languages = {reader.language for reader in people.values()} or {house}
    first, *others = sorted(languages, key=lambda language: (language != house, language))
    if not others:
        return [(first, draft.key, people)]
    keys = [(first, draft.key), *((language, f"{draft.key}/{language}") for language in others)]
    return [
        (language, key, {pk: one for pk, one in people.items() if one.language == language})
        for language, key in keys
    ]


def _on_devices(drafts: Sequence[Draft], audiences: Sequence[dict[int, Reader]]) -> set[int]:
    """Who of those who are asked something wants to be told at once on a device. One query."""
    asked = {
        pk
        for draft, people in zip(drafts, audiences, strict=True)
        if KINDS[draft.kind].is_pushed
        for pk in people
    }
    return devices.owners(asked) if asked else set()


def _worded(draft: Draft, language: str, key: str, now: dt.datetime) -> Notice:
    kind = KINDS[draft.kind]
    with translation.override(language):
        return Notice(
            institute=draft.institute,
            case=draft.case,
            kind=kind.name,
            key=key,
            # One line: a name with a line break in it would be refused as a mail header.
            subject=" ".join((kind.subject % draft.facts).split())[:300],
            body=_text(kind, draft.facts),
            link=f"{kind.link}/{draft.about}" if draft.about else kind.link,
            data={
                "language": language,
                "until": max(draft.until, now).isoformat(),
                **({"invitation": draft.invitation()} if draft.invitation else {}),
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
