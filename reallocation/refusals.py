"""How the workflow says no."""

from __future__ import annotations

from typing import Any

from .reasons import Reason


class Refused(Exception):
    """The workflow refuses, having changed nothing. `code` is stable, `message` is for people."""

    def __init__(self, code: str, **data: Any) -> None:
        self.reason = Reason(code, data)
        super().__init__(code)

    @property
    def code(self) -> str:
        return self.reason.code

    @property
    def message(self) -> str:
        return self.reason.sentence()

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
