"""What stands where in a person's, a section's or a room's time: entries, days and weeks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from django.db.models import F, Q

from .enums import MeetingChange
from .extensions import MeetingNote
from .models import Institute, Meeting, Professor, Room, Section, Student
from .querysets import MeetingQuerySet

DAY = dt.timedelta(days=1)
WEEK = dt.timedelta(days=7)


@dataclass(frozen=True)
class Entry:
    """One meeting at one place of a schedule, with local times.

    `left` marks the place that a moved meeting has left: it is shown there too, so that nobody
    waits in an empty room. `given_away`: somebody else teaches it for the professor who looks.
    """

    meeting: Meeting
    starts_at: dt.datetime
    ends_at: dt.datetime
    left: bool = False
    given_away: bool = False
    is_past: bool = False
    may_file: bool = False
    note: MeetingNote | None = None

    @property
    def change(self) -> MeetingChange:
        return self.meeting.change

    @property
    def holds(self) -> bool:
        """It takes place here."""
        return not self.left and self.change not in (MeetingChange.POSTPONED, MeetingChange.DROPPED)


@dataclass(frozen=True)
class Day:
    date: dt.date
    is_today: bool
    entries: tuple[Entry, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class Week:
    """Monday to Sunday on the institute's calendar, less days off that nothing falls on."""

    starts_on: dt.date
    is_current: bool
    days: tuple[Day, ...]

    @property
    def ends_on(self) -> dt.date:
        return self.starts_on + 6 * DAY

    @property
    def previous(self) -> dt.date:
        return self.starts_on - WEEK

    @property
    def next(self) -> dt.date:
        return self.starts_on + WEEK

    @property
    def is_empty(self) -> bool:
        return not any(day.entries for day in self.days)


def monday_of(day: dt.date) -> dt.date:
    return day - (day.isoweekday() - 1) * DAY


def of_professor(professor: Professor) -> MeetingQuerySet:
    """Theirs now, co-taught by them, or planned for them and given away."""
    return Meeting.objects.all().of_any(
        Q(professor=professor),
        Q(planned_professor=professor),
        Q(offering__teachings__professor=professor, offering__teachings__position__gt=0),
    )


def of_student(student: Student) -> MeetingQuerySet:
    return Meeting.objects.filter(offering__enrolments__student=student)


def of_section(section: Section) -> MeetingQuerySet:
    return Meeting.objects.filter(offering__sections=section)


def of_room(room: Room) -> MeetingQuerySet:
    return Meeting.objects.filter(Q(room=room) | Q(planned_room=room))


def in_span(start: dt.datetime, end: dt.datetime) -> tuple[Q, Q]:
    """Those that start in the span, and those that were planned in it and have left it."""
    here = Q(starts_at__gte=start, starts_at__lt=end)
    # That they have another time is said too: there is an index of such.
    moved = ~Q(starts_at=F("planned_starts_at"))
    return here, moved & ~here & Q(planned_starts_at__gte=start, planned_starts_at__lt=end)


def rows_of_week(meetings: MeetingQuerySet, institute: Institute, monday: dt.date) -> list[Meeting]:
    """Those that start in the week, or that were planned in it. One query, and one for sections."""
    start, end = institute.moment(monday, dt.time()), institute.moment(monday + WEEK, dt.time())
    here, left = in_span(start, end)
    return list(meetings.filter(here | left, institute=institute).for_list())


def nearest_day(meetings: MeetingQuerySet, institute: Institute, day: dt.date) -> dt.date | None:
    """The local day of the first meeting that holds from the day on, else of the last before."""
    since, rows = institute.moment(day, dt.time()), meetings.holding()
    row = (
        rows.filter(starts_at__gte=since).order_by("starts_at").first()
        or rows.filter(starts_at__lt=since).order_by("-starts_at").first()
    )
    return institute.local(row.starts_at).date() if row else None


def week(
    rows: Iterable[Meeting],
    *,
    institute: Institute,
    monday: dt.date,
    now: dt.datetime,
    professor: Professor | None = None,
    room: Room | None = None,
    notes: Mapping[int, MeetingNote] | None = None,
) -> Week:
    """The rows laid out by day.

    Given the professor who looks, meetings still to come that they lead, and that have no case yet,
    offer the way to an absence. Given the room whose week it is, only meetings in it hold there.
    """
    days: dict[dt.date, list[Entry]] = {
        monday + n * DAY: [] for n in range(7) if n + 1 in institute.teaching_days
    }
    last = monday + WEEK
    for row in rows:
        for entry in _places(row, institute, now, professor, (notes or {}).get(row.pk)):
            date = entry.starts_at.date()
            elsewhere = room is not None and not entry.left and row.room_id != room.pk
            if monday <= date < last:
                days.setdefault(date, []).append(replace(entry, left=True) if elsewhere else entry)
    today = institute.local(now).date()
    return Week(
        monday,
        monday <= today < last,
        tuple(
            Day(date, date == today, tuple(sorted(days[date], key=_by_time)))
            for date in sorted(days)
        ),
    )


def entries(
    rows: Iterable[Meeting],
    *,
    institute: Institute,
    now: dt.datetime,
    professor: Professor | None = None,
    notes: Mapping[int, MeetingNote] | None = None,
) -> list[Entry]:
    """The rows as a plain list, each once, at the place that holds."""
    return [_places(row, institute, now, professor, (notes or {}).get(row.pk))[0] for row in rows]


def _places(
    row: Meeting,
    institute: Institute,
    now: dt.datetime,
    professor: Professor | None,
    note: MeetingNote | None,
) -> list[Entry]:
    """Where the meeting is shown: where it holds, and where it was planned if it left there."""
    holding = row.change in (
        MeetingChange.SCHEDULED,
        MeetingChange.SUBSTITUTED,
        MeetingChange.MOVED,
    )
    here = Entry(
        row,
        institute.local(row.starts_at),
        institute.local(row.ends_at),
        given_away=(
            professor is not None
            and row.planned_professor_id == professor.pk
            and row.professor_id != professor.pk
        ),
        is_past=row.starts_at <= now,
        may_file=(
            holding
            and professor is not None
            and row.professor_id == professor.pk
            and row.starts_at > now
            and not (note and note.replaces_absence_link)
        ),
        note=note,
    )
    if row.starts_at == row.planned_starts_at:
        return [here]
    there = Entry(
        row,
        institute.local(row.planned_starts_at),
        institute.local(row.planned_ends_at),
        left=True,
        is_past=row.planned_starts_at <= now,
    )
    return [here, there]


def _by_time(entry: Entry) -> tuple[dt.datetime, dt.datetime, str]:
    return entry.starts_at, entry.ends_at, entry.meeting.offering.code
