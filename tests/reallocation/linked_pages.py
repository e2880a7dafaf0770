"""Addresses under the names that messages link to."""

from django.http import HttpResponse
from django.urls import include, path

from reallocation.views import device, inbox


def page(request, token):
    return HttpResponse(token)


reallocation = (
    [
        path("o/<token>/", page, name="offer-link"),
        path("c/<token>/", page, name="case-link"),
        path("m/<token>/", inbox.message_link, name="message-link"),
        path("devices/add/", device.device_add, name="device-add"),
        path("devices/forget/", device.device_forget, name="device-forget"),
        path("inbox/", inbox.inbox, name="inbox"),
        path("inbox/<uuid:uid>/", inbox.message_open, name="message-open"),
    ],
    "reallocation",
)
voting = ([path("b/<token>/", page, name="ballot-link")], "voting")

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("", include("timetable.urls")),
    path("", include(reallocation)),
    path("", include(voting)),
]
