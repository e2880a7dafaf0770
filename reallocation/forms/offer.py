"""Yes or no to a request."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy

from .placing import PlacingForm


class AnswerForm(PlacingForm):
    """One of three buttons, and for a no, words if one likes."""

    answer = forms.ChoiceField(
        choices=[
            ("accept", gettext_lazy("Yes")),
            ("decline", gettext_lazy("No")),
            ("not-this-week", gettext_lazy("Not this week")),
        ],
        error_messages={
            "required": gettext_lazy("Say yes or no."),
            "invalid_choice": gettext_lazy("Say yes or no."),
        },
    )
    comment = forms.CharField(
        label=gettext_lazy("If no: why? (as you like)"),
        max_length=500,
        required=False,
        help_text=gettext_lazy("Registrars can read it."),
        # In a field of one line Enter would press the first button of the page: it says yes.
        widget=forms.Textarea(attrs={"rows": 2}),
    )
