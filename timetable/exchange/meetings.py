"""Dated meetings into the database: what was planned stays, what has a history is never touched.

A meeting is found again by its class and its planned start and end. If another room or professor is
planned for it now, an untouched meeting is planned anew (a new row under its old uid); one that has a
history, or that no longer equals its plan, is kept as it is and reported. The same goes for one that
the bundle no longer plans.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db.models import QuerySet

from timetable.enums import MeetingStatus
from timetable.models import Meeting, Teaching

from .overlaps import Found, Standing, mark_overlaps
from .plans import Holding, Plan
from .progress import chunks, watched
from .references import referred_to
from .removal import HANDFUL, delete_by_id
from .store import Because, Store, match

KIND = "meetings"
HELD = ("professor_id", "room_id", "starts_at", "ends_at", "status", "revision")


class There(NamedTuple):
    """A meeting as it stands in the database."""

    id: int
    uid: uuid.UUID
    offering_id: int
    slot_id: int | None
    planned_professor_id: int
    planned_room_id: int | None
    planned_starts_at: dt.datetime
    planned_ends_at: dt.datetime
    professor_id: int
    room_id: int | None
    starts_at: dt.datetime
    ends_at: dt.datetime
    status: str
    overlap_tolerated: bool
    revision: int

    @property
    def plan_key(self) -> tuple[int, dt.datetime, dt.datetime]:
        return self.offering_id, self.planned_starts_at, self.planned_ends_at

    @property
    def holds(self) -> Holding:
        return Holding(self.professor_id, self.room_id, self.starts_at, self.ends_at, self.status)

    @property
    def is_as_planned(self) -> bool:
        return self.holds == Holding(
            self.planned_professor_id,
            self.planned_room_id,
            self.planned_starts_at,
            self.planned_ends_at,
            MeetingStatus.SCHEDULED,
        )


@dataclass(slots=True)
class Decisions:
    """What is to become of each meeting that is planned, and of each that is there."""

    create: list[Plan] = field(default_factory=list)
    replace: list[tuple[There, Plan]] = field(default_factory=list)
    restore: list[tuple[There, Holding]] = field(default_factory=list)
    stay: list[There] = field(default_factory=list)
    kept: list[tuple[There, Because]] = field(default_factory=list)
    remove: list[There] = field(default_factory=list)
    relink: list[tuple[int, int | None]] = field(default_factory=list)
    """Meetings that stay, by id, with the slot that is now their pattern."""

    unchanged: int = 0


# Among meetings of one class at one time: the strictest way first.
WAYS_TO_MATCH: tuple[tuple[Callable[[There], object], Callable[[Plan], object]], ...] = (
    (
        lambda row: (row.planned_room_id, row.planned_professor_id, row.holds),
        lambda plan: (plan.room, plan.professor, plan.holds),
    ),
    (
        lambda row: (row.planned_room_id, row.planned_professor_id),
        lambda plan: (plan.room, plan.professor),
    ),
    (lambda row: None, lambda plan: None),
)


def write_meetings(store: Store, plans: Sequence[Plan]) -> None:
    """Bring the term's meetings to what is planned, and mark the overlaps of the whole."""
    store.counts[KIND] = len(plans)
    meetings = Meeting.objects.filter(offering__term=store.term)
    there = [
        There(*row)
        for row in meetings.order_by("pk").values_list(*There._fields).iterator(chunk_size=5000)
    ]
    with_history = referred_to(meetings) if there else set()
    decisions = _decide(plans, there, with_history)
    if late := _lock_doomed(decisions):
        decisions = _decide(plans, there, with_history | late)
    _report(store, decisions)
    new = [(plan, None) for plan in decisions.create]
    new += [(plan, row) for row, plan in decisions.replace]  # type: ignore[misc]
    new.sort(key=lambda pair: (pair[0].offering, pair[0].starts_at, pair[0].ends_at))
    standings = _standings(store, decisions, new)
    _count_overlaps(store, standings)

    delete_by_id(Meeting, [row.id for row in decisions.remove])
    delete_by_id(Meeting, [row.id for row, _plan in decisions.replace])
    _restore(store, decisions)
    _flag(store, decisions, standings)
    _relink(store, decisions)
    _create(store, new, standings)


def _decide(plans: Sequence[Plan], there: Sequence[There], with_history: set[int]) -> Decisions:
    decisions = Decisions()
    by_key: dict[tuple[int, dt.datetime, dt.datetime], list[There]] = defaultdict(list)
    for row in there:
        by_key[row.plan_key].append(row)
    wanted: dict[tuple[int, dt.datetime, dt.datetime], list[Plan]] = defaultdict(list)
    for plan in plans:
        wanted[plan.offering, plan.starts_at, plan.ends_at].append(plan)
    for key, group in wanted.items():
        rows = by_key.pop(key, [])
        found = match(rows, group, *WAYS_TO_MATCH)
        exactly, as_planned, at_that_time = found.pairs
        for row_at, at in (*exactly, *as_planned):
            _decide_same(decisions, rows[row_at], group[at], with_history)
        for row_at, at in at_that_time:
            row, plan = rows[row_at], group[at]
            if because := _why_kept(row, with_history):
                decisions.kept.append((row, because))
            else:
                decisions.replace.append((row, plan))
        decisions.create += [group[at] for at in found.missing]
        by_key[key] = [rows[at] for at in found.surplus]
    for rows in by_key.values():
        for row in rows:
            if because := _why_kept(row, with_history):
                decisions.kept.append((row, because))
            else:
                decisions.remove.append(row)
    return decisions


def _lock_doomed(decisions: Decisions) -> set[int]:
    """Hold the rows that are to go; returns those that somebody came to refer to until then."""
    doomed = [row.id for row in decisions.remove]
    doomed += [row.id for row, _plan in decisions.replace]
    late: set[int] = set()
    for start in range(0, len(doomed), HANDFUL):
        rows = Meeting.objects.filter(pk__in=doomed[start : start + HANDFUL])
        list(rows.select_for_update().order_by("pk").values_list("pk"))
        late |= referred_to(rows)
    return late


def _decide_same(decisions: Decisions, row: There, plan: Plan, with_history: set[int]) -> None:
    if row.slot_id != plan.slot:
        decisions.relink.append((row.id, plan.slot))
    if plan.holds is None or plan.holds == row.holds:
        decisions.unchanged += 1
        decisions.stay.append(row)
    elif because := _why_kept(row, with_history):
        decisions.kept.append((row, because))
    else:
        decisions.restore.append((row, plan.holds))


def _why_kept(row: There, with_history: set[int]) -> Because | None:
    if row.id in with_history:
        return Because.HISTORY
    return None if row.is_as_planned else Because.CHANGED


def _report(store: Store, decisions: Decisions) -> None:
    tally = store.tallies[KIND]
    tally.created += len(decisions.create)
    tally.updated += len(decisions.replace) + len(decisions.restore)
    tally.unchanged += decisions.unchanged
    tally.removed += len(decisions.remove)
    codes = dict(store.term.offerings.values_list("pk", "code")) if decisions.kept else {}
    for row, because in sorted(decisions.kept):
        store.kept.add(
            "meeting", because, **_described(store, codes, row.offering_id, row.planned_starts_at)
        )


def _described(
    store: Store, codes: Mapping[int, str], offering: int, starts_at: dt.datetime
) -> dict[str, str]:
    local = store.institute.local(starts_at)
    return {"class": codes[offering], "date": f"{local:%Y-%m-%d}", "starts": f"{local:%H:%M}"}


@dataclass(slots=True)
class Standings:
    """Everything that will take place at the institute in the time of the term."""

    existing: dict[int, Standing] = field(default_factory=dict)
    new: list[Standing | None] = field(default_factory=list)
    elsewhere: dict[int, Standing] = field(default_factory=dict)
    flagged: dict[int, bool] = field(default_factory=dict)
    """Whether each existing row, of this term or another, is marked at present."""

    def all(self) -> list[Standing]:
        new = [standing for standing in self.new if standing is not None]
        return [*self.existing.values(), *self.elsewhere.values(), *new]


NewMeetings = Sequence[tuple[Plan, There | None]]


def _standings(store: Store, decisions: Decisions, new: NewMeetings) -> Standings:
    standings = Standings()
    staying = [(row, row.holds) for row in decisions.stay]
    staying += [(row, row.holds) for row, _because in decisions.kept]
    for row, holds in (*staying, *decisions.restore):
        standings.flagged[row.id] = row.overlap_tolerated
        if (standing := _standing(holds, row.offering_id)) is not None:
            standings.existing[row.id] = standing
    for plan, _old in new:
        standings.new.append(_standing(plan.holds or plan.as_planned, plan.offering))
    for pk, offering, professor, room, starts_at, ends_at, flagged in _elsewhere(
        store, standings.all()
    ).values_list(
        "pk", "offering_id", "professor_id", "room_id", "starts_at", "ends_at", "overlap_tolerated"
    ):
        standings.flagged[pk] = flagged
        standings.elsewhere[pk] = Standing(starts_at, ends_at, professor, room, offering)
    return standings


def _standing(holds: Holding, offering: int) -> Standing | None:
    """None for a meeting that occupies nobody."""
    if holds.status != MeetingStatus.SCHEDULED:
        return None
    return Standing(holds.starts_at, holds.ends_at, holds.professor, holds.room, offering)


def _elsewhere(store: Store, standings: Sequence[Standing]) -> QuerySet[Meeting]:
    """What takes place in the same time, but belongs to another term of the institute."""
    others = Meeting.objects.filter(
        institute=store.institute, status=MeetingStatus.SCHEDULED
    ).exclude(offering__term=store.term)
    if not standings:
        return others.none()
    return others.filter(
        starts_at__lt=max(one.ends_at for one in standings),
        ends_at__gt=min(one.starts_at for one in standings),
    ).order_by("pk")


def _count_overlaps(store: Store, standings: Standings) -> None:
    co_teachers: dict[int, list[int]] = defaultdict(list)
    for offering, professor in Teaching.objects.filter(
        offering__term__institute=store.institute, position__gt=0
    ).values_list("offering_id", "professor_id"):
        co_teachers[offering].append(professor)
    by_professor, by_room = mark_overlaps(standings.all(), co_teachers)
    store.overlaps = {"professor": by_professor.total, "room": by_room.total}
    if by_professor.shown or by_room.shown:
        _list_overlaps(store, {"professor": by_professor, "room": by_room})


def _list_overlaps(store: Store, found: Mapping[str, Found]) -> None:
    institute = store.institute
    named = {
        "professor": dict(institute.professors.values_list("pk", "code")),
        "room": dict(institute.rooms.values_list("pk", "code")),
    }
    classes = {
        pk: code
        for term in institute.terms.all()
        for pk, code in term.offerings.values_list("pk", "code")
    }
    for kind, overlaps in found.items():
        for overlap in overlaps.shown:
            first, second = overlap.first, overlap.second
            store.overlapping.append(
                {
                    "kind": kind,
                    "code": named[kind][overlap.resource],
                    **_described(store, classes, second.offering, second.starts_at),
                    "with": classes[first.offering],
                }
            )


def _restore(store: Store, decisions: Decisions) -> None:
    """Let hold again what an exported row says."""
    ids = [row.id for row, _holds in decisions.restore]
    # Two meetings may swap a room: while they do, the constraint must look away.
    for chunk in chunks(ids, store.progress, KIND):
        Meeting.objects.filter(pk__in=chunk).update(overlap_tolerated=True)
    rows = Meeting.objects.in_bulk(ids)
    for row, holds in decisions.restore:
        meeting = rows[row.id]
        meeting.professor_id, meeting.room_id = holds.professor, holds.room
        meeting.starts_at, meeting.ends_at = holds.starts_at, holds.ends_at
        meeting.status = holds.status
        meeting.revision += 1
    store.change(KIND, list(rows.values()), HELD)


def _flag(store: Store, decisions: Decisions, standings: Standings) -> None:
    """Mark what overlaps and unmark what no longer does."""
    restored = {row.id for row, _holds in decisions.restore}
    marked = {
        pk
        for places in (standings.existing, standings.elsewhere)
        for pk, standing in places.items()
        if standing.overlaps
    }
    to_mark = [pk for pk, is_marked in standings.flagged.items() if pk in marked and not is_marked]
    to_unmark = [
        pk
        for pk, is_marked in standings.flagged.items()
        if pk not in marked and (is_marked or pk in restored)
    ]
    for ids, value in ((to_mark, True), (to_unmark, False)):
        for chunk in chunks(ids, store.progress, KIND):
            Meeting.objects.filter(pk__in=chunk).update(overlap_tolerated=value)


def _relink(store: Store, decisions: Decisions) -> None:
    """Tie meetings that stay to the slots that replaced theirs."""
    by_slot: dict[int | None, list[int]] = defaultdict(list)
    for pk, slot in decisions.relink:
        by_slot[slot].append(pk)
    for slot, ids in watched(by_slot.items(), len(by_slot), store.progress, KIND):
        Meeting.objects.filter(pk__in=ids).update(slot=slot)


def _create(store: Store, new: NewMeetings, standings: Standings) -> None:
    institute_id = store.institute.pk

    def make(pair: tuple[tuple[Plan, There | None], Standing | None]) -> Meeting:
        (plan, old), standing = pair
        holds = plan.holds or plan.as_planned
        return Meeting(
            uid=old.uid if old else uuid.uuid4(),
            revision=old.revision + 1 if old else 0,
            institute_id=institute_id,
            offering_id=plan.offering,
            slot_id=plan.slot,
            planned_professor_id=plan.professor,
            planned_room_id=plan.room,
            planned_starts_at=plan.starts_at,
            planned_ends_at=plan.ends_at,
            professor_id=holds.professor,
            room_id=holds.room,
            starts_at=holds.starts_at,
            ends_at=holds.ends_at,
            status=holds.status,
            overlap_tolerated=standing is not None and standing.overlaps,
        )

    store.create_each(KIND, list(zip(new, standings.new, strict=True)), make)
