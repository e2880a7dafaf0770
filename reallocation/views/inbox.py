"""A person's messages, for whoever is signed in, and one of them behind a link from a mail."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from reallocation.models import Message
from reallocation.notifications import inbox as mailbox
from reallocation.notifications import links
from reallocation.notifications.kinds import action_of
from timetable import link_pages, signed_links
from timetable.accounts import ActorRequest, member_required
from timetable.models import User

PER_PAGE = 20


@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def inbox(request: ActorRequest) -> HttpResponse:
    """The list; a POST marks all of them as read."""
    messages = mailbox.messages_of(cast("User", request.actor.user))
    if request.method == "POST":
        mailbox.mark_read(messages, timezone.now())
        return redirect("reallocation:inbox")
    page = Paginator(messages, PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "reallocation/inbox.html",
        {"page": page, "unread": mailbox.unread(request.actor).count()},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def message_open(request: ActorRequest, uid: UUID) -> HttpResponse:
    """One message. Opening it from the list is a POST, which marks it as read."""
    messages = mailbox.messages_of(cast("User", request.actor.user)).filter(uid=uid)
    message = get_object_or_404(messages)
    if request.method == "POST":
        mailbox.mark_read(messages, timezone.now())
        return redirect("reallocation:message-open", uid=uid)
    return _page(request, message, signed_in=True)


@require_safe
@never_cache
def message_link(request: HttpRequest, token: str) -> HttpResponse:
    """The same page for whoever holds the link in the mail; it changes nothing."""
    try:
        payload = signed_links.read("message", token, now=timezone.now())
    except signed_links.LinkRefused as refusal:
        return link_pages.refused(request, refusal)
    messages = Message.objects.select_related("notice__institute", "user")
    message = get_object_or_404(messages, uid=payload["message"])
    link_pages.in_language_of(request, message.user)
    return _page(request, message, signed_in=False)


def _page(request: HttpRequest, message: Message, *, signed_in: bool) -> HttpResponse:
    context = {"message": message, "signed_in": signed_in}
    if links.purpose_of(message) != "message":
        context |= {"action": action_of(message.notice.kind), "link": links.path(message)}
    return render(request, "reallocation/message.html", context)
