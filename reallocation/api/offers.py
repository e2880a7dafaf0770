"""Requests to take a class, and the answers to them."""

from __future__ import annotations

import uuid

from django.db.models import UUIDField
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Router

from reallocation import answers
from reallocation.audit import Who
from reallocation.enums import ActorKind
from reallocation.models import Offer, OfferQuerySet
from timetable.accounts import Actor
from timetable.models import Professor
from timetable.prepared import PreparedRows

from . import wording
from .access import caller_of
from .contract import read, write
from .pages import Since, changed_since, cursor_of, newest_first
from .problems import forbidden, not_found
from .schemas import DeclineIn, OfferList, OfferOut

router = Router(tags=["Offers"])

WITHOUT_COMMENT = DeclineIn()
ON_ANSWERS = {
    403: "`not_your_offer`: it was sent to somebody else. `scope_missing`.",
    404: "`not_found`: it does not exist, or not for the caller.",
    409: "`offer_taken`, `offer_expired`, `offer_withdrawn`, `offer_answered`: it is too late. "
    "`class_begun`. `not_free`: the caller has another class then.",
}


def offers_for(actor: Actor) -> OfferQuerySet:
    """A registrar: those of the institute. A professor: their own."""
    rows: OfferQuerySet = Offer.objects.filter(case__institute=actor.institute)
    if actor.is_registrar:
        return rows
    return rows.filter(professor=actor.professor) if actor.professor else rows.none()


@read(
    router,
    "/offers",
    answer=OfferList,
    errors={404: "`not_found`: the institute, or the offer in `after`."},
)
def list_offers(request: HttpRequest, data: Since) -> OfferList:
    """Requests to take a class.

    A professor's own; for a registrar all of the institute. Newest first.
    """
    actor = caller_of(request).at(data.institute_id)
    if actor.institute is None:
        raise not_found()
    cursor = cursor_of(actor.institute)
    rows = offers_for(actor).filter(changed_since(data.since, actor.institute, case="case"))
    items, following = newest_first(rows, data, wording.offers)
    return OfferList(items=items, next=following, cursor=cursor)


@write(router, "/offers/{uuid:id}/accept", answer=OfferOut, errors=ON_ANSWERS)
def accept_offer(request: HttpRequest, id: uuid.UUID) -> OfferOut:
    """Take the class.

    The first to accept gets it; the others are told at once.
    """
    offer, professor, who = _own(request, id)
    answers.accept(offer, by=professor, now=timezone.now(), who=who)
    return _again(offer)


@write(router, "/offers/{uuid:id}/decline", answer=OfferOut, errors=ON_ANSWERS)
def decline_offer(
    request: HttpRequest, id: uuid.UUID, data: DeclineIn = WITHOUT_COMMENT
) -> OfferOut:
    """Say no.

    With a comment if one likes: it is for the registrar.
    """
    offer, professor, who = _own(request, id)
    answers.decline(offer, by=professor, comment=data.comment, now=timezone.now(), who=who)
    return _again(offer)


_OFFER: PreparedRows[Offer] = PreparedRows(
    lambda uid: (
        Offer.objects.filter(uid=uid).select_related("case__institute", "professor").order_by()
    ),
    uid=UUIDField(),
)


def _own(request: HttpRequest, uid: uuid.UUID) -> tuple[Offer, Professor, Who]:
    found = _OFFER.first(uid=uid)
    if found is None:
        raise not_found()
    actor = caller_of(request).at(found.case.institute.slug)
    if actor.professor is not None and actor.professor == found.professor:
        return found, actor.professor, Who.of(actor.user, ActorKind.PROFESSOR)
    if not offers_for(actor).filter(pk=found.pk).exists():
        raise not_found()
    raise forbidden("not_your_offer", _("This request was sent to somebody else."))


def _again(offer: Offer) -> OfferOut:
    return wording.offer(offer.pk)
