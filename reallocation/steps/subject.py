"""Step 3: a professor of the same subject, chosen, asked, and put to the students' vote."""

from __future__ import annotations

from reallocation import offers
from reallocation.candidates import Candidate, Pool, pool, professors_of_course
from reallocation.enums import OfferStatus, StepNumber, WaitingFor
from reallocation.models import Offer
from reallocation.notifications import announce
from reallocation.outlook import budget_ahead
from reallocation.policy import Stage, class_budget
from reallocation.reasons import Reason
from timetable import meetings
from timetable.models import Professor
from voting import questions
from voting.enums import BallotKind

from .base import Asking, GiveUp, Outcome, Resolved, Skip, Step, Substitution, Visit, Wait
from .considered import note_left_out
from .vote import closed_ballot, has_voters, open_vote, refusal


class SameSubject(Step[Asking]):
    number = StepNumber.SUBJECT

    def prepare(self, visit: Visit) -> Asking:
        """At entry the whole pool; later those of it who are left, as they are now."""
        case, policy, now = visit.case, visit.policy, visit.now
        if case.waiting_for == WaitingFor.CLASS_VOTE:
            return Asking(Pool((), ()), class_budget(case, policy))
        if visit.entering:
            found = pool(case, professors_of_course(case), policy, now=now)
            if not found.ranked:
                return Asking(found, class_budget(case, policy))
            return Asking(found, budget_ahead(case, policy, Stage.CHOOSE, now))
        asked = set(
            Offer.objects.filter(record=visit.record).values_list("professor_id", flat=True)
        )
        people = Professor.objects.filter(
            institute=case.institute_id, code__in=visit.record.considered["order"]
        )
        found = pool(case, people, policy, now=now, asked=asked)
        return Asking(found, budget_ahead(case, policy, Stage.ANSWER, now))

    def act(self, visit: Visit, prepared: Asking) -> Outcome:
        match visit.case.waiting_for:
            case WaitingFor.CANDIDATE_CHOICE:
                return self._chosen(visit, prepared)
            case WaitingFor.CANDIDATE:
                return self._answered(visit, prepared)
            case WaitingFor.CLASS_VOTE:
                return self._voted(visit)
            case _:
                return self._enter(visit, prepared)

    def _enter(self, visit: Visit, prepared: Asking) -> Outcome:
        found = prepared.pool
        visit.record.considered = found.as_json()
        if not found.ranked:
            return Skip(Reason("nobody_free"))
        visit.record.considered["order"] = [c.professor.code for c in found.ranked]
        window = prepared.budget.window(Stage.CHOOSE, visit.now)
        if window is None:
            return self._ask_next(visit, prepared)
        until = window.closes_at
        announce.asked_to_choose_candidate(visit.case, len(found.ranked), until, visit.now)
        return Wait(WaitingFor.CANDIDATE_CHOICE, deadline=until, due_at=until)

    def _chosen(self, visit: Visit, prepared: Asking) -> Outcome:
        deadline = visit.case.deadline
        if visit.case.named is None and deadline is not None and visit.now < deadline:
            return Wait(WaitingFor.CANDIDATE_CHOICE, deadline=deadline, due_at=deadline)
        return self._ask_next(visit, prepared)

    def _ask_next(self, visit: Visit, prepared: Asking) -> Outcome:
        """Ask whom the professor chose, or else the highest in the order, of those still free."""
        case = visit.case
        candidate = self._next(visit, prepared.pool)
        case.named = None
        if candidate is None:
            return GiveUp(Reason("nobody_left"))
        window = prepared.budget.window(Stage.ANSWER, visit.now)
        if window is None:
            return GiveUp(Reason("no_time"))
        offers.send(case, visit.record, [candidate], expires_at=window.closes_at, now=visit.now)
        return Wait(WaitingFor.CANDIDATE, deadline=window.closes_at, due_at=window.closes_at)

    def _next(self, visit: Visit, prepared: Pool) -> Candidate | None:
        named, asked = (
            visit.case.named,
            set(visit.record.offers.values_list("professor__code", flat=True)),
        )
        order = [code for code in visit.record.considered["order"] if code not in asked]
        if named is not None:
            order = [named.code, *(code for code in order if code != named.code)]
        free = {candidate.professor.code: candidate for candidate in prepared.ranked}
        first = next((code for code in order if code in free), None)
        note_left_out(visit, prepared, order[: order.index(first)] if first else order)
        return free[first] if first else None

    def _answered(self, visit: Visit, prepared: Asking) -> Outcome:
        case, now = visit.case, visit.now
        accepted = offers.accepted(case)
        if accepted:
            return self._put_to_vote(visit, prepared, accepted)
        waiting = offers.waiting(case)
        if waiting and now < waiting[0].expires_at:
            until = waiting[0].expires_at
            return Wait(WaitingFor.CANDIDATE, deadline=until, due_at=until)
        offers.end(case, waiting, OfferStatus.EXPIRED, now)
        return self._ask_next(visit, prepared)

    def _put_to_vote(self, visit: Visit, prepared: Asking, accepted: Offer) -> Outcome:
        case, now = visit.case, visit.now
        if not has_voters(case):
            return Resolved(Substitution(accepted.professor))
        window = prepared.budget.window(Stage.VOTE, now)
        if window is None:
            self._let_go(visit, accepted)
            return GiveUp(Reason("no_time"))
        held_at = case.institute.local(case.before_starts_at)
        facts = questions.about_substitute(accepted.professor.name, held_at)
        open_vote(visit, BallotKind.SUBSTITUTE, facts, window.closes_at)
        return Wait(WaitingFor.CLASS_VOTE, deadline=window.closes_at, due_at=window.closes_at)

    def _voted(self, visit: Visit) -> Outcome:
        ballot = closed_ballot(visit)
        if ballot is None:
            deadline = visit.case.deadline or visit.now
            return Wait(WaitingFor.CLASS_VOTE, deadline=deadline, due_at=deadline)
        accepted = offers.accepted(visit.case)
        if accepted is None:
            return GiveUp(Reason("nobody_left"))
        no = refusal(ballot)
        if no is not None:
            self._let_go(visit, accepted)
            return GiveUp(no)
        return Resolved(Substitution(accepted.professor))

    def _let_go(self, visit: Visit, accepted: Offer) -> None:
        offers.end(visit.case, [accepted], OfferStatus.WITHDRAWN, visit.now)
        meetings.release(visit.case.uid)
