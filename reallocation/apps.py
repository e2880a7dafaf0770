from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReallocationConfig(AppConfig):
    name = "reallocation"
    verbose_name = _("Reallocation")

    def ready(self) -> None:
        from timetable import extensions

        from . import checks, panels, receivers  # noqa: F401
        from .notifications import inbox

        extensions.count_in_navigation("reallocation:offer-list", panels.waiting_offers)
        extensions.count_in_navigation("reallocation:case-list", panels.waiting_choices)
        extensions.count_in_navigation("reallocation:inbox", inbox.unread)
        extensions.add_panel("week", panels.what_waits)
        extensions.add_panel("device", panels.on_this_device)
        extensions.annotate_meetings(panels.where_cases_stand)
