"""What the workflow does when voting, or the timetable, has something to tell."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models.signals import post_migrate
from django.dispatch import receiver
from django_q.models import Schedule

from timetable.meetings import Standing
from timetable.models import Meeting, Student
from timetable.signals import meeting_changed
from voting.models import Ballot
from voting.queries import SMALLEST_LIVE_ROLL
from voting.signals import ballot_closed, ballot_closing, reminder_due

from . import audit, engine, schedules
from .models import Case, LogEntry
from .notifications import announce
from .signals import entries_appended
from .webhooks import events


@receiver(post_migrate)
def schedule_sweep(sender: AppConfig, using: str, **_: Any) -> None:
    """A plain `qcluster` sweeps, too. While single apps are migrated, the queue has no tables yet."""
    if sender.name != "reallocation" or using != DEFAULT_DB_ALIAS:
        return
    if Schedule._meta.db_table in connection.introspection.table_names():
        schedules.ensure()


@receiver(ballot_closing)
def lock_case_of_ballot(subject_uid: uuid.UUID, **_: Any) -> None:
    """The case comes before its ballot in the locking order."""
    Case.objects.select_for_update(no_key=True).filter(uid=subject_uid).first()


@receiver(ballot_closed)
def note_result(ballot: Ballot, now: dt.datetime, **_: Any) -> None:
    """Log the close, tell the class, and have the case go on."""
    case = Case.objects.for_list().filter(uid=ballot.subject_uid).first()
    if case is None:
        return
    with audit.writing(case.institute):
        audit.record(
            "ballot.closed",
            institute=case.institute,
            case=case,
            at=now,
            data={
                "ballot": str(ballot.uid),
                "result": ballot.result,
                "by": ballot.closed_by,
                "roll": ballot.roll_size,
                **_counts(ballot),
            },
        )
        announce.ballot_closed(ballot, case, now)
        if case.is_open:
            engine.wake(case, now)


@receiver(meeting_changed)
def remember_meeting(meeting: Meeting, before: Standing, **_: Any) -> None:
    events.remember(meeting, before)


@receiver(entries_appended)
def tell_webhooks(
    institute_id: int, entries: Sequence[LogEntry], aside: dict[Any, Any], **_: Any
) -> None:
    events.write(institute_id, entries, aside)


@receiver(reminder_due)
def remind_silent(ballot: Ballot, students: Sequence[Student], now: dt.datetime, **_: Any) -> None:
    case = Case.objects.for_list().filter(uid=ballot.subject_uid).first()
    if case is not None:
        announce.ballot_reminder(ballot, case, students, now)


def _counts(ballot: Ballot) -> dict[str, int]:
    """What the log may say of the votes: with very few voters a sum would tell on them."""
    if ballot.roll_size < SMALLEST_LIVE_ROLL:
        return {}
    return {"yes": ballot.yes, "no": ballot.no}
