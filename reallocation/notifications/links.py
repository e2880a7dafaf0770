"""The personal links in messages: they open one thing for one person, without signing in.

Made when a message is handed over or shown, never stored. Reading one proves only that we wrote it;
the page behind it shows the live state, and changes nothing on a GET.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.urls import NoReverseMatch, reverse

from reallocation.models import Message
from timetable import signed_links

from .kinds import Purpose

LINK_GRACE = dt.timedelta(days=14)

ADDRESSES: dict[Purpose, tuple[str, ...]] = {
    "offer": ("reallocation:offer-link",),
    "ballot": ("voting:ballot-link", "reallocation:ballot-link"),
    "case": ("reallocation:case-link",),
    "message": ("reallocation:message-link",),
}
"""By purpose, the names under which the page may be wired."""


def purpose_of(message: Message) -> Purpose:
    """What the message's link opens: where its notice names nothing, the message itself."""
    named = message.notice.link.partition("/")[0]
    return next((purpose for purpose in ADDRESSES if purpose == named), "message")


def payload(message: Message) -> dict[str, Any]:
    """Like {"offer": uid, "user": id}: the thing by its public id, and for whom the link is."""
    purpose = purpose_of(message)
    about = message.notice.link.partition("/")[2] or str(message.uid)
    return {purpose: about, "user": message.user_id}


def expires_at(message: Message) -> dt.datetime:
    """Some time after the matter is over: until then the page behind the link says how it ended."""
    until = message.notice.data.get("until")
    return LINK_GRACE + (dt.datetime.fromisoformat(until) if until else message.notice.created_at)


def path(message: Message) -> str:
    purpose = purpose_of(message)
    token = signed_links.make(purpose, payload(message), expires_at=expires_at(message))
    return _page(purpose, token)


def absolute(message: Message) -> str:
    return f"{settings.BASE_URL}{path(message)}"


def _page(purpose: Purpose, token: str) -> str:
    *others, last = ADDRESSES[purpose]
    for name in others:
        try:
            return reverse(name, args=[token])
        except NoReverseMatch:
            continue
    return reverse(last, args=[token])
