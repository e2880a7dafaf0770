"""A row named by typing which it is."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.urls import reverse

from timetable.models import Institute


class SearchField(forms.CharField):
    """Suggestions come while one types; without scripts the field works all the same."""

    suggestions: ClassVar[str]
    """The name of the address that suggests."""

    def __init__(self, institute: Institute, list_id: str, **kwargs: Any) -> None:
        self.institute, self.list_id = institute, list_id
        super().__init__(**{"required": False, "max_length": 200, **kwargs})
        self.widget.attrs |= {
            "autocomplete": "off",
            "list": list_id,
            "hx-get": reverse(self.suggestions),
            "hx-trigger": "input changed delay:300ms",
            "hx-target": f"#{list_id}",
        }
