"""The story of a case in the admin, in Chromium: on a phone its tables are lists of entries."""

import pytest
from django.utils import timezone

from reallocation import answers
from reallocation.models import LogEntry
from tests.reallocation.office import page_url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TABLES = ("Who was asked", "What was told", "Log")


@pytest.fixture
def case(campus, worker):
    case = campus.file()
    worker.run()
    offer = case.offers.get(professor__code="BEN")
    answers.decline(offer, by=offer.professor, comment="At a conference " * 5, now=timezone.now())
    return case


@pytest.fixture
def story(page, live_server, sign_in, campus, case):
    """`story(width)`: the page of the case on a screen so wide."""

    def story(width):
        sign_in(campus.registrar)
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(live_server.url + page_url(case))
        return page

    return story


@pytest.mark.parametrize("width", [320, 390])
def test_on_a_phone_nothing_of_a_story_scrolls_sideways(story, complaints, case, width):
    page = story(width)
    tables = page.get_by_role("table")
    assert tables.count() == len(TABLES)
    for scroller in page.locator(".story .results").all():
        assert scroller.evaluate("e => e.scrollWidth - e.clientWidth") == 0
    cells = page.locator(".story tbody :is(td, th):visible")
    beyond = "cells => cells.filter(c => c.getBoundingClientRect().right > innerWidth).length"
    assert cells.evaluate_all(beyond) == 0
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert complaints == []


def test_on_a_phone_they_are_tables_all_the_same_and_say_what_is_what(story, case):
    page = story(390)
    asked = page.get_by_role("table").first
    assert asked.get_by_role("columnheader").count() == 6
    row = asked.get_by_role("row").filter(has_text="Ben Baker")
    assert row.get_by_role("rowheader").inner_text() == "Ben Baker"
    label = "cell => getComputedStyle(cell, '::before').content"
    said = [cell.evaluate(label) for cell in row.get_by_role("cell").all()]
    assert said[:4] == ['"Answer: "', '"Asked: "', '"Answer until: "', '"Answered: "']
    log = page.get_by_role("table").last
    assert log.get_by_role("row").count() == 1 + LogEntry.objects.filter(case=case).count()


def test_what_is_not_known_takes_no_line_on_a_phone_and_a_dash_on_a_desk(story, case):
    page = story(390)
    cleo = page.get_by_role("table").first.get_by_role("row").filter(has_text="Cleo Clark")
    answered = cleo.locator("[data-label='Answered']")
    assert not answered.is_visible()
    page.set_viewport_size({"width": 1440, "height": 900})
    assert answered.inner_text() == "–"
    assert answered.evaluate("cell => getComputedStyle(cell, '::before').content") == "none"
