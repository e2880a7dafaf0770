"""The append-only, hash-chained log.

Whatever is worth logging happens inside `writing(institute)`: an atomic block whose entries are chained
and inserted last, just before it commits. Taking the chain's end as the very last lock keeps two writers
from waiting for each other in a circle.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from timetable import writes
from timetable.models import Institute, User
from timetable.prepared import PreparedRows

from .enums import ActorKind
from .models import AuditHead, Case, LogEntry
from .signals import entries_appended


@dataclass(frozen=True)
class Who:
    """In whose name something happened."""

    kind: ActorKind
    id: str = ""
    name: str = ""

    @classmethod
    def of(cls, user: User | None, kind: ActorKind) -> Who:
        if user is None:
            return cls(kind)
        return cls(kind, str(user.pk), user.get_full_name())


SYSTEM = Who(ActorKind.SYSTEM)


class NothingIsWritten(RuntimeError):
    """An entry was recorded outside of `writing`, where it could commit apart from its fact."""


_pending: ContextVar[dict[int, list[LogEntry]] | None] = ContextVar("audit_pending", default=None)
_aside: ContextVar[dict[Any, Any] | None] = ContextVar("audit_aside", default=None)


@contextmanager
def writing(institute: Institute) -> Iterator[None]:
    """One transaction whose log entries are appended at its end. A nested block joins the outer one."""
    outer = _pending.get()
    if outer is not None:
        outer.setdefault(institute.pk, [])
        with transaction.atomic():
            before = {pk: len(entries) for pk, entries in outer.items()}
            try:
                yield
            except BaseException:
                for pk, entries in outer.items():
                    del entries[before.get(pk, 0) :]
                raise
        return
    with transaction.atomic():
        pending: dict[int, list[LogEntry]] = {institute.pk: []}
        aside: dict[Any, Any] = {}
        token, aside_token = _pending.set(pending), _aside.set(aside)
        try:
            yield
        finally:
            _pending.reset(token)
            _aside.reset(aside_token)
        for institute_id in sorted(pending):
            _append(institute_id, pending[institute_id])
            _tell(institute_id, pending[institute_id], aside)


def aside() -> dict[Any, Any] | None:
    """Where others note what they need at the end of the outermost `writing` block; None outside.

    Notes are not taken back with a nested block: check them against the rows at the end.
    """
    return _aside.get()


def record(
    kind: str,
    *,
    institute: Institute,
    at: dt.datetime,
    case: Case | None = None,
    who: Who = SYSTEM,
    reason: str = "",
    data: dict[str, Any] | None = None,
) -> None:
    """Note one fact. It is chained and stored when the surrounding `writing` block ends."""
    pending = _pending.get()
    if pending is None:
        raise NothingIsWritten(kind)
    pending.setdefault(institute.pk, []).append(
        LogEntry(
            institute=institute,
            at=at,
            actor_kind=who.kind,
            actor_id=who.id,
            actor_name=who.name,
            kind=kind,
            case=case,
            reason=reason,
            data=data or {},
        )
    )


_HEAD = PreparedRows[AuditHead](
    lambda institute: AuditHead.objects.select_for_update().filter(institute=institute).order_by(),
    institute=BigIntegerField(),
)


def _append(institute_id: int, entries: list[LogEntry]) -> None:
    if not entries:
        return
    head = _HEAD.first(institute=institute_id)
    if head is None:
        AuditHead.objects.bulk_create([AuditHead(institute_id=institute_id)], ignore_conflicts=True)
        head = _HEAD.one(institute=institute_id)
    for entry in entries:
        entry.number = head.number + 1
        entry.previous_hash = head.hash
        entry.hash = digest(entry)
        head.number, head.hash = entry.number, entry.hash
    writes.insert_all(entries)
    writes.update(head, "number", "hash")


def _tell(institute_id: int, entries: list[LogEntry], aside: dict[Any, Any]) -> None:
    if entries:
        entries_appended.send(
            sender=LogEntry, institute_id=institute_id, entries=entries, aside=aside
        )


def digest(entry: LogEntry) -> str:
    """SHA-256 over the entry's content and the hash before it, in canonical JSON."""
    content = [
        entry.previous_hash,
        entry.institute_id,
        entry.number,
        entry.at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        entry.actor_kind,
        entry.actor_id,
        entry.actor_name,
        entry.kind,
        entry.case_id,
        entry.reason,
        entry.data,
    ]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Verdict:
    """What `verify` found: how many entries hold, and the first that does not."""

    entries: int
    ok: bool
    broken: int | None = None
    why: str = ""
    """`missing`, `changed` or `added`."""

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"entries": self.entries, "ok": self.ok}
        if not self.ok:
            found |= {"broken": self.broken, "why": self.why}
        return found

    def sentence(self) -> str:
        if self.ok:
            return _("The chain of %(n)d entries is whole.") % {"n": self.entries}
        return str(BROKEN[self.why]) % {"n": self.broken}


BROKEN = {
    "missing": gettext_lazy("The chain is broken: entry %(n)d is missing."),
    "changed": gettext_lazy("The chain is broken: entry %(n)d was changed."),
    "added": gettext_lazy("The chain is broken: entry %(n)d was added from outside."),
}


def verify(institute: Institute) -> Verdict:
    """Prove the institute's chain, or name the first broken entry.

    Safe while others append: what they add lies beyond the end that was read first, and within the
    one that is read last. Whoever can rewrite the whole chain, its end included, is not found here;
    an export kept elsewhere finds them.
    """
    known = _end(institute)
    previous, count = "", 0
    entries = LogEntry.objects.filter(institute=institute).order_by("number")
    for expected, entry in enumerate(entries.iterator(chunk_size=2000), start=1):
        if entry.number != expected:
            return Verdict(count, False, expected, "missing")
        if entry.previous_hash != previous or entry.hash != digest(entry):
            return Verdict(count, False, entry.number, "changed")
        if entry.number == known.number and entry.hash != known.hash:
            return Verdict(count, False, entry.number, "changed")
        previous, count = entry.hash, count + 1
    if count < known.number:
        return Verdict(count, False, count + 1, "missing")
    now = _end(institute)
    if count > now.number:
        return Verdict(now.number, False, now.number + 1, "added")
    return Verdict(count, True)


def _end(institute: Institute) -> AuditHead:
    return AuditHead.objects.filter(institute=institute).first() or AuditHead(institute=institute)
