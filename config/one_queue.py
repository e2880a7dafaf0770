"""Gunicorn's threaded worker, but all processes take from one queue: the kernel's.

Gunicorn's own takes every connection that comes, and keeps it. So each is tied to one process, however busy
that is, and of eight clients six may wait for one while the other has nothing to do.
"""

from __future__ import annotations

import selectors
import socket
import time
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

LINGER = 2.0
"""Seconds for which one who has been answered may leave the line open."""


class OneQueueWorker(ThreadWorker):  # type: ignore[misc]
    """Takes a connection when one of its threads is free for it, and answers one request on it.

    Until they who asked have hung up, the line stays open, else the last of an answer could be lost
    (RFC 9112, 9.6). Gunicorn's own stands still meanwhile, which this one does not.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.worker_connections, self.max_keepalived = self.cfg.threads, 0
        self.lingering: dict[TConn, float] = {}
        """Connections that have been answered, and until when they are waited for, the soonest first."""

    def enqueue_req(self, conn: TConn) -> None:
        conn.close = partial(self._hang_up, conn)
        super().enqueue_req(conn)

    def _hang_up(self, conn: TConn, graceful: bool = False) -> None:
        """In the place of `TConn.close`: called in the loop, when a thread is done with it."""
        try:
            if graceful:
                conn.sock.shutdown(socket.SHUT_WR)
                conn.sock.setblocking(False)
                self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._hear, conn))
                self.lingering[conn] = time.monotonic() + LINGER
                return
        except (OSError, ValueError):
            pass  # they have hung up already
        self._close(conn)

    def _hear(self, conn: TConn, sock: socket.socket) -> None:
        try:
            if sock.recv(1 << 16):
                return  # what else they say is not listened to
        except BlockingIOError:
            return
        except OSError:
            pass
        self._let_go(conn)

    def _let_go(self, conn: TConn) -> None:
        del self.lingering[conn]
        self.poller.unregister(conn.sock)
        self._close(conn)

    @staticmethod
    def _close(conn: TConn) -> None:
        # Else it would hold itself, until the next search for garbage.
        conn.__dict__.pop("close", None)
        conn.close()

    def murder_keepalived(self, force: bool = False) -> None:
        super().murder_keepalived(force)
        now = time.monotonic()
        for conn, until in [*self.lingering.items()]:
            if until > now and not force:
                break
            self._let_go(conn)
