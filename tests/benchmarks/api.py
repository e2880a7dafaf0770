"""(h) The JSON API: how long each endpoint takes, asked by eight clients.

Once without a pause, where each waits for all the others and for its own share of the same processors;
and once as eight scripts do, each of which asks twice a second at most.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from . import place
from .measures import BALLOT, Found, cases_of

CLIENTS = 8
READS, WRITES = 192, 64
PACED_READS = 64
READS_BEFORE, WRITES_BEFORE = 64, 24
"""Not counted: until each of the server's eight connections knows what it is asked."""
PACES = {"closed": 0.0, "paced": 0.5}
"""Seconds from one request of a client to its next, at least."""
READ_MS, WRITE_MS = 60, 120
"""What is allowed at the 95th percentile."""

ROOT = "/api/dynamic-reallocation"
DAY = dt.date(2027, 2, 9)
"""The first day on which professors are absent."""
DAYS_OF_ANSWERS = (1, 3, 9, 10, 15, 16, 17)
"""After that day: when those are absent for whom people are asked who answer."""


Every = defaultdict[tuple[str, int], list[float]]
"""Seconds of all requests, by the way of asking and what is allowed."""


@dataclass(frozen=True)
class Call:
    token: str
    path: str
    body: dict[str, Any] | None = None

    def send(self, browser: place.Browser) -> int:
        headers = {"Authorization": f"Bearer {self.token}"}
        if self.body is None:
            return browser.send("GET", ROOT + self.path, None, headers)
        headers["Content-Type"] = "application/json"
        return browser.send("POST", ROOT + self.path, json.dumps(self.body), headers)


class Scene:
    """The campus with cases at every step, and the calls that can be made there."""

    def __init__(self) -> None:
        from django.utils import timezone

        from tests.factories import StaffFactory
        from timetable.models import Institute

        self.now = timezone.now()
        self.institute = Institute.objects.get(slug="campus")
        self.registrar = self._token(StaffFactory(institute=self.institute).user)

    def _token(self, user: Any) -> str:
        from timetable import tokens
        from timetable.enums import TokenScope

        return tokens.make(user, "bench", TokenScope.values, now=self.now).secret

    def reads(self) -> Iterator[tuple[str, list[Call]]]:
        from reallocation.sweep import advance_due
        from timetable.models import Student

        cases = cases_of(self.institute, DAY + dt.timedelta(days=2), WRITES, self.now)
        advance_due(self.now)
        professors = [self._token(case.professor.user) for case in cases]
        students = [
            self._token(
                Student.objects.filter(enrolments__offering=case.meeting.offering).first().user
            )
            for case in cases
        ]
        for who, tokens in (
            ("registrar", [self.registrar]),
            ("professor", professors),
            ("student", students),
        ):
            for path in ("/cases", "/offers", "/ballots", "/meetings?from=2027-02-08"):
                yield f"{path.partition('?')[0]} {who}", [Call(token, path) for token in tokens]
        for path in ("/fairness-report/campus", "/webhooks"):
            yield f"{path} registrar", [Call(self.registrar, path)]
        yield "/cases since", [Call(self.registrar, "/cases?since=1")]
        for path in ("/reallocation-status/{}", "/cases/{}/candidates", "/cases/{}/slots"):
            yield (
                path.format("…"),
                [
                    Call(token, path.format(case.uid))
                    for token, case in zip(professors, cases, strict=True)
                ],
            )

    def writes(self) -> Iterator[tuple[str, int, list[Call]]]:
        yield "/professor-unavailability", 201, self._absences()
        yield "/assign-direct-substitute", 200, self._substitutes()
        yield from self._answers()
        yield "/student-vote", 200, self._votes()
        yield "/reschedule-class", 200, self._moves()
        yield "/weekend-class", 200, self._weekends()

    def _absences(self) -> list[Call]:
        from timetable.models import Professor

        day = DAY + dt.timedelta(days=14)
        there = Professor.objects.filter(
            meetings__in=self.institute.meetings.on_day(self.institute, day)
        )
        return [
            Call(
                self._token(professor.user),
                "/professor-unavailability",
                {
                    "institute_id": "campus",
                    "professor_id": professor.code,
                    "unavailability_date": str(day),
                    "reason": "illness",
                },
            )
            for professor in there.select_related("user").distinct().order_by("code")[: 2 * WRITES]
        ]

    def _substitutes(self) -> list[Call]:
        from reallocation import candidates
        from reallocation.policy import policy_of

        calls = []
        for case in cases_of(self.institute, DAY, 2 * WRITES, self.now):
            people = candidates.professors_of_section(case)
            pool = candidates.pool(case, people, policy_of(self.institute), now=self.now)
            if not pool.ranked:
                continue
            calls.append(
                Call(
                    self._token(case.professor.user),
                    "/assign-direct-substitute",
                    {
                        "reallocation_id": str(case.uid),
                        "substitute_professor_id": pool.ranked[0].professor.code,
                        "professor_approval": True,
                    },
                )
            )
        return calls

    def _answers(self) -> Iterator[tuple[str, int, list[Call]]]:
        from reallocation.models import Offer
        from reallocation.sweep import advance_due

        found: dict[int, Any] = {}
        people: set[tuple[int, dt.date]] = set()
        for day in (DAY + dt.timedelta(days=n) for n in DAYS_OF_ANSWERS):
            asked = [case.pk for case in cases_of(self.institute, day, 2 * WRITES, self.now)]
            advance_due(self.now)
            for offer in (
                Offer.objects.waiting().filter(case__in=asked).select_related("professor__user")
            ):
                # Nobody is to say yes to two classes at the same time.
                if offer.case_id not in found and (offer.professor_id, day) not in people:
                    found[offer.case_id] = offer
                    people.add((offer.professor_id, day))
        for n, act in enumerate(("accept", "decline")):
            yield (
                f"/offers/…/{act}",
                200,
                [
                    Call(self._token(offer.professor.user), f"/offers/{offer.uid}/{act}", {})
                    for offer in [*found.values()][n::2]
                ],
            )

    def _votes(self) -> list[Call]:
        from timetable.models import Offering
        from voting import ballots
        from voting.enums import BallotKind

        calls = []
        cases = cases_of(self.institute, DAY + dt.timedelta(days=6), 4, self.now)
        for case in cases:
            offering = Offering.objects.get(pk=case.meeting.offering_id)
            ballots.open_ballot(
                institute=self.institute,
                offering=offering,
                kind=BallotKind.SUBSTITUTE,
                question="Shall X teach this class?",
                subject_uid=case.uid,
                closes_at=self.now + BALLOT,
                quorum_percent=25,
                now=self.now,
            )
            for n, student in enumerate(offering.students.select_related("user").order_by("code")):
                said = {"reallocation_id": str(case.uid), "student_id": student.code}
                body = {**said, "vote": bool(n % 2)}
                calls.append((n, Call(self._token(student.user), "/student-vote", body)))
        # Nobody's vote decides before the last few, and neighbours vote in different classes.
        return [call for _, call in sorted(calls, key=lambda one: one[0])[: 2 * WRITES]]

    def _moves(self) -> list[Call]:
        calls = []
        for case in self._sent_to(4, DAY + dt.timedelta(days=7)):
            ranked = case.records.get(left_at=None).considered["ranked"]
            best = self.institute.local(dt.datetime.fromisoformat(ranked[0]["starts_at"]))
            grid = case.meeting.offering.term.periods
            body = {
                "reallocation_id": str(case.uid),
                "new_time_slot_id": grid.get(starts=best.time()).name,
                "new_date": str(best.date()),
                "professor_approval": True,
            }
            calls.append(Call(self._token(case.professor.user), "/reschedule-class", body))
        return calls

    def _weekends(self) -> list[Call]:
        body = {"weekend_date": "2027-02-20", "student_approval": True}
        return [
            Call(self.registrar, "/weekend-class", {**body, "reallocation_id": str(case.uid)})
            for case in cases_of(self.institute, DAY + dt.timedelta(days=8), 2 * WRITES, self.now)
        ]

    def _sent_to(self, step: int, day: dt.date) -> Iterable[Any]:
        from reallocation import engine, overrides
        from reallocation.audit import Who
        from reallocation.enums import ActorKind, StepNumber, WaitingFor
        from reallocation.models import Case

        who = Who(ActorKind.REGISTRAR, name="Registrar")
        for case in cases_of(self.institute, day, 2 * WRITES, self.now):
            overrides.send_to(case, step=StepNumber(step), why="To measure", now=self.now, who=who)
            turn = Case.objects.get(pk=case.pk).turn
            engine.climb(case.pk, expected=turn, now=self.now)
            sent = Case.objects.for_list().get(pk=case.pk)
            if sent.is_open and sent.waiting_for == WaitingFor.SLOT_CHOICE:
                yield sent


def requests(port: int, scene: Scene, server: int) -> Found:
    """Each endpoint in turn: p50 and p95, what it takes of the processors, and how far the slowest is from
    what is allowed; and the p95 of all reads, and of all writes."""
    found: Found = {}
    every: Every = defaultdict(list)
    for name, calls in scene.reads():
        many = (calls * (READS // len(calls) + 1))[:READS]
        _warm_up(port, many[:READS_BEFORE], 200)
        ways = {"closed": many, "paced": many[:PACED_READS]}
        found[f"GET {name}"] = _asked(port, server, ways, 200, READ_MS, every)
    unasked = []
    for name, status, calls in scene.writes():
        # Where the timetable leaves little to choose.
        if len(calls) < 2 * WRITES_BEFORE:
            unasked.append(f"POST {name}")
        else:
            # Each can be done but once.
            _warm_up(port, calls[:WRITES_BEFORE], status)
            counted = calls[WRITES_BEFORE:]
            ways = {"closed": counted[::2], "paced": counted[1::2]}
            found[f"POST {name}"] = _asked(port, server, ways, status, WRITE_MS, every)
    told: Found = {"endpoints": found, "unasked": unasked, "load": os.getloadavg()[0]}
    for way in PACES:
        shares = {name: one[way]["p95_ms"] / one["allowed_ms"] for name, one in found.items()}
        worst = max(shares, key=lambda name: shares[name])
        within = sum(share <= 1 for share in shares.values())
        told[way] = {
            "worst": worst,
            "ratio": round(shares[worst], 2),
            "within": within,
            "reads_p95_ms": place.share(every[way, READ_MS], 95),
            "writes_p95_ms": place.share(every[way, WRITE_MS], 95),
        }
    return told


def _warm_up(port: int, calls: list[Call], status: int) -> None:
    place.spread(port, CLIENTS, calls, lambda browser, call: call.send(browser), status)


def _asked(
    port: int, server: int, ways: dict[str, list[Call]], status: int, allowed: int, every: Every
) -> Found:
    found: Found = {"allowed_ms": allowed}
    for way, calls in ways.items():
        before = _taken(server)
        rate, seconds = place.spread(
            port, CLIENTS, calls, lambda browser, call: call.send(browser), status, PACES[way]
        )
        web, database = (
            round(1000 * (now - then) / len(calls), 1)
            for now, then in zip(_taken(server), before, strict=True)
        )
        every[way, allowed] += seconds
        found[way] = {
            "requests": len(calls),
            "p50_ms": place.share(seconds, 50),
            "p95_ms": place.share(seconds, 95),
            "a_second": round(rate, 1),
            "web_processor_ms": web,
            "database_processor_ms": database,
        }
    return found


def _taken(server: int) -> tuple[float, float]:
    """Seconds of processor time that the web's processes and the database's have had."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        backends = [pid for (pid,) in cursor.fetchall()]
    return (
        place.processor_seconds(place.children_of(server)),
        place.processor_seconds(backends),
    )
