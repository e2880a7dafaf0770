"""How long each step may take: said beforehand, and kept by the engine."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import translation

from reallocation import windows
from reallocation.audit import Who
from reallocation.enums import ActorKind, StepNumber
from reallocation.overrides import send_to
from reallocation.policy import class_budget, policy_of
from tests.factories import PolicyFactory, at
from tests.reallocation.browsing import words
from tests.reallocation.test_steps import accept, decline, to_the_weekend

REGISTRAR = Who(ActorKind.REGISTRAR, "1", "Rita Registrar")

NIGHTS = "The hours from 22:00 to 07:00 at night may come on top."


@pytest.fixture
def ahead(flow):
    """`ahead(case)`: what is said of each step, by its number, with plain spaces."""

    def ahead(case):
        said = windows.outlook(flow.again(case), flow.now)
        takes = {int(number): plain(text) for number, text in said.takes.items()}
        return takes, [plain(text) for text in said.ends]

    return ahead


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_every_coming_step_says_how_long_it_takes_at_most(flow, ahead):
    # Monday 09:00; the class is on Tuesday at 09:00.
    assert ahead(flow.case()) == (
        {
            3: "At most 4 h to choose, 4 h for each answer, 12 h to vote.",
            4: "At most 24 h.",
            5: "At most 24 h.",
        },
        [
            (
                "Steps 1 to 3 are over by Tue 2 Mar, 08:00 at the latest, "
                "steps 4 and 5 by Fri 12 Mar, 23:00."
            ),
            NIGHTS,
        ],
    )


def test_the_rules_of_the_institute_are_what_is_said(flow, ahead):
    PolicyFactory(
        institute=flow.house.institute,
        choose_window=90,
        answer_window=45,
        vote_window=60,
        slot_window=15,
        weekend_window=61,
        waking_from=dt.time(8),
        waking_to=dt.time(20),
    )
    takes, ends = ahead(flow.case())
    assert takes == {
        3: "At most 1 h 30 min to choose, 45 min for each answer, 1 h to vote.",
        4: "At most 15 min.",
        5: "At most 1 h 1 min.",
    }
    assert ends[-1] == "The hours from 20:00 to 08:00 at night may come on top."


def test_no_more_is_said_than_is_left_before_the_class(flow, ahead):
    flow.now = at("2027-03-02 07:15")
    case = flow.case()
    assert ahead(case)[0][3] == "At most 45 min to choose, 45 min for each answer, 45 min to vote."
    flow.now = at("2027-03-02 07:51")
    takes, ends = ahead(case)
    assert takes[3] == "No time is left for it."
    assert ends[0].startswith("Steps 1 to 3 are over by Tue 2 Mar, 08:00")


def test_at_the_end_of_the_checkpoint_nobody_chooses_any_more(flow, ahead):
    case = send_to_reschedule(flow)
    flow.now = at("2027-03-12 22:55")
    takes, _ends = ahead(case)
    assert takes == {5: "No time is left for it."}
    case.waiting_for = ""
    assert windows.outlook(case, flow.now).takes[StepNumber.RESCHEDULE] == (
        "No time is left to choose: the best free time is taken at once."
    )


def send_to_reschedule(flow):
    case = flow.case()
    send_to(case, step=StepNumber.RESCHEDULE, why="Sooner", now=flow.now, who=REGISTRAR)
    flow.settle()
    return flow.again(case)


def test_the_third_step_says_what_follows_what_is_waited_for(flow, ahead):
    case = flow.case()
    for code in ("BEN", "CLEO", "DAN"):
        case = decline(flow, case, code)
    assert ahead(case)[0][3] == "Then at most 4 h for each answer, 12 h to vote."
    case = flow.past(case)
    assert ahead(case)[0][3] == "Then at most 4 h for each answer, 12 h to vote."
    offer = case.offers.order_by("-pk").first()
    case = accept(flow, case, offer.professor.code)
    assert 3 not in ahead(case)[0]


def test_the_last_vote_says_until_when_and_nothing_more(flow, ahead):
    assert ahead(to_the_weekend(flow)) == (
        {},
        ["Steps 4 and 5 are over by Fri 12 Mar, 23:00 at the latest."],
    )


def test_a_closed_case_takes_no_more_time(flow, ahead):
    assert ahead(accept(flow, flow.case(), "CLEO")) == ({}, [])


def test_the_steps_end_as_was_said(flow):
    """Nobody answers at all: no wait is longer than what was said beforehand."""
    case = flow.case()
    said = windows.outlook(case, flow.now)
    clock = class_budget(case, policy_of(case.institute)).clock
    most = {4: 24, 5: 24}
    latest = {3: at("2027-03-02 08:00"), 4: at("2027-03-12 23:00"), 5: at("2027-03-12 23:00")}
    seen = []
    while case.is_open:
        step, opened = case.step, flow.now
        if step in most:
            assert plain(said.takes[step]) == f"At most {most[step]} h."
            assert clock.between(opened, case.deadline) <= most[step] * dt.timedelta(hours=1)
        assert case.deadline <= latest.get(step, latest[3])
        seen.append(step)
        case = flow.past(case)
    assert {2, 3, 4} <= set(seen)


def test_german_reads_well(flow):
    case = flow.case()
    with translation.override("de"):
        said = windows.outlook(case, flow.now)
    assert plain(said.takes[StepNumber.SUBJECT]) == (
        "Höchstens 4 h für die Auswahl, 4 h für jede Antwort, 12 h für die Abstimmung."
    )
    assert plain(said.takes[StepNumber.RESCHEDULE]) == "Höchstens 24 h."


def test_everybody_involved_reads_how_long_it_may_take(site):
    case = site.flow.case()
    for who in ("ADA", "BEN", "A1", "REGISTRAR"):
        read = plain(words(site.get(who, reverse("reallocation:case-detail", args=[case.uid]))))
        assert "At most 4 h to choose, 4 h for each answer, 12 h to vote." in read
        assert "Steps 1 to 3 are over by Tue 2 Mar, 08:00 at the latest" in read
