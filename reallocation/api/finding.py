"""What an id in a request means for its caller. What they may not see, does not exist."""

from __future__ import annotations

import datetime as dt
import uuid
from contextlib import suppress
from http import HTTPStatus

from django.db.models import BigIntegerField, CharField, Q, UUIDField
from django.utils.translation import gettext as _

from reallocation import queries
from reallocation.models import Case
from reallocation.queries import Viewer
from timetable.accounts import Actor
from timetable.models import Absence, Institute, Offering, Period, Professor
from timetable.prepared import PreparedRows

from .access import Caller
from .problems import Problem, forbidden, invalid, not_found
from .schemas import Target


def viewer(caller: Caller, uid: uuid.UUID, field: str = "") -> Viewer:
    """The caller before a case."""
    case = queries.case_with(uid)
    if case is None:
        raise not_found(field)
    return viewer_before(caller, case, field)


def viewer_before(caller: Caller, case: Case, field: str = "") -> Viewer:
    try:
        return queries.viewer_before(_at(caller, case.institute.slug, field), case)
    except Case.DoesNotExist as error:
        raise not_found(field) from error


def absence(caller: Caller, uid: uuid.UUID, field: str = "") -> tuple[Actor, Absence]:
    """An absence, and as whom the caller finds it."""
    slug = Absence.objects.filter(uid=uid).values_list("institute__slug", flat=True).first()
    if slug is None:
        raise not_found(field)
    actor = _at(caller, slug, field)
    found: Absence | None = queries.absences_for(actor).for_list().filter(uid=uid).first()
    if found is None:
        raise not_found(field)
    return actor, found


def _at(caller: Caller, slug: str, field: str) -> Actor:
    try:
        return caller.at(slug)
    except Problem as problem:
        if problem.status == HTTPStatus.NOT_FOUND:
            raise not_found(field) from problem
        raise


def may_act(viewer: Viewer) -> Viewer:
    """The absent professor and registrars decide about a case; others merely see it."""
    if not viewer.may_choose:
        raise forbidden("not_yours", _("That is for the absent professor and for registrars."))
    return viewer


def open_cases(caller: Caller, target: Target) -> list[Viewer]:
    """The open cases that the request is about, each with the caller before it, in the order in
    which they are locked."""
    if target.reallocation_id is not None:
        return [may_act(viewer(caller, target.reallocation_id, "reallocation_id"))]
    assert target.unavailability_id is not None  # noqa: S101 - the schema has seen to it
    actor, found = absence(caller, target.unavailability_id, "unavailability_id")
    rows = Case.objects.open().filter(absence=found).for_list()
    cases = rows.select_related("meeting__offering__term").order_by("pk")
    viewers = [may_act(Viewer(actor, case)) for case in cases]
    if not viewers:
        raise Problem(HTTPStatus.CONFLICT, "no_open_case", _("Nothing of it is open any more."))
    return viewers


def one_case(caller: Caller, target: Target) -> Viewer:
    """The one case that the request is about."""
    found = open_cases(caller, target)
    if len(found) > 1:
        message = _("It has several open cases: give reallocation_id.")
        raise invalid("unavailability_id", message)
    return found[0]


_PROFESSOR = PreparedRows[Professor](
    lambda institute, code: Professor.objects.filter(
        institute=institute, code=code, active=True
    ).order_by(),
    institute=BigIntegerField(),
    code=CharField(),
)


def professor(institute: Institute, code: str, field: str) -> Professor:
    found = _PROFESSOR.first(institute=institute.pk, code=code)
    if found is None:
        raise not_found(field)
    found.institute = institute
    return found


def class_of(institute: Institute, code: str, day: dt.date) -> Offering:
    """The class of this code in the term of the day, else the latest one: codes come back."""
    rows = Offering.objects.filter(term__institute=institute, code=code)
    found = (
        rows.filter(term__starts_on__lte=day, term__ends_on__gte=day).first()
        or rows.order_by("-term__starts_on").first()
    )
    if found is None:
        raise not_found("assignment_id")
    return found


NO_UID = uuid.UUID(int=0)
"""Nothing has this one."""

_PERIOD: PreparedRows[Period] = PreparedRows(
    lambda name, uid, term: Period.objects.filter(Q(name=name) | Q(uid=uid), term=term).order_by(
        "starts", "pk"
    ),
    name=CharField(),
    uid=UUIDField(),
    term=BigIntegerField(),
)


def period(case: Case, wanted: str) -> Period:
    """A period of the bell grid of the case's term, by id or by name."""
    uid = NO_UID
    with suppress(ValueError):  # else it can only be a name
        uid = uuid.UUID(wanted)
    found = _PERIOD.first(name=wanted, uid=uid, term=case.meeting.offering.term_id)
    if found is None:
        raise not_found("new_time_slot_id")
    return found
