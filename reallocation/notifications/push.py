"""Notifications on people's devices (Web Push, RFC 8030): a request to each device's push service."""

from __future__ import annotations

import datetime as dt
import hashlib
import http.client
import json
from http import HTTPStatus

import structlog
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from reallocation.models import Delivery, Message, PushSubscription

from . import endpoints, links, sealing, vapid
from .failures import Refused, Unsent
from .kinds import action_of

log = structlog.get_logger(__name__)

LEAST = dt.timedelta(hours=1)
MOST = dt.timedelta(days=1)
"""How long a push service keeps what it cannot deliver yet: until the matter is over, within these."""

OVER = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
"""The device has given up its subscription (RFC 8030, section 7.3)."""

LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


class Push:
    """To all devices of a person. One that took it is enough: it is not told twice elsewhere."""

    def send(self, delivery: Delivery) -> str:
        message, now = delivery.message, timezone.now()
        with translation.override(message.notice.language):
            text = _text(message)
        taken, failures, refusals = 0, [], []
        for device in PushSubscription.objects.filter(user=message.user_id, user__is_active=True):
            try:
                _tell(device, message, text, now)
            except Unsent as failure:
                failures.append(str(failure))
            except Refused as refusal:
                refusals.append(str(refusal))
            else:
                taken += 1
        if not taken and failures:
            raise Unsent(" ".join(failures))
        if not taken:
            raise Refused(" ".join(refusals) or _("There is no device left to tell."))
        return ""

    def close(self) -> None:
        """Each device is a request of its own."""


def _tell(device: PushSubscription, message: Message, text: bytes, now: dt.datetime) -> None:
    """Raises Unsent, or Refused; a device that is told no more is forgotten."""
    key = vapid.key_of(device.server_key)
    if key is None:
        raise _forgotten(device, "its key is gone")
    try:
        body = sealing.seal(
            text, p256dh=vapid.decode(device.p256dh), auth=vapid.decode(device.auth)
        )
        origin = endpoints.read(device.endpoint).origin
        headers = {
            "Authorization": vapid.authorization(key, origin, now=now),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(int(_useful_for(message, now).total_seconds())),
            "Topic": _topic(message),
            "Urgency": "high",
        }
        status = endpoints.post(device.endpoint, body, headers)
    except endpoints.NotPublic as fault:
        raise _forgotten(device, str(fault)) from fault
    except (OSError, http.client.HTTPException) as error:
        raise Unsent(f"{type(error).__name__}: {error}") from error
    if status in OVER:
        raise _forgotten(device, f"the push service said {status}")
    if status in LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Unsent(_("The push service answered %(status)d.") % {"status": status})
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        raise Refused(_("The push service answered %(status)d.") % {"status": status})


def _forgotten(device: PushSubscription, why: str) -> Refused:
    log.info("device_forgotten", device=device.pk, user=device.user_id, why=why)
    # Not if the same browser has subscribed anew in the meantime.
    PushSubscription.objects.filter(pk=device.pk, made_at=device.made_at).delete()
    return Refused(_("The device is not told any more."))


def _text(message: Message) -> bytes:
    """What worker.js shows. Messages on the same matter replace one another."""
    notice = message.notice
    return json.dumps(
        {
            "title": notice.subject,
            "body": f"{action_of(notice.kind)} · {notice.institute.name}",
            "tag": _topic(message),
            "url": links.path(message),
        }
    ).encode()


def _topic(message: Message) -> str:
    """At most 32 characters of base64url, the same for all that is said about one thing."""
    return hashlib.sha256(message.notice.link.encode()).hexdigest()[:32]


def _useful_for(message: Message, now: dt.datetime) -> dt.timedelta:
    until = message.notice.data.get("until")
    left = dt.datetime.fromisoformat(until) - now if until else LEAST
    return min(max(left, LEAST), MOST)
