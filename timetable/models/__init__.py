"""Who teaches what to whom, where and when; and who is away.

Times are stored in UTC and shown in the institute's zone. A meeting carries two sets of columns: what
was planned, never edited after import, and what holds now.
"""

from .absences import Absence, AbsenceException, Availability
from .accounts import AccessToken, CalendarFeed, StoredAnswer, User, UserManager
from .classes import Enrolment, Offering, Slot, Teaching
from .institutes import CODE_LENGTH, Closure, Coded, Institute, Period, Room, Term
from .meetings import Hold, Meeting
from .people import Course, Professor, Qualification, Section, Staff, Student

__all__ = [
    "CODE_LENGTH",
    "Absence",
    "AbsenceException",
    "AccessToken",
    "Availability",
    "CalendarFeed",
    "Closure",
    "Coded",
    "Course",
    "Enrolment",
    "Hold",
    "Institute",
    "Meeting",
    "Offering",
    "Period",
    "Professor",
    "Qualification",
    "Room",
    "Section",
    "Slot",
    "Staff",
    "StoredAnswer",
    "Student",
    "Teaching",
    "Term",
    "User",
    "UserManager",
]
