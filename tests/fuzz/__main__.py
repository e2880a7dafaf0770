"""`make fuzz`, or `python -m tests.fuzz --examples 200 --role student --endpoint offers`.

Requests generated from the OpenAPI document, well formed and malformed, are sent to a running server
with an institute at work, by everybody there is. For each role at each endpoint one line of JSON says
how many there were, which statuses came, and what was wrong with an answer; if anything was, the exit
status is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator

from tests.benchmarks import place

from .aiming import ROLES
from .stage import Databases, build

LIMITLESS = {"API_REQUESTS_PER_MINUTE": str(10**9)}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=2000, help="for each role and endpoint")
    parser.add_argument("--role", choices=ROLES, nargs="+", default=ROLES)
    parser.add_argument("--endpoint", default="", help="only those with this in their name")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def run(wanted: argparse.Namespace) -> Iterator[bool]:
    port = place.free_port()
    with place.database("postgresql") as url:
        databases = Databases(url)
        os.environ.update(place.surroundings(databases.url, port))
        import django
        from django.core.management import call_command
        from django.db import connections
        from django.utils import timezone

        from .sending import Sender

        django.setup()
        call_command("migrate", verbosity=0)
        world = build(timezone.now())
        connections.close_all()
        databases.keep()
        with place.web(databases.url, port, **LIMITLESS):
            sender = Sender(f"http://127.0.0.1:{port}", world, databases.refresh, wanted.seed)
            for operation in sender.operations(wanted.endpoint):
                for found in sender.send(operation, wanted.role, wanted.examples):
                    print(json.dumps(found), flush=True)
                    yield not found["failures"]


if __name__ == "__main__":
    sys.exit(0 if all([*run(arguments())]) else 1)
