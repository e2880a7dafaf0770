"""The facts of a case in words: what subjects and texts are filled with.

Times are said on the institute's clock, in the language in which the notice is written. The lazy ones
are worded when a text is filled in, once for each language in which somebody reads it.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import formats
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from reallocation.models import Case
from timetable import moments
from timetable.locking import read_meeting
from timetable.models import Course, Institute, Meeting
from voting.models import Ballot


def day_and_time(institute: Institute, moment: dt.datetime) -> str:
    """Like "Tue 12 Jan, 10:00"."""
    return moments.day_and_time(institute.local(moment))


def hours(span: dt.timedelta) -> str:
    """Clock hours, like "1.5"."""
    return formats.number_format(round(span.total_seconds() / 3600, 2)).rstrip("0").rstrip(".,")


def span(institute: Institute, starts_at: dt.datetime, ends_at: dt.datetime) -> str:
    """Like "Tue 12 Jan, 10:00–10:50"; the day of the end is said where it is another one."""
    return moments.span(institute.local(starts_at), institute.local(ends_at))


def stretch(institute: Institute, starts_at: dt.datetime, ends_at: dt.datetime) -> str:
    """The same, and like "Tue 12 Jan – Thu 14 Jan" where it is whole days."""
    return moments.stretch(institute.local(starts_at), institute.local(ends_at))


def question(ballot: Ballot) -> str:
    """What a class is asked."""
    return ballot.wording


day_and_time_lazy = lazy(day_and_time, str)
span_lazy = lazy(span, str)
stretch_lazy = lazy(stretch, str)
hours_lazy = lazy(hours, str)
question_lazy = lazy(question, str)


def course_name(course: Course) -> str:
    return course.full_name


def meeting_of(case: Case) -> Meeting:
    """The case's meeting as the database has it now, with everything that its texts mention."""
    return read_meeting(case.meeting_id)


def facts(case: Case, meeting: Meeting) -> dict[str, Any]:
    """`was` is the time before the case, `when` the time that holds now."""
    institute, course = meeting.institute, meeting.offering.course
    return {
        "code": course.code,
        "course": course_name(course),
        "class": meeting.offering.code,
        "was": day_and_time_lazy(institute, case.before_starts_at),
        "was_span": span_lazy(institute, case.before_starts_at, case.before_ends_at),
        "when": day_and_time_lazy(institute, meeting.starts_at),
        "when_span": span_lazy(institute, meeting.starts_at, meeting.ends_at),
        "room": str(meeting.room) if meeting.room else _("no room planned"),
        "professor": case.professor.name,
        "teacher": meeting.professor.name,
        "zone": institute.timezone.replace("_", " "),
    }
