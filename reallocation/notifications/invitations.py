"""Calendar invitations (iCalendar, RFC 5545; by mail, RFC 6047).

The snapshot is taken when the notice is written, so that a mail sent late, or twice, still carries
the revision that it tells of. The UID is the meeting's, here and in calendar feeds alike.
"""

from __future__ import annotations

import datetime as dt
from email.utils import parseaddr
from typing import Any, Literal

from django.conf import settings
from django.utils.translation import gettext as _
from icalendar import Calendar, Event, vCalAddress, vText

from reallocation.models import Case
from timetable.feed_events import PRODUCT
from timetable.models import Meeting

from .wording import course_name

Method = Literal["REQUEST", "CANCEL"]


def snapshot(method: Method, case: Case, meeting: Meeting, handover: str = "") -> dict[str, Any]:
    """What the invitation says, as JSON. A cancellation names the time that is given back."""
    cancelled = method == "CANCEL"
    starts_at = case.before_starts_at if cancelled else meeting.starts_at
    ends_at = case.before_ends_at if cancelled else meeting.ends_at
    return {
        "method": method,
        "uid": str(meeting.uid),
        "sequence": meeting.revision,
        "starts_at": starts_at.astimezone(dt.UTC).isoformat(),
        "ends_at": ends_at.astimezone(dt.UTC).isoformat(),
        "summary": course_name(meeting.offering.course),
        "location": str(meeting.room) if meeting.room else "",
        "description": "\n\n".join(
            part
            for part in (
                _("In place of %(professor)s. Class %(code)s.")
                % {"professor": case.professor.name, "code": meeting.offering.code},
                handover.strip(),
            )
            if part
        ),
        "organizer": meeting.institute.name,
    }


def document(told: dict[str, Any], *, attendee: str, stamp: dt.datetime) -> bytes:
    """The calendar file for one attendee, who has agreed already: nothing is asked again."""
    event = Event()
    event.add("uid", told["uid"])
    event.add("sequence", told["sequence"])
    event.add("dtstamp", stamp.astimezone(dt.UTC))
    event.add("dtstart", dt.datetime.fromisoformat(told["starts_at"]))
    event.add("dtend", dt.datetime.fromisoformat(told["ends_at"]))
    event.add("summary", told["summary"])
    if told["location"]:
        event.add("location", told["location"])
    event.add("description", told["description"])
    event.add("status", "CANCELLED" if told["method"] == "CANCEL" else "CONFIRMED")
    organizer = vCalAddress(f"mailto:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}")
    organizer.params["CN"] = vText(told["organizer"])
    event.add("organizer", organizer)
    person = vCalAddress(f"mailto:{attendee}")
    person.params["ROLE"] = vText("REQ-PARTICIPANT")
    person.params["PARTSTAT"] = vText("ACCEPTED")
    person.params["RSVP"] = vText("FALSE")
    event.add("attendee", person)
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", told["method"])
    calendar.add_component(event)
    return bytes(calendar.to_ical())
