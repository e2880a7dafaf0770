"""`make screenshots [WHO=student]`: every page × kind of user × phone and desk × light and dark."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from tests import servers
from tests.benchmarks import place

FOLDER = Path(__file__).resolve().parents[2] / "var" / "screenshots"


def main(wanted: str) -> int:
    port = place.free_port()
    with place.database("sqlite") as url:
        os.environ.update(place.surroundings(url, port))
        # The browser's event loop shares a thread with the database.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        from .sample import make_institute
        from .tour import forgotten, tours

        shown = tours(make_institute())
        if names := forgotten(shown):
            print(f"On nobody's tour: {', '.join(names)}", file=sys.stderr)
            return 1
        shown = [tour for tour in shown if wanted in tour.who]
        with place.web(url, port):
            faults = shoot(f"http://127.0.0.1:{port}", shown)
    print("\n".join(faults), file=sys.stderr)
    print(f"{sum(len(tour.stops) for tour in shown)} pages: {FOLDER / 'index.html'}")
    return 1 if faults else 0


def shoot(site: str, shown: list[Any]) -> list[str]:
    """Into an empty folder, with the page that shows them. Returns what is wrong with the pages."""
    from django.conf import settings
    from django.test import Client
    from playwright.sync_api import sync_playwright

    from . import album

    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    faults = []
    path = servers.find_browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            args=servers.BROWSER_ARGUMENTS, **({"executable_path": path} if path else {})
        )
        for tour in shown:
            for screen in album.SCREENS:
                # Each page as it is by itself: without a service worker from the page before.
                context = browser.new_context(
                    locale="en-GB", service_workers="block", has_touch=screen == "phone"
                )
                if tour.user is not None:
                    client = Client()
                    client.force_login(tour.user)
                    value = client.cookies[settings.SESSION_COOKIE_NAME].value
                    context.add_cookies(
                        [{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": site}]
                    )
                faults += album.take(context, site, tour, screen, FOLDER)
                context.close()
            print(f"{tour.who}: {len(tour.stops)} pages", flush=True)
        browser.close()
    (FOLDER / "index.html").write_text(album.index(shown), encoding="utf-8")
    return faults


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
