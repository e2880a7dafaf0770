"""The JSON API: the same functions as the pages, for programs. No rule lives here."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, re_path
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from ninja import NinjaAPI

from . import absences, ballots, cases, fairness, meetings, offers, webhooks
from .access import BearerToken, BrowserSession
from .docs import Reference
from .parsing import EachOnce, check_address
from .problems import Problem, handle, not_found

__all__ = ["urls"]

DESCRIPTION = """\
When a professor cannot teach, the class still happens. Ids are the institute's codes for people and
classes and its slug, UUIDs for the rest; moments are ISO 8601 in UTC, days are local, hours are clock
hours. Every error is `{"code", "message", "fields"}`; `code` is stable.

Send `Authorization: Bearer <token>`. What a caller may not see does not exist for them: 404. Reads
carry an `ETag`; a write with an `Idempotency-Key` is done once, and its answer is kept for 24 hours.
"""

api = NinjaAPI(
    title="Understudy",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    docs=Reference(),
    docs_decorator=require_safe,
    parser=EachOnce(),
    auth=[BearerToken(), BrowserSession()],
    openapi_extra={"webhooks": webhooks.described()},
)
for router in (
    absences.router,
    cases.router,
    offers.router,
    ballots.router,
    meetings.router,
    fairness.router,
    webhooks.router,
):
    api.add_router("/dynamic-reallocation", router)
handle(api)


def _in_json(view: Callable[..., Any]) -> Callable[..., HttpResponseBase]:
    """An address that is too long, and a method that it does not take, are refused in the form of
    all refusals."""

    # A session's CSRF token is checked where sessions are accepted: in `access`.
    @csrf_exempt
    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            check_address(request)
        except Problem as problem:
            return problem.response()
        response: HttpResponseBase = view(request, *args, **kwargs)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            return response
        message = _("This address does not take that method.")
        allowed = {"Allow": response.headers["Allow"]}
        return Problem(
            response.status_code, "method_not_allowed", message, headers=allowed
        ).response()

    return answered


@csrf_exempt
def _nothing_here(request: HttpRequest) -> HttpResponseBase:
    return not_found().response()


def _urls() -> tuple[list[Any], str, str]:
    patterns, app_name, namespace = api.urls
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            pattern.callback = _in_json(pattern.callback)
    # In place of ninja's own root, which tells in HTML where the reference is. A line break, too, is
    # part of an address, and `path` would stop at it.
    rest = [path("", _nothing_here, name="api-root"), re_path(r"[\s\S]+", _nothing_here)]
    return [*patterns[:-1], *rest], app_name, namespace


urls = _urls()
