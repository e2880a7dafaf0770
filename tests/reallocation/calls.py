"""Calls of the API as programs make them: a token in the header, JSON in and out."""

from dataclasses import dataclass
from typing import Any

from django.test import Client

from tests.factories import NOW
from timetable import tokens
from timetable.enums import TokenScope

ROOT = "/api/dynamic-reallocation"


@dataclass(frozen=True)
class Said:
    """An answer: its status, its JSON (None if it is empty) and its headers."""

    status: int
    body: Any
    headers: Any

    @property
    def code(self):
        return self.body["code"]


class Program:
    """What runs with somebody's token: `program.get("/cases", status="open")`."""

    def __init__(self, secret=None, scheme="Bearer"):
        # A real browser's or script's request is not excused from the CSRF check.
        self.client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        self.headers = {"Authorization": f"{scheme} {secret}"} if secret else {}

    def get(self, path, headers=None, **query):
        response = self.client.get(ROOT + path, query, headers={**self.headers, **(headers or {})})
        return self._said(response)

    def post(self, path, data=None, headers=None):
        return self._said(
            self.client.post(
                ROOT + path,
                data if data is not None else {},
                content_type="application/json",
                headers={**self.headers, **(headers or {})},
            )
        )

    def delete(self, path, headers=None):
        return self._said(
            self.client.delete(ROOT + path, headers={**self.headers, **(headers or {})})
        )

    @staticmethod
    def _said(response):
        body = response.json() if response.content else None
        return Said(response.status_code, body, response.headers)


def token_of(user, *scopes):
    """A secret; with all scopes unless some are named."""
    return tokens.make(user, "test", scopes or TokenScope.values, now=NOW).secret


def program_of(person, *scopes):
    """A program with the token of a professor, a student, a member of staff or an account."""
    return Program(token_of(getattr(person, "user", person), *scopes))
