"""Who calls: a token of allauth's app client, a personal access token, or a browser's session.

A caller is somebody at one or more institutes. At each they are what they are on the pages, less what
the scopes of their token leave out: what they then may not see does not exist for them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import cast

from allauth.headless.tokens.strategies.jwt.internal import validate_access_token
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja.errors import AuthenticationError
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from timetable import tokens
from timetable.accounts import INSTITUTE_SESSION_KEY, Actor, actor_for
from timetable.enums import TokenScope
from timetable.models import User

from .problems import Problem, forbidden, not_found

EVERY_SCOPE = frozenset(TokenScope.values)
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MINUTE = 60


@dataclass(frozen=True)
class Caller:
    """An account, and what its token lets it do. `writes` says that the request may change things."""

    user: User
    scopes: frozenset[str]
    writes: bool
    looks_at: str | None = None
    """The institute that a browser's session has chosen."""

    def at(self, institute_id: str | None = None) -> Actor:
        """As whom they act at this institute, or at their own. Raises Problem, 403 or 404."""
        actor = actor_for(self.user, institute_id or self.looks_at)
        if actor.institute is None:
            raise forbidden("not_a_member", _("Your account belongs to no institute."))
        if institute_id is not None and actor.institute.slug != institute_id:
            raise not_found("institute_id")
        return self._within_scopes(actor)

    def _within_scopes(self, actor: Actor) -> Actor:
        if TokenScope.REGISTRAR not in self.scopes:
            actor = replace(actor, role="", department="", reads_private_notes=False)
        if self.writes and TokenScope.ANSWER not in self.scopes:
            actor = replace(actor, professor=None, student=None)
        return actor

    def check_scope(self) -> None:
        """Raises Problem (403) if the token can do nothing of this kind at all."""
        wanted = {TokenScope.READ}
        if self.writes:
            wanted = {TokenScope.ANSWER, TokenScope.REGISTRAR}
        if not wanted & self.scopes:
            names = ", ".join(sorted(scope.value for scope in wanted))
            message = _("This token lacks the scope for it: %(scopes)s.") % {"scopes": names}
            raise forbidden("scope_missing", message)


class ApiRequest(HttpRequest):
    """A request behind one of the classes below: for annotations only."""

    auth: Caller


def caller_of(request: HttpRequest) -> Caller:
    return cast("ApiRequest", request).auth


class BearerToken(AuthBase):
    """`Authorization: Bearer …`: a personal access token, or one of allauth's app client."""

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_description = (
        "A personal access token (page “Access tokens”, or `manage.py create_token EMAIL`), or the "
        "access token that `POST /_allauth/app/v1/auth/login` gives."
    )

    def __call__(self, request: HttpRequest) -> Caller | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        kind, _space, secret = header.partition(" ")
        caller = self._caller(request, secret.strip()) if kind.lower() == "bearer" else None
        if caller is None:
            # Whoever names a token means that token: no session in the browser stands in for it.
            raise AuthenticationError
        return caller

    @staticmethod
    def _caller(request: HttpRequest, secret: str) -> Caller | None:
        now, writes = timezone.now(), request.method not in SAFE
        if secret.startswith(tokens.PREFIX):
            token = tokens.find(secret, now=now)
            if token is None:
                return None
            count(f"token:{token.pk}", now)
            return Caller(token.user, frozenset(token.scopes), writes)
        found = validate_access_token(secret)
        if found is None or not found[0].is_active:
            return None
        user = cast("User", found[0])
        count(f"user:{user.pk}", now)
        return Caller(user, EVERY_SCOPE, writes)


class BrowserSession(AuthBase):
    """The session cookie of somebody signed in; what changes anything needs the CSRF token too."""

    openapi_type = "apiKey"
    openapi_in = "cookie"
    openapi_name = settings.SESSION_COOKIE_NAME
    openapi_description = (
        "The session of a browser. A request that changes anything needs the `X-CSRFToken` header."
    )

    def __call__(self, request: HttpRequest) -> Caller | None:
        user = request.user
        if not isinstance(user, User) or not user.is_active:
            return None
        writes = request.method not in SAFE
        if writes and check_csrf(request) is not None:
            raise forbidden("csrf", _("A session needs the X-CSRFToken header; a token does not."))
        count(f"user:{user.pk}", timezone.now())
        return Caller(user, EVERY_SCOPE, writes, request.session.get(INSTITUTE_SESSION_KEY))


def count(meter: str, now: dt.datetime) -> None:
    """Count one request of this minute. Raises Problem (429) when there have been too many."""
    minute, second = divmod(int(now.timestamp()), MINUTE)
    key = f"api:{meter}:{minute}"
    cache.add(key, 0, timeout=2 * MINUTE)
    try:
        requests = cache.incr(key)
    except ValueError:
        # The cache is full and has dropped the count just made.
        return
    if requests > settings.API_REQUESTS_PER_MINUTE:
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too_many_requests",
            _("Too many requests: wait as many seconds as Retry-After says."),
            headers={"Retry-After": str(MINUTE - second)},
        )
