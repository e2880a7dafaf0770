"""A person's access tokens: listed, made (and shown once), revoked."""

from __future__ import annotations

import uuid
from typing import cast

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from .. import tokens
from ..accounts import ActorRequest, member_required
from ..forms import TokenForm
from ..models import User


@never_cache
@sensitive_variables("made")
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def token_list(request: ActorRequest) -> HttpResponse:
    """The secret stands on the answer to its making and never again: so no redirect follows."""
    user = cast("User", request.actor.user)
    is_staff = user.staff_roles.exists()
    form = TokenForm(request.POST if request.method == "POST" else None, is_staff=is_staff)
    made = None
    if form.is_bound and form.is_valid():
        try:
            made = tokens.make(user, **form.cleaned_data, now=timezone.now())
        except tokens.TokenRefused:
            form.add_error(None, _("You have too many tokens. Revoke one that you no longer need."))
        else:
            form = TokenForm(is_staff=is_staff)
    context = {"form": form, "made": made, "tokens": tokens.in_use(user)}
    return render(request, "timetable/tokens.html", context, status=400 if form.is_bound else 200)


@require_POST
@member_required
def token_revoke(request: ActorRequest, uid: uuid.UUID) -> HttpResponse:
    token = get_object_or_404(tokens.in_use(cast("User", request.actor.user)), uid=uid)
    tokens.revoke(token, now=timezone.now())
    messages.success(request, _("The token is revoked and works no longer."))
    return redirect("timetable:token-list")
