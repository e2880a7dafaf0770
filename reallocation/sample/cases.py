"""Some cases at every step, brought there by the people's own acts at moments shortly past."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reallocation import absences, answers, candidates, engine, overrides
from reallocation.absences import Request
from reallocation.audit import Who
from reallocation.enums import ActorKind, StepNumber, WaitingFor
from reallocation.models import Case, Offer
from reallocation.policy import policy_of
from timetable.models import Institute, Meeting, Professor
from voting import ballots
from voting.models import Ballot

AGO = dt.timedelta(hours=3)
"""How long ago the first of the cases was filed."""

FIRST_DAY = 2
"""Days from now of the first class that is affected: far enough for whole windows."""

BECAUSE = "Shown as an example"


@dataclass
class Sample:
    """The cases being made, and the clock that goes on with each act."""

    institute: Institute
    now: dt.datetime
    chance: random.Random
    meetings: Iterator[Meeting]

    def tick(self) -> dt.datetime:
        self.now += dt.timedelta(seconds=30)
        return self.now

    def file(self, *, name_somebody: bool = False, of_subject: bool = False) -> Case:
        """A professor files an absence for one class, and the case climbs until somebody must act.

        `of_subject`: a class for which somebody of the subject is left when its section has said no.
        """
        meeting = next(m for m in self.meetings if not of_subject or self._has_others(m))
        professor = meeting.professor
        names = {}
        if name_somebody:
            names = {meeting.pk: self._free_colleague(meeting)}
        filed = absences.file(
            professor,
            Request(
                meeting.starts_at,
                meeting.ends_at,
                category="illness",
                handover="We are in the middle of the chapter; the slides are in the course folder.",
                names=names,
            ),
            now=self.tick(),
            user=professor.user,
            who=Who.of(professor.user, ActorKind.PROFESSOR),
        )
        return self.settle(filed.cases[0])

    def _free_colleague(self, meeting: Meeting) -> Professor:
        found = self._pool(meeting, candidates.professors_of_section)
        return found.ranked[0].professor

    def _has_others(self, meeting: Meeting) -> bool:
        section = self._pool(meeting, candidates.professors_of_section)
        subject = self._pool(meeting, candidates.professors_of_course)
        asked = {candidate.professor for candidate in section.ranked}
        return any(candidate.professor not in asked for candidate in subject.ranked)

    def _pool(
        self, meeting: Meeting, professors: Callable[[Case], list[Professor]]
    ) -> candidates.Pool:
        case = Case(
            institute=self.institute,
            meeting=meeting,
            professor=meeting.professor,
            before_starts_at=meeting.starts_at,
            before_ends_at=meeting.ends_at,
        )
        return candidates.pool(case, professors(case), policy_of(self.institute), now=self.now)

    def settle(self, case: Case) -> Case:
        engine.climb(case.pk, expected=Case.objects.get(pk=case.pk).turn, now=self.tick())
        settled: Case = Case.objects.for_list().get(pk=case.pk)
        return settled

    def everyone_declines(self, case: Case) -> Case:
        """All who are asked in the section say no, wave after wave."""
        while case.waiting_for == WaitingFor.COLLEAGUES:
            for offer in Offer.objects.waiting().filter(case=case).select_related("professor"):
                answers.decline(offer, by=offer.professor, now=self.tick(), who=_who(offer))
            case = self.settle(case)
        return case

    def somebody_accepts(self, case: Case) -> Case:
        waiting = Offer.objects.waiting().filter(case=case).select_related("professor")
        offer: Offer = waiting.order_by("rank")[0]
        answers.accept(offer, by=offer.professor, now=self.tick(), who=_who(offer))
        return self.settle(case)

    def top_is_chosen(self, case: Case) -> Case:
        order = case.records.get(left_at=None).considered["order"]
        top = Professor.objects.get(institute=self.institute, code=order[0])
        answers.choose_candidate(case, candidate=top, now=self.tick())
        return self.settle(case)

    def class_votes(self, case: Case, *, yes: int, no: int) -> Case:
        ballot = Ballot.objects.open().get(subject_uid=case.uid)
        roll = ballot.roll.select_related("student").order_by("pk")[: yes + no]
        for n, place in enumerate(roll):
            ballots.cast(
                ballot_uid=ballot.uid, student=place.student, choice=n >= no, now=self.tick()
            )
        return self.settle(case)

    def send_to(self, case: Case, step: StepNumber) -> Case:
        who = Who(ActorKind.REGISTRAR, name=str(ActorKind.REGISTRAR.label))
        overrides.send_to(case, step=step, why=BECAUSE, now=self.tick(), who=who)
        return self.settle(case)


def _who(offer: Offer) -> Who:
    return Who.of(offer.professor.user, ActorKind.PROFESSOR)


def named(s: Sample) -> Case:
    return s.file(name_somebody=True)


def asked(s: Sample) -> Case:
    return s.file()


def covered(s: Sample) -> Case:
    return s.somebody_accepts(s.file())


def choosing(s: Sample) -> Case:
    return s.everyone_declines(s.file(of_subject=True))


def candidate_asked(s: Sample) -> Case:
    return s.top_is_chosen(choosing(s))


def voting(s: Sample) -> Case:
    return s.class_votes(s.somebody_accepts(candidate_asked(s)), yes=6, no=2)


def approved(s: Sample) -> Case:
    return s.class_votes(s.somebody_accepts(candidate_asked(s)), yes=21, no=3)


def picking(s: Sample) -> Case:
    return s.send_to(s.file(), StepNumber.RESCHEDULE)


def moved(s: Sample) -> Case:
    case = picking(s)
    best = case.records.get(left_at=None).considered["ranked"][0]
    room = s.institute.rooms.get(code=best["room"])
    starts_at = dt.datetime.fromisoformat(best["starts_at"])
    answers.choose_slot(case, starts_at=starts_at, room=room, now=s.tick())
    return s.settle(case)


def weekend_vote(s: Sample) -> Case:
    return s.class_votes(s.send_to(s.file(), StepNumber.WEEKEND), yes=5, no=4)


def weekend(s: Sample) -> Case:
    return s.class_votes(s.send_to(s.file(), StepNumber.WEEKEND), yes=21, no=0)


def dropped(s: Sample) -> Case:
    return s.class_votes(s.send_to(s.file(), StepNumber.WEEKEND), yes=0, no=20)


def withdrawn(s: Sample) -> Case:
    case = s.file()
    absences.withdraw(case.absence, now=s.tick())
    return s.settle(case)


STATES: dict[str, Callable[[Sample], Case]] = {
    "named": named,
    "asked": asked,
    "covered": covered,
    "choosing": choosing,
    "candidate_asked": candidate_asked,
    "voting": voting,
    "approved": approved,
    "picking": picking,
    "moved": moved,
    "weekend_vote": weekend_vote,
    "weekend": weekend,
    "dropped": dropped,
    "withdrawn": withdrawn,
}
"""A case in every state that somebody may want to look at, by name."""


def make_cases(
    institute: Institute, now: dt.datetime, *, seed: int = 1, later: dt.timedelta = dt.timedelta()
) -> dict[str, Case]:
    """One case in each of STATES, of classes of the coming days or so much later."""
    chance = random.Random(seed)  # noqa: S311 - which classes are shown is no secret
    day = institute.local(now + later).date() + dt.timedelta(days=FIRST_DAY)
    first = institute.moment(day, dt.time())
    found = list(
        Meeting.objects.holding()
        .filter(institute=institute)
        .between(first, first + dt.timedelta(days=6))
        .for_list()
    )
    chance.shuffle(found)
    sample = Sample(institute, now - AGO, chance, _one_a_professor(found))
    return {name: make(sample) for name, make in STATES.items()}


def _one_a_professor(meetings: list[Meeting]) -> Iterator[Meeting]:
    """Meetings of different professors and classes, so that one case does not disturb another."""
    seen: set[int] = set()
    sections: set[str] = set()
    for meeting in meetings:
        section = meeting.offering.code.partition(".")[2]
        if meeting.professor_id not in seen and section not in sections:
            seen.add(meeting.professor_id)
            sections.add(section)
            yield meeting
