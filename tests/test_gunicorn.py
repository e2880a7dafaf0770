"""The server before the site takes what comes as config/ says: a real one, told from outside."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from config import gunicorn
from tests.benchmarks.place import free_port

ROOT = Path(__file__).resolve().parent.parent
AT_ONCE = gunicorn.workers * gunicorn.threads
SOON = 4
"""Seconds: less than the five for which gunicorn waits for a first word."""

PATIENCE = 30


def within(seconds: float, is_so: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@dataclass(frozen=True)
class Server:
    port: int
    folder: Path

    def ask(self, path: str, timeout: float = PATIENCE) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def is_up(self) -> bool:
        try:
            return self.ask("/") == 200
        except OSError:
            return False

    def under_way(self) -> int:
        """How many requests wait in the application."""
        return sum(path.name.isdigit() for path in self.folder.iterdir())

    @contextmanager
    def waiting(self, count: int) -> Iterator[list[Future[int]]]:
        """So many requests that are answered when the block is left."""
        with ThreadPoolExecutor(count) as clients:
            try:
                yield [clients.submit(self.ask, f"/wait/{n}") for n in range(count)]
            finally:
                (self.folder / "release").touch()

    def forget(self) -> None:
        for path in self.folder.iterdir():
            path.unlink()


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[Server]:
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "--config=python:config.gunicorn"),
            *("--log-level=warning", f"--bind=127.0.0.1:{port}", *arguments, "tests.waiting_app"),
        ],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "WAITING": str(folder)},
    )
    server = Server(port, folder)
    try:
        assert within(PATIENCE, server.is_up)
        yield server
    finally:
        (folder / "release").touch()
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with started(tmp_path) as one:
        yield one


def test_whoever_is_free_takes_the_next_request(server: Server) -> None:
    """However often it is tried, none is left with a process that is busy while another has a place."""
    for _ in range(8):
        server.forget()
        with server.waiting(AT_ONCE - 1) as waiting:
            assert within(PATIENCE, lambda: server.under_way() == AT_ONCE - 1)
            assert server.ask("/", timeout=SOON) == 200
            assert not any(one.done() for one in waiting)
        assert [one.result() for one in waiting] == [200] * (AT_ONCE - 1)


@pytest.mark.parametrize("threads", [1, 4])
def test_as_many_are_taken_at_once_as_there_are_threads(tmp_path: Path, threads: int) -> None:
    """Also where the command line says how many; the others wait before the door and are answered, too."""
    places = gunicorn.workers * threads
    with started(tmp_path, "--threads", str(threads)) as server:
        with server.waiting(2 * places) as waiting:
            assert within(PATIENCE, lambda: server.under_way() == places)
            assert not within(0.3, lambda: server.under_way() > places)
        assert [one.result() for one in waiting] == [200] * (2 * places)


def test_who_does_not_hang_up_keeps_nobody_else_waiting(server: Server) -> None:
    began = time.monotonic()
    with ExitStack() as left_open:
        for _ in range(4 * AT_ONCE):
            one = left_open.enter_context(
                socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
            )
            one.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert one.recv(12) == b"HTTP/1.1 200"
        assert server.ask("/") == 200
    # Each alone would keep its process standing for two seconds.
    assert time.monotonic() - began < SOON


@pytest.mark.skipif(
    not hasattr(socket, "TCP_DEFER_ACCEPT"),
    reason="only where the kernel can wait for a first word",
)
def test_connections_on_which_nothing_is_said_take_nobodys_place(server: Server) -> None:
    with ExitStack() as silent:
        for _ in range(3 * AT_ONCE):
            silent.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=SOON))
        assert [server.ask("/", timeout=SOON) for _ in range(AT_ONCE)] == [200] * AT_ONCE
