"""Personal access tokens: keys for scripts, shown once, kept as a hash, revocable at any time."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field

from django.db.models import CharField, QuerySet

from .enums import TokenScope
from .hats import AccountColumns
from .models import AccessToken, User
from .prepared import Columns, PreparedQuery

PREFIX = "understudy_"
"""So that a token is known for one wherever it turns up: in a log, or in a published file."""

MOST = 20
"""Tokens in use that one person may have."""


_TOKEN = Columns(AccessToken, "", 0)
_WHOSE = AccountColumns("user__", _TOKEN.end)
_IN_USE = PreparedQuery(
    lambda hash: (
        AccessToken.objects.filter(hash=hash, revoked_at=None, user__is_active=True)
        .order_by()
        .values_list(*_TOKEN.paths, *_WHOSE.paths)
    ),
    hash=CharField(),
)


class TokenRefused(Exception):
    """No token is made: `code` says why, and is stable."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True)
class Made:
    """A new token. The secret is nowhere else; its repr hides it."""

    token: AccessToken
    secret: str = field(repr=False)


def make(user: User, name: str, scopes: Collection[str], *, now: dt.datetime) -> Made:
    """Make a token. Raises TokenRefused: `no_scope` if it could do nothing, `too_many`."""
    wanted = [scope.value for scope in TokenScope if scope.value in scopes]
    if not wanted:
        raise TokenRefused("no_scope")
    if in_use(user).count() >= MOST:
        raise TokenRefused("too_many")
    secret = PREFIX + secrets.token_urlsafe(32)
    token = AccessToken.objects.create(
        user=user, name=name.strip() or "token", scopes=wanted, hash=_hash(secret), created_at=now
    )
    return Made(token, secret)


def in_use(user: User) -> QuerySet[AccessToken]:
    return AccessToken.objects.filter(user=user, revoked_at=None)


def find(secret: str, *, now: dt.datetime) -> AccessToken | None:
    """The token with this secret, if it is in use and its person's account is, read with all that this
    account is. Notes the day."""
    if not secret.startswith(PREFIX):
        return None
    rows = list(_IN_USE(hash=_hash(secret)))
    token, user = _TOKEN.of(rows[0]) if rows else None, _WHOSE.of(rows)
    if token is None or user is None:
        return None
    token.user = user
    if token.last_used_on != now.date():
        token.last_used_on = now.date()
        AccessToken.objects.filter(pk=token.pk).update(last_used_on=now.date())
    return token


def revoke(token: AccessToken, *, now: dt.datetime) -> bool:
    """False if it was revoked already."""
    return bool(AccessToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now))


def _hash(secret: str) -> str:
    # 256 random bits cannot be guessed, so a fast hash is enough, and each request needs one.
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
