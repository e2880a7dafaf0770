"""What the pages behind personal links share: their language, and the page of a link that works no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from .middleware import speak_to
from .models import User

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

GONE, NOT_FOUND = 410, 404


class Refusal(Protocol):
    """Any exception with a code (`expired`, `used`, `tampered`) and a sentence for people."""

    @property
    def code(self) -> str: ...

    @property
    def message(self) -> StrPromise | str: ...


def in_language_of(request: HttpRequest, user: User) -> None:
    """Answer in the language of whom the link was made for, unless this device was told another."""
    if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        speak_to(request, user)


def refused(request: HttpRequest, refusal: Refusal, *, next_step: str = "") -> HttpResponse:
    """The page; `next_step` is a sentence more: where the reader finds what they came for."""
    return render(
        request,
        "link_refused.html",
        {"refusal": refusal, "next_step": next_step},
        status=NOT_FOUND if refusal.code == "tampered" else GONE,
    )
