"""States of pages that are on nobody's tour: errors, refusals, nothing there yet, and just too late."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import timezone

from reallocation.enums import CaseStatus, OfferStatus, WaitingFor
from reallocation.models import Case, Offer
from tests.factories import (
    InstituteFactory,
    OfferFactory,
    OfferingFactory,
    ProfessorFactory,
    SectionFactory,
    StaffFactory,
    StudentFactory,
    TermFactory,
    UserFactory,
)
from timetable import signed_links
from timetable.enums import StaffRole
from timetable.models import Institute, User
from voting.ballots import silent_students
from voting.models import Ballot

Act = Callable[[Any], None]


@dataclass(frozen=True)
class State:
    """One page for one user, None for a stranger, after `act` was done on it, if anything."""

    who: str
    user: User | None
    name: str
    path: str
    status: int = 200
    act: Act | None = None

    def __str__(self) -> str:
        return f"{self.who}: {self.name}"


def states(institute: Institute) -> Iterator[State]:
    yield from _of_strangers(institute)
    yield from _of_professors(institute)
    yield from _of_students(institute)
    yield from _of_registrars(institute)
    yield from _of_an_empty_institute()


def _of_strangers(institute: Institute) -> Iterator[State]:
    def say(name: str, path: str, status: int = 200, act: Act | None = None) -> State:
        return State("stranger", None, name, path, status, act)

    user = institute.professors.exclude(user=None).last().user
    yield say("a wrong password", reverse("account_login"), act=_sign_in(user.email))
    yield say("a code sent", reverse("account_request_login_code"), act=_ask_for_code(user.email))
    for purpose, name in (
        ("offer", "reallocation:offer-link"),
        ("case", "reallocation:case-link"),
        ("ballot", "voting:ballot-link"),
    ):
        yield say(f"{purpose} by an old link", reverse(name, args=[_expired(purpose)]), 410)
        yield say(f"{purpose} by a cut link", reverse(name, args=["cut"]), 404)
    for status in (400, 403, 500):
        yield say(f"error {status}", f"/errors/{status}/", status)
    yield say("form sent from elsewhere", "/errors/csrf/", 403)
    yield say("what the API offers", reverse("api:openapi-view"))


def _expired(purpose: str) -> str:
    return signed_links.make(purpose, {}, expires_at=timezone.now() - dt.timedelta(days=1))


def _of_professors(institute: Institute) -> Iterator[State]:
    open_cases = Case.objects.filter(institute=institute, status=CaseStatus.OPEN)
    open_cases = open_cases.select_related("professor__user", "absence")
    choosing = open_cases.filter(waiting_for=WaitingFor.CANDIDATE_CHOICE).first()
    absent = choosing.professor.user
    case_page = reverse("reallocation:case-detail", args=[choosing.uid])
    change = reverse("reallocation:absence-change", args=[choosing.absence.uid])

    def say(name: str, path: str, status: int = 200, act: Act | None = None) -> State:
        return State("professor", absent, name, path, status, act)

    absence = reverse("reallocation:absence-file")
    day = choosing.before_starts_at.date() + dt.timedelta(days=7)
    yield say("absence in the past", f"{absence}?kind=part&day=2020-01-01")
    twice = f"kind=day&day={day}&times=2&also2-kind=day&also2-day={day}"
    yield say("absence at two times that overlap", f"{absence}?{twice}")
    refused = _press("[name=file]", clear="[name=day]")
    yield say("absence refused", f"{absence}?kind=day&day={day}", 400, refused)
    yield say("change refused", change, 400, _press("[name=look]", clear="[name=day]"))
    yield say("change looked at", change, act=_press("[name=look]"))
    yield say("change of the note looked at", change, act=_write_note)
    yield say("nobody chosen", case_page, 400, _press(".asked [type=submit]"))
    yield say("not found", "/no/such/page/", 404)
    yield say("token made", reverse("timetable:token-list"), act=_make_token)
    expired = OfferFactory(
        case=choosing,
        record=choosing.records.get(left_at=None),
        professor=_not_asked(choosing),
        status=OfferStatus.EXPIRED,
    )
    yield State(
        "late colleague",
        expired.professor.user,
        "offer, expired",
        reverse("reallocation:offer-detail", args=[expired.uid]),
    )
    promised = Offer.objects.filter(case__in=open_cases.filter(waiting_for=WaitingFor.CLASS_VOTE))
    offer = promised.filter(status=OfferStatus.ACCEPTED).select_related("professor__user").first()
    path = reverse("reallocation:offer-detail", args=[offer.uid])
    yield State("chosen colleague", offer.professor.user, "offer, the class votes", path)


def _not_asked(case: Case) -> Any:
    asked = case.offers.values("professor")
    return case.institute.professors.exclude(pk__in=asked).exclude(user=None).last()


def _of_students(institute: Institute) -> Iterator[State]:
    ballot = Ballot.objects.filter(institute=institute).open().first()
    silent = {student.pk for student in silent_students(ballot)}
    roll = [place.student for place in ballot.roll.select_related("student__user")]
    voter = next(student for student in roll if student.pk not in silent)
    page = reverse("voting:ballot-detail", args=[ballot.uid])
    yield State("voter", voter.user, "ballot, voted", page)
    yield State("voter", voter.user, "votes, one given", reverse("voting:ballot-list"))
    asked = next(student for student in roll if student.pk in silent)
    yield State("voter", asked.user, "ballot, an answer that is none", page, 400, _send_nonsense)


def _of_registrars(institute: Institute) -> Iterator[State]:
    user = institute.staff.select_related("user").get(role=StaffRole.REGISTRAR).user
    case = Case.objects.filter(institute=institute, status=CaseStatus.OPEN).first()

    def say(name: str, path: str, status: int = 200, act: Act | None = None) -> State:
        return State("registrar", user, name, path, status, act)

    case_page = reverse("reallocation:case-detail", args=[case.uid])
    cases, rehearsals = reverse("reallocation:case-list"), reverse("reallocation:rehearsal-list")
    yield say("override refused", case_page, 400, _press("form:has([value=drop]) [type=submit]"))
    yield say("no such case", f"{cases}?q=nobody")
    yield say("absence for nobody", f"{reverse('reallocation:absence-file')}?professor=")
    yield say(
        "rehearsal refused", rehearsals, 400, _press("main [type=submit]", clear="[name=absences]")
    )
    yield say(
        "webhook refused", reverse("reallocation:webhook-list"), 400, _press("main [type=submit]")
    )


def _of_an_empty_institute() -> Iterator[State]:
    institute = InstituteFactory(slug="empty", name="Empty College")
    section = SectionFactory(institute=institute, code="E")
    people = {
        "new professor": ProfessorFactory(institute=institute).user,
        "new student": StudentFactory(institute=institute, section=section).user,
        "new registrar": StaffFactory(institute=institute, user__is_staff=True).user,
        "first registrar": StaffFactory(
            institute__slug="bare", institute__name="Bare College", user__is_staff=True
        ).user,
        "nobody yet": UserFactory(),
    }
    OfferingFactory(term=TermFactory(institute=institute), code="NONE.E", sections=[section])
    calendar, inbox = "timetable:calendar", "reallocation:inbox"
    empty = {
        "new professor": (
            *("timetable:week", "reallocation:absence-file", "reallocation:case-list"),
            *("reallocation:offer-list", inbox, calendar, "fairness:report"),
        ),
        "new student": (
            *("timetable:week", "timetable:my-classes", "timetable:changes"),
            *("voting:ballot-list", inbox, calendar),
        ),
        "new registrar": (
            *("reallocation:case-list", "fairness:report", "reallocation:rehearsal-list"),
            *("reallocation:webhook-list", inbox),
        ),
        "first registrar": (
            *("reallocation:case-list", "fairness:report", "reallocation:rehearsal-list"),
            "reallocation:absence-file",
        ),
        "nobody yet": ("timetable:home",),
    }
    for who, names in empty.items():
        for name in names:
            yield State(who, people[who], f"{name}, nothing there", reverse(name))


# What is done on a page before it is looked at


def _press(button: str, *, clear: str = "") -> Act:
    """Send a form, after a field of it was emptied."""

    def act(page: Any) -> None:
        page.evaluate("look.openAll()")
        if clear:
            page.locator(clear).first.fill("")
        page.locator(button).first.click()

    return act


def _sign_in(email: str) -> Act:
    def act(page: Any) -> None:
        page.locator("[name=login]").fill(email)
        page.locator("[name=password]").fill("not the password")
        page.keyboard.press("Enter")

    return act


def _ask_for_code(email: str) -> Act:
    def act(page: Any) -> None:
        page.locator("[name=email]").fill(email)
        page.keyboard.press("Enter")

    return act


def _make_token(page: Any) -> None:
    page.locator("main [name=name]").fill("My script")
    page.locator("main [type=checkbox]").first.check()
    page.locator("main form:has([name=name]) [type=submit]").click()


def _write_note(page: Any) -> None:
    page.locator("[name=handover]").fill("Chapter eight, with exercises")
    page.locator("[name=look]").click()


def _send_nonsense(page: Any) -> None:
    """As by a page that is older than the form."""
    button = page.locator("[name=choice]").first
    button.evaluate("button => { button.value = 'perhaps' }")
    button.click()
