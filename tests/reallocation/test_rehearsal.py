"""A rehearsal plays the real engine, says the same each time, and leaves nothing behind."""

import datetime as dt
import json
import os
import subprocess
import sys
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from reallocation import audit
from reallocation.enums import DeliveryStatus
from reallocation.models import Case, Delivery, Policy
from reallocation.rehearsal.people import Odds, People
from reallocation.rehearsal.stage import NothingToRehearse, Script, rehearse
from tests.benchmarks.bundles import Size, write_bundle
from tests.factories import at, small_institute

TUESDAY = dt.date(2027, 3, 2)
EVERYBODY = Script(absences=9, on=TUESDAY, lead_hours=24)
TIMINGS = ("wall_seconds", "peak_mb")
NOW = at("2027-02-01 09:00")

FIELDS = [
    "cases",
    "outcomes",
    "by_step",
    "filled",
    "offers",
    "votes",
    "messages",
    "hours_owed",
    "balance_before",
    "balance_after",
    "asked_per_cover",
    "messages_per_person",
    "dropped_share",
    "told_late",
    "virtual_hours",
    "wall_seconds",
    "peak_mb",
]


def rows():
    """How many rows every table holds, the queue's included."""
    return {
        model._meta.label: model._default_manager.count()
        for model in apps.get_models()
        if model._meta.managed
    }


def played(institute, script=EVERYBODY, **how):
    found = rehearse(institute, script, now=NOW, **how).as_json()
    return {name: value for name, value in found.items() if name not in TIMINGS}


def command(*arguments):
    out = StringIO()
    call_command("rehearse", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_a_rehearsal_leaves_every_table_as_it_was(flow):
    before = rows()
    assert played(flow.house.institute)["cases"] == 4
    assert rows() == before


def test_a_rehearsal_leaves_nothing_to_do_after_the_commit(
    flow, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks() as callbacks:
        played(flow.house.institute)
        played(flow.house.institute, Script(absences=9, on=TUESDAY, keep=True))
    assert callbacks == []


def test_the_same_seed_says_the_same_and_another_something_else(flow):
    institute = flow.house.institute
    many = [Script(absences=2, seed=seed, lead_hours=24) for seed in range(1, 9)]
    first = [played(institute, script) for script in many]
    assert [played(institute, script) for script in many] == first
    assert len({json.dumps(found, sort_keys=True) for found in first}) > 1


def test_every_case_ends_and_is_counted_once(flow):
    found = played(flow.house.institute)
    assert sum(found["outcomes"].values()) == found["cases"]
    assert found["outcomes"]["open"] == 0
    settled = ("substituted", "rescheduled", "weekend")
    assert sum(found["by_step"].values()) == sum(found["outcomes"][name] for name in settled)


def test_when_everybody_accepts_every_class_is_covered_by_who_is_named(flow):
    odds = Odds(accept=1.0, named=1.0, named_accept=1.0)
    found = played(flow.house.institute, Script(1, on=TUESDAY, lead_hours=48, odds=odds))
    assert found["outcomes"]["substituted"] == found["cases"] == found["by_step"]["1"]


def test_when_nobody_accepts_or_votes_nothing_is_covered(flow):
    odds = Odds(accept=0.0, named_accept=0.0, turnout=0.0)
    found = played(flow.house.institute, Script(9, on=TUESDAY, lead_hours=48, odds=odds))
    assert found["outcomes"]["substituted"] == found["outcomes"]["weekend"] == found["votes"] == 0
    assert found["asked_per_cover"] is None


def test_kept_rows_prove_themselves_and_send_nothing(flow):
    institute = flow.house.institute
    found = rehearse(institute, Script(9, on=TUESDAY, lead_hours=24, keep=True), now=NOW)
    assert Case.objects.filter(institute=institute).count() == found.cases
    assert not Case.objects.open().exists()
    verdict = audit.verify(institute)
    assert verdict.ok
    assert verdict.entries > found.cases
    assert set(Delivery.objects.values_list("status", flat=True)) == {DeliveryStatus.MUTED}


def test_cases_that_were_open_and_other_institutes_are_left_alone(flow):
    real = flow.case(professor="BEN")
    other = small_institute("southfield")
    columns = [column.attname for column in Case._meta.concrete_fields]
    before = Case.objects.values(*columns).get(pk=real.pk)
    rehearse(flow.house.institute, Script(9, on=TUESDAY, lead_hours=0, keep=True), now=flow.now)
    assert Case.objects.values(*columns).get(pk=real.pk) == before
    assert not Case.objects.filter(institute=other.institute).exists()
    assert audit.verify(other.institute).entries == 0


def test_a_wave_takes_its_share_of_those_who_teach_that_day(flow):
    people = People(1, Odds())
    drawn = {
        share: len(people.absences(flow.house.institute, 99, TUESDAY, TUESDAY, wave=share))
        for share in (0.25, 0.5, 1.0)
    }
    assert drawn == {0.25: 1, 0.5: 2, 1.0: 4}


def test_absences_are_filed_so_long_before_the_first_class(flow):
    (away,) = People(1, Odds()).absences(flow.house.institute, 1, TUESDAY, TUESDAY, lead_hours=5)
    first = flow.house.institute.meetings.filter(professor=away.professor).on_day(
        flow.house.institute, TUESDAY
    )
    assert away.filed_at == first.first().starts_at - dt.timedelta(hours=5)


def test_another_policy_is_rehearsed_and_then_forgotten(flow, tmp_path):
    path = tmp_path / "at-once.toml"
    path.write_text("wave_size = 0\nwindow_floor = 5\n")
    found = command("northfield", "--on", "2027-03-02", "--compare", str(path))
    assert list(found) == [*FIELDS, "compared"]
    assert list(found["compared"]) == FIELDS
    assert found["compared"]["cases"] == found["cases"]
    assert not Policy.objects.exists()


def test_the_command_prints_one_object_with_every_field(flow):
    assert list(command("northfield", "--absences", "2", "--on", "2027-03-02")) == FIELDS


@pytest.mark.parametrize(("terminal", "shown"), [(True, True), (False, False)])
def test_progress_is_drawn_on_a_terminal_alone(flow, monkeypatch, terminal, shown):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    drawn = StringIO()
    arguments = ("northfield", "--on", "2027-03-02", "--json")
    call_command("rehearse", *arguments, stdout=StringIO(), stderr=drawn)
    lines = drawn.getvalue().split("\r")
    assert (lines[-1].strip() == f"as it is: [{'#' * 30}] 4/4 absences") is shown
    assert (drawn.getvalue() != "") is shown


def test_an_onlooker_sees_each_case_before_it_moves_and_changes_nothing(flow):
    seen = []

    def watch(case_id, now):
        seen.append((Case.objects.get(pk=case_id).turn, now))

    assert played(flow.house.institute, watch=watch) == played(flow.house.institute)
    assert seen[0][0] == 0
    assert [now for _, now in seen] == sorted(now for _, now in seen)


def test_the_command_shows_a_table_to_people(flow):
    out = StringIO()
    call_command("rehearse", "northfield", "--on", "2027-03-02", stdout=out)
    assert [line.split("  ")[1] for line in out.getvalue().splitlines()] == [
        name.replace("_", " ") for name in FIELDS
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["elsewhere"], "There is no institute “elsewhere”."),
        (["northfield", "--on", "2031-01-01"], "Nobody teaches anything on these days."),
        (["northfield", "--wave", "0.2"], "--wave needs --on: the day on which they are all out."),
        (["northfield", "--absences", "0"], "'0' is no whole number above 0"),
        (["northfield", "--accept", "1.5"], "'1.5' is no share between 0 and 1"),
        (["northfield", "--on", "soon"], "'soon' is no date like 2027-02-01"),
        (["northfield", "--lead-hours", "-1"], "'-1' is no number of hours between 0 and 720"),
    ],
)
def test_what_cannot_be_rehearsed_is_said(flow, arguments, message):
    before = rows()
    with pytest.raises(CommandError, match=message.replace("(", r"\(")):
        call_command("rehearse", *arguments)
    assert rows() == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wave_sise = 3", "there is no rule “wave_sise”"),
        ("quorum_percent = 250", "less than or equal to 100"),
        ("wave_size = ", "Invalid value"),
        ('institute = "x"', "there is no rule “institute”"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(flow, tmp_path, text, message):
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(CommandError, match=message):
        call_command("rehearse", "northfield", "--compare", str(path))


def test_keeping_and_comparing_exclude_each_other(flow, tmp_path):
    with pytest.raises(CommandError, match="exclude each other"):
        call_command("rehearse", "northfield", "--keep", "--compare", str(tmp_path / "p.toml"))


def test_an_institute_without_a_term_has_nothing_to_rehearse(flow):
    flow.house.institute.terms.all().delete()
    with pytest.raises(NothingToRehearse):
        rehearse(flow.house.institute, EVERYBODY, now=NOW)


def test_processes_that_hash_differently_say_the_same(tmp_path):
    write_bundle(tmp_path / "bundle", Size(sections=6, professors=14, students=60), slug="small")

    def manage(*arguments, seed="0"):
        environment = os.environ | {
            "DATABASE_URL": f"sqlite:///{tmp_path / 'rehearsal.db'}",
            "SECRET_KEY": "only-for-this-test",
            "DEBUG": "0",
            "PYTHONHASHSEED": seed,
        }
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    manage("migrate", "--verbosity", "0")
    manage("import_timetable", str(tmp_path / "bundle"), "--json")
    found = [
        json.loads(manage("rehearse", "small", "--absences", "12", "--json", seed=seed))
        for seed in ("1", "2")
    ]
    first, second = ({k: v for k, v in one.items() if k not in TIMINGS} for one in found)
    assert first == second
    assert first["cases"] > 12
