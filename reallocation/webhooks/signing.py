"""How a receiver knows that a message is ours: signatures as Standard Webhooks has them.

HMAC-SHA256 over `id.timestamp.body`, in base64 behind `v1,`. After a rotation the former secret signs as
well, for a while. Secrets are kept sealed with a key made from SECRET_KEY: the database alone signs
nothing.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Iterable

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

PREFIX = "whsec_"
SECRET_BYTES = 32


class SecretLost(Exception):
    """It was sealed under a SECRET_KEY that is neither the present one nor among the former ones."""


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def seal(secret: str) -> str:
    return _box().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """Raises SecretLost."""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise SecretLost from error


def _box() -> MultiFernet:
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet([Fernet(_key(key)) for key in keys])


def _key(secret_key: str) -> bytes:
    told = hashlib.sha256(f"understudy.webhooks:{secret_key}".encode()).digest()
    return base64.urlsafe_b64encode(told)


def headers(
    message_id: str, body: bytes, secrets_in_use: Iterable[str], now: dt.datetime
) -> dict[str, str]:
    """The three headers of a message: its id, when it is sent, and a signature for each secret."""
    timestamp = str(int(now.timestamp()))
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets_in_use),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
