"""Teaching hours against expected hours: another question than who covers for whom.

*Hours* are the clock hours of the term's class meetings that hold, past and to come, counted for
whoever leads them and for whoever co-teaches the class. *Expected* are the contracted hours a
week × the teaching weeks of the term, closures taken off × the share of the term not on leave.
Professors without contracted hours share what they teach together in proportion to their
entitlement (FTE × time not on leave).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any

from django.db.models import F, Func, IntegerField, Q, Sum
from django.db.models.functions import Coalesce

from timetable.models import Meeting, Professor, Teaching, Term
from timetable.prepared import together

from .distribution import Distribution
from .standing import Standings
from .term_days import ONE_DAY, TermDays

EXACT = Decimal("0.0001")
NOTHING = Decimal(0)


class Seconds(Func):
    """A moment as whole seconds: a sum over 190,000 meetings stays inside the database."""

    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "EXTRACT(EPOCH FROM %(expressions)s)::bigint"
        return self.as_sql(compiler, connection, template=template, **context)


@dataclass(slots=True)
class ClassPart:
    """What one professor teaches of one class, in clock hours: done, and still to come."""

    done: Decimal = NOTHING
    coming: Decimal = NOTHING
    coming_until_checkpoint: Decimal = NOTHING

    def __iadd__(self, other: ClassPart) -> ClassPart:
        self.done += other.done
        self.coming += other.coming
        self.coming_until_checkpoint += other.coming_until_checkpoint
        return self


@dataclass(frozen=True)
class TeachingLoad:
    """One professor's teaching in the term. `stated`: the expectation is a contract's."""

    professor_id: int
    expected: Decimal
    stated: bool
    parts: Mapping[int, ClassPart] = field(default_factory=dict)
    """By class: the offering's id."""

    @cached_property
    def done(self) -> Decimal:
        return sum((part.done for part in self.parts.values()), NOTHING)

    @cached_property
    def coming(self) -> Decimal:
        return sum((part.coming for part in self.parts.values()), NOTHING)

    @cached_property
    def coming_until_checkpoint(self) -> Decimal:
        return sum((part.coming_until_checkpoint for part in self.parts.values()), NOTHING)

    @property
    def hours(self) -> Decimal:
        return self.done + self.coming

    @property
    def deviation(self) -> Decimal:
        """Hours above (+) or below (−) what is expected."""
        return self.hours - self.expected

    def pieces(self) -> Iterator[Decimal]:
        """What could change hands whole: of each class what is done, and what is to come."""
        for part in self.parts.values():
            yield part.done
            yield part.coming


def teaching_loads(
    term: Term,
    people: Iterable[Professor],
    standings: Standings,
    days: TermDays,
    *,
    now: dt.datetime,
    checkpoint: dt.date | None,
) -> dict[int, TeachingLoad]:
    """What each of the professors teaches in the term, and should. One query."""
    parts = _parts(term, now, checkpoint)
    rows = list(people)
    expected: dict[int, Decimal] = {}
    pooled: dict[int, Decimal] = {}
    for person in rows:
        line = standings[person.pk]
        if person.weekly_hours is None:
            pooled[person.pk] = line.entitlement
        else:
            expected[person.pk] = person.weekly_hours * days.weeks * (1 - line.on_leave)
    taught = sum((one.done + one.coming for pk in pooled for one in parts[pk].values()), NOTHING)
    whole = sum(pooled.values(), NOTHING)
    for pk, entitlement in pooled.items():
        expected[pk] = taught * entitlement / whole if whole else NOTHING
    return {
        person.pk: TeachingLoad(
            person.pk,
            expected[person.pk].quantize(EXACT, ROUND_HALF_UP),
            person.weekly_hours is not None,
            parts[person.pk],
        )
        for person in rows
    }


def distribution(loads: Mapping[int, TeachingLoad]) -> Distribution:
    """Teaching weighted by expectation, in the pieces in which it could be given out."""
    return Distribution({pk: (one.expected, list(one.pieces())) for pk, one in loads.items()})


def _parts(
    term: Term, now: dt.datetime, checkpoint: dt.date | None
) -> defaultdict[int, dict[int, ClassPart]]:
    """Hours by professor and class, of those who lead and those who co-teach."""
    length = Seconds(F("ends_at")) - Seconds(F("starts_at"))
    ahead = Q(starts_at__gt=now)
    limit = term.institute.moment(checkpoint + ONE_DAY, dt.time()) if checkpoint else now
    sums, joint_teachings = together(
        Meeting.objects.holding()
        .filter(offering__term=term)
        .order_by()
        .values("professor", "offering")
        .annotate(
            done=Coalesce(Sum(length, filter=~ahead), 0),
            coming=Coalesce(Sum(length, filter=ahead), 0),
            before=Coalesce(Sum(length, filter=ahead & Q(starts_at__lt=limit)), 0),
        )
        .values_list("professor", "offering", "done", "coming", "before"),
        Teaching.objects.filter(offering__term=term, position__gt=0)
        .order_by()
        .values_list("professor", "offering"),
    )
    led: dict[int, dict[int, ClassPart]] = defaultdict(dict)
    for professor_id, offering_id, done, coming, before in sums:
        led[offering_id][professor_id] = ClassPart(_hours(done), _hours(coming), _hours(before))
    parts: defaultdict[int, dict[int, ClassPart]] = defaultdict(dict)
    for offering_id, leaders in led.items():
        for professor_id, part in leaders.items():
            parts[professor_id][offering_id] = part
    for professor_id, offering_id in joint_teachings:
        joint = ClassPart()
        for part in led.get(offering_id, {}).values():
            joint += part
        # The meetings that they lead themselves are among them, and count once.
        parts[professor_id][offering_id] = joint
    return parts


def _hours(seconds: int) -> Decimal:
    return (Decimal(seconds) / 3600).quantize(EXACT, ROUND_HALF_UP)
