"""Tokens for links that open without login: signed, expiring, and good for one purpose only.

A token proves that we wrote the link, nothing more. Whoever reads it still has to look at the live
state of what it names, and a GET behind it must change nothing: mail scanners follow links.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Literal

from django.core import signing
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

RefusalCode = Literal["expired", "tampered"]

MESSAGES: dict[RefusalCode, StrPromise] = {
    "expired": _("This link is no longer valid: its time is over."),
    "tampered": _("This link is not complete or was changed on the way."),
}


class LinkRefused(Exception):
    """The token is not one of ours for this purpose (`tampered`), or it is over (`expired`)."""

    def __init__(self, code: RefusalCode) -> None:
        super().__init__(code)
        self.code: RefusalCode = code
        self.message = MESSAGES[code]


def _signer(purpose: str) -> signing.Signer:
    return signing.Signer(sep=".", salt=f"understudy.signed_links.{purpose}")


def make(purpose: str, payload: dict[str, Any], *, expires_at: dt.datetime) -> str:
    """A token that `read` accepts for the same purpose before `expires_at`.

    The payload is JSON and can be read, though not changed, by whoever holds the link.
    """
    return _signer(purpose).sign_object([payload, expires_at.timestamp()])


def read(purpose: str, token: str, *, now: dt.datetime) -> dict[str, Any]:
    """The payload. Raises LinkRefused; a forged token is `tampered` whatever its date."""
    try:
        payload, expires = _signer(purpose).unsign_object(token)
    except (signing.BadSignature, ValueError) as error:
        raise LinkRefused("tampered") from error
    if now.timestamp() >= expires:
        raise LinkRefused("expired")
    return dict(payload)
