"""Who looks at which pages: every page that the apps have, with the sample institute's own things.

A page that is on nobody's tour and not left out on purpose is an error: see `forgotten`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.urls import URLPattern, get_resolver, reverse
from django.utils import timezone
from django.utils.translation import get_language

from reallocation.enums import (
    CaseStatus,
    OfferStatus,
    RehearsalFailure,
    RehearsalPhase,
    WaitingFor,
    WebhookEvent,
)
from reallocation.models import Case, Message, Offer
from reallocation.notifications import links
from reallocation.rehearsal import player, programme
from reallocation.rehearsal.stage import rehearse
from reallocation.webhooks import subscriptions
from timetable import feeds, login_links
from timetable.models import Institute, Meeting, User
from voting.models import Ballot

APPS = ("timetable", "reallocation", "voting", "fairness")

NO_PAGES = {
    "timetable:home": "leads on to another page",
    "timetable:switch-institute": "an act",
    "timetable:switch-language": "an act",
    "timetable:token-revoke": "an act",
    "timetable:calendar-renew": "an act",
    "timetable:calendar-feed": "for programs",
    "timetable:manifest": "for programs",
    "timetable:service-worker": "for programs",
    "timetable:icon": "a picture",
    "reallocation:professor-search": "a part of a page",
    "reallocation:room-search": "a part of a page",
    "reallocation:device-add": "an act",
    "reallocation:device-forget": "an act",
    "reallocation:rehearsal-cancel": "an act",
    "reallocation:rehearsal-delete": "an act",
    "reallocation:webhook-secret": "an act",
    "reallocation:webhook-switch": "an act",
    "reallocation:webhook-remove": "an act",
    "reallocation:webhook-replay": "an act",
    "reallocation:webhook-replay-one": "an act",
    "reallocation:healthz": "for programs",
    "reallocation:readyz": "for programs",
}


@dataclass(frozen=True)
class Stop:
    """One page. `status` is what it is answered with."""

    name: str
    path: str
    status: int = 200


@dataclass
class Tour:
    """What one kind of user sees. Without a user: somebody who is not signed in."""

    who: str
    user: User | None = None
    stops: list[Stop] = field(default_factory=list)

    def see(self, name: str, url_name: str, *args: object, query: str = "") -> None:
        self.stops.append(Stop(name, reverse(url_name, args=args) + query))


def tours(institute: Institute) -> list[Tour]:
    """Of a professor who is absent, a colleague who is asked, a student, a registrar, a stranger."""
    return [
        _stranger(institute),
        *_professors(institute),
        *_students(institute),
        _registrar(institute),
    ]


def forgotten(shown: list[Tour]) -> list[str]:
    """Names of pages on nobody's tour."""
    seen = {
        get_resolver().resolve(stop.path.partition("?")[0]).view_name
        for tour in shown
        for stop in tour.stops
        if stop.status < 400 or stop.status == 410
    }
    return sorted(set(page_names()) - seen - set(NO_PAGES))


def page_names() -> Iterator[str]:
    for part in get_resolver().url_patterns:
        app = getattr(part, "namespace", None)
        if app in APPS:
            for pattern in part.url_patterns:
                if isinstance(pattern, URLPattern) and pattern.name:
                    yield f"{app}:{pattern.name}"


def _path(address: str) -> str:
    """Of an absolute address of ours."""
    return "/" + address.split("/", 3)[3]


def _linked(kind: str, about: str = "") -> str:
    """The personal link in the latest message of this kind; `about` names the thing behind it."""
    messages = Message.objects.filter(notice__kind=kind, notice__link__contains=about)
    message = messages.select_related("notice").order_by("-pk").first()
    if message is None:
        raise LookupError(f"The sample institute has no message of the kind {kind!r}.")
    return links.path(message)


def _stranger(institute: Institute) -> Tour:
    tour = Tour("stranger")
    user = institute.professors.exclude(user=None).first().user
    waiting = Offer.objects.waiting().filter(case__institute=institute).first()
    for name in ("account_login", "account_request_login_code", "account_reset_password"):
        tour.see(name.removeprefix("account_").replace("_", " "), name)
    tour.see("offline", "timetable:offline", get_language())
    tour.stops += [
        Stop("login link", _path(login_links.login_link(user))),
        Stop("broken link", "/sign-in/broken/", 404),
        Stop("not found", "/no/such/page/", 404),
        Stop("offer by link", _linked("offer", str(waiting.uid))),
        Stop("case by link", _linked("postponed")),
        Stop("ballot by link", _linked("ballot")),
        Stop("message by link", _linked("absence-filed")),
    ]
    return tour


def _professors(institute: Institute) -> Iterator[Tour]:
    now = timezone.now()
    cases = Case.objects.filter(institute=institute).select_related("professor__user", "absence")
    choosing = cases.filter(status=CaseStatus.OPEN, waiting_for=WaitingFor.SLOT_CHOICE).first()
    absent = choosing or cases.filter(status=CaseStatus.OPEN).first()
    tour = Tour("professor who is absent", absent.professor.user)
    tour.see("week", "timetable:week")
    tour.see("week of the absence", "timetable:week", absent.before_starts_at.date())
    tour.see("absence, new", "reallocation:absence-file")
    day = absent.before_starts_at.date() + dt.timedelta(days=14)
    tour.see(
        "absence at several times",
        "reallocation:absence-file",
        query=f"?kind=day&day={day}&more=1",
    )
    tour.see(
        "classes of several times",
        "reallocation:absence-file",
        query=f"?kind=days&day={day}&last_day={day + dt.timedelta(days=1)}"
        f"&times=2&also2-kind=day&also2-day={day + dt.timedelta(days=2)}",
    )
    meeting = (
        Meeting.objects.filter(professor=absent.professor, starts_at__gt=now)
        .exclude(cases__status=CaseStatus.OPEN)
        .first()
    )
    if meeting is not None:
        tour.see(
            "absence from a class", "reallocation:absence-file", query=f"?meeting={meeting.uid}"
        )
    for page in ("detail", "change", "withdraw"):
        tour.see(f"absence, {page}", f"reallocation:absence-{page}", absent.absence.uid)
    tour.see("cases", "reallocation:case-list")
    tour.see("case, a slot to choose", "reallocation:case-detail", absent.uid)
    tour.see("calendar, none yet", "timetable:calendar")
    tour.see("tokens", "timetable:token-list")
    tour.see("password", "account_change_password")
    tour.see("second factor", "mfa_index")
    tour.see("fairness", "fairness:report")
    tour.see("sign out", "account_logout")
    yield tour

    candidate = cases.filter(
        status=CaseStatus.OPEN, waiting_for=WaitingFor.CANDIDATE_CHOICE
    ).first()
    if candidate is not None:
        tour = Tour("professor who chooses a substitute", candidate.professor.user)
        tour.see("case, a candidate to choose", "reallocation:case-detail", candidate.uid)
        yield tour

    offers = Offer.objects.filter(case__institute=institute).select_related("professor__user")
    waiting = offers.waiting().first()
    tour = Tour("professor who is asked", waiting.professor.user)
    tour.see("offers", "reallocation:offer-list")
    tour.see("offer, waiting", "reallocation:offer-detail", waiting.uid)
    tour.see("inbox", "reallocation:inbox")
    message = Message.objects.filter(user=waiting.professor.user).first()
    tour.see("message", "reallocation:message-open", message.uid)
    own = Meeting.objects.filter(professor=waiting.professor).first()
    tour.see("class", "timetable:class-detail", own.offering.code)
    section = waiting.case.meeting.offering.sections.first()
    tour.see("week of a section", "timetable:section-week", section.code)
    tour.see("week of a professor", "timetable:professor-week", own.professor.code)
    tour.see("week of a room", "timetable:room-week", waiting.case.meeting.planned_room.code)
    yield tour

    for status in (OfferStatus.ACCEPTED, OfferStatus.DECLINED, OfferStatus.TAKEN):
        over = offers.filter(status=status).first()
        if over is not None:
            tour = Tour(f"professor whose offer is {status.value}", over.professor.user)
            tour.see(f"offer, {status.value}", "reallocation:offer-detail", over.uid)
            tour.see("offers", "reallocation:offer-list")
            yield tour


def _students(institute: Institute) -> Iterator[Tour]:
    ballots = Ballot.objects.filter(institute=institute).select_related("offering")
    ballot = ballots.open().first()
    student = ballot.roll.select_related("student__user").first().student
    tour = Tour("student", student.user)
    feeds.renew(student.user, now=timezone.now())
    tour.see("week", "timetable:week")
    tour.see("week after", "timetable:week", timezone.localdate() + dt.timedelta(days=7))
    tour.see("classes", "timetable:my-classes")
    tour.see("class with a vote", "timetable:class-detail", ballot.offering.code)
    tour.see("changes", "timetable:changes")
    tour.see("votes", "voting:ballot-list")
    tour.see("ballot, open", "voting:ballot-detail", ballot.uid)
    tour.see("inbox", "reallocation:inbox")
    tour.see("calendar", "timetable:calendar")
    yield tour
    closed = ballots.exclude(pk__in=ballots.open()).first()
    if closed is not None:
        voter = closed.roll.select_related("student__user").first().student
        tour = Tour("student after a vote", voter.user)
        tour.see("ballot, closed", "voting:ballot-detail", closed.uid)
        tour.see("votes", "voting:ballot-list")
        yield tour


def _registrar(institute: Institute) -> Tour:
    user = institute.staff.select_related("user").get(role="registrar").user
    tour = Tour("registrar", user)
    tour.see("cases", "reallocation:case-list")
    seen = set()
    for case in Case.objects.filter(institute=institute).order_by("pk"):
        state = case.status if case.status != CaseStatus.OPEN else case.waiting_for
        if state not in seen:
            seen.add(state)
            tour.see(f"case, {state.replace('_', ' ')}", "reallocation:case-detail", case.uid)
    tour.see("absence for somebody", "reallocation:absence-file")
    _webhooks(tour, institute)
    _rehearsals(tour, institute)
    tour.see("fairness", "fairness:report")
    first = Case.objects.filter(institute=institute).first()
    tour.see("admin", "admin:index")
    tour.see("admin, cases", "admin:reallocation_case_changelist")
    tour.see("admin, a case", "admin:reallocation_case_change", first.pk)
    tour.see("admin, log", "admin:reallocation_logentry_changelist")
    tour.see("admin, import", "admin:timetable_import")
    return tour


def _webhooks(tour: Tour, institute: Institute) -> None:
    made = subscriptions.make(
        institute,
        name="Student app",
        url="https://hooks.lakeside.example/understudy",
        events=[WebhookEvent.CASE_OPENED, WebhookEvent.MEETING_CHANGED],
        owner=tour.user,
        now=timezone.now(),
    )
    tour.see("webhooks", "reallocation:webhook-list")
    tour.see("webhook", "reallocation:webhook-detail", made.webhook.uid)


def _rehearsals(tour: Tour, institute: Institute) -> None:
    """One that was played under two rules, one that failed, and one under way."""
    script = {"absences": 12, "seed": 1, "on": None, "lead_hours": 24, "wave": None}
    script |= {"accept": 0.3, "turnout": 0.6, "yes": 0.7}
    rules = {"wave_size": [3, 0]}
    now = timezone.now()
    for state in ("played", "failed", "under way"):
        asked = programme.ask(institute, script, rules, now=now, user=tour.user)
        programme.begin(asked.pk, now)
        if state == "played":
            found = rehearse(institute, player.script_of(script), now=now).as_json()
            other = player.other_policy(institute, rules)
            compared = rehearse(institute, player.script_of(script), policy=other, now=now)
            programme.finish(asked.pk, found, compared.as_json(), now)
        elif state == "failed":
            programme.fail(asked.pk, RehearsalFailure.TOO_LONG, now)
        else:
            programme.tell(asked.pk, RehearsalPhase.AS_IT_IS, now, done=5, total=12)
        tour.see(f"rehearsal, {state}", "reallocation:rehearsal-detail", asked.uid)
    tour.see("rehearsals", "reallocation:rehearsal-list")
