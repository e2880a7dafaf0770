"""The only code that writes the ledger: who was asked, who said what, who taught for whom.

Lines are only ever added, at most one statement per call. What is undone gets lines with negative
hours. `meeting.offering` is read for its term, so load it with the meeting where it matters.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from timetable import writes
from timetable.models import Meeting, Professor

from .enums import EntryKind
from .models import LedgerEntry, OwedHours

PRECISION = Decimal("0.0001")
"""A third of a second: the precision of hours in the ledger."""


def clock_hours(hours: Decimal | float) -> Decimal:
    """The hours as the ledger keeps them: four decimals, halves rounded away from zero.

    Raises ValueError unless they are finite and more than nothing.
    """
    exact = Decimal(str(hours))
    if not exact.is_finite() or (rounded := exact.quantize(PRECISION, ROUND_HALF_UP)) <= 0:
        raise ValueError(f"A ledger line needs more than nothing, not {hours!r} hours.")
    return rounded


def asked(
    professors: Iterable[Professor],
    *,
    meeting: Meeting,
    case_uid: uuid.UUID,
    hours: Decimal | float,
    now: dt.datetime,
) -> None:
    """Each of them was asked to take the meeting, `hours` clock hours long."""
    length = clock_hours(hours)
    _add(
        _line(EntryKind.ASKED, professor, meeting, case_uid, length, now)
        for professor in professors
    )


def accepted(
    professor: Professor,
    *,
    meeting: Meeting,
    case_uid: uuid.UUID,
    hours: Decimal | float,
    now: dt.datetime,
) -> None:
    """They said yes. Whether they come to teach is another line: see `covered`."""
    _add([_line(EntryKind.ACCEPTED, professor, meeting, case_uid, clock_hours(hours), now)])


def declined(
    professor: Professor,
    *,
    meeting: Meeting,
    case_uid: uuid.UUID,
    hours: Decimal | float,
    now: dt.datetime,
) -> None:
    """They said no, or took a yes back."""
    _add([_line(EntryKind.DECLINED, professor, meeting, case_uid, clock_hours(hours), now)])


def covered(
    *,
    substitute: Professor,
    absent: Professor,
    meeting: Meeting,
    case_uid: uuid.UUID,
    hours: Decimal | float,
    now: dt.datetime,
) -> None:
    """The substitute teaches the meeting for the absent professor: hours given, hours taken."""
    _add(_exchange(substitute, absent, meeting, case_uid, clock_hours(hours), now))


def uncovered(
    *,
    substitute: Professor,
    absent: Professor,
    meeting: Meeting,
    case_uid: uuid.UUID,
    hours: Decimal | float,
    now: dt.datetime,
) -> None:
    """What `covered` wrote does not hold any more: the same hours again, negative."""
    _add(_exchange(substitute, absent, meeting, case_uid, -clock_hours(hours), now))


def owe(
    *,
    meeting: Meeting,
    case_uid: uuid.UUID,
    hours: Decimal | float,
    due_on: dt.date | None,
    now: dt.datetime,
) -> None:
    """The class did not happen: its students are owed the hours, before the checkpoint `due_on`.

    A case owes once: one that is dropped again after it was reopened owes anew instead of twice.
    """
    OwedHours.objects.bulk_create(
        [
            OwedHours(
                institute_id=meeting.institute_id,
                term_id=meeting.offering.term_id,
                offering_id=meeting.offering_id,
                meeting=meeting,
                hours=clock_hours(hours),
                at=now,
                due_on=due_on,
                case_uid=case_uid,
            )
        ],
        update_conflicts=True,
        unique_fields=["case_uid"],
        update_fields=["meeting", "hours", "at", "due_on", "settled_at"],
    )


def settle_owed(case_uid: uuid.UUID, now: dt.datetime) -> bool:
    """The case found a time after all. Whether there was anything to settle."""
    return bool(OwedHours.objects.filter(case_uid=case_uid, settled_at=None).update(settled_at=now))


def _add(lines: Iterable[LedgerEntry]) -> None:
    writes.insert_all(list(lines))


def _exchange(
    substitute: Professor,
    absent: Professor,
    meeting: Meeting,
    case_uid: uuid.UUID,
    hours: Decimal,
    now: dt.datetime,
) -> list[LedgerEntry]:
    return [
        _line(EntryKind.GIVEN, substitute, meeting, case_uid, hours, now),
        _line(EntryKind.TAKEN, absent, meeting, case_uid, hours, now),
    ]


def _line(
    kind: EntryKind,
    professor: Professor,
    meeting: Meeting,
    case_uid: uuid.UUID,
    hours: Decimal,
    now: dt.datetime,
) -> LedgerEntry:
    return LedgerEntry(
        institute_id=meeting.institute_id,
        term_id=meeting.offering.term_id,
        professor=professor,
        professor_name=professor.name,
        kind=kind,
        hours=hours,
        at=now,
        case_uid=case_uid,
        meeting=meeting,
    )
