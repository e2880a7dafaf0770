"""When somebody is away, at one time or at several: a small form for each, sent together.

It grows by a button that sends what there is and gets it back with one more, so that no script is needed;
a time is taken away by saying so in its own form.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from reallocation.absences import Span
from timetable.models import Absence, Professor

from .absence import SpanForm

MOST = 8

LEFT_OUT = "none"


class OtherSpanForm(SpanForm):
    """A second or later time, which may be left out again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = self.fields["kind"]
        kind.choices = [*kind.choices, (LEFT_OUT, _("Leave this time out"))]  # type: ignore[attr-defined]


class Times:
    """`given` is what was sent, or what a link says; None if nothing is known yet. `on_file` are the
    absences that none of these times may overlap."""

    def __init__(
        self,
        given: Mapping[str, Any] | None,
        *,
        professor: Professor,
        now: dt.datetime,
        today: dt.date,
        on_file: Sequence[Absence],
    ) -> None:
        self.is_growing = given is not None and "more" in given
        """Only one more time was wanted: nothing is checked yet."""
        rows = [{"day": today}] if given is None else _rows(given)
        if self.is_growing and len(rows) < MOST:
            rows.append({})
        is_sent = given is not None and not self.is_growing
        self.forms = [
            _form(n, row, is_sent=is_sent, professor=professor, now=now, on_file=on_file)
            for n, row in enumerate(rows, start=1)
        ]

    @property
    def are_several(self) -> bool:
        return len(self.forms) > 1

    @property
    def may_grow(self) -> bool:
        return len(self.forms) < MOST

    @property
    def names(self) -> set[str]:
        """Of all that is sent of the times, and of the buttons beside them."""
        buttons = {"csrfmiddlewaretoken", "seen", "update", "file", "more", "times"}
        fields = (_key(n, field) for n in range(1, MOST + 1) for field in SpanForm.base_fields)
        return buttons.union(fields)

    @property
    def spans(self) -> list[Span]:
        """In the order of time. Of valid times alone."""
        return sorted(form.span for form in self.forms)

    def is_valid(self) -> bool:
        """Each by itself, and no two at the same time: that is said at the later form."""
        checked = [form.is_valid() for form in self.forms]
        if not all(checked):
            return False
        for n, form in enumerate(self.forms):
            starts_at, ends_at = form.span
            before = (earlier.span for earlier in self.forms[:n])
            if any(starts_at < end and start < ends_at for start, end in before):
                form.add_error("day", _("This overlaps another of these times."))
        return not any(form.errors for form in self.forms)


def _prefix(number: int) -> str | None:
    """Of the names of a form's fields. The first has none: links lead to it."""
    return None if number == 1 else f"also{number}"


def _key(number: int, field: str) -> str:
    prefix = _prefix(number)
    return f"{prefix}-{field}" if prefix else field


def _rows(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was sent for each time, but for those that were left out."""
    try:
        count = min(max(int(given.get("times", 1)), 1), MOST)
    except ValueError:
        count = 1
    rows = [
        {field: given[key] for field in SpanForm.base_fields if (key := _key(n, field)) in given}
        for n in range(1, count + 1)
    ]
    return [row for n, row in enumerate(rows) if not n or row.get("kind") != LEFT_OUT]


def _form(
    number: int,
    row: dict[str, Any],
    *,
    is_sent: bool,
    professor: Professor,
    now: dt.datetime,
    on_file: Sequence[Absence],
) -> SpanForm:
    kind = SpanForm if number == 1 else OtherSpanForm
    data = {_key(number, field): value for field, value in row.items()}
    return kind(
        data if is_sent else None,
        prefix=_prefix(number),
        initial=row,
        professor=professor,
        now=now,
        on_file=on_file,
    )
