"""Why classes are lost in a rehearsal, and how many nobody could have saved.

Both look at the timetable as it stood when the case opened and at each later move of it. The slow and
obvious search of the tests finds the places, so a fault of the product's own search would show here.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import pairwise

from reallocation import candidates, slots
from reallocation.models import Case, Policy
from reallocation.outlook import last_week
from reallocation.policy import checkpoint_of, notice, policy_of, waking_clock
from reallocation.rehearsal.people import ANSWER_MEDIAN, ANSWER_SPREAD, Odds
from tests.reallocation.brute_force import free_places
from timetable.models import Professor
from voting.enums import BallotResult
from voting.models import Ballot

PLENTY = 12
"""Places on teaching days, or one with more than a week to the checkpoint, because the timetable repeats.
With so many at its opening a case is not looked at again."""


class Why(StrEnum):
    """Why a class was lost; the first that fits."""

    CLASS_SAID_NO = "class_said_no"
    MISSED = "missed"
    """A place or a vote was still possible when it was dropped: a fault of the rules or of the code."""
    PLACE_TAKEN = "place_taken"
    """A place on a teaching day was free once, and another class had it in the end."""
    PLACE_PASSED = "place_passed"
    """The same, but the place passed while somebody was waited for."""
    WEEKEND_PASSED = "weekend_passed"
    """The same of a weekend place: a vote at its shortest would have ended in time."""
    COLLEAGUE_NOT_ASKED = "colleague_not_asked"
    """Somebody was free, there was time to ask, and nobody did."""
    ALL_SAID_NO = "all_said_no"
    """Nothing but colleagues was left, and no one who was asked said yes in time."""
    NOTHING = "nothing"
    """No place, no weekend, nobody who could be asked in time: at no moment."""


@dataclass(frozen=True)
class Sight:
    """What was possible for a case at a moment."""

    at: dt.datetime
    places: int
    last_place: dt.datetime | None
    weekend: int
    colleagues: frozenset[str]
    time_to_ask: bool


def colleagues_of(case: Case, policy: Policy, now: dt.datetime) -> frozenset[str]:
    """Everybody whom steps 1 to 3 could ask now."""
    people: dict[int, Professor] = {
        p.pk: p
        for p in (*candidates.professors_of_section(case), *candidates.professors_of_course(case))
    }
    if case.named is not None:
        people[case.named.pk] = case.named
    found = candidates.pool(case, people.values(), policy, now=now)
    return frozenset(candidate.professor.code for candidate in found.ranked)


class Witness:
    """Looks on at the cases of a rehearsal whenever they are about to move."""

    def __init__(self, odds: Odds) -> None:
        self.prophet = Prophet(odds)
        self.seen: dict[int, list[Sight]] = defaultdict(list)
        self._safe: set[int] = set()

    def __call__(self, case_id: int, now: dt.datetime) -> None:
        if case_id in self._safe:
            return
        case = Case.objects.for_moving().get(pk=case_id)
        first = case_id not in self.seen
        looked = sight(case, policy_of(case.institute), now)
        self.seen[case_id].append(looked)
        if first:
            self.prophet.foresee(case, looked)
            if looked.places >= PLENTY:
                self._safe.add(case_id)


def sight(case: Case, policy: Policy, now: dt.datetime) -> Sight:
    institute, last_day = case.institute, checkpoint_of(case, now)
    earliest, floor = now + notice(policy), dt.timedelta(minutes=policy.window_floor)
    in_time = case.before_starts_at - notice(policy) - now >= floor
    places = weekend = 0
    last_place = None
    if last_day is not None:
        teaching, holidays = (
            {"days": institute.teaching_days, "earliest": earliest, "last_day": last_day},
            {"days": institute.weekend_days, "earliest": earliest + floor, "last_day": last_day},
        )
        enough = PLENTY if last_week(case, now) else 1
        starts = [o.starts_at for o in slots.search(case, policy, limit=enough, **teaching).options]
        places, last_place = len(starts), max(starts, default=None)
        if places < enough:
            weekend = len(slots.search(case, policy, limit=1, **holidays).options)
        if not places and not weekend:
            # That there is nothing is said by the slow search too.
            places, weekend = (
                len(free_places(case, clash_percent=policy.clash_percent, **where))
                for where in (teaching, holidays)
            )
        if places >= enough:
            return Sight(now, PLENTY, last_place, weekend, frozenset(), in_time)
    colleagues = colleagues_of(case, policy, now)
    return Sight(now, places, last_place, weekend, colleagues, in_time)


def why(case: Case, seen: Iterable[Sight]) -> Why:
    """Why this dropped case was lost, from what was seen of it."""
    looks = list(seen)
    asked = set(case.offers.values_list("professor__code", flat=True))
    ballots = Ballot.objects.filter(subject_uid=case.uid)
    refused = ballots.filter(kind="weekend", result=BallotResult.REJECTED).exists()
    in_time = [look for look in looks if look.time_to_ask]
    if refused:
        return Why.CLASS_SAID_NO
    if looks[-1].places or looks[-1].weekend:
        return Why.MISSED
    for look, after in reversed(list(pairwise(looks))):
        if look.last_place is not None:
            gone = look.last_place < after.at + notice(policy_of(case.institute))
            return Why.PLACE_PASSED if gone else Why.PLACE_TAKEN
    if any(look.weekend for look in looks):
        return Why.WEEKEND_PASSED
    if any(look.colleagues - asked for look in in_time):
        return Why.COLLEAGUE_NOT_ASKED
    return Why.ALL_SAID_NO if asked else Why.NOTHING


class Prophet:
    """What the best of all schedulers would expect to lose, seen at the opening of each case.

    It loses a class only if at its opening there is no place on a teaching day, none of the colleagues
    who are free says yes before the time is over, though all are asked at once, and there is no weekend
    place or the class votes against it. It never loses to a shortage that other cases cause later.
    """

    def __init__(self, odds: Odds) -> None:
        self.odds = odds
        self.expected = 0.0
        self.without_place = 0

    def foresee(self, case: Case, looked: Sight) -> None:
        if looked.places:
            return
        self.without_place += 1
        policy = policy_of(case.institute)
        chance = self._all_say_no(case, policy, looked)
        if looked.weekend:
            roll = case.meeting.offering.enrolments.filter(student__active=True).count()
            chance *= 1 - approval(roll, self.odds, policy.quorum_percent)
        self.expected += chance

    def _all_say_no(self, case: Case, policy: Policy, looked: Sight) -> float:
        deadline = case.before_starts_at - notice(policy)
        left = waking_clock(policy, case.institute).between(looked.at, deadline)
        in_time = answered_within(left.total_seconds() / 60)
        chance = 1.0
        for code in looked.colleagues:
            named = case.named is not None and case.named.code == code
            accepts = self.odds.named_accept if named else self.odds.accept
            chance *= 1 - accepts * in_time
        return chance


def answered_within(minutes: float) -> float:
    """The share of answers that come within so many waking minutes."""
    if minutes <= 0:
        return 0.0
    away = math.log(minutes / ANSWER_MEDIAN) / ANSWER_SPREAD
    return (1 + math.erf(away / math.sqrt(2))) / 2


@cache
def approval(roll: int, odds: Odds, quorum_percent: int) -> float:
    """The chance that a roll of so many approves: more yes than no, and enough yes."""
    found = 0.0
    for voters in range(roll + 1):
        enough = max(voters // 2 + 1, -(-roll * quorum_percent // 100))
        yes = sum(_binomial(voters, n, odds.yes) for n in range(enough, voters + 1))
        found += _binomial(roll, voters, odds.turnout) * yes
    return found


def _binomial(n: int, k: int, p: float) -> float:
    if p in (0, 1):
        return float(k == n * p)
    logs = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(logs + k * math.log(p) + (n - k) * math.log1p(-p))
