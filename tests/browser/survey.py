"""Looks at a page in Chromium from every side, in one visit for each width of screen."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from django.contrib.staticfiles import finders

from tests.browser.states import State

WIDTHS = {320: 640, 1440: 900}
"""Of each width, the height."""

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"],
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}

COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
"""What of RULES a colour scheme can break: the same elements stand there in both."""

RUN = """async (options) =>
    (await axe.run(document, options)).violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`))"""


@dataclass
class Findings:
    """What was found on one page on one width. Lists are empty where all is well."""

    expected: int
    status: int
    policy: str
    complaints: list[str]
    shift: list[str]
    html_bytes: int
    files: list[str]
    elsewhere: list[str]
    too_wide: list[str] = field(default_factory=list)
    too_small: list[str] = field(default_factory=list)
    hidden_focus: list[str] = field(default_factory=list)
    moving: list[str] = field(default_factory=list)
    axe: dict[str, list[str]] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Over the network at a first visit, where static files are served compressed."""
        return self.html_bytes + sum(compressed(name) for name in self.files)

    @property
    def own_script_bytes(self) -> int:
        """Of the scripts that are written here, not compressed."""
        own = (n for n in self.files if n.startswith("understudy/") and n.endswith(".js"))
        return sum(len(contents(name)) for name in own)


@cache
def contents(name: str) -> bytes:
    """Of a static file, or b"" of one that is made by a view."""
    path = finders.find(name)
    return Path(path).read_bytes() if path else b""


@cache
def compressed(name: str) -> int:
    return len(gzip.compress(contents(name), 9))


def visit(page: Any, site: str, state: State) -> Findings:
    """Load a page, bring it into its state, and look at it from every side, light and dark."""
    complaints: list[str] = []

    def note(said: Any) -> None:
        if "Content Security Policy" in said.text or "Refused to" in said.text:
            complaints.append(said.text)

    def note_error(error: Any) -> None:
        complaints.append(str(error))

    page.on("console", note)
    page.on("pageerror", note_error)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    answer = page.goto(site + state.path)
    if state.act is not None:
        with page.expect_navigation() as navigation:
            state.act(page)
        answer = navigation.value
    loaded = page.evaluate("look.loaded()")
    found = Findings(
        expected=state.status,
        status=answer.status,
        policy=answer.headers.get("content-security-policy", ""),
        complaints=complaints,
        shift=page.evaluate("look.shift()"),
        html_bytes=page.evaluate("look.weight()"),
        files=sorted(
            unquote(urlsplit(url).path).removeprefix("/static/")
            for url in loaded
            if urlsplit(url).path.startswith("/static/")
        ),
        elsewhere=[url for url in loaded if not url.startswith((site, "data:"))],
    )
    page.remove_listener("console", note)
    page.remove_listener("pageerror", note_error)
    _look(page, found)
    return found


def _look(page: Any, found: Findings) -> None:
    page.evaluate("look.openAll()")
    found.too_wide = page.evaluate("look.tooWide()")
    found.too_small = page.evaluate("look.tooSmall()")
    found.hidden_focus = page.evaluate("look.hiddenFocus()")
    found.moving = page.evaluate("look.moving()")
    page.evaluate("scrollTo(0, 0)")
    page.evaluate(AXE_SCRIPT)
    found.axe["light"] = page.evaluate(RUN, RULES)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    found.axe["dark"] = page.evaluate(RUN, COLOURS)
