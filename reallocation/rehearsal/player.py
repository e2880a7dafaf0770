"""The process in which a rehearsal from the page is played, on a private copy.

It knows no other database than its own, empty one: the rows come through standard input from the
supervisor, and what it has to say goes to standard output, one JSON object a line:
`{"says": "ready"}`, `{"says": "told", "phase": …, "done": …, "total": …}`, and at the end
`{"says": "over", "found": …, "compared": …}` or `{"says": "failed", "failure": …, "error": …}`.
When standard input ends, the supervisor is gone, and so is whoever wanted to know: it ends at once.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

import structlog
from django.db import connection

from reallocation.enums import RehearsalFailure, RehearsalPhase
from reallocation.models import Policy
from reallocation.policy import policy_of, rule
from timetable.models import Institute

from . import private_copy
from .people import Odds
from .private_copy import Rows
from .stage import NothingToRehearse, Progress, Script, rehearse

logger = structlog.get_logger(__name__)

Say = Callable[[dict[str, Any]], object]

NICENESS = 10
"""The live product goes before."""


class NotPrivate(Exception):
    """The database of this process is not its own: nothing is played on it."""


def play(heard: IO[bytes], say: Say) -> None:
    """Receive the copy, play on it, and say what came of it."""
    if connection.settings_dict["NAME"] != ":memory:":
        raise NotPrivate
    private_copy.make_tables()
    say({"says": "ready"})
    order = pickle.load(heard)  # noqa: S301  (from the process that started this one)
    private_copy.fill(_rows(heard))
    os.nice(NICENESS)
    threading.Thread(target=_end_with, args=[heard], daemon=True).start()
    try:
        say({"says": "over", **_played(order, say)})
    except NothingToRehearse:
        say({"says": "failed", "failure": RehearsalFailure.NOBODY, "error": ""})
    except Exception as error:
        logger.exception("rehearsal_broke")
        said = f"{type(error).__name__}: {error}"
        say({"says": "failed", "failure": RehearsalFailure.BROKE, "error": said})


def _rows(heard: IO[bytes]) -> Iterator[Rows]:
    while (batch := pickle.load(heard)) is not None:  # noqa: S301  (as above)
        yield batch


def _end_with(heard: IO[bytes]) -> None:
    """Nobody waits for a thread in the middle of a rehearsal: the process ends as it stands."""
    if not heard.read(1):
        os._exit(1)


def _played(order: Mapping[str, Any], say: Say) -> dict[str, Any]:
    institute = Institute.objects.get(pk=order["institute"])
    script, now = script_of(order["script"]), dt.datetime.fromisoformat(order["now"])

    def told(phase: RehearsalPhase) -> Progress:
        def tell(done: int, total: int) -> None:
            say({"says": "told", "phase": phase, "done": done, "total": total})

        return tell

    # First of all: rules that cannot be are found before anything is played.
    policy = other_policy(institute, order["rules"]) if order["rules"] else None
    found = rehearse(institute, script, now=now, progress=told(RehearsalPhase.AS_IT_IS))
    if policy is None:
        return {"found": found.as_json(), "compared": None}
    compared = rehearse(
        institute, script, policy=policy, now=now, progress=told(RehearsalPhase.COMPARED)
    )
    return {"found": found.as_json(), "compared": compared.as_json()}


def script_of(stored: Mapping[str, Any]) -> Script:
    """What is rehearsed, of the plain values of a `Rehearsal.script`. Never one that is kept."""
    return Script(
        absences=stored["absences"],
        seed=stored["seed"],
        on=dt.date.fromisoformat(stored["on"]) if stored["on"] else None,
        lead_hours=stored["lead_hours"],
        wave=stored["wave"],
        odds=Odds(accept=stored["accept"], turnout=stored["turnout"], yes=stored["yes"]),
    )


def other_policy(institute: Institute, rules: Mapping[str, Any]) -> Policy:
    """The institute's policy with the other rules of a `Rehearsal.rules`."""
    policy = policy_of(institute)
    for name, (_as_it_is, other) in rules.items():
        setattr(policy, name, rule(name).to_python(other))
    return policy


def line(said: dict[str, Any]) -> bytes:
    """As it goes through the pipe."""
    return json.dumps(said).encode() + b"\n"
