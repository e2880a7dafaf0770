"""Which lines of the report are listed, and in what order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from .report import Line

ORDERS: dict[str, Callable[[Line], Any]] = {
    "covering": lambda line: -line.standing.deviation,
    "teaching": lambda line: -line.load.deviation,
    "asked": lambda line: -line.standing.asked,
    "name": lambda line: line.professor.name.casefold(),
}


class LinesForm(forms.Form):
    """Read from the address: what cannot be understood there counts as not said."""

    q = forms.CharField(label=_("Name, code or department"), required=False, max_length=200)
    order = forms.ChoiceField(
        label=_("Order"),
        required=False,
        choices=[
            ("covering", _("Most above the fair share of covering first")),
            ("teaching", _("Most above the expected teaching hours first")),
            ("asked", _("Most often asked first")),
            ("name", _("By name")),
        ],
    )

    def chosen(self, lines: Iterable[Line]) -> list[Line]:
        said = self.cleaned_data if self.is_valid() else {}
        words = said.get("q", "").casefold().split()
        order = ORDERS[said.get("order") or "covering"]
        found = [line for line in lines if all(word in _text(line) for word in words)]
        return sorted(found, key=lambda line: (order(line), line.professor.name, line.professor.pk))


def _text(line: Line) -> str:
    who = line.professor
    return f"{who.name} {who.code} {who.department}".casefold()
