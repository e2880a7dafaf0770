"""Pages of a list, and what has changed since."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from django.db.models import BigIntegerField, Exists, OuterRef, Q, QuerySet
from ninja import Query
from pydantic import BaseModel, Field

from reallocation.models import AuditHead, LogEntry
from timetable.models import Institute
from timetable.prepared import PreparedQuery

from .problems import not_found
from .schemas import Code

MOST_NUMBER = 2**63 - 1

Tell = Callable[[list[int]], dict[int, Any]]
"""What is told of rows with these keys, by key."""


class PageIn(BaseModel):
    institute_id: Code | None = Field(
        None, description="Where, for those who belong to several institutes."
    )
    limit: int = Field(50, ge=1, le=200, description="How many at most.")
    after: uuid.UUID | None = Field(None, description="`next` of the page before.")


class SinceIn(PageIn):
    since: int | None = Field(
        None, ge=0, le=MOST_NUMBER, description="`cursor` of an earlier answer: only changes since."
    )


Page = Annotated[PageIn, Query()]
Since = Annotated[SinceIn, Query()]


def newest_first(
    rows: QuerySet[Any], page: PageIn, tell: Tell | None = None
) -> tuple[list[Any], uuid.UUID | None]:
    """A page of rows in the order of their making, and the id to give as `after` for the next.

    With `tell` the query only finds which, and `tell` says what there is to say of them, with all that
    belongs to them: many tables take the ORM and the database longer to plan than to read.
    """
    rows = rows.order_by("-pk")
    if page.after is not None:
        rows = rows.filter(pk__lt=_last(rows, page.after).pk)
    if tell is None:
        return _cut(rows, page.limit)
    return _told(tell, list(rows.values_list("pk", "uid")[: page.limit + 1]), page.limit)


def soonest_first(
    rows: QuerySet[Any], page: PageIn, many: Q, few: Q, tell: Tell
) -> tuple[list[Any], uuid.UUID | None]:
    """The same by start, of rows that are either one of many or one of a few.

    They are asked for apart, and the few without their order: an index has the first of the many, and
    whoever follows it to the first of the few reads the whole timetable.
    """
    later = Q()
    if page.after is not None:
        last = _last(rows.filter(many | few), page.after)
        later = Q(starts_at__gt=last.starts_at) | Q(starts_at=last.starts_at, pk__gt=last.pk)
    places = rows.filter(later).values_list("starts_at", "pk", "uid")
    found = [
        *places.filter(many).order_by("starts_at", "pk")[: page.limit + 1],
        *places.filter(few).order_by(),
    ]
    return _told(tell, [ids for _, *ids in sorted(found)[: page.limit + 1]], page.limit)


def _told(
    tell: Tell, rows: Sequence[Sequence[Any]], limit: int
) -> tuple[list[Any], uuid.UUID | None]:
    """What is told of the first of these rows, in this order, as they stand now; some may be gone by now."""
    keys = [pk for pk, _ in rows[:limit]]
    told = tell(keys) if keys else {}
    following = rows[limit - 1][1] if len(rows) > limit else None
    return [told[pk] for pk in keys if pk in told], following


def _last(rows: QuerySet[Any], uid: uuid.UUID) -> Any:
    found = rows.filter(uid=uid).first()
    if found is None:
        raise not_found("after")
    return found


def _cut(rows: QuerySet[Any] | list[Any], limit: int) -> tuple[list[Any], uuid.UUID | None]:
    found = list(rows[: limit + 1])
    more = len(found) > limit
    return found[:limit], found[limit - 1].uid if more else None


_END = PreparedQuery(
    lambda institute: (
        AuditHead.objects.filter(institute=institute).order_by().values_list("number")
    ),
    institute=BigIntegerField(),
)


def cursor_of(institute: Institute) -> int:
    """The end of the log. Read before the rows, so that nothing falls between two answers."""
    return next((number for (number,) in _END(institute=institute.pk)), 0)


def changed_since(since: int | None, institute: Institute, **case: str) -> Q:
    """Rows of whose case the log has told since; `case` ties the case's id to the row."""
    if since is None:
        return Q()
    told = LogEntry.objects.filter(
        institute=institute,
        number__gt=since,
        **{name: OuterRef(column) for name, column in case.items()},
    )
    return Q(Exists(told))
