"""Webhooks: who is told of what, what became of it, and sending it again. For registrars."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from ninja import Query, Router
from pydantic import Field

from reallocation.enums import WebhookEvent, WebhookOff, WebhookStatus
from reallocation.models import Webhook, WebhookDelivery
from reallocation.refusals import Refused
from reallocation.views import acts
from reallocation.webhooks import outbox, payloads, subscriptions
from reallocation.webhooks.subscriptions import Made
from timetable.accounts import Actor

from .access import caller_of
from .contract import read, write
from .pages import Page, PageIn, newest_first
from .problems import forbidden, not_found
from .schemas import (
    ReplayIn,
    ReplayOut,
    WebhookDeliveryList,
    WebhookDeliveryOut,
    WebhookIn,
    WebhookList,
    WebhookMade,
    WebhookOut,
)

router = Router(tags=["Webhooks"])

ALL_GIVEN_UP = ReplayIn()
STAFF = {403: "`not_registrar`: the caller is none. `scope_missing`. `not_a_member`."}
NOT_FOUND = {404: "`not_found`: it does not exist, or not for the caller."}
ON_ACTS = {**NOT_FOUND, 409: "`webhook_removed`: it has just been removed."}


class DeliveryFilter(PageIn):
    status: WebhookStatus | None = Field(None, description="Only these.")


@read(router, "/webhooks", answer=WebhookList, errors={**STAFF, **NOT_FOUND})
def list_webhooks(request: HttpRequest, data: Page) -> WebhookList:
    """Webhooks of the institute.

    Newest first.
    """
    actor = _registrar(request, data.institute_id)
    assert actor.institute is not None  # noqa: S101 - for the type checker
    found, following = newest_first(subscriptions.of(actor.institute), data)
    return WebhookList(items=[WebhookOut(**_told(one)) for one in found], next=following)


@write(
    router,
    "/webhooks",
    answer=WebhookMade,
    status=201,
    # A kept answer would hold the secret. Made twice, the second is refused: one for each address.
    stored=False,
    errors={
        **STAFF,
        **NOT_FOUND,
        409: "`webhook_exists`: there is one with this address. `too_many_webhooks`.",
    },
)
@sensitive_variables()
def make_webhook(request: HttpRequest, data: WebhookIn) -> WebhookMade:
    """Make a webhook.

    The answer holds the secret, this once. The address must begin with https and lead to a public
    machine. There is one for each address, so sending this again is refused; nothing is kept under an
    `Idempotency-Key`.
    """
    actor = _registrar(request, data.institute_id)
    assert actor.institute is not None  # noqa: S101 - for the type checker
    made = subscriptions.make(
        actor.institute,
        name=data.name,
        url=data.url,
        events=data.events,
        owner=actor.user,
        now=timezone.now(),
        who=acts.who(actor),
    )
    return _made(made)


@write(router, "/webhooks/{uuid:id}", answer=WebhookOut, errors=ON_ACTS, method="DELETE")
def remove_webhook(request: HttpRequest, id: uuid.UUID) -> WebhookOut:
    """Remove a webhook.

    Nothing is sent to it any more, and its secrets are forgotten. The answer is what it was.
    """
    actor, webhook = _found(request, id)
    told = WebhookOut(**_told(webhook))
    subscriptions.remove(webhook, now=timezone.now(), who=acts.who(actor))
    return told.model_copy(update={"active": False})


@write(router, "/webhooks/{uuid:id}/secret", answer=WebhookMade, stored=False, errors=ON_ACTS)
@sensitive_variables()
def renew_secret(request: HttpRequest, id: uuid.UUID) -> WebhookMade:
    """Renew the secret.

    The answer holds the new one, this once. For 24 hours the former one signs as well. Nothing is kept
    under an `Idempotency-Key`: after a broken connection ask again.
    """
    actor, webhook = _found(request, id)
    return _made(subscriptions.rotate(webhook, now=timezone.now(), who=acts.who(actor)))


@write(router, "/webhooks/{uuid:id}/off", answer=WebhookOut, errors=ON_ACTS)
def switch_webhook_off(request: HttpRequest, id: uuid.UUID) -> WebhookOut:
    """Switch a webhook off.

    What happens meanwhile is not sent, later either. Off already: nothing changes.
    """
    actor, webhook = _found(request, id)
    now = timezone.now()
    subscriptions.switch_off(webhook, WebhookOff.ASKED, now=now, who=acts.who(actor))
    return _again(webhook)


@write(
    router,
    "/webhooks/{uuid:id}/on",
    answer=WebhookOut,
    errors={**NOT_FOUND, 409: "`webhook_on`: it is on already. `webhook_removed`."},
)
def switch_webhook_on(request: HttpRequest, id: uuid.UUID) -> WebhookOut:
    """Switch a webhook on again.

    From now on. What it missed before it was switched off can be replayed.
    """
    actor, webhook = _found(request, id)
    subscriptions.switch_on(webhook, now=timezone.now(), who=acts.who(actor))
    return _again(webhook)


@read(router, "/webhooks/{uuid:id}/deliveries", answer=WebhookDeliveryList, errors=NOT_FOUND)
def list_deliveries(
    request: HttpRequest, id: uuid.UUID, data: Annotated[DeliveryFilter, Query()]
) -> WebhookDeliveryList:
    """What was sent.

    Newest first, of the last 30 days.
    """
    _actor, webhook = _found(request, id)
    rows = WebhookDelivery.objects.filter(webhook=webhook).select_related("case")
    if data.status is not None:
        rows = rows.filter(status=data.status)
    found, following = newest_first(rows, data)
    return WebhookDeliveryList(items=[_delivery(one) for one in found], next=following)


@write(
    router,
    "/webhooks/{uuid:id}/replay",
    answer=ReplayOut,
    errors={
        404: "`not_found`: the webhook or the delivery.",
        409: "`webhook_off`: switch it on first. `delivery_under_way`: it is still being sent. "
        "`webhook_removed`.",
    },
)
def replay(request: HttpRequest, id: uuid.UUID, data: ReplayIn = ALL_GIVEN_UP) -> ReplayOut:
    """Send again.

    One delivery, or all that were given up: under their old ids, so that a receiver that has seen one
    knows it.
    """
    _actor, webhook = _found(request, id)
    rows = WebhookDelivery.objects.filter(webhook=webhook)
    if data.delivery_id is None:
        rows = rows.filter(status=WebhookStatus.FAILED)
    else:
        rows = rows.filter(uid=data.delivery_id)
        if not rows.exists():
            raise not_found("delivery_id")
    count = outbox.replay(webhook, rows, now=timezone.now())
    if data.delivery_id is not None and not count:
        raise Refused("delivery_under_way")
    return ReplayOut(replayed=count)


def described() -> dict[str, Any]:
    """The `webhooks` of the OpenAPI document: what a receiver is sent."""
    header = {"in": "header", "required": True, "schema": {"type": "string"}}
    headers = {
        "webhook-id": "The same at each attempt, and at a replay.",
        "webhook-timestamp": "When it is sent, in seconds since 1970.",
        "webhook-signature": "One or more of `v1,` and the HMAC-SHA256 of `id.timestamp.body` in "
        "base64, separated by blanks.",
    }
    return {
        event.value: {
            "post": {
                "summary": str(event.label),
                "operationId": event.value.replace(".", "_"),
                "parameters": [
                    {**header, "name": name, "description": text} for name, text in headers.items()
                ],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": _schema(event)}},
                },
                "responses": {
                    "2XX": {"description": "Taken."},
                    "410": {"description": "Never send here again."},
                    "default": {"description": "Tried again later."},
                },
            }
        }
        for event in WebhookEvent
    }


def _schema(event: WebhookEvent) -> dict[str, Any]:
    """Self-contained: where the document would refer to a part, the part itself."""
    whole = payloads.SCHEMAS[event].model_json_schema(mode="serialization")
    parts = whole.pop("$defs", {})

    def put_in(node: Any) -> Any:
        if isinstance(node, list):
            return [put_in(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            part = parts[node["$ref"].rsplit("/", 1)[-1]]
            node = {**part, **{key: value for key, value in node.items() if key != "$ref"}}
        return {key: put_in(value) for key, value in node.items()}

    found: dict[str, Any] = put_in(whole)
    return found


def _registrar(request: HttpRequest, institute_id: str | None = None) -> Actor:
    actor = caller_of(request).at(institute_id)
    if not actor.is_registrar:
        raise forbidden("not_registrar", _("Only a registrar of the institute may do this."))
    return actor


def _found(request: HttpRequest, uid: uuid.UUID) -> tuple[Actor, Webhook]:
    """A webhook, and as which registrar the caller has it. For everybody else there is none."""
    webhook = Webhook.objects.standing().filter(uid=uid).select_related("institute").first()
    if webhook is None:
        raise not_found()
    actor = caller_of(request).at(webhook.institute.slug)
    if not actor.is_registrar_of(webhook.institute):
        raise not_found()
    return actor, webhook


def _again(webhook: Webhook) -> WebhookOut:
    return WebhookOut(**_told(subscriptions.of(webhook.institute).get(pk=webhook.pk)))


def _made(made: Made) -> WebhookMade:
    return WebhookMade(**_told(made.webhook), secret=made.secret)


def _told(webhook: Webhook) -> dict[str, Any]:
    return {
        "webhook_id": webhook.uid,
        "institute_id": webhook.institute.slug,
        "name": webhook.name,
        "url": webhook.url,
        "events": webhook.events,
        "active": webhook.is_on,
        "off_why": webhook.off_why or None,
        "off_at": webhook.off_at,
        "created_at": webhook.created_at,
        "last_delivered_at": webhook.delivered_at,
        "former_secret_until": subscriptions.former_signs_until(webhook, timezone.now()),
    }


def _delivery(row: WebhookDelivery) -> WebhookDeliveryOut:
    waits = row.status == WebhookStatus.QUEUED
    return WebhookDeliveryOut(
        delivery_id=row.uid,
        type=WebhookEvent(row.event),
        reallocation_id=row.case.uid if row.case else None,
        status=WebhookStatus(row.status),
        attempts=row.attempts,
        written_at=row.written_at,
        next_attempt_at=row.due_at if waits else None,
        delivered_at=row.delivered_at,
        answer_status=row.answer_status,
        error=row.error,
        body=row.body,
    )
