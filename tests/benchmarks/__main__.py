"""`make bench`, or `python -m tests.benchmarks b c`: one line of JSON for each of (a) … (i).

(q), the quality of what the rules do, takes long and is measured only when asked for: `make bench ONLY=q`.

`ratio` is what to compare: seconds depend on the machine and on who else uses it, ratios of one run
hardly do.
"""

from __future__ import annotations

import json
import os
import sys

from . import api, measures, paint, place, quality

NEEDS_CAMPUS = set("cdefghi")


def say(letter: str, what: str, found: measures.Found) -> None:
    print(json.dumps({"bench": letter, "what": what, **found}), flush=True)


def main(letters: set[str]) -> None:
    if "a" in letters:
        for vendor in ("sqlite", "postgresql"):
            say("a", "rehearsal of 200 absences", measures.rehearsal(vendor))
    if "q" in letters:
        for found in quality.measure_all():
            say("q", "quality of the rules", found)
    if not letters - set("aq"):
        return
    port = place.free_port()
    with place.database("postgresql") as url:
        os.environ.update(place.surroundings(url, port))
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        call_command("migrate", verbosity=0)
        try:
            if "b" in letters:
                say("b", "candidate and slot search", measures.searches())
            if letters & NEEDS_CAMPUS:
                say("g", "import", measures.importing())
            if letters & set("cdei"):
                with place.web(url, port):
                    say("c", "votes by HTTP", measures.votes(port))
                    say("d", "accepts by 8 clients", measures.accepts(port))
                    say("e", "pages", measures.pages(port))
                    if "i" in letters:
                        say("i", "what browsers see", paint.paints(port))
            if "h" in letters:
                scene = api.Scene()
                with place.web(url, port, API_REQUESTS_PER_MINUTE=str(10**9)) as server:
                    say("h", "the API, asked by 8 clients", api.requests(port, scene, server))
            if "f" in letters:
                say("f", "sweep of 1,000 due cases", measures.sweeping())
        finally:
            connections.close_all()


if __name__ == "__main__":
    main(set("".join(sys.argv[1:])) or set("abcdefghi"))
