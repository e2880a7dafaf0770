"""What holds for every endpoint: scopes, entity tags on reads, idempotency keys on writes."""

from __future__ import annotations

import datetime as dt
import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar, cast

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Router
from pydantic import BaseModel

from timetable.models import StoredAnswer

from .access import caller_of
from .problems import JSON, invalid, problem_of
from .schemas import ProblemOut

Reading = TypeVar("Reading", bound="Callable[..., BaseModel | Told]")
Writing = TypeVar("Writing", bound=Callable[..., BaseModel])

LONGEST_KEY = 200
KEPT = dt.timedelta(hours=24)
KEY_HEADER = "Idempotency-Key"
MOMENT = "at"

EVERYWHERE = {
    401: "`unauthorized`: no token, or one that is unknown, expired or revoked.",
    403: "`scope_missing`: the token lacks the scope. `not_a_member`: the account is nobody's.",
    414: "`address_too_long`: over 4,000 letters. From 8,190 on the server in front refuses it, in HTML.",
    422: "`invalid`: `fields` says what is wrong with which.",
    429: "`too_many_requests`: wait for as many seconds as `Retry-After` says.",
}
ON_READS = {304: "Nothing has changed since the answer with the entity tag in `If-None-Match`."}
ON_WRITES = {
    400: "`unreadable`: the body is not JSON.",
    422: "`invalid`: `fields` says what is wrong with which. `key_reused`: the `Idempotency-Key` "
    "came with another request before.",
}


@dataclass(frozen=True)
class Told:
    """An answer as it is sent, with its entity tag."""

    content: str
    tag: str

    @classmethod
    def of(cls, body: BaseModel) -> Told:
        content = told = body.model_dump_json()
        if MOMENT in type(body).model_fields:
            # The moment at which a report was computed is no change.
            told = body.model_dump_json(exclude={MOMENT})
        return cls(content, f'W/"{hashlib.sha256(told.encode()).hexdigest()[:32]}"')


def read(
    router: Router, path: str, *, answer: Any, errors: Mapping[int, str] | None = None
) -> Callable[[Reading], Reading]:
    """A GET that answers 200 with `answer`, or 304 if the caller has that already.

    The view may give it as it was told before.
    """
    told = {**EVERYWHERE, **ON_READS, **(errors or {})}
    header = _header("If-None-Match", "The `ETag` of an earlier answer.")

    def decorate(view: Reading) -> Reading:
        def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            caller_of(request).check_scope()
            answer = view(request, *args, **kwargs)
            return _tagged(request, answer if isinstance(answer, Told) else Told.of(answer))

        operation = router.get(path, **_documented(view, 200, answer, told, header))
        operation(_with_signature(run, view))
        return view

    return decorate


def write(
    router: Router,
    path: str,
    *,
    answer: Any,
    status: int = 200,
    errors: Mapping[int, str] | None = None,
    stored: bool = True,
    method: str = "POST",
) -> Callable[[Writing], Writing]:
    """A POST, or a DELETE. With an Idempotency-Key its first answer is kept, unless it is
    `stored=False`: what is secret is not, and has to be harmless to say twice."""
    told = {**EVERYWHERE, **ON_WRITES, **(errors or {})}
    header = _header(KEY_HEADER, "Of your choice; the same request with it is done only once.")

    def decorate(view: Writing) -> Writing:
        def act(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                # A vote finds its own locks, in the order that everybody keeps.
                with transaction.atomic() if stored else nullcontext():
                    body = view(request, *args, **kwargs)
            except Exception as error:
                problem = problem_of(error)
                if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise
                return problem.response()
            return HttpResponse(body.model_dump_json(), status=status, content_type=JSON)

        def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            caller_of(request).check_scope()
            key = _key(request)
            if not stored or key is None:
                return act(request, *args, **kwargs)
            return _once(request, key, lambda: act(request, *args, **kwargs))

        documented = _documented(view, status, answer, told, header)
        operation = router.api_operation([method], path, **documented)
        operation(_with_signature(run, view))
        return view

    return decorate


def _with_signature(
    run: Callable[..., HttpResponse], view: Callable[..., BaseModel | Told]
) -> Callable[..., HttpResponse]:
    """`run` under the name and the parameters of the view, whose annotations only its own module
    can resolve."""
    wrapped = wraps(view)(run)
    cast("Any", wrapped).__signature__ = inspect.signature(view, eval_str=True)
    return wrapped


def _documented(
    view: Callable[..., BaseModel | Told],
    status: int,
    answer: Any,
    told: Mapping[int, str],
    header: Mapping[str, Any],
) -> dict[str, Any]:
    """What the OpenAPI document says of an endpoint; the rest is in the view's docstring."""
    summary, _blank, description = inspect.cleandoc(view.__doc__ or "").partition("\n")
    responses: dict[Any, Any] = {status: answer}
    responses |= {code: None if code == 304 else ProblemOut for code in sorted(told)}
    extra: dict[int, Any] = {code: {"description": text} for code, text in told.items()}
    extra[status] = {"description": "Done." if status != 200 else "As asked."}
    if 304 in told:
        extra[status]["headers"] = {"ETag": {"schema": {"type": "string"}}}
    extra[414]["content"] = {"text/html": {"schema": {"type": "string"}}}
    extra[429]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return {
        "response": responses,
        "summary": summary.rstrip("."),
        "description": description.strip(),
        "operation_id": view.__name__,
        "openapi_extra": {"responses": extra, "parameters": [header]},
    }


def _header(name: str, description: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if name == KEY_HEADER:
        schema |= {"minLength": 1, "maxLength": LONGEST_KEY, "pattern": r"^[\x21-\x7e]+$"}
    return {"in": "header", "name": name, "required": False, "schema": schema} | {
        "description": description
    }


def _tagged(request: HttpRequest, told: Told) -> HttpResponse:
    seen = {one.strip() for one in request.headers.get("If-None-Match", "").split(",")}
    if seen & {told.tag, told.tag.removeprefix("W/"), "*"}:
        response = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
    else:
        response = HttpResponse(told.content, content_type=JSON)
    response["ETag"] = told.tag
    response["Cache-Control"] = "private, no-cache"
    response["Vary"] = "Authorization, Cookie, Accept-Language"
    return response


def _key(request: HttpRequest) -> str | None:
    key = request.headers.get(KEY_HEADER)
    if key is None:
        return None
    if not 0 < len(key) <= LONGEST_KEY or not all("!" <= letter <= "~" for letter in key):
        raise invalid(KEY_HEADER, _("1 to 200 visible ASCII characters."))
    return key


class _AnsweredBefore(Exception):
    """Somebody has used this key."""


def _once(request: HttpRequest, key: str, act: Callable[[], HttpResponse]) -> HttpResponse:
    """Act, and keep the answer in the same transaction; or give the answer that was kept.

    The key is taken before anything is done. Whoever comes second with it waits on the unique index
    until the first has committed, and then reads the first one's answer.
    """
    user = caller_of(request).user
    told = json.dumps([request.method, request.path, request.body.decode("utf-8", "replace")])
    request_hash = hashlib.sha256(told.encode()).hexdigest()
    StoredAnswer.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    try:
        with transaction.atomic():
            row = _taken(user.pk, key, request_hash)
            response = act()
            row.status, row.body = response.status_code, response.content.decode()
            row.save(update_fields=["status", "body"])
            return response
    except _AnsweredBefore:
        row = StoredAnswer.objects.get(user=user, key=key)
    if row.request_hash != request_hash:
        message = _("It came with another request before: take a new one.")
        raise invalid(KEY_HEADER, message, code="key_reused")
    response = HttpResponse(row.body, status=row.status, content_type=JSON)
    response["Idempotent-Replayed"] = "true"
    return response


def _taken(user_id: int, key: str, request_hash: str) -> StoredAnswer:
    try:
        with transaction.atomic():
            return StoredAnswer.objects.create(
                user_id=user_id, key=key, request_hash=request_hash, created_at=timezone.now()
            )
    except IntegrityError as error:
        raise _AnsweredBefore from error
