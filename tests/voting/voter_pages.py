"""A voter before the pages, at the moment."""

import datetime as dt
import html

from django.urls import reverse
from django.utils import timezone

from tests.voting.classroom import class_of, open_for
from timetable import signed_links

HOUR = dt.timedelta(hours=1)


def running(size, slug="northfield", **given):
    """A ballot that is open at the moment, and its voters."""
    offering = class_of(size, slug)
    now = timezone.now()
    times = {"now": now - HOUR, "closes_at": now + 11 * HOUR}
    return open_for(offering, **times | given), list(offering.students.order_by("pk"))


def page(ballot):
    return reverse("voting:ballot-detail", args=[ballot.uid])


def link(ballot, user, purpose="ballot", **lifetime):
    token = signed_links.make(
        purpose,
        {"ballot": str(ballot.uid), "user": user.pk},
        expires_at=timezone.now() + dt.timedelta(**(lifetime or {"hours": 1})),
    )
    return reverse("voting:ballot-link", args=[token])


def text_of(response):
    return html.unescape(response.content.decode())


def sign_in(client, person):
    client.force_login(person.user)
    return client


def vote_as(client, student, ballot, choice):
    return sign_in(client, student).post(page(ballot), {"choice": choice})
