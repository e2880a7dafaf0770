"""Where benchmarks run: a database of their own, a real web server, people who press buttons."""

from __future__ import annotations

import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

from tests import servers

TOKEN = "c" * 32
"""Cookie and field of the same value: what a browser would have got from the page before."""

Thing = TypeVar("Thing")

SERVER = ("--config=python:config.gunicorn", "--log-level=warning")


@contextmanager
def database(vendor: str) -> Iterator[str]:
    """The address of an empty database, SQLite or PostgreSQL."""
    if vendor == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{Path(folder) / 'bench.db'}"
    else:
        with servers.postgres() as url:
            yield url.rsplit("/", 1)[0] + "/postgres"


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def surroundings(url: str, port: int = 0) -> dict[str, str]:
    """As in production: no DEBUG, which would log every query."""
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": url,
        "SECRET_KEY": "only-to-measure-" + "x" * 50,
        "DEBUG": "0",
        "LOG_LEVEL": "ERROR",
        "ALLOWED_HOSTS": "127.0.0.1,testserver",
        "BASE_URL": f"http://127.0.0.1:{port}",
    }


def manage(url: str, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env=os.environ | surroundings(url),
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@contextmanager
def web(url: str, port: int, **settings: str) -> Iterator[int]:
    """The site with these settings, and a bare view beside it, until the block is left: its process."""
    manage(url, "collectstatic", "--noinput", "--verbosity", "0")
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gunicorn",
            *SERVER,
            f"--bind=127.0.0.1:{port}",
            "tests.benchmarks.wsgi",
        ],
        env=os.environ | surroundings(url, port) | settings,
    )
    try:
        wait_for(port)
        yield server.pid
    finally:
        server.terminate()
        server.wait(20)


def processor_seconds(pids: Iterable[int]) -> float:
    """What these processes have had of the processors so far. Zero where there is no /proc."""
    ticks = 0
    for pid in pids:
        with suppress(OSError):  # it has ended, or this is no Linux
            after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(after_name[11]) + int(after_name[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def children_of(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def wait_for(port: int, patience: float = 60.0) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("The web server did not start.")


class Browser:
    """One who asks, on a new connection where the server has closed the last; `seconds` of every answer."""

    def __init__(self, port: int, session: str = "") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.cookies = f"understudy_csrf={TOKEN}" + (
            f"; understudy_session={session}" if session else ""
        )
        self.seconds: list[float] = []

    def ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> int:
        body = urlencode({**(fields or {}), "csrfmiddlewaretoken": TOKEN}) if fields else None
        headers = {"Cookie": self.cookies}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return self.send(method, path, body, headers)

    def send(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> int:
        began = time.perf_counter()
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        answer.read()
        self.seconds.append(time.perf_counter() - began)
        return answer.status


def crowd(
    port: int, clients: int, things: Sequence[tuple[str, dict[str, str]]], expected: int
) -> tuple[float, list[float]]:
    """Post all of these, spread over so many clients at once: how many a second, and how long each took."""
    return spread(
        port, clients, things, lambda browser, thing: browser.ask("POST", *thing), expected
    )


def spread(
    port: int,
    clients: int,
    things: Sequence[Thing],
    ask: Callable[[Browser, Thing], int],
    expected: int,
    pace: float = 0,
) -> tuple[float, list[float]]:
    """Ask for all of these, each client for its share: how many a second, and how long each took.

    Without a pause; or, with a `pace`, each client once in so many seconds, one after the other.
    """
    browsers = [Browser(port) for _ in range(clients)]
    wrong: list[int] = []

    def work(browser: Browser, mine: Sequence[Thing], first: float) -> None:
        for number, one in enumerate(mine):
            time.sleep(max(0, first + number * pace - time.perf_counter()))
            if (status := ask(browser, one)) != expected:
                wrong.append(status)

    now = time.perf_counter()
    threads = [
        threading.Thread(target=work, args=(browser, things[n::clients], now + n * pace / clients))
        for n, browser in enumerate(browsers)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    if wrong:
        raise RuntimeError(f"{len(wrong)} answers were not {expected}: {sorted(set(wrong))}")
    return len(things) / took, [second for browser in browsers for second in browser.seconds]


def share(values: Sequence[float], percent: int) -> float:
    """The value below which so many per cent lie, in milliseconds."""
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return round(cuts[percent - 1] * 1000, 1)


def timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
