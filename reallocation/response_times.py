"""How long people usually take to answer a request: what somebody who files an absence may expect."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from statistics import median
from typing import Any

from django.db.models import QuerySet

from .enums import OfferStatus
from .models import Offer

LOOK_BACK = dt.timedelta(days=90)
MOST_RECENT = 200
"""Answers that are looked at, the latest first."""

FEWEST = 5
"""With fewer answers nothing is said: one quick friend is no habit."""


def answered(institute: Any, now: Any) -> QuerySet[Any, Any]:
    """When the latest requests were sent, and answered with a yes or a no."""
    rows = Offer.objects.filter(
        case__institute=institute,
        status__in=[OfferStatus.ACCEPTED, OfferStatus.DECLINED],
        answered_at__gt=now - LOOK_BACK,
        answered_at__lte=now,
    )
    return rows.order_by("-answered_at").values_list("sent_at", "answered_at")[:MOST_RECENT]


def usual(answers: Iterable[tuple[dt.datetime, dt.datetime]]) -> dt.timedelta | None:
    """The median time from asking to a yes or a no; None while there are too few answers."""
    taken = [replied - sent for sent, replied in answers]
    if len(taken) < FEWEST:
        return None
    return dt.timedelta(seconds=median(one.total_seconds() for one in taken))
