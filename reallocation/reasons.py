"""Why something is so, stored as a code with data and said as a sentence in the reader's language."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from timetable import moments
from timetable.percentages import percentage

SENTENCES = {
    # why a step was skipped or gave up
    "nobody_named": _("no substitute was named"),
    "no_time": _("there was not enough time left before the class"),
    "already_begun": _("the class had already begun when the absence was filed"),
    "declined": _("{name} said no"),
    "no_answer": _("nobody answered in time"),
    "no_section": _("the class has no section"),
    "nobody_free": _("nobody who could be asked was free"),
    "all_declined": _("everyone who was asked said no"),
    "nobody_left": _("nobody was left to ask"),
    "class_said_no": _("the class voted no ({yes} yes, {no} no, {roll} on the roll)"),
    "small_class_said_no": _("the class voted no"),
    "vote_cancelled": _("the vote was cancelled"),
    "no_slot": _("no free slot was found before the checkpoint"),
    "no_checkpoint": _("no checkpoint lies ahead in this term"),
    "no_weekend_days": _("the institute has no weekend days for classes"),
    "no_roll": _("the class has no students who could vote"),
    "slot_lost": _("the chosen place was taken in the meantime"),
    "sent_elsewhere": _("the registrar decided: {why}"),
    "withdrawn": _("the absence no longer concerns this class"),
    "taken_back": _("{name} could no longer come"),
    "resolved": _("settled"),
    # how it was settled
    "substituted": _("{name} teaches the class"),
    "moved": _("moved to {when}"),
    "dropped": _("the class is dropped and {hours} h are owed"),
    # why a professor cannot be asked
    "is_absent_professor": _("is the one who is absent"),
    "said_no": _("has already said no to this class"),
    "not_this_week": _("does not want to be asked that week"),
    "asked_already": _("has already been asked"),
    "inactive": _("no longer teaches here"),
    "other_institute": _("belongs to another institute"),
    "teaching": _("teaches another class at that time"),
    "absent": _("is absent at that time"),
    "unavailable": _("is not available at that time"),
    "held": _("has agreed to another class at that time"),
    "daily_cap": _("would teach {hours} h that day, the limit is {cap} h"),
    "weekly_cap": _("would teach {hours} h that week, the limit is {cap} h"),
    # why a professor ranks where they do
    "below_fair_share": _("{hours} h below fair share"),
    "above_fair_share": _("{hours} h above fair share"),
    "at_fair_share": _("at fair share"),
    "on_campus": _("on campus that day"),
    "off_campus": _("no other class that day"),
    "third_hour": _("would teach {hours} h in a row"),
    "rather_not": _("would rather not teach at that time"),
    "knows_section": _("knows the section"),
    "taught_course": _("taught {course} in {year}"),
    "accepts_often": _("accepts {percent} of requests"),
    # why a slot ranks where it does
    "no_clash": _("no student has another class"),
    "clash": _("{count} students have another class"),
    "day_unbroken": _("fits the class's day without a gap"),
    "gap": _("adds {minutes} min of waiting"),
    "only_class": _("would be the class's only meeting that day"),
    "same_room": _("in the usual room"),
    "other_room": _("in room {room}"),
    "no_room_needed": _("no room planned"),
    # refusals
    "absence_past": _("The absence lies in the past."),
    "absence_ends_before_start": _("The absence must end after it starts."),
    "absence_overlaps": _("This overlaps an absence that is on file already ({span})."),
    "absence_too_long": _("An absence may last at most {days} days."),
    "absence_withdrawn": _("This absence has been withdrawn."),
    "absence_over": _("This absence is over."),
    "outside_absence": _("This class meeting does not lie in the absence."),
    "not_your_class": _("You do not teach this class."),
    "substitute_not_free": _("{name} cannot take {what}: {why}."),
    "case_closed": _("This case is already settled: {status}."),
    "not_waiting": _("This is not being asked any more."),
    "not_in_pool": _("{name} is not among those who can take this class."),
    "not_free": _("{name} {why}."),
    "not_your_offer": _("This request was sent to somebody else."),
    "offer_taken": _("{name} was faster and has already taken this class. Thank you all the same."),
    "offer_expired": _("The time to answer was over."),
    "offer_withdrawn": _("This request has been withdrawn; nothing is expected of you."),
    "offer_answered": _("You have already answered this request."),
    "not_substitute": _("You are not the substitute for this class."),
    "class_begun": _("This class has already begun."),
    "reason_required": _("Say why: the reason is kept in the log."),
    "not_registrar": _("Only a registrar of the institute may do this."),
    "meeting_has_case": _("This class meeting already has an open case."),
    "already_open": _("This case is still open."),
    "slot_past": _("the new time must lie ahead, with time to tell everyone"),
    "slot_late": _("the new time must not be later than the checkpoint, {day}"),
    "no_teaching_day": _("there are no classes on that day"),
    "room_taken": _("{room} is taken at that time"),
    "room_unknown": _("there is no such room"),
    "room_needed": _("this class needs a room"),
    "room_unfit": _("{room} is not known to fit this class of {count}"),
    "named_later": _("{name} was named as substitute"),
    "place_refused": _("The class cannot be moved there: {why}."),
    "cannot_restore": _("The old time of this class is over or taken, so it needs a new one."),
    "rehearsal_going": _("A rehearsal is being played already. Wait for its end, or cancel it."),
    "institute_mismatch": _("This belongs to another institute."),
    # why nothing is changed about a webhook
    "webhook_exists": _("There is a webhook with this address already."),
    "too_many_webhooks": _("There are {most} webhooks already. Remove one that nobody needs."),
    "webhook_removed": _("The webhook has been removed."),
    "webhook_off": _("The webhook is switched off: switch it on first."),
    "webhook_on": _("The webhook is switched on already."),
    "delivery_under_way": _("It is still being sent."),
}


_SAID: dict[str, Callable[[Any], str]] = {
    "hours": number_format,
    "percent": percentage,
    "cap": number_format,
    "when": lambda stored: moments.day_and_time(dt.datetime.fromisoformat(stored)),
    "day": lambda stored: moments.day(dt.date.fromisoformat(stored)),
}
"""What is stored for programs, and said as the reader's language has it: hours as a decimal number,
moments on the institute's clock and days as ISO 8601 has them."""


@dataclass(frozen=True)
class Reason:
    """A code of SENTENCES with the data that its sentence needs."""

    code: str
    data: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.code not in SENTENCES:
            raise ValueError(f"unknown reason: {self.code}")

    def sentence(self) -> str:
        said = {
            name: _SAID[name](value) if name in _SAID else value
            for name, value in self.data.items()
        }
        return str(SENTENCES[self.code]).format(**said)

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "data": self.data}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        return cls(stored["code"], dict(stored.get("data", {})))


def sentence(stored: dict[str, Any]) -> str:
    """The sentence of a stored reason; empty where none was stored."""
    return Reason.from_json(stored).sentence() if stored else ""
