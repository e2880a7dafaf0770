"""What a visit remembers of those whom it considered."""

from __future__ import annotations

from collections.abc import Collection

from reallocation.candidates import Pool

from .base import Visit


def note_left_out(visit: Visit, pool: Pool, codes: Collection[str]) -> None:
    """Keep the reason for each of these who could be asked at entry and no longer can."""
    late = {left.professor.code: left.as_json() for left in pool.left_out}
    noted = visit.record.considered["left_out"]
    known = {left["code"] for left in noted}
    new = [late[code] for code in codes if code in late and code not in known]
    visit.record.considered["left_out"] = [*noted, *new]
