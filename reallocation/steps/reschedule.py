"""Step 4: a free slot before the next checkpoint, picked by the professor."""

from __future__ import annotations

from reallocation.enums import CaseStatus, StepNumber, WaitingFor
from reallocation.models import SlotChoice
from reallocation.notifications import announce
from reallocation.policy import Stage, checkpoint_budget, checkpoint_of, notice
from reallocation.reasons import Reason
from reallocation.slots import SlotOption, SlotSearch, obstacle, search

from .base import GiveUp, Move, Outcome, Resolved, Step, Visit, Wait
from .postponement import take_off


class Reschedule(Step[SlotSearch | None]):
    number = StepNumber.RESCHEDULE

    def prepare(self, visit: Visit) -> SlotSearch | None:
        """Every free place before the checkpoint, best first; None if no checkpoint lies ahead."""
        case, policy = visit.case, visit.policy
        checkpoint = checkpoint_of(case, visit.now)
        if checkpoint is None:
            return None
        return search(
            case,
            policy,
            days=case.institute.teaching_days,
            earliest=visit.now + notice(policy),
            last_day=checkpoint,
            limit=policy.slots_offered,
        )

    def act(self, visit: Visit, prepared: SlotSearch | None) -> Outcome:
        if visit.entering:
            take_off(visit)
        if prepared is None:
            return GiveUp(Reason("no_checkpoint"))
        if visit.entering:
            visit.record.considered = prepared.as_json()
        chosen = self._chosen(visit)
        options = (*(chosen or ()), *prepared.options)
        if not options:
            return GiveUp(Reason("no_slot"))
        if chosen is None and (wait := self._wait(visit, prepared)):
            return wait
        return Resolved(Move(options, CaseStatus.RESCHEDULED))

    def _wait(self, visit: Visit, prepared: SlotSearch) -> Wait | None:
        """Let the professor pick, as long as there is time."""
        case, now = visit.case, visit.now
        if visit.entering:
            checkpoint = checkpoint_of(case, now)
            if checkpoint is None:
                return None
            window = checkpoint_budget(case, visit.policy, checkpoint).window(Stage.SLOT, now)
            if window is None:
                return None
            until = window.closes_at
            announce.asked_to_choose_slot(case, len(prepared.options), until, now)
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
