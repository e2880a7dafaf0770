"""Naming a room by typing which it is."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from reallocation.queries import find_rooms
from timetable.models import Institute

from .search import SearchField


class RoomSearchField(SearchField):
    """A room of the institute by its code, or by part of its name. Cleans to a row; None is no room."""

    suggestions = "reallocation:room-search"

    def __init__(self, institute: Institute, list_id: str, **kwargs: Any) -> None:
        kwargs.setdefault("label", gettext_lazy("Room"))
        kwargs.setdefault("help_text", gettext_lazy("By code or name; empty if none is needed."))
        super().__init__(institute, list_id, **kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        found = find_rooms(self.institute, text)
        if len(found) == 1:
            return found[0]
        if not found:
            raise ValidationError(_("No room here is called “%(text)s”.") % {"text": text})
        codes = ", ".join(room.code for room in found)
        raise ValidationError(_("Several match: %(codes)s. Write the code.") % {"codes": codes})
