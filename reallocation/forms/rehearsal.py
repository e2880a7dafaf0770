"""What a registrar wants rehearsed, and the rules to compare with."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.forms import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from reallocation.models import WINDOWS, Policy
from reallocation.policy import plain, rule
from reallocation.rehearsal.people import Odds
from timetable.models import Institute, Meeting

from .absence import ClockInput, DayInput

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

MOST_ABSENCES = 500
MOST_LEAD_HOURS = 30 * 24
LARGEST_SEED = 2**31 - 1

ASKING = ("wave_size", "daily_cap_hours", "weekly_cap_hours", "weekly_extra_hours")
TIME = (*WINDOWS, "window_floor", "notice", "waking_from", "waking_to")
VOTES_AND_TIMES = ("quorum_percent", "clash_percent")
RULES = (*ASKING, *TIME, *VOTES_AND_TIMES)


@dataclass(frozen=True)
class Group:
    """Fields that belong together on the page."""

    heading: StrPromise
    fields: tuple[str, ...]
    is_open: bool = False


WHO = Group(gettext_lazy("Who is absent"), ("absences", "on", "wave", "lead_hours"))
HOW = Group(gettext_lazy("How people answer"), ("accept", "turnout", "yes", "seed"))
OTHERS = (
    Group(gettext_lazy("Whom to ask"), ASKING, is_open=True),
    Group(gettext_lazy("Time to answer"), TIME),
    Group(gettext_lazy("Votes and new times"), VOTES_AND_TIMES),
)


def _percent(label: Any, share: float | None, **kwargs: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        min_value=0,
        max_value=100,
        initial=None if share is None else round(100 * share),
        required=share is not None,
        **kwargs,
    )


class RehearsalForm(forms.ModelForm[Policy]):
    """A script, and the institute's rules, of which any may be changed to compare. Saves nothing."""

    absences = forms.IntegerField(
        label=gettext_lazy("Absences"),
        initial=50,
        min_value=1,
        max_value=MOST_ABSENCES,
        help_text=gettext_lazy("One professor for one day each, drawn by lot."),
    )
    on = forms.DateField(
        label=gettext_lazy("All on one day"),
        required=False,
        widget=DayInput(),
        help_text=gettext_lazy("Empty: spread over what is left of the term."),
    )
    wave = _percent(
        gettext_lazy("Share of all,\u00a0%"),
        None,
        help_text=gettext_lazy("Of all who teach that day, instead of a number: a flu wave."),
    )
    lead_hours = forms.FloatField(
        label=gettext_lazy("Filed before, hours"),
        required=False,
        min_value=0,
        max_value=MOST_LEAD_HOURS,
        help_text=gettext_lazy("Before the first class. Empty: half an hour to three days."),
    )
    accept = _percent(gettext_lazy("Requests accepted,\u00a0%"), Odds.accept)
    turnout = _percent(gettext_lazy("Students who vote,\u00a0%"), Odds.turnout)
    yes = _percent(gettext_lazy("Votes for yes,\u00a0%"), Odds.yes)
    seed = forms.IntegerField(
        label=gettext_lazy("Lot"),
        initial=1,
        min_value=0,
        max_value=LARGEST_SEED,
        help_text=gettext_lazy("The same number draws the same again."),
    )

    class Meta:
        model = Policy
        fields = RULES
        widgets: ClassVar = {"waking_from": ClockInput(), "waking_to": ClockInput()}

    def __init__(
        self, data: Any = None, *, institute: Institute, policy: Policy, **kwargs: Any
    ) -> None:
        super().__init__(data, instance=copy.copy(policy), **kwargs)
        self.institute, self.policy = institute, policy
        # How many may be asked at once is for the institute to know; a number without end is a typing error.
        self.fields["wave_size"].validators += [MinValueValidator(0), MaxValueValidator(1000)]

    def clean_on(self) -> dt.date | None:
        day: dt.date | None = self.cleaned_data["on"]
        if day is not None and not self._anybody_teaches(day):
            raise ValidationError(_("Nobody teaches anything on that day."))
        return day

    def _anybody_teaches(self, day: dt.date) -> bool:
        meetings = Meeting.objects.holding().filter(institute=self.institute)
        try:
            return bool(meetings.on_day(self.institute, day).exists())
        except OverflowError:
            return False

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("wave") is not None and not data.get("on") and "on" not in self.errors:
            self.add_error("on", _("Say on which day so many are out."))
        return data

    @property
    def script(self) -> dict[str, Any]:
        """Who is absent and how people behave, once it is valid, as `Rehearsal.script` keeps it."""
        data = self.cleaned_data
        wave = data["wave"]
        return {
            "absences": data["absences"],
            "seed": data["seed"],
            "on": data["on"].isoformat() if data["on"] else None,
            "lead_hours": data["lead_hours"],
            "wave": None if wave is None else wave / 100,
            "accept": data["accept"] / 100,
            "turnout": data["turnout"] / 100,
            "yes": data["yes"] / 100,
        }

    @property
    def rules(self) -> dict[str, list[Any]]:
        """The rules that were changed: by name, as it is and instead."""
        before = {name: rule(name).to_python(getattr(self.policy, name)) for name in RULES}
        return {
            name: [plain(before[name]), plain(self.cleaned_data[name])]
            for name in RULES
            if before[name] != self.cleaned_data[name]
        }

    @property
    def who(self) -> Iterator[BoundField]:
        return (self[name] for name in WHO.fields)

    @property
    def how(self) -> Iterator[BoundField]:
        return (self[name] for name in HOW.fields)

    @property
    def others(self) -> Iterator[tuple[Group, list[BoundField], bool]]:
        """The rules in their groups. One with a rule that is changed, or wrong, stands open."""
        changed = self._changed()
        for group in OTHERS:
            fields = [self[name] for name in group.fields]
            touched = any(field.errors or field.name in changed for field in fields)
            yield group, fields, group.is_open or touched

    def _changed(self) -> frozenset[str]:
        """The rules in which the form differs from the institute's, as sent or as filled in before."""
        if self.is_bound:
            return frozenset(self.changed_data) & frozenset(RULES)
        filled = {name: self.get_initial_for_field(self.fields[name], name) for name in RULES}
        return frozenset(n for n, value in filled.items() if value != getattr(self.policy, n))


def filled_from(script: Mapping[str, Any], rules: Mapping[str, list[Any]]) -> dict[str, Any]:
    """What to fill the form with to rehearse something again."""
    shares = {
        name: None if script[name] is None else round(100 * script[name])
        for name in ("wave", "accept", "turnout", "yes")
    }
    kept = {name: script[name] for name in ("absences", "seed", "on", "lead_hours")}
    others = {name: rule(name).to_python(new) for name, (_old, new) in rules.items()}
    return {**kept, **shares, **others}
