"""The rows of asking: offers sent, and the ways in which they end. Runs under the case's lock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from django.db.models import BigIntegerField, CharField

from fairness import ledger
from timetable import writes
from timetable.prepared import PreparedRows

from . import audit
from .candidates import Candidate
from .enums import OfferStatus, StepNumber
from .models import Case, Offer, StepRecord
from .notifications import announce


def hours_of(case: Case) -> float:
    """The length of the case's meeting in clock hours."""
    return (case.before_ends_at - case.before_starts_at).total_seconds() / 3600


def send(
    case: Case,
    record: StepRecord,
    candidates: Sequence[Candidate],
    *,
    expires_at: dt.datetime,
    now: dt.datetime,
    wave: int = 1,
) -> list[Offer]:
    """Ask these candidates, tell them, and enter it in log and ledger."""
    offers = [
        Offer(
            case=case,
            record=record,
            professor=candidate.professor,
            step=record.step,
            wave=wave,
            rank=candidate.rank,
            sent_at=now,
            expires_at=expires_at,
            reasons=[reason.as_json() for reason in candidate.reasons],
        )
        for candidate in candidates
    ]
    writes.insert_all(offers)
    ledger.asked(
        [candidate.professor for candidate in candidates],
        meeting=case.meeting,
        case_uid=case.uid,
        hours=hours_of(case),
        now=now,
    )
    for offer in offers:
        audit.record(
            "offer.sent",
            institute=case.institute,
            case=case,
            at=now,
            data={
                "professor": offer.professor.code,
                "name": offer.professor.name,
                "step": StepNumber(offer.step).value,
                "wave": wave,
                "until": expires_at.isoformat(),
                "reasons": offer.reasons,
            },
        )
    announce.offers_sent(offers, now)
    return list(offers)


_OF_CASE = PreparedRows[Offer](
    lambda case, status: (
        Offer.objects.filter(case=case, status=status)
        .select_related("professor")
        .order_by("sent_at", "rank", "pk")
    ),
    case=BigIntegerField(),
    status=CharField(),
)


_ALL_OF_CASE = PreparedRows[Offer](
    lambda case: (
        Offer.objects.filter(case=case)
        .select_related("professor")
        .order_by("sent_at", "rank", "pk")
    ),
    case=BigIntegerField(),
)


def of_case(case: Case) -> list[Offer]:
    """All offers of the case as they stand now, each with its professor."""
    return _ALL_OF_CASE(case=case.pk)


def waiting(case: Case) -> list[Offer]:
    """Offers of the case that nobody has answered."""
    return _OF_CASE(case=case.pk, status=OfferStatus.SENT)


def accepted(case: Case) -> Offer | None:
    """The offer of the case that was accepted and still stands."""
    return _OF_CASE.first(case=case.pk, status=OfferStatus.ACCEPTED)


def end(case: Case, offers: Iterable[Offer], status: OfferStatus, now: dt.datetime) -> list[Offer]:
    """End offers that were sent or accepted: expired, withdrawn or taken. Tells whom it concerns."""
    ended = list(offers)
    if not ended:
        return ended
    Offer.objects.filter(pk__in=[offer.pk for offer in ended]).update(status=status)
    for offer in ended:
        offer.status, offer.case = status, case
        audit.record(
            f"offer.{status}",
            institute=case.institute,
            case=case,
            at=now,
            data={"professor": offer.professor.code, "name": offer.professor.name},
        )
    if status == OfferStatus.TAKEN:
        announce.offers_taken(ended, now)
    elif status == OfferStatus.WITHDRAWN:
        announce.offers_withdrawn(ended, now)
    return ended
