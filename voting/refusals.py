"""How the app says no."""

from __future__ import annotations

from .enums import Refusal


class VotingRefused(Exception):
    """The app refuses, having changed nothing. `code` is stable, `message` is for people."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal

    @property
    def code(self) -> str:
        return self.refusal.value

    @property
    def message(self) -> str:
        return str(self.refusal.label)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
