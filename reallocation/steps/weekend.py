"""Step 5: a weekend class, if the students vote for it; else the class is dropped."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from operator import attrgetter

from django.db.models import QuerySet

from reallocation.enums import CaseStatus, StepNumber, WaitingFor
from reallocation.models import Case, Policy, SlotChoice
from reallocation.outlook import ALL
from reallocation.policy import Stage, checkpoint_budget, checkpoint_of, floor, notice
from reallocation.reasons import Reason
from reallocation.slots import SlotOption, SlotSearch, search
from timetable import meetings
from voting import questions
from voting.enums import BallotKind

from .base import GiveUp, Move, Outcome, Resolved, Step, Visit, Wait
from .postponement import take_off
from .vote import closed_ballot, has_voters, open_vote, refusal

ALTERNATIVES = 3
"""Places looked up, so that losing the best one to another case does not drop the class."""


def places(
    case: Case, policy: Policy, now: dt.datetime, *, day: dt.date | None = None
) -> SlotSearch | None:
    """The best places on weekend days, or on this one, after a vote that opens now.

    If none lies after a whole window, the latest that a shorter vote can still decide about. None where
    there is no time for a vote.
    """
    checkpoint = checkpoint_of(case, now)
    if checkpoint is None:
        return None
    window = checkpoint_budget(case, policy, checkpoint).window(Stage.WEEKEND, now)
    if window is None:
        return None
    begins = now if day is None else case.institute.moment(day, dt.time())
    after_shortest = now + floor(policy) + notice(policy)
    where = {"days": case.institute.weekend_days, "last_day": min(day or checkpoint, checkpoint)}
    found = search(
        case,
        policy,
        earliest=max(begins, window.closes_at + notice(policy)),
        limit=ALTERNATIVES,
        **where,
    )
    if found.options:
        return found
    sooner = search(case, policy, earliest=max(begins, after_shortest), limit=ALL, **where)
    latest = sorted(sooner.options, key=attrgetter("starts_at"), reverse=True)[:ALTERNATIVES]
    ranked = (replace(option, rank=rank) for rank, option in enumerate(latest, start=1))
    return replace(sooner, options=tuple(ranked))


def proposals(case: Case) -> QuerySet[SlotChoice]:
    """Places that a registrar wants put to the vote, and that have not been yet."""
    return SlotChoice.objects.filter(
        case=case, step=StepNumber.WEEKEND, ballot=None, used_at=None
    ).order_by("pk")


class Weekend(Step[SlotSearch | None]):
    number = StepNumber.WEEKEND

    def applicable(self, visit: Visit) -> Reason | None:
        return None if visit.case.institute.weekend_days else Reason("no_weekend_days")

    def prepare(self, visit: Visit) -> SlotSearch | None:
        """The best places on weekend days after the vote; None where there is no time for one."""
        case, policy, now = visit.case, visit.policy, visit.now
        if not visit.entering:
            return None
        proposed = proposals(case).last()
        if proposed is not None:
            found = places(case, policy, now, day=case.institute.local(proposed.starts_at).date())
            if found is not None and found.options:
                return found
        return places(case, policy, now)

    def act(self, visit: Visit, prepared: SlotSearch | None) -> Outcome:
        if visit.entering:
            return self._enter(visit, prepared)
        ballot = closed_ballot(visit)
        if ballot is None:
            deadline = visit.case.deadline or visit.now
            return Wait(WaitingFor.WEEKEND_VOTE, deadline=deadline, due_at=deadline)
        no = refusal(ballot)
        if no is not None:
            meetings.release(visit.case.uid)
            return GiveUp(no)
        choice = SlotChoice.objects.select_related("room").get(ballot=ballot)
        if self._is_lost(visit, choice):
            meetings.release(visit.case.uid)
            return GiveUp(Reason("slot_lost"))
        choice.used_at = visit.now
        choice.save(update_fields=["used_at"])
        reasons = tuple(Reason.from_json(stored) for stored in choice.reasons)
        place = SlotOption(choice.starts_at, choice.ends_at, choice.room, 1, 0, 0.0, reasons)
        return Resolved(Move((place,), CaseStatus.WEEKEND))

    @staticmethod
    def _is_lost(visit: Visit, choice: SlotChoice) -> bool:
        """Whether something took the place in spite of the hold, as only people can."""
        return not meetings.is_bookable(
            visit.case.meeting,
            case_uid=visit.case.uid,
            professor=visit.case.professor,
            room=choice.room,
            starts_at=choice.starts_at,
            ends_at=choice.ends_at,
        )

    def _enter(self, visit: Visit, prepared: SlotSearch | None) -> Outcome:
        take_off(visit)
        case, policy, now = visit.case, visit.policy, visit.now
        proposals(case).update(used_at=now)
        checkpoint = checkpoint_of(case, now)
        if checkpoint is None:
            return GiveUp(Reason("no_checkpoint"))
        window = checkpoint_budget(case, policy, checkpoint).window(Stage.WEEKEND, now)
        if window is None or prepared is None:
            return GiveUp(Reason("no_time"))
        visit.record.considered = prepared.as_json()
        if not prepared.options:
            return GiveUp(Reason("no_slot"))
        if not has_voters(case):
            return GiveUp(Reason("no_roll"))
        place = self._hold(visit, prepared)
        if place is None:
            return GiveUp(Reason("slot_lost"))
        local = case.institute.local
        facts = questions.about_time(local(case.before_starts_at), local(place.starts_at))
        closes_at = min(window.closes_at, place.starts_at - notice(policy))
        ballot = open_vote(visit, BallotKind.WEEKEND, facts, closes_at)
        SlotChoice.objects.create(
            case=case,
            step=self.number,
            starts_at=place.starts_at,
            ends_at=place.ends_at,
            room=place.room,
            chosen_at=now,
            ballot=ballot,
            reasons=[reason.as_json() for reason in place.reasons],
        )
        return Wait(WaitingFor.WEEKEND_VOTE, deadline=closes_at, due_at=closes_at)

    @staticmethod
    def _hold(visit: Visit, prepared: SlotSearch) -> SlotOption | None:
        """Keep the best place that is still free out of everybody else's reach during the vote."""
        return next(
            (
                place
                for place in prepared.options
                if meetings.try_hold(
                    visit.case.meeting,
                    case_uid=visit.case.uid,
                    professor=visit.case.professor,
                    room=place.room,
                    starts_at=place.starts_at,
                    ends_at=place.ends_at,
                )
            ),
            None,
        )
