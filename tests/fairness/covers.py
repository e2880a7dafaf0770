"""Covers as the workflow enters them: asked, accepted, taught."""

import datetime as dt
import uuid

from fairness import ledger
from tests.factories import NOW, MeetingFactory, OfferingFactory
from timetable.models import Meeting


def cover(substitute, absent, hours=1.5, meeting=None, now=NOW):
    """One professor teaches for another; what the lines are about, to write more of them."""
    if meeting is None:
        # Each on a day of its own: nobody is in two places at once.
        day = dt.date(2027, 3, 2) + dt.timedelta(days=Meeting.objects.count())
        meeting = MeetingFactory(offering=OfferingFactory(professors=[absent]), day=day)
    about = {"meeting": meeting, "case_uid": uuid.uuid4(), "hours": hours, "now": now}
    ledger.asked([substitute], **about)
    ledger.accepted(substitute, **about)
    ledger.covered(substitute=substitute, absent=absent, **about)
    return about
