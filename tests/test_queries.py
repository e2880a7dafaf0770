"""No page asks the database more than ten times, also where it comes back with an error.

The pages are those of the tour of `make screenshots` and the states beside it, but for those of the
admin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from fairness import recent
from tests.browser.states import State, states
from tests.screenshots.sample import make_institute
from tests.screenshots.tour import tours

MOST = 10

POSTED: dict[str, dict[str, str]] = {
    "absence, new": {"kind": "day", "day": ""},
    "absence at several times": {"kind": "part", "day": "2020-01-01", "file": "1"},
    "absence, change": {"day": "", "last_day": ""},
    "case, a candidate to choose": {"act": "choose-candidate", "candidate": ""},
    "case, a slot to choose": {"act": "choose-slot", "slot": ""},
    "case, candidate choice": {"act": "name", "other": "nobody of that name"},
    "case, slot choice": {"act": "assign", "other": "nobody of that name", "why": ""},
    "case, colleagues": {"act": "drop", "why": ""},
    "case, weekend vote": {"act": "move", "why": ""},
    "case, substituted": {"act": "reopen", "why": ""},
    "offer, waiting": {"answer": "perhaps"},
    "ballot, open": {"choice": "perhaps"},
    "webhooks": {"name": ""},
    "rehearsals": {"absences": ""},
    "tokens": {"name": ""},
}
"""What is sent to a page, by its name on the tour, so that it comes back with an error."""


@pytest.fixture
def shown(db: None) -> list[State]:
    institute = make_institute()
    toured = [
        State(tour.who, tour.user, stop.name, stop.path, stop.status)
        for tour in tours(institute)
        for stop in tour.stops
        if not stop.name.startswith("admin")
    ]
    return [*toured, *states(institute)]


def ask(state: State, data: dict[str, str] | None = None) -> tuple[HttpResponse, list[str]]:
    """The answer, and the queries that it took: nobody has looked at the page before."""
    client = Client(raise_request_exception=False)
    if state.user is not None:
        client.force_login(state.user)
    recent.forget()
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(state.path) if data is None else client.post(state.path, data)
    return answer, [query["sql"] for query in captured]


def pages(shown: list[State]) -> Iterator[tuple[str, list[str]]]:
    for state in shown:
        yield str(state), ask(state)[1]
        if (data := POSTED.get(state.name)) is not None:
            answer, asked = ask(state, data)
            assert answer.status_code in {200, 400}, (state, answer)
            yield f"{state}, refused", asked


def test_no_page_asks_more_than_ten_times(shown: list[State], settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.browser.errors"
    assert set(POSTED) <= {state.name for state in shown}
    too_many = [
        f"{page} asks {len(asked)} queries:\n" + "\n".join(f"  {briefly(sql)}" for sql in asked)
        for page, asked in pages(shown)
        if len(asked) > MOST
    ]
    assert not too_many, "\n".join(too_many)


def briefly(sql: str) -> str:
    """What is asked of which tables, without the columns."""
    return re.sub(r"SELECT .*? FROM", "SELECT … FROM", sql)[:300]
