"""The requests are generated, sent, and their answers looked at."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
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
"""Requests between two fresh copies of the database, half of them malformed."""

PATIENCE = 120
"""Seconds: how long an answer may take is measured elsewhere."""

AT_ONCE = hypothesis.settings(
    database=None,
    deadline=None,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=[*hypothesis.HealthCheck],
)


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

    def send(self, operation: APIOperation, role: str, examples: int) -> dict[str, Any]:
        """At least so many requests. What is wrong is told once for each kind, with how to repeat it."""
        began = time.monotonic()
        statuses: Counter[int] = Counter()
        failures: dict[tuple[str, int], dict[str, Any]] = {}
        for number in range(-(-examples // ROUND)):
            if operation.method != "get":
                self.refresh()
            count = min(ROUND, examples - number * ROUND)
            for mode, share in zip(GenerationMode, ((count + 1) // 2, count // 2), strict=True):
                self._send(operation, role, mode, share, number, statuses, failures)
        return {
            "role": role,
            "endpoint": operation.label,
            "examples": statuses.total(),
            "statuses": {str(status): statuses[status] for status in sorted(statuses)},
            "seconds": round(time.monotonic() - began, 1),
            "failures": list(failures.values()),
        }

    def _send(
        self,
        operation: APIOperation,
        role: str,
        mode: GenerationMode,
        examples: int,
        number: int,
        statuses: Counter[int],
        failures: dict[tuple[str, int], dict[str, Any]],
    ) -> None:
        def one(case: Case, draw: int) -> None:
            aim = Aim(self.world, random.Random(draw), role, operation.path)  # noqa: S311
            caller = aim.take(case, well_formed=mode == GenerationMode.POSITIVE)
            headers = {"Authorization": f"Bearer {caller.token}"} if caller.token else {}
            response = case.call(session=self.session, headers=headers, timeout=PATIENCE)
            statuses[response.status_code] += 1
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
                    failures.setdefault((failure.title, response.status_code), told)

        # Beside each case stands a number, by which what it is about is drawn: so no two are the same.
        draws = strategies.integers(0, 2**32)
        given = hypothesis.given(operation.as_strategy(generation_mode=mode), draws)
        seed = hypothesis.seed(f"{self.seed} {role} {operation.label} {number}")
        seed(hypothesis.settings(AT_ONCE, max_examples=examples)(given(one)))()
