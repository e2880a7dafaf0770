"""Puts on each request as whom its account acts."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from .accounts import INSTITUTE_SESSION_KEY, Actor, ActorRequest, actor_for


class ActorMiddleware:
    """`request.actor`, looked up when first asked for: pages that ask nothing cost nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        def look_up() -> Actor:
            return actor_for(request.user, request.session.get(INSTITUTE_SESSION_KEY))

        cast("ActorRequest", request).actor = cast("Actor", SimpleLazyObject(look_up))
        return self.get_response(request)
