from __future__ import annotations

import datetime as dt

from django.urls import path, register_converter

from .views import calendar, device, entrance, schedules, tokens


class DateConverter:
    """A day written YYYY-MM-DD, far enough from the ends of the calendar to have neighbours."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> dt.date:
        day = dt.date.fromisoformat(value)
        if not 1000 <= day.year < 3000:
            raise ValueError(value)
        return day

    def to_url(self, value: dt.date) -> str:
        return value.isoformat()


register_converter(DateConverter, "date")

app_name = "timetable"

urlpatterns = [
    path("", entrance.home, name="home"),
    path("manifest.webmanifest", device.manifest, name="manifest"),
    path("icons/<str:mark>/<str:name>.png", device.icon, name="icon"),
    path("sw.js", device.service_worker, name="service-worker"),
    path("offline/<str:language>/", device.offline, name="offline"),
    path("language/", entrance.switch_language, name="switch-language"),
    path("institute/", entrance.switch_institute, name="switch-institute"),
    path("sign-in/<str:token>/", entrance.login_link, name="login-link"),
    path("tokens/", tokens.token_list, name="token-list"),
    path("tokens/<uuid:uid>/revoke/", tokens.token_revoke, name="token-revoke"),
    path("calendar/", calendar.calendar, name="calendar"),
    path("calendar/renew/", calendar.calendar_renew, name="calendar-renew"),
    path("calendar/<str:secret>.ics", calendar.calendar_feed, name="calendar-feed"),
    path("week/", schedules.week, name="week"),
    path("week/<date:day>/", schedules.week, name="week"),
    path("classes/", schedules.my_classes, name="my-classes"),
    path("classes/<path:code>/", schedules.class_detail, name="class-detail"),
    path("changes/", schedules.changes, name="changes"),
    path("sections/<path:code>/week/", schedules.section_week, name="section-week"),
    path("sections/<path:code>/week/<date:day>/", schedules.section_week, name="section-week"),
    path("professors/<path:code>/week/", schedules.professor_week, name="professor-week"),
    path(
        "professors/<path:code>/week/<date:day>/",
        schedules.professor_week,
        name="professor-week",
    ),
    path("rooms/<path:code>/week/", schedules.room_week, name="room-week"),
    path("rooms/<path:code>/week/<date:day>/", schedules.room_week, name="room-week"),
]
