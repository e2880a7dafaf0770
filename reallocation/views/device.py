"""A device asks to be told at once, or no longer. Only scripts come here: see static/understudy/push.js."""

from __future__ import annotations

from typing import cast

from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from reallocation.forms.device import DeviceForm, ForgetForm
from reallocation.notifications import devices
from timetable.accounts import ActorRequest, member_required
from timetable.models import User

NO_CONTENT = 204


@sensitive_post_parameters()
@require_POST
@member_required
def device_add(request: ActorRequest) -> HttpResponse:
    form = DeviceForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"fields": form.errors}, status=400)
    devices.add(cast("User", request.actor.user), **form.cleaned_data, now=timezone.now())
    return HttpResponse(status=NO_CONTENT)


@sensitive_post_parameters()
@require_POST
@member_required
def device_forget(request: ActorRequest) -> HttpResponse:
    form = ForgetForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"fields": form.errors}, status=400)
    devices.forget(cast("User", request.actor.user), form.cleaned_data["endpoint"])
    return HttpResponse(status=NO_CONTENT)
