"""The closed lists of words that a vote uses."""

import datetime as dt
from collections.abc import Mapping

from django.db import models
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from timetable import moments


class BallotKind(models.TextChoices):
    SUBSTITUTE = "substitute", _("Shall this person teach the class?")
    WEEKEND = "weekend", _("Shall the class be held on this weekend day?")

    def question(self, facts: Mapping[str, str]) -> str:
        """What the class is asked, in the reader's language; for the facts see `questions`."""
        held_at = _moment(facts["held_at"])
        if self == BallotKind.SUBSTITUTE:
            said = {"name": facts["name"], "when": held_at}
            return _now("Shall %(name)s teach the class on %(when)s?") % said
        said = {"was": held_at, "when": _moment(facts["starts_at"])}
        return _now("Shall the class of %(was)s be held on %(when)s?") % said


def _moment(written: str) -> str:
    return moments.day_and_time(dt.datetime.fromisoformat(written))


class BallotResult(models.TextChoices):
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    CANCELLED = "cancelled", _("Cancelled")


class ClosedBy(models.TextChoices):
    TIME = "time", _("The voting time was over")
    MAJORITY = "majority", _("The rest of the votes could not change the result")
    CANCELLED = "cancelled", _("The question was withdrawn")


class Refusal(models.TextChoices):
    """Why the app says no: the code is stable, the label is for people."""

    NOT_ON_ROLL = "not_on_roll", _("You are not among those who may vote here.")
    NOT_OPEN = "not_open", _("This vote has not begun yet.")
    CLOSED = "closed", _("This vote is closed. Your answer came too late and was not counted.")
    KEY_CHANGED = (
        "key_changed",
        _("This vote can take no more answers: the server's secret key was changed meanwhile."),
    )
    EMPTY_ROLL = "empty_roll", _("Nobody is enrolled in this class, so nobody could vote.")
    ALREADY_OPEN = "already_open", _("A vote on this is already open.")
    NO_TIME = "no_time", _("A vote must close after it opens.")


class Phase(models.TextChoices):
    """Where a ballot is at a moment. Past its time and not closed yet, it takes no votes."""

    OPEN = "open", _("Open")
    COUNTING = "counting", _("Being counted")
    CLOSED = "closed", _("Closed")
