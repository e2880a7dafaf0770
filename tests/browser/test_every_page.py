"""Every page and state of the sample institute, seen on a small phone and on a desk, light and dark.

All of them are visited once for all tests here; what each test looks for is in tests/browser/survey.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings
from pytest_django.live_server_helper import LiveServer

from tests.browser.states import State, states
from tests.browser.survey import WIDTHS, Findings, visit
from tests.browser.ways import LOOK, session_cookie
from tests.screenshots.sample import make_institute
from tests.screenshots.tour import tours

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

KILOBYTE = 1000
PAGE, OWN_SCRIPT = 100 * KILOBYTE, 15 * KILOBYTE
"""Bytes that a page may weigh, and those of the scripts that are ours."""


@pytest.fixture(scope="module")
def found(browser: Any, django_db_setup: None, django_db_blocker: Any) -> dict[str, Findings]:
    """What was found, by width, user and page. The first test to end empties the database again."""
    with django_db_blocker.unblock(), override_settings(ROOT_URLCONF="tests.browser.errors"):
        institute = make_institute()
        shown = [
            State(tour.who, tour.user, stop.name, stop.path, stop.status)
            for tour in tours(institute)
            for stop in tour.stops
        ]
        shown += states(institute)
        server = LiveServer("localhost")
        try:
            return {
                f"{width} px, {state}": findings
                for width in WIDTHS
                for state, findings in survey(browser, server.url, shown, width)
            }
        finally:
            server.stop()


def survey(
    browser: Any, site: str, shown: list[State], width: int
) -> Iterator[tuple[State, Findings]]:
    for _, group in itertools.groupby(shown, key=lambda state: state.user):
        seen = list(group)
        context = browser.new_context(
            locale="en-GB",
            timezone_id="UTC",
            # Each page by itself: not out of what the one before it has put by.
            service_workers="block",
            viewport={"width": width, "height": WIDTHS[width]},
        )
        context.add_init_script(path=LOOK)
        if seen[0].user is not None:
            context.add_cookies([session_cookie(seen[0].user, site)])
        page = context.new_page()
        for state in seen:
            yield state, visit(page, site, state)
        context.close()


def wrong(found: dict[str, Findings], what: str) -> dict[str, Any]:
    """Where this list of faults is not empty."""
    return {where: getattr(one, what) for where, one in found.items() if getattr(one, what)}


def test_pages_are_answered_as_they_should_be(found):
    assert {w: one.status for w, one in found.items() if one.status != one.expected} == {}


def test_no_rule_of_accessibility_is_broken_in_light_or_dark(found):
    assert {
        f"{where}, {scheme}": broken
        for where, one in found.items()
        for scheme, broken in one.axe.items()
        if broken
    } == {}


def test_no_page_is_wider_than_the_screen(found):
    assert wrong(found, "too_wide") == {}


def test_whatever_can_be_pressed_is_large_enough_for_a_finger(found):
    assert wrong(found, "too_small") == {}


def test_what_has_the_focus_is_never_under_something_else(found):
    assert wrong(found, "hidden_focus") == {}


def test_nothing_moves_for_whoever_wants_no_motion(found):
    assert wrong(found, "moving") == {}


def test_nothing_is_pushed_about_while_a_page_comes(found):
    assert wrong(found, "shift") == {}


def test_pages_are_light(found):
    heavy = {w: one.bytes for w, one in found.items() if one.bytes > PAGE}
    scripts = {w: one.own_script_bytes for w, one in found.items()}
    assert heavy == {}
    assert {w: size for w, size in scripts.items() if size > OWN_SCRIPT} == {}


def test_nothing_comes_from_another_host(found):
    assert wrong(found, "elsewhere") == {}


def test_the_policy_is_strict_and_no_page_offends_it(found):
    assert {w: one.policy for w, one in found.items() if not is_strict(one.policy)} == {}
    assert wrong(found, "complaints") == {}


def is_strict(policy: str) -> bool:
    return (
        "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
    )
