"""Where a refusal of the domain is shown: at the field it is about, else at the head of the form."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms

from reallocation.refusals import Refused


class PlacingForm(forms.Form):
    """`PLACES` leads from the code of a refusal to the field that it is about."""

    PLACES: ClassVar[dict[str, str]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.refusal: Refused | None = None

    def place(self, refusal: Refused) -> None:
        self.refusal = refusal
        field = self.PLACES.get(refusal.code)
        self.add_error(field if field in self.fields else None, refusal.message)

    @property
    def status(self) -> int:
        """Of the page that shows the form: 400 for what cannot be read, 409 for what cannot be."""
        if not self.is_bound or self.is_valid():
            return 200
        return 400 if self.refusal is None else 409
