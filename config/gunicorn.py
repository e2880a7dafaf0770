"""How a WSGI server serves it: `gunicorn --config python:config.gunicorn config.wsgi`.

All processes take from one queue, which the kernel keeps: each takes a request when one of its threads is
free for it, and no earlier. Were connections kept, each would be tied to one process, and whoever shares
theirs with five others would wait while the next process has nothing to do.
"""

import gc
import socket
from typing import Any

worker_class = "gthread"
workers = 2
# One computes while the other waits for the database.
threads = 2
worker_connections = threads
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
