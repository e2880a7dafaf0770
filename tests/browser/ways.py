"""The ways in which people use the site, and one person who uses it in one of them.

A flow is described once, by what somebody does and reads; the way says whether that is done by finger,
by mouse or by the keys alone, on which screen, and whether the browser runs scripts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

LOOK = Path(__file__).with_name("look.js")
"""What a page can be asked about itself: `context.add_init_script(path=LOOK)`."""

WRITTEN = "textarea, input:not([type=checkbox], [type=radio])"

MOST_STOPS = 150
"""Whoever has not come to a control after so many Tabs does not come to it."""


@dataclass(frozen=True)
class Way:
    name: str
    size: tuple[int, int]
    scripts: bool = True
    touch: bool = False
    keys: bool = False

    @property
    def context(self) -> dict[str, Any]:
        """What a browser context of this way is made with."""
        width, height = self.size
        return {
            "viewport": {"width": width, "height": height},
            "java_script_enabled": self.scripts,
            "has_touch": self.touch,
            "is_mobile": self.touch,
            "reduced_motion": "reduce",
            "service_workers": "block",
            "locale": "en-GB",
            "timezone_id": "UTC",
        }


PHONE, DESK = (390, 844), (1440, 900)

WAYS = (
    Way("phone", PHONE, touch=True),
    Way("phone without scripts", PHONE, scripts=False, touch=True),
    Way("desk", DESK),
    Way("desk without scripts", DESK, scripts=False),
    Way("keyboard", DESK, keys=True),
)


class Person:
    """Somebody before a page. What they use is named as it is read aloud, or by its field's name."""

    def __init__(self, page: Page, site: str, way: Way) -> None:
        self.page, self.site, self.way = page, site, way

    def opens(self, path: str) -> None:
        self.page.goto(self.site + path)

    def reads(self, *texts: str) -> None:
        """All of this stands on the page, by now or in a moment."""
        for text in texts:
            expect(self.page.locator("main")).to_contain_text(text)

    def follows(self, name: str, *, within: str = "main") -> None:
        self._goes(self.page.locator(within).get_by_role("link", name=name).first)

    def presses(self, name: str, *, within: str = "main") -> None:
        self._goes(self.page.locator(within).get_by_role("button", name=name).first)

    def answers(self, field: str, value: str) -> None:
        """Press the button that sends this."""
        self._goes(self.page.locator(f"button[name='{field}'][value='{value}']"))

    def unfolds(self, text: str, *, within: str = "main") -> None:
        self.use(self.page.locator(within).locator("summary", has_text=text).first)

    def writes(self, label: str, text: str, *, within: str = "main") -> None:
        """A day is given as 2026-12-04 and a time as 14:05, however they are typed."""
        labelled = self.page.locator(within).get_by_label(label)
        field = self._shown(labelled.and_(self.page.locator(WRITTEN)))
        if self.way.keys:
            self._come_to(field)
            self.page.keyboard.type(_as_typed(text, field.get_attribute("type")))
        else:
            field.fill(text)
        expect(field).to_have_value(text)

    def chooses(self, field: str, value: str) -> None:
        """One of a group of radio buttons."""
        radio = self.page.locator(f"input[type=radio][name='{field}'][value='{value}']")
        if self.way.keys:
            self._come_to(radio, in_group=True)
            while not _is_focused(radio):
                self.page.keyboard.press("ArrowDown")
            self.page.keyboard.press("Space")
        else:
            self.use(radio)
        expect(radio).to_be_checked()

    def picks(self, label: str, option: str) -> None:
        """One of a list that drops down, by the beginning of what it says."""
        box = self._shown(self.page.get_by_label(label).and_(self.page.locator("select")))
        said: list[str] = box.locator("option:not(:disabled)").all_inner_texts()
        place = next(n for n, text in enumerate(said) if text.strip().startswith(option))
        if self.way.keys:
            self._come_to(box)
            for _ in range(place):
                self.page.keyboard.press("ArrowDown")
        else:
            box.select_option(label=said[place])
        expect(box.locator("option:checked")).to_contain_text(option)

    def use(self, control: Locator) -> None:
        """Click, tap, or come to it and press."""
        if self.way.keys:
            self._come_to(control)
            is_link = control.evaluate("element => element.matches('a')")
            self.page.keyboard.press("Enter" if is_link else "Space")
        elif self.way.touch:
            control.tap()
        else:
            control.click()

    def _goes(self, control: Locator) -> None:
        """Use what leads to another page, or to this one anew, and wait until it is there."""
        with self.page.expect_navigation():
            self.use(control)

    @staticmethod
    def _shown(fields: Locator) -> Locator:
        return fields.locator("visible=true").first

    def _come_to(self, control: Locator, *, in_group: bool = False) -> None:
        """Tab until it has the focus. Wherever the focus is on the way, it is to be seen."""
        expect(control).to_be_visible()
        arrived = "element => look.isFocused(element, %s)" % ("true" if in_group else "false")
        for _ in range(MOST_STOPS):
            if control.evaluate(arrived):
                return
            self.page.keyboard.press("Tab")
            fault = self.page.evaluate("look.focusFault()")
            assert not fault, f"{self.page.url}: {fault}"
        raise AssertionError(f"{self.page.url}: Tab does not lead to {control}")


def _is_focused(control: Locator) -> bool:
    return bool(control.evaluate("element => element === document.activeElement"))


def _as_typed(text: str, kind: str | None) -> str:
    """The keys for a field: those of a day or time go part by part, each into a place of its own.

    A Chromium without a window has these in the American order, whatever the page or system speaks.
    """
    match kind:
        case "date":
            return f"{dt.date.fromisoformat(text):%m%d%Y}"
        case "time":
            return f"{dt.time.fromisoformat(text):%I%M%p}"
        case _:
            return text


def session_cookie(user: Any, site: str) -> dict[str, str]:
    """What a browser that is signed in as the user sends to the site."""
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    return {"name": cookie.key, "value": cookie.value, "url": site}


Meet = Callable[..., Person]
