"""Where a case stands: what is happening now, and the five rungs with what became of each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from timetable.enums import MeetingStatus

from .enums import CaseStatus, OfferStatus, StepNumber, StepResult, WaitingFor
from .history import Reader, reason_sentence
from .models import Case, Offer, StepRecord
from .notifications.wording import day_and_time
from .offers import hours_of


class RungState(StrEnum):
    """What became of a rung: how it is drawn."""

    AHEAD = "ahead"
    CURRENT = "current"
    SETTLED = "settled"
    TRIED = "tried"
    SKIPPED = "skipped"
    SPARED = "spared"


STATES = {
    StepResult.RUNNING: RungState.CURRENT,
    StepResult.RESOLVED: RungState.SETTLED,
    StepResult.GAVE_UP: RungState.TRIED,
    StepResult.SKIPPED: RungState.SKIPPED,
    StepResult.STOPPED: RungState.TRIED,
}

PLANS = {
    StepNumber.DIRECT: gettext_lazy("The substitute whom the professor names is asked."),
    StepNumber.SECTION: gettext_lazy(
        "The other professors of the section are asked; the first to say yes takes the class."
    ),
    StepNumber.SUBJECT: gettext_lazy(
        "A professor of the same subject is chosen and asked, and the class votes."
    ),
    StepNumber.RESCHEDULE: gettext_lazy(
        "The class is moved to a free time before the next checkpoint."
    ),
    StepNumber.WEEKEND: gettext_lazy(
        "The class votes on a weekend time; without a yes it is dropped."
    ),
}
"""What a rung does, for whoever has not got there."""


THEN = {
    WaitingFor.SUBSTITUTE: gettext_lazy(
        "Without a yes, the other professors of the section are asked."
    ),
    WaitingFor.COLLEAGUES: gettext_lazy(
        "Without a yes, a professor of the same subject is looked for."
    ),
    WaitingFor.CANDIDATE_CHOICE: gettext_lazy("Without a choice, the first on the list is asked."),
    WaitingFor.CANDIDATE: gettext_lazy(
        "After a yes, the class votes. After a no, the next on the list is asked."
    ),
    WaitingFor.CLASS_VOTE: gettext_lazy("If it says no, a new time is looked for."),
    WaitingFor.SLOT_CHOICE: gettext_lazy("Without a choice, the best free time is taken."),
    WaitingFor.WEEKEND_VOTE: gettext_lazy("If it says no, the class is dropped."),
}
"""What follows if nobody answers, or nobody says yes."""


@dataclass(frozen=True)
class Asked:
    """One professor who was asked on a rung, and what they answered."""

    name: str
    status: str
    label: str
    comment: str


@dataclass(frozen=True)
class Rung:
    number: StepNumber
    state: RungState
    sentence: str
    earlier: tuple[str, ...]
    """What came of earlier visits: a case may be sent back."""
    asked: tuple[Asked, ...]
    takes: str = ""
    """How long it may take at most, or still take."""

    @property
    def label(self) -> str:
        return str(self.number.label)


@dataclass(frozen=True)
class Now:
    """The state of a case in words: what is happening, until when, and what follows."""

    headline: str
    until: dt.datetime | None = None
    then: str = ""


def now_of(case: Case, offers: Sequence[Offer], reader: Reader) -> Now:
    if case.is_open:
        return _running(case, offers, reader)
    return Now(_outcome(case, offers, reader))


def _running(case: Case, offers: Sequence[Offer], reader: Reader) -> Now:
    if not case.waiting_for:
        return Now(
            _("This is being looked at."),
            then=_("Within a minute you can read here what happens next."),
        )
    waiting_for = WaitingFor(case.waiting_for)
    then = _next_wave(case) if waiting_for == WaitingFor.COLLEAGUES else ""
    return Now(_headline(case, offers, reader), case.deadline, then or str(THEN[waiting_for]))


def _headline(case: Case, offers: Sequence[Offer], reader: Reader) -> str:
    absent = case.professor.name
    sent = [offer.professor.name for offer in offers if offer.status == OfferStatus.SENT]
    accepted = [offer.professor.name for offer in offers if offer.status == OfferStatus.ACCEPTED]
    match case.waiting_for:
        case WaitingFor.SUBSTITUTE | WaitingFor.CANDIDATE if reader.names and sent:
            return _("%(name)s is asked to take the class.") % {"name": sent[-1]}
        case WaitingFor.SUBSTITUTE:
            return _("The substitute named by %(name)s is asked.") % {"name": absent}
        case WaitingFor.COLLEAGUES:
            return ngettext(
                "One professor of the section is asked.",
                "%(n)d professors of the section are asked; the first to say yes takes the class.",
                len(sent),
            ) % {"n": len(sent)}
        case WaitingFor.CANDIDATE_CHOICE | WaitingFor.SLOT_CHOICE:
            return _choice(WaitingFor(case.waiting_for), absent, reader)
        case WaitingFor.CANDIDATE:
            return _("A professor of the same subject is asked.")
        case WaitingFor.CLASS_VOTE if reader.question and accepted:
            said = _("The class votes on whether %(name)s shall teach it.")
            return said % {"name": accepted[-1]}
        case WaitingFor.CLASS_VOTE:
            return _("The class votes on a substitute.")
        case _:
            return _("The class votes on a weekend time.")


def _choice(waiting_for: WaitingFor, absent: str, reader: Reader) -> str:
    if waiting_for == WaitingFor.SLOT_CHOICE:
        own, said = _("You pick a new time."), _("%(name)s picks a new time.")
    else:
        own = _("You choose which colleague is asked.")
        said = _("%(name)s chooses which colleague is asked.")
    return own if reader.is_absent else said % {"name": absent}


def _next_wave(case: Case) -> str:
    """When more professors of the section are asked, if the running visit has more of them."""
    if case.due_at is None or case.deadline is None or case.due_at >= case.deadline:
        return ""
    return _("The next are asked on %(when)s.") % {
        "when": day_and_time(case.institute, case.due_at)
    }


def _outcome(case: Case, offers: Sequence[Offer], reader: Reader) -> str:
    meeting = case.meeting
    accepted = [offer for offer in offers if offer.status == OfferStatus.ACCEPTED]
    match case.status:
        case CaseStatus.SUBSTITUTED:
            teacher = accepted[-1].professor if accepted else meeting.professor
            return _("%(name)s takes the class, at its planned time.") % {"name": teacher.name}
        case CaseStatus.RESCHEDULED | CaseStatus.WEEKEND:
            return _("The class was moved to %(when)s.") % {
                "when": day_and_time(case.institute, meeting.starts_at)
            }
        case CaseStatus.DROPPED:
            return _("The class does not take place. %(hours)s h are owed to its students.") % {
                "hours": number_format(f"{hours_of(case):g}")
            }
        case _:
            if meeting.status == MeetingStatus.SCHEDULED and meeting.professor == case.professor:
                if reader.is_absent:
                    return _("You teach the class after all.")
                return _("%(name)s teaches the class after all.") % {"name": case.professor.name}
            return _("Nothing has to be done for this class any more.")


def who_is_there(case: Case, *, is_taken_up: bool) -> str:
    """Whether its professor is away, for the head of its page. `is_taken_up`: by a later case."""
    name, meeting = case.professor.name, case.meeting
    if case.status != CaseStatus.WITHDRAWN:
        return _("%(name)s is absent") % {"name": name}
    returned = (
        meeting.status == MeetingStatus.SCHEDULED and meeting.professor_id == case.professor_id
    )
    if is_taken_up or not returned:
        return _("%(name)s was to be absent") % {"name": name}
    return _("%(name)s teaches it after all") % {"name": name}


def if_withdrawn(case: Case, now: dt.datetime) -> str:
    """What would become of the case if its absence no longer concerned it."""
    begun = case.before_starts_at <= now
    if case.is_open and case.meeting.status == MeetingStatus.POSTPONED:
        if begun:
            return _("Its time is over, so a new one is still looked for.")
        return _(
            "It goes back to its old time if that is still free; else it still gets a new one."
        )
    if case.is_open:
        return _("Nobody is asked any more; %(name)s teaches it as planned.") % {
            "name": case.professor.name
        }
    if case.status == CaseStatus.SUBSTITUTED and not begun:
        return _("%(name)s teaches it as planned, if free then; %(substitute)s is released.") % {
            "name": case.professor.name,
            "substitute": case.meeting.professor.name,
        }
    return _("It stays as it is.")


def if_taught(case: Case, now: dt.datetime, *, absence_ends: bool) -> list[str]:
    """What would become of the case and of its absence if this one class were left out of it."""
    if absence_ends:
        absence = _("The absence is about this class alone, so it is withdrawn.")
    else:
        absence = _(
            "The absence stays on file. This class is left out of it, also if it is changed later, until "
            "it is taken in again under “Change”."
        )
    return [if_withdrawn(case, now), _("Everybody concerned is told."), absence]


def ladder(
    case: Case,
    records: Sequence[StepRecord],
    offers: Sequence[Offer],
    reader: Reader,
    takes: Mapping[StepNumber, str] | None = None,
) -> list[Rung]:
    """The five rungs. Who was asked stands there for those who may know it.

    `takes`: how long the running and the coming ones may take, in words (see `windows`).
    """
    return [_rung(number, case, records, offers, reader, takes or {}) for number in StepNumber]


def _rung(
    number: StepNumber,
    case: Case,
    records: Sequence[StepRecord],
    offers: Sequence[Offer],
    reader: Reader,
    takes: Mapping[StepNumber, str],
) -> Rung:
    visits = [record for record in records if record.step == number]
    last = visits[-1] if visits else None
    here = case.is_open and case.step == number
    if here and (last is None or last.left_at is not None):
        last, state = None, RungState.CURRENT
    elif last is not None and not (case.is_open and case.step < number):
        state = STATES[StepResult(last.result)]
    else:
        last, state = None, _unvisited(number, case)
    earlier = [record for record in visits if record is not last]
    asked = [o for o in offers if last is not None and o.record_id == last.pk]
    return Rung(
        number,
        state,
        _sentence(number, state, case, last, offers, reader),
        tuple(_ended(record, reader) for record in earlier),
        tuple(_asked(offer, reader) for offer in asked) if reader.names else (),
        takes.get(number, ""),
    )


def _unvisited(number: StepNumber, case: Case) -> RungState:
    if case.is_open:
        return RungState.AHEAD if number > case.step else RungState.SKIPPED
    return RungState.SPARED if number > case.step else RungState.SKIPPED


def _sentence(
    number: StepNumber,
    state: RungState,
    case: Case,
    record: StepRecord | None,
    offers: Sequence[Offer],
    reader: Reader,
) -> str:
    if state == RungState.CURRENT:
        return _waits(case)
    if state == RungState.AHEAD:
        return str(PLANS[number])
    if state == RungState.SPARED:
        return ""
    if state == RungState.SETTLED:
        return _outcome(case, offers, reader)
    return _ended(record, reader) if record else _("Passed over.")


def _waits(case: Case) -> str:
    if not case.waiting_for or case.deadline is None:
        return _("This is being looked at.")
    return _("Waits for %(whom)s until %(until)s.") % {
        "whom": case.get_waiting_for_display(),
        "until": day_and_time(case.institute, case.deadline),
    }


def _ended(record: StepRecord, reader: Reader) -> str:
    if record.result == StepResult.RESOLVED:
        return _("Settled, then opened again.")
    why = reason_sentence(record.reason, names=reader.names)
    return f"{capfirst(why)}."


def _asked(offer: Offer, reader: Reader) -> Asked:
    waits = offer.status == OfferStatus.SENT
    return Asked(
        offer.professor.name,
        offer.status,
        _("no answer yet") if waits else str(offer.get_status_display()),
        offer.comment if reader.comments else "",
    )
