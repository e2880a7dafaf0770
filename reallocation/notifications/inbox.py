"""The messages of one account. Only they themselves mark them as read."""

from __future__ import annotations

import datetime as dt

from django.db.models import QuerySet

from reallocation.models import Message
from timetable.accounts import Actor
from timetable.models import User


def messages_of(user: User) -> QuerySet[Message]:
    """Newest first, with all that a page shows of them."""
    return Message.objects.filter(user=user).select_related("notice__institute").order_by("-pk")


def unread(actor: Actor) -> QuerySet[Message]:
    """The messages that the actor has not opened: their number stands beside the inbox."""
    if actor.user is None:
        return Message.objects.none()
    return Message.objects.filter(user=actor.user, read_at__isnull=True)


def mark_read(messages: QuerySet[Message], now: dt.datetime) -> int:
    """Mark those that are unread; the moment of a first reading stays. Returns how many."""
    return messages.filter(read_at__isnull=True).order_by().update(read_at=now)
