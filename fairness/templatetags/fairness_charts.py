"""Charts drawn by the server as SVG, and numbers as the report shows them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext

from fairness.charts import deviation_chart, lorenz_chart
from fairness.distribution import Evenness

register = template.Library()

MOST_BARS = 24


@register.inclusion_tag("fairness/_lorenz.html")
def lorenz(evenness: Evenness, heading: str, key: str) -> dict[str, Any]:
    """The Lorenz curve of one question; `key` makes the ids on the page unique."""
    curve = evenness.lorenz
    return {"chart": lorenz_chart(curve) if curve else None, "heading": heading, "key": key}


@register.inclusion_tag("fairness/_deviations.html")
def deviations(pairs: Iterable[tuple[str, Decimal]], heading: str, key: str) -> dict[str, Any]:
    """Bars of (name, hours above or below) pairs."""
    rows = [(name, float(value)) for name, value in pairs]
    return {"chart": deviation_chart(rows, most=MOST_BARS), "heading": heading, "key": key}


@register.filter
def hours(value: Decimal | float | None) -> str:
    """`2.5 h`; a dash where there is no data."""
    if value is None:
        return "–"
    return gettext("%(hours)s h") % {"hours": number_format(_unsigned_zero(value, 1), 1)}


@register.filter
def signed_hours(value: Decimal | float) -> str:
    """`+2.5 h`, `−1.0 h`, `0.0 h`."""
    rounded = _unsigned_zero(value, 1)
    sign = "+" if rounded > 0 else "−" if rounded < 0 else ""
    return gettext("%(hours)s h") % {"hours": f"{sign}{number_format(abs(rounded), 1)}"}


@register.filter
def measure(value: float | None) -> str:
    """Two decimals; `no data` where there is none."""
    return gettext("no data") if value is None else number_format(value, 2)


@register.filter
def balance(value: float) -> str:
    """Three decimals: what one class changes among many is small."""
    return number_format(value, 3)


@register.simple_tag(takes_context=True)
def page_link(context: template.Context, number: int) -> str:
    """This page's address with another page of the list."""
    query = context["request"].GET.copy()
    query["page"] = str(number)
    return f"?{query.urlencode()}"


def _unsigned_zero(value: Decimal | float, digits: int) -> float:
    return round(float(value), digits) + 0.0
