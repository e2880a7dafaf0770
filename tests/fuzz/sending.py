"""The requests are generated, sent, and their answers looked at."""

from __future__ import annotations

import copy
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import strategies
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.case import Case
from schemathesis.schemas import APIOperation

from .aiming import Aim
from .answers import CHECKS
from .stage import World

ROUND = 250
"""Requests of a role between two fresh copies of the database, half of them malformed."""

PATIENCE = 120
"""Seconds: how long an answer may take is measured elsewhere."""

AT_ONCE = hypothesis.settings(
    database=None,
    deadline=None,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=[*hypothesis.HealthCheck],
)


@dataclass
class Found:
    """What came of one role's requests to an endpoint."""

    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    seconds: float = 0.0

    def told(self) -> dict[str, Any]:
        return {
            "examples": self.statuses.total(),
            "statuses": {str(status): self.statuses[status] for status in sorted(self.statuses)},
            "seconds": round(self.seconds, 1),
            "failures": [*self.failures.values()],
        }


class Sender:
    """Sends to one server. `refresh` makes its data what it was at first."""

    def __init__(self, site: str, world: World, refresh: Callable[[], None], seed: int) -> None:
        self.world, self.refresh, self.seed = world, refresh, seed
        self.schema = schemathesis.openapi.from_url(f"{site}/api/openapi.json", timeout=PATIENCE)
        # Tokens are not made up: each request brings its caller's, and one that is malformed for its
        # token alone would be well formed with that.
        self.schema.config.generation.update(with_security_parameters=False)
        # An address that is too long is refused as such, whatever else is wrong with it.
        refused = self.schema.config.checks.negative_data_rejection
        refused.expected_statuses = [*(refused.expected_statuses or []), "414"]
        self.session = requests.Session()

    def operations(self, name: str = "") -> Iterator[APIOperation]:
        for found in self.schema.get_all_operations():
            operation = found.ok()
            if name in operation.label:
                yield operation

    def send(
        self, operation: APIOperation, roles: Sequence[str], examples: int
    ) -> Iterator[dict[str, Any]]:
        """At least so many requests by each role, and what came of them: the same requests for each.

        What is wrong is told once for each kind, with how to repeat it.
        """
        found = {role: Found() for role in roles}
        for number in range(-(-examples // ROUND)):
            count = min(ROUND, examples - number * ROUND)
            requests = [
                (mode, *drawn)
                for mode, share in zip(GenerationMode, ((count + 1) // 2, count // 2), strict=True)
                for drawn in self._generated(operation, mode, share, number)
            ]
            for role in roles:
                if operation.method != "get":
                    self.refresh()
                began = time.monotonic()
                for mode, case, draw in requests:
                    aim = Aim(self.world, random.Random(draw), role, operation.path)  # noqa: S311
                    self._send(_twin(case), mode, aim, found[role])
                found[role].seconds += time.monotonic() - began
        for role, one in found.items():
            yield {"role": role, "endpoint": operation.label, **one.told()}

    def _generated(
        self, operation: APIOperation, mode: GenerationMode, examples: int, number: int
    ) -> list[tuple[Case, int]]:
        """Requests, and beside each a number by which what it is about is drawn: so no two are the same."""
        drawn: list[tuple[Case, int]] = []

        def one(case: Case, draw: int) -> None:
            drawn.append((case, draw))

        draws = strategies.integers(0, 2**32)
        given = hypothesis.given(operation.as_strategy(generation_mode=mode), draws)
        seed = hypothesis.seed(f"{self.seed} {operation.label} {number}")
        seed(hypothesis.settings(AT_ONCE, max_examples=examples)(given(one)))()
        return drawn

    def _send(self, case: Case, mode: GenerationMode, aim: Aim, found: Found) -> None:
        caller = aim.take(case, well_formed=mode == GenerationMode.POSITIVE)
        headers = {"Authorization": f"Bearer {caller.token}"} if caller.token else {}
        response = case.call(session=self.session, headers=headers, timeout=PATIENCE)
        found.statuses[response.status_code] += 1
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                told = {
                    "title": failure.title,
                    "message": failure.message,
                    "status": response.status_code,
                    "request": case.as_curl_command(headers=headers),
                    "answer": response.text[:1000],
                }
                found.failures.setdefault((failure.title, response.status_code), told)


def _twin(case: Case) -> Case:
    """The same request once more, with values of its own: whoever sends it leads it somewhere else."""
    twin: Case = object.__new__(Case)
    for name in Case.__slots__:
        value = getattr(case, name)
        own = name == "_meta" or isinstance(value, dict | list)
        object.__setattr__(twin, name, copy.deepcopy(value) if own else value)
    return twin
