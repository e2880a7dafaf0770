from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class VotingConfig(AppConfig):
    name = "voting"
    verbose_name = _("Voting")

    def ready(self) -> None:
        from timetable import extensions

        from . import panels

        extensions.count_in_navigation("voting:ballot-list", panels.waiting_votes)
        extensions.add_panel("class", panels.votes_of_class)
        extensions.add_panel("my-classes", panels.votes_waiting)
