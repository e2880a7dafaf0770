"""Step 1: the substitute whom the professor names."""

from __future__ import annotations

import datetime as dt

from reallocation import offers
from reallocation.candidates import Pool, pool
from reallocation.enums import OfferStatus, StepNumber, WaitingFor
from reallocation.outlook import budget_ahead
from reallocation.policy import Stage, class_budget
from reallocation.reasons import Reason

from .base import Asking, GiveUp, Outcome, Resolved, Skip, Step, Substitution, Visit, Wait


class DirectSubstitute(Step[Asking]):
    number = StepNumber.DIRECT

    def applicable(self, visit: Visit) -> Reason | None:
        return None if visit.case.named else Reason("nobody_named")

    def prepare(self, visit: Visit) -> Asking:
        case, policy, now = visit.case, visit.policy, visit.now
        if not visit.entering:
            return Asking(Pool((), ()), class_budget(case, policy))
        named = [case.named] if case.named else []
        return Asking(
            pool(case, named, policy, now=now), budget_ahead(case, policy, Stage.DIRECT, now)
        )

    def act(self, visit: Visit, prepared: Asking) -> Outcome:
        if visit.entering:
            return self._ask(visit, prepared)
        case = visit.case
        accepted = offers.accepted(case)
        if accepted:
            return Resolved(Substitution(accepted.professor))
        waiting = offers.waiting(case)
        if waiting and visit.now < waiting[0].expires_at:
            return _wait(waiting[0].expires_at)
        if waiting:
            offers.end(case, waiting, OfferStatus.EXPIRED, visit.now)
            return GiveUp(Reason("no_answer"))
        return GiveUp(Reason("declined", {"name": case.named.name if case.named else ""}))

    def _ask(self, visit: Visit, prepared: Asking) -> Outcome:
        visit.record.considered = prepared.pool.as_json()
        named = visit.case.named
        if named is None:
            return Skip(Reason("nobody_named"))
        candidate = prepared.pool.find(named)
        if candidate is None:
            why = prepared.pool.why_not(named)
            return Skip(why or Reason("nobody_free"))
        window = prepared.budget.window(Stage.DIRECT, visit.now)
        if window is None:
            return Skip(Reason("no_time"))
        offers.send(
            visit.case, visit.record, [candidate], expires_at=window.closes_at, now=visit.now
        )
        return _wait(window.closes_at)


def _wait(until: dt.datetime) -> Wait:
    return Wait(WaitingFor.SUBSTITUTE, deadline=until, due_at=until)
