"""The institute that generated requests are sent to: everything is there, and many times over.

A database of PostgreSQL is filled once and kept as a template; the site is served from a copy, which is
thrown away for a fresh one before what was asked of it has settled everything there was to settle.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier

SERVED, KEPT = "served", "kept"
WEEKS = 4
"""Of cases: one in every state for each, all before the next checkpoint but one."""

WEEK = dt.timedelta(days=7)
VOTERS = 6


@dataclass(frozen=True)
class Thing:
    """A case with all that belongs to it, by the names that requests have for it."""

    case: str
    absence: str
    absent: str
    offering: str
    day: dt.date
    is_open: bool
    offers: tuple[tuple[str, str, bool], ...]
    """Id, code of who was asked, and whether an answer is awaited."""
    voters: tuple[str, ...]
    """Students of the class; if a vote is open, on its roll."""
    is_voted_on: bool
    places: tuple[tuple[str, str], ...]
    """Day and period to which it could move, where the professor is to choose."""


@dataclass(frozen=True)
class World:
    """What there is, and the tokens of those who are there."""

    slug: str
    things: tuple[Thing, ...]
    professors: tuple[str, ...]
    periods: tuple[str, ...]
    meetings: tuple[str, ...]
    ballots: tuple[str, ...]
    webhooks: tuple[tuple[str, tuple[str, ...]], ...]
    """Each with its deliveries."""
    registrar: str = field(repr=False)
    tokens: dict[str, str] = field(repr=False)
    """Of professors and students of the institute, by their code."""
    outsiders: tuple[str, ...] = field(repr=False)
    """Of a professor, a student and a registrar of another institute."""


class Databases:
    """The one that is served, and the one it is copied from."""

    def __init__(self, url: str) -> None:
        self._maintenance = url
        self.url = f"{url.rsplit('/', 1)[0]}/{SERVED}"
        self._do(self._created(SERVED))

    def keep(self) -> None:
        """What is served now is what every fresh copy will be. Nobody may be connected to it."""
        self._do(self._created(KEPT, like=SERVED))

    def refresh(self) -> None:
        """Serve a fresh copy; whoever was connected finds out and connects again."""
        self._do(
            SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(SERVED)),
            self._created(SERVED, like=KEPT),
        )

    @staticmethod
    def _created(name: str, like: str = "template0") -> Composed:
        words = SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        return words.format(Identifier(name), Identifier(like))

    def _do(self, *statements: Composed) -> None:
        place = psycopg.conninfo.make_conninfo(**_parts(self._maintenance))
        with psycopg.connect(place, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


def _parts(url: str) -> dict[str, str]:
    from environ import Env

    found = Env.db_url_config(url)
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host"}
    names["PORT"] = "port"
    return {name: str(found[key]) for key, name in names.items() if found.get(key)}


def build(now: dt.datetime) -> World:
    """Fill the database: the sample institute with cases in every state, and another institute."""
    from reallocation.enums import WebhookStatus
    from reallocation.models import Case
    from reallocation.sample.cases import make_cases
    from reallocation.sample.institute import SLUG, write_bundle
    from tests.factories import (
        StaffFactory,
        WebhookDeliveryFactory,
        WebhookFactory,
        small_institute,
    )
    from timetable.exchange.importing import import_bundle
    from timetable.models import Institute, Meeting, Period
    from voting.models import Ballot

    with tempfile.TemporaryDirectory() as folder:
        write_bundle(Path(folder), now.date())
        import_bundle(Path(folder), now=now)
    institute = Institute.objects.get(slug=SLUG)
    for week in range(WEEKS):
        make_cases(institute, now, later=week * WEEK)
    for events in (["case.opened"], ["case.resolved", "ballot.closed"]):
        webhook = WebhookFactory(institute=institute, events=events)
        for status in WebhookStatus.values:
            WebhookDeliveryFactory(webhook=webhook, status=status)
    elsewhere = small_institute("elsewhere")
    cases = Case.objects.for_list().filter(institute=institute).order_by("pk")
    things = tuple(_thing(case) for case in cases)
    strangers = (elsewhere.professors["ADA"].user, elsewhere.students["A1"].user)
    meetings = Meeting.objects.filter(institute=institute, starts_at__gt=now)
    return World(
        slug=institute.slug,
        things=things,
        professors=tuple(institute.professors.order_by("code").values_list("code", flat=True)),
        periods=tuple(
            Period.objects.filter(term__institute=institute).values_list("name", flat=True)
        ),
        meetings=_ids(meetings.order_by("starts_at")[:100]),
        ballots=_ids(Ballot.objects.filter(institute=institute)),
        webhooks=tuple(
            (str(one.uid), _ids(one.deliveries.all())) for one in institute.webhooks.all()
        ),
        registrar=_token(StaffFactory(institute=institute).user, now),
        tokens=_tokens(institute, {code for thing in things for code in thing.voters}, now),
        outsiders=tuple(
            _token(user, now)
            for user in (*strangers, StaffFactory(institute=elsewhere.institute).user)
        ),
    )


def _ids(rows: Iterable[Any]) -> tuple[str, ...]:
    return tuple(str(row.uid) for row in rows)


def _thing(case: Any) -> Thing:
    from reallocation.enums import WaitingFor
    from voting.models import Ballot

    local = case.institute.local
    places = []
    if case.waiting_for == WaitingFor.SLOT_CHOICE:
        grid = {period.starts: period.name for period in case.meeting.offering.term.periods.all()}
        for ranked in case.records.get(left_at=None).considered["ranked"]:
            moment = local(dt.datetime.fromisoformat(ranked["starts_at"]))
            if moment.time() in grid:
                places.append((str(moment.date()), grid[moment.time()]))
    ballot = Ballot.objects.open().filter(subject_uid=case.uid).first()
    roll = ballot.roll.values("student") if ballot else case.meeting.offering.students.values("pk")
    voters = case.institute.students.filter(pk__in=roll).order_by("code")
    return Thing(
        case=str(case.uid),
        absence=str(case.absence.uid),
        absent=case.professor.code,
        offering=case.meeting.offering.code,
        day=local(case.before_starts_at).date(),
        is_open=case.is_open,
        offers=tuple(
            (str(offer.uid), offer.professor.code, offer.status == "sent")
            for offer in case.offers.select_related("professor")
        ),
        voters=tuple(voters.values_list("code", flat=True)[:VOTERS]),
        is_voted_on=ballot is not None,
        places=tuple(places),
    )


def _token(user: Any, now: dt.datetime) -> str:
    from timetable import tokens
    from timetable.enums import TokenScope

    return tokens.make(user, "fuzz", TokenScope.values, now=now).secret


def _tokens(institute: Any, students: set[str], now: dt.datetime) -> dict[str, str]:
    people = [
        *institute.professors.select_related("user"),
        *institute.students.filter(code__in=students).select_related("user"),
    ]
    return {person.code: _token(person.user, now) for person in people}
