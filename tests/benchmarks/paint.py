"""(i) What a visitor's browser sees: when the largest thing of a page stands there, and whether it stays."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

from tests import servers

from . import measures

SCREENS = {"phone": (390, 844), "desk": (1440, 900)}
LOADS = 3
"""Of each page on each screen, each by a browser that has nothing in its cache."""

ALLOWED_MS = 1000

PAINT = """() => {
    const buffered = (type) => {
        const observer = new PerformanceObserver(() => {});
        observer.observe({ type, buffered: true });
        const entries = observer.takeRecords();
        observer.disconnect();
        return entries;
    };
    const files = performance.getEntriesByType("resource");
    const [page] = performance.getEntriesByType("navigation");
    const own = files.filter(({ name }) => /\\/understudy\\/[^/]+\\.js$/.test(name));
    const sum = (values) => values.reduce((total, value) => total + value, 0);
    return {
        status: page.responseStatus,
        lcp: buffered("largest-contentful-paint").at(-1).startTime,
        cls: sum(buffered("layout-shift").map(({ value }) => value)),
        bytes: page.transferSize + sum(files.map(({ transferSize }) => transferSize)),
        script: sum(own.map(({ decodedBodySize }) => decodedBodySize)),
    };
}"""


def paints(port: int) -> measures.Found:
    """Every page of `measures.visits` in Chromium, on a phone and a desk, from an empty cache."""
    visits = list(measures.visits())
    seen: dict[str, list[dict[str, float]]] = {}
    for name, paint in _load(f"http://127.0.0.1:{port}", visits):
        seen.setdefault(name, []).append(paint)
    found: measures.Found = {
        name: {
            "lcp_p50_ms": round(statistics.median(paint["lcp"] for paint in paints)),
            "lcp_worst_ms": round(max(paint["lcp"] for paint in paints)),
            "cls": round(max(paint["cls"] for paint in paints), 4),
            "bytes": max(paint["bytes"] for paint in paints),
            "own_script_bytes": max(paint["script"] for paint in paints),
        }
        for name, paints in seen.items()
    }
    worst = max(page["lcp_worst_ms"] for page in found.values())
    return {
        "pages": found,
        "loads_of_each": LOADS * len(SCREENS),
        "lcp_worst_ms": worst,
        "cls_worst": max(page["cls"] for page in found.values()),
        "most_bytes": max(page["bytes"] for page in found.values()),
        "ratio": round(worst / ALLOWED_MS, 2),
    }


def _load(site: str, visits: list[measures.Visit]) -> Iterator[tuple[str, dict[str, float]]]:
    from playwright.sync_api import sync_playwright

    path = servers.find_browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            args=servers.BROWSER_ARGUMENTS, **({"executable_path": path} if path else {})
        )
        for visit in visits:
            for width, height in SCREENS.values():
                for _ in range(LOADS):
                    paint = _paint(browser, site, visit, width, height)
                    if paint["status"] != 200:
                        raise RuntimeError(f"{visit.path} answered {paint['status']}")
                    yield visit.name, paint
        browser.close()


def _paint(
    browser: Any, site: str, visit: measures.Visit, width: int, height: int
) -> dict[str, float]:
    context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB")
    context.add_cookies([{"name": "understudy_session", "value": visit.session, "url": site}])
    page = context.new_page()
    page.goto(site + visit.path, wait_until="networkidle")
    paint: dict[str, float] = page.evaluate(PAINT)
    context.close()
    return paint
