"""The keyed hashes that stand between a student and a vote. Nothing here knows a row."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac


def current_mark() -> str:
    """Tells the present SECRET_KEY from others, and nothing else about it."""
    return _mark(settings.SECRET_KEY)


def secret_marked(mark: str) -> str | None:
    """The SECRET_KEY with this mark, be it the present one or one of SECRET_KEY_FALLBACKS."""
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return next((each for each in secrets if constant_time_compare(_mark(each), mark)), None)


def voter_key(secret: str, ballot_uid: uuid.UUID, student_id: int) -> str:
    """Under what this student's vote in this ballot is filed."""
    return _hash(secret, "voter_key", f"{ballot_uid}:{student_id}")


def _mark(secret: str) -> str:
    return _hash(secret, "mark", "")[:16]


def _hash(secret: str, purpose: str, value: str) -> str:
    return salted_hmac(
        f"understudy.voting.{purpose}", value, secret=secret, algorithm="sha256"
    ).hexdigest()
