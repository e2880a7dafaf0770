"""The log as staff read it: what each kind of entry is called, what it says, and how it is taken out.

An exported entry holds everything that its hash covers (see `audit.digest`), so that the chain can be
proved by whoever has the file. JSON Lines is the exact copy; CSV is for spreadsheets.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from timetable.models import Institute

from . import history
from .history import Reader
from .models import LogEntry, Policy

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

KINDS: dict[str, StrPromise] = {
    "absence.filed": gettext_lazy("Absence filed"),
    "absence.changed": gettext_lazy("Absence changed"),
    "absence.withdrawn": gettext_lazy("Absence withdrawn"),
    "absence.left_out": gettext_lazy("Class left out of an absence"),
    "case.opened": gettext_lazy("Case opened"),
    "case.reopened": gettext_lazy("Case opened again"),
    "case.sent_to": gettext_lazy("Case sent to a step"),
    "case.substituted": gettext_lazy("Substituted"),
    "case.rescheduled": gettext_lazy("Rescheduled"),
    "case.weekend": gettext_lazy("Moved to the weekend"),
    "case.dropped": gettext_lazy("Dropped"),
    "case.withdrawn": gettext_lazy("Case withdrawn"),
    "step.resolved": gettext_lazy("Step settled the case"),
    "step.skipped": gettext_lazy("Step skipped"),
    "step.gave_up": gettext_lazy("Step without success"),
    "step.stopped": gettext_lazy("Step stopped"),
    "offer.sent": gettext_lazy("Offer sent"),
    "offer.accepted": gettext_lazy("Offer accepted"),
    "offer.declined": gettext_lazy("Offer declined"),
    "offer.expired": gettext_lazy("Offer expired"),
    "offer.taken": gettext_lazy("Offer taken by someone else"),
    "offer.withdrawn": gettext_lazy("Offer withdrawn"),
    "offer.taken_back": gettext_lazy("Acceptance taken back"),
    "choice.candidate": gettext_lazy("Candidate chosen"),
    "choice.slot": gettext_lazy("New time chosen"),
    "ballot.opened": gettext_lazy("Vote opened"),
    "ballot.closed": gettext_lazy("Vote closed"),
    "meeting.postponed": gettext_lazy("Class postponed"),
    "message": gettext_lazy("Message written"),
    "policy.changed": gettext_lazy("Policy changed"),
    "webhook.made": gettext_lazy("Webhook made"),
    "webhook.off": gettext_lazy("Webhook switched off"),
    "webhook.on": gettext_lazy("Webhook switched on"),
    "webhook.rotated": gettext_lazy("Secret of a webhook renewed"),
    "webhook.removed": gettext_lazy("Webhook removed"),
}
"""Every kind of entry, in the words of lists and filters."""

SUBJECTS: dict[str, StrPromise] = {
    "absence": gettext_lazy("Absences"),
    "case": gettext_lazy("Cases"),
    "step": gettext_lazy("Steps"),
    "offer": gettext_lazy("Offers"),
    "choice": gettext_lazy("Choices"),
    "ballot": gettext_lazy("Votes"),
    "meeting": gettext_lazy("Classes"),
    "message": gettext_lazy("Messages"),
    "policy": gettext_lazy("Policy"),
    "webhook": gettext_lazy("Webhooks"),
}
"""What entries are about: the first word of their kind."""

COLUMNS = (
    *("institute", "number", "at", "actor_kind", "actor_id", "actor_name", "kind", "case"),
    *("class", "reason", "data", "institute_id", "case_id", "previous_hash", "hash"),
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def label(kind: str) -> str:
    return str(KINDS.get(kind, kind))


def sentence(entry: LogEntry) -> str:
    """What the entry says, to somebody who may know all names. Empty where its kind says it all."""
    if entry.kind.startswith("absence."):
        return _absence(entry)
    if entry.kind == "policy.changed":
        return "; ".join(_policy_changes(entry.data))
    if entry.kind.startswith("webhook."):
        return f"{entry.data['name']}: {entry.data['url']}"
    told = history.lines([entry], reader_of(entry.institute))
    return told[0].text if told else ""


def reader_of(institute: Institute, *, comments: bool = False) -> Reader:
    """Staff: they know who was asked and what; `comments` are the words in which somebody said no."""
    return Reader(institute, names=True, question=True, comments=comments)


def _absence(entry: LogEntry) -> str:
    data, reader = entry.data, reader_of(entry.institute)
    return _("%(name)s is away from %(from)s to %(until)s.") % {
        "name": data["name"],
        "from": reader.time(data["starts_at"]),
        "until": reader.time(data["ends_at"]),
    }


def _policy_changes(data: dict[str, Any]) -> Iterator[str]:
    for name, (old, new) in data["changes"].items():
        label = Policy._meta.get_field(name).verbose_name  # type: ignore[union-attr]
        yield _("%(rule)s: %(old)s → %(new)s") % {"rule": label, "old": old, "new": new}


def export_rows(entries: Iterable[LogEntry]) -> Iterator[dict[str, Any]]:
    """One flat record per entry, its time in UTC. Wants `LogEntryQuerySet.for_list`."""
    for entry in entries:
        case = entry.case
        yield {
            "institute": entry.institute.slug,
            "number": entry.number,
            "at": entry.at.isoformat(timespec="microseconds"),
            "actor_kind": entry.actor_kind,
            "actor_id": entry.actor_id,
            "actor_name": entry.actor_name,
            "kind": entry.kind,
            "case": str(case.uid) if case else None,
            "class": case.meeting.offering.code if case else None,
            "reason": entry.reason,
            "data": entry.data,
            "institute_id": entry.institute_id,
            "case_id": entry.case_id,
            "previous_hash": entry.previous_hash,
            "hash": entry.hash,
        }


def as_json_lines(entries: Iterable[LogEntry]) -> Iterator[str]:
    """One JSON object a line, exactly as it is stored."""
    for row in export_rows(entries):
        yield json.dumps(row, ensure_ascii=False) + "\n"


class _Echo:
    """A file for the csv module that hands each line straight on."""

    def write(self, line: str) -> str:
        return line


def as_csv(entries: Iterable[LogEntry]) -> Iterator[str]:
    """A line per entry under a line of headings, readable by spreadsheets.

    A text that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    writer = csv.DictWriter(_Echo(), COLUMNS)
    # The mark tells spreadsheets that it is UTF-8.
    yield "\ufeff" + str(writer.writeheader())
    for row in export_rows(entries):
        row["data"] = json.dumps(row["data"], ensure_ascii=False, sort_keys=True)
        yield str(writer.writerow({name: _inert(value) for name, value in row.items()}))


def _inert(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value
