"""The pictures, and the page that shows them side by side."""

from __future__ import annotations

import html
import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .tour import Stop, Tour

SCREENS = {"phone": (390, 844), "desk": (1440, 900)}
SCHEMES = ("light", "dark")
TALLEST = 6000
"""Pixels of a picture: who needs to see more scrolls in the product itself."""

HEAD = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Understudy, page by page</title>
<style>
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
  body { margin: 0; display: grid; grid-template-columns: 17rem 1fr; }
  nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1rem; box-sizing: border-box; }
  nav ol { padding-inline-start: 1.25rem; }
  main { padding: 1rem; min-width: 0; }
  section { scroll-margin-top: 1rem; margin-block-end: 3rem; }
  .row { display: flex; gap: 1rem; overflow-x: auto; align-items: flex-start; }
  figure { margin: 0; flex: none; }
  img { display: block; max-height: 75vh; border: 1px solid #8888; }
  code { overflow-wrap: anywhere; }
</style>
"""


@dataclass(frozen=True)
class Picture:
    who: str
    stop: Stop
    screen: str
    scheme: str

    @property
    def file(self) -> str:
        said = f"{self.who} {self.stop.name} {self.screen} {self.scheme}"
        return re.sub(r"[^a-z0-9]+", "-", said.lower()) + ".png"


def take(context: Any, site: str, tour: Tour, screen: str, folder: Path) -> list[str]:
    """Every page of the tour on this screen, light and dark. Returns what is wrong with them."""
    width, height = SCREENS[screen]
    page = context.new_page()
    faults = []
    for stop in tour.stops:
        page.set_viewport_size({"width": width, "height": height})
        answer = page.goto(site + stop.path, wait_until="networkidle")
        where = f"{tour.who}, {stop.name}, {screen}: {stop.path}"
        if answer.status != stop.status:
            faults.append(f"{where} answered {answer.status}, not {stop.status}")
        wide, tall = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
        )
        if wide > width:
            faults.append(f"{where} is {wide - width} px wider than the screen")
        # As tall as the page, so that what stands at the foot of the screen stands at its foot.
        page.set_viewport_size({"width": width, "height": min(max(tall, height), TALLEST)})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.screenshot(path=folder / Picture(tour.who, stop, screen, scheme).file)
    page.close()
    return faults


def index(tours: list[Tour]) -> str:
    """The page to leaf through: by kind of user, page by page, the four pictures in a row."""
    numbers = itertools.count(1)
    listed, shown = [], []
    for tour in tours:
        items = []
        for stop in tour.stops:
            anchor = f"p{next(numbers)}"
            items.append(f'<li><a href="#{anchor}">{html.escape(stop.name)}</a></li>')
            shown.append(_section(anchor, tour, stop))
        listed.append(f"<h2>{html.escape(tour.who)}</h2><ol>{''.join(items)}</ol>")
    return f"{HEAD}<body><nav>{''.join(listed)}</nav><main>{''.join(shown)}</main></body></html>\n"


def _section(anchor: str, tour: Tour, stop: Stop) -> str:
    figures = []
    for screen, scheme in itertools.product(SCREENS, SCHEMES):
        file = Picture(tour.who, stop, screen, scheme).file
        said = f"{screen}, {scheme}"
        figures.append(
            f'<figure><a href="{file}"><img src="{file}" alt="{said}" loading="lazy"></a>'
            f"<figcaption>{said}</figcaption></figure>"
        )
    head = f"{html.escape(tour.who)}: {html.escape(stop.name)}"
    return (
        f'<section id="{anchor}"><h2>{head}</h2><p><code>{html.escape(stop.path)}</code></p>'
        f'<div class="row">{"".join(figures)}</div></section>'
    )
