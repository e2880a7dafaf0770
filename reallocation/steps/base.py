"""What a rung of the ladder is.

A step answers three questions. *applicable*: is it worth entering (cheap, no writes)? *prepare*: what
has to be read (slow, outside the transaction)? *act*: what now (quick, under the case's lock,
re-checking what was prepared)? It says how the case goes on by returning an outcome and never moves
the case itself.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from reallocation.candidates import Pool
from reallocation.enums import CaseStatus, StepNumber, WaitingFor
from reallocation.models import Case, Policy, StepRecord
from reallocation.policy import Budget
from reallocation.reasons import Reason
from reallocation.slots import SlotOption
from timetable.models import Professor


@dataclass(frozen=True)
class Substitution:
    """This professor teaches the meeting."""

    professor: Professor


@dataclass(frozen=True)
class Move:
    """The meeting is held at the first of these places that is still free."""

    options: tuple[SlotOption, ...]
    status: CaseStatus


@dataclass(frozen=True)
class Resolved:
    """The case is settled by this change."""

    change: Substitution | Move


@dataclass(frozen=True)
class Wait:
    """Somebody has to answer. `due_at` is when to look again, `deadline` until when they may answer."""

    waiting_for: WaitingFor
    deadline: dt.datetime
    due_at: dt.datetime


@dataclass(frozen=True)
class GiveUp:
    """The step was tried in vain; the next one follows."""

    reason: Reason


@dataclass(frozen=True)
class Skip:
    """The step could not even be tried; the next one follows."""

    reason: Reason


Outcome = Resolved | Wait | GiveUp | Skip

Prepared = TypeVar("Prepared")


@dataclass(frozen=True)
class Asking:
    """What steps 1–3 prepare: who could be asked now, and the time that is left for it."""

    pool: Pool
    budget: Budget


@dataclass
class Visit:
    """A case on a rung at a moment. `record.considered` is the step's memory; the engine stores it."""

    case: Case
    policy: Policy
    record: StepRecord
    now: dt.datetime

    @property
    def entering(self) -> bool:
        return not self.case.waiting_for


class Step(ABC, Generic[Prepared]):
    """One rung. Subclasses keep no state: what a visit must remember is in the database."""

    number: ClassVar[StepNumber]

    def applicable(self, visit: Visit) -> Reason | None:
        """Why the step is not worth entering; None if it is."""
        return None

    @abstractmethod
    def prepare(self, visit: Visit) -> Prepared:
        """Read what `act` will need. No locks, no writes."""

    @abstractmethod
    def act(self, visit: Visit, prepared: Prepared) -> Outcome:
        """Do what is to be done now, under the case's lock, and say how the case goes on."""
