"""The timetable as it holds."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import Field

from timetable import schedule
from timetable.accounts import Actor
from timetable.models import Meeting
from timetable.querysets import MeetingQuerySet

from . import wording
from .access import caller_of
from .contract import read
from .pages import PageIn, soonest_first
from .problems import invalid, not_found
from .schemas import Code, Day, MeetingList

router = Router(tags=["Timetable"])

ONE_DAY = dt.timedelta(days=1)
WEEK = dt.timedelta(days=6)
LONGEST = dt.timedelta(days=366)


class MeetingFilter(PageIn):
    from_: Day | None = Field(None, alias="from", description="First local day; today if left out.")
    to: Day | None = Field(None, description="Last local day; a week in all if left out.")
    assignment_id: Code | None = Field(None, description="Only those of this class.")


@read(
    router,
    "/meetings",
    answer=MeetingList,
    errors={404: "`not_found`: the institute, or the meeting in `after`."},
)
def list_meetings(request: HttpRequest, data: Annotated[MeetingFilter, Query()]) -> MeetingList:
    """Class meetings of some days.

    A student's, a professor's, or for staff all of the institute: those that are held then, or were
    planned for then. By their start.
    """
    actor = caller_of(request).at(data.institute_id)
    institute = actor.institute
    if institute is None:
        raise not_found()
    first = data.from_ or actor.today(timezone.now())
    last = data.to or first + WEEK
    if not dt.timedelta(0) <= last - first <= LONGEST:
        raise invalid("to", _("At most a year, and not before the first day."))
    start, end = institute.moment(first, dt.time()), institute.moment(last + ONE_DAY, dt.time())
    rows = _meetings_of(actor)
    if data.assignment_id is not None:
        rows = rows.filter(offering__code=data.assignment_id)
    many, few = schedule.in_span(start, end)
    items, following = soonest_first(rows, data, many, few, wording.meetings)
    return MeetingList(items=items, next=following)


def _meetings_of(actor: Actor) -> MeetingQuerySet:
    rows: MeetingQuerySet = Meeting.objects.filter(institute=actor.institute)
    if actor.role:
        return rows
    mine = Q(pk__in=[])
    if actor.professor is not None:
        mine |= Q(pk__in=schedule.of_professor(actor.professor).values("pk"))
    if actor.student is not None:
        mine |= Q(pk__in=schedule.of_student(actor.student).order_by().values("pk"))
    return rows.filter(mine)
