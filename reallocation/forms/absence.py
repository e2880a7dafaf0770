"""Filing an absence, and changing when it is."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from reallocation import absences
from reallocation.absences import Span
from reallocation.candidates import obstacle
from reallocation.models import Case
from reallocation.notifications.wording import span
from reallocation.policy import policy_of
from reallocation.preview import Prospect
from reallocation.refusals import Refused
from timetable.enums import AbsenceCategory
from timetable.models import Absence, Institute, Meeting, Professor

from .colleague import ColleagueField, ColleagueSearchField, chosen, who_is_free
from .placing import PlacingForm

ONE_DAY = dt.timedelta(days=1)
MIDNIGHT = dt.time()


def handover_field() -> forms.CharField:
    """The note that goes with a class."""
    return forms.CharField(
        label=gettext_lazy("For whoever takes the class"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=4000,
        required=False,
        help_text=gettext_lazy(
            "Where you are in the course, where the slides are: all who are asked can read it."
        ),
    )


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class ClockInput(forms.TimeInput):
    input_type = "time"

    def __init__(self) -> None:
        super().__init__(format="%H:%M")


class _Span(PlacingForm):
    """A span on the institute's clock, checked as the domain checks it. `span` once it is valid."""

    day = forms.DateField(label=gettext_lazy("Day"), widget=DayInput())
    last_day = forms.DateField(label=gettext_lazy("Last day"), widget=DayInput(), required=False)
    starts = forms.TimeField(label=gettext_lazy("From"), widget=ClockInput(), required=False)
    ends = forms.TimeField(label=gettext_lazy("Until"), widget=ClockInput(), required=False)

    def __init__(
        self,
        *args: Any,
        professor: Professor,
        now: dt.datetime,
        absence: Absence | None = None,
        on_file: Sequence[Absence] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.professor, self.now, self.absence = professor, now, absence
        self.on_file = on_file
        self.ends_field = "last_day"

    @property
    def span(self) -> Span:
        starts_at: dt.datetime = self.cleaned_data["starts_at"]
        ends_at: dt.datetime = self.cleaned_data["ends_at"]
        return starts_at, ends_at

    def settle(self, first: dt.date, starts: dt.time, last: dt.date, ends: dt.time | None) -> None:
        """Work out the span and have the domain check it. Without `ends`, to the end of the day."""
        institute = self.professor.institute
        try:
            starts_at = institute.moment(first, starts)
        except OverflowError:
            self.add_error("day", self.fields["day"].error_messages["invalid"])
            return
        try:
            ends_at = institute.moment(last + ONE_DAY, MIDNIGHT)
        except OverflowError:
            place = "day" if last == first else "last_day"
            self.add_error(place, self.fields[place].error_messages["invalid"])
            return
        if ends is not None:
            ends_at = institute.moment(last, ends)
        self.cleaned_data |= {"starts_at": starts_at, "ends_at": ends_at}
        try:
            absences.check_span(
                self.professor,
                starts_at,
                ends_at,
                self.absence.offering if self.absence else None,
                self.now,
                but_for=self.absence,
                known=self.on_file,
            )
        except Refused as refusal:
            if refusal.code == "absence_ends_before_start":
                self.add_error(self.ends_field, refusal.message)
            else:
                self.place(refusal)


class SpanForm(_Span):
    """When somebody is away: one day, several days, or part of a day."""

    kind = forms.ChoiceField(
        label=gettext_lazy("How long?"),
        choices=[
            ("day", gettext_lazy("One day")),
            ("days", gettext_lazy("Several days")),
            ("part", gettext_lazy("Part of a day")),
        ],
        widget=forms.RadioSelect,
        initial="day",
    )
    field_order = ["kind", "day", "last_day", "starts", "ends"]

    PLACES: ClassVar = {
        "absence_past": "day",
        "absence_overlaps": "day",
        "absence_too_long": "last_day",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Which of the two is shown follows from what is chosen above it: see workflow.css.
        self.fields["day"].label = format_html(
            '<span class="if-one">{}</span><span class="if-several">{}</span>',
            _("Day"),
            _("First day"),
        )

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        match data.get("kind"):
            case "days":
                self._require("last_day")
            case "part":
                self._require("starts", "ends")
        if self.errors:
            return data
        if data["kind"] == "part":
            self.ends_field = "ends"
            self.settle(data["day"], data["starts"], data["day"], data["ends"])
        else:
            last = data["last_day"] if data["kind"] == "days" else data["day"]
            self.settle(data["day"], MIDNIGHT, last, None)
        return data

    def _require(self, *names: str) -> None:
        for name in names:
            if not self.cleaned_data.get(name) and name not in self.errors:
                self.add_error(name, self.fields[name].error_messages["required"])


class ChangeForm(_Span):
    """When an absence that is on file shall be instead, and the note that goes with it.

    A time left empty means the whole day.
    """

    handover = handover_field()

    PLACES: ClassVar = {
        "absence_past": "last_day",
        "absence_over": "last_day",
        "absence_overlaps": "day",
        "absence_too_long": "last_day",
        "outside_absence": "take_in",
        "class_begun": "take_in",
    }
    field_order = ["day", "starts", "last_day", "ends", "take_in", "handover"]

    def __init__(
        self, *args: Any, absence: Absence, left_out: Sequence[Meeting] = (), **kwargs: Any
    ) -> None:
        local = absence.institute.local
        first, last = local(absence.starts_at), local(absence.ends_at)
        whole = last.time() == MIDNIGHT
        initial = {
            "day": first.date(),
            "starts": None if first.time() == MIDNIGHT else first.time(),
            "last_day": last.date() - ONE_DAY if whole else last.date(),
            "ends": None if whole else last.time(),
            "handover": absence.handover,
        }
        super().__init__(
            *args, absence=absence, professor=absence.professor, initial=initial, **kwargs
        )
        self.fields["day"].label = _("First day")
        self.fields["last_day"].required = True
        self.left_out = {str(meeting.uid): meeting for meeting in left_out}
        if left_out:
            self.fields["take_in"] = forms.MultipleChoiceField(
                label=_("Classes that are left out. Look for somebody after all for:"),
                choices=[(uid, _named(meeting)) for uid, meeting in self.left_out.items()],
                widget=forms.CheckboxSelectMultiple,
                required=False,
                error_messages={
                    "invalid_choice": _("One of these classes is not left out any more.")
                },
            )

    def clean_handover(self) -> str:
        """As it was where nothing but ends of lines differ, or where the page did not ask for it."""
        was, said = self.initial["handover"], self.cleaned_data["handover"]
        same = said.strip().splitlines() == was.strip().splitlines()
        return str(was if same or "handover" not in self.data else said)

    @property
    def new_note(self) -> str | None:
        """What is to be read from now on by whoever takes a class; None if that is what it was."""
        said: str = self.cleaned_data["handover"]
        return None if said == self.initial["handover"] else said

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if not self.errors:
            starts = data["starts"] or MIDNIGHT
            if data["last_day"] == data["day"] and data["ends"]:
                self.ends_field = "ends"
            self.settle(data["day"], starts, data["last_day"], data["ends"])
        if not self.errors and not all(self._spans(meeting) for meeting in self.taken_in):
            self.place(Refused("outside_absence"))
        return data

    def _spans(self, meeting: Meeting) -> bool:
        starts_at, ends_at = self.span
        return meeting.starts_at < ends_at and starts_at < meeting.ends_at

    @property
    def mark(self) -> str:
        """What was looked at and is now confirmed."""
        seen = [
            *(moment.isoformat() for moment in self.span),
            *self.cleaned_data.get("take_in", ()),
        ]
        if self.new_note is not None:
            seen.append(hashlib.sha256(self.new_note.encode()).hexdigest())
        return "/".join(seen)

    @property
    def taken_in(self) -> list[Meeting]:
        """The classes that were left out and no longer are to be."""
        return [self.left_out[uid] for uid in self.cleaned_data.get("take_in", ())]


def _named(meeting: Meeting) -> str:
    when = span(meeting.institute, meeting.starts_at, meeting.ends_at)
    return f"{when}, {meeting.offering.course}"


class WhoForm(forms.Form):
    """For whom a registrar files."""

    def __init__(self, data: Any = None, *, institute: Institute) -> None:
        super().__init__(data)
        self.fields["who"] = ColleagueSearchField(
            institute,
            "found-who",
            label=_("Who is absent? Name or code"),
            required=True,
        )


@dataclass(frozen=True)
class Row:
    """One meeting of the preview with its three fields."""

    prospect: Prospect
    cover: forms.BoundField
    ask: forms.BoundField | None
    other: forms.BoundField | None


class AbsenceForm(PlacingForm):
    """What is to be done about each meeting of the spans, and what goes with it."""

    category = forms.ChoiceField(
        label=gettext_lazy("Reason"),
        choices=[("", gettext_lazy("I would rather not say")), *AbsenceCategory.choices],
        required=False,
        help_text=gettext_lazy("Only you and registrars see it."),
    )
    note = forms.CharField(
        label=gettext_lazy("Private note"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=2000,
        required=False,
        help_text=gettext_lazy(
            "Only you and registrars who have been granted it can read this. It is removed later."
        ),
    )
    handover = handover_field()
    seen = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        professor: Professor,
        spans: Sequence[Span],
        prospects: Sequence[Prospect],
        now: dt.datetime,
    ) -> None:
        self.professor, self.spans, self.now = professor, spans, now
        self.prospects = [p for p in prospects if p.running is None]
        self.looked_after = [p for p in prospects if p.running is not None]
        mark = _mark(spans, prospects)
        self.is_new = data is not None and ("update" in data or data.get("seen") != mark)
        """What was sent is about other meetings than those that it would now be filed for."""
        initial: dict[str, Any] = {"seen": mark}
        if data is not None and self.is_new:
            initial = {**_carried(data, self.prospects), **initial}
        super().__init__(None if self.is_new else data, initial=initial)
        for prospect in self.prospects:
            self._add_fields(prospect)

    def _add_fields(self, prospect: Prospect) -> None:
        uid = prospect.meeting.uid
        self.fields[f"cover-{uid}"] = forms.BooleanField(
            label=_("Needs cover"), required=False, initial=prospect.needs_cover
        )
        if prospect.begun or prospect.answer_until is None:
            return
        self.fields[f"ask-{uid}"] = ColleagueField(
            prospect.pool, _("Find someone for me"), label=_("Whom shall we ask first?")
        )
        self.fields[f"other-{uid}"] = ColleagueSearchField(self.professor.institute, f"other-{uid}")

    def rows(self) -> list[Row]:
        return [
            Row(
                prospect,
                self[f"cover-{prospect.meeting.uid}"],
                self._bound(f"ask-{prospect.meeting.uid}"),
                self._bound(f"other-{prospect.meeting.uid}"),
            )
            for prospect in self.prospects
        ]

    def _bound(self, name: str) -> forms.BoundField | None:
        return self[name] if name in self.fields else None

    def clean(self) -> dict[str, Any]:
        for prospect in self.prospects:
            uid = prospect.meeting.uid
            try:
                named = chosen(
                    self.cleaned_data.get(f"ask-{uid}"), self.cleaned_data.get(f"other-{uid}")
                )
            except ValidationError as error:
                self.add_error(f"other-{uid}", error)
                continue
            if named is None or not self.cleaned_data.get(f"cover-{uid}"):
                continue
            if named == self.cleaned_data.get(f"other-{uid}"):
                self._check(prospect, named)
            self.cleaned_data[f"named-{uid}"] = named
        return self.cleaned_data

    def _check(self, prospect: Prospect, named: Professor) -> None:
        """Whoever was typed may be anybody: only the list has been looked through already."""
        meeting = prospect.meeting
        case = Case(
            institute=self.professor.institute,
            professor=self.professor,
            meeting=meeting,
            before_starts_at=meeting.starts_at,
            before_ends_at=meeting.ends_at,
        )
        why = obstacle(case, named, policy_of(self.professor.institute))
        if why is not None:
            said = _("%(name)s %(why)s.") % {"name": named.name, "why": why.sentence()}
            self.add_error(f"other-{meeting.uid}", f"{said} {who_is_free(prospect.pool)}".strip())

    def place(self, refusal: Refused) -> None:
        """A substitute who has just been taken elsewhere: at the row in which they were named."""
        super().place(refusal)
        if refusal.code != "substitute_not_free":
            return
        for prospect in self.prospects:
            uid = prospect.meeting.uid
            named = self.cleaned_data.get(f"named-{uid}")
            if named is not None and named.name == refusal.reason.data["name"]:
                self.add_error(f"ask-{uid}", who_is_free(prospect.pool) or refusal.message)

    def requests(self) -> list[absences.Request]:
        """What is to be filed, one for each span. Raises nothing: call it on a valid form."""
        return [self._request(*span) for span in self.spans]

    def _request(self, starts_at: dt.datetime, ends_at: dt.datetime) -> absences.Request:
        data = self.cleaned_data
        # A meeting may lie in two of them, half in each: then both say the same of it.
        inside = [
            p
            for p in self.prospects
            if p.meeting.starts_at < ends_at and starts_at < p.meeting.ends_at
        ]
        wanted = {p.meeting: bool(data[f"cover-{p.meeting.uid}"]) for p in inside}
        return absences.Request(
            starts_at,
            ends_at,
            category=data["category"],
            note=data["note"],
            handover=data["handover"],
            names={
                meeting.pk: named
                for meeting in wanted
                if (named := data.get(f"named-{meeting.uid}")) is not None
            },
            cover={
                p.meeting.pk: wanted[p.meeting]
                for p in inside
                if wanted[p.meeting] != p.needs_cover
            },
        )


def _mark(spans: Sequence[Span], prospects: Sequence[Prospect]) -> str:
    """A mark of what the reader was shown: of which spans, and which meetings."""
    shown = [moment.isoformat() for span in spans for moment in span]
    shown += sorted(f"{p.meeting.uid}{p.running is None}" for p in prospects)
    return hashlib.sha256(" ".join(shown).encode()).hexdigest()


def _carried(data: Mapping[str, Any], prospects: Sequence[Prospect]) -> dict[str, Any]:
    """What was typed before the list of meetings changed, as far as it still has a place."""
    kept = {name: data.get(name, "") for name in ("category", "note", "handover")}
    for prospect in prospects:
        uid = prospect.meeting.uid
        if f"row-{uid}" in data:
            kept[f"cover-{uid}"] = f"cover-{uid}" in data
            kept |= {name: data.get(name, "") for name in (f"ask-{uid}", f"other-{uid}")}
    return kept
