"""What can be done on the page of a case: by whom, when, and with which form."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django.utils.translation import gettext_lazy as _

from fairness.standing import Standings, effects
from reallocation import absences, answers, candidates, overrides, progress, slots, week_grid
from reallocation.audit import Who
from reallocation.enums import ActorKind, StepNumber, WaitingFor
from reallocation.forms.case import (
    AssignForm,
    CandidateForm,
    CandidateLine,
    CaseForm,
    Choices,
    DropForm,
    MoveForm,
    NameForm,
    SlotForm,
    StepForm,
    TakeBackForm,
    TeachForm,
)
from reallocation.models import Case
from reallocation.offers import hours_of
from reallocation.policy import checkpoint_of, notice, policy_of
from reallocation.queries import Viewer
from reallocation.ties import Circle
from timetable.accounts import Actor
from timetable.availability import Near
from timetable.models import Professor, Term

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

Do = Callable[[Viewer, dict[str, Any], dt.datetime], object]


@dataclass(frozen=True)
class Act:
    """`is_for` says who may ever do it, `is_open` whether it can be done as the case stands."""

    name: str
    form: type[CaseForm]
    is_for: Callable[[Viewer], bool]
    is_open: Callable[[Viewer, dt.datetime], bool]
    do: Do
    title: StrPromise
    button: StrPromise
    done: StrPromise
    intro: StrPromise | str = ""
    by_link: bool = False
    """Behind a personal link as well, without signing in."""
    choice_template: str = ""
    """Of a choice that the case waits for: for whom it waits, it stands at the head of the page."""
    grave: bool = False


def who(actor: Actor) -> Who:
    """In whose name the log has it: a registrar's act counts as one, though they may teach too."""
    kind = ActorKind.REGISTRAR if actor.is_registrar else ActorKind.PROFESSOR
    return Who.of(actor.user, kind)


def who_chooses(viewer: Viewer) -> Who:
    kind = ActorKind.PROFESSOR if viewer.is_absent else ActorKind.REGISTRAR
    return Who.of(viewer.actor.user, kind)


def _is_open(viewer: Viewer, now: dt.datetime) -> bool:
    return viewer.case.is_open


def _is_closed(viewer: Viewer, now: dt.datetime) -> bool:
    return not viewer.case.is_open


def _waits_for(waiting_for: WaitingFor) -> Callable[[Viewer, dt.datetime], bool]:
    def is_open(viewer: Viewer, now: dt.datetime) -> bool:
        case = viewer.case
        return case.waiting_for == waiting_for and case.deadline is not None and now < case.deadline

    return is_open


def _can_name(viewer: Viewer, now: dt.datetime) -> bool:
    case = viewer.case
    return (
        case.is_open
        and case.step <= StepNumber.SUBJECT
        and case.waiting_for not in {WaitingFor.CLASS_VOTE, WaitingFor.SUBSTITUTE}
        and case.before_starts_at > now
    )


def _can_take_back(viewer: Viewer, now: dt.datetime) -> bool:
    case = viewer.case
    bound = viewer.is_substitute or (viewer.has_promised and case.is_open)
    return bound and case.before_starts_at > now


def _can_assign(viewer: Viewer, now: dt.datetime) -> bool:
    return viewer.case.is_open and viewer.case.before_starts_at > now


def _can_teach(viewer: Viewer, now: dt.datetime) -> bool:
    return absences.can_leave_out(viewer.case, now)


def _choose_candidate(viewer: Viewer, data: dict[str, Any], now: dt.datetime) -> object:
    return answers.choose_candidate(
        viewer.case, candidate=data["candidate"], now=now, who=who_chooses(viewer)
    )


def _choose_slot(viewer: Viewer, data: dict[str, Any], now: dt.datetime) -> object:
    starts_at, room = data["slot"]
    return answers.choose_slot(
        viewer.case,
        starts_at=starts_at,
        room=room,
        now=now,
        user=viewer.actor.user,
        who=who_chooses(viewer),
    )


def _name(viewer: Viewer, data: dict[str, Any], now: dt.datetime) -> object:
    return answers.name_substitute(
        viewer.case, substitute=data["professor"], now=now, who=who_chooses(viewer)
    )


def _teach(viewer: Viewer, data: dict[str, Any], now: dt.datetime) -> object:
    return absences.leave_out(viewer.case, now=now, who=who_chooses(viewer))


def _take_back(viewer: Viewer, data: dict[str, Any], now: dt.datetime) -> object:
    by = cast("Professor", viewer.actor.professor)
    mine = Who.of(viewer.actor.user, ActorKind.PROFESSOR)
    return answers.take_back(viewer.case, by=by, comment=data["comment"], now=now, who=mine)


def _assign(viewer: Viewer, data: dict[str, Any], now: dt.datetime) -> object:
    return overrides.assign(
        viewer.case,
        professor=data["professor"],
        why=data["why"],
        now=now,
        who=who(viewer.actor),
    )


def _move(viewer: Viewer, data: dict[str, Any], now: dt.datetime) -> object:
    return overrides.move(
        viewer.case,
        starts_at=data["starts_at"],
        room=data["room"],
        why=data["why"],
        now=now,
        who=who(viewer.actor),
    )


def _drop(viewer: Viewer, data: dict[str, Any], now: dt.datetime) -> object:
    return overrides.drop(viewer.case, why=data["why"], now=now, who=who(viewer.actor))


def _send(viewer: Viewer, data: dict[str, Any], now: dt.datetime) -> object:
    return overrides.send_to(
        viewer.case, step=data["step"], why=data["why"], now=now, who=who(viewer.actor)
    )


def _reopen(viewer: Viewer, data: dict[str, Any], now: dt.datetime) -> object:
    return overrides.reopen(
        viewer.case, step=data["step"], why=data["why"], now=now, who=who(viewer.actor)
    )


def _may_choose(viewer: Viewer) -> bool:
    return viewer.may_choose


def _is_absent(viewer: Viewer) -> bool:
    return viewer.is_absent


def _decides_for_another(viewer: Viewer) -> bool:
    return viewer.is_registrar and not viewer.is_absent


def _was_asked(viewer: Viewer) -> bool:
    return viewer.offer is not None


def _is_registrar(viewer: Viewer) -> bool:
    return viewer.is_registrar


ACTS = (
    Act(
        "choose-candidate",
        CandidateForm,
        _may_choose,
        _waits_for(WaitingFor.CANDIDATE_CHOICE),
        _choose_candidate,
        title=_("Who shall be asked?"),
        intro=_("All of them know the subject. After a yes, the class votes."),
        button=_("Ask this colleague"),
        done=_("Thank you. They are asked now."),
        by_link=True,
        choice_template="reallocation/acts/choose_candidate.html",
    ),
    Act(
        "choose-slot",
        SlotForm,
        _may_choose,
        _waits_for(WaitingFor.SLOT_CHOICE),
        _choose_slot,
        title=_("Which new time?"),
        intro=_("The professor and a room are free at all of them. The best stand first."),
        button=_("Take this time"),
        done=_("Thank you. The class is moved there, and everybody is told."),
        by_link=True,
        choice_template="reallocation/acts/choose_slot.html",
    ),
    Act(
        "name",
        NameForm,
        _may_choose,
        _can_name,
        _name,
        title=_("Have somebody asked first"),
        intro=_("What is under way is stopped, and only this colleague is asked."),
        button=_("Ask them"),
        done=_("They are asked now, before anybody else."),
    ),
    Act(
        "teach",
        TeachForm,
        _is_absent,
        _can_teach,
        _teach,
        title=_("I can teach this one after all"),
        button=_("I teach this class"),
        done=_("Thank you. The class is yours, and everybody concerned is told."),
        grave=True,
    ),
    Act(
        "teach",
        TeachForm,
        _decides_for_another,
        _can_teach,
        _teach,
        title=_("The professor can teach this one after all"),
        button=_("Give it back to the professor"),
        done=_("The class is the professor’s again, and everybody concerned is told."),
        grave=True,
    ),
    Act(
        "take-back",
        TakeBackForm,
        _was_asked,
        _can_take_back,
        _take_back,
        title=_("I can no longer come"),
        intro=_("You are released at once, and somebody else is looked for."),
        button=_("Give the class back"),
        done=_("You are released. Somebody else is looked for now."),
        grave=True,
    ),
    Act(
        "assign",
        AssignForm,
        _is_registrar,
        _can_assign,
        _assign,
        title=_("Assign a professor"),
        intro=_("They teach the class at its planned time, without being asked."),
        button=_("Assign"),
        done=_("The class has a substitute, and everybody concerned is told."),
    ),
    Act(
        "move",
        MoveForm,
        _is_registrar,
        _is_open,
        _move,
        title=_("Move the class"),
        intro=_("The absent professor teaches it then and there."),
        button=_("Move"),
        done=_("The class is moved."),
    ),
    Act(
        "send",
        StepForm,
        _is_registrar,
        _is_open,
        _send,
        title=_("Send to another step"),
        intro=_("What is under way is stopped, and the case goes on at that step."),
        button=_("Send there"),
        done=_("The case goes on at that step."),
    ),
    Act(
        "drop",
        DropForm,
        _is_registrar,
        _is_open,
        _drop,
        title=_("Drop the class"),
        intro=_("It does not take place; its hours are owed to the students."),
        button=_("Drop the class"),
        done=_("The class is dropped."),
        grave=True,
    ),
    Act(
        "reopen",
        StepForm,
        _is_registrar,
        _is_closed,
        _reopen,
        title=_("Open the case again"),
        intro=_("What was settled is undone, and the case goes on at a step."),
        button=_("Open again"),
        done=_("The case is open again."),
        grave=True,
    ),
)
"""In the order in which they stand on the page."""

EVERY_ACT = frozenset(act.name for act in ACTS)
OF_PEOPLE = frozenset({"choose-candidate", "name", "assign"})
"""For which somebody is chosen."""


def open_acts(
    viewer: Viewer, now: dt.datetime, *, by_link: bool = False, named: Collection[str] = EVERY_ACT
) -> list[Act]:
    """What the viewer can do as the case stands, of the acts of these names."""
    return [
        act
        for act in ACTS
        if act.name in named
        and (act.by_link or not by_link)
        and act.is_for(viewer)
        and act.is_open(viewer, now)
    ]


def find(name: str, viewer: Viewer, *, by_link: bool) -> Act | None:
    """The act, if the viewer may ever do it; that it is too late for it, the domain says better."""
    allowed = (act for act in ACTS if (act.by_link or not by_link) and act.is_for(viewer))
    return next((act for act in allowed if act.name == name), None)


def choices_for(
    viewer: Viewer, acts: Sequence[Act], now: dt.datetime, *, week: dt.date | None = None
) -> Choices:
    """What the forms of these acts offer, looked up as things stand now.

    Of places also a whole week: the one with this day, or that of the best place.
    """
    case, names = viewer.case, {act.name for act in acts}
    policy = policy_of(case.institute)
    lines: Sequence[CandidateLine] = ()
    if_taught: Sequence[str] = ()
    places: Sequence[slots.SlotOption] = ()
    grid = pool = circle = near = diaries = None
    if names & OF_PEOPLE:
        # Whoever can be chosen knows the course, so that one look is enough for all lists.
        circle = Circle.around([case])
        near = Near(list(circle.people), *candidates.span_of(case))
    if "choose-slot" in names and (checkpoint := checkpoint_of(case, now)):
        found = slots.search(
            case,
            policy,
            days=case.institute.teaching_days,
            earliest=now + notice(policy),
            last_day=checkpoint,
            limit=week_grid.EVERY_PLACE,
            near=near,
            with_own_classes=True,
        )
        diaries = found.near
        places = found.options[: policy.slots_offered]
        grid = week_grid.of(case, found, best=policy.slots_offered, wanted=week)
    if circle is not None:
        # What a choice does to the balance is reckoned of everybody; an order needs those near alone.
        everybody = "choose-candidate" in names
        standing = circle.standings(_term(case), now=now, everybody=everybody)
        pool = candidates.pool_near(case, circle, policy, standing, diaries)
        if everybody:
            lines = _candidates(viewer, pool, standing)
    if "teach" in names:
        alone = absences.is_about_alone(case, viewer.story.beside)
        if_taught = progress.if_taught(case, now, absence_ends=alone)
    bells = viewer.story.bells if "move" in names else ()
    return Choices(case, lines, places, pool, grid, if_taught, bells)


def _term(case: Case) -> Term:
    term = case.meeting.offering.term
    term.institute = case.institute
    return term


def _candidates(viewer: Viewer, pool: candidates.Pool, everybody: Standings) -> list[CandidateLine]:
    """The list of step 3 in its own order, each as they are now, with what choosing them would do."""
    case = viewer.case
    running = (one for one in viewer.records if one.left_at is None)
    order: list[str] = next((one.considered.get("order", []) for one in running), [])
    people = sorted(
        (one for one in pool.people if one.code in order), key=lambda one: order.index(one.code)
    )
    balance = effects(everybody, [one.pk for one in people if one.pk in everybody], hours_of(case))
    found = []
    for rank, one in enumerate(people, start=1):
        fit = pool.find(one)
        before, after = balance.get(one.pk, (None, None))
        found.append(
            CandidateLine(
                candidates.Candidate(one, rank, fit.reasons if fit else ()),
                pool.why_not(one),
                (before, after) if before is not None and after is not None else None,
            )
        )
    return found
