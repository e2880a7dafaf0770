"""Forms of the timetable's own pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from .accounts import Actor
from .enums import TokenScope
from .models import Institute, User

LARGEST_UPLOAD = 32 * 1024**2
"""Bytes of a packed bundle; a larger timetable is imported from the command line."""


class InstituteSwitchForm(forms.Form):
    """Which of their institutes the account looks at."""

    institute = forms.ChoiceField(label=_("Institute"))

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["institute"].choices = [  # type: ignore[attr-defined]
            (one.slug, one.name) for one in actor.institutes
        ]


class LanguageForm(forms.Form):
    """The language in which somebody wants to read."""

    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)


class ImportForm(forms.Form):
    """A bundle to import, for one of the institutes, or for any if `any_institute`."""

    institute = forms.ModelChoiceField(
        Institute.objects.none(),
        label=_("Institute"),
        help_text=_("A bundle of another institute is refused."),
    )
    bundle = forms.FileField(
        label=_("Timetable bundle"),
        help_text=_("A .zip with institute.toml and the .csv files beside it."),
        widget=forms.ClearableFileInput(attrs={"accept": ".zip,application/zip"}),
    )
    dry_run = forms.BooleanField(
        label=_("Only check it, change nothing"), required=False, initial=True
    )

    def __init__(
        self, *args: Any, institutes: list[Institute], any_institute: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.institutes = institutes
        self.any_institute = any_institute
        if any_institute or len(institutes) == 1:
            del self.fields["institute"]
        else:
            choices = Institute.objects.filter(pk__in=[one.pk for one in institutes])
            self.fields["institute"].queryset = choices  # type: ignore[attr-defined]

    def chosen_institute(self) -> Institute | None:
        """Whose timetable the bundle must be; None: anybody's."""
        if self.any_institute:
            return None
        chosen: Institute = self.cleaned_data.get("institute") or self.institutes[0]
        return chosen

    def clean_bundle(self) -> Any:
        bundle = self.cleaned_data["bundle"]
        if bundle.size > LARGEST_UPLOAD:
            raise forms.ValidationError(
                _(
                    "The file has %(size)s; here it may have %(most)s. "
                    "Larger ones are imported with `manage.py import_timetable`."
                )
                % {
                    "size": filesizeformat(bundle.size),
                    "most": filesizeformat(LARGEST_UPLOAD),
                }
            )
        return bundle


class AccountForm:
    """An account is found by its address in lower case, so it is kept that way."""

    cleaned_data: dict[str, Any]

    def clean_email(self) -> str:
        return User.objects.normalise(self.cleaned_data["email"])


class AccountCreationForm(AccountForm, AdminUserCreationForm[User]):
    class Meta:
        model = User
        fields = ("email", "name")


class AccountChangeForm(AccountForm, UserChangeForm[User]):
    class Meta:
        model = User
        fields = ("email", "name", "language", "is_active", "is_staff", "is_superuser")


class TokenForm(forms.Form):
    """A new access token. Only staff are offered the scope of their role."""

    name = forms.CharField(
        label=_("What is it for?"),
        max_length=100,
        help_text=_("So that you know later which one to revoke."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What may it do?"), widget=forms.CheckboxSelectMultiple, initial=["read"]
    )

    def __init__(self, *args: Any, is_staff: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["scopes"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - for the type checker
        field.choices = [
            (scope.value, scope.label)
            for scope in TokenScope
            if is_staff or scope != TokenScope.REGISTRAR
        ]
