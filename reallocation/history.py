"""What has happened to a case, said in sentences from its log.

Who was asked and who said no is told by name only to those who may know it: the absent professor and
staff. Everybody else reads the same story without these names.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.utils.formats import number_format
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from timetable.models import Institute
from voting.enums import BallotKind, BallotResult
from voting.queries import SMALLEST_LIVE_ROLL

from . import reasons
from .enums import ActorKind, StepNumber
from .models import LogEntry
from .notifications.wording import day_and_time

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


NAMELESS_REASONS = {
    "declined": gettext_lazy("nobody who was asked could take it"),
    "all_declined": gettext_lazy("nobody who was asked could take it"),
    "no_answer": gettext_lazy("nobody who was asked could take it"),
    "nobody_left": gettext_lazy("nobody who was asked could take it"),
    "taken_back": gettext_lazy("the substitute could no longer come"),
    "named_later": gettext_lazy("a substitute was named"),
    "sent_elsewhere": gettext_lazy("the registrar decided so"),
}
"""What is said instead of reasons that name somebody, quote the registrar, or tell that all said no:
whoever knows a section knows all who teach it."""


@dataclass(frozen=True)
class Line:
    """One sentence of a history."""

    at: dt.datetime
    text: str
    icon: str
    by: str = ""
    """Who did it, where the sentence does not say so already."""
    why: str = ""


@dataclass(frozen=True)
class Reader:
    """What the reader of a history may know."""

    institute: Institute
    names: bool
    """Who was asked and who said no."""
    question: bool
    """What the class was asked."""
    comments: bool = False
    """With which words somebody said no."""
    is_absent: bool = False
    """They are the absent professor: then they are addressed, not spoken of."""

    def time(self, stored: str) -> str:
        return day_and_time(self.institute, dt.datetime.fromisoformat(stored))


Teller = Callable[[Sequence[LogEntry], Reader], str]


def lines(entries: Iterable[LogEntry], reader: Reader) -> list[Line]:
    """The entries as sentences, oldest first; what the reader may not know, or would only tire
    them, is left out. What is the same for several people at the same moment is said once."""
    known = (entry for entry in entries if entry.kind in TOLD)
    return [
        line
        for _kind_and_moment, group in groupby(known, key=lambda entry: (entry.kind, entry.at))
        for alike in _alike(list(group), reader)
        if (line := _line(alike, reader)).text
    ]


def _line(entries: Sequence[LogEntry], reader: Reader) -> Line:
    first = entries[0]
    icon, tell = TOLD[first.kind]
    return Line(first.at, tell(entries, reader), icon, _by(first, reader), _why(first, reader))


def _alike(entries: list[LogEntry], reader: Reader) -> list[list[LogEntry]]:
    """Entries of one kind and moment, those together that are told as one."""
    if entries[0].kind == "message":
        # By the kind of message: each language in which it was written has a subject of its own.
        by_kind: dict[tuple[int | None, str], list[LogEntry]] = {}
        for entry in entries:
            kind = entry.data["notice"].partition("/")[0]
            by_kind.setdefault((entry.case_id, kind), []).append(entry)
        return list(by_kind.values())
    if entries[0].kind == "offer.sent" and not reader.names:
        return [entries]
    return [[entry] for entry in entries]


def _by(entry: LogEntry, reader: Reader) -> str:
    if entry.actor_kind == ActorKind.SYSTEM or entry.actor_name == entry.data.get("name"):
        return ""
    if not reader.names:
        return _("the registrar") if entry.actor_kind == ActorKind.REGISTRAR else ""
    return entry.actor_name


def _why(entry: LogEntry, reader: Reader) -> str:
    quoted = entry.data.get("reason", {}).get("code") == "sent_elsewhere"
    return entry.reason if reader.names and not quoted else ""


def reason_sentence(stored: dict[str, Any], *, names: bool) -> str:
    """The sentence of a stored reason, as far as the reader may know it."""
    if not stored:
        return ""
    code, data = stored["code"], stored.get("data", {})
    if code == "class_said_no" and data.get("roll", 0) < SMALLEST_LIVE_ROLL:
        return _("the class voted no")
    if not names and code in NAMELESS_REASONS:
        return str(NAMELESS_REASONS[code])
    return reasons.sentence(stored)


# --- one function for each kind of entry ---------------------------------------------------------


def _opened(entries: Sequence[LogEntry], reader: Reader) -> str:
    return _("%(name)s is absent: this case was opened.") % {"name": entries[0].data["name"]}


def _step(entry: LogEntry, reader: Reader) -> dict[str, str]:
    step = StepNumber(entry.data["step"])
    why = reason_sentence(entry.data["reason"], names=reader.names)
    return {"number": str(step.value), "step": str(step.label), "why": why}


def _skipped(entries: Sequence[LogEntry], reader: Reader) -> str:
    return _("Step %(number)s (%(step)s) was skipped: %(why)s.") % _step(entries[0], reader)


def _gave_up(entries: Sequence[LogEntry], reader: Reader) -> str:
    return _("Step %(number)s (%(step)s) led nowhere: %(why)s.") % _step(entries[0], reader)


def _stopped(entries: Sequence[LogEntry], reader: Reader) -> str:
    return _("Step %(number)s (%(step)s) was stopped: %(why)s.") % _step(entries[0], reader)


def _offer_sent(entries: Sequence[LogEntry], reader: Reader) -> str:
    until = reader.time(entries[0].data["until"])
    if reader.names:
        return _("%(name)s was asked to take the class, to answer by %(until)s.") % {
            "name": entries[0].data["name"],
            "until": until,
        }
    return ngettext(
        "One colleague was asked to take the class, to answer by %(until)s.",
        "%(n)d colleagues were asked to take the class, to answer by %(until)s.",
        len(entries),
    ) % {"n": len(entries), "until": until}


def _offer_accepted(entries: Sequence[LogEntry], reader: Reader) -> str:
    if not (reader.names or reader.question):
        return _("A colleague said yes.")
    return _("%(name)s said yes.") % {"name": entries[0].data["name"]}


def _of_people(named: StrPromise, nameless: StrPromise | str = "") -> Teller:
    """Said with the name to those who may know it, else without, or not at all."""

    def tell(entries: Sequence[LogEntry], reader: Reader) -> str:
        return str(named) % {"name": entries[0].data["name"]} if reader.names else str(nameless)

    return tell


def _choice_of_candidate(entries: Sequence[LogEntry], reader: Reader) -> str:
    if reader.names:
        return _("%(name)s was chosen to be asked next.") % {"name": entries[0].data["name"]}
    return _("It was chosen who is asked next.")


def _choice_of_slot(entries: Sequence[LogEntry], reader: Reader) -> str:
    return _("%(when)s was chosen as the new time.") % {
        "when": _place(entries[0].data["starts_at"], entries[0].data["room"], reader)
    }


def _place(stored: str, room: str | None, reader: Reader) -> str:
    when = reader.time(stored)
    return _("%(when)s, room %(room)s") % {"when": when, "room": room} if room else when


def _ballot_opened(entries: Sequence[LogEntry], reader: Reader) -> str:
    data = entries[0].data
    until = reader.time(data["until"])
    if not reader.question:
        return _("The students were asked to vote until %(until)s.") % {"until": until}
    return _("The students were asked until %(until)s: “%(question)s”") % {
        "question": _question(data),
        "until": until,
    }


def _question(data: dict[str, Any]) -> str:
    """In the reader's language; as it was written down, where nothing else was."""
    if "facts" not in data:
        return str(data["question"])
    return BallotKind(data["kind"]).question(data["facts"])


def _ballot_closed(entries: Sequence[LogEntry], reader: Reader) -> str:
    data = entries[0].data
    if data["result"] == BallotResult.CANCELLED:
        return _("The vote was called off.")
    said = _("yes") if data["result"] == BallotResult.APPROVED else _("no")
    if data["roll"] < SMALLEST_LIVE_ROLL:
        return _("The class voted %(result)s.") % {"result": said}
    return _("The class voted %(result)s: %(yes)d yes, %(no)d no, %(roll)d on the roll.") % {
        **data,
        "result": said,
    }


def _postponed(entries: Sequence[LogEntry], reader: Reader) -> str:
    return _("The planned time is off: the class is postponed.")


def _substituted(entries: Sequence[LogEntry], reader: Reader) -> str:
    return _("%(name)s teaches the class.") % {"name": entries[0].data["name"]}


def _moved(entries: Sequence[LogEntry], reader: Reader) -> str:
    data = entries[0].data
    return _("The class was moved to %(when)s.") % {
        "when": _place(data["to"], data["room"], reader)
    }


def _dropped(entries: Sequence[LogEntry], reader: Reader) -> str:
    data = entries[0].data
    why = reason_sentence(data["reason"], names=reader.names)
    return _("The class was dropped: %(why)s. %(hours)s h are owed to its students.") % {
        "why": why,
        "hours": number_format(f"{data['hours']:g}"),
    }


def _left_out(entries: Sequence[LogEntry], reader: Reader) -> str:
    return _("%(name)s can teach this class after all.") % {"name": entries[0].data["name"]}


def _withdrawn(entries: Sequence[LogEntry], reader: Reader) -> str:
    released = entries[0].data.get("name")
    if released:
        return _("The absence no longer concerns this class; %(name)s was released.") % {
            "name": released
        }
    return _("The absence no longer concerns this class: the case was closed.")


def _sent_to(entries: Sequence[LogEntry], reader: Reader) -> str:
    said = _step(entries[0], reader)
    return _("The case goes on at step %(number)s (%(step)s): %(why)s.") % said


def _reopened(entries: Sequence[LogEntry], reader: Reader) -> str:
    said = _step(entries[0], reader)
    return _("The case was opened again at step %(number)s (%(step)s): %(why)s.") % said


def _message(entries: Sequence[LogEntry], reader: Reader) -> str:
    if not reader.names:
        return ""
    people = sum(entry.data["recipients"] for entry in entries)
    subjects = {entry.data.get("language"): entry.data["subject"] for entry in entries}
    subject = subjects.get(get_language(), entries[0].data["subject"])
    return ngettext(
        "Told %(n)d person: “%(subject)s”", "Told %(n)d people: “%(subject)s”", people
    ) % {"n": people, "subject": subject}


TOLD: dict[str, tuple[str, Teller]] = {
    "case.opened": ("folder-open", _opened),
    "absence.left_out": ("undo-2", _left_out),
    "step.skipped": ("skip-forward", _skipped),
    "step.gave_up": ("corner-right-down", _gave_up),
    "step.stopped": ("octagon-x", _stopped),
    "offer.sent": ("send", _offer_sent),
    "offer.accepted": ("check", _offer_accepted),
    "offer.declined": ("x", _of_people(gettext_lazy("%(name)s said no."))),
    "offer.taken_back": (
        "undo-2",
        _of_people(
            gettext_lazy("%(name)s can no longer come."),
            gettext_lazy("The substitute can no longer come."),
        ),
    ),
    "offer.taken": (
        "user-round-check",
        _of_people(gettext_lazy("%(name)s was told that somebody else was first.")),
    ),
    "offer.expired": ("timer-off", _of_people(gettext_lazy("%(name)s did not answer in time."))),
    "offer.withdrawn": (
        "mail-x",
        _of_people(gettext_lazy("The request to %(name)s was withdrawn.")),
    ),
    "choice.candidate": ("mouse-pointer-click", _choice_of_candidate),
    "choice.slot": ("mouse-pointer-click", _choice_of_slot),
    "ballot.opened": ("vote", _ballot_opened),
    "ballot.closed": ("vote", _ballot_closed),
    "meeting.postponed": ("clock-alert", _postponed),
    "case.substituted": ("circle-check", _substituted),
    "case.rescheduled": ("circle-check", _moved),
    "case.weekend": ("circle-check", _moved),
    "case.dropped": ("circle-x", _dropped),
    "case.withdrawn": ("circle-slash", _withdrawn),
    "case.sent_to": ("arrow-right", _sent_to),
    "case.reopened": ("rotate-ccw", _reopened),
    "message": ("mail", _message),
}
"""By kind of log entry: its icon and its sentence. Kinds that others say better are left out."""
