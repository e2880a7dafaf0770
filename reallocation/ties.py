"""What professors are to a case, and know of its class.

Who has said no, who teaches one of its sections this term, who has taught its course or is qualified for it,
and how they have answered requests this term. Of given people all of it is one query; of whoever is near,
how they answer is read with where they stand.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Any

from django.db.models import BigIntegerField, Count, DateField, Q, QuerySet, When
from django.db.models import Case as CaseWhen

from fairness.standing import Standings, StandingsBeside
from timetable.availability import week_span
from timetable.models import Professor, Qualification, Teaching, Term
from timetable.prepared import Columns, Many, PreparedQuery, empty, literal

from .enums import OfferStatus
from .models import AGREED, TURNED_DOWN, Case, Offer


class _Tie(StrEnum):
    """What somebody may be to a case."""

    SAID_NO = "said_no"
    QUALIFIED = "qualified"
    TAUGHT_COURSE = "taught_course"
    TEACHES_SECTION = "teaches_section"
    AGREED = "agreed"
    """To how many requests they have said yes in a term."""
    TURNED_DOWN = "turned_down"
    """To how many they have said no, or nothing in time."""


NO_CASE = 0
"""The id of a case that is not on file yet."""
_OWN = 5
"""Columns of a tie, before those of the professor."""
_TERM = "case__meeting__offering__term_id"
"""Of an offer."""
_ANSWER = CaseWhen(When(AGREED, then=literal(_Tie.AGREED)), default=literal(_Tie.TURNED_DOWN))
_PERSON = Columns(Professor, "professor__", _OWN)


def _ties(
    cases: Any, weeks: Any, courses: Any, offerings: Any, people: Any = None
) -> QuerySet[Any, Any]:
    """A row for each: who, what they are, to which case or course or class, in which term, and when.

    Of these people only; without any, of everybody, with their rows, but not how they answer.
    """
    no_term, no_day = empty(BigIntegerField()), empty(DateField())
    them = [] if people is not None else _PERSON.paths
    unnamed = [] if people is not None else _PERSON.nothing
    """Of somebody who is near for another reason, or for none."""

    def rows(
        found: QuerySet[Any, Any],
        tie: _Tie,
        about: str,
        *,
        term: Any = no_term,
        day: Any = no_day,
        who: Iterable[Any] = them,
    ) -> QuerySet[Any, Any]:
        return found.order_by().values_list("professor_id", literal(tie), about, term, day, *who)

    declined = Offer.objects.filter(
        Q(case__among=cases) | Q(spared_week__among=weeks), status=OfferStatus.DECLINED
    )
    teaching = Teaching.objects.all()
    if people is not None:
        teaching = teaching.filter(professor__among=people)
    of_course = teaching.filter(offering__course__among=courses)
    # Asked for the same term as well, SQLite would go through all the classes of the term.
    of_section = teaching.filter(offering__sections__offerings__pk__among=offerings)
    ties = [
        # First one with the professors' columns: on SQLite it says how values of all are read.
        rows(
            of_course,
            _Tie.TAUGHT_COURSE,
            "offering__course_id",
            day="offering__term__starts_on",
        ),
        rows(declined, _Tie.SAID_NO, "case_id", day="spared_week", who=unnamed),
        rows(
            of_section,
            _Tie.TEACHES_SECTION,
            "offering__sections__offerings__pk",
            term="offering__term_id",
        ),
    ]
    if people is None:
        ties.append(
            rows(Qualification.objects.filter(course__among=courses), _Tie.QUALIFIED, "course_id")
        )
    else:
        ties.append(_answers(people))
    first, *others = ties
    return first.union(*others, all=True)


def _answers(people: Any) -> QuerySet[Any, Any]:
    """How often these people have said yes, and how often no, in each term: as of sections, which term is
    wanted is seen when the rows are read."""
    rows: QuerySet[Any, Any] = (
        Offer.objects.filter(AGREED | TURNED_DOWN, professor__among=people)
        .order_by()
        .annotate(answer=_ANSWER)
        .values("professor_id", "answer", _TERM)
        .annotate(count=Count("pk"))
        .values_list("professor_id", "answer", "count", _TERM, empty(DateField()))
    )
    return rows


_ABOUT: dict[str, Any] = {
    "cases": Many(),
    "weeks": Many(),
    "courses": Many(),
    "offerings": Many(),
}
_TIES_OF = PreparedQuery(_ties, people=Many(), **_ABOUT)
_TIES = PreparedQuery(_ties, **_ABOUT)
_STANDINGS = StandingsBeside(_answers)


@dataclass(slots=True)
class Answers:
    """How somebody has answered the requests of a term.

    One that still waits is none of them, nor one that was called off or taken by somebody else before
    they had said anything.
    """

    yes: int = 0
    no: int = 0
    """Among them those that ran out, and the promises that were taken back."""

    @property
    def total(self) -> int:
        return self.yes + self.no


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
    qualified: Collection[int]
    """Who is said to know the course, though they may never have taught it."""
    answers: Mapping[int, Answers] = field(default_factory=dict)
    """Of whoever has answered a request in the term of the class, or has let one run out."""

    @classmethod
    def read(cls, case: Case, people: Collection[int]) -> Ties:
        """Of these people. Who of them is qualified is not asked."""
        return cls.of(case, _TIES_OF(people=people, **_about([case])))

    @classmethod
    def of(cls, case: Case, rows: Iterable[Sequence[Any]]) -> Ties:
        offering, week = case.meeting.offering, week_of(case)
        refused: dict[int, str] = {}
        sections_known: set[int] = set()
        course_taught: dict[int, int] = {}
        qualified: set[int] = set()
        answers: defaultdict[int, Answers] = defaultdict(Answers)
        for professor_id, tie, about, term_id, day, *_person in rows:
            match tie:
                case _Tie.TEACHES_SECTION if (about, term_id) == (offering.pk, offering.term_id):
                    sections_known.add(professor_id)
                case _Tie.TAUGHT_COURSE if about == offering.course_id:
                    last = course_taught.get(professor_id, 0)
                    course_taught[professor_id] = max(day.year, last)
                case _Tie.QUALIFIED if about == offering.course_id:
                    qualified.add(professor_id)
                case _Tie.AGREED if term_id == offering.term_id:
                    answers[professor_id].yes = about
                case _Tie.TURNED_DOWN if term_id == offering.term_id:
                    answers[professor_id].no = about
                case _Tie.SAID_NO if about == case.pk:
                    refused[professor_id] = "said_no"
                case _Tie.SAID_NO if day == week:
                    refused.setdefault(professor_id, "not_this_week")
        return cls(refused, sections_known, course_taught, qualified, answers)


_SAID_NO = PreparedQuery(
    lambda case: (
        Offer.objects.filter(case=case, status=OfferStatus.DECLINED)
        .order_by()
        .values_list("professor_id")
    ),
    case=BigIntegerField(),
)


def said_no(case: Case) -> Ties:
    """Only who declined this very case, or took their promise back."""
    rows = _SAID_NO(case=case.pk) if case.pk else ()
    return Ties({professor_id: "said_no" for (professor_id,) in rows}, (), {}, ())


class Circle:
    """Everybody near to the classes of some cases: who teaches a section of one, or knows its course.

    First who they are, then their `standings`, and then to which case each of them is what.
    """

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self._rows = list(rows)
        self._answers: list[Sequence[Any]] | None = None
        self.people: dict[int, Professor] = {}
        for row in self._rows:
            # Without a name: who wants to be left in peace that week need not be near.
            if row[0] not in self.people and (one := _PERSON.of(row)):
                self.people[one.pk] = one

    @classmethod
    def around(cls, cases: Collection[Case]) -> Circle:
        return cls(_TIES(**_about(cases)))

    def standings(self, term: Term, *, now: dt.datetime, everybody: bool = False) -> Standings:
        """Where they stand with covering; or where everybody does, as what compares people needs.

        How they answer requests is asked with it, now that it is known who they are: an index leads to
        their requests, few among all.
        """
        found, self._answers = _STANDINGS.read(
            term, self.people.values(), now=now, everybody=everybody
        )
        return found

    def near(self, case: Case) -> tuple[list[Professor], Ties]:
        """Those near to this case but for the absent professor, and what they are to it.

        Raises LookupError before their `standings` have been asked for.
        """
        if self._answers is None:
            raise LookupError(
                "How people answer is read with their standings: ask for these first."
            )
        ties = Ties.of(case, chain(self._rows, self._answers))
        ids = {*ties.sections_known, *ties.course_taught, *ties.qualified} - {case.professor_id}
        return [self.people[pk] for pk in sorted(ids)], ties


def _about(cases: Collection[Case]) -> dict[str, Any]:
    offerings = [case.meeting.offering for case in cases]
    return {
        "cases": [case.pk or NO_CASE for case in cases],
        "weeks": {week_of(case) for case in cases},
        "courses": {offering.course_id for offering in offerings},
        "offerings": {offering.pk for offering in offerings},
    }


def week_of(case: Case) -> dt.date:
    """The Monday of the week in which the class was to be held."""
    return case.institute.local(week_span(case.institute, case.before_starts_at)[0]).date()
