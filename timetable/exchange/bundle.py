"""What a bundle is made of: its files, their rows, and how all of it is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from timetable.weeks import TermCalendar

from .cells import BadCell, did_you_mean
from .faults import Faults
from .head import Head, read_head
from .progress import STRIDE, Progress
from .source import Source
from .table import Column, Line, Table

if TYPE_CHECKING:
    from .selection import Selection
    from .store import Store

UNKNOWN_CODE = gettext_noop("“%(code)s” is not in %(file)s")

Complaint = tuple[str, str]
"""A column and what is wrong with it, seen in the light of the rest of its row and of other files."""


@dataclass(frozen=True)
class Row:
    """One row of a file: the line it stood in, then a field for each column, in their order."""

    line: int


R = TypeVar("R", bound=Row)


class BundleFile(ABC, Generic[R]):
    """One kind of file: its columns, and what reading, writing and exporting it means.

    `key`: the columns that must be unique together; a key of one column makes it the code by which
    other files refer to the row.
    """

    name: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    row: type[R]
    key: ClassVar[tuple[str, ...]] = ()
    needed: ClassVar[bool] = False

    @property
    def file(self) -> str:
        return f"{self.name}.csv"

    def coded(self, row: R) -> tuple[str, dict[str, object]]:
        """The row's code, and the values of its other columns under their names."""
        code, *names = (column.name for column in self.columns)
        return getattr(row, code), {name: getattr(row, name) for name in names}

    def complaints(self, row: R, reading: Reading) -> Iterable[Complaint]:
        """What is wrong with the row although each cell can be read."""
        return ()

    @abstractmethod
    def write(self, store: Store) -> None:
        """Make the database say what the rows say; what they no longer name stays for `tidy`."""

    def tidy(self, store: Store) -> None:
        """Remove what the bundle no longer names, in the reverse order of writing."""
        return

    @abstractmethod
    def export(self, selection: Selection) -> Iterable[Sequence[str]]:
        """The rows that say what the database says, a cell for each column, in a fixed order."""


@dataclass(slots=True)
class Bundle:
    """One institute's timetable for one term, read without a fault."""

    head: Head
    rows: dict[str, list[Row]]

    def of(self, file: BundleFile[R]) -> list[R]:
        return cast("list[R]", self.rows[file.name])

    def classes_with_own_roster(self) -> set[str]:
        """Those whose students are listed one by one."""
        return {getattr(row, "offering") for row in self.rows["enrolments"]}  # noqa: B009


@dataclass(slots=True)
class Reading:
    """What is known while a bundle is read: which codes there are, and where each was first met."""

    faults: Faults
    calendar: TermCalendar | None = None
    codes: dict[str, dict[Hashable, int]] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    met: dict[str, dict[Hashable, int]] = field(default_factory=dict)
    leaderless: set[str] = field(default_factory=set)
    """The classes without a professor: nobody could lead their meetings."""

    def first_met(self, what: str, value: Hashable, line: int) -> int | None:
        """The earlier line with the same value, if there is one."""
        first = self.met.setdefault(what, {}).setdefault(value, line)
        return None if first == line else first

    def is_known(self, file: str, code: str) -> bool:
        return file in self.unreadable or code in self.codes.get(file, ())


def read_bundle(
    source: Source, files: Sequence[BundleFile[Row]], faults: Faults, progress: Progress
) -> Bundle | None:
    """The bundle; None, and all its faults, if there are any."""
    head = read_head(source, faults)
    reading = Reading(faults, calendar=head.calendar if head else None)
    _complain_of_strangers(source, files, faults)
    rows: dict[str, list[Row]] = {}
    for file in files:
        rows[file.name] = []
        if file.file in source.sizes:
            _read_file(source, file, reading, rows[file.name], progress)
        elif file.needed:
            faults.add(file.file, None, None, _("the file is missing"))
            reading.unreadable.add(file.name)
        reading.met.clear()
        if faults:
            # Nothing will be imported: only the codes still matter, to check what follows.
            rows = {name: [] for name in rows}
    return None if faults or head is None else Bundle(head, rows)


def _complain_of_strangers(
    source: Source, files: Sequence[BundleFile[Row]], faults: Faults
) -> None:
    known = [file.file for file in files]
    for name in sorted(source.sizes):
        if name.lower().endswith(".csv") and not name.startswith(".") and name not in known:
            hint = did_you_mean(name, [k for k in known if k not in source.sizes])
            faults.add(name, None, None, _("no file of a bundle has this name") + hint)


def _read_file(
    source: Source,
    file: BundleFile[Row],
    reading: Reading,
    rows: list[Row],
    progress: Progress,
) -> None:
    size = source.sizes[file.file]
    what = _("reading %s") % file.file
    with source.open(file.file) as stream:
        table = Table(file.file, stream, file.columns, reading.faults)
        if not table.usable:
            reading.unreadable.add(file.name)
        for count, line in enumerate(table, start=1):
            row = _read_row(file, line, reading)
            if row is not None and not reading.faults:
                rows.append(row)
            if count % STRIDE == 0:
                progress(what, table.bytes_read, size)
    progress(what, size, size)


def _read_row(file: BundleFile[Row], line: Line, reading: Reading) -> Row | None:
    """The row, once its cells, its key and what it refers to are in order."""
    before = reading.faults.total
    values: list[object] = []
    for column, cell in zip(file.columns, line.cells, strict=True):
        try:
            value = column.value(cell)
            if column.refers_to and value:
                _check_reference(column.refers_to, value, reading)
        except BadCell as error:
            reading.faults.add(file.file, line.number, column.name, error)
            value = None
        values.append(value)
    _check_key(file, line.number, values, reading)
    if reading.faults.total > before:
        return None
    row = file.row(line.number, *values)
    for column_name, reason in file.complaints(row, reading):
        reading.faults.add(file.file, line.number, column_name, reason)
    return row if reading.faults.total == before else None


def _check_reference(file: str, value: object, reading: Reading) -> None:
    for code in value if isinstance(value, tuple) else (value,):
        if not reading.is_known(file, code):
            raise BadCell(UNKNOWN_CODE, code=code, file=f"{file}.csv")


def _check_key(
    file: BundleFile[Row], line: int, values: Sequence[object], reading: Reading
) -> None:
    if not file.key:
        return
    key = tuple(
        value for column, value in zip(file.columns, values, strict=True) if column.name in file.key
    )
    if None in key:
        return
    # A row with a fault elsewhere still has its code: what refers to it is not at fault.
    known = reading.codes.setdefault(file.name, {})
    first = known.setdefault(key[0] if len(key) == 1 else key, line)
    if first != line:
        reason = _("“%(code)s” is already in line %(line)d")
        reading.faults.add(
            file.file,
            line,
            file.key[-1],
            reason % {"code": ", ".join(map(str, key)), "line": first},
        )
