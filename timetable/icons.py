"""The icons of the pages: drawn inline, so that neither a font nor another request is needed."""

from __future__ import annotations

from functools import lru_cache

from django.utils.safestring import SafeString, mark_safe
from lucide.templatetags.lucide import lucide


def icon(name: str, size: int = 18) -> SafeString:
    """An icon that screen readers pass over: the words beside it say the same. Size in pixels."""
    return _drawn(str(name), size)


@lru_cache(maxsize=256)
def _drawn(name: str, size: int) -> SafeString:
    # The markup is the icon package's own.
    attributes = {"class": "icon", "aria-hidden": "true", "focusable": "false"}
    return mark_safe(lucide(name, size=size, **attributes))  # noqa: S308
