"""Professors and students: what their two files have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from django.utils.translation import gettext as _

from timetable.models import Professor, Student

from .accounts import accounts_for
from .bundle import Complaint, Reading, Row
from .cells import yes_or_no
from .references import rows_of
from .store import Store, sync_by_code
from .table import Column

# Not in the usual file: an export says it of people who have left but still stand in its meetings.
ACTIVE = Column("active", yes_or_no, default=True, rare=True)


@dataclass(frozen=True)
class PersonRow(Row):
    code: str
    name: str
    email: str
    phone: str


P = TypeVar("P", Professor, Student)


def address_taken(row: PersonRow, reading: Reading) -> Iterator[Complaint]:
    """Two people of one file with one address would share an account, and see each other's things."""
    first = reading.first_met("email", row.email.lower(), row.line)
    if first is not None:
        yield "email", _("the same address as in line %d") % first


def write_people(
    store: Store,
    kind: str,
    model: type[P],
    people: Mapping[str, Mapping[str, object]],
) -> None:
    """Create or update them with their accounts; who is not in the bundle any more becomes inactive."""
    users = accounts_for(store, {str(p["email"]): str(p["name"]) for p in people.values()})
    wanted = {
        code: {**person, "user_id": users[str(person["email"])]} for code, person in people.items()
    }
    scope = rows_of(model).filter(institute=store.institute)
    synced = sync_by_code(store, kind, scope, wanted, institute=store.institute)
    gone = [person for person in synced.left if person.active]
    for person in gone:
        person.active = False
    store.change(kind, gone, ["active"])
    store.tallies[kind].removed += len(gone)


def written_active(active: bool) -> str:
    return "" if active else "no"


def listed(people: Iterable[P], still_named: set[int]) -> Iterator[P]:
    """Those who are here, and those who have left but are still named elsewhere."""
    return (person for person in people if person.active or person.pk in still_named)
