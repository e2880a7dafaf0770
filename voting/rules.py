"""When a class has said yes: arithmetic on whole numbers, without rows."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from timetable.percentages import percentage

from .enums import BallotResult


@dataclass(frozen=True)
class Turnout:
    """How many of the roll have voted."""

    voted: int
    roll: int

    @property
    def percent(self) -> int:
        """In whole per cent, rounded down: 100 means everybody."""
        return 100 * self.voted // self.roll if self.roll else 0

    def sentence(self) -> str:
        return _("%(voted)s of %(roll)s have voted (%(percent)s).") % {
            "voted": self.voted,
            "roll": self.roll,
            "percent": percentage(self.percent),
        }


@dataclass(frozen=True)
class Rule:
    """A majority of the votes cast, and an approval quorum: a share of the roll that says yes.

    The quorum counts approvals, not turnout, so nobody helps a side by staying away.
    """

    quorum_percent: int

    def quorum(self, roll: int) -> int:
        """The smallest number of yes votes that is at least the quorum's share of the roll."""
        return -(-self.quorum_percent * roll // 100)

    def approved(self, yes: int, no: int, roll: int) -> bool:
        """Whether this count is a yes of the class. A tie is a no."""
        return yes > no and yes >= self.quorum(roll)

    def result(self, yes: int, no: int, roll: int) -> BallotResult:
        return BallotResult.APPROVED if self.approved(yes, no, roll) else BallotResult.REJECTED

    def decided_early(self, yes: int, no: int, roll: int) -> BallotResult | None:
        """The result that no further vote can change, or None while there is none.

        More than half of the roll has said yes, or at least half has said no: on an even roll
        exactly half is enough for a no, because the other half could only make a tie. A yes waits
        for a quorum above one half as well. A no does not use it, though three noes of ten end all
        hope of a quorum of 75 %: so few may still change their minds.
        """
        if 2 * yes > roll and yes >= self.quorum(roll):
            return BallotResult.APPROVED
        if 2 * no >= roll:
            return BallotResult.REJECTED
        return None

    def sentence(self, roll: int) -> str:
        """The rule as it is printed on a ballot with this roll."""
        if not self.quorum_percent:
            return _("The class agrees if more say yes than no; a tie is a no.")
        return _(
            "The class agrees if more say yes than no and at least %(quorum)s of the %(roll)s who "
            "may vote (%(percent)s) say yes; a tie is a no."
        ) % {"quorum": self.quorum(roll), "roll": roll, "percent": percentage(self.quorum_percent)}
