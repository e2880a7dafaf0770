"""What the queue does by the clock."""

from __future__ import annotations

from django.db import transaction
from django_q.models import Schedule

NAME = "sweep"
SWEEP = "reallocation.tasks.sweep_now"


def ensure() -> None:
    """Have the sweep run each minute. Safe to call again, and again after a change here."""
    wanted = {
        "func": SWEEP,
        "schedule_type": Schedule.MINUTES,
        "minutes": 1,
        "repeats": -1,
    }
    with transaction.atomic():
        rows = Schedule.objects.select_for_update().filter(name=NAME).order_by("pk")
        # Nothing keeps the name unique: two processes that start together may each have made one.
        first, *others = [row.pk for row in rows] or [
            Schedule.objects.create(name=NAME, **wanted).pk
        ]
        Schedule.objects.filter(pk__in=others).delete()
        Schedule.objects.filter(pk=first).update(**wanted)
