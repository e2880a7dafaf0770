"""A new webhook, and which of its deliveries to show."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from reallocation.enums import WebhookEvent
from reallocation.webhooks import targets

from .placing import PlacingForm


class WebhookForm(PlacingForm):
    """Where to, what, and what it is called here."""

    PLACES: ClassVar = {"webhook_exists": "url"}

    name = forms.CharField(
        label=_("What is it for?"),
        max_length=100,
        help_text=_("So that you know later which one it is."),
    )
    url = forms.CharField(
        label=_("Address of the receiver"),
        max_length=targets.LONGEST_URL,
        help_text=_("Begins with https:// and leads to a machine that is public."),
        widget=forms.URLInput(attrs={"placeholder": "https://hooks.example.org/understudy"}),
    )
    events = forms.MultipleChoiceField(
        label=_("What shall it be told?"),
        choices=WebhookEvent.choices,
        initial=WebhookEvent.values,
        widget=forms.CheckboxSelectMultiple,
    )

    def clean_url(self) -> Any:
        url = self.cleaned_data["url"]
        try:
            targets.target_of(url)
        except targets.TargetRefused as refusal:
            raise forms.ValidationError(refusal.message) from refusal
        return url
