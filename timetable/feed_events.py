"""What stands in a person's calendar feed (iCalendar, RFC 5545), in UTC as in the invitations.

The UID of an event is its meeting's and SEQUENCE its revision, there and here alike: who has both the
invitation to a class and the feed sees one entry. What no longer takes place stays, as cancelled, so
that a calendar strikes it out rather than leaving its reader to wonder.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from icalendar import Calendar, Event

from . import moments
from .enums import MeetingChange
from .models import Enrolment, Meeting, Professor, Student, Teaching, User

PRODUCT = "-//Understudy//Understudy//EN"

BEFORE = dt.timedelta(days=35)
AHEAD = dt.timedelta(days=200)
"""The window around now: what is longer ago or further off is left out."""

REFRESH = dt.timedelta(hours=1)
"""How often programs are asked to look again. Most decide for themselves."""


@dataclass(frozen=True)
class FeedEvent:
    uid: str
    sequence: int
    starts_at: dt.datetime
    ends_at: dt.datetime
    summary: str
    location: str
    description: str
    url: str
    cancelled: bool


@dataclass(frozen=True)
class Feed:
    """A person's calendar at one moment, before it is written out."""

    name: str
    events: tuple[FeedEvent, ...]

    @property
    def etag(self) -> str:
        """The same for the same content, in quotation marks as HTTP has it."""
        said = repr((self.name, [astuple(event) for event in self.events]))
        return f'"{hashlib.sha256(said.encode()).hexdigest()[:32]}"'


def feed_of(user: User, *, now: dt.datetime) -> Feed:
    """What the account teaches and attends, at every institute, in its own language. Five queries."""
    professors = set(Professor.objects.filter(user=user, active=True).values_list("pk", flat=True))
    students = set(Student.objects.filter(user=user, active=True).values_list("pk", flat=True))
    attended = {
        *Teaching.objects.filter(professor__in=professors, position__gt=0).values_list(
            "offering", flat=True
        ),
        *Enrolment.objects.filter(student__in=students).values_list("offering", flat=True),
    }
    with translation.override(user.chosen_language or settings.LANGUAGE_CODE):
        events = tuple(
            _event(meeting, professors, attended) for meeting in _rows(professors, attended, now)
        )
        name = _("Understudy: %(person)s") % {"person": user}
    return Feed(name, events)


def document(feed: Feed, *, changed_at: dt.datetime) -> bytes:
    """The calendar file. `changed_at` stands as the moment at which its events were last revised."""
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("name", feed.name)
    calendar.add("x-wr-calname", feed.name)
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", f"PT{int(REFRESH.total_seconds() // 3600)}H")
    for told in feed.events:
        event = Event()
        event.add("uid", told.uid)
        event.add("sequence", told.sequence)
        event.add("dtstamp", changed_at.astimezone(dt.UTC))
        event.add("dtstart", told.starts_at.astimezone(dt.UTC))
        event.add("dtend", told.ends_at.astimezone(dt.UTC))
        event.add("summary", told.summary)
        if told.location:
            event.add("location", told.location)
        event.add("description", told.description)
        event.add("url", told.url)
        event.add("status", "CANCELLED" if told.cancelled else "CONFIRMED")
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _rows(professors: set[int], attended: set[int], now: dt.datetime) -> Iterable[Meeting]:
    """Inside the window by the time that holds or by the planned one."""
    since, until = now - BEFORE, now + AHEAD
    return (
        Meeting.objects.all()
        .of_any(
            Q(professor__in=professors),
            Q(planned_professor__in=professors),
            Q(offering__in=attended),
        )
        .filter(
            Q(starts_at__gte=since, starts_at__lt=until)
            | Q(planned_starts_at__gte=since, planned_starts_at__lt=until)
        )
        .select_related(
            "institute",
            "offering__course",
            "offering__term",
            "professor",
            "planned_professor",
            "room",
            "planned_room",
        )
        .order_by("starts_at", "pk")
    )


def _event(meeting: Meeting, professors: set[int], attended: set[int]) -> FeedEvent:
    offering = meeting.offering
    given_away = meeting.professor_id not in professors and meeting.offering_id not in attended
    off = meeting.change in {MeetingChange.POSTPONED, MeetingChange.DROPPED}
    facts = {"class": offering.course.full_name, "who": meeting.professor}
    summary = "%(class)s"
    if meeting.change == MeetingChange.DROPPED:
        summary = _("Dropped: %(class)s")
    elif meeting.change == MeetingChange.POSTPONED:
        summary = _("Postponed: %(class)s")
    elif given_away:
        summary = _("%(who)s teaches: %(class)s")
    page = reverse("timetable:class-detail", args=[offering.code])
    return FeedEvent(
        uid=str(meeting.uid),
        sequence=meeting.revision,
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        summary=summary % facts,
        location=_place(meeting),
        description="\n".join([*_changes(meeting), *_about(meeting, professors)]),
        url=f"{settings.BASE_URL}{page}?{urlencode({'term': offering.term.name})}",
        cancelled=off or given_away,
    )


def _place(meeting: Meeting) -> str:
    """The room, as in the invitations."""
    return str(meeting.room) if meeting.room else ""


def _changes(meeting: Meeting) -> list[str]:
    """How what holds differs from the plan, in sentences."""
    institute = meeting.institute
    if meeting.change == MeetingChange.DROPPED:
        return [_("This class does not take place.")]
    if meeting.change == MeetingChange.POSTPONED:
        return [_("Off at this time. A new time is being looked for.")]
    said = []
    if meeting.starts_at != meeting.planned_starts_at:
        was = institute.local(meeting.planned_starts_at)
        said.append(
            _("Was %(when)s, %(time)s.") % {"when": moments.day(was), "time": moments.clock(was)}
        )
    if meeting.room_id != meeting.planned_room_id and meeting.planned_room:
        said.append(_("Was in room %(room)s.") % {"room": meeting.planned_room.code})
    if meeting.is_substituted:
        people = {"who": meeting.professor, "planned": meeting.planned_professor}
        said.append(_("%(who)s teaches instead of %(planned)s.") % people)
    return said


def _about(meeting: Meeting, professors: set[int]) -> list[str]:
    said = [_("Class %(code)s") % {"code": meeting.offering.code}]
    if meeting.professor_id not in professors and not meeting.is_substituted:
        said.append(_("Professor: %(name)s") % {"name": meeting.professor})
    return said
