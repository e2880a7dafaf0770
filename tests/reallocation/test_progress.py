import pytest

from reallocation import history, progress, queries
from reallocation.audit import Who
from reallocation.enums import ActorKind, StepNumber
from reallocation.overrides import drop, reopen, send_to
from tests.reallocation.test_steps import accept, decline

REGISTRAR = Who(ActorKind.REGISTRAR, "1", "Rita Registrar")


@pytest.fixture
def reader(flow):
    return history.Reader(flow.house.institute, names=True, question=True)


def sent_to(flow, case, step):
    send_to(case, step=step, why="Sooner", now=flow.now, who=REGISTRAR)
    flow.settle()
    return flow.again(case)


def rungs(case, reader):
    story = queries.story_of(case)
    records, offers = story.records, story.offers
    return progress.ladder(case, records, offers, reader)


def now(case, reader):
    return progress.now_of(case, queries.offers_of(case), reader)


# What a withdrawal would do


def test_an_open_case_would_end_and_the_professor_teach(flow):
    case = flow.case()
    assert progress.if_withdrawn(case, flow.now) == (
        "Nobody is asked any more; Ada Adler teaches it as planned."
    )


def test_a_postponed_class_would_go_back_while_its_time_lies_ahead(flow):
    case = sent_to(flow, flow.case(), StepNumber.RESCHEDULE)
    assert progress.if_withdrawn(case, flow.now).startswith("It goes back to its old time")
    assert progress.if_withdrawn(case, case.before_starts_at) == (
        "Its time is over, so a new one is still looked for."
    )


def test_a_substitute_would_be_released_before_the_class_begins(flow):
    case = accept(flow, flow.case(), "CLEO")
    assert progress.if_withdrawn(case, flow.now) == (
        "Ada Adler teaches it as planned, if free then; Cleo Clark is released."
    )
    assert progress.if_withdrawn(case, case.before_starts_at) == "It stays as it is."


def test_what_was_moved_would_stay_moved(flow):
    case = flow.past(sent_to(flow, flow.case(), StepNumber.RESCHEDULE))
    assert not case.is_open
    assert progress.if_withdrawn(case, flow.now) == "It stays as it is."


# The ladder


def test_a_rung_keeps_what_came_of_earlier_visits(flow, reader):
    case = flow.case()
    for code in ("BEN", "CLEO", "DAN"):
        case = decline(flow, case, code)
    case = sent_to(flow, case, StepNumber.SECTION)
    section = rungs(case, reader)[1]
    assert section.earlier == ("Everyone who was asked said no.",)


def test_rungs_that_were_passed_over_say_so(flow, reader):
    case = sent_to(flow, flow.case(), StepNumber.RESCHEDULE)
    found = [(rung.state.value, rung.sentence) for rung in rungs(case, reader)]
    assert found[1:4] == [
        ("tried", "The registrar decided: Sooner."),
        ("skipped", "Passed over."),
        ("current", f"Waits for the professor's choice of a slot until {until(case)}."),
    ]


def until(case):
    return f"{case.institute.local(case.deadline):%a %-d %b, %H:%M}"


def test_a_case_that_is_opened_again_has_its_rungs_ahead_again(flow, reader):
    case = flow.case()
    drop(case, why="No use", now=flow.now, who=REGISTRAR)
    reopen(flow.again(case), step=StepNumber.SECTION, why="It is", now=flow.now, who=REGISTRAR)
    case = flow.again(case)
    assert now(case, reader).headline == "This is being looked at."
    assert [rung.state.value for rung in rungs(case, reader)] == [
        "skipped",
        "current",
        "ahead",
        "ahead",
        "ahead",
    ]
    assert rungs(case, reader)[1].earlier == ("The registrar decided: No use.",)


def test_who_was_asked_stands_at_the_rung_with_what_they_answered(flow, reader):
    case = decline(flow, flow.case(), "BEN")
    section = rungs(case, reader)[1]
    assert [(asked.name, asked.label) for asked in section.asked] == [
        ("Dan Dorn", "no answer yet"),
        ("Ben Baker", "Declined"),
        ("Cleo Clark", "no answer yet"),
    ]
    nameless = history.Reader(flow.house.institute, names=False, question=True)
    assert [rung.asked for rung in rungs(case, nameless)] == [()] * 5


def test_the_next_wave_is_announced(flow, reader):
    from tests.factories import PolicyFactory

    PolicyFactory(institute=flow.house.institute, wave_size=1)
    case = flow.case()
    said = now(case, reader)
    assert said.headline == "One professor of the section is asked."
    assert said.then.startswith("The next are asked on Mon 1 Mar, ")
    case = decline(flow, case, "DAN")
    case = decline(flow, case, "BEN")
    assert now(case, reader).then == "Without a yes, a professor of the same subject is looked for."
