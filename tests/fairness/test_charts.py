"""The geometry of the charts, and how numbers are shown."""

from decimal import Decimal

import pytest
from django.template import Context, Template
from django.utils import translation

from fairness.charts import deviation_chart, lorenz_chart, share_at
from fairness.distribution import Evenness
from fairness.templatetags import fairness_charts as tags


def test_the_lorenz_curve_is_drawn_from_corner_to_corner():
    chart = lorenz_chart([(0, 0), (0.5, 0.2), (1, 1)])
    assert chart.curve == "36.0,284.0 160.0,234.4 284.0,36.0"
    assert chart.area == f"{chart.curve} 284.0,284.0"
    assert chart.tenths == tuple(
        zip(range(10, 101, 10), (4, 8, 12, 16, 20, 36, 52, 68, 84, 100), strict=True)
    )


def test_a_curve_of_very_many_points_is_thinned_but_keeps_its_ends():
    many = [(n / 5000, (n / 5000) ** 2) for n in range(5001)]
    points = lorenz_chart(many).curve.split()
    assert len(points) == 200
    assert (points[0], points[-1]) == ("36.0,284.0", "284.0,36.0")


@pytest.mark.parametrize(("x", "y"), [(0, 0), (0.25, 0), (0.5, 0), (0.75, 0.5), (1, 1), (1.5, 1)])
def test_a_share_is_read_off_the_curve(x, y):
    assert share_at([(0, 0), (0.5, 0), (1, 1)], x) == pytest.approx(y)


def test_bars_go_both_ways_from_the_fair_share():
    chart = deviation_chart([("Ada", -2.0), ("Ben", 4.0), ("Cleo", 0.0)], most=10)
    assert [(bar.name, bar.above, bar.x, bar.width, bar.y) for bar in chart.bars] == [
        ("Ben", True, "292.0", "96.0", 4),
        ("Cleo", True, "292.0", "0.0", 30),
        ("Ada", False, "244.0", "48.0", 56),
    ]
    assert (chart.left_out, chart.height) == (0, 78)


def test_only_the_furthest_bars_are_drawn():
    chart = deviation_chart([(f"P{n}", float(n - 50)) for n in range(101)], most=4)
    assert [bar.name for bar in chart.bars] == ["P100", "P99", "P1", "P0"]
    assert chart.left_out == 97


def test_nobody_deviates_from_anything():
    chart = deviation_chart([("Ada", 0.0)], most=4)
    assert [(bar.width, bar.above) for bar in chart.bars] == [("0.0", True)]
    assert deviation_chart([], most=4).bars == ()


@pytest.mark.parametrize(
    ("value", "plain", "signed"),
    [
        (Decimal("2.46"), "2.5 h", "+2.5 h"),
        (-1.0, "-1.0 h", "−1.0 h"),
        (Decimal("-0.04"), "0.0 h", "0.0 h"),
        (0, "0.0 h", "0.0 h"),
    ],
)
def test_hours_are_shown_with_one_decimal(value, plain, signed):
    assert (tags.hours(value), tags.signed_hours(value)) == (plain, signed)


def test_no_data_is_said_and_not_shown_as_nothing():
    assert (tags.hours(None), tags.measure(None)) == ("–", "no data")


def test_charts_escape_names_and_carry_no_style():
    source = "{% load fairness_charts %}{% deviations rows 'Hours' 'k' %}{% lorenz even 'L' 'k' %}"
    even = Evenness(3, 3.0, lorenz=((0.0, 0.0), (1.0, 1.0)))
    rows = [("<b>Ada</b>", Decimal("1234.5")), ("Ben", Decimal("-0.25"))]
    with translation.override("de"):
        page = Template(source).render(Context({"rows": rows, "even": even}))
    assert "&lt;b&gt;Ada&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "style=" not in page
    assert 'points="36.0,284.0 284.0,36.0"' in page
    assert 'width="96.0"' in page
    assert "1234,5" in page or "1.234,5" in page
