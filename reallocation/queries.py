"""What of the workflow exists for whom. What an actor may not see is not found."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import (
    BigIntegerField,
    F,
    Prefetch,
    Q,
    QuerySet,
    UUIDField,
    When,
)
from django.db.models import Case as CaseWhen

from timetable.accounts import Actor
from timetable.enums import StaffRole
from timetable.models import (
    Absence,
    Enrolment,
    Institute,
    Meeting,
    Period,
    Professor,
    Room,
)
from timetable.prepared import Many, PreparedRows, PreparedTogether, together
from timetable.querysets import AbsenceQuerySet
from voting.models import Ballot, RollPlace

from . import absences
from .enums import CaseStatus, OfferStatus, WaitingFor
from .models import (
    Case,
    CaseQuerySet,
    LogEntry,
    Offer,
    OfferQuerySet,
    Rehearsal,
    RehearsalQuerySet,
    StepRecord,
)

MATCHES = 8
"""How many professors or rooms are named when a search finds several."""

PAST_OFFERS = 30


def absences_for(actor: Actor) -> AbsenceQuerySet:
    """A registrar: every absence of the institute. A professor: their own."""
    rows = Absence.objects.filter(institute=actor.institute)
    if actor.is_registrar:
        return rows
    return rows.filter(professor=actor.professor) if actor.professor else rows.none()


def own_absences(professor: Professor) -> AbsenceQuerySet:
    """The professor's absences, latest first, each with its cases."""
    cases = Case.objects.for_list().order_by("before_starts_at", "pk")
    rows: AbsenceQuerySet = (
        Absence.objects.filter(professor=professor)
        .for_list()
        .prefetch_related(Prefetch("cases", queryset=cases))
        .order_by("-starts_at", "-pk")
    )
    return rows


def cases_overseen(actor: Actor) -> CaseQuerySet:
    """By role: a head of department those of their own courses, other staff the whole institute's."""
    rows = Case.objects.filter(institute=actor.institute)
    if not actor.role:
        return rows.none()
    if actor.role == StaffRole.HEAD and actor.department:
        return rows.filter(meeting__offering__course__department=actor.department)
    return rows


def cases_for(actor: Actor) -> CaseQuerySet:
    """Those that the actor oversees or is involved in: absent, asked, standing in, co-teaching, or
    on the roster."""
    ways = list(_ways_to_cases(actor))
    if actor.institute is None or not ways:
        return Case.objects.none()
    # Each way by itself leads along an index to a few cases; joined by OR they would read all there are.
    first, *others = ways
    seen = first.union(*others) if others else first
    return Case.objects.filter(pk__in=seen, institute=actor.institute)


def _ways_to_cases(actor: Actor) -> Iterator[QuerySet[Any, Any]]:
    cases = Case.objects.order_by()
    if actor.role:
        yield cases_overseen(actor).order_by().values("pk")
    if (who := actor.professor) is not None:
        yield cases.filter(professor=who).values("pk")
        yield cases.filter(meeting__professor=who).values("pk")
        yield cases.filter(meeting__planned_professor=who).values("pk")
        yield cases.filter(meeting__offering__teachings__professor=who).values("pk")
        yield Offer.objects.filter(professor=who).order_by().values("case")
    if actor.student is not None:
        enrolled = Enrolment.objects.filter(student=actor.student).order_by().values("offering")
        yield cases.filter(meeting__offering__in=enrolled).values("pk")


def in_order_of_urgency(rows: CaseQuerySet) -> CaseQuerySet:
    """What is open first, by when its answer is due; then what is settled, the latest class first."""
    settled = CaseWhen(When(status=CaseStatus.OPEN, then=0), default=1)
    ordered: CaseQuerySet = rows.order_by(
        settled, F("deadline").asc(nulls_first=True), "-before_starts_at", "-pk"
    )
    return ordered


@dataclass(frozen=True)
class Story:
    """All that a case has been through, each in its order: read in one query."""

    records: list[StepRecord]
    """Its visits to the steps."""
    offers: list[Offer]
    """All requests, in the order of asking."""
    log: list[LogEntry]
    bells: list[dt.time]
    """At which times of the day classes begin in its term; empty where the timetable does not say."""
    beside: list[list[object]]
    """What else its absence is about: see `absences.others_beside`."""


@dataclass(frozen=True)
class Viewer:
    """Somebody in front of a case, and what they are to it."""

    actor: Actor
    case: Case
    ballot: Ballot | None = None
    """The open ballot on whose roll they are."""

    @cached_property
    def story(self) -> Story:
        """What has become of the case so far."""
        return story_of(self.case)

    @property
    def offers(self) -> list[Offer]:
        return self.story.offers

    @property
    def records(self) -> list[StepRecord]:
        return self.story.records

    @cached_property
    def offer(self) -> Offer | None:
        """The last request to them to take the class."""
        me = self.actor.professor
        if me is None:
            return None
        return next((offer for offer in reversed(self.offers) if offer.professor_id == me.pk), None)

    @property
    def is_registrar(self) -> bool:
        return self.actor.is_registrar_of(self.case.institute_id)

    @property
    def oversees(self) -> bool:
        """Staff who found the case: heads of other departments have not."""
        if self.actor.role == StaffRole.HEAD and self.actor.department:
            return self.case.meeting.offering.course.department == self.actor.department
        return self.actor.is_staff_of(self.case.institute_id)

    @property
    def is_absent(self) -> bool:
        return self.actor.professor is not None and self.case.professor == self.actor.professor

    @property
    def has_promised(self) -> bool:
        """They have said yes, and it stands."""
        return self.offer is not None and self.offer.status == OfferStatus.ACCEPTED

    @property
    def is_substitute(self) -> bool:
        return (
            self.case.status == CaseStatus.SUBSTITUTED
            and self.offer is not None
            and self.has_promised
            and self.case.meeting.professor_id == self.offer.professor_id
        )

    @property
    def knows_answers(self) -> bool:
        """Who was asked and who said no is for the absent professor and for staff."""
        return self.is_absent or self.oversees

    @property
    def knows_question(self) -> bool:
        """Whom a vote is about is for those too who vote, and for them themselves."""
        return self.knows_answers or self.has_promised or self.actor.student is not None

    @property
    def reads_handover(self) -> bool:
        """Whoever may still teach the class, or does."""
        asked = self.offer is not None and self.offer.status in {
            OfferStatus.SENT,
            OfferStatus.ACCEPTED,
        }
        return self.knows_answers or asked

    @property
    def may_choose(self) -> bool:
        return self.is_absent or self.is_registrar


def _shown(rows: CaseQuerySet) -> CaseQuerySet:
    """With all that is shown of a case."""
    shown: CaseQuerySet = rows.for_list().select_related(
        "meeting__offering__term", "institute__policy", "before_room"
    )
    return shown


_CASE = PreparedRows[Case](
    lambda uid: _shown(Case.objects.filter(uid=uid)).order_by(), uid=UUIDField()
)
_ON_ROLL = PreparedRows[RollPlace](
    lambda case, student: (
        RollPlace.objects.filter(ballot__subject_uid=case, ballot__closed_at=None, student=student)
        .select_related("ballot")
        .order_by("pk")
    ),
    case=UUIDField(),
    student=BigIntegerField(),
)


def case_with(uid: uuid.UUID) -> Case | None:
    """The case with this id, whoever may see it."""
    return _CASE.first(uid=uid)


def viewer_of(actor: Actor, uid: uuid.UUID) -> Viewer:
    """The actor before this case. Raises Case.DoesNotExist if it does not exist for them."""
    return _before(actor, _shown(cases_for(actor)).get(uid=uid))


def viewer_before(actor: Actor, case: Case) -> Viewer:
    """The actor before a case that has been read. Raises Case.DoesNotExist likewise."""
    # Whoever decides about a case sees it: they ask most, and need not be looked up again.
    if not Viewer(actor, case).may_choose and not cases_for(actor).filter(pk=case.pk).exists():
        raise Case.DoesNotExist
    return _before(actor, case)


def _before(actor: Actor, case: Case) -> Viewer:
    ballot = None
    if actor.student is not None:
        place = _ON_ROLL.first(case=case.uid, student=actor.student.pk)
        ballot = place.ballot if place else None
    return Viewer(actor, case, ballot)


def reads_note(actor: Actor, absence: Absence) -> bool:
    """The private note is for who is absent, for who wrote it down, and for registrars granted it."""
    if actor.professor is not None and absence.professor_id == actor.professor.pk:
        return True
    if actor.user is not None and absence.filed_by_id == actor.user.pk:
        return True
    return actor.is_registrar_of(absence.institute_id) and actor.reads_private_notes


_REQUESTS = PreparedRows[Offer](
    lambda cases: (
        Offer.objects.filter(case__among=cases).select_related("professor").order_by("pk")
    ),
    cases=Many(),
)
_STORY = PreparedTogether(
    lambda case: (
        StepRecord.objects.filter(case=case).order_by("pk"),
        Offer.objects.filter(case=case).select_related("professor").order_by("pk"),
        LogEntry.objects.filter(case=case).order_by("number"),
        Period.objects.filter(term__offerings__meetings__cases=case)
        .order_by("starts")
        .values_list("starts")
        .distinct(),
        *absences.others_beside(case),
    ),
    case=BigIntegerField(),
)


def story_of(case: Case) -> Story:
    records, offers, log, bells, *beside = _STORY(case=case.pk)
    return Story(records, offers, log, [starts for (starts,) in bells], beside)


def cases_of(absence: Absence) -> list[Case]:
    rows = Case.objects.for_list().filter(absence=absence)
    return list(rows.order_by("before_starts_at", "pk"))


def offers_of(*cases: Case) -> list[Offer]:
    """All requests of these cases, in the order of asking."""
    return _REQUESTS(cases=[case.pk for case in cases])


def state_of(case: Case) -> str:
    """A mark that changes with whatever happens to the case."""
    last = LogEntry.objects.filter(case=case).order_by("-number").values_list("number", flat=True)
    return f"{case.turn}.{last.first() or 0}"


def waiting_offers(professor: Professor, now: dt.datetime) -> OfferQuerySet:
    """Requests that the professor can still answer, the most urgent first."""
    rows = Offer.objects.waiting().filter(professor=professor, expires_at__gt=now)
    waiting: OfferQuerySet = rows.for_list().order_by("expires_at", "pk")
    return waiting


def promises(professor: Professor, now: dt.datetime) -> OfferQuerySet:
    """Classes ahead that the professor has agreed to take and is to teach, or may have to."""
    rows = Offer.objects.accepted().filter(professor=professor, case__before_starts_at__gt=now)
    booked = Q(case__status=CaseStatus.SUBSTITUTED, case__meeting__professor=professor)
    kept: OfferQuerySet = (
        rows.filter(booked | Q(case__status=CaseStatus.OPEN))
        .for_list()
        .order_by("case__before_starts_at", "pk")
    )
    return kept


def past_offers(professor: Professor, now: dt.datetime) -> OfferQuerySet:
    """The latest requests that need no answer any more."""
    rows = Offer.objects.filter(professor=professor).exclude(
        status=OfferStatus.SENT, expires_at__gt=now
    )
    kept = promises(professor, now).order_by().values("pk")
    past: OfferQuerySet = rows.exclude(pk__in=kept).for_list().order_by("-sent_at", "-pk")
    return past[:PAST_OFFERS]


def choices_to_make(professor: Professor, now: dt.datetime) -> CaseQuerySet:
    """The professor's cases that wait for their choice, the most urgent first."""
    rows = Case.objects.open().filter(
        professor=professor,
        waiting_for__in=[WaitingFor.CANDIDATE_CHOICE, WaitingFor.SLOT_CHOICE],
        deadline__gt=now,
    )
    waiting: CaseQuerySet = rows.for_list().order_by("deadline", "pk")
    return waiting


@dataclass(frozen=True)
class DayEntry:
    """One class on somebody's day; `is_offer` marks the one that they are asked to take."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    title: str
    room: str
    is_offer: bool = False


def day_with(offer: Offer) -> list[DayEntry]:
    """The professor's classes of the day, in local times, with the one that they are asked to take."""
    case = offer.case
    local = case.institute.local
    day = local(case.before_starts_at).date()
    own = Meeting.objects.holding().on_day(case.institute, day).taught_by([offer.professor])
    entries = [
        DayEntry(
            local(meeting.starts_at),
            local(meeting.ends_at),
            str(meeting.offering.course),
            meeting.room.code if meeting.room else "",
        )
        for meeting in own.exclude(pk=case.meeting_id).for_list().prefetch_related(None)
    ]
    entries.append(
        DayEntry(
            local(case.before_starts_at),
            local(case.before_ends_at),
            str(case.meeting.offering.course),
            case.before_room.code if case.before_room else "",
            is_offer=True,
        )
    )
    return sorted(entries, key=lambda entry: (entry.starts_at, entry.is_offer))


def find_professors(institute: Institute, text: str) -> list[Professor]:
    """Whom somebody means who types a code, an e-mail address or part of a name: at most MATCHES."""
    wanted = text.strip()
    people = Professor.objects.filter(institute=institute, active=True)
    part = people if len(wanted) > 1 else people.none()
    exact, named, alike = together(
        people.filter(Q(code=wanted) | Q(email__iexact=wanted))[:MATCHES],
        part.filter(name__iexact=wanted)[:MATCHES],
        part.filter(Q(name__icontains=wanted) | Q(code__istartswith=wanted))[:MATCHES],
    )
    return exact or named or alike


def find_rooms(institute: Institute, text: str) -> list[Room]:
    """Which room somebody means who types a code or part of a name: at most MATCHES."""
    wanted = text.strip()
    if not wanted:
        return []
    rooms = Room.objects.filter(institute=institute).order_by("code")
    exact, alike = together(
        rooms.filter(Q(code__iexact=wanted) | Q(name__iexact=wanted))[:MATCHES],
        rooms.filter(Q(code__istartswith=wanted) | Q(name__icontains=wanted))[:MATCHES],
    )
    return [room for room in exact if room.code == wanted] or exact or alike


def offers_with_case(rows: OfferQuerySet) -> OfferQuerySet:
    """With all that the page of a request shows."""
    return rows.for_list().select_related(
        "case__named", "case__before_room", "case__meeting__offering__term"
    )


_OFFER = PreparedRows[Offer](
    lambda uid, user: offers_with_case(
        Offer.objects.filter(uid=uid, professor__user=user, professor__user__is_active=True)
        .select_related("professor__user", "case__institute__policy")
        .order_by()
    ),
    uid=UUIDField(),
    user=BigIntegerField(),
)


def offer_to(user_id: int, uid: uuid.UUID) -> Offer:
    """A request to this account's professor, with all that its page shows.

    Raises Offer.DoesNotExist; so does a request to an account that has been closed.
    """
    return _OFFER.one(uid=uid, user=user_id)


def rehearsals_for(actor: Actor) -> RehearsalQuerySet:
    """A registrar: every rehearsal of the institute, the latest first. Nobody else: none."""
    rows: RehearsalQuerySet = Rehearsal.objects.filter(institute=actor.institute)
    return rows if actor.is_registrar else rows.none()
