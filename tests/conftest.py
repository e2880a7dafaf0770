"""What every test has: its database, its task queue, and no way out to other machines.

`pytest --database postgresql` runs on a real PostgreSQL (see tests/servers.py), `--database sqlite`
(the default) on SQLite in memory. Tests marked `postgresql` belong to the first alone, the other
deselects them. With CI set, a skipped test fails the run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests import network, servers

ROOT = Path(__file__).resolve().parent.parent
CI = os.environ.get("CI", "").lower() not in {"", "0", "false"}

running = ExitStack()

# A busy machine takes its time over an example: that is no failure.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=("sqlite", "postgresql"),
        default=os.environ.get("TEST_DATABASE", "sqlite"),
        help="the database to test on (default: sqlite, or TEST_DATABASE)",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Settle the environment before anything reads the settings."""
    for name in [name for name in os.environ if name.startswith(("EMAIL_", "ANYMAIL_", "OIDC_"))]:
        del os.environ[name]
    url = "sqlite://:memory:"
    if config.getoption("--database") == "postgresql" and not config.option.collectonly:
        try:
            url = running.enter_context(servers.postgres())
        except servers.ServerMissing as error:
            pytest.exit(str(error), returncode=3)
    os.environ.update(
        DJANGO_SETTINGS_MODULE="config.settings",
        DATABASE_URL=url,
        DEBUG="1",
        SECRET_KEY="only-for-tests-" * 3,
        BASE_URL="http://testserver",
        ALLOWED_HOSTS="testserver,localhost,127.0.0.1",
        TRUSTED_PROXIES="0",
        CACHE_URL="locmemcache://",
        LOG_LEVEL="WARNING",
        # The browser's event loop shares a thread with the tests' database calls.
        DJANGO_ALLOW_ASYNC_UNSAFE="true",
    )
    network.forbid()
    import django

    django.setup()


def pytest_unconfigure() -> None:
    running.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--database") == "postgresql":
        return
    elsewhere = [item for item in items if item.get_closest_marker("postgresql")]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if not item.get_closest_marker("postgresql")]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    return refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    return refuse_skip((yield))


def refuse_skip(report: Any) -> Any:
    if CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not accept: {report.longrepr}"
    return report


@pytest.fixture(autouse=True, scope="session")
def _cheap_passwords() -> Iterator[None]:
    """Argon2 is slow on purpose, and no test is about that."""
    from django.test import override_settings

    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(autouse=True)
def _clean_process() -> Iterator[None]:
    """Rate limits, language and time zone live in the process: none outlives its test."""
    yield
    from django.core.cache import cache
    from django.utils import timezone, translation

    from fairness import recent

    cache.clear()
    recent.forget()
    translation.deactivate()
    timezone.deactivate()


@pytest.fixture
def worker(db: None, django_capture_on_commit_callbacks: Any) -> Any:
    """The task queue, in-process: nothing runs until the test says so.

    `worker.run()` runs all queued tasks and those they queue; `with worker.after_commit():` also
    fires what the block left for its commit (nudges): a test's own transaction never commits.
    """
    from tests.worker import Worker

    return Worker(django_capture_on_commit_callbacks)


@pytest.fixture
def shared_data() -> Callable[[str], Path]:
    """`shared_data("telpolytech")` is the folder of that real timetable.

    It is looked for in UNDERSTUDY_DATA, else in `shared/data` beside the checkout or above it.
    Where it is missing the test is skipped, saying so; in CI it fails.
    """
    named = os.environ.get("UNDERSTUDY_DATA")
    places = [Path(named)] if named else [above / "shared" / "data" for above in ROOT.parents]

    def find(name: str) -> Path:
        found = next((place / name for place in places if (place / name).is_dir()), None)
        if found is None:
            message = (
                f"no timetable {name!r} in {named or 'shared/data beside the checkout'}: "
                "set UNDERSTUDY_DATA to the folder that holds it"
            )
            (pytest.fail if CI else pytest.skip)(message)
        return found

    return find


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The Chromium of pytest-playwright: the system's own where there is one, and no network."""
    path = servers.find_browser()
    return {
        **browser_type_launch_args,
        "args": servers.BROWSER_ARGUMENTS,
        **({"executable_path": path} if path else {}),
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "locale": "en-GB", "timezone_id": "UTC"}


@pytest.fixture
def sign_in(context: Any, live_server: Any) -> Callable[[Any], None]:
    """`sign_in(user)` gives the browser that account's session, without the pages for it."""
    from django.conf import settings
    from django.test import Client

    def sign_in(user: Any) -> None:
        client = Client()
        client.force_login(user)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])

    return sign_in


@pytest.fixture
def complaints(page: Any) -> list[str]:
    """What the browser finds wrong: blocked by the content policy, missing on the server, thrown."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on(
        "console",
        lambda said: found.append(said.text) if said.type in {"error", "warning"} else None,
    )
    page.on(
        "response",
        lambda answer: (
            found.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None
        ),
    )
    return found
