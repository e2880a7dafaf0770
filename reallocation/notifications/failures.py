"""Why a message did not leave the house."""

from __future__ import annotations


class Refused(Exception):
    """This address takes no such message, today or ever."""


class Unsent(Exception):
    """Not this time, for a reason that concerns this message alone."""


class Unreachable(Exception):
    """The channel itself does not answer: other messages would fare no better now."""
