"""Pages of a list, and what has changed since."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from django.db.models import BigIntegerField, Exists, OuterRef, Q, QuerySet
from ninja import Query
from pydantic import BaseModel, Field

from reallocation.models import AuditHead, LogEntry
from timetable.models import Institute
from timetable.prepared import PreparedQuery, PreparedRows

from .problems import not_found
from .schemas import Code

MOST_NUMBER = 2**63 - 1


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
    rows: QuerySet[Any], page: PageIn, read: PreparedRows[Any] | None = None
) -> tuple[list[Any], uuid.UUID | None]:
    """A page of rows in the order of their making, and the id to give as `after` for the next.

    With `read` the query only finds which, and `read` reads them, by their ids (`pks`), with all that
    belongs to them: many tables take the ORM and the database longer to plan than to read.
    """
    rows = rows.order_by("-pk")
    if page.after is not None:
        rows = rows.filter(pk__lt=_last(rows, page.after).pk)
    if read is None:
        return _cut(rows, page.limit)
    found = list(rows.values_list("pk", flat=True)[: page.limit + 1])
    return _read(read, found, page.limit)


def soonest_first(
    rows: QuerySet[Any], page: PageIn, many: Q, few: Q, read: PreparedRows[Any]
) -> tuple[list[Any], uuid.UUID | None]:
    """The same by start, of rows that are either one of many or one of a few.

    They are asked for apart, and the few without their order: an index has the first of the many, and
    whoever follows it to the first of the few reads the whole timetable.
    """
    later = Q()
    if page.after is not None:
        last = _last(rows.filter(many | few), page.after)
        later = Q(starts_at__gt=last.starts_at) | Q(starts_at=last.starts_at, pk__gt=last.pk)
    places = rows.filter(later).values_list("starts_at", "pk")
    found = [
        *places.filter(many).order_by("starts_at", "pk")[: page.limit + 1],
        *places.filter(few).order_by(),
    ]
    return _read(read, [pk for _, pk in sorted(found)[: page.limit + 1]], page.limit)


def _read(
    read: PreparedRows[Any], pks: list[int], limit: int
) -> tuple[list[Any], uuid.UUID | None]:
    """The first of these rows, in this order, as they stand now; some may be gone meanwhile."""
    rows = {row.pk: row for row in read(pks=pks[:limit])} if pks else {}
    found = [rows[pk] for pk in pks[:limit] if pk in rows]
    return found, found[-1].uid if found and len(pks) > limit else None


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
