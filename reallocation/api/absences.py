"""An absence is filed; somebody is named for what it leaves open."""

from __future__ import annotations

import datetime as dt

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Router

from reallocation import absences, answers, audit
from reallocation.audit import Who
from reallocation.enums import ActorKind, StepNumber
from reallocation.views.acts import who_chooses
from timetable.accounts import Actor
from timetable.enums import AbsenceCategory
from timetable.models import Institute, Professor

from . import finding, wording
from .access import caller_of
from .contract import write
from .problems import forbidden, invalid
from .schemas import CaseList, Filed, SubstituteIn, UnavailabilityIn

router = Router(tags=["Absences"])

ONE_DAY = dt.timedelta(days=1)


@write(
    router,
    "/professor-unavailability",
    status=201,
    answer=Filed,
    errors={
        403: "`not_yours`: the absence of somebody else. `scope_missing`.",
        404: "`not_found`: institute, professor, class or substitute; `fields` says which.",
        409: "`absence_overlaps`, `absence_past`, `absence_ends_before_start`, `absence_too_long`, "
        "`substitute_not_free`, `not_your_class`.",
    },
)
def professor_unavailability(request: HttpRequest, data: UnavailabilityIn) -> Filed:
    """File an absence.

    Opens a case for every meeting that needs cover. For the professor, or for a registrar.
    """
    actor = caller_of(request).at(data.institute_id)
    professor = _absent(actor, data.professor_id)
    institute = professor.institute
    starts_at, ends_at = _span(institute, data)
    offering = None
    if data.assignment_id is not None:
        day = institute.local(starts_at).date()
        offering = finding.class_of(institute, data.assignment_id, day)
    names: dict[int, Professor] = {}
    if data.substitute_professor_id is not None:
        code, field = data.substitute_professor_id, "substitute_professor_id"
        substitute = finding.professor(institute, code, field)
        affected = absences.affected(professor, starts_at, ends_at, offering)
        names = {one.meeting.pk: substitute for one in affected if one.needs_cover}
    category, note = _reason(data)
    filed = absences.file(
        professor,
        absences.Request(
            starts_at, ends_at, category=category, note=note, offering=offering, names=names
        ),
        now=timezone.now(),
        user=actor.user,
        who=_who_files(actor, professor),
    )
    return Filed(
        unavailability_id=filed.absence.uid, cases=[wording.opened(case) for case in filed.cases]
    )


@write(
    router,
    "/assign-direct-substitute",
    answer=CaseList,
    errors={
        403: "`not_yours`: a case that the caller merely sees. `scope_missing`.",
        404: "`not_found`: the unavailability, the case or the substitute.",
        409: "`not_free`: the message says why. `case_closed`, `no_open_case`, `not_waiting`: it is "
        "too late for it.",
        422: "`approval_required`: the absent professor has to approve. `invalid`. `key_reused`.",
    },
)
def assign_direct_substitute(request: HttpRequest, data: SubstituteIn) -> CaseList:
    """Ask one professor first.

    Step 1: that professor is asked to take the class, and nobody else meanwhile. For the absent
    professor, or for a registrar.
    """
    viewers = finding.open_cases(caller_of(request), data)
    check_approval(data.professor_approval)
    institute, now = viewers[0].case.institute, timezone.now()
    substitute = finding.professor(
        institute, data.substitute_professor_id, "substitute_professor_id"
    )
    # Those of several that are past the first three steps are about another time altogether.
    askable = [one for one in viewers if one.case.step <= StepNumber.SUBJECT] or viewers
    with audit.writing(institute):
        for one in askable:
            answers.name_substitute(one.case, substitute=substitute, now=now, who=who_chooses(one))
    keys = [one.case.pk for one in askable]
    told = wording.cases(keys)
    return CaseList(items=[told[pk] for pk in keys], next=None, cursor=0)


def check_approval(given: bool) -> None:
    if not given:
        message = _("The absent professor has to approve.")
        raise invalid("professor_approval", message, code="approval_required")


def _absent(actor: Actor, code: str) -> Professor:
    own = actor.professor
    if own is not None and own.code == code:
        return own
    if not actor.is_registrar or actor.institute is None:
        raise forbidden("not_yours", _("Professors file their own absences, registrars anybody's."))
    return finding.professor(actor.institute, code, "professor_id")


def _who_files(actor: Actor, professor: Professor) -> Who:
    own = actor.professor == professor
    return Who.of(actor.user, ActorKind.PROFESSOR if own else ActorKind.REGISTRAR)


def _span(institute: Institute, data: UnavailabilityIn) -> tuple[dt.datetime, dt.datetime]:
    starts_at = _start(institute, data.unavailability_date)
    last = data.ends_at or institute.local(starts_at).date()
    if isinstance(last, dt.datetime):
        return starts_at, _start(institute, last)
    return starts_at, _start(institute, last + ONE_DAY)


def _start(institute: Institute, given: dt.date) -> dt.datetime:
    """The moment given, or the first one of the day given."""
    if not isinstance(given, dt.datetime):
        return institute.moment(given, dt.time())
    local = given if given.tzinfo else given.replace(tzinfo=institute.zone)
    return local.astimezone(dt.UTC)


def _reason(data: UnavailabilityIn) -> tuple[str, str]:
    """Category and private note: what is no category is nobody else's business."""
    given = data.reason.strip()
    if given.lower() in AbsenceCategory.values:
        return given.lower(), data.note
    return AbsenceCategory.OTHER, "\n".join(filter(None, [given, data.note]))
