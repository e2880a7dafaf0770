"""What came of a rehearsal, for people: a verdict in plain sentences, bars, and a table.

Works on the plain values of `Rehearsal.found` and `Rehearsal.compared`; without the second there is
nothing to compare, and the first is told alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from reallocation.enums import CaseStatus, StepNumber
from reallocation.policy import rule
from timetable.percentages import percentage

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

Figures = Mapping[str, Any]
Rules = Mapping[str, list[Any]]


@dataclass(frozen=True)
class Side:
    """One of the two figures of a measure. `width`: of its bar, in per cent, as text for the page."""

    value: float | None
    text: str
    width: str


@dataclass(frozen=True)
class Pair:
    """A measure by today's rules and by the other ones; `other` is None where nothing is compared."""

    label: str
    today: Side
    other: Side | None
    difference: str = ""


@dataclass(frozen=True)
class Chart:
    key: str
    heading: StrPromise
    note: StrPromise
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class Comparison:
    headline: str
    sentences: tuple[str, ...]
    charts: tuple[Chart, ...]
    rows: tuple[Pair, ...]
    """What the table has beyond the charts."""


def compare(found: Figures, compared: Figures | None, rules: Rules) -> Comparison:
    headline, sentences = _alone(found) if compared is None else _verdict(found, compared, rules)
    return Comparison(
        headline,
        tuple(sentences),
        tuple(_charts(found, compared)),
        tuple(_more(found, compared)),
    )


# Numbers


@dataclass(frozen=True)
class Unit:
    """How a kind of figure is shown. Differences are of what is shown, so that the reader can check."""

    digits: int
    text: Callable[[float, int], str]
    apart: Callable[[float, int], str] | None = None
    """How a difference is shown, where not like the figure itself."""

    def say(self, value: float) -> str:
        return self.text(self.rounded(value), self.digits)

    def rounded(self, value: float) -> float:
        return round(value, self.digits)

    def change(self, before: float | None, after: float | None) -> float:
        """By how much it is more afterwards; 0 if that does not show, or either is unknown."""
        if before is None or after is None:
            return 0.0
        return self.rounded(self.rounded(after) - self.rounded(before))

    def signed(self, change: float) -> str:
        if not change:
            return "="
        size = (self.apart or self.text)(abs(change), self.digits)
        return f"{'+' if change > 0 else '−'}{size}"


def _number(value: float, digits: int) -> str:
    return number_format(value, digits, force_grouping=True)


def _percent(value: float, digits: int) -> str:
    return percentage(100 * value, digits - 2)


def _points(value: float, digits: int) -> str:
    points = round(100 * value)
    return ngettext("%(n)s point", "%(n)s points", points) % {"n": number_format(points, 0)}


def _hours(value: float, digits: int) -> str:
    return _("%(n)s h") % {"n": _number(value, digits)}


COUNT = Unit(0, _number)
NUMBER = Unit(1, _number)
HOURS = Unit(1, _hours)
SHARE = Unit(2, _percent, _points)
SCORE = Unit(2, _number)


# Bars


def _pair(
    label: Any, today: float | None, other: float | None, unit: Unit, most: float, *, alone: bool
) -> Pair:
    known = not alone and today is not None and other is not None
    return Pair(
        str(label),
        _side(today, unit, most),
        None if alone else _side(other, unit, most),
        unit.signed(unit.change(today, other)) if known else "",
    )


def _side(value: float | None, unit: Unit, most: float) -> Side:
    share = 0.0 if value is None or not most else max(0.0, min(1.0, value / most))
    return Side(value, "–" if value is None else unit.say(value), f"{100 * share:.1f}%")


def _charts(found: Figures, compared: Figures | None) -> Iterator[Chart]:
    alone = compared is None
    other: Figures = compared or found

    def outcome(status: CaseStatus) -> Pair:
        most = max(found["cases"], other["cases"])
        sides = found["outcomes"][status], other["outcomes"][status]
        return _pair(status.label, *sides, COUNT, most, alone=alone)

    def filled(step: StepNumber) -> Pair:
        sides = found["filled"][str(step)], other["filled"][str(step)]
        return _pair(f"{step} · {step.label}", *sides, SHARE, 1, alone=alone)

    def own_scale(label: Any, name: str, unit: Unit) -> Pair:
        sides = found[name], other[name]
        return _pair(label, *sides, unit, max(side or 0 for side in sides), alone=alone)

    yield Chart(
        "outcomes",
        gettext_lazy("What becomes of the classes"),
        gettext_lazy("How many of all that are affected."),
        tuple(
            outcome(status)
            for status in (
                CaseStatus.SUBSTITUTED,
                CaseStatus.RESCHEDULED,
                CaseStatus.WEEKEND,
                CaseStatus.DROPPED,
            )
        ),
    )
    yield Chart(
        "steps",
        gettext_lazy("What each step settles"),
        gettext_lazy("Of the classes that come to it; – where none does."),
        tuple(filled(step) for step in StepNumber),
    )
    yield Chart(
        "people",
        gettext_lazy("What it asks of people"),
        gettext_lazy("Each line has a scale of its own."),
        (
            own_scale(_("People asked per class covered"), "asked_per_cover", NUMBER),
            own_scale(_("Messages to each person concerned"), "messages_per_person", NUMBER),
            own_scale(_("Hours owed to students"), "hours_owed", HOURS),
            own_scale(_("Classes told too late"), "told_late", COUNT),
        ),
    )
    balances = [
        (_("Before"), found["balance_before"], other["balance_before"]),
        (_("After"), found["balance_after"], other["balance_after"]),
    ]
    yield Chart(
        "balance",
        gettext_lazy("How evenly covering is spread"),
        gettext_lazy("The balance of covering: 1 is as even as can be; – without data."),
        tuple(
            _pair(label, before, after, SCORE, 1, alone=alone) for label, before, after in balances
        ),
    )


def _more(found: Figures, compared: Figures | None) -> Iterator[Pair]:
    for label, name in (
        (_("Classes affected"), "cases"),
        (_("Requests sent"), "offers"),
        (_("Votes cast"), "votes"),
        (_("Messages written"), "messages"),
    ):
        other = None if compared is None else compared[name]
        yield _pair(label, found[name], other, COUNT, 0, alone=compared is None)


# Sentences


def _plainly(value: float) -> str:
    """As one says it: `2.9`, `12`."""
    rounded = NUMBER.rounded(value)
    return _number(rounded, 0 if rounded == int(rounded) else NUMBER.digits)


def _in_hours(value: float) -> str:
    return _("%(n)s h") % {"n": _plainly(value)}


def _alone(found: Figures) -> tuple[str, list[str]]:
    cases, lost = found["cases"], found["outcomes"][CaseStatus.DROPPED]
    headline = ngettext(
        "Of %(cases)s class, %(held)s is held and %(lost)s is lost.",
        "Of %(cases)s classes, %(held)s are held and %(lost)s are lost.",
        cases,
    ) % {"cases": COUNT.say(cases), "held": COUNT.say(cases - lost), "lost": COUNT.say(lost)}
    sentences = []
    if found["asked_per_cover"] is not None:
        sentences.append(
            _("%(n)s people are asked per class that somebody covers.")
            % {"n": _plainly(found["asked_per_cover"])}
        )
    if found["messages_per_person"] is not None:
        sentences.append(
            _("Each person concerned gets %(n)s messages.")
            % {"n": _plainly(found["messages_per_person"])}
        )
    if found["hours_owed"]:
        sentences.append(
            _("%(hours)s are owed to students at the end.")
            % {"hours": _in_hours(found["hours_owed"])}
        )
    return headline, sentences


def rule_name(name: str) -> str:
    return str(rule(name).verbose_name)


def _with(rules: Rules) -> str:
    """How the other rules are called at the head of a sentence."""
    if list(rules) == ["wave_size"]:
        size = rules["wave_size"][1]
        if size == 0:
            return _("With everyone asked at once")
        return ngettext(
            "With %(n)s person asked at a time", "With %(n)s people asked at a time", size
        ) % {"n": COUNT.say(size)}
    if len(rules) == 1:
        ((name, (old, new)),) = rules.items()
        return _("With “%(rule)s” at %(new)s instead of %(old)s") % {
            "rule": rule_name(name),
            "new": new,
            "old": old,
        }
    return _("With the other rules")


def _verdict(found: Figures, compared: Figures, rules: Rules) -> tuple[str, list[str]]:
    clauses = [clause for tell in CLAUSES if (clause := tell(found, compared))]
    head = _with(rules)
    match clauses:
        case []:
            same = _("%(with)s, nothing changes: the same is done, asked and lost.")
            return same % {"with": head}, []
        case [first]:
            return _("%(with)s, %(first)s.") % {"with": head, "first": first}, []
        case [first, second, *rest]:
            both = _("%(with)s, %(first)s, and %(second)s.")
            headline = both % {"with": head, "first": first, "second": second}
            return headline, [f"{capfirst(clause)}." for clause in rest]
        case _:
            raise AssertionError(clauses)


def _asked(found: Figures, compared: Figures) -> str:
    change = NUMBER.change(found["asked_per_cover"], compared["asked_per_cover"])
    said = {"n": _plainly(abs(change))}
    if change > 0:
        return _("%(n)s more people are asked per class covered") % said
    return _("%(n)s fewer people are asked per class covered") % said if change else ""


def _lost(found: Figures, compared: Figures) -> str:
    lost = CaseStatus.DROPPED
    change = compared["outcomes"][lost] - found["outcomes"][lost]
    more = ngettext("%(n)s class more is lost", "%(n)s classes more are lost", abs(change))
    fewer = ngettext("%(n)s class fewer is lost", "%(n)s classes fewer are lost", abs(change))
    return (more if change > 0 else fewer) % {"n": COUNT.say(abs(change))} if change else ""


def _covered(found: Figures, compared: Figures) -> str:
    covered = CaseStatus.SUBSTITUTED
    change = compared["outcomes"][covered] - found["outcomes"][covered]
    more = ngettext(
        "%(n)s class more is taught at its time by somebody else",
        "%(n)s classes more are taught at their time by somebody else",
        abs(change),
    )
    fewer = ngettext(
        "%(n)s class fewer is taught at its time by somebody else",
        "%(n)s classes fewer are taught at their time by somebody else",
        abs(change),
    )
    return (more if change > 0 else fewer) % {"n": COUNT.say(abs(change))} if change else ""


def _owed(found: Figures, compared: Figures) -> str:
    change = NUMBER.change(found["hours_owed"], compared["hours_owed"])
    said = {"hours": _in_hours(abs(change))}
    if change > 0:
        return _("%(hours)s more are owed to students") % said
    return _("%(hours)s less are owed to students") % said if change else ""


def _messages(found: Figures, compared: Figures) -> str:
    change = NUMBER.change(found["messages_per_person"], compared["messages_per_person"])
    said = {"n": _plainly(abs(change))}
    if change > 0:
        return _("each person concerned gets %(n)s more messages") % said
    return _("each person concerned gets %(n)s fewer messages") % said if change else ""


def _late(found: Figures, compared: Figures) -> str:
    change = int(COUNT.change(found["told_late"], compared["told_late"]))
    more = ngettext(
        "the students of %(n)s class more learn of it too late",
        "the students of %(n)s classes more learn of it too late",
        abs(change),
    )
    fewer = ngettext(
        "the students of %(n)s class fewer learn of it too late",
        "the students of %(n)s classes fewer learn of it too late",
        abs(change),
    )
    return (more if change > 0 else fewer) % {"n": COUNT.say(abs(change))} if change else ""


def _even(found: Figures, compared: Figures) -> str:
    change = SCORE.change(found["balance_after"], compared["balance_after"])
    said = {
        "old": SCORE.say(found["balance_after"] or 0),
        "new": SCORE.say(compared["balance_after"] or 0),
    }
    if change > 0:
        return _("covering is spread more evenly (balance %(new)s instead of %(old)s)") % said
    less = _("covering is spread less evenly (balance %(new)s instead of %(old)s)")
    return less % said if change else ""


CLAUSES = (_asked, _lost, _covered, _owed, _messages, _late, _even)
"""What the other rules change, the most telling first. Each is empty where nothing changes."""
