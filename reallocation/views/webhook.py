"""Webhooks of the institute, for its registrars: made, switched off and on, and what became of what."""

from __future__ import annotations

import uuid
from typing import cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from reallocation.enums import WebhookOff, WebhookStatus
from reallocation.forms.webhook import WebhookForm
from reallocation.models import Webhook, WebhookDelivery
from reallocation.refusals import Refused
from reallocation.webhooks import outbox, subscriptions
from reallocation.webhooks.subscriptions import Made
from timetable.accounts import ActorRequest, registrar_required
from timetable.models import Institute

from .acts import who

PER_PAGE = 25


@never_cache
@sensitive_variables("made")
@require_http_methods(["GET", "HEAD", "POST"])
@registrar_required
def webhook_list(request: ActorRequest) -> HttpResponse:
    """The list and the form for one more. The secret stands on the answer, so no redirect follows."""
    institute, now = cast("Institute", request.actor.institute), timezone.now()
    form = WebhookForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            made = subscriptions.make(
                institute,
                **form.cleaned_data,
                owner=request.actor.user,
                now=now,
                who=who(request.actor),
            )
        except Refused as refusal:
            form.place(refusal)
        else:
            return _page(request, made.webhook, made)
    context = {"form": form, "webhooks": subscriptions.listed(institute)}
    return render(request, "reallocation/webhook_list.html", context, status=form.status)


@never_cache
@require_safe
@registrar_required
def webhook_detail(request: ActorRequest, uid: uuid.UUID) -> HttpResponse:
    return _page(request, _found(request, uid))


@never_cache
@sensitive_variables()
@require_POST
@registrar_required
def webhook_secret(request: ActorRequest, uid: uuid.UUID) -> HttpResponse:
    """A new secret, shown on the answer and never again."""
    webhook = _found(request, uid)
    made = subscriptions.rotate(webhook, now=timezone.now(), who=who(request.actor))
    return _page(request, made.webhook, made)


@require_POST
@registrar_required
def webhook_switch(request: ActorRequest, uid: uuid.UUID) -> HttpResponse:
    """Off if it is on, on if it is off: as the button said, whatever has happened since."""
    webhook, now = _found(request, uid), timezone.now()
    if request.POST.get("to") == "off":
        subscriptions.switch_off(webhook, WebhookOff.ASKED, now=now, who=who(request.actor))
    else:
        try:
            subscriptions.switch_on(webhook, now=now, who=who(request.actor))
        except Refused as refusal:
            messages.error(request, refusal.message)
    return redirect("reallocation:webhook-detail", uid=uid)


@require_POST
@registrar_required
def webhook_remove(request: ActorRequest, uid: uuid.UUID) -> HttpResponse:
    subscriptions.remove(_found(request, uid), now=timezone.now(), who=who(request.actor))
    messages.success(request, _("The webhook is removed. Nothing is sent to it any more."))
    return redirect("reallocation:webhook-list")


@require_POST
@registrar_required
def webhook_replay(
    request: ActorRequest, uid: uuid.UUID, delivery: uuid.UUID | None = None
) -> HttpResponse:
    """One delivery again, or all that were given up."""
    webhook = _found(request, uid)
    rows = WebhookDelivery.objects.filter(webhook=webhook)
    if delivery is None:
        rows = rows.filter(status=WebhookStatus.FAILED)
    else:
        rows = rows.filter(pk=get_object_or_404(rows, uid=delivery).pk)
    try:
        count = outbox.replay(webhook, rows, now=timezone.now())
    except Refused as refusal:
        messages.error(request, refusal.message)
    else:
        said = ngettext("%(n)d message is sent again.", "%(n)d messages are sent again.", count)
        messages.success(request, said % {"n": count})
    return redirect("reallocation:webhook-detail", uid=uid)


def _found(request: ActorRequest, uid: uuid.UUID) -> Webhook:
    institute = cast("Institute", request.actor.institute)
    rows = subscriptions.of(institute).select_related("owner")
    found: Webhook = get_object_or_404(rows, uid=uid)
    return found


def _page(request: ActorRequest, webhook: Webhook, made: Made | None = None) -> HttpResponse:
    rows = WebhookDelivery.objects.filter(webhook=webhook)
    wanted = request.GET.get("status", "")
    status = wanted if wanted in WebhookStatus.values else ""
    shown = rows.filter(status=status) if status else rows
    log = shown.select_related("case__meeting__offering").order_by("-pk")
    context = {
        "webhook": webhook,
        "secret": made.secret if made else "",
        "former_until": subscriptions.former_signs_until(webhook, timezone.now()),
        "page": Paginator(log, PER_PAGE).get_page(request.GET.get("page")),
        "failed": rows.filter(status=WebhookStatus.FAILED).count(),
        "status": status,
        "query": f"status={status}" if status else "",
    }
    return render(request, "reallocation/webhook_detail.html", context)
