"""Every page that there is, in German: nothing on it is left in English.

The pages are those of the tour of `make screenshots`, of an institute whose house language is German.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import polib
import pytest
from django.test import Client
from django.urls import reverse_lazy
from django.utils import translation

from tests.catalogue import catalogues
from tests.screenshots.sample import make_institute
from tests.screenshots.tour import Tour, tours
from timetable.models import Absence, Course, Institute, Term, User

ENGLISH = re.compile(
    r"\b(the|your|you|and|of|with|please|is|are|this|to|for|not|has|have|be|it|from|on|by)\b"
)
"""Words without which no English sentence gets far, and that no German one has."""

TWO_STOPS = re.compile(r"\w{2,}\.\.(?!\.)")
"""As where a sentence ends in a word that is cut short itself."""

READ_ALOUD = {"aria-label", "aria-description", "title", "alt", "placeholder", "data-label"}


class Runs(HTMLParser):
    """What is read on a page, run by run: texts, and the attributes that are said."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.silent: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        foreign = tag != "html" and given.get("lang", "de") != "de"
        if self.silent or tag in {"script", "style", "code", "pre", "textarea"} or foreign:
            if tag not in {"html", "br", "hr", "img", "input", "link", "meta", "path", "rect"}:
                self.silent.append(tag)
            return
        self.found += [value for name, value in attributes if name in READ_ALOUD and value]

    def handle_endtag(self, tag: str) -> None:
        if self.silent and self.silent[-1] == tag:
            self.silent.pop()

    def handle_data(self, data: str) -> None:
        if not self.silent and (run := " ".join(data.split())):
            self.found.append(run)


@pytest.fixture
def german_tours(db: None, settings: Any) -> Iterator[list[Tour]]:
    settings.LANGUAGE_CODE = "de"
    with translation.override("de"):
        shown = tours(make_institute())
        yield shown


def english_texts() -> set[str]:
    """Whole texts of the sources that read otherwise in German."""
    (path,) = catalogues()
    entries = polib.pofile(path)
    german = {text for entry in entries for text in (entry.msgstr, *entry.msgstr_plural.values())}
    return {
        text
        for entry in entries
        for text in (entry.msgid, entry.msgid_plural)
        if text and "%(" not in text and "{" not in text
    } - german


def names_and_notes() -> set[str]:
    """What people of the institute have written themselves."""
    return {
        *Institute.objects.values_list("name", flat=True),
        *Term.objects.values_list("name", flat=True),
        *Course.objects.values_list("title", flat=True),
        *Absence.objects.exclude(handover="").values_list("handover", flat=True),
    }


def test_no_page_says_anything_in_english(german_tours: list[Tour]) -> None:
    said_in_english = english_of()
    left: dict[str, list[str]] = {}
    doubled: dict[str, list[str]] = {}
    for tour in german_tours:
        client = Client(headers={"accept-language": "de"})
        if tour.user is not None:
            User.objects.filter(pk=tour.user.pk).update(language="de")
            client.force_login(tour.user)
        for stop in tour.stops:
            response = client.get(stop.path)
            assert response["Content-Language"] == "de", stop.path
            if english := said_in_english(response.content.decode()):
                left[stop.name] = english
            if stops := TWO_STOPS.findall(response.content.decode()):
                doubled[stop.name] = stops
    assert left == {}
    assert doubled == {}


def english_of() -> Callable[[str], list[str]]:
    """The runs of a page that are in English, and not said to be."""
    texts = english_texts()
    own = sorted(names_and_notes(), key=len, reverse=True)

    def english(page: str) -> list[str]:
        found = []
        for run in Runs(page).found:
            said = run
            for name in own:
                said = said.replace(name, "")
            if run in texts or ENGLISH.search(said):
                found.append(run)
        return found

    return english


STRANGE_PAGES = {
    "/api/docs": 200,
    "/offline/de/": 200,
    "/no/such/page/": 404,
    reverse_lazy("reallocation:offer-link", args=["cut"]): 404,
    "/errors/400/": 400,
    "/errors/403/": 403,
    "/errors/csrf/": 403,
    "/errors/500/": 500,
}
"""What is on nobody's tour, with how it answers."""


@pytest.mark.parametrize("path", STRANGE_PAGES)
def test_no_error_says_anything_in_english_and_the_api_says_where_it_does(
    db: None, settings: Any, path: str
) -> None:
    settings.ROOT_URLCONF = "tests.browser.errors"
    client = Client(headers={"accept-language": "de"}, raise_request_exception=False)
    response = client.get(str(path))
    assert (response.status_code, response["Content-Language"]) == (STRANGE_PAGES[path], "de")
    page = response.content.decode()
    assert '<html lang="de"' in page
    assert english_of()(page) == []


def test_english_on_a_german_page_is_found_unless_it_is_marked(db: None) -> None:
    english = english_of()
    assert english('<html lang="de"><p>Please try it with this.</p></html>') == [
        "Please try it with this."
    ]
    marked = '<html lang="de"><div lang="en"><p>Please try this.</p></div><p>Das ist da.</p></html>'
    assert english(marked) == []
