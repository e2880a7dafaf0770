"""What came of a rehearsal in plain sentences, and bars and figures that agree with them."""

import pytest

from reallocation.rehearsal.comparison import compare

FOUND = {
    "cases": 40,
    "outcomes": {
        "open": 0,
        "substituted": 20,
        "rescheduled": 12,
        "weekend": 2,
        "dropped": 6,
        "withdrawn": 0,
    },
    "by_step": {"1": 4, "2": 10, "3": 6, "4": 12, "5": 2},
    "filled": {"1": 0.29, "2": 0.4, "3": 0.3333, "4": 0.6, "5": None},
    "offers": 1070,
    "votes": 300,
    "messages": 12345,
    "hours_owed": 9.0,
    "balance_before": None,
    "balance_after": 0.914,
    "asked_per_cover": 3.3,
    "messages_per_person": 2.96,
    "dropped_share": 0.15,
    "told_late": 2,
}
AT_ONCE = {"wave_size": [3, 0]}


def other(**changes):
    outcomes = FOUND["outcomes"] | changes.pop("outcomes", {})
    return FOUND | {"outcomes": outcomes} | changes


def said(compared, rules=AT_ONCE):
    comparison = compare(FOUND, compared, rules)
    return [comparison.headline, *comparison.sentences]


def test_the_verdict_names_what_matters_first():
    compared = other(asked_per_cover=15.3, outcomes={"dropped": 3})
    (headline,) = said(compared)
    assert headline == (
        "With everyone asked at once, 12 more people are asked per class covered,"
        " and 3 classes fewer are lost."
    )


def test_the_verdict_says_everything_that_changes_and_nothing_else():
    compared = other(
        asked_per_cover=2.9,
        outcomes={"dropped": 7, "substituted": 19},
        hours_owed=10.5,
        messages_per_person=2.4,
        told_late=1,
        balance_after=0.9,
    )
    headline, *more = said(compared)
    assert headline == (
        "With everyone asked at once, 0.4 fewer people are asked per class covered,"
        " and 1 class more is lost."
    )
    assert more == [
        "1 class fewer is taught at its time by somebody else.",
        "1.5 h more are owed to students.",
        "Each person concerned gets 0.6 fewer messages.",
        "The students of 1 class fewer learn of it too late.",
        "Covering is spread less evenly (balance 0.90 instead of 0.91).",
    ]


def test_one_change_makes_one_sentence():
    assert said(other(told_late=4)) == [
        "With everyone asked at once, the students of 2 classes more learn of it too late."
    ]


def test_what_does_not_show_is_no_change():
    compared = other(asked_per_cover=3.34, messages_per_person=2.99, balance_after=0.9101)
    assert said(compared) == [
        "With everyone asked at once, nothing changes: the same is done, asked and lost."
    ]


def test_what_is_unknown_on_one_side_is_not_compared():
    compared = other(asked_per_cover=None, balance_after=None)
    assert "nothing changes" in said(compared)[0]
    (people,) = [c for c in compare(FOUND, compared, AT_ONCE).charts if c.key == "people"]
    asked = people.pairs[0]
    assert (asked.today.text, asked.other.text, asked.difference) == ("3.3", "–", "")
    assert asked.other.width == "0.0%"


@pytest.mark.parametrize(
    ("rules", "head"),
    [
        ({"wave_size": [3, 0]}, "With everyone asked at once"),
        ({"wave_size": [3, 1]}, "With 1 person asked at a time"),
        ({"wave_size": [3, 5]}, "With 5 people asked at a time"),
        (
            {"quorum_percent": [25, 10]},
            "With “approval quorum, per cent of the roll” at 10 instead of 25",
        ),
        ({"wave_size": [3, 0], "notice": [60, 30]}, "With the other rules"),
    ],
)
def test_the_other_rules_are_called_by_what_is_other(rules, head):
    assert said(other(told_late=0), rules)[0].startswith(f"{head}, ")


def test_without_a_comparison_the_rules_of_today_are_told():
    comparison = compare(FOUND, None, {})
    assert [comparison.headline, *comparison.sentences] == [
        "Of 40 classes, 34 are held and 6 are lost.",
        "3.3 people are asked per class that somebody covers.",
        "Each person concerned gets 3 messages.",
        "9 h are owed to students at the end.",
    ]
    pairs = [pair for chart in comparison.charts for pair in chart.pairs] + [*comparison.rows]
    assert {(pair.other, pair.difference) for pair in pairs} == {(None, "")}


def test_bars_and_figures_are_those_of_the_rehearsal():
    compared = other(
        outcomes={"dropped": 3, "rescheduled": 15},
        filled=FOUND["filled"] | {"2": 0.55, "5": 0.5},
        asked_per_cover=6.6,
        offers=2000,
        balance_after=0.899,
    )
    comparison = compare(FOUND, compared, AT_ONCE)
    shown = {
        pair.label: (
            *(pair.today.text, pair.today.width),
            *(pair.other.text, pair.other.width, pair.difference),
        )
        for pair in [*[p for chart in comparison.charts for p in chart.pairs], *comparison.rows]
    }
    assert shown == {
        "Substituted": ("20", "50.0%", "20", "50.0%", "="),
        "Rescheduled": ("12", "30.0%", "15", "37.5%", "+3"),
        "Moved to the weekend": ("2", "5.0%", "2", "5.0%", "="),
        "Dropped": ("6", "15.0%", "3", "7.5%", "−3"),
        "1 · Direct substitute": ("29\u00a0%", "29.0%", "29\u00a0%", "29.0%", "="),
        "2 · Professors of the section": ("40\u00a0%", "40.0%", "55\u00a0%", "55.0%", "+15 points"),
        "3 · Same subject and student vote": ("33\u00a0%", "33.3%", "33\u00a0%", "33.3%", "="),
        "4 · Reschedule": ("60\u00a0%", "60.0%", "60\u00a0%", "60.0%", "="),
        "5 · Weekend": ("–", "0.0%", "50\u00a0%", "50.0%", ""),
        "People asked per class covered": ("3.3", "50.0%", "6.6", "100.0%", "+3.3"),
        "Messages to each person concerned": ("3.0", "100.0%", "3.0", "100.0%", "="),
        "Hours owed to students": ("9.0 h", "100.0%", "9.0 h", "100.0%", "="),
        "Classes told too late": ("2", "100.0%", "2", "100.0%", "="),
        "Before": ("–", "0.0%", "–", "0.0%", ""),
        "After": ("0.91", "91.4%", "0.90", "89.9%", "−0.01"),
        "Classes affected": ("40", "0.0%", "40", "0.0%", "="),
        "Requests sent": ("1,070", "0.0%", "2,000", "0.0%", "+930"),
        "Votes cast": ("300", "0.0%", "300", "0.0%", "="),
        "Messages written": ("12,345", "0.0%", "12,345", "0.0%", "="),
    }
