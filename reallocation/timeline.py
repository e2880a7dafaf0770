"""A case from its opening to its end, as staff read it: every visit to a rung, and all that it led to.

Of a ballot only the sums are told, when they tell on nobody: not while it is open, and never where
fewer than five may vote.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from voting.models import Ballot
from voting.queries import SMALLEST_LIVE_ROLL
from voting.rules import Turnout

from . import logbook, progress, queries, reasons
from .enums import DeliveryStatus, MessageChannel, StepNumber, StepResult
from .history import Reader, lines, reason_sentence
from .models import Case, Delivery, LogEntry, Message, Notice, Offer, SlotChoice, StepRecord
from .progress import Now, RungState

NO_PLACE = {
    "professor": gettext_lazy("the professors of the class are not free"),
    "students": gettext_lazy("too many of the students have another class"),
    "room": gettext_lazy("no fitting room is free"),
}
"""Why a time is no place for a class, by what the search of slots counts."""


@dataclass(frozen=True)
class Option:
    """Somebody, or a place in time, that was considered. Without a rank: left out, for the reasons."""

    name: str
    reasons: tuple[str, ...]
    rank: int | None = None


@dataclass(frozen=True)
class Asked:
    """One request and its answer. The comment is empty for who may not read it."""

    offer: Offer
    reasons: tuple[str, ...]
    comment: str


@dataclass(frozen=True)
class Tally:
    """A vote as far as staff may know it."""

    ballot: Ballot
    result: str
    turnout: str
    sums: str


@dataclass(frozen=True)
class Chosen:
    """A place taken up for the class."""

    place: str
    by: str
    at: dt.datetime
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Visit:
    """One stay of the case on a rung."""

    record: StepRecord
    result: str
    reason: str
    ranked: tuple[Option, ...]
    left_out: tuple[Option, ...]
    looked_at: int | None
    """How many places were looked at; None where people were."""
    asked: tuple[Asked, ...]
    tally: Tally | None
    chosen: tuple[Chosen, ...]


@dataclass(frozen=True)
class Rung:
    number: StepNumber
    state: RungState
    sentence: str
    visits: tuple[Visit, ...]
    tells_last: bool
    """Whether the sentence is about the last of the visits, and not about what comes."""


@dataclass(frozen=True)
class Told:
    """One notice: to how many, and what became of its deliveries, in words."""

    notice: Notice
    recipients: int
    deliveries: tuple[str, ...]
    trouble: bool


@dataclass(frozen=True)
class Logged:
    entry: LogEntry
    label: str
    text: str
    by: str
    why: str


@dataclass(frozen=True)
class Timeline:
    now: Now
    rungs: tuple[Rung, ...]
    told: tuple[Told, ...]
    log: tuple[Logged, ...]


def timeline_of(case: Case, *, comments: bool = False) -> Timeline:
    """All of it, in six queries whatever the length. Wants `CaseQuerySet.for_list`.

    `comments`: with the words in which somebody said no.
    """
    reader = logbook.reader_of(case.institute, comments=comments)
    story = queries.story_of(case)
    visits = _visits(case, story.records, story.offers, reader)
    return Timeline(
        now=progress.now_of(case, story.offers, reader),
        rungs=tuple(
            _rung(rung, visits[rung.number])
            for rung in progress.ladder(case, story.records, story.offers, reader)
        ),
        told=tuple(_told(case)),
        log=tuple(_logged(entry, reader) for entry in story.log),
    )


def _rung(rung: progress.Rung, visits: Sequence[Visit]) -> Rung:
    running = bool(visits) and visits[-1].record.left_at is None
    tells_last = running if rung.state == RungState.CURRENT else rung.state != RungState.AHEAD
    return Rung(rung.number, rung.state, rung.sentence, tuple(visits), tells_last)


def _visits(
    case: Case, records: Sequence[StepRecord], offers: Sequence[Offer], reader: Reader
) -> dict[int, list[Visit]]:
    asked: dict[int, list[Asked]] = defaultdict(list)
    for offer in offers:
        said = offer.comment if reader.comments else ""
        asked[offer.record_id].append(Asked(offer, _sentences(offer.reasons), said))
    ballots = {str(b.uid): b for b in Ballot.objects.filter(subject_uid=case.uid)}
    choices = list(SlotChoice.objects.filter(case=case).select_related("room", "chosen_by"))
    visits: dict[int, list[Visit]] = defaultdict(list)
    for record in records:
        considered = record.considered
        ballot = ballots.get(considered.get("ballot", ""))
        visits[record.step].append(
            Visit(
                record=record,
                result=str(StepResult(record.result).label),
                reason=reason_sentence(record.reason, names=True),
                ranked=tuple(_ranked(one, reader) for one in considered.get("ranked", ())),
                left_out=tuple(_left_out(considered.get("left_out", ()))),
                looked_at=considered.get("looked_at"),
                asked=tuple(asked[record.pk]),
                tally=_tally(ballot) if ballot else None,
                chosen=tuple(_chosen(one, reader) for one in choices if _within(one, record)),
            )
        )
    return visits


def _within(choice: SlotChoice, record: StepRecord) -> bool:
    """Whether the place was chosen during this visit."""
    until = record.left_at or dt.datetime.max.replace(tzinfo=dt.UTC)
    return choice.step == record.step and record.entered_at <= choice.chosen_at <= until


def _ranked(stored: Mapping[str, Any], reader: Reader) -> Option:
    name = stored.get("name") or _place(stored["starts_at"], stored["room"], reader)
    return Option(name, _sentences(stored["reasons"]), stored["rank"])


def _left_out(stored: Sequence[Mapping[str, Any]] | Mapping[str, int]) -> list[Option]:
    """People each with their reason; places only by how many there were for each reason."""
    if isinstance(stored, Mapping):
        return [Option(_count(n), (str(NO_PLACE[code]),)) for code, n in stored.items() if n > 0]
    return [Option(one["name"], (reasons.sentence(one["reason"]),)) for one in stored]


def _count(n: int) -> str:
    return ngettext("%(n)d time", "%(n)d times", n) % {"n": n}


def _place(starts_at: str, room: str | None, reader: Reader) -> str:
    when = reader.time(starts_at)
    return _("%(when)s, room %(room)s") % {"when": when, "room": room} if room else when


def _chosen(choice: SlotChoice, reader: Reader) -> Chosen:
    room = choice.room.code if choice.room else None
    place = _place(choice.starts_at.isoformat(), room, reader)
    by = choice.chosen_by.get_full_name() if choice.chosen_by else _("the system")
    return Chosen(place, by, choice.chosen_at, _sentences(choice.reasons))


def _sentences(stored: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(reasons.sentence(one) for one in stored)


def _tally(ballot: Ballot) -> Tally:
    small = ballot.roll_size < SMALLEST_LIVE_ROLL
    sums = "" if small or ballot.is_open else _("%(yes)s yes, %(no)s no")
    return Tally(
        ballot,
        result=str(ballot.get_result_display() or _("open")),
        turnout="" if small else Turnout(ballot.cast, ballot.roll_size).sentence(),
        sums=sums % {"yes": ballot.yes, "no": ballot.no} if sums else "",
    )


def _told(case: Case) -> list[Told]:
    notices = list(Notice.objects.filter(case=case).order_by("created_at", "pk"))
    recipients = dict(
        Message.objects.filter(notice__case=case)
        .order_by()
        .values_list("notice")
        .annotate(n=Count("pk"))
    )
    states: dict[int, list[tuple[str, str, int]]] = defaultdict(list)
    counted = (
        Delivery.objects.filter(message__notice__case=case)
        .order_by("channel", "status")
        .values_list("message__notice", "channel", "status")
        .annotate(n=Count("pk"))
    )
    for notice_id, channel, status, n in counted:
        states[notice_id].append((channel, status, n))
    return [
        Told(
            notice,
            recipients.get(notice.pk, 0),
            tuple(delivery_words(*state) for state in states[notice.pk]),
            any(is_trouble(status) for _channel, status, _n in states[notice.pk]),
        )
        for notice in notices
    ]


def delivery_words(channel: str, status: str, n: int) -> str:
    """Like "12 × E-mail: Sent"."""
    return _("%(n)s × %(channel)s: %(status)s") % {
        "n": n,
        "channel": MessageChannel(channel).label,
        "status": DeliveryStatus(status).label,
    }


def is_trouble(status: str) -> bool:
    return status in (DeliveryStatus.BOUNCED, DeliveryStatus.FAILED)


def _logged(entry: LogEntry, reader: Reader) -> Logged:
    told = lines([entry], reader)
    line = told[0] if told else None
    who = entry.actor_name or str(entry.get_actor_kind_display())
    return Logged(
        entry,
        label=logbook.label(entry.kind),
        text=line.text if line else "",
        by=who,
        why=entry.reason,
    )
