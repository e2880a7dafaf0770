"""Reading a bundle into the database: all of it, or nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.db import connection, transaction
from django.utils.translation import gettext as _

from timetable.models import Institute, Meeting
from timetable.signals import timetable_imported

from .bundle import Bundle, read_bundle
from .calendar import open_store
from .faults import BundleRejected, Faults
from .progress import Progress, silent
from .registry import FILES
from .source import HEAD, open_source
from .store import Store, Tally

COUNTED = (
    "rooms",
    "courses",
    "professors",
    "sections",
    "students",
    "classes",
    "enrolments",
    "slots",
    "meetings",
    "qualifications",
    "availability",
)


@dataclass(frozen=True)
class ImportReport:
    """What an import found and did.

    `counts`: what the bundle comes to, rosters place by place and meetings date by date. `overlaps`:
    pairs of meetings that share a professor or a room at one time. The four totals add up `details`.
    `kept` and `overlapping` list the first thousand of each.
    """

    institute: str
    term: str
    dry_run: bool
    counts: dict[str, int]
    overlaps: dict[str, int]
    overlapping: list[dict[str, str]]
    created: int
    updated: int
    unchanged: int
    removed: int
    details: dict[str, dict[str, int]]
    kept: list[dict[str, str]]
    kept_total: int


def import_bundle(
    bundle: Path | BinaryIO,
    *,
    now: dt.datetime,
    dry_run: bool = False,
    only_for: Institute | None = None,
    progress: Progress = silent,
) -> ImportReport:
    """Make the database say what the bundle says: a folder, a .zip, or an uploaded .zip.

    `dry_run` does everything and takes it back. `only_for` refuses a bundle of another institute, for
    those who look after just one. Raises BundleRejected with every fault; then nothing has changed.
    """
    found = _read(bundle, only_for, progress)
    with transaction.atomic():
        store = open_store(found, now, progress)
        _lock(store)
        for file in FILES:
            store.counts[file.name] = len(found.of(file))
            file.write(store)
            progress(file.name, 1, 1)
        for file in reversed(FILES):
            file.tidy(store)
        timetable_imported.send(
            sender=Institute, institute=store.institute, term=store.term, now=now
        )
        if dry_run:
            transaction.set_rollback(True)
    if not dry_run:
        _analyse()
    return _report(store, dry_run=dry_run)


def _read(bundle: Path | BinaryIO, only_for: Institute | None, progress: Progress) -> Bundle:
    faults = Faults()
    found = read_bundle(open_source(bundle), FILES, faults, progress)
    if found is None:
        raise BundleRejected(faults)
    slug = found.head.institute.slug
    if only_for is not None and slug != only_for.slug:
        raise BundleRejected.because(
            HEAD,
            _("this is a timetable of “%(found)s”, not of “%(wanted)s”")
            % {"found": slug, "wanted": only_for.slug},
            column="institute.slug",
        )
    return found


def _lock(store: Store) -> None:
    """Nobody is booked while the import looks at what is free, in the order of `timetable.locking`.

    Without the keys: whoever only refers to a professor or a meeting, in a log or a message, goes on.
    """
    institute = store.institute
    meetings = Meeting.objects.filter(institute=institute, offering__term=store.term)
    for rows in (institute.professors.all(), institute.rooms.all(), meetings):
        locked = rows.select_for_update(of=("self",), no_key=True).order_by("pk")
        for _pk in locked.values_list("pk", flat=True).iterator():
            pass


def _analyse() -> None:
    """Tell PostgreSQL what is in the tables now: until it looks by itself, a minute later or more, it
    plans as if they were empty, and a page may take half a minute.

    All tables: at a small one it may never look by itself. One without a row, of which it knows nothing, it
    takes for one of hundreds, and each join with the policies of institutes for a reason to read all
    professors.
    """
    if connection.vendor != "postgresql":
        return
    there = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = map(connection.ops.quote_name, there)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(tables)}")


def _report(store: Store, *, dry_run: bool) -> ImportReport:
    tallies = store.tallies.values()

    def total(of: Callable[[Tally], int]) -> int:
        return sum(map(of, tallies))

    return ImportReport(
        institute=store.institute.slug,
        term=store.term.name,
        dry_run=dry_run,
        counts={name: store.counts[name] for name in COUNTED},
        overlaps=store.overlaps,
        overlapping=store.overlapping,
        created=total(lambda tally: tally.created),
        updated=total(lambda tally: tally.updated),
        unchanged=total(lambda tally: tally.unchanged),
        removed=total(lambda tally: tally.removed),
        details=store.details(),
        kept=store.kept.shown,
        kept_total=store.kept.total,
    )


FORMATS: dict[str, Callable[..., ImportReport]] = {"bundle": import_bundle}
"""How each format is read; whatever is not a bundle is made one on the way in."""
