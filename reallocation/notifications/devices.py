"""The devices on which people want to be told at once."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable

from reallocation.models import PushSubscription
from timetable.models import User
from timetable.prepared import Many, PreparedQuery

MOST = 10
"""Devices of one person; the one added longest ago gives way."""

LONGEST = 1000
"""Characters of an endpoint."""

ADDRESS = "devices"
"""What stands as the address of such a delivery: which devices there are is seen when it is sent."""


def add(
    user: User, *, endpoint: str, p256dh: str, auth: str, server_key: str, now: dt.datetime
) -> PushSubscription:
    """Tell this device from now on, and nobody else on it: a browser has one endpoint."""
    subscription, _made = PushSubscription.objects.update_or_create(
        endpoint_hash=mark(endpoint),
        defaults={
            "user": user,
            "endpoint": endpoint,
            "p256dh": p256dh,
            "auth": auth,
            "server_key": server_key,
            "made_at": now,
        },
    )
    surplus = PushSubscription.objects.filter(user=user).values_list("pk", flat=True)[MOST:]
    PushSubscription.objects.filter(pk__in=list(surplus)).delete()
    return subscription


def forget(user: User, endpoint: str) -> bool:
    """False if it was not theirs."""
    mine = PushSubscription.objects.filter(user=user, endpoint_hash=mark(endpoint))
    return bool(mine.delete()[0])


def marks(user: User) -> list[str]:
    """By which a device knows whether it is one of theirs, though no page says any address."""
    mine = PushSubscription.objects.filter(user=user)
    return list(mine.values_list("endpoint_hash", flat=True))


_OWNERS = PreparedQuery(
    lambda users: (
        PushSubscription.objects.filter(user__among=users, user__is_active=True)
        .order_by()
        .values_list("user")
    ),
    users=Many(),
)


def owners(user_ids: Iterable[int]) -> set[int]:
    """Who of them has a device to be told on. Closed accounts are told nothing."""
    return {user for (user,) in _OWNERS(users=user_ids)}


def mark(endpoint: str) -> str:
    return hashlib.sha256(endpoint.encode()).hexdigest()
