"""The institute's rules, and the time that they leave.

The time budget: each stage of the ladder has a window, counted in waking hours. Steps 1–3 share one
deadline (the class less the notice), steps 4–5 another (the checkpoint less the notice). If the time
left is shorter than the windows left, all of them are scaled by the same factor; a window under the
floor is not opened at all. Stages in which there is nobody to wait for take no time from the others.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast

from django.db.models import BigIntegerField, Field

from timetable.models import Institute
from timetable.prepared import PreparedRows

from . import audit
from .audit import SYSTEM, Who
from .models import Case, Policy

NOTHING = dt.timedelta()


class Stage(StrEnum):
    """One window of the ladder, in the order in which a case meets them."""

    DIRECT = "direct"
    SECTION = "section"
    CHOOSE = "choose"
    ANSWER = "answer"
    VOTE = "vote"
    SLOT = "slot"
    WEEKEND = "weekend"


BEFORE_THE_CLASS = (Stage.DIRECT, Stage.SECTION, Stage.CHOOSE, Stage.ANSWER, Stage.VOTE)
BEFORE_THE_CHECKPOINT = (Stage.SLOT, Stage.WEEKEND)


_OF_INSTITUTE: Any = Institute._meta.get_field("policy")
_POLICY = PreparedRows[Policy](
    lambda institute: Policy.objects.filter(institute=institute).order_by(),
    institute=BigIntegerField(),
)


def policy_of(institute: Institute) -> Policy:
    """The institute's policy; the defaults where it has set none."""
    if _OF_INSTITUTE.is_cached(institute):
        found: Policy | None = _OF_INSTITUTE.get_cached_value(institute)
    else:
        found = _POLICY.first(institute=institute.pk)
        if found is not None:
            institute.policy = found
    return found or Policy(institute=institute)


def rule(name: str) -> Field[Any, Any]:
    """The column of a rule, which knows its name for people and its kind of value."""
    return cast("Field[Any, Any]", Policy._meta.get_field(name))


def change_policy(
    institute: Institute, values: Mapping[str, Any], *, now: dt.datetime, who: Who = SYSTEM
) -> Policy:
    """Set these rules, by field name, and log each that changes: old and new. Wants checked values."""
    with audit.writing(institute):
        Policy.objects.get_or_create(institute=institute)
        policy: Policy = Policy.objects.select_for_update().get(institute=institute)
        before = {name: getattr(policy, name) for name in values}
        changed = {name: new for name, new in values.items() if new != before[name]}
        for name, new in changed.items():
            setattr(policy, name, new)
        if changed:
            policy.save(update_fields=list(changed))
            changes = {name: [plain(before[name]), plain(new)] for name, new in changed.items()}
            audit.record(
                "policy.changed", institute=institute, at=now, who=who, data={"changes": changes}
            )
    return policy


def plain(value: Any) -> Any:
    """As the log keeps it: 8.00 and 8 are the same rule, and so are 07:00:00 and 07:00."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return f"{value:%H:%M}" if isinstance(value, dt.time) else value


@dataclass(frozen=True)
class WakingClock:
    """Time that counts only between two wall-clock times of each local day."""

    zone: zoneinfo.ZoneInfo
    wakes: dt.time
    sleeps: dt.time

    def _day(self, day: dt.date) -> tuple[dt.datetime, dt.datetime]:
        """The waking span of a local day, in UTC."""
        return (
            dt.datetime.combine(day, self.wakes, self.zone).astimezone(dt.UTC),
            dt.datetime.combine(day, self.sleeps, self.zone).astimezone(dt.UTC),
        )

    def between(self, start: dt.datetime, end: dt.datetime) -> dt.timedelta:
        """Waking time between two moments; nothing if the end is not after the start."""
        if end <= start:
            return NOTHING
        day, last = start.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        total = NOTHING
        while day <= last:
            wakes, sleeps = self._day(day)
            total += max(NOTHING, min(end, sleeps) - max(start, wakes))
            day += dt.timedelta(days=1)
        return total

    def after(self, start: dt.datetime, span: dt.timedelta) -> dt.datetime:
        """The earliest moment by which the span of waking time has passed since the start."""
        day = start.astimezone(self.zone).date()
        left = span
        while True:
            wakes, sleeps = self._day(day)
            begin = max(start, wakes)
            if left <= sleeps - begin:
                return begin + left if left > NOTHING else start
            left -= max(NOTHING, sleeps - begin)
            day += dt.timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """An open window. `waking` says in which clock its length is counted; None is plain clock time."""

    opens_at: dt.datetime
    length: dt.timedelta
    waking: WakingClock | None

    def share(self, numerator: int, denominator: int) -> dt.datetime:
        """The moment at which this share of the window is over."""
        span = self.length * numerator / denominator
        if self.waking is None:
            return self.opens_at + span
        return self.waking.after(self.opens_at, span)

    @property
    def closes_at(self) -> dt.datetime:
        return self.share(1, 1)


@dataclass(frozen=True)
class Budget:
    """The windows of a policy, laid out before one deadline."""

    windows: dict[Stage, dt.timedelta]
    floor: dt.timedelta
    clock: WakingClock
    deadline: dt.datetime
    without: frozenset[Stage] = frozenset()
    """Stages in which there is nobody to wait for: they take no time from the others."""

    def is_short(self, stage: Stage, now: dt.datetime) -> bool:
        """Whether the windows left, from this stage on, have to shrink."""
        return self.clock.between(now, self.deadline) < sum(self._left(stage), NOTHING)

    def window(self, stage: Stage, now: dt.datetime) -> Window | None:
        """The stage's window if opened now, or None if there is not enough time for one."""
        left = self._left(stage)
        need = sum(left, NOTHING)
        own = self.windows[stage]
        waking = self.clock.between(now, self.deadline)
        if waking >= need:
            return self._opened(now, own, self.clock)
        if min(left) * (waking / need) >= self.floor:
            return self._opened(now, own * (waking / need), self.clock)
        plain = max(NOTHING, self.deadline - now)
        return self._opened(now, own * min(1.0, plain / need), None)

    def at_most(self, stage: Stage, now: dt.datetime) -> dt.timedelta | None:
        """The longest window that the stage can still get, opened now or later; None if none can be.

        Shrunk or not, in waking or in clock time, a window is never longer than the policy's own, nor
        than the time until the deadline.
        """
        longest = min(self.windows[stage], self.deadline - now)
        return longest if longest >= self.floor else None

    def _left(self, stage: Stage) -> list[dt.timedelta]:
        group = BEFORE_THE_CLASS if stage in BEFORE_THE_CLASS else BEFORE_THE_CHECKPOINT
        return [self.windows[s] for s in group[group.index(stage) :] if s not in self.without]

    def _opened(
        self, now: dt.datetime, length: dt.timedelta, clock: WakingClock | None
    ) -> Window | None:
        if now >= self.deadline or length < self.floor:
            return None
        return Window(now, length, clock)


def waking_clock(policy: Policy, institute: Institute) -> WakingClock:
    return WakingClock(institute.zone, policy.waking_from, policy.waking_to)


def _budget(policy: Policy, institute: Institute, deadline: dt.datetime) -> Budget:
    return Budget(
        windows={s: dt.timedelta(minutes=getattr(policy, f"{s}_window")) for s in Stage},
        floor=floor(policy),
        clock=waking_clock(policy, institute),
        deadline=deadline,
    )


def notice(policy: Policy) -> dt.timedelta:
    return dt.timedelta(minutes=policy.notice)


def floor(policy: Policy) -> dt.timedelta:
    return dt.timedelta(minutes=policy.window_floor)


def checkpoint_of(case: Case, now: dt.datetime) -> dt.date | None:
    """The checkpoint before which a moved class must be held: the next after meeting and now."""
    institute = case.institute
    day = max(institute.local(case.before_starts_at).date(), institute.local(now).date())
    return case.meeting.offering.term.checkpoint_after(day)


def class_budget(case: Case, policy: Policy) -> Budget:
    """The budget of steps 1–3: decided the notice before the class."""
    return _budget(policy, case.institute, case.before_starts_at - notice(policy))


def checkpoint_budget(case: Case, policy: Policy, checkpoint: dt.date) -> Budget:
    """The budget of steps 4–5: decided the notice before the end of the checkpoint day."""
    midnight = case.institute.moment(checkpoint + dt.timedelta(days=1), dt.time())
    return _budget(policy, case.institute, midnight - notice(policy))


@dataclass(frozen=True)
class Waves:
    """How the offers of step 2 are spread over their window."""

    size: int
    count: int

    @classmethod
    def of(cls, people: int, window: Window, policy: Policy) -> Waves:
        """At most the policy's wave size each, but no wave shorter than the window floor."""
        wanted = -(-people // policy.wave_size) if policy.wave_size else 1
        count = max(1, min(wanted, window.length // floor(policy)))
        size = max(1, -(-people // count))
        return cls(size=size, count=max(1, -(-people // size)))


__all__ = [
    "Budget",
    "Stage",
    "WakingClock",
    "Waves",
    "Window",
    "change_policy",
    "checkpoint_budget",
    "checkpoint_of",
    "class_budget",
    "floor",
    "notice",
    "plain",
    "policy_of",
    "rule",
    "waking_clock",
]
