"""How long the steps of a case may take, in words, for whoever waits for what comes of it.

Only what the engine is sure to keep is said: a window is never longer than the rules of the institute
and the time left allow, and no step ends later than its part of the ladder. Sooner is always possible.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from .enums import StepNumber, WaitingFor
from .models import Case
from .notifications.wording import day_and_time
from .policy import Budget, Stage, checkpoint_budget, checkpoint_of, class_budget, policy_of

MINUTE = dt.timedelta(minutes=1)
HOUR = 60


@dataclass(frozen=True)
class Outlook:
    takes: Mapping[StepNumber, str] = field(default_factory=dict)
    """Of the running step and of those to come."""
    ends: tuple[str, ...] = ()
    """By when the steps are over at the latest, and which hours are counted."""


def outlook(case: Case, now: dt.datetime) -> Outlook:
    """Nothing for a case that is closed. Reads the policy, unless it was read with the case."""
    if not case.is_open:
        return Outlook()
    policy = policy_of(case.institute)
    checkpoint = checkpoint_of(case, now)
    before = class_budget(case, policy)
    after = checkpoint_budget(case, policy, checkpoint) if checkpoint else None
    takes = {
        number: said
        for number in StepNumber
        if number >= case.step and (said := _takes(number, case, before, after, now))
    }
    ends = tuple(_ends(case, before, after, now))
    return Outlook(takes, (*ends, _nights(before)) if takes else ends)


def _takes(
    number: StepNumber, case: Case, before: Budget, after: Budget | None, now: dt.datetime
) -> str:
    budget = after if number in (StepNumber.RESCHEDULE, StepNumber.WEEKEND) else before
    if budget is None:
        return ""
    waits = bool(case.waiting_for) and number == case.step
    if number == StepNumber.SUBJECT:
        return _three_windows(case.waiting_for if waits else "", budget, now)
    if waits:
        # Until when is said already, by who is waited for.
        return ""
    longest = budget.at_most(STAGES[number], now)
    if longest is not None:
        return _("At most %(spans)s.") % {"spans": length(longest)}
    if number == StepNumber.RESCHEDULE:
        return _("No time is left to choose: the best free time is taken at once.")
    return _("No time is left for it.")


STAGES = {
    StepNumber.DIRECT: Stage.DIRECT,
    StepNumber.SECTION: Stage.SECTION,
    StepNumber.RESCHEDULE: Stage.SLOT,
    StepNumber.WEEKEND: Stage.WEEKEND,
}

FOR = {
    Stage.CHOOSE: gettext_lazy("%(span)s to choose"),
    Stage.ANSWER: gettext_lazy("%(span)s for each answer"),
    Stage.VOTE: gettext_lazy("%(span)s to vote"),
}

STILL_TO_COME: dict[str, tuple[Stage, ...]] = {
    "": (Stage.CHOOSE, Stage.ANSWER, Stage.VOTE),
    WaitingFor.CANDIDATE_CHOICE: (Stage.ANSWER, Stage.VOTE),
    WaitingFor.CANDIDATE: (Stage.ANSWER, Stage.VOTE),
    WaitingFor.CLASS_VOTE: (),
}


def _three_windows(waiting_for: str, budget: Budget, now: dt.datetime) -> str:
    """Of step 3: choosing, then answering, by each who is asked in turn, then the vote."""
    stages = STILL_TO_COME[waiting_for]
    if waiting_for == "" and budget.at_most(Stage.ANSWER, now) is None:
        return _("No time is left for it.")
    spans = [
        str(FOR[stage]) % {"span": length(longest)}
        for stage in stages
        if (longest := budget.at_most(stage, now)) is not None
    ]
    if not spans:
        return ""
    said = _("Then at most %(spans)s.") if waiting_for else _("At most %(spans)s.")
    return said % {"spans": ", ".join(spans)}


def _ends(case: Case, before: Budget, after: Budget | None, now: dt.datetime) -> Iterable[str]:
    by = {"class": "", "checkpoint": ""}
    if case.step <= StepNumber.SUBJECT and now < before.deadline:
        by["class"] = day_and_time(case.institute, before.deadline)
    if after is not None:
        by["checkpoint"] = day_and_time(case.institute, after.deadline)
    if by["class"] and by["checkpoint"]:
        yield (
            _("Steps 1 to 3 are over by %(class)s at the latest, steps 4 and 5 by %(checkpoint)s.")
            % by
        )
    elif by["class"]:
        yield _("Steps 1 to 3 are over by %(class)s at the latest.") % by
    elif by["checkpoint"]:
        yield _("Steps 4 and 5 are over by %(checkpoint)s at the latest.") % by


def _nights(budget: Budget) -> str:
    return _("The hours from %(sleeps)s to %(wakes)s at night may come on top.") % {
        "sleeps": f"{budget.clock.sleeps:%H:%M}",
        "wakes": f"{budget.clock.wakes:%H:%M}",
    }


def length(span: dt.timedelta) -> str:
    """Like "4 h", "10 min" or "1 h 30 min"; what is under a minute is left out."""
    hours, minutes = divmod(span // MINUTE, HOUR)
    parts = []
    if hours:
        parts.append(pgettext("span", "%(n)d h") % {"n": hours})
    if minutes or not hours:
        parts.append(pgettext("span", "%(n)d min") % {"n": minutes})
    # A number and its unit stay on one line.
    return " ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts)
