"""Step 4: a free slot before the next checkpoint, picked by the professor."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from reallocation.enums import CaseStatus, StepNumber, WaitingFor
from reallocation.models import SlotChoice
from reallocation.notifications import announce
from reallocation.outlook import ALL, last_week, pick_until, turn_of
from reallocation.policy import Stage, checkpoint_budget, checkpoint_of, notice
from reallocation.reasons import Reason
from reallocation.slots import SlotOption, SlotSearch, obstacle, search

from .base import GiveUp, Move, Outcome, Resolved, Step, Visit, Wait
from .postponement import take_off


@dataclass(frozen=True)
class Places:
    """The best places, and until when one of them is sure to be left."""

    search: SlotSearch
    until: dt.datetime


class Reschedule(Step[Places | None]):
    number = StepNumber.RESCHEDULE

    def prepare(self, visit: Visit) -> Places | None:
        """Every free place before the checkpoint, best first; None if no checkpoint lies ahead."""
        case, policy, now = visit.case, visit.policy, visit.now
        checkpoint = checkpoint_of(case, now)
        if checkpoint is None:
            return None
        budget = checkpoint_budget(case, policy, checkpoint)
        scarce = visit.entering and last_week(case, now) is not None
        found = search(
            case,
            policy,
            days=case.institute.teaching_days,
            earliest=now + notice(policy),
            last_day=checkpoint,
            limit=ALL if scarce else policy.slots_offered,
        )
        if not scarce:
            return Places(found, budget.deadline)
        # Where there is nothing to spare the best is taken at once: another class would have it.
        until = pick_until(found.options, turn_of(case), policy)
        shown = replace(found, options=found.options[: policy.slots_offered])
        return Places(shown, min(budget.deadline, until) if until else now)

    def act(self, visit: Visit, prepared: Places | None) -> Outcome:
        if visit.entering:
            take_off(visit)
        if prepared is None:
            return GiveUp(Reason("no_checkpoint"))
        if visit.entering:
            visit.record.considered = prepared.search.as_json()
        chosen = self._chosen(visit)
        options = (*(chosen or ()), *prepared.search.options)
        if not options:
            return GiveUp(Reason("no_slot"))
        if chosen is None and (wait := self._wait(visit, prepared)):
            return wait
        return Resolved(Move(options, CaseStatus.RESCHEDULED))

    def _wait(self, visit: Visit, prepared: Places) -> Wait | None:
        """Let the professor pick, as long as there is time."""
        case, now = visit.case, visit.now
        if visit.entering:
            checkpoint = checkpoint_of(case, now)
            if checkpoint is None:
                return None
            budget = checkpoint_budget(case, visit.policy, checkpoint)
            window = replace(budget, deadline=prepared.until).window(Stage.SLOT, now)
            if window is None:
                return None
            until = window.closes_at
            announce.asked_to_choose_slot(case, len(prepared.search.options), until, now)
            return Wait(WaitingFor.SLOT_CHOICE, deadline=until, due_at=until)
        deadline = case.deadline
        if deadline is None or now >= deadline:
            return None
        return Wait(WaitingFor.SLOT_CHOICE, deadline=deadline, due_at=deadline)

    def _chosen(self, visit: Visit) -> tuple[SlotOption, ...] | None:
        """The place that the professor picked, unless it is gone by now; None if none was picked."""
        choice = (
            SlotChoice.objects.filter(case=visit.case, step=self.number, used_at=None)
            .select_related("room")
            .last()
        )
        if choice is None:
            return None
        choice.used_at = visit.now
        choice.save(update_fields=["used_at"])
        if self._taken_since(visit, choice):
            return ()
        reasons = tuple(Reason.from_json(stored) for stored in choice.reasons)
        return (SlotOption(choice.starts_at, choice.ends_at, choice.room, 0, 0, 0.0, reasons),)

    @staticmethod
    def _taken_since(visit: Visit, choice: SlotChoice) -> bool:
        """Whether the place that was picked is gone, so that the best of the others is taken."""
        checkpoint = checkpoint_of(visit.case, visit.now)
        return checkpoint is None or bool(
            obstacle(
                visit.case,
                visit.policy,
                starts_at=choice.starts_at,
                room=choice.room,
                days=visit.case.institute.teaching_days,
                earliest=visit.now + notice(visit.policy),
                last_day=checkpoint,
            )
        )
