"""Requests to take a class: the list, and the page on which one is answered."""

from __future__ import annotations

import datetime as dt
import uuid
import zlib
from dataclasses import dataclass
from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRefresh

from fairness.standing import standings
from reallocation import answers, candidates, queries, ties
from reallocation.audit import Who
from reallocation.enums import ActorKind, OfferStatus
from reallocation.forms.offer import AnswerForm
from reallocation.models import Offer
from reallocation.offers import hours_of
from reallocation.policy import policy_of
from reallocation.refusals import Refused
from timetable.accounts import ActorRequest, professor_required
from timetable.models import Enrolment, Professor

GONE, NOTHING_NEW = 410, 204

TOO_LATE = {"offer_taken", "offer_withdrawn", "offer_expired"}
"""Refusals that say no more than the page does anyway, once it shows how the request stands."""

WEEK = dt.timedelta(days=6)
"""From its Monday to its Sunday."""


@never_cache
@require_safe
@professor_required
def offer_list(request: ActorRequest) -> HttpResponse:
    """All requests to a professor. htmx asks for the list again, and gets nothing if nothing happened."""
    professor, now = cast("Professor", request.actor.professor), timezone.now()
    context: dict[str, Any] = {
        "waiting": list(queries.waiting_offers(professor, now)),
        "promises": list(queries.promises(professor, now)),
        "past": list(queries.past_offers(professor, now)),
    }
    context["state"] = _state(*context.values())
    if request.GET.get("live") == context["state"]:
        return HttpResponse(status=NOTHING_NEW)
    context["is_update"] = "live" in request.GET
    page = "_offers_live" if context["is_update"] else "offer_list"
    return render(request, f"reallocation/{page}.html", context)


def _state(*lists: list[Offer]) -> str:
    """A mark that changes with what stands on the list, and where."""
    shown = [[(offer.pk, offer.status, offer.case.status) for offer in rows] for rows in lists]
    return f"{zlib.crc32(repr(shown).encode()):x}"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@professor_required
def offer_detail(request: ActorRequest, uid: uuid.UUID) -> HttpResponse:
    offer = find(cast("int", request.user.pk), uid)
    if offer.professor != request.actor.professor:
        raise Http404
    return offer_page(request, offer)


def find(user_id: int, uid: uuid.UUID) -> Offer:
    """The request to this account's professor. Raises Http404."""
    try:
        return queries.offer_to(user_id, uid)
    except Offer.DoesNotExist as error:
        raise Http404 from error


def offer_page(request: HttpRequest, offer: Offer, *, by_link: bool = False) -> HttpResponse:
    """The request as it stands now, for whom it was sent to, whatever an old mail says.

    A GET changes nothing.
    """
    now = timezone.now()
    form = AnswerForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            _answer(offer, form, now)
        except Refused as refusal:
            form.place(refusal)
            offer = find(cast("int", offer.professor.user_id), offer.uid)
        else:
            messages.success(request, _("Thank you for your answer."))
            return redirect(request.path)
    waits = offer.is_answerable(now)
    if "live" in request.GET:
        # The rest of the page asks for an answer: it is made anew when none is wanted any more.
        return HttpResponse(status=NOTHING_NEW) if waits else HttpResponseClientRefresh()
    over = not waits and offer.status not in {OfferStatus.ACCEPTED, OfferStatus.DECLINED}
    context: dict[str, Any] = {"offer": offer, "form": form, "waits": waits, "over": over}
    context["by_link"] = by_link
    context["said_below"] = form.refusal is not None and form.refusal.code in TOO_LATE
    context |= _about(offer, now) if waits else {"spared": _spared(offer)}
    status = GONE if by_link and over and not form.is_bound else form.status
    return render(request, "reallocation/offer_detail.html", context, status=status)


def _answer(offer: Offer, form: AnswerForm, now: dt.datetime) -> None:
    who = Who.of(offer.professor.user, ActorKind.PROFESSOR)
    answer, comment = form.cleaned_data["answer"], form.cleaned_data["comment"]
    if answer == "accept":
        answers.accept(offer, by=offer.professor, now=now, who=who)
    else:
        answers.decline(
            offer,
            by=offer.professor,
            comment=comment,
            whole_week=answer == "not-this-week",
            now=now,
            who=who,
        )


def _about(offer: Offer, now: dt.datetime) -> dict[str, Any]:
    """What somebody wants to know before they answer."""
    case, professor = offer.case, offer.professor
    monday = ties.week_of(case)
    roster = Enrolment.objects.filter(offering=case.meeting.offering, student__active=True)
    return {
        "students": roster.count(),
        "day": queries.day_with(offer),
        "week": (monday, monday + WEEK),
        "burden": _burden(offer, now),
        "obstacle": candidates.obstacle(case, professor, policy_of(case.institute)),
    }


def _spared(offer: Offer) -> tuple[dt.date, dt.date] | None:
    """The week in which whoever said “not this week” is asked for nothing else."""
    monday = offer.spared_week
    return (monday, monday + WEEK) if monday else None


@dataclass(frozen=True)
class Burden:
    """Hours that a professor has covered for others this term, before and after, and their fair share."""

    before: float
    after: float
    share: float


def _burden(offer: Offer, now: dt.datetime) -> Burden | None:
    """None for somebody who is on leave all term, or no longer teaches here."""
    case, term = offer.case, offer.case.meeting.offering.term
    term.institute = case.institute
    standing = standings(term, now=now, professors=[offer.professor]).get(offer.professor_id)
    if standing is None or not standing.entitlement:
        return None
    given = float(standing.given)
    return Burden(given, given + float(hours_of(case)), float(standing.fair_share))
