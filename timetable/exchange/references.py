"""Which rows something else still refers to, found through the models themselves.

The timetable knows nobody, so it asks Django for every model that refers to one of its own: whatever a
case, a vote or the ledger hangs on stays, without their being named here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, TypeVar

from django.db.models import ForeignObjectRel, Model, QuerySet

M = TypeVar("M", bound=Model)


def rows_of(model: type[M]) -> QuerySet[M]:
    """Every row, whatever the model's own manager would leave out."""
    return QuerySet(model)


def relations(
    model: type[Model], *, but_for: Collection[type[Model]] = ()
) -> Iterator[ForeignObjectRel]:
    """Every foreign key in the project that points at the model, hidden ones and many-to-many too."""
    for relation in model._meta.get_fields(include_hidden=True):
        if (
            isinstance(relation, ForeignObjectRel)
            and (relation.one_to_many or relation.one_to_one)
            and relation.related_model not in but_for
        ):
            yield relation


def referred_to(rows: QuerySet[Any], *, but_for: Collection[type[Model]] = ()) -> set[int]:
    """The ids of those rows that anything refers to, leaving out some models' references."""
    found: set[int] = set()
    for relation in relations(rows.model, but_for=but_for):
        name = relation.field.name
        references = rows_of(relation.related_model).filter(
            **{f"{name}__in": rows.order_by().values("pk")}
        )
        found.update(references.values_list(relation.field.attname, flat=True).distinct())
    return found
