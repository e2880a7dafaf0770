"""What professors are to a case, and know of its class: read together, in one query.

Who has said no, who teaches one of its sections this term, who has taught its course or is qualified for it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from django.db.models import BigIntegerField, DateField, Q, QuerySet

from timetable.availability import week_span
from timetable.models import Professor, Qualification, Section, Teaching
from timetable.prepared import Columns, Many, PreparedQuery, empty, literal

from .enums import OfferStatus
from .models import Case, Offer


class _Tie(StrEnum):
    """What somebody may be to a case."""

    SAID_NO = "said_no"
    QUALIFIED = "qualified"
    TAUGHT_COURSE = "taught_course"
    TEACHES_SECTION = "teaches_section"


NO_CASE = 0
"""The id of a case that is not on file yet."""
_OWN = 4
"""Columns of a tie, before those of the professor."""


def _ties(
    case: Any, week: Any, course: Any, term: Any, offering: Any, people: Any = None
) -> QuerySet[Any, Any]:
    """A row for each: who, what they are to the case, which case they said no to, since which day.

    Of these people only; without any, of everybody, with all that is known of them.
    """
    no_case, no_day = empty(BigIntegerField()), empty(DateField())
    them = [] if people is not None else Columns(Professor, "professor__", _OWN).paths

    def rows(found: QuerySet[Any], tie: _Tie, case_id: Any, began: Any) -> QuerySet[Any, Any]:
        return found.order_by().values_list("professor_id", literal(tie), case_id, began, *them)

    declined = Offer.objects.filter(Q(case=case) | Q(spared_week=week), status=OfferStatus.DECLINED)
    teaching = Teaching.objects.all()
    if people is not None:
        teaching = teaching.filter(professor__among=people)
    of_course = teaching.filter(offering__course=course)
    of_section = teaching.filter(
        offering__term=term,
        offering__sections__in=Section.objects.filter(offerings=offering).order_by().values("pk"),
    )
    ties = [
        rows(declined, _Tie.SAID_NO, "case_id", no_day),
        rows(of_course, _Tie.TAUGHT_COURSE, no_case, "offering__term__starts_on"),
        rows(of_section, _Tie.TEACHES_SECTION, no_case, no_day),
    ]
    if people is None:
        qualified = Qualification.objects.filter(course=course)
        ties.append(rows(qualified, _Tie.QUALIFIED, no_case, no_day))
    first, *others = ties
    return first.union(*others, all=True)


_ABOUT: dict[str, Any] = {
    "case": BigIntegerField(),
    "week": DateField(),
    "course": BigIntegerField(),
    "term": BigIntegerField(),
    "offering": BigIntegerField(),
}
_TIES_OF = PreparedQuery(_ties, people=Many(), **_ABOUT)
_TIES = PreparedQuery(_ties, **_ABOUT)
_PERSON = Columns(Professor, "professor__", _OWN)


@dataclass(frozen=True)
class Ties:
    """What some people are to a case."""

    refused: Mapping[int, str]
    """Who declined the case, took their promise back, or wants to be asked for nothing in its week; each
    with the code of the reason."""
    sections_known: Collection[int]
    """Who teaches a section of the class this term."""
    course_taught: Mapping[int, int]
    """Who has taught the course, and in which year last."""

    @classmethod
    def read(cls, case: Case, people: Collection[int]) -> Ties:
        """Of these people."""
        return cls._of(case, _TIES_OF(people=people, **_about(case)))

    @classmethod
    def near(cls, case: Case) -> tuple[list[Professor], Ties]:
        """Of all who teach a section of the class or know its course: those people, too."""
        rows = list(_TIES(**_about(case)))
        found: dict[int, Professor] = {}
        for row in rows:
            if row[0] not in found and row[1] != _Tie.SAID_NO and (one := _PERSON.of(row)):
                found[one.pk] = one
        found.pop(case.professor_id, None)
        return [found[pk] for pk in sorted(found)], cls._of(case, rows)

    @classmethod
    def _of(cls, case: Case, rows: Iterable[Sequence[Any]]) -> Ties:
        refused: dict[int, str] = {}
        sections_known: set[int] = set()
        course_taught: dict[int, int] = {}
        for professor_id, tie, case_id, began, *_person in rows:
            match tie:
                case _Tie.TEACHES_SECTION:
                    sections_known.add(professor_id)
                case _Tie.TAUGHT_COURSE:
                    last = course_taught.get(professor_id, 0)
                    course_taught[professor_id] = max(began.year, last)
                case _Tie.SAID_NO if case_id == case.pk:
                    refused[professor_id] = "said_no"
                case _Tie.SAID_NO:
                    refused.setdefault(professor_id, "not_this_week")
        return cls(refused, sections_known, course_taught)

    def of_this_case_only(self) -> Ties:
        said_no = {pk: code for pk, code in self.refused.items() if code == "said_no"}
        return replace(self, refused=said_no)


def _about(case: Case) -> dict[str, Any]:
    offering = case.meeting.offering
    return {
        "case": case.pk or NO_CASE,
        "week": week_of(case),
        "course": offering.course_id,
        "term": offering.term_id,
        "offering": offering.pk,
    }


def spared(weeks: Collection[dt.date]) -> dict[dt.date, dict[int, str]]:
    """By the Mondays of some weeks: who wants to be asked for nothing in them, as `Ties.refused`
    has it."""
    rows = Offer.objects.filter(spared_week__in=weeks, status=OfferStatus.DECLINED)
    found: dict[dt.date, dict[int, str]] = {week: {} for week in weeks}
    for week, professor_id in rows.values_list("spared_week", "professor_id"):
        if week is not None:
            found[week][professor_id] = "not_this_week"
    return found


def week_of(case: Case) -> dt.date:
    """The Monday of the week in which the class was to be held."""
    return case.institute.local(week_span(case.institute, case.before_starts_at)[0]).date()
