"""How a request is read before any endpoint sees it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from ninja.parser import Parser

from .problems import Problem, invalid

LONGEST_ADDRESS = 4000
"""Letters of path and query, as sent. No call needs a tenth of it; from 8,190 bytes on the server in
front refuses the line by itself, in HTML: config/gunicorn.py."""


class EachOnce(Parser):
    """Refuses a parameter that is given twice: which of both is meant, nobody can say."""

    def parse_querydict(
        self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        for name, values in data.lists():
            if len(values) > 1 and name not in list_fields:
                raise invalid(name, _("Give it once."))
        found: dict[str, Any] = super().parse_querydict(data, list_fields, request)
        return found


def check_address(request: HttpRequest) -> None:
    """Raises Problem (414)."""
    if len(request.get_full_path()) > LONGEST_ADDRESS:
        message = _("The address is too long: at most %(most)s letters.") % {
            "most": LONGEST_ADDRESS
        }
        raise Problem(HTTPStatus.REQUEST_URI_TOO_LONG, "address_too_long", message)
