"""Sealing a message so that only the device can read it, not its push service (RFC 8291, RFC 8188)."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .vapid import CURVE, point, read_point

RECORD = 4096
LARGEST = RECORD - 16 - 1 - 86
"""Bytes of a message: push services take a record with its header, padding byte and seal."""

LAST_RECORD = b"\x02"


def seal(
    message: bytes,
    *,
    p256dh: bytes,
    auth: bytes,
    salt: bytes | None = None,
    private: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """The body of a push request with `Content-Encoding: aes128gcm`.

    `salt` and `private` are new for each message. Raises ValueError if `p256dh` is no point of the
    curve, or the message too long.
    """
    if len(message) > LARGEST:
        raise ValueError(f"{len(message)} bytes are too many for a push message")
    salt = salt or os.urandom(16)
    private = private or ec.generate_private_key(CURVE)
    ours = point(private.public_key())
    shared = private.exchange(ec.ECDH(), read_point(p256dh))
    keying = _derive(shared, auth, b"WebPush: info\x00" + p256dh + ours, 32)
    key = _derive(keying, salt, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _derive(keying, salt, b"Content-Encoding: nonce\x00", 12)
    header = salt + RECORD.to_bytes(4) + bytes([len(ours)]) + ours
    return header + AESGCM(key).encrypt(nonce, message + LAST_RECORD, None)


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)
