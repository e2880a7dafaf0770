"""The report as it was a moment ago: reckoned once for all who look at it in the same minute.

Over a large institute it takes a good tenth of a second. It is reckoned anew as soon as anybody is asked,
covers or is away, or hours are owed; what else may change it (a class moved, a timetable imported) shows
after a minute at the latest. The report says itself for when it is (`Report.at`).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from threading import Lock
from typing import Any

from django.db.models import BigIntegerField, Count, Max, QuerySet, Subquery

from timetable.models import Absence, Institute, Term
from timetable.prepared import PreparedTogether

from .models import LedgerEntry, OwedHours
from .report import Report, fairness_report

KEPT = 60
"""Seconds."""

_reports: dict[int, tuple[str, Report]] = {}
"""By institute the last report and the mark that it bears. In the memory of this process: taking one out
of a cache would cost a fifth of the page's time."""

_reckoning: defaultdict[int, Lock] = defaultdict(Lock)
"""By institute: whoever looks while somebody's report is being reckoned waits for that one."""


def recent_report(institute: Institute, now: dt.datetime) -> Report:
    """`fairness_report`, at most a minute old. One query where this process has been asked before."""
    entered, terms = _mark(institute)
    mark = f"{int(now.timestamp()) // KEPT}/{entered}"
    with _reckoning[institute.pk]:
        kept = _reports.get(institute.pk)
        if kept is None or kept[0] != mark:
            kept = _reports[institute.pk] = (mark, fairness_report(institute, now, terms))
    return kept[1]


def forget() -> None:
    """Reckon all anew."""
    _reports.clear()


def _marks(institute: Any) -> tuple[QuerySet[Any, Any], QuerySet[Term]]:
    marks = {
        "entries": _latest(LedgerEntry.objects.filter(institute=institute)),
        "absences": _latest(Absence.objects.filter(institute=institute)),
        "withdrawn": _number(
            Absence.objects.filter(institute=institute, withdrawn_at__isnull=False)
        ),
        "owed": _latest(OwedHours.objects.filter(institute=institute)),
        "open": _number(OwedHours.objects.filter(institute=institute).open()),
    }
    rows = Institute.objects.filter(pk=institute).order_by()
    return rows.values_list(*marks.values()), Term.objects.filter(institute=institute)


_MARKS = PreparedTogether(_marks, institute=BigIntegerField())


def _mark(institute: Institute) -> tuple[str, list[Term]]:
    """Another one whenever something is entered into the ledger, or somebody is away or back. With the
    terms, of which a report wants one."""
    (found,), terms = _MARKS(institute=institute.pk)
    return "-".join(str(mark) for mark in found), terms


def _latest(rows: QuerySet[LedgerEntry | Absence | OwedHours]) -> Subquery:
    return Subquery(rows.order_by().values("institute").annotate(latest=Max("pk")).values("latest"))


def _number(rows: QuerySet[Absence | OwedHours]) -> Subquery:
    return Subquery(
        rows.order_by().values("institute").annotate(number=Count("pk")).values("number")
    )
