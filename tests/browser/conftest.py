"""People of a small institute, each in a browser of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.ways import LOOK, WAYS, Meet, Person, Way, session_cookie


@pytest.fixture
def campus(db: None) -> Any:
    from tests.browser.campus import Campus

    return Campus()


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param


@pytest.fixture
def meet(browser: Any, live_server: Any, way: Way) -> Iterator[Meet]:
    """`meet(user)` is that person, signed in, in a browser of their own; `meet()` is a stranger."""
    contexts = []

    def meet(user: Any = None) -> Person:
        context = browser.new_context(**way.context)
        contexts.append(context)
        if way.keys:
            context.add_init_script(path=LOOK)
        if user is not None:
            context.add_cookies([session_cookie(user, live_server.url)])
        return Person(context.new_page(), live_server.url, way)

    yield meet
    for context in contexts:
        context.close()
