"""Who carries how much."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from fairness.recent import recent_report
from fairness.report import for_department, for_professor
from timetable.enums import StaffRole

from .access import caller_of
from .contract import read
from .problems import not_found
from .schemas import Code, FairnessOut

router = Router(tags=["Fairness"])


@read(
    router,
    "/fairness-report/{institute_id}",
    answer=FairnessOut,
    errors={404: "`not_found`: the institute does not exist, or has no report for the caller."},
)
def fairness_report(request: HttpRequest, institute_id: Code) -> FairnessOut:
    """How evenly the burden lies, and what would help.

    All of it for registrars; a head of department sees its lines, a professor the own line, and both
    the totals.
    """
    actor = caller_of(request).at(institute_id)
    if actor.institute is None or not (actor.role or actor.professor):
        raise not_found("institute_id")
    found = recent_report(actor.institute, timezone.now())
    if not actor.role and actor.professor is not None:
        found = for_professor(found, actor.professor)
    elif actor.role == StaffRole.HEAD and actor.department:
        found = for_department(found, actor.department)
    return FairnessOut(**found.as_json())
