"""What steps 4 and 5 share: the planned time is off, and everybody knows at once."""

from __future__ import annotations

from reallocation import audit
from reallocation.notifications import announce
from timetable import meetings
from timetable.enums import MeetingStatus

from .base import Visit


def take_off(visit: Visit) -> None:
    """Postpone the meeting, unless that has happened, and tell its students and its professor."""
    case = visit.case
    if case.meeting.status == MeetingStatus.POSTPONED:
        return
    case.meeting = meetings.postpone(case.meeting_id)
    audit.record("meeting.postponed", institute=case.institute, case=case, at=visit.now)
    announce.meeting_postponed(case, visit.now)
