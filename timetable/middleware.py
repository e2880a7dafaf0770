"""What each request knows about its account, and what each page says about its reader."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import cast

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.crypto import salted_hmac
from django.utils.functional import SimpleLazyObject
from django.views.defaults import page_not_found

from .accounts import INSTITUTE_SESSION_KEY, Actor, ActorRequest, actor_for
from .models import User

READER = "Understudy-Reader"
"""The header that says for whom a page was made, in a mark that means nothing elsewhere."""

KEEP = "Understudy-Keep"
"""The header of a page that the reader's device may keep for when it has no network."""


class AccountLanguageMiddleware:
    """The language that the account has chosen goes before those of the cookie and the browser."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Programs that bring no session, as for a calendar, get an answer that depends on none.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            speak_to(request, request.user)
        response = self.get_response(request)
        # What no cache between us may keep need not say whose it is.
        if "private" not in response.get("Cache-Control", ""):
            patch_vary_headers(response, ["Cookie"])
        return response


def speak_to(request: HttpRequest, user: User) -> None:
    """Answer this request in the account's language, if it has chosen one of ours."""
    if user.chosen_language:
        translation.activate(user.chosen_language)
        request.LANGUAGE_CODE = translation.get_language()


class ActorMiddleware:
    """`request.actor`, looked up when first asked for: pages that ask nothing cost nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        def look_up() -> Actor:
            return actor_for(request.user, request.session.get(INSTITUTE_SESSION_KEY))

        cast("ActorRequest", request).actor = cast("Actor", SimpleLazyObject(look_up))
        return self.get_response(request)


class ReaderMiddleware:
    """Marks each page with its reader, so that a device forgets what it kept for somebody else.

    The service worker compares the marks: a page without one was made for nobody, so whoever was
    signed in is so no longer.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if is_page and request.user.is_authenticated:
            response[READER] = salted_hmac("understudy.reader", str(request.user.pk)).hexdigest()
        return response


class NotFoundMiddleware:
    """With DEBUG too, what is not there is said by the page for it, and not by a list of all addresses:
    whoever tries the demo meets it as everybody will.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.DEBUG:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == HTTPStatus.NOT_FOUND and request.resolver_match is None:
            return page_not_found(request, Http404())
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return page_not_found(request, exception) if isinstance(exception, Http404) else None
