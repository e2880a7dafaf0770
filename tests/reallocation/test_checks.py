import pytest
from django.conf import settings
from django.core.checks import run_checks

from reallocation.checks import check_queue

RIGHT = {
    "orm": "default",
    "timeout": 60,
    "retry": 600,
    "max_attempts": 5,
    "catch_up": False,
    "ack_failures": True,
}


def without(*names):
    return {name: value for name, value in RIGHT.items() if name not in names}


def found():
    return [(fault.id, fault.hint) for fault in check_queue(None)]


def test_the_settings_of_the_project_are_right():
    assert found() == []
    assert [fault for fault in run_checks() if (fault.id or "").startswith("reallocation")] == []


def test_right_settings_are_not_complained_about(settings):
    settings.Q_CLUSTER = RIGHT
    assert found() == []


@pytest.mark.parametrize(
    ("queue", "fault", "hint"),
    [
        (
            without("timeout"),
            "E001",
            "Set 'timeout' to the seconds that one task may take, for example 60.",
        ),
        (
            {**RIGHT, "timeout": None},
            "E001",
            "Set 'timeout' to the seconds that one task may take, for example 60.",
        ),
        (
            {**RIGHT, "retry": 120},
            "E002",
            "'retry' counts from when a task enters the local queue; try ten times 'timeout'.",
        ),
        (
            without("retry"),
            "E002",
            "'retry' counts from when a task enters the local queue; try ten times 'timeout'.",
        ),
        (
            without("max_attempts"),
            "E003",
            "Set 'max_attempts' to a small number, for example 5.",
        ),
        (
            {**RIGHT, "max_attempts": 0},
            "E003",
            "Set 'max_attempts' to a small number, for example 5.",
        ),
        (
            without("catch_up"),
            "E004",
            "Set 'catch_up' to False: one sweep catches up with everything.",
        ),
        (
            {**RIGHT, "catch_up": True},
            "E004",
            "Set 'catch_up' to False: one sweep catches up with everything.",
        ),
        (
            without("ack_failures"),
            "E005",
            "Set 'ack_failures' to True: the sweep does what a failed nudge left.",
        ),
        (
            {**without("orm"), "redis": {"host": "localhost"}},
            "E006",
            "Set 'orm': 'default': a nudge then commits, or not, with what it is about.",
        ),
    ],
)
def test_each_wrong_setting_is_an_error_that_says_what_to_do(settings, queue, fault, hint):
    settings.Q_CLUSTER = queue
    assert found() == [(f"reallocation.{fault}", hint)]


def test_the_drivers_own_pool_is_an_error(monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "OPTIONS", {"pool": True})
    assert found() == [("reallocation.E007", "Remove OPTIONS['pool'] and use CONN_MAX_AGE.")]


def test_all_that_is_wrong_is_said_at_once(settings):
    settings.Q_CLUSTER = {}
    assert [fault.removeprefix("reallocation.") for fault, _hint in found()] == [
        *("E001", "E003", "E004", "E005", "E006"),
    ]


def test_the_checks_run_with_djangos_own(settings):
    settings.Q_CLUSTER = without("max_attempts")
    ids = [fault.id for fault in run_checks()]
    assert ids.count("reallocation.E003") == 1
