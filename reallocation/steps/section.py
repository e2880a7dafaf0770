"""Step 2: the other professors of the section, in waves; the first to accept gets it."""

from __future__ import annotations

import datetime as dt

from django.db.models import BigIntegerField

from reallocation import offers
from reallocation.candidates import Pool, pool, professors_of_section
from reallocation.enums import OfferStatus, StepNumber, WaitingFor
from reallocation.models import Offer
from reallocation.outlook import budget_ahead
from reallocation.policy import Stage, Waves, Window, class_budget, waking_clock
from reallocation.reasons import Reason
from timetable.models import Professor, Section
from timetable.prepared import Many, PreparedQuery, PreparedRows

from .base import Asking, GiveUp, Outcome, Resolved, Skip, Step, Substitution, Visit, Wait
from .considered import note_left_out

_SECTIONS = PreparedQuery(
    lambda offering: Section.objects.filter(offerings=offering).order_by().values_list("pk"),
    offering=BigIntegerField(),
)
_ASKED = PreparedQuery(
    # Whoever was only told that it is taken, or off, has not said no and may be asked anew.
    lambda case: (
        Offer.objects.filter(case=case)
        .exclude(status__in=(OfferStatus.TAKEN, OfferStatus.WITHDRAWN))
        .order_by()
        .values_list("professor_id")
    ),
    case=BigIntegerField(),
)
_NOT_ASKED = PreparedRows[Professor](
    lambda institute, codes, asked: (
        Professor.objects.filter(institute=institute, code__among=codes)
        .exclude(pk__among=asked)
        .order_by("pk")
    ),
    institute=BigIntegerField(),
    codes=Many(),
    asked=Many(),
)


class ProfessorsOfSection(Step[Asking]):
    number = StepNumber.SECTION

    def applicable(self, visit: Visit) -> Reason | None:
        has_section = _SECTIONS(offering=visit.case.meeting.offering_id)
        return None if has_section else Reason("no_section")

    def prepare(self, visit: Visit) -> Asking:
        """At entry the whole pool; later those of it who have not been asked yet, as they are now."""
        case, policy, now = visit.case, visit.policy, visit.now
        asked = {professor_id for (professor_id,) in _ASKED(case=case.pk)}
        if visit.entering:
            people = professors_of_section(case)
        else:
            codes = visit.record.considered["order"]
            people = _NOT_ASKED(institute=case.institute_id, codes=codes, asked=asked)
        found = pool(case, people, policy, now=now, asked=asked)
        if visit.entering and found.ranked:
            return Asking(found, budget_ahead(case, policy, Stage.SECTION, now))
        return Asking(found, class_budget(case, policy))

    def act(self, visit: Visit, prepared: Asking) -> Outcome:
        if visit.entering:
            return self._enter(visit, prepared)
        case, now = visit.case, visit.now
        accepted = offers.accepted(case)
        if accepted:
            return Resolved(Substitution(accepted.professor))
        window = _window(visit)
        waiting = offers.waiting(case)
        if now >= window.closes_at:
            offers.end(case, waiting, OfferStatus.EXPIRED, now)
            return GiveUp(Reason("no_answer" if waiting else "all_declined"))
        return self._next_waves(visit, prepared.pool, bool(waiting))

    def _enter(self, visit: Visit, prepared: Asking) -> Outcome:
        found = prepared.pool
        visit.record.considered = found.as_json()
        if not found.ranked:
            return Skip(Reason("nobody_free"))
        window = prepared.budget.window(Stage.SECTION, visit.now)
        if window is None:
            return Skip(Reason("no_time"))
        waves = Waves.of(len(found.ranked), window, visit.policy)
        visit.record.considered |= {
            "order": [candidate.professor.code for candidate in found.ranked],
            "waves": {"size": waves.size, "count": waves.count, "sent": 0},
            "window": {
                "opens_at": window.opens_at.isoformat(),
                "seconds": window.length.total_seconds(),
                "waking": window.waking is not None,
            },
        }
        return self._next_waves(visit, found, anyone_waiting=False)

    def _next_waves(self, visit: Visit, prepared: Pool, anyone_waiting: bool) -> Outcome:
        """Send each wave that is due: its time has come, or nobody is left to answer the last."""
        window, memory = _window(visit), visit.record.considered
        order, waves = memory["order"], memory["waves"]
        closes_at = window.closes_at
        while waves["sent"] < waves["count"] and (
            not anyone_waiting or visit.now >= window.share(waves["sent"], waves["count"])
        ):
            first = waves["sent"] * waves["size"]
            members = order[first : first + waves["size"]]
            waves["sent"] += 1
            asked = [c for c in prepared.ranked if c.professor.code in members]
            asked.sort(key=lambda candidate: order.index(candidate.professor.code))
            note_left_out(visit, prepared, members)
            if asked:
                offers.send(
                    visit.case,
                    visit.record,
                    asked,
                    expires_at=closes_at,
                    now=visit.now,
                    wave=waves["sent"],
                )
                anyone_waiting = True
        if not anyone_waiting:
            return GiveUp(Reason("all_declined"))
        due_at = closes_at
        if waves["sent"] < waves["count"]:
            due_at = window.share(waves["sent"], waves["count"])
        return Wait(WaitingFor.COLLEAGUES, deadline=closes_at, due_at=due_at)


def _window(visit: Visit) -> Window:
    stored = visit.record.considered["window"]
    return Window(
        dt.datetime.fromisoformat(stored["opens_at"]),
        dt.timedelta(seconds=stored["seconds"]),
        waking_clock(visit.policy, visit.case.institute) if stored["waking"] else None,
    )
