"""What people decide about a case, and how a registrar looks for one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.dateformat import time_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from reallocation.candidates import Candidate, Pool
from reallocation.enums import CaseStatus, StepNumber, WaitingFor
from reallocation.models import Case, CaseQuerySet
from reallocation.reasons import Reason
from reallocation.refusals import Refused
from reallocation.slots import SlotOption
from reallocation.week_grid import WeekGrid
from timetable.models import Institute, Professor, Room

from .absence import ClockInput, DayInput
from .colleague import ColleagueField, ColleagueSearchField, chosen, who_is_free
from .placing import PlacingForm
from .room import RoomSearchField

ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class CandidateLine:
    """Somebody on the list to choose from. `why_not` says why not, if not any more."""

    candidate: Candidate
    why_not: Reason | None = None
    balance: tuple[float, float] | None = None
    """The institute's balance of covering, 0 to 1, before and after this choice."""


@dataclass(frozen=True)
class Choices:
    """What there is to choose from on the page of one case; empty where nothing is asked."""

    case: Case
    candidates: Sequence[CandidateLine] = ()
    slots: Sequence[SlotOption] = ()
    pool: Pool | None = None
    grid: WeekGrid | None = None
    if_taught: Sequence[str] = ()
    """What would become of the case and its absence if the professor taught the class after all."""
    bells: Sequence[dt.time] = ()
    """At which times of the day classes begin; empty where the timetable does not say."""

    @property
    def institute(self) -> Institute:
        return self.case.institute


class CaseForm(PlacingForm):
    """A form on the page of a case, of which there may be several: ids carry the form's name."""

    offers_lists: ClassVar = False
    """Whether it looks for what is chosen among the choices."""

    def __init__(self, data: Any = None, *, choices: Choices) -> None:
        super().__init__(data, auto_id=f"{type(self).__name__.lower()}-%s")
        self.choices = choices

    def offer(self, choices: Choices) -> None:
        """What there is to choose from as it is shown, where it was not needed to read what was sent."""
        self.choices = choices

    @property
    def consequences(self) -> Sequence[str]:
        """What would follow, said before it is done."""
        return ()


class CandidateForm(CaseForm):
    PLACES: ClassVar = {"not_free": "candidate", "not_in_pool": "candidate"}

    candidate = forms.CharField(
        max_length=64, error_messages={"required": gettext_lazy("Choose somebody.")}
    )

    def clean_candidate(self) -> Professor:
        code = self.cleaned_data["candidate"]
        found = Professor.objects.filter(institute=self.choices.institute, code=code).first()
        if found is None:
            raise ValidationError(_("Choose somebody from the list."))
        return found


class SlotForm(CaseForm):
    """A place in time and space, sent as "moment|room code"."""

    PLACES: ClassVar = {"place_refused": "slot"}

    slot = forms.CharField(
        max_length=200, error_messages={"required": gettext_lazy("Choose a time.")}
    )

    def clean_slot(self) -> tuple[dt.datetime, Room | None]:
        moment, _bar, code = self.cleaned_data["slot"].partition("|")
        room = Room.objects.filter(institute=self.choices.institute, code=code).first()
        try:
            starts_at = dt.datetime.fromisoformat(moment)
        except ValueError:
            starts_at = None
        if starts_at is None or starts_at.tzinfo is None or (code and room is None):
            raise ValidationError(_("Choose a time from the list."))
        return starts_at, room


class NameForm(CaseForm):
    """Whom to ask: somebody from the ranked list, or anybody else."""

    offers_lists = True
    PLACES: ClassVar = {"not_free": "other"}

    def __init__(self, data: Any = None, *, choices: Choices) -> None:
        super().__init__(data, choices=choices)
        self.fields["listed"] = ColleagueField(
            choices.pool, _("Choose …"), label=_("A colleague who is free then")
        )
        self.fields["other"] = ColleagueSearchField(
            choices.institute, f"found-{type(self).__name__.lower()}"
        )
        self.order_fields(["listed", "other"])

    def place(self, refusal: Refused) -> None:
        super().place(refusal)
        if refusal.code == "not_free" and (instead := who_is_free(self.choices.pool)):
            self.add_error("other", instead)

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if self.errors:
            return data
        try:
            data["professor"] = chosen(data.get("listed"), data.get("other"))
        except ValidationError as error:
            self.add_error("other", error)
            return data
        if data["professor"] is None:
            self.add_error("listed", _("Choose somebody, or write who it is."))
        return data


def _why() -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Why?"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=1000,
        help_text=gettext_lazy("It is kept in the log."),
        error_messages={"required": gettext_lazy("Say why: the reason is kept in the log.")},
    )


def _on_the_grid(bells: Sequence[dt.time]) -> str:
    """At which times classes begin; "" where no bell says so."""
    if not bells:
        return ""
    said = _(
        "Classes begin at %(bells)s. Any other time is off the bell grid, and possible all the same."
    )
    return said % {"bells": ", ".join(time_format(bell, "H:i") for bell in bells)}


class AssignForm(NameForm):
    why = _why()


class MoveForm(CaseForm):
    PLACES: ClassVar = {"place_refused": "starts", "reason_required": "why"}

    day = forms.DateField(label=gettext_lazy("Day"), widget=DayInput())
    starts = forms.TimeField(label=gettext_lazy("Starts"), widget=ClockInput())
    why = _why()

    def __init__(self, data: Any = None, *, choices: Choices) -> None:
        super().__init__(data, choices=choices)
        room = choices.case.before_room
        self.fields["room"] = RoomSearchField(
            choices.institute, "found-rooms", initial=room.code if room else ""
        )
        self.order_fields(["day", "starts", "room", "why"])
        self.offer(choices)

    def offer(self, choices: Choices) -> None:
        super().offer(choices)
        self["starts"].help_text = _on_the_grid(choices.bells)

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if "day" in data and "starts" in data:
            try:
                data["starts_at"] = self.choices.institute.moment(data["day"], data["starts"])
            except OverflowError:
                self.add_error("day", self.fields["day"].error_messages["invalid"])
        return data


class TeachForm(CaseForm):
    """Nothing is asked: it is only to be confirmed."""

    @property
    def consequences(self) -> Sequence[str]:
        return self.choices.if_taught


class DropForm(CaseForm):
    why = _why()


class StepForm(CaseForm):
    """To which rung, and why."""

    PLACES: ClassVar = {"cannot_restore": "step", "reason_required": "why"}

    step = forms.TypedChoiceField(
        label=gettext_lazy("Step"),
        choices=StepNumber.choices,
        coerce=lambda value: StepNumber(int(value)),
    )
    why = _why()


class TakeBackForm(CaseForm):
    comment = forms.CharField(
        label=gettext_lazy("Why? (as you like)"),
        max_length=500,
        required=False,
        help_text=gettext_lazy("Registrars can read it."),
    )


class CaseFilter(django_filters.FilterSet):  # type: ignore[misc]
    """An institute's cases by what a registrar asks for. Days are those of the class as planned."""

    q = django_filters.CharFilter(method="by_text", label=gettext_lazy("Class or professor"))
    status = django_filters.ChoiceFilter(
        choices=CaseStatus.choices, label=gettext_lazy("Status"), empty_label=gettext_lazy("All")
    )
    step = django_filters.ChoiceFilter(
        choices=StepNumber.choices, label=gettext_lazy("Step"), empty_label=gettext_lazy("All")
    )
    waiting_for = django_filters.ChoiceFilter(
        choices=WaitingFor.choices,
        label=gettext_lazy("Waits for"),
        empty_label=gettext_lazy("Anybody"),
    )
    since = django_filters.DateFilter(
        method="by_first_day", label=gettext_lazy("From"), widget=DayInput()
    )
    until = django_filters.DateFilter(
        method="by_last_day", label=gettext_lazy("Until"), widget=DayInput()
    )

    class Meta:
        model = Case
        fields: ClassVar = ["q", "status", "step", "waiting_for", "since", "until"]

    def __init__(self, *args: Any, institute: Institute, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.institute = institute

    def by_text(self, rows: CaseQuerySet, name: str, value: str) -> CaseQuerySet:
        text = value.strip()
        return rows.filter(
            Q(meeting__offering__code__icontains=text)
            | Q(meeting__offering__course__title__icontains=text)
            | Q(professor__name__icontains=text)
            | Q(professor__code=text)
        )

    def by_first_day(self, rows: CaseQuerySet, name: str, value: dt.date) -> CaseQuerySet:
        try:
            return rows.filter(before_starts_at__gte=self.institute.moment(value, dt.time()))
        except OverflowError:
            return rows

    def by_last_day(self, rows: CaseQuerySet, name: str, value: dt.date) -> CaseQuerySet:
        try:
            end = self.institute.moment(value + ONE_DAY, dt.time())
        except OverflowError:
            return rows
        return rows.filter(before_starts_at__lt=end)
