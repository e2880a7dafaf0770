"""Which rows exist for whom. What an actor may not see is not found."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from .accounts import Actor
from .models import Enrolment, Meeting, Offering, Professor, Room, Section, Teaching


def offerings_for(actor: Actor) -> QuerySet[Offering]:
    """Staff: every class of the institute. A professor: those they teach or ever stood in for, or
    were planned to teach. A student: those on whose roster they are."""
    if actor.institute is None:
        return Offering.objects.none()
    offerings = Offering.objects.filter(term__institute=actor.institute)
    if actor.role:
        return offerings
    mine = Q(pk__in=[])
    here = OuterRef("pk")
    if actor.professor is not None:
        who = actor.professor
        mine |= Q(Exists(Teaching.objects.filter(offering=here, professor=who)))
        led = Q(professor=who) | Q(planned_professor=who)
        mine |= Q(Exists(Meeting.objects.filter(led, offering=here)))
    if actor.student is not None:
        mine |= Q(Exists(Enrolment.objects.filter(offering=here, student=actor.student)))
    return offerings.filter(mine)


def sections_for(actor: Actor) -> QuerySet[Section]:
    """Professors and staff: every section of the institute. A student: their own."""
    sections = Section.objects.filter(institute=actor.institute)
    if actor.role or actor.professor is not None:
        return sections
    if actor.student is None or actor.student.section_id is None:
        return sections.none()
    return sections.filter(pk=actor.student.section_id)


def professors_for(actor: Actor) -> QuerySet[Professor]:
    """Professors and staff: everybody who teaches at the institute."""
    if actor.role or actor.professor is not None:
        return Professor.objects.filter(institute=actor.institute)
    return Professor.objects.none()


def rooms_for(actor: Actor) -> QuerySet[Room]:
    """Professors and staff: every room of the institute."""
    if actor.role or actor.professor is not None:
        return Room.objects.filter(institute=actor.institute)
    return Room.objects.none()
