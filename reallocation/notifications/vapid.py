"""Who we are to a push service: a key that signs each request (VAPID, RFC 8292).

The key follows from SECRET_KEY, so none has to be made, stored or kept secret besides. A browser
subscribes for one key; after SECRET_KEY has changed, those of its fallbacks still serve the devices
that know them.
"""

from __future__ import annotations

import datetime as dt
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from email.utils import parseaddr
from functools import lru_cache

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

CURVE = ec.SECP256R1()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256 (FIPS 186-4, D.1.2.3)."""

GOOD_FOR = dt.timedelta(hours=12)
"""Push services accept a day at most."""


@dataclass(frozen=True)
class ServerKey:
    private: ec.EllipticCurvePrivateKey
    public: str
    """As browsers and push services want it: the point, uncompressed, in base64url."""


def server_key() -> ServerKey:
    """The one for new subscriptions."""
    return _made_from(settings.SECRET_KEY)


def key_of(public: str) -> ServerKey | None:
    """The one with this public half. None: it was made from a SECRET_KEY that is gone."""
    keys = map(_made_from, [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])
    return next((key for key in keys if key.public == public), None)


def authorization(key: ServerKey, origin: str, *, now: dt.datetime) -> str:
    """The header of a request to the push service at `origin`, like https://push.example."""
    claims = {
        "aud": origin,
        "exp": int((now + GOOD_FOR).timestamp()),
        "sub": f"mailto:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}",
    }
    return f"vapid t={jwt.encode(claims, key.private, 'ES256')}, k={key.public}"


def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def decode(text: str) -> bytes:
    """Raises ValueError."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def read_point(raw: bytes) -> ec.EllipticCurvePublicKey:
    """Raises ValueError if it is no point of the curve."""
    return ec.EllipticCurvePublicKey.from_encoded_point(CURVE, raw)


@lru_cache(maxsize=8)
def _made_from(secret: str) -> ServerKey:
    # More bits than the order has, so that each key is as likely as any other (FIPS 186-4, B.4.1).
    bits = HKDF(hashes.SHA256(), 48, None, b"understudy.vapid").derive(secret.encode())
    private = ec.derive_private_key(int.from_bytes(bits) % (ORDER - 1) + 1, CURVE)
    return ServerKey(private, encode(point(private.public_key())))
