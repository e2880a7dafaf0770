"""The album of `make screenshots`: what it knows of the pages, and how it lays the pictures out."""

from __future__ import annotations

import re

import pytest

from tests.screenshots import album, tour


def test_what_is_left_out_exists() -> None:
    assert set(tour.NO_PAGES) - set(tour.page_names()) == set()


@pytest.mark.django_db
def test_a_page_on_nobody_s_tour_is_named() -> None:
    shown = tour.Tour("student")
    shown.see("votes", "voting:ballot-list")
    left = tour.forgotten([shown])
    assert "voting:ballot-list" not in left
    assert {"voting:ballot-detail", "timetable:week", "fairness:report"} <= set(left)
    shown.stops.append(tour.Stop("a week that is not there", "/week/", 404))
    assert "timetable:week" in tour.forgotten([shown])


def test_each_page_stands_in_the_album_with_its_four_pictures() -> None:
    stops = [tour.Stop("week", "/week/"), tour.Stop("<odd>", "/odd/?a=1&b=2")]
    page = album.index([tour.Tour("student", stops=stops)])
    assert re.findall(r'img src="([^"]+)"', page) == [
        f"student-{name}-{screen}-{scheme}.png"
        for name in ("week", "odd")
        for screen in ("phone", "desk")
        for scheme in ("light", "dark")
    ]
    assert page.count('href="#p2"') == page.count('id="p2"') == 1
    assert "<odd>" not in page
    assert "/odd/?a=1&amp;b=2" in page
