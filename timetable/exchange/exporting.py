"""Writing the bundle of what holds now."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from timetable.models import Institute, Term

from .bundle import BundleFile
from .calendar import head_of
from .head import head_text
from .progress import Progress, silent
from .registry import FILES
from .selection import Selection
from .source import HEAD


@dataclass(frozen=True)
class ExportReport:
    """What was written: the number of rows of each file."""

    institute: str
    term: str
    folder: str
    counts: dict[str, int]


def term_at(institute: Institute, now: dt.datetime) -> Term | None:
    """The term that runs; else the next to begin; else the last one. None if there is none."""
    today = institute.local(now).date()
    terms = institute.terms.order_by("starts_on", "pk")
    return (
        terms.filter(starts_on__lte=today, ends_on__gte=today).last()
        or terms.filter(starts_on__gt=today).first()
        or terms.last()
    )


def export_bundle(term: Term, folder: Path, *, progress: Progress = silent) -> ExportReport:
    """Write the term's bundle into the folder, which is made if need be.

    Each file replaces its predecessor whole. The same timetable gives the same bytes, on any database.
    Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    for name, text, rows in _files(term, progress):
        draft = folder / f".{name}.part"
        draft.write_text(text, encoding="utf-8", newline="")
        draft.replace(folder / name)
        if name != HEAD:
            counts[name.removesuffix(".csv")] = rows
    return ExportReport(term.institute.slug, term.name, str(folder), counts)


def _files(term: Term, progress: Progress) -> Iterator[tuple[str, str, int]]:
    """Each file's name, its text and how many rows it has."""
    selection = Selection(term.institute, term, progress)
    yield HEAD, head_text(head_of(term)), 0
    for file in FILES:
        rows = sorted(map(tuple, file.export(selection)))
        yield file.file, _csv(file, rows), len(rows)
        progress(file.name, 1, 1)


def _csv(file: BundleFile[Any], rows: Sequence[Sequence[str]]) -> str:
    """The rows as RFC 4180, without the rare columns that no row fills."""
    columns = [
        at
        for at, column in enumerate(file.columns)
        if not column.rare or any(row[at] for row in rows)
    ]
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow([file.columns[at].name for at in columns])
    writer.writerows([row[at] for at in columns] for row in rows)
    return written.getvalue()
