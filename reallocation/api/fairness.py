"""Who carries how much."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from fairness.recent import recent_report
from fairness.report import Report, for_department, for_professor
from timetable.enums import StaffRole

from .access import caller_of
from .contract import Told, read
from .problems import not_found
from .schemas import Code, FairnessOut

router = Router(tags=["Fairness"])

_told: dict[int, tuple[Report, Told]] = {}
"""By institute, what was last told of the whole report: a line for each of a thousand professors."""


@read(
    router,
    "/fairness-report/{institute_id}",
    answer=FairnessOut,
    errors={404: "`not_found`: the institute does not exist, or has no report for the caller."},
)
def fairness_report(request: HttpRequest, institute_id: Code) -> FairnessOut | Told:
    """How evenly the burden lies, and what would help.

    All of it for registrars; a head of department sees its lines, a professor the own line, and both
    the totals.
    """
    actor = caller_of(request).at(institute_id)
    if actor.institute is None or not (actor.role or actor.professor):
        raise not_found("institute_id")
    found = recent_report(actor.institute, timezone.now())
    if not actor.role and actor.professor is not None:
        return _worded(for_professor(found, actor.professor))
    if actor.role == StaffRole.HEAD and actor.department:
        return _worded(for_department(found, actor.department))
    kept = _told.get(actor.institute.pk)
    if kept is None or kept[0] is not found:
        kept = _told[actor.institute.pk] = (found, Told.of(_worded(found)))
    return kept[1]


def _worded(report: Report) -> FairnessOut:
    return FairnessOut(**report.as_json())
