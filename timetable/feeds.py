"""The private addresses of calendar feeds: found by their secret alone, shown again, renewed.

A calendar program cannot sign in, so the address is the key. The database keeps a hash of it and the
salt from which SECRET_KEY makes it again: a copy of the database opens no calendar, and yet the page
can show the address whenever somebody sets up another device.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import secrets

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from .models import CalendarFeed, User


def of(user: User) -> CalendarFeed | None:
    return CalendarFeed.objects.filter(user=user).first()


def renew(user: User, *, now: dt.datetime) -> CalendarFeed:
    """A first address, or a new one in place of the old, which stops working at once."""
    salt = secrets.token_hex(32)
    fresh = {
        "salt": salt,
        "hash": _hash(_secret(salt, settings.SECRET_KEY)),
        "made_at": now,
        "etag": "",
        "changed_at": now,
    }
    feed, _made = CalendarFeed.objects.update_or_create(user=user, defaults=fresh)
    return feed


def secret_of(feed: CalendarFeed) -> str | None:
    """The secret in the address. None if the key under which it was made is gone: then the address
    still works, but nobody can read it here any more."""
    made = (
        _secret(feed.salt, key) for key in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    )
    return next((one for one in made if constant_time_compare(_hash(one), feed.hash)), None)


def find(secret: str) -> CalendarFeed | None:
    """The feed at this address, while its person's account is open."""
    feeds = CalendarFeed.objects.filter(hash=_hash(secret), user__is_active=True)
    return feeds.select_related("user").first()


def note(feed: CalendarFeed, etag: str, *, now: dt.datetime) -> dt.datetime:
    """Since when the feed says what it says now, as far as anybody has asked. Full seconds."""
    if feed.etag != etag:
        feed.etag, feed.changed_at = etag, now.replace(microsecond=0)
        # Only while the address is the same: a feed that was just renewed starts anew.
        CalendarFeed.objects.filter(pk=feed.pk, salt=feed.salt).update(
            etag=etag, changed_at=feed.changed_at
        )
    return feed.changed_at


def _secret(salt: str, key: str) -> str:
    digest = salted_hmac("understudy.feeds", salt, secret=key, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _hash(secret: str) -> str:
    # 256 bits cannot be guessed, so a fast hash is enough.
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
