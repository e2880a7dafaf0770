"""What is measured: one function for each line of `make bench`. Django is set up when they are called."""

from __future__ import annotations

import datetime as dt
import json
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from . import place
from .bundles import Size, write_bundle

Found = dict[str, Any]

ONE_TIME = Size(sections=10, professors=20, students=240)
CAMPUS = Size(sections=400, professors=500, students=20_000)
BALLOT = dt.timedelta(hours=12)

LOOKS = 4
"""How often one case is searched for."""

VISITS_BEFORE, VISITS = 24, 40
"""Of each page, first uncounted."""

WARMING_UP = 80
"""Requests before the counting, spread over eight clients."""


def sample_timetables() -> Path | None:
    """The folder of the real timetables, where it is: see `shared_data` in tests/conftest.py."""
    named = os.environ.get("UNDERSTUDY_DATA")
    places = [Path(named)] if named else [up / "shared" / "data" for up in Path(__file__).parents]
    return next((folder for folder in places if (folder / "telpolytech").is_dir()), None)


def real_timetable() -> Path | None:
    """The folder of telpolytech, where it is."""
    folder = sample_timetables()
    return folder and folder / "telpolytech"


def rehearsal(vendor: str) -> Found:
    """(a) 200 absences on 5,760 students."""
    bundle = real_timetable()
    if bundle is None:
        return {"skipped": "no telpolytech: set UNDERSTUDY_DATA to the folder of sample timetables"}
    with place.database(vendor) as url:
        place.manage(url, "migrate", "--verbosity", "0")
        place.manage(url, "import_timetable", str(bundle), "--json")
        before = os.times()
        found = json.loads(
            place.manage(url, "rehearse", "telpolytech", "--absences", "200", "--json")
        )
        after = os.times()
    allowed = 60 if vendor == "sqlite" else 90
    keys = ("cases", "offers", "votes", "messages", "wall_seconds", "peak_mb", "dropped_share")
    return {
        "database": vendor,
        **{key: found[key] for key in keys},
        "cpu_seconds": round(after.children_user - before.children_user, 1),
        "ratio": round(found["wall_seconds"] / allowed, 2),
    }


def _import(size: Size, slug: str) -> float:
    from django.core.management import call_command

    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        bundle = write_bundle(Path(folder) / slug, size, slug=slug)
        return place.timed(
            lambda: call_command("import_timetable", str(bundle), "--json", stdout=nowhere)
        )


def cases_of(institute: Any, day: dt.date, count: int, now: dt.datetime) -> list[Any]:
    """Absences of the first professors who teach that day, and the cases that they open."""
    from reallocation import absences
    from timetable.models import Professor

    start = institute.moment(day, dt.time())
    span = absences.Request(start, start + dt.timedelta(days=1))
    people = Professor.objects.filter(meetings__in=institute.meetings.on_day(institute, day))
    cases: list[Any] = []
    for professor in people.select_related("institute").distinct().order_by("code")[:count]:
        cases += absences.file(professor, span, now=now).cases
    return cases


def _day(institute: Any, day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    return institute.moment(day, dt.time()), institute.moment(day + dt.timedelta(days=1), dt.time())


def _best(look: Callable[[], object]) -> float:
    """The shortest of some looks, in seconds."""
    return min(place.timed(look) for _ in range(LOOKS))


def _candidates(people: Any, case: Any, policy: Any, *, now: dt.datetime) -> Any:
    from reallocation import candidates

    return candidates.pool(case, people(case), policy, now=now)


def searches() -> Found:
    """(b) Candidates and slots of one case, at 1, 4 and 16 times the meetings: the best of some looks.

    What is compared is the work of each case, not what else the machine does meanwhile.
    """
    from django.db import transaction

    from reallocation import candidates, engine, slots
    from reallocation.policy import checkpoint_of, notice, policy_of
    from tests.reallocation.brute_force import free_places
    from timetable.models import Institute

    found: Found = {}
    agreed = True
    for times in (1, 4, 16):
        slug = f"times-{times}"
        size = Size(
            *(n * times for n in (ONE_TIME.sections, ONE_TIME.professors, ONE_TIME.students))
        )
        _import(size, slug)
        institute = Institute.objects.get(slug=slug)
        policy, day = policy_of(institute), dt.date(2027, 1, 12)
        now = institute.moment(day, dt.time(8)) - dt.timedelta(days=1)
        asking, looking = [], []
        with transaction.atomic():
            for opened in cases_of(institute, day, 12, now):
                case = engine.lock(opened.pk)
                for people in (candidates.professors_of_section, candidates.professors_of_course):
                    ask = partial(_candidates, people, case, policy, now=now)
                    # Where nobody is free there is nothing to rank, and less to read.
                    if ask().ranked:
                        asking.append(_best(ask))
                where = {
                    "days": institute.teaching_days,
                    "earliest": now + notice(policy),
                    "last_day": checkpoint_of(case, now),
                }
                search = partial(slots.search, case, policy, limit=policy.slots_offered, **where)
                looking.append(_best(search))
                if times == 1:
                    agreed &= bool(search().options) == bool(free_places(case, **where))
            transaction.set_rollback(True)
        found[f"{times}x"] = {
            "meetings": institute.meetings.count(),
            "cases": len(looking),
            "with_candidates": len(asking),
            "candidates_p50_ms": place.share(asking, 50),
            "candidates_p95_ms": place.share(asking, 95),
            "slots_p50_ms": place.share(looking, 50),
            "slots_p95_ms": place.share(looking, 95),
        }
    one, many = found["1x"], found["16x"]
    return {
        **found,
        "slots_agree_with_brute_force": agreed,
        "ratio_candidates": round(many["candidates_p50_ms"] / one["candidates_p50_ms"], 2),
        "ratio_slots": round(many["slots_p50_ms"] / one["slots_p50_ms"], 2),
    }


def importing() -> Found:
    """(g) A campus of 500 professors and 20,000 students."""
    from timetable.models import Institute

    seconds = _import(CAMPUS, "campus")
    meetings = Institute.objects.get(slug="campus").meetings.count()
    return {
        "meetings": meetings,
        "seconds": round(seconds, 1),
        "ratio": round(seconds / meetings * 1e5, 1),
        "ratio_is": "seconds per 100,000 meetings",
    }


def votes(port: int) -> Found:
    """(c) Votes through the whole stack, against a view that inserts one row."""
    from django.db import connection
    from django.urls import reverse
    from django.utils import timezone

    from timetable import signed_links
    from timetable.models import Institute, Offering
    from voting import ballots
    from voting.enums import BallotKind

    from .urls import TABLE

    with connection.cursor() as cursor:
        cursor.execute(TABLE)
    institute, now, pressed = Institute.objects.get(slug="campus"), timezone.now(), []
    for offering in Offering.objects.filter(term__institute=institute).order_by("code")[:16]:
        ballot = ballots.open_ballot(
            institute=institute,
            offering=offering,
            kind=BallotKind.SUBSTITUTE,
            question="Shall X teach this class?",
            subject_uid=uuid.uuid4(),
            closes_at=now + BALLOT,
            quorum_percent=25,
            now=now,
        )
        for n, user in enumerate(offering.students.order_by("code").values_list("user", flat=True)):
            token = signed_links.make(
                "ballot", {"ballot": str(ballot.uid), "user": user}, expires_at=now + BALLOT
            )
            path = reverse("voting:ballot-link", args=[token])
            pressed.append((n, path, {"choice": "yes" if n % 2 else "no"}))
    # Many classes at once, and nobody's vote decides before the last few.
    pressed.sort(key=lambda press: press[0])
    things = [(path, fields) for _, path, fields in pressed[: 600 + WARMING_UP]]
    place.crowd(port, 8, things[:WARMING_UP], 302)
    things = things[WARMING_UP:]
    bare = [("/bare/", {"text": str(n)}) for n in range(len(things))]
    place.crowd(port, 8, bare[:WARMING_UP], 302)
    bare_rate, _ = place.crowd(port, 8, bare, 302)
    rate, seconds = place.crowd(port, 8, things, 302)
    return {
        "votes": len(things),
        "votes_per_second": round(rate, 1),
        "bare_per_second": round(bare_rate, 1),
        "p95_ms": place.share(seconds, 95),
        "ratio": round(bare_rate / rate, 2),
    }


def accepts(port: int) -> Found:
    """(d) Offers accepted by eight clients at once, on a server that has been at work for a while.

    Before that, as many are accepted as it takes until each of its connections knows its statements.
    """
    from django.urls import reverse
    from django.utils import timezone

    from reallocation.models import Case, Offer
    from reallocation.sweep import advance_due
    from timetable import signed_links
    from timetable.models import Institute

    now, institute = timezone.now(), Institute.objects.get(slug="campus")
    things, taken = [], set()
    weeks = (dt.date(2027, 2, 2), dt.date(2027, 3, 16))
    for day in (tuesday + dt.timedelta(days=n) for tuesday in weeks for n in range(4)):
        cases_of(institute, day, 150, now)
        advance_due(now)
        offers = Offer.objects.waiting().order_by("rank", "pk").select_related("professor", "case")
        for offer in offers.filter(case__before_starts_at__range=_day(institute, day)):
            # Each professor once a day: the next would be refused if the classes overlap.
            if {offer.case_id, (offer.professor_id, day)} & taken:
                continue
            taken |= {offer.case_id, (offer.professor_id, day)}
            payload = {"offer": str(offer.uid), "user": offer.professor.user_id}
            token = signed_links.make("offer", payload, expires_at=now + BALLOT)
            things.append((reverse("reallocation:offer-link", args=[token]), {"answer": "accept"}))
    first, things = things[:WARMING_UP], things[WARMING_UP:]
    place.crowd(port, 8, first, 302)
    _, seconds = place.crowd(port, 8, things, 302)
    return {
        "accepted": len(things),
        "cases": Case.objects.count(),
        "p50_ms": place.share(seconds, 50),
        "p99_ms": place.share(seconds, 99),
        "ratio": round(place.share(seconds, 99) / 100, 2),
    }


@dataclass(frozen=True)
class Visit:
    """A page, who looks at it, and the session in which they do."""

    name: str
    path: str
    user: Any
    session: str


def visits() -> Iterator[Visit]:
    """Every page of a professor, a student and the registrar of the campus, once (d) has filed absences."""
    from django.test import Client

    from reallocation.models import Case
    from timetable.enums import StaffRole
    from timetable.models import Institute, Staff, Student, User

    institute = Institute.objects.get(slug="campus")
    registrar, _ = User.objects.get_or_create(email="registrar@campus.example")
    Staff.objects.get_or_create(user=registrar, institute=institute, role=StaffRole.REGISTRAR)
    case = Case.objects.filter(institute=institute).select_related("professor__user").earliest("pk")
    student = Student.objects.filter(enrolments__offering=case.meeting.offering).earliest("pk")
    offering = case.meeting.offering.code
    paths = {
        case.professor.user: [
            *("/week/", "/inbox/", f"/classes/{offering}/", "/absences/new/", "/cases/"),
            *(f"/cases/{case.uid}/", f"/absences/{case.absence.uid}/", "/offers/"),
        ],
        student.user: ["/classes/", f"/classes/{offering}/", "/changes/", "/votes/", "/inbox/"],
        registrar: ["/inbox/", "/cases/", f"/cases/{case.uid}/", "/fairness/"],
    }
    for user, looked_at in paths.items():
        client = Client()
        client.force_login(user)
        for path in looked_at:
            name = path.replace(str(case.uid), "…").replace(str(case.absence.uid), "…")
            session = client.cookies["understudy_session"].value
            yield Visit(f"{user.email.split('@')[0]} {name}", path, user, session)


def pages(port: int) -> Found:
    """(e) Those pages: queries, and the server's time once each of its threads has shown the page."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    found: Found = {}
    for visit in visits():
        client = Client()
        client.force_login(visit.user)
        browser = place.Browser(port, visit.session)
        with CaptureQueriesContext(connection) as queries:
            status = client.get(visit.path).status_code
        for _ in range(VISITS_BEFORE + VISITS):
            browser.ask("GET", visit.path)
        del browser.seconds[:VISITS_BEFORE]
        found[visit.name] = {
            "status": status,
            "queries": len(queries),
            "p95_ms": place.share(browser.seconds, 95),
        }
    shown = [page for page in found.values() if page["status"] == 200]
    return {
        "pages": found,
        "most_queries": max(page["queries"] for page in shown),
        "slowest_p95_ms": max(page["p95_ms"] for page in shown),
        "ratio": round(max(page["p95_ms"] for page in shown) / 100, 2),
    }


def sweeping() -> Found:
    """(f) One sweep of 1,000 due cases, one of which is broken."""
    from reallocation.models import Case
    from reallocation.sweep import advance_due
    from timetable.models import Institute

    institute = Institute.objects.get(slug="campus")
    now = institute.moment(dt.date(2027, 3, 1), dt.time(8))
    cases: list[Any] = []
    for day in (dt.date(2027, 3, 9), dt.date(2027, 3, 10), dt.date(2027, 3, 11)):
        cases += cases_of(institute, day, 250, now)
    ids = [case.pk for case in cases[:1000]]
    Case.objects.filter(pk__in=[case.pk for case in cases[1000:]]).update(
        due_at=now + dt.timedelta(days=1)
    )
    Case.objects.filter(pk=ids[0]).update(step=2, waiting_for="colleagues")
    Case.objects.exclude(pk__in=[case.pk for case in cases]).open().update(
        due_at=now + dt.timedelta(days=1)
    )
    began = time.perf_counter()
    moved, failed = advance_due(now)
    seconds = time.perf_counter() - began
    left = Case.objects.due(now).filter(pk__in=ids).count()
    return {
        "due": len(ids),
        "moved": moved,
        "failed": failed,
        "left_due": left,
        "seconds": round(seconds, 1),
        "ratio": round(seconds / 20, 2),
    }
