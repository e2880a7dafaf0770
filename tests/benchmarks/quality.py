"""(q) What becomes of the classes: several seeds on the real timetables, and what bounds it.

`python -m tests.benchmarks q` measures all. `python -m tests.benchmarks.quality telpolytech 24 --lost` is
one of them with one notice, and tells on stderr what came of each seed and why each class was lost.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import place

TIMETABLES = ("telpolytech", "anna-univ", "udine-comp01")
NOTICES = ("24", "1")
"""Hours before the first class at which absences are filed."""

A_DAY = 24.0
ALLOWED_IN_TIME, ALLOWED_LATE = 0.02, 0.08
"""The share of cases that may be dropped: with a day's notice, and with less."""

Found = dict[str, Any]
Tell = Callable[[Found], None]


def measure(
    slug: str, lead_hours: float, seeds: int, absences: int, tell: Tell = lambda news: None
) -> Found:
    """Play all seeds on a timetable that is imported. `tell` hears of each seed and each lost class."""
    from django.db import transaction

    from reallocation.enums import CaseStatus
    from reallocation.models import Case
    from reallocation.rehearsal.stage import Script, rehearse
    from timetable.models import Institute

    from .lost import Witness, why

    institute = Institute.objects.get(slug=slug)
    term = institute.terms.earliest("starts_on")
    now = institute.moment(term.starts_on - dt.timedelta(days=30), dt.time())
    played, bounds, reasons = [], [], Counter[str]()
    for seed in range(1, seeds + 1):
        script = Script(absences=absences, seed=seed, lead_hours=lead_hours, keep=True)
        witness = Witness(script.odds)
        with transaction.atomic():
            found = rehearse(institute, script, now=now, watch=witness)
            lost = Case.objects.for_moving().filter(status=CaseStatus.DROPPED)
            for case in lost.order_by("before_starts_at", "pk"):
                reason = why(case, witness.seen[case.pk])
                reasons[reason] += 1
                tell({"seed": seed, "why": reason, **story(case, witness.seen[case.pk])})
            transaction.set_rollback(True)
        played.append(found)
        bounds.append(witness.prophet.expected / found.cases)
        tell({"seed": seed, "bound": round(bounds[-1], 4), **found.as_json()})
    cases = sum(found.cases for found in played)
    dropped = [found.dropped_share or 0.0 for found in played]
    asked = [found.asked_per_cover for found in played if found.asked_per_cover is not None]
    return {
        "timetable": slug,
        "notice_hours": lead_hours,
        "seeds": seeds,
        "absences": absences,
        "cases": cases,
        "dropped": spread(dropped, 4),
        "bound": spread(bounds, 4),
        "why_dropped": dict(sorted(reasons.items())),
        "told_late": sum(found.told_late for found in played),
        "asked_per_cover": spread(asked, 2),
        "outcomes": {
            name: sum(found.outcomes[name] for found in played)
            for name in ("substituted", "rescheduled", "weekend", "dropped")
        },
        "ratio": round(
            statistics.fmean(dropped) / (ALLOWED_IN_TIME if lead_hours >= A_DAY else ALLOWED_LATE),
            2,
        ),
    }


def story(case: Any, seen: list[Any]) -> Found:
    """What was possible for a lost class at each look, and what each step said."""
    return {
        "class": case.meeting.offering.code,
        "starts_at": case.before_starts_at.isoformat(),
        "seen": [
            [look.at.isoformat(), look.places, look.weekend, sorted(look.colleagues)]
            for look in seen
        ],
        "steps": list(case.records.values_list("step", "reason__code")),
        "offers": list(case.offers.values_list("professor__code", "step", "status")),
    }


def tell_on_stderr(news: Found) -> None:
    sys.stderr.write(json.dumps(news) + "\n")
    sys.stderr.flush()


def measure_all() -> Iterator[Found]:
    """All timetables, each in a process with a database of its own."""
    for timetable in TIMETABLES:
        command = [sys.executable, "-m", "tests.benchmarks.quality", timetable, *NOTICES]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        for line in done.stdout.splitlines():
            yield json.loads(line)


def spread(values: list[float], digits: int) -> dict[str, float]:
    return {
        "mean": round(statistics.fmean(values), digits),
        "least": round(min(values), digits),
        "most": round(max(values), digits),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("timetable", choices=TIMETABLES)
    parser.add_argument("notice", type=float, nargs="+", help="hours")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--absences", type=int, default=100)
    parser.add_argument("--lost", action="store_true", help="tell of each lost class on stderr")
    options = parser.parse_args()
    from .measures import sample_timetables

    folder = sample_timetables()
    if folder is None:
        sys.exit("Set UNDERSTUDY_DATA to the folder of the sample timetables.")
    os.environ.update(place.surroundings("sqlite://:memory:"))
    import django
    from django.core.management import call_command

    django.setup()
    with Path(os.devnull).open("w") as nowhere:
        call_command("migrate", verbosity=0)
        call_command("import_timetable", str(folder / options.timetable), "--json", stdout=nowhere)
    for notice in options.notice:
        found = measure(
            options.timetable,
            notice,
            options.seeds,
            options.absences,
            tell_on_stderr if options.lost else lambda news: None,
        )
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
