"""Generated requests, led to what is there: an id made up at random finds nothing behind it.

What a request says is left as it was generated; what it names becomes, most of the time, something that
its caller could mean.
"""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schemathesis.generation.case import Case

from .stage import Thing, World

ROLES = ("owner", "colleague", "student", "registrar", "outsider", "anonymous")
"""Who asks. The owner is whose absence it is; a colleague was asked to stand in, or might be."""

MOSTLY = 0.9

TARGETED = ("/assign-direct-substitute", "/reschedule-class", "/weekend-class")
"""Where one of two ids says what is meant."""


@dataclass(frozen=True)
class Caller:
    code: str = ""
    token: str = ""


@dataclass(frozen=True)
class Aim:
    """One request's circumstances, drawn by chance: what it is about, and who makes it."""

    world: World
    chance: random.Random
    role: str
    endpoint: str

    def take(self, case: Case, *, well_formed: bool) -> Caller:
        """Lead the request to something, and say who makes it.

        One that is malformed on purpose keeps its body and its query as they are.
        """
        thing = self.chance.choice(self._things())
        offer = self._offer(thing)
        caller = self._caller(thing, offer)
        path = case.path_parameters or {}
        if "id" in path and _is_uuid(path["id"]):
            path["id"] = self._id(thing, offer)
        if path.get("institute_id") and well_formed and self._mostly():
            path["institute_id"] = self.world.slug
        if well_formed:
            names = self._names(thing, caller)
            _fill(case.query, names, self._mostly)
            _fill(case.body, names, self._mostly)
            self._make_sense(case.body, thing)
        return caller

    def _mostly(self) -> bool:
        return self.chance.random() < MOSTLY

    def _things(self) -> tuple[Thing, ...]:
        """Those with which the endpoint can do something; now and then any."""
        wanted: dict[str, Callable[[Thing], bool]] = {
            "/student-vote": lambda one: one.is_voted_on,
            "/reschedule-class": lambda one: bool(one.places),
            "/accept": lambda one: any(waits for *_, waits in one.offers),
            "/decline": lambda one: any(waits for *_, waits in one.offers),
            "/assign-direct-substitute": lambda one: one.is_open,
            "/weekend-class": lambda one: one.is_open,
        }
        suits = next((w for end, w in wanted.items() if self.endpoint.endswith(end)), None)
        if suits is None or not self._mostly():
            return self.world.things
        return tuple(filter(suits, self.world.things))

    def _offer(self, thing: Thing) -> tuple[str, str] | None:
        waiting = [offer for offer in thing.offers if offer[2]] or list(thing.offers)
        return self.chance.choice(waiting)[:2] if waiting else None

    def _caller(self, thing: Thing, offer: tuple[str, str] | None) -> Caller:
        world, choose = self.world, self.chance.choice
        match self.role:
            case "registrar":
                return Caller(token=world.registrar)
            case "outsider":
                return Caller(token=choose(world.outsiders))
            case "anonymous":
                return Caller()
            case "owner":
                code = thing.absent
            case "student":
                code = choose(thing.voters)
            case _:
                code = offer[1] if offer and self._mostly() else choose(world.professors)
        return Caller(code, world.tokens[code])

    def _id(self, thing: Thing, offer: tuple[str, str] | None) -> str:
        if "/offers/" in self.endpoint:
            return offer[0] if offer else thing.case
        if "/webhooks/" in self.endpoint:
            return self.chance.choice(self.world.webhooks)[0]
        if "/cases/" in self.endpoint or self._mostly():
            return thing.case
        return thing.absence

    def _names(self, thing: Thing, caller: Caller) -> dict[str, str]:
        """What every field that names something could name."""
        world, choose = self.world, self.chance.choice
        own = caller.code if caller.code in world.professors and self._mostly() else thing.absent
        day = thing.day + dt.timedelta(days=self.chance.randint(-7, 21))
        date, period = choose(thing.places or ((str(day), choose(world.periods)),))
        lists = {
            "/offers": [uid for uid, *_ in thing.offers],
            "/ballots": world.ballots,
            "/meetings": world.meetings,
            "/webhooks": [uid for uid, _ in world.webhooks],
            "/deliveries": [uid for _, deliveries in world.webhooks for uid in deliveries],
        }
        rows = next((r for end, r in lists.items() if self.endpoint.endswith(end)), None)
        return {
            "institute_id": world.slug,
            "professor_id": own,
            "assignment_id": thing.offering,
            "unavailability_date": str(day),
            "ends_at": str(day + dt.timedelta(days=self.chance.randint(0, 2))),
            "substitute_professor_id": choose(world.professors),
            "unavailability_id": thing.absence,
            "reallocation_id": thing.case,
            "student_id": caller.code if self.role == "student" else choose(thing.voters),
            "new_time_slot_id": period,
            "new_date": date,
            "weekend_date": str(day + dt.timedelta(days=5 - day.weekday())),
            "url": f"https://hooks.example/{self.chance.randint(0, 9)}",
            "delivery_id": choose(choose(world.webhooks)[1]),
            "after": choose(rows or [thing.case]),
            "from": str(day),
            "to": str(day + dt.timedelta(days=self.chance.randint(0, 30))),
        }

    def _make_sense(self, body: Any, thing: Thing) -> None:
        """What the schema cannot say: one of two ids, an approval without which nothing happens."""
        if not isinstance(body, dict) or not self._mostly():
            return
        if self.endpoint.endswith(TARGETED):
            ids = {"reallocation_id": thing.case, "unavailability_id": thing.absence}
            wanted = self.chance.choice([*ids])
            for name in ids:
                body.pop(name, None)
            body[wanted] = ids[wanted]
        if "professor_approval" in body:
            body["professor_approval"] = True
        if "weekend_date" in body and self.chance.random() < 0.5:
            body.pop("reason", None)


def _fill(fields: Any, names: dict[str, str], wanted: Callable[[], bool]) -> None:
    if not isinstance(fields, dict):
        return
    for name, value in fields.items():
        if name in names and isinstance(value, str) and wanted():
            fields[name] = names[name]


def _is_uuid(value: object) -> bool:
    try:
        uuid.UUID(str(value))
    except ValueError:
        return False
    return True
