"""How the API says no: always `{"code", "message", "fields"}`, and never what broke inside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from reallocation.refusals import Refused
from reallocation.webhooks.targets import TargetRefused
from voting.enums import Refusal
from voting.refusals import VotingRefused

logger = structlog.get_logger(__name__)

JSON = "application/json"
FORBIDDEN = frozenset({"not_your_offer", "not_registrar"})
"""Refusals that are about who asks, not about how things stand."""


class Problem(Exception):
    """The request is refused with this status, and has changed nothing."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, self.code, self.message = status, code, message
        self.fields, self.headers = dict(fields or {}), dict(headers or {})
        super().__init__(code)

    def response(self) -> HttpResponse:
        said = {"code": self.code, "message": str(self.message), "fields": self.fields}
        return HttpResponse(
            json.dumps(said, ensure_ascii=False),
            status=self.status,
            content_type=JSON,
            headers=self.headers,
        )


def not_found(field: str = "") -> Problem:
    """It does not exist, or not for the caller: which of both, nobody is told."""
    fields = {field: _("There is none with this id.")} if field else {}
    return Problem(HTTPStatus.NOT_FOUND, "not_found", _("There is no such thing."), fields)


def forbidden(code: str, message: str) -> Problem:
    return Problem(HTTPStatus.FORBIDDEN, code, message)


def invalid(field: str, message: str, code: str = "invalid") -> Problem:
    text = _("Something in the request is not as it should be.")
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, code, text, {field: message})


def problem_of(error: Exception) -> Problem:
    """What an exception is to the caller. Whatever is not foreseen is logged, and told to nobody."""
    match error:
        case Problem():
            return error
        case Refused():
            status = HTTPStatus.FORBIDDEN if error.code in FORBIDDEN else HTTPStatus.CONFLICT
            return Problem(status, error.code, error.message)
        case VotingRefused():
            stranger = error.refusal == Refusal.NOT_ON_ROLL
            status = HTTPStatus.FORBIDDEN if stranger else HTTPStatus.CONFLICT
            return Problem(status, error.code, error.message)
        case TargetRefused():
            return invalid("url", error.message)
        case ValidationError():
            return _of_validation(error)
        case AuthenticationError():
            return Problem(
                HTTPStatus.UNAUTHORIZED,
                "unauthorized",
                _("Send a valid token: Authorization: Bearer <token>."),
                headers={"WWW-Authenticate": 'Bearer realm="understudy"'},
            )
        case Http404():
            return not_found()
        case HttpError() if error.status_code == HTTPStatus.BAD_REQUEST:
            return Problem(HTTPStatus.BAD_REQUEST, "unreadable", _("The body is not valid JSON."))
        case SuspiciousOperation() | UnicodeDecodeError() | RecursionError():
            return Problem(HTTPStatus.BAD_REQUEST, "unreadable", _("The request cannot be read."))
    logger.error("api_failed", exc_info=error)
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal",
        _("Something went wrong here. Nothing was changed."),
    )


def _of_validation(error: ValidationError) -> Problem:
    fields: dict[str, str] = {}
    for one in error.errors:
        # ("body", "data", "reason") and ("query", "limit"): the last name is the one of the caller.
        place = [str(part) for part in one["loc"] if part not in {"body", "query", "path", "data"}]
        # What the schemas themselves refuse is worded already; pydantic puts "Value error" before it.
        own = one.get("ctx", {}).get("error")
        if one["type"] == "model_type":
            own = _("It must be a JSON object.")
        fields.setdefault(".".join(place) or "body", str(own or one["msg"]))
    message = _("Something in the request is not as it should be.")
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", message, fields)


def handle(api: NinjaAPI) -> None:
    """Have every exception inside the API answered in its own form."""

    def answer(request: HttpRequest, error: Any) -> HttpResponse:
        return problem_of(error).response()

    for kind in (Exception, Http404, HttpError, ValidationError):
        api.add_exception_handler(kind, answer)
