"""The institute, its term, its bells and its closed days into the database, and out of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db.models import Model

from timetable.models import Closure, Institute, Period, Term

from .bundle import Bundle
from .head import ClosureFacts, Head, InstituteFacts, PeriodFacts, TermFacts
from .progress import Progress
from .removal import delete
from .store import Store, set_values, sync_by_values


def open_store(bundle: Bundle, now: dt.datetime, progress: Progress) -> Store:
    """The bundle's institute and term, made or brought up to date, ready for the files.

    The institute's row stays locked until the transaction ends: one import of it at a time.
    """
    facts = bundle.head.institute
    values: dict[str, object] = {
        "name": facts.name,
        "timezone": facts.timezone,
        "teaching_days": list(facts.teaching_days),
        "weekend_days": list(facts.weekend_days),
    }
    institute = Institute.objects.select_for_update(no_key=True).filter(slug=facts.slug).first()
    made_institute = institute is None
    institute = institute or Institute(slug=facts.slug)
    changed_institute = _save(institute, values)
    term_facts = bundle.head.term
    term = institute.terms.filter(name=term_facts.name).first()
    made_term = term is None
    term = term or Term(institute=institute, name=term_facts.name)
    changed_term = _save(
        term,
        {
            "starts_on": term_facts.starts_on,
            "ends_on": term_facts.ends_on,
            "mid_semester_on": term_facts.mid_semester_on,
            "end_semester_on": term_facts.end_semester_on,
        },
    )
    store = Store(bundle, institute, term, now, progress)
    _count(store, "institute", made=made_institute, changed=changed_institute)
    _count(store, "term", made=made_term, changed=changed_term)
    _write_periods(store)
    _write_closures(store)
    return store


def _save(row: Model, values: dict[str, object]) -> bool:
    """Write what differs; returns whether anything did."""
    differing = set_values(row, values)
    if row.pk is None:
        row.save()
    elif differing:
        row.save(update_fields=differing)
    return bool(differing)


def _count(store: Store, kind: str, *, made: bool, changed: bool) -> None:
    tally = store.tallies[kind]
    if made:
        tally.created += 1
    elif changed:
        tally.updated += 1
    else:
        tally.unchanged += 1


def _write_periods(store: Store) -> None:
    wanted = [
        {
            "term_id": store.term.pk,
            "name": period.name,
            "starts": period.starts,
            "ends": period.ends,
        }
        for period in store.bundle.head.periods
    ]
    _rows, left = sync_by_values(store, "periods", store.term.periods.all(), wanted, key=("name",))
    _remove(store, "periods", left)


def _write_closures(store: Store) -> None:
    wanted = [
        {
            "term_id": store.term.pk,
            "name": closure.name,
            "starts_on": closure.starts_on,
            "ends_on": closure.ends_on,
        }
        for closure in store.bundle.head.closures
    ]
    _rows, left = sync_by_values(
        store, "closures", store.term.closures.all(), wanted, key=("name",)
    )
    _remove(store, "closures", left)


def _remove(store: Store, kind: str, rows: Sequence[Any]) -> None:
    delete(rows)
    store.tallies[kind].removed += len(rows)


def head_of(term: Term) -> Head:
    """What institute.toml says of the term as it stands in the database."""
    institute = term.institute
    periods = sorted(
        (PeriodFacts(p.name, p.starts, p.ends) for p in Period.objects.filter(term=term)),
        key=lambda period: (period.starts, period.ends, period.name),
    )
    closures = sorted(
        (
            ClosureFacts(closure.name, closure.starts_on, closure.ends_on)
            for closure in Closure.objects.filter(term=term)
        ),
        key=lambda closure: (closure.starts_on, closure.ends_on, closure.name),
    )
    return Head(
        InstituteFacts(
            institute.slug,
            institute.name,
            institute.timezone,
            tuple(institute.teaching_days),
            tuple(institute.weekend_days),
        ),
        TermFacts(
            term.name, term.starts_on, term.ends_on, term.mid_semester_on, term.end_semester_on
        ),
        tuple(periods),
        tuple(closures),
    )
