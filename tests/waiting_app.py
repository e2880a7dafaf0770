"""A WSGI application for tests of the server before it: /wait/7 makes the file 7 in the folder WAITING, and
is answered once the file `release` is there."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    folder, until = Path(os.environ["WAITING"]), time.monotonic() + 30
    path = environ["PATH_INFO"]
    if path.startswith("/wait/"):
        (folder / path.rpartition("/")[2]).touch()
        while not (folder / "release").exists():
            if time.monotonic() > until:
                raise TimeoutError("Nobody has released this request.")
            time.sleep(0.02)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
