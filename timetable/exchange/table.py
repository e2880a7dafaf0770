"""One .csv file of a bundle, read line by line: every line is either a row or a fault."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from .cells import BadCell, did_you_mean, text
from .faults import Faults

LONGEST_LINE = 256 * 1024
"""Bytes: more than any row has, less than what would hurt."""

SHORT_TEXT = text()
REPLACED = "\ufffd"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: how a cell is read, and what it means if it is empty or not there at all.

    `required`: the column must be there and its cells filled; `may_be_empty` takes back the latter.
    `refers_to` names the file whose codes the cell holds. `rare`: written only where a cell has a
    value, so that the files keep their usual shape.
    """

    name: str
    read: Callable[[str], object] = SHORT_TEXT
    required: bool = False
    default: object = ""
    may_be_empty: bool = False
    refers_to: str = ""
    rare: bool = False

    def value(self, cell: str) -> object:
        """Raises BadCell."""
        if cell:
            return self.read(cell)
        if self.required and not self.may_be_empty:
            raise BadCell(gettext_noop("is empty"))
        return self.default


@dataclass(frozen=True, slots=True)
class Line:
    """One row as it stands in the file: a cell for each column, in the order of the columns."""

    number: int
    cells: Sequence[str]


class _Lines:
    """Decoded physical lines; remembers which could not be decoded, for the row they belong to."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.number = 0
        self.bytes_read = 0
        self.broken: dict[int, str] = {}

    def __iter__(self) -> Iterator[str]:
        readline = self.stream.readline
        while raw := readline(LONGEST_LINE):
            self.number += 1
            self.bytes_read += len(raw)
            if self.number == 1:
                if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    self.broken[1] = _("the file is UTF-16, not UTF-8")
                    return
                raw = raw.removeprefix(codecs.BOM_UTF8)
            if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
                self.broken[self.number] = _("the line is longer than %d bytes") % LONGEST_LINE
                raw = self._rest_of_line()
            try:
                yield raw.decode()
            except UnicodeDecodeError as error:
                self.broken[self.number] = _(
                    "not UTF-8: byte 0x%(byte)02x at position %(position)d"
                ) % {"byte": raw[error.start], "position": error.start + 1}
                yield raw.decode(errors="replace")

    def _rest_of_line(self) -> bytes:
        """Skip to the end of a line too long to keep; what is left of it is an empty one."""
        while (raw := self.stream.readline(LONGEST_LINE)) and not raw.endswith(b"\n"):
            self.bytes_read += len(raw)
        return b"\n"


class Table:
    """The lines of one file, after its header was understood.

    `usable` is False if it was not: then there are no lines, and what refers to the file cannot be
    checked.
    """

    def __init__(
        self, file: str, stream: BinaryIO, columns: tuple[Column, ...], faults: Faults
    ) -> None:
        self.file = file
        self.columns = columns
        self.faults = faults
        self._lines = _Lines(stream)
        self._rows = csv.reader(self._lines, strict=True)
        self._width = 0
        self._places: tuple[int, ...] | None = None
        self._places = self._read_header()
        self.usable = self._places is not None

    @property
    def bytes_read(self) -> int:
        return self._lines.bytes_read

    def __iter__(self) -> Iterator[Line]:
        if self._places is None:
            return
        places, width = self._places, self._width
        while (found := self._next_row()) is not None:
            number, cells = found
            if len(cells) != width:
                self._complain(
                    number,
                    None,
                    _("has %(found)d cells, the header has %(expected)d")
                    % {"found": len(cells), "expected": width},
                )
                continue
            yield Line(number, [cells[at].strip() if at >= 0 else "" for at in places])

    def _next_row(self) -> tuple[int, list[str]] | None:
        """The next row that is not blank, with the number of its first line; None at the end."""
        lines = self._lines
        while True:
            number = lines.number + 1
            try:
                cells = next(self._rows, None)
            except csv.Error as error:
                self._complain(number, None, _("not readable as CSV: %s") % error)
                continue
            if lines.broken:
                self._complain_of_encoding(cells or [])
            elif cells is None or any(cells):
                return None if cells is None else (number, cells)

    def _complain_of_encoding(self, cells: list[str]) -> None:
        bad = {at for at, cell in enumerate(cells) if REPLACED in cell}
        names = zip(self.columns, self._places, strict=True) if self._places else ()
        column = next((column.name for column, at in names if at in bad), None)
        for line, reason in self._lines.broken.items():
            self._complain(line, column, reason)
        self._lines.broken.clear()

    def _read_header(self) -> tuple[int, ...] | None:
        """Where each column stands in a row, -1 if it does not; None if the header is no good."""
        before = self.faults.total
        found = self._next_row()
        if found is None:
            if self.faults.total == before:
                self._complain(1, None, _("the header row is missing"))
            return None
        if self.faults.total > before:
            return None
        number, header = found[0], [cell.strip() for cell in found[1]]
        if len(header) == 1 and ";" in header[0]:
            self._complain(number, None, _("columns are separated by “,”, not by “;”"))
            return None
        self._check_header(number, header)
        if self.faults.total > before:
            return None
        self._width = len(header)
        where = {name: at for at, name in enumerate(header)}
        return tuple(where.get(column.name, -1) for column in self.columns)

    def _check_header(self, number: int, header: list[str]) -> None:
        known = [column.name for column in self.columns]
        for at, name in enumerate(header):
            if not name:
                self._complain(number, None, _("column %d has no name") % (at + 1))
            elif name not in known:
                hint = did_you_mean(name, [n for n in known if n not in header])
                self._complain(number, name, _("unknown column") + hint)
            elif name in header[:at]:
                self._complain(number, name, _("the column is there twice"))
        for column in self.columns:
            if column.required and column.name not in header:
                self._complain(number, column.name, _("the column is missing"))

    def _complain(self, line: int, column: str | None, reason: str) -> None:
        self.faults.add(self.file, line, column, reason)
