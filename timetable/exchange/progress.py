"""How far a long import or export has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TextIO, TypeVar

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""

T = TypeVar("T")
STRIDE = 2000


def silent(what: str, done: int, total: int) -> None:
    """Nobody is watching."""


class Bar:
    """One line on a terminal that is written over again and again, and wiped at the end."""

    WIDTH = 30
    SHORTEST_PAUSE = 0.1

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._drawn_at = 0.0
        self._length = 0

    def __call__(self, what: str, done: int, total: int) -> None:
        moment = time.monotonic()
        if done < total and moment - self._drawn_at < self.SHORTEST_PAUSE:
            return
        self._drawn_at = moment
        share = min(1.0, done / total) if total else 1.0
        full = round(share * self.WIDTH)
        line = f"[{'#' * full}{'.' * (self.WIDTH - full)}] {share:4.0%} {what}"
        self._write(line)

    def clear(self) -> None:
        self._write("")
        self.stream.write("\r")
        self.stream.flush()

    def _write(self, line: str) -> None:
        self.stream.write("\r" + line.ljust(self._length))
        self.stream.flush()
        self._length = len(line)


def chunks(rows: Sequence[T], progress: Progress, what: str) -> Iterator[Sequence[T]]:
    """The rows in handfuls, saying after each how far it is."""
    for start in range(0, len(rows), STRIDE):
        yield rows[start : start + STRIDE]
        progress(what, min(start + STRIDE, len(rows)), len(rows))


def watched(rows: Iterable[T], total: int, progress: Progress, what: str) -> Iterator[T]:
    """The rows one by one, saying every so often how far it is."""
    done = 0
    for row in rows:
        yield row
        done += 1
        if done % STRIDE == 0:
            progress(what, done, total)
    progress(what, done, max(done, total))
