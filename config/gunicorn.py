"""How a WSGI server serves it: `gunicorn --config python:config.gunicorn config.wsgi`."""

import gc
import socket
from typing import Any

worker_class = "config.one_queue.OneQueueWorker"
workers = 2
# One computes while the other waits for the database.
threads = 2
keepalive = 0

# The API refuses a long address by itself and in its own form, before this: reallocation/api/parsing.py.
limit_request_line = 8190

SILENT_FOR = 30
"""Seconds for which a connection on which nothing has been said takes nobody's place."""


def when_ready(server: Any) -> None:
    """Leave silent connections to the kernel: some proxies open them before there is anything to ask."""
    for listener in server.LISTENERS:
        if hasattr(socket, "TCP_DEFER_ACCEPT") and listener.sock.family != socket.AF_UNIX:
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, SILENT_FOR)


def post_worker_init(worker: Any) -> None:
    """Leave what was loaded out of the search for garbage, during which all threads stand still."""
    gc.collect()
    gc.freeze()
