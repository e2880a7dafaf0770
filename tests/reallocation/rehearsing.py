"""Rehearsals from the page, for tests: what to play, and the processes that play it."""

import hashlib
import json
from pathlib import Path

from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder

from reallocation.models import Rehearsal

SCRIPT = {
    "absences": 9,
    "seed": 1,
    "on": "2027-03-02",
    "lead_hours": 24,
    "wave": None,
    "accept": 0.3,
    "turnout": 0.6,
    "yes": 0.7,
}
TIMINGS = ("wall_seconds", "peak_mb")


def figures(found):
    """Without what differs from run to run."""
    return {name: value for name, value in found.items() if name not in TIMINGS}


def contents():
    """A digest of every table but that of the rehearsals themselves."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        if not model._meta.managed or model is Rehearsal:
            continue
        rows = [
            json.dumps(row, cls=DjangoJSONEncoder, sort_keys=True)
            for row in model._base_manager.order_by("pk").values()
        ]
        digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
        found[model._meta.label] = (len(rows), digest)
    return found


def parent_of(pid):
    """The parent of a living process; None of one that has ended, asked for or not."""
    try:
        status = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if status[0] == "Z" else int(status[1])


def children(parent):
    """The living children of a process."""
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if parent_of(pid) == parent]
