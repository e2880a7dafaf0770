"""Percentages in words, as the reader's language writes them."""

from __future__ import annotations

from django.utils.formats import number_format
from django.utils.translation import gettext as _


def percentage(percent: float, digits: int = 0) -> str:
    """Like "25 %", in one piece: no line ends before the sign."""
    return _("%(n)s\u00a0%%") % {"n": number_format(round(percent, digits), digits)}
