"""As whom somebody acts: one account may be a professor here and a registrar there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from .enums import StaffRole
from .hats import hats_of
from .models import Institute, Professor, Staff, Student, User

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

T = TypeVar("T")
Hat = TypeVar("Hat", Professor, Staff, Student)

INSTITUTE_SESSION_KEY = "institute"
"""Where the session keeps the slug of the institute that the account looks at."""


@dataclass(frozen=True)
class Actor:
    """Who somebody is at one institute. Empty for a stranger: no user, or none of the hats."""

    user: User | None = None
    institute: Institute | None = None
    professor: Professor | None = None
    student: Student | None = None
    role: str = ""
    department: str = ""
    reads_private_notes: bool = False
    institutes: tuple[Institute, ...] = ()
    """Every institute at which the account is somebody: what there is to switch between."""
    _known: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def once(self, name: str, look: Callable[[], T]) -> T:
        """What `look` finds, looked up once for a page however many parts of it ask."""
        if name not in self._known:
            self._known[name] = look()
        found: T = self._known[name]
        return found

    @property
    def is_member(self) -> bool:
        """Somebody at some institute, in whatever capacity."""
        return self.institute is not None

    @property
    def is_registrar(self) -> bool:
        return self.role == StaffRole.REGISTRAR

    @property
    def is_only_student(self) -> bool:
        return self.student is not None and self.professor is None and not self.role

    def is_staff_of(self, institute: Institute | int | None) -> bool:
        """Whether the account has a staff role (any) at this institute, given as row or id."""
        given = institute.pk if isinstance(institute, Institute) else institute
        return bool(self.role) and self.institute is not None and self.institute.pk == given

    def is_registrar_of(self, institute: Institute | int | None) -> bool:
        return self.is_registrar and self.is_staff_of(institute)

    def today(self, now: dt.datetime) -> dt.date:
        """The day on the institute's calendar at this moment."""
        return self.institute.local(now).date() if self.institute else now.date()


class ActorRequest(HttpRequest):
    """A request behind `timetable.middleware.ActorMiddleware`: for annotations only."""

    actor: Actor
    htmx: HtmxDetails


NOBODY = Actor()


def actor_for(user: User | AnonymousUser | None, institute_slug: str | None = None) -> Actor:
    """Who the account is at the institute named, or else at the first where it is anybody.

    First come those where it teaches, then those where it is staff, then those where it studies.
    One query at most; none for a stranger.
    """
    if not isinstance(user, User) or not user.is_active:
        return NOBODY
    hats = hats_of(user)
    institutes: dict[int, Institute] = {}
    for hat in hats.all:
        institutes.setdefault(hat.institute_id, hat.institute)
    if not institutes:
        return Actor(user=user)
    chosen = next(
        (one for one in institutes.values() if one.slug == institute_slug),
        next(iter(institutes.values())),
    )
    role = _at(chosen, hats.staff)
    return Actor(
        user=user,
        institute=chosen,
        professor=_at(chosen, hats.professors),
        student=_at(chosen, hats.students),
        role=role.role if role else "",
        department=role.department if role else "",
        reads_private_notes=bool(role and role.reads_private_notes),
        institutes=tuple(sorted(institutes.values(), key=lambda one: (one.name, one.pk))),
    )


def _at(institute: Institute, hats: Iterable[Hat]) -> Hat | None:
    return next((hat for hat in hats if hat.institute_id == institute.pk), None)


P = ParamSpec("P")
View = Callable[Concatenate[ActorRequest, P], HttpResponseBase]
AnyView = Callable[Concatenate[Any, P], HttpResponseBase]


def _only_for(allowed: Callable[[Actor], bool]) -> Callable[[View[P]], AnyView[P]]:
    """Logged out: to the login and back. Logged in as somebody else: the page does not exist.

    Inside, the clock is the institute's: templates and forms show and read its local times.
    """

    def decorate(view: View[P]) -> AnyView[P]:
        @wraps(view)
        def guarded(request: ActorRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if request.actor.user is None:
                return _to_the_door(request)
            if not allowed(request.actor):
                raise Http404
            institute = request.actor.institute
            with timezone.override(institute.zone if institute else None):
                return view(request, *args, **kwargs)

        return cast("AnyView[P]", guarded)

    return decorate


def _to_the_door(request: ActorRequest) -> HttpResponse:
    """To the login and back. A part of a page that asks for itself has the page go there, as it would
    be filled with the login; suggestions are only missed, so that nothing is lost that was typed.
    """
    if not request.htmx:
        return redirect_to_login(_page_of(request))
    response = HttpResponse(status=HTTPStatus.FORBIDDEN)
    if request.htmx.target == request.htmx.trigger:
        response["HX-Refresh"] = "true"
    return response


def _page_of(request: HttpRequest) -> str:
    """What was asked for; of a form that was sent, the page on which it stood: not every address to
    which one is sent has a page.
    """
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    page = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(page, {request.get_host()}):
        return "/"
    return urlsplit(page)._replace(scheme="", netloc="", fragment="").geturl()


def account_required(view: View[P]) -> AnyView[P]:
    """For whoever is signed in: what they may see is for the view to find out."""

    @wraps(view)
    def guarded(request: ActorRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _to_the_door(request)
        return view(request, *args, **kwargs)

    return cast("AnyView[P]", guarded)


def member_required(view: View[P]) -> AnyView[P]:
    """For anybody of an institute: professor, student or staff."""
    return _only_for(lambda actor: actor.is_member)(view)


def professor_required(view: View[P]) -> AnyView[P]:
    return _only_for(lambda actor: actor.professor is not None)(view)


def student_required(view: View[P]) -> AnyView[P]:
    return _only_for(lambda actor: actor.student is not None)(view)


def timetable_required(view: View[P]) -> AnyView[P]:
    """For whoever has a timetable of their own: who teaches, and who studies."""
    return _only_for(lambda actor: actor.professor is not None or actor.student is not None)(view)


def staff_required(view: View[P]) -> AnyView[P]:
    """For registrars, heads of department and auditors."""
    return _only_for(lambda actor: bool(actor.role))(view)


def registrar_required(view: View[P]) -> AnyView[P]:
    return _only_for(lambda actor: actor.is_registrar)(view)
