"""Where covering and teaching will stand at the next checkpoint, if things go on as so far.

The method is linear. *Covering*: the hours booked so far ÷ the teaching days that are over, today
included × the teaching days until the checkpoint. *Teaching*: what was taught plus what is planned
until then, against the part of the expected hours that falls to the teaching days until then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

from timetable.models import Term

from .distribution import Distribution
from .teaching import TeachingLoad
from .term_days import TermDays


@dataclass(frozen=True)
class Forecast:
    """Hours are clock hours of the whole institute. None where nothing is known yet.

    `largest_deviation` is from the fair share of covering if everybody goes on as so far (each
    deviation grows with the hours); `balance` if each further cover goes to whoever carries least.
    """

    checkpoint: dt.date
    teaching_days_left: int
    covers: int | None
    cover_hours: float | None
    largest_deviation: float | None
    balance: float | None
    teaching_hours: float
    expected_hours: float
    hours_owed: float
    """Owed to students and due until then."""


def forecast(
    term: Term,
    covering: Distribution,
    covers: Collection[Decimal],
    loads: Iterable[TeachingLoad],
    days: TermDays,
    *,
    owed: Iterable[tuple[Decimal, dt.date | None]],
    now: dt.datetime,
) -> Forecast | None:
    """For the next checkpoint of the term; None once the last one is over. No queries.

    `covers` are the lengths of the covers booked so far, `owed` hours and when they are due.
    """
    today = term.institute.local(now).date()
    checkpoint = term.checkpoint_after(today)
    if checkpoint is None:
        return None
    over, left = days.until(today), days.until(checkpoint) - days.until(today)
    rows = list(loads)
    share = days.share_until(checkpoint)
    more: int | None = None
    hours = largest = balance = None
    if over and covers:
        booked = sum(covers, Decimal(0))
        growth = Decimal(over + left) / over
        more = round(len(covers) * (growth - 1))
        hours = float(booked * growth)
        now_largest = covering.evenness().largest_deviation
        largest = None if now_largest is None else now_largest * float(growth)
        then = covering.balance_filled([booked / len(covers)] * more)
        balance = None if then is None else then.score
    return Forecast(
        checkpoint=checkpoint,
        teaching_days_left=left,
        covers=more,
        cover_hours=hours,
        largest_deviation=largest,
        balance=balance,
        teaching_hours=float(sum(one.done + one.coming_until_checkpoint for one in rows)),
        expected_hours=float(sum(one.expected for one in rows) * share),
        hours_owed=float(sum(due for due, by in owed if by is not None and by <= checkpoint)),
    )
