"""How a WSGI server serves it: `gunicorn --config python:config.gunicorn config.wsgi`."""

import gc
from typing import Any

worker_class = "gthread"
workers = 2
threads = 4

# The API refuses a long address by itself and in its own form, before this: reallocation/api/parsing.py.
limit_request_line = 8190


def post_worker_init(worker: Any) -> None:
    """Leave what was loaded out of the search for garbage, during which all threads stand still."""
    gc.collect()
    gc.freeze()
