"""The fairness report of one institute, on standard output."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from fairness.distribution import Evenness
from fairness.report import Report, fairness_report
from timetable.commands import DatabaseCommand
from timetable.models import Institute


class Command(DatabaseCommand):
    help = "How evenly covering and teaching are carried at an institute, and what would help."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the institute's slug")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        institute = Institute.objects.filter(slug=options["slug"]).first()
        if institute is None:
            raise CommandError(f"There is no institute “{options['slug']}”.")
        report = fairness_report(institute, timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json(), ensure_ascii=False))
        else:
            self.stdout.write("\n".join(_lines(report)))


def _lines(report: Report) -> list[str]:
    if report.term is None:
        return [f"{report.institute}: no term yet, no data."]
    counts = report.counts
    covering = (
        f"Covering: {report.covering.hours:.2f} h, {counts.covers} covers among "
        f"{report.covering.people} (asked {counts.asked}, accepted {counts.accepted}, "
        f"declined {counts.declined})."
    )
    lines = [
        f"{report.institute}, {report.term}",
        covering,
        f"  {_measures(report.covering)}",
        f"Teaching: {report.teaching.hours:.2f} h among {report.teaching.people}.",
        f"  {_measures(report.teaching)}",
        f"Hours owed to students: {report.hours_owed:.2f}.",
    ]
    lines += [
        f"Recommended: {one.taker} takes {one.offering} ({one.hours:.2f} h) from {one.giver}: "
        f"balance {one.balance_before:.2f} → {one.balance_after:.2f}."
        for one in report.recommendations
    ]
    if report.forecast is not None:
        ahead = report.forecast
        covers = "no data" if ahead.cover_hours is None else f"{ahead.cover_hours:.2f} h"
        lines.append(
            f"By {ahead.checkpoint}: covering {covers}, teaching {ahead.teaching_hours:.2f} h of "
            f"{ahead.expected_hours:.2f} h expected."
        )
    return lines


def _measures(one: Evenness) -> str:
    if one.balance is None:
        return "No data, or too few people to compare."
    return (
        f"Balance {one.balance:.2f}, Gini {one.gini:.3f}, coefficient of variation "
        f"{one.variation:.3f}, Jain {one.jain:.3f}, largest deviation "
        f"{one.largest_deviation:.2f} h."
    )
