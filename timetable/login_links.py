"""Links that sign one person in: for a first visit, and for whoever has no password at hand."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Literal

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext_lazy as _

from . import signed_links
from .models import User

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

PURPOSE = "login"

Code = Literal["expired", "tampered", "used"]

USED: StrPromise = _("This link was used already, or you have signed in since it was made.")


class LoginRefused(Exception):
    """The link signs nobody in: `expired`, `tampered`, or `used`."""

    def __init__(self, code: Code, message: StrPromise) -> None:
        super().__init__(code)
        self.code: Code = code
        self.message = message


def login_link(
    user: User, *, days: float = 1, reusable: bool = False, now: dt.datetime | None = None
) -> str:
    """The absolute address of a page that offers to sign in as the user.

    Good for `days` and for one use: signing in by any road, or a new password, ends it. A
    `reusable` link stays good until it expires, and works only where DEBUG is on.
    """
    token = signed_links.make(
        PURPOSE,
        {"user": user.pk, "state": "" if reusable else _state(user)},
        expires_at=(now or timezone.now()) + dt.timedelta(days=days),
    )
    return f"{settings.BASE_URL}{reverse('timetable:login-link', args=[token])}"


def read(token: str, *, now: dt.datetime) -> User:
    """Whom the link would sign in; changes nothing. Raises LoginRefused."""
    try:
        payload = signed_links.read(PURPOSE, token, now=now)
    except signed_links.LinkRefused as refusal:
        raise LoginRefused(refusal.code, refusal.message) from refusal
    user = User.objects.filter(pk=payload["user"], is_active=True).first()
    if user is None:
        raise LoginRefused("tampered", signed_links.MESSAGES["tampered"])
    if not payload["state"] and settings.DEBUG:
        return user
    if not constant_time_compare(payload["state"], _state(user)):
        raise LoginRefused("used", USED)
    return user


def use(token: str, *, now: dt.datetime) -> User:
    """Claim the link for this one sign-in. Raises LoginRefused; of two at once, one is `used`."""
    user = read(token, now=now)
    # The claim is the update: whoever comes second finds another last_login and changes no row.
    claimed = User.objects.filter(pk=user.pk, last_login=user.last_login).update(last_login=now)
    if not claimed:
        raise LoginRefused("used", USED)
    user.last_login = now
    return user


def _state(user: User) -> str:
    """A mark of when the user last signed in, and with which password."""
    return salted_hmac(
        "understudy.login_links",
        f"{user.pk} {user.last_login and user.last_login.isoformat()} {user.password} {user.email}",
    ).hexdigest()
