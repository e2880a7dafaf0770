"""The server before the site takes what comes as config/gunicorn.py says: a real one, told from outside."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from config import gunicorn

ROOT = Path(__file__).resolve().parent.parent
AT_ONCE = gunicorn.workers * gunicorn.threads
PATIENCE = 4
"""Seconds: less than the five for which gunicorn leaves a thread with a connection that is silent."""


@dataclass(frozen=True)
class Server:
    port: int
    release: Path

    def ask(self, path: str, timeout: float = 30) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    release = tmp_path / "release"
    bind = f"--bind=127.0.0.1:{port}"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "--config=python:config.gunicorn"),
            *("--log-level=warning", bind, "tests.waiting_app"),
        ],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "RELEASE": str(release)},
    )
    try:
        started = Server(port, release)
        until = time.monotonic() + 30
        while True:
            try:
                assert started.ask("/") == 200
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
        yield started
    finally:
        process.terminate()
        process.wait(30)


def test_whoever_is_free_takes_the_next_request(server: Server) -> None:
    """However often it is tried, none is left with a process that is busy while another has a place."""
    for _ in range(8):
        server.release.unlink(missing_ok=True)
        with ThreadPoolExecutor(AT_ONCE) as clients:
            waiting = [clients.submit(server.ask, "/wait") for _ in range(AT_ONCE - 1)]
            try:
                assert server.ask("/", timeout=PATIENCE) == 200
                assert not any(one.done() for one in waiting)
            finally:
                server.release.touch()
            assert [one.result() for one in waiting] == [200] * (AT_ONCE - 1)


def test_more_than_there_are_places_for_wait_and_are_all_answered(server: Server) -> None:
    with ThreadPoolExecutor(3 * AT_ONCE) as clients:
        waiting = [clients.submit(server.ask, "/wait") for _ in range(3 * AT_ONCE)]
        server.release.touch()
        assert [one.result() for one in waiting] == [200] * (3 * AT_ONCE)


@pytest.mark.skipif(
    not hasattr(socket, "TCP_DEFER_ACCEPT"),
    reason="only where the kernel can wait for the first word",
)
def test_connections_on_which_nothing_is_said_take_nobodys_place(server: Server) -> None:
    silent = [
        socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        for _ in range(3 * AT_ONCE)
    ]
    try:
        assert [server.ask("/", timeout=PATIENCE) for _ in range(AT_ONCE)] == [200] * AT_ONCE
    finally:
        for one in silent:
            one.close()
