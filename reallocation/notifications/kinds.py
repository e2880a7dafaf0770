"""Every kind of message. A new one is one entry here and one text among the templates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

Purpose = Literal["offer", "ballot", "case", "message"]
"""What a personal link in a message opens."""


SEE = _("See where it stands")


@dataclass(frozen=True)
class Kind:
    """One kind of message. The subject is filled from the same facts as the text."""

    name: str
    subject: StrPromise
    link: Purpose = "case"
    action: StrPromise = SEE
    urgent: bool = False
    """Worth a text message where little time is left."""

    @property
    def is_pushed(self) -> bool:
        """Shown at once on the devices that asked for it: what waits for an answer or a vote."""
        return self.link in {"offer", "ballot"}

    @property
    def template(self) -> str:
        return f"reallocation/notifications/{self.name}.txt"


_ALL = (
    Kind(
        "absence-filed",
        _("Your absence is on file: %(span)s"),
        link="message",
        action=_("Open this message"),
    ),
    Kind(
        "absence-withdrawn",
        _("Your absence is withdrawn: %(span)s"),
        link="message",
        action=_("Open this message"),
    ),
    Kind("left-out", _("You teach %(code)s on %(when)s yourself")),
    Kind(
        "webhook-off",
        _("Switched off: webhook %(name)s"),
        link="message",
        action=_("Open this message"),
    ),
    Kind(
        "offer",
        _("Can you take %(code)s on %(was)s?"),
        link="offer",
        action=_("Say yes or no"),
        urgent=True,
    ),
    Kind("offer-taken", _("Already taken: %(code)s on %(was)s"), link="offer"),
    Kind("offer-withdrawn", _("No longer needed: %(code)s on %(was)s"), link="offer", urgent=True),
    Kind(
        "choose-candidate",
        _("Who shall take %(code)s on %(was)s?"),
        action=_("Choose"),
        urgent=True,
    ),
    Kind(
        "choose-slot",
        _("New time for %(code)s of %(was)s?"),
        action=_("Choose"),
        urgent=True,
    ),
    Kind(
        "ballot",
        _("Please vote: %(code)s of %(was)s"),
        link="ballot",
        action=_("Vote"),
        urgent=True,
    ),
    Kind(
        "ballot-reminder",
        _("Your vote is missing: %(code)s of %(was)s"),
        link="ballot",
        action=_("Vote"),
        urgent=True,
    ),
    Kind(
        "ballot-result",
        _("Result of the vote: %(code)s of %(was)s"),
        link="ballot",
        action=_("See the result"),
    ),
    Kind("ballot-lost", _("The class said no: %(code)s on %(was)s")),
    Kind("postponed", _("Not taking place as planned: %(code)s on %(was)s"), urgent=True),
    Kind("postponed-professor", _("Postponed: %(code)s on %(was)s")),
    Kind("substituted", _("%(code)s on %(when)s: %(teacher)s teaches"), urgent=True),
    Kind("substituted-professor", _("%(teacher)s takes your %(code)s on %(when)s")),
    Kind("substituted-substitute", _("You take %(code)s on %(when)s"), urgent=True),
    Kind("moved", _("Moved: %(code)s is now on %(when)s"), urgent=True),
    Kind("moved-professor", _("Moved: you teach %(code)s on %(when)s"), urgent=True),
    Kind("dropped", _("Dropped: %(code)s on %(was)s"), urgent=True),
    Kind("dropped-professor", _("Dropped: your %(code)s on %(was)s")),
    Kind("restored", _("As planned after all: %(code)s on %(when)s"), urgent=True),
    Kind("restored-professor", _("Yours again: %(code)s on %(when)s"), urgent=True),
    Kind("open-again", _("Open again: %(code)s on %(when)s"), urgent=True),
    Kind("open-again-professor", _("Open again: your %(code)s on %(when)s"), urgent=True),
    Kind("handover", _("Changed note: %(code)s on %(when)s")),
    Kind("released", _("You no longer take %(code)s on %(was)s"), urgent=True),
)

KINDS = {kind.name: kind for kind in _ALL}


def action_of(name: str) -> StrPromise:
    """What stands on the link; a message outlives its kind."""
    return KINDS[name].action if name in KINDS else SEE
