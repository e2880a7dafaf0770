"""What a class is asked: the facts with which a ballot's kind makes its question."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from django.conf import settings
from django.utils import translation

from .enums import BallotKind


def about_substitute(name: str, held_at: dt.datetime) -> dict[str, str]:
    """Who would teach, and which class meeting: the one at this time of the institute's clock."""
    return {"name": name, "held_at": held_at.isoformat()}


def about_time(held_at: dt.datetime, starts_at: dt.datetime) -> dict[str, str]:
    """When the class meeting was, and when it would be, on the institute's clock."""
    return {"held_at": held_at.isoformat(), "starts_at": starts_at.isoformat()}


def recorded(kind: BallotKind, facts: Mapping[str, str]) -> str:
    """As it stands in the records: in the language of the house, whoever caused it."""
    with translation.override(settings.LANGUAGE_CODE):
        return kind.question(facts)
