"""What the personal links in messages open, without signing in: one thing each, for one person.

The token is no login: it shows one request or one case as it stands now, and takes the answers that
belong to it by POST. A GET changes nothing, for mail scanners follow links.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from reallocation.models import Case
from timetable import link_pages, signed_links
from timetable.accounts import ActorRequest, actor_for
from timetable.models import User

from .case import case_page, find
from .offer import find as find_offer
from .offer import offer_page


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def offer_link(request: HttpRequest, token: str) -> HttpResponse:
    """A request to take a class, for the professor to whom it was sent."""
    try:
        payload = signed_links.read("offer", token, now=timezone.now())
    except signed_links.LinkRefused as refusal:
        next_step = _("Sign in to see the requests that wait for you.")
        return link_pages.refused(request, refusal, next_step=next_step)
    offer = find_offer(payload["user"], uuid.UUID(payload["offer"]))
    if offer.professor.user is not None:
        link_pages.in_language_of(request, offer.professor.user)
    with timezone.override(offer.case.institute.zone):
        return offer_page(request, offer, by_link=True)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def case_link(request: ActorRequest, token: str) -> HttpResponse:
    """A case, for whom it concerns; the absent professor chooses here too."""
    try:
        payload = signed_links.read("case", token, now=timezone.now())
    except signed_links.LinkRefused as refusal:
        next_step = _("Sign in to see where the class stands.")
        return link_pages.refused(request, refusal, next_step=next_step)
    user, uid = _holder(request, payload), uuid.UUID(payload["case"])
    institute = get_object_or_404(Case.objects.select_related("institute"), uid=uid).institute
    actor = actor_for(user, institute.slug)
    if actor.institute != institute:
        raise Http404
    with timezone.override(institute.zone):
        return case_page(request, find(actor, uid), by_link=True)


def _holder(request: HttpRequest, payload: dict[str, Any]) -> User:
    """For whom the link was made, as long as the account is open: the page is in their language."""
    user = get_object_or_404(User, pk=payload["user"], is_active=True)
    link_pages.in_language_of(request, user)
    return user
