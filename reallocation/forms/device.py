"""What a browser says of the device that it asks messages for."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from reallocation.notifications import devices, endpoints, vapid

P256DH, AUTH = 65, 16
"""Bytes of a browser's keys (RFC 8291, section 3.1)."""


class DeviceForm(forms.Form):
    endpoint = forms.CharField(max_length=devices.LONGEST)
    p256dh = forms.CharField(max_length=100)
    auth = forms.CharField(max_length=32)
    server_key = forms.CharField(max_length=100)

    def clean_endpoint(self) -> str:
        endpoint: str = self.cleaned_data["endpoint"]
        try:
            endpoints.read(endpoint)
        except endpoints.NotPublic as fault:
            raise forms.ValidationError(_("This is not the address of a push service.")) from fault
        return endpoint

    def clean_p256dh(self) -> str:
        text = self._key("p256dh", P256DH)
        try:
            vapid.read_point(vapid.decode(text))
        except ValueError as fault:
            raise forms.ValidationError(_("This is not a browser’s key.")) from fault
        return text

    def clean_auth(self) -> str:
        return self._key("auth", AUTH)

    def clean_server_key(self) -> str:
        public: str = self.cleaned_data["server_key"]
        if vapid.key_of(public) is None:
            raise forms.ValidationError(_("This is not a key of ours. Please load the page again."))
        return public

    def _key(self, name: str, length: int) -> str:
        text: str = self.cleaned_data[name].rstrip("=")
        try:
            right = len(vapid.decode(text)) == length
        except ValueError:
            right = False
        if not right:
            raise forms.ValidationError(_("This is not a browser’s key."))
        return text


class ForgetForm(forms.Form):
    endpoint = forms.CharField(max_length=devices.LONGEST)
