"""A WSGI application for tests of the server before it: /wait answers once the file RELEASE is there."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    until = time.monotonic() + 30
    while environ["PATH_INFO"] == "/wait" and not Path(os.environ["RELEASE"]).exists():
        if time.monotonic() > until:
            raise TimeoutError("Nobody has released this request.")
        time.sleep(0.02)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
