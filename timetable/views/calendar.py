"""A person's calendar in their own calendar program: the page with its address, and the feed itself."""

from __future__ import annotations

from typing import cast

import segno
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from .. import feed_events, feeds
from ..accounts import ActorRequest, timetable_required
from ..models import User


@never_cache
@sensitive_variables("secret", "address")
@require_safe
@timetable_required
def calendar(request: ActorRequest) -> HttpResponse:
    """The address as text, as a link that opens the calendar program, and for a phone's camera."""
    feed = feeds.of(cast("User", request.actor.user))
    context: dict[str, object] = {"feed": feed}
    secret = feeds.secret_of(feed) if feed else None
    if secret is not None:
        address = settings.BASE_URL + reverse("timetable:calendar-feed", args=[secret])
        webcal = f"webcal:{address.partition(':')[2]}"
        context |= {"address": address, "webcal": webcal, "qr": _qr(webcal)}
    return render(request, "timetable/calendar.html", context)


@require_POST
@timetable_required
def calendar_renew(request: ActorRequest) -> HttpResponse:
    user = cast("User", request.actor.user)
    had_one = feeds.of(user) is not None
    feeds.renew(user, now=timezone.now())
    if had_one:
        messages.success(request, _("This is your new address. The old one has stopped working."))
    return redirect("timetable:calendar")


@sensitive_variables("secret")
@require_safe
def calendar_feed(request: ActorRequest, secret: str) -> HttpResponse:
    """For programs, which do not sign in: whoever knows the address may read, and nobody else."""
    feed = feeds.find(secret)
    if feed is None:
        raise Http404
    now = timezone.now()
    told = feed_events.feed_of(feed.user, now=now)
    changed_at = feeds.note(feed, told.etag, now=now)
    moment = int(changed_at.timestamp())
    response = get_conditional_response(request, etag=told.etag, last_modified=moment)
    if response is None:
        content = feed_events.document(told, changed_at=changed_at)
        response = HttpResponse(content, content_type="text/calendar; charset=utf-8")
        response["Content-Disposition"] = 'inline; filename="understudy.ics"'
    response["ETag"] = told.etag
    response["Last-Modified"] = http_date(moment)
    response["Cache-Control"] = "private, no-cache"
    response["X-Robots-Tag"] = "noindex"
    return response


def _qr(address: str) -> SafeString:
    """Black on white in any theme, as cameras want it."""
    drawn = segno.make_qr(address, error="m").svg_inline(
        border=4, light="#fff", dark="#000", omitsize=True, svgclass="qr", lineclass=None
    )
    # Drawn from modules of a grid: nothing of the address stands in the markup.
    return mark_safe(drawn)  # noqa: S308
