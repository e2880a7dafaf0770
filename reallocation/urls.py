from django.urls import path

from .views import (
    absence,
    case,
    device,
    health,
    inbox,
    link,
    offer,
    rehearsal,
    suggestions,
    webhook,
)

app_name = "reallocation"

urlpatterns = [
    path("absences/new/", absence.absence_file, name="absence-file"),
    path("absences/<uuid:uid>/", absence.absence_detail, name="absence-detail"),
    path("absences/<uuid:uid>/change/", absence.absence_change, name="absence-change"),
    path("absences/<uuid:uid>/withdraw/", absence.absence_withdraw, name="absence-withdraw"),
    path("colleagues/", suggestions.professor_search, name="professor-search"),
    path("rooms/", suggestions.room_search, name="room-search"),
    path("cases/", case.case_list, name="case-list"),
    path("cases/<uuid:uid>/", case.case_detail, name="case-detail"),
    path("offers/", offer.offer_list, name="offer-list"),
    path("offers/<uuid:uid>/", offer.offer_detail, name="offer-detail"),
    path("inbox/", inbox.inbox, name="inbox"),
    path("inbox/<uuid:uid>/", inbox.message_open, name="message-open"),
    path("webhooks/", webhook.webhook_list, name="webhook-list"),
    path("webhooks/<uuid:uid>/", webhook.webhook_detail, name="webhook-detail"),
    path("webhooks/<uuid:uid>/secret/", webhook.webhook_secret, name="webhook-secret"),
    path("webhooks/<uuid:uid>/switch/", webhook.webhook_switch, name="webhook-switch"),
    path("webhooks/<uuid:uid>/remove/", webhook.webhook_remove, name="webhook-remove"),
    path("webhooks/<uuid:uid>/replay/", webhook.webhook_replay, name="webhook-replay"),
    path(
        "webhooks/<uuid:uid>/replay/<uuid:delivery>/",
        webhook.webhook_replay,
        name="webhook-replay-one",
    ),
    path("rehearsals/", rehearsal.rehearsal_list, name="rehearsal-list"),
    path("rehearsals/<uuid:uid>/", rehearsal.rehearsal_detail, name="rehearsal-detail"),
    path("rehearsals/<uuid:uid>/cancel/", rehearsal.rehearsal_cancel, name="rehearsal-cancel"),
    path("rehearsals/<uuid:uid>/delete/", rehearsal.rehearsal_delete, name="rehearsal-delete"),
    path("devices/add/", device.device_add, name="device-add"),
    path("devices/forget/", device.device_forget, name="device-forget"),
    path("o/<str:token>/", link.offer_link, name="offer-link"),
    path("c/<str:token>/", link.case_link, name="case-link"),
    path("m/<str:token>/", inbox.message_link, name="message-link"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
