"""How the process starts, told from outside: each case is a process with its own environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

ROOT = Path(__file__).resolve().parent.parent
LONG_KEY = "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LOOK = """
import json, os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()
from django.conf import settings
names = os.environ["LOOK_AT"].split()
print(json.dumps({name: getattr(settings, name) for name in names}, default=str))
"""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": "sqlite://:memory:", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def settings(*names: str, **environment: str) -> dict[str, object]:
    done = run("-c", LOOK, LOOK_AT=" ".join(names), **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("command", ["check", "migrate", "help", "runserver"])
def test_production_without_a_key_refuses_in_one_line(command: str) -> None:
    done = run("manage.py", command)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("Understudy cannot start: SECRET_KEY is not set.")


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DATABASE_URL": "mysql://a:hidden@b/c"}, "DATABASE_URL must begin with sqlite:///"),
        ({"DATABASE_URL": "postgres://a:hidden@b:port/c"}, "DATABASE_URL cannot be read"),
        ({"BASE_URL": "understudy.example.org"}, "BASE_URL is 'understudy.example.org'"),
        ({"WORKERS": "two"}, "WORKERS is 'two': it must be a whole number."),
        ({"PORT": "http", "DEBUG": "1"}, "PORT is 'http': it must be a whole number."),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL is 'LOUD'"),
        ({"OIDC_SERVER_URL": "https://id.example.org"}, "OIDC_CLIENT_ID"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(environment: dict[str, str], said: str) -> None:
    done = run("manage.py", "check", SECRET_KEY=LONG_KEY, **environment)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Understudy cannot start: ")
    assert said in line
    assert "hidden" not in line


PAGES_WITHOUT_FILES = """
import os, sys
from pathlib import Path
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
from config import settings
settings.STATIC_ROOT = Path(sys.argv[1])
from config import {door}
"""


@pytest.mark.parametrize("door", ["wsgi", "asgi"])
def test_production_without_its_collected_files_says_so_and_stops(
    door: str, tmp_path: Path
) -> None:
    start = PAGES_WITHOUT_FILES.format(door=door)
    done = run("-c", start, str(tmp_path), SECRET_KEY=LONG_KEY)
    assert done.returncode == 1
    assert "run `manage.py collectstatic --noinput`, then start again." in done.stderr
    noted = {"version": "1.1", "paths": {"a.css": "a.1.css"}, "hash": ""}
    (tmp_path / "staticfiles.json").write_text(json.dumps(noted))
    assert run("-c", start, str(tmp_path), SECRET_KEY=LONG_KEY).returncode == 0
    assert run("-c", start, str(tmp_path / "none"), DEBUG="1").returncode == 0


def test_production_passes_the_deployment_check() -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", SECRET_KEY=LONG_KEY)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_https_is_taken_for_granted_in_production_alone() -> None:
    names = ("SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "SECURE_HSTS_SECONDS", "BASE_URL")
    assert settings(*names, SECRET_KEY=LONG_KEY) == {
        "SECURE_SSL_REDIRECT": True,
        "SESSION_COOKIE_SECURE": True,
        "SECURE_HSTS_SECONDS": 31536000,
        "BASE_URL": "https://localhost",
    }
    plain = {
        "SECURE_SSL_REDIRECT": False,
        "SESSION_COOKIE_SECURE": False,
        "SECURE_HSTS_SECONDS": 0,
    }
    assert settings(*names, SECRET_KEY=LONG_KEY, BASE_URL="http://intranet") == {
        **plain,
        "BASE_URL": "http://intranet",
    }
    assert settings(*names, SECRET_KEY=LONG_KEY, DEBUG="1") == {
        **plain,
        "BASE_URL": "http://localhost:8000",
    }


def test_in_development_links_lead_to_the_port_of_the_demo() -> None:
    port = {"SECRET_KEY": LONG_KEY, "PORT": "8103"}
    assert settings("BASE_URL", **port, DEBUG="1") == {"BASE_URL": "http://localhost:8103"}
    assert settings("BASE_URL", **port) == {"BASE_URL": "https://localhost"}


def test_the_host_of_the_base_address_is_allowed() -> None:
    found = settings("ALLOWED_HOSTS", SECRET_KEY=LONG_KEY, BASE_URL="https://u.example.org/")
    assert found == {"ALLOWED_HOSTS": ["u.example.org", "localhost", "127.0.0.1", "[::1]"]}


def test_forwarded_headers_are_believed_from_named_proxies_alone() -> None:
    names = ("SECURE_PROXY_SSL_HEADER", "ALLAUTH_TRUSTED_PROXY_COUNT")
    assert settings(*names, SECRET_KEY=LONG_KEY) == {
        "SECURE_PROXY_SSL_HEADER": None,
        "ALLAUTH_TRUSTED_PROXY_COUNT": 0,
    }
    assert settings(*names, SECRET_KEY=LONG_KEY, TRUSTED_PROXIES="1") == {
        "SECURE_PROXY_SSL_HEADER": ["HTTP_X_FORWARDED_PROTO", "https"],
        "ALLAUTH_TRUSTED_PROXY_COUNT": 1,
    }


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "postgres://u:p@h:5433/d",
            {
                "NAME": "d",
                "HOST": "h",
                "PORT": 5433,
                "CONN_MAX_AGE": 600,
                "CONN_HEALTH_CHECKS": True,
            },
        ),
        (
            "sqlite:///var/other.db",
            {
                "NAME": str(ROOT / "var" / "other.db"),
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "timeout": 20,
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
                },
            },
        ),
        ("sqlite:////srv/understudy.db", {"NAME": "/srv/understudy.db"}),
        ("", {"NAME": str(ROOT / "var" / "understudy.db")}),
    ],
)
def test_the_database_is_set_by_its_address(url: str, said: dict[str, object]) -> None:
    found = settings("DATABASES", SECRET_KEY=LONG_KEY, DATABASE_URL=url)["DATABASES"]["default"]
    assert {key: found[key] for key in said} == said


def test_mail_providers_are_set_by_their_own_names() -> None:
    found = settings(
        *("ANYMAIL", "EMAIL_BACKEND"),
        SECRET_KEY=LONG_KEY,
        EMAIL_BACKEND="anymail.backends.mailgun.EmailBackend",
        ANYMAIL_MAILGUN_API_KEY="key",
    )
    assert found == {
        "ANYMAIL": {"MAILGUN_API_KEY": "key"},
        "EMAIL_BACKEND": "anymail.backends.mailgun.EmailBackend",
    }


def test_logs_are_json_in_production_and_leave_standard_output_alone() -> None:
    program = LOOK.replace("names =", "import logging; logging.error('seen %s', 1); names =")
    done = run("-c", program, LOOK_AT="DEBUG", SECRET_KEY=LONG_KEY)
    assert json.loads(done.stdout) == {"DEBUG": False}
    entry = json.loads(done.stderr)
    assert (entry["event"], entry["level"]) == ("seen 1", "error")


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["account_login", "admin:login"])
def test_pages_forbid_whatever_is_not_their_own(client: Client, page: str) -> None:
    response = client.get(reverse(page), follow=True)
    assert response.status_code == 200
    directives = dict(
        part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";")
    )
    assert directives == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "manifest-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
