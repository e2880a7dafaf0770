"""What came of a rehearsal, in numbers."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Count, F, Min, OuterRef, Q, Subquery, Sum

from fairness.models import OwedHours
from fairness.standing import distribution, standings
from reallocation.enums import CaseStatus, OfferStatus, StepNumber, StepResult
from reallocation.models import Case, Message, Notice, Offer, StepRecord
from timetable.models import Term
from timetable.prepared import Many, PreparedQuery

TELLS_CLASS = ("postponed", "substituted", "moved", "dropped")
"""The kinds of notice by which students learn of a change."""


@dataclass(frozen=True)
class Figures:
    """The outcome of a rehearsal; the names are those of its JSON.

    `by_step`: cases that each step settled. `filled`: of the cases that entered a step, the share that it
    settled. `asked_per_cover`: offers sent per class that somebody covers. `messages_per_person`: to those
    who got any. `told_late`: classes known to be affected before they began whose students learnt it after.
    """

    cases: int
    outcomes: dict[str, int]
    by_step: dict[str, int]
    filled: dict[str, float | None]
    offers: int
    votes: int
    messages: int
    hours_owed: float
    balance_before: float | None
    balance_after: float | None
    asked_per_cover: float | None
    messages_per_person: float | None
    dropped_share: float | None
    told_late: int
    virtual_hours: float
    wall_seconds: float = 0.0
    peak_mb: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def score(term: Term, now: dt.datetime) -> float | None:
    """The balance of covering, as it stands."""
    found = distribution(standings(term, now=now)).balance
    return None if found is None else round(found.score, 4)


def count(
    case_ids: Collection[int],
    *,
    term: Term,
    votes: int,
    balance_before: float | None,
    started_at: dt.datetime,
    ended_at: dt.datetime,
) -> Figures:
    """Count what became of these cases."""
    cases = Case.objects.filter(pk__in=case_ids)
    outcomes = dict.fromkeys(CaseStatus.values, 0) | dict(
        cases.order_by().values_list("status").annotate(Count("pk"))
    )
    settled = dict(
        cases.exclude(status__in=[CaseStatus.OPEN, CaseStatus.WITHDRAWN, CaseStatus.DROPPED])
        .order_by()
        .values_list("step")
        .annotate(Count("pk"))
    )
    entered = dict(
        StepRecord.objects.filter(case__in=case_ids)
        .exclude(result=StepResult.SKIPPED)
        .order_by()
        .values_list("step")
        .annotate(Count("case", distinct=True))
    )
    offers = Offer.objects.filter(case__in=case_ids)
    covered = outcomes[CaseStatus.SUBSTITUTED]
    messages = _messages(case_ids)
    owed = OwedHours.objects.filter(case_uid__in=cases.values("uid")).aggregate(h=Sum("hours"))["h"]
    return Figures(
        cases=len(case_ids),
        outcomes=outcomes,
        by_step={str(step): settled.get(step, 0) for step in StepNumber.values},
        filled={
            str(step): round(settled.get(step, 0) / entered[step], 4) if entered.get(step) else None
            for step in StepNumber.values
        },
        offers=offers.count(),
        votes=votes,
        messages=messages.total(),
        hours_owed=float(owed or 0),
        balance_before=balance_before,
        balance_after=score(term, ended_at),
        asked_per_cover=_ratio(offers.exclude(status=OfferStatus.WITHDRAWN).count(), covered),
        messages_per_person=_ratio(messages.total(), len(messages)),
        dropped_share=_ratio(outcomes[CaseStatus.DROPPED], len(case_ids), 4),
        told_late=_told_late(cases),
        virtual_hours=round((ended_at - started_at).total_seconds() / 3600, 2),
    )


def _messages(case_ids: Collection[int]) -> Counter[int]:
    """How many each account got. Asked in two simple steps: PostgreSQL knows nothing yet of the size of
    what this transaction has written, and would plan their join badly."""
    notices = Notice.objects.filter(case__in=case_ids).order_by().values_list("pk", flat=True)
    return Counter(user_id for (user_id,) in _RECEIVED(notices=notices))


_RECEIVED = PreparedQuery(
    lambda notices: Message.objects.filter(notice__among=notices).order_by().values_list("user_id"),
    notices=Many(),
)


def _told_late(cases: Any) -> int:
    """Cases opened before their class began whose students were first told after it had begun."""
    first = (
        Notice.objects.filter(case=OuterRef("pk"), kind__in=TELLS_CLASS)
        .order_by()
        .values("case")
        .annotate(first=Min("created_at"))
        .values("first")
    )
    told = cases.annotate(told=Subquery(first)).filter(opened_at__lt=F("before_starts_at"))
    late: int = told.filter(
        Q(told__isnull=True) | Q(told__gt=F("before_starts_at")),
        ~Q(status__in=[CaseStatus.OPEN, CaseStatus.WITHDRAWN]),
    ).count()
    return late


def _ratio(part: int, whole: int, digits: int = 2) -> float | None:
    return round(part / whole, digits) if whole else None
