"""Naming a colleague: from a ranked list, or by typing who it is."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from reallocation.candidates import Candidate, LeftOut, Pool
from reallocation.queries import MATCHES, find_professors
from timetable.models import Institute, Professor

from .search import SearchField

FREE_NAMED = 4
"""So many who are free are named beside a refusal."""


class ColleagueSearchField(SearchField):
    """A professor of the institute by code, e-mail address or part of the name. Cleans to a row or None."""

    suggestions = "reallocation:professor-search"

    def __init__(self, institute: Institute, list_id: str, **kwargs: Any) -> None:
        kwargs.setdefault("label", gettext_lazy("Somebody else, by name or code"))
        super().__init__(institute, list_id, **kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        found = find_professors(self.institute, text)
        if len(found) == 1:
            return found[0]
        if not found:
            raise ValidationError(_("Nobody here is called “%(text)s”.") % {"text": text})
        names = ", ".join(f"{one.name} ({one.code})" for one in found)
        if len(found) == MATCHES:
            raise ValidationError(
                _("Several match, among them %(names)s. Write the code.") % {"names": names}
            )
        raise ValidationError(_("Several match: %(names)s. Write the code.") % {"names": names})


def facts(candidate: Candidate) -> str:
    return " · ".join(reason.sentence() for reason in candidate.reasons)


def option(candidate: Candidate) -> tuple[str, str]:
    return candidate.professor.code, f"{candidate.professor.name} · {facts(candidate)}"


def not_free(left: LeftOut) -> str:
    return _("%(name)s %(why)s") % {"name": left.professor.name, "why": left.reason.sentence()}


def who_is_free(pool: Pool | None) -> str:
    """A sentence to put behind a refusal: who could be named instead."""
    if pool is None or not pool.ranked:
        return ""
    names = ", ".join(candidate.professor.name for candidate in pool.ranked[:FREE_NAMED])
    return _("Free then: %(names)s.") % {"names": names}


class ColleagueSelect(forms.Select):
    """The ranked list. Those who are not free stand below, greyed out, each with the reason."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.disabled: frozenset[str] = frozenset()

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        made: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        if value in self.disabled:
            made["attrs"]["disabled"] = True
        return made


class ColleagueField(forms.ChoiceField):
    """One of a pool, or nobody. Cleans to a professor or None; says why somebody is not free."""

    def __init__(self, pool: Pool | None, nobody: str, **kwargs: Any) -> None:
        self.pool = pool
        widget = ColleagueSelect()
        choices: list[tuple[str, Any]] = [("", nobody)]
        if pool is not None and pool.ranked:
            free = [option(candidate) for candidate in pool.ranked]
            choices.append((_("Free then, best first"), free))
        if pool is not None and pool.left_out:
            busy = [(left.professor.code, not_free(left)) for left in pool.left_out]
            choices.append((_("Not free"), busy))
            widget.disabled = frozenset(left.professor.code for left in pool.left_out)
        super().__init__(choices=choices, required=False, widget=widget, **kwargs)

    def clean(self, value: Any) -> Any:
        code = super().clean(value)
        if not code or self.pool is None:
            return None
        for left in self.pool.left_out:
            if left.professor.code == code:
                raise ValidationError(f"{not_free(left)}. {who_is_free(self.pool)}".strip())
        return next(c.professor for c in self.pool.ranked if c.professor.code == code)


def chosen(listed: Professor | None, typed: Professor | None) -> Professor | None:
    """Who is meant where there is a list and a field beside it. Raises ValidationError for two."""
    if listed is not None and typed is not None and listed != typed:
        raise ValidationError(_("Choose from the list or write a name, not both."))
    return typed or listed
