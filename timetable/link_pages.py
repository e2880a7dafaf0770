"""The page that a link which no longer works leads to: what happened, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

GONE, NOT_FOUND = 410, 404


class Refusal(Protocol):
    """Any exception with a code (`expired`, `used`, `tampered`) and a sentence for people."""

    @property
    def code(self) -> str: ...

    @property
    def message(self) -> StrPromise | str: ...


def refused(request: HttpRequest, refusal: Refusal, *, next_step: str = "") -> HttpResponse:
    """The page; `next_step` is a sentence more: where the reader finds what they came for."""
    return render(
        request,
        "link_refused.html",
        {"refusal": refusal, "next_step": next_step},
        status=NOT_FOUND if refusal.code == "tampered" else GONE,
    )
