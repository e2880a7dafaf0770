import datetime as dt

import pytest
from django.urls import reverse

from reallocation import absences, answers, overrides
from reallocation.audit import Who
from reallocation.enums import ActorKind, CaseStatus, StepNumber, WaitingFor
from reallocation.models import Case, LogEntry, SlotChoice
from reallocation.views import case as views
from tests.factories import (
    InstituteFactory,
    LedgerEntryFactory,
    MeetingFactory,
    RoomFactory,
    StaffFactory,
    StudentFactory,
    at,
    small_institute,
)
from tests.reallocation.browsing import words
from tests.reallocation.test_steps import accept, decline, to_the_weekend, vote
from timetable.enums import MeetingStatus, StaffRole

LIST = reverse("reallocation:case-list")


PLACE_REFUSED = "The class cannot be moved there: "


def page(case):
    return reverse("reallocation:case-detail", args=[case.uid])


def rungs(site, who, case):
    response = site.get(who, page(case))
    return [(rung.state.value, rung.sentence) for rung in response.context["rungs"]]


def told(site, who, case):
    return [line.text for line in site.get(who, page(case)).context["lines"]]


def open_acts(site, who, case):
    response = site.get(who, page(case))
    return [act.name for act, _form in response.context["forms"]]


def refused_by_section(flow):
    """A case that waits for the professor's choice, because the whole section has said no."""
    case = flow.case()
    for code in ("BEN", "CLEO", "DAN"):
        case = decline(flow, case, code)
    return case


def substituted(flow, code="CLEO"):
    return accept(flow, flow.case(), code)


# Who finds a case


def test_a_case_exists_for_everybody_involved_and_for_nobody_else(site):
    case = site.flow.case()
    outsider = StudentFactory(institute=site.house.institute).user
    auditor = StaffFactory(institute=site.house.institute, role=StaffRole.AUDITOR).user
    elsewhere = small_institute("southfield")
    stranger, far = StaffFactory(institute=elsewhere.institute).user, elsewhere.professors["ADA"]
    assert site.statuses(
        page(case),
        "ADA",
        "BEN",
        "A1",
        "REGISTRAR",
        auditor,
        "EVE",
        "B1",
        outsider,
        stranger,
        far.user,
        None,
    ) == {
        "ADA": 200,
        "BEN": 200,
        "A1": 200,
        "REGISTRAR": 200,
        str(auditor): 200,
        "EVE": 404,
        "B1": 404,
        str(outsider): 404,
        str(stranger): 404,
        str(far.user): 404,
        "None": 302,
    }


def test_a_head_of_department_finds_the_cases_of_their_department(site):
    case = site.flow.case()
    for department, status in (("Sciences", 200), ("Arts", 404), ("", 200)):
        head = StaffFactory(
            institute=site.house.institute, role=StaffRole.HEAD, department=department
        )
        assert site.get(head.user, page(case)).status_code == status


def test_who_may_not_see_a_case_cannot_act_on_it_either(site):
    case = site.flow.case()
    for who, act in (
        ("EVE", "name"),
        ("B1", "drop"),
        ("BEN", "drop"),
        ("A1", "name"),
        ("ADA", "drop"),
        ("ADA", "no-such-act"),
        ("BEN", "teach"),
        ("EVE", "teach"),
        ("A1", "teach"),
        ("B1", "teach"),
        (None, "teach"),
        ("ADA", ""),
    ):
        refused = 302 if who is None else 404
        assert site.post(who, page(case), act=act, why="Because").status_code == refused
    auditor = StaffFactory(institute=site.house.institute, role=StaffRole.AUDITOR).user
    for act in ("drop", "teach"):
        assert site.post(auditor, page(case), act=act, why="Because").status_code == 404
    assert site.flow.again(case).turn == case.turn


# What it tells, and to whom


def test_the_head_of_a_withdrawn_case_says_what_holds(site):
    first, second = site.flow.file(ends="2027-03-04 00:00").cases
    site.flow.settle()
    assert "· Ada Adler is absent" in site.read("BEN", page(first))
    absences.leave_out(first, now=site.flow.now)
    text = site.read("ADA", page(first))
    assert "· Ada Adler teaches it after all" in text
    assert "· Ada Adler is absent" not in text
    assert "· Ada Adler is absent" in site.read("ADA", page(second))


def test_the_head_of_a_withdrawn_case_keeps_quiet_about_what_a_later_one_decides(site):
    case, _ = site.flow.file(ends="2027-03-04 00:00").cases
    absences.leave_out(case, now=site.flow.now)
    absence = case.absence
    absences.change(
        absence,
        starts_at=absence.starts_at,
        ends_at=absence.ends_at,
        take_in=[case.meeting_id],
        now=site.flow.now,
    )
    assert "· Ada Adler was to be absent" in site.read("ADA", page(case))


def test_the_head_changes_with_the_part_that_lives(site):
    case, _ = site.flow.file(ends="2027-03-04 00:00").cases
    absences.leave_out(case, now=site.flow.now)
    response = site.get("ADA", f"{page(case)}?live=0.0")
    assert (
        '<span id="who-is-there" hx-swap-oob="innerHTML">Ada Adler teaches it after all</span>'
    ) in response.content.decode()


def test_the_ladder_shows_tried_skipped_current_and_coming_steps(site):
    case = refused_by_section(site.flow)
    assert rungs(site, "ADA", case) == [
        ("skipped", "No substitute was named."),
        ("tried", "Everyone who was asked said no."),
        ("current", "Waits for the professor's choice of a candidate until Mon 1 Mar, 11:48."),
        ("ahead", "The class is moved to a free time before the next checkpoint."),
        ("ahead", "The class votes on a weekend time; without a yes it is dropped."),
    ]


def test_who_said_no_is_named_to_the_absent_professor_and_to_staff_alone(site):
    case = site.flow.case()
    case = decline(site.flow, case, "BEN")
    answers_of_ben = "Ben Baker Declined"
    for who in ("ADA", "REGISTRAR"):
        text = site.read(who, page(case))
        assert answers_of_ben in text
        assert "Ben Baker said no." in text
    for who in ("A1", "CLEO", "BEN"):
        text = site.read(who, page(case))
        assert "said no" not in text
        assert "Declined" not in text
    assert "Ben Baker" not in site.read("A1", page(case))
    assert "Ben Baker" not in site.read("CLEO", page(case))


def test_students_never_learn_that_the_whole_section_said_no(site):
    case = refused_by_section(site.flow)
    text = site.read("A1", page(case))
    assert rungs(site, "A1", case)[1] == ("tried", "Nobody who was asked could take it.")
    assert "said no" not in text
    assert "Eve Ernst" not in text
    assert told(site, "A1", case) == [
        "Ada Adler is absent: this case was opened.",
        "Step 1 (Direct substitute) was skipped: no substitute was named.",
        "3 colleagues were asked to take the class, to answer by Mon 1 Mar, 12:13.",
        "Step 2 (Professors of the section) led nowhere: nobody who was asked could take it.",
    ]


def test_words_given_with_a_no_are_for_registrars_alone(site):
    case = site.flow.case()
    offer = case.offers.get(professor__code="BEN")
    answers.decline(
        offer, by=site.house.professors["BEN"], now=site.flow.now, comment="At the dentist"
    )
    assert "“At the dentist”" in site.read("REGISTRAR", page(case))
    for who in ("ADA", "BEN", "CLEO", "A1"):
        assert "dentist" not in site.read(who, page(case))


def test_the_history_tells_the_whole_way_as_far_as_the_reader_may_know_it(site):
    case = substituted(site.flow)
    assert told(site, "REGISTRAR", case) == [
        "Ada Adler is absent: this case was opened.",
        "Step 1 (Direct substitute) was skipped: no substitute was named.",
        "Dan Dorn was asked to take the class, to answer by Mon 1 Mar, 12:13.",
        "Ben Baker was asked to take the class, to answer by Mon 1 Mar, 12:13.",
        "Cleo Clark was asked to take the class, to answer by Mon 1 Mar, 12:13.",
        "Told 3 people: “Can you take MATH on Tue 2 Mar, 09:00?”",
        "Cleo Clark said yes.",
        "Dan Dorn was told that somebody else was first.",
        "Ben Baker was told that somebody else was first.",
        "Told 2 people: “Already taken: MATH on Tue 2 Mar, 09:00”",
        "Cleo Clark teaches the class.",
        "Told 5 people: “MATH on Tue 2 Mar, 09:00: Cleo Clark teaches”",
        "Told 1 person: “Cleo Clark takes your MATH on Tue 2 Mar, 09:00”",
        "Told 1 person: “You take MATH on Tue 2 Mar, 09:00”",
    ]
    assert told(site, "A1", case) == [
        "Ada Adler is absent: this case was opened.",
        "Step 1 (Direct substitute) was skipped: no substitute was named.",
        "3 colleagues were asked to take the class, to answer by Mon 1 Mar, 12:13.",
        "Cleo Clark said yes.",
        "Cleo Clark teaches the class.",
    ]


def test_a_substituted_class_is_shown_beside_its_plan(site):
    case = substituted(site.flow)
    text = site.read("A1", page(case))
    assert "How it ended" in text
    assert "Cleo Clark takes the class, at its planned time." in text
    assert "Professor Ada Adler Cleo Clark" in text
    assert rungs(site, "A1", case)[1][0] == "settled"
    assert [state for state, _ in rungs(site, "A1", case)[2:]] == ["spared"] * 3


def test_a_postponed_class_has_no_time_and_no_professor_yet(site):
    case = refused_by_section(site.flow)
    case = site.flow.past(case)
    case = site.flow.past(case)
    assert case.step == StepNumber.RESCHEDULE
    text = site.read("A1", page(case))
    assert "Ada Adler picks a new time." in text
    assert "Time Tue 2 Mar, 09:00–10:30 none yet" in text
    assert "You pick a new time." in site.read("ADA", page(case))


def test_the_handover_note_is_for_whoever_is_asked(site):
    case = site.flow.case(handover="Chapter 7")
    for who in ("ADA", "BEN", "REGISTRAR"):
        assert "Chapter 7" in site.read(who, page(case))
    assert "Chapter 7" not in site.read("A1", page(case))


def test_a_student_with_a_vote_is_led_to_it(site):
    case = refused_by_section(site.flow)
    answers.choose_candidate(case, candidate=site.house.professors["EVE"], now=site.flow.now)
    site.flow.settle()
    case = accept(site.flow, site.flow.again(case), "EVE")
    html = site.get("A1", page(case)).content.decode()
    assert "To the vote" in html
    assert "The class votes on whether Eve Ernst shall teach it." in html
    assert "To the vote" not in site.read("ADA", page(case))
    assert "The class votes on a substitute." in site.read("BEN", page(case))
    assert "Eve Ernst" not in site.read("BEN", page(case))
    assert "The class votes on whether Eve Ernst shall teach it." in site.read("EVE", page(case))


def test_counts_of_a_vote_are_told_unless_so_few_may_vote_that_they_tell_on_somebody(site):
    case = refused_by_section(site.flow)
    answers.choose_candidate(case, candidate=site.house.professors["EVE"], now=site.flow.now)
    site.flow.settle()
    case = vote(site.flow, accept(site.flow, site.flow.again(case), "EVE"), no=3)
    assert "The class voted no: 0 yes, 3 no, 5 on the roll." in told(site, "ADA", case)


def test_a_small_roll_keeps_its_counts_to_itself(site):
    for code in ("A1", "A2"):
        site.house.students[code].enrolments.all().delete()
    case = refused_by_section(site.flow)
    answers.choose_candidate(case, candidate=site.house.professors["EVE"], now=site.flow.now)
    site.flow.settle()
    case = vote(site.flow, accept(site.flow, site.flow.again(case), "EVE"), no=2)
    text = site.read("REGISTRAR", page(case))
    assert "The class voted no." in text
    assert "2 no" not in text
    assert rungs(site, "REGISTRAR", case)[2] == ("tried", "The class voted no.")


def test_a_dropped_class_says_what_is_owed(site):
    case = vote(site.flow, to_the_weekend(site.flow), no=3)
    text = site.read("A1", page(case))
    assert "The class does not take place. 1.5 h are owed to its students." in text
    assert "Time Tue 2 Mar, 09:00–10:30 does not take place Room R1 – Professor Ada Adler –" in text
    assert rungs(site, "A1", case)[4][0] == "tried"


# The part that lives


def test_the_live_part_is_empty_until_something_happens(site):
    case = site.flow.case()
    state = site.get("BEN", page(case)).context["state"]
    live = f"{page(case)}?live={state}&acts="
    assert site.get("BEN", live).status_code == 204
    decline(site.flow, case, "CLEO")
    response = site.get("BEN", live)
    assert response.status_code == 200
    text = response.content.decode()
    assert "<html" not in text
    assert 'id="live"' in text
    assert "Things have moved on." not in text


def test_the_live_part_says_when_there_is_something_new_to_do(site):
    case = site.flow.case()
    context = site.get("ADA", page(case)).context
    assert context["acts"] == "name,teach"
    refused = [decline(site.flow, case, code) for code in ("BEN", "CLEO", "DAN")][-1]
    response = site.get("ADA", f"{page(refused)}?live={context['state']}&acts={context['acts']}")
    assert "Things have moved on. Show what I can do now" in words(response)


def test_a_settled_case_asks_for_nothing_any_more(site):
    case = substituted(site.flow)
    assert "hx-get" not in site.get("A1", page(case)).content.decode()


# Choosing a candidate


def test_the_absent_professor_chooses_from_the_list_with_its_reasons(site):
    LedgerEntryFactory(professor=site.house.professors["BEN"], term=site.house.term)
    case = refused_by_section(site.flow)
    text = site.read("ADA", page(case))
    assert "Who shall be asked?" in text
    assert "1. Eve Ernst 0.3 h below fair share · no other class that day balance" in text
    assert "balance 1.00 → 1.00" in text
    assert open_acts(site, "ADA", case) == ["choose-candidate", "name", "teach"]
    response = site.post("ADA", page(case), act="choose-candidate", candidate="EVE")
    assert (response.status_code, response.url) == (302, page(case))
    site.flow.settle()
    assert site.flow.again(case).waiting_for == WaitingFor.CANDIDATE
    entry = LogEntry.objects.get(kind="choice.candidate")
    assert (entry.actor_kind, entry.actor_name) == (ActorKind.PROFESSOR, "Ada Adler")


def test_a_registrar_may_choose_for_the_professor(site):
    case = refused_by_section(site.flow)
    assert "For Ada Adler: Who shall be asked?" in site.read("REGISTRAR", page(case))
    site.post("REGISTRAR", page(case), act="choose-candidate", candidate="EVE")
    assert LogEntry.objects.get(kind="choice.candidate").actor_kind == ActorKind.REGISTRAR


@pytest.mark.parametrize(
    ("candidate", "status", "error"),
    [
        ("", 400, "Choose somebody."),
        ("NOBODY", 400, "Choose somebody from the list."),
        ("BEN", 409, "Ben Baker is not among those who can take this class."),
    ],
)
def test_a_choice_that_cannot_be_is_refused_at_its_place(site, candidate, status, error):
    case = refused_by_section(site.flow)
    response = site.post("ADA", page(case), act="choose-candidate", candidate=candidate)
    assert response.status_code == status
    ((_, form),) = [one for one in response.context["forms"] if one[0].name == "choose-candidate"]
    assert form.errors == {"candidate": [error]}
    assert error in words(response)
    assert site.flow.again(case).named is None


def test_who_is_not_free_any_more_is_struck_out_and_refused(site):
    case = refused_by_section(site.flow)
    MeetingFactory(
        offering=site.house.classes["MATH.B"],
        day=dt.date(2027, 3, 2),
        clock=dt.time(9),
        professor=site.house.professors["EVE"],
    )
    assert "1. Eve Ernst teaches another class at that time" in site.read("ADA", page(case))
    response = site.post("ADA", page(case), act="choose-candidate", candidate="EVE")
    assert response.status_code == 409
    assert "Eve Ernst teaches another class at that time." in words(response)


def test_a_choice_that_comes_too_late_shows_how_it_stands_now(site):
    case = refused_by_section(site.flow)
    case = site.flow.past(case)
    response = site.post("ADA", page(case), act="choose-candidate", candidate="EVE")
    assert response.status_code == 409
    text = words(response)
    assert "This is not being asked any more. Here is how it stands now." in text
    assert "Eve Ernst is asked to take the class." in text


# Choosing a slot


def waits_for_a_slot(flow):
    case = flow.case()
    overrides.send_to(
        case, step=StepNumber.RESCHEDULE, why="Sooner", now=flow.now, who=Who(ActorKind.REGISTRAR)
    )
    flow.settle()
    return flow.again(case)


def test_the_absent_professor_picks_one_of_the_best_times(site):
    case = waits_for_a_slot(site.flow)
    response = site.get("ADA", page(case))
    options = response.context["choices"].slots
    assert len(options) == 8
    assert "no student has another class" in words(response)
    best = options[0]
    slot = f"{best.starts_at.isoformat()}|{best.room.code}"
    assert site.post("ADA", page(case), act="choose-slot", slot=slot).status_code == 302
    choice = SlotChoice.objects.get()
    assert (choice.starts_at, choice.room, choice.chosen_by) == (
        best.starts_at,
        best.room,
        site.user("ADA"),
    )
    site.flow.settle()
    case = site.flow.again(case)
    assert (case.status, case.meeting.starts_at) == (CaseStatus.RESCHEDULED, best.starts_at)
    assert "Moved" in site.read("A1", page(case))


@pytest.mark.parametrize(
    ("slot", "status", "error"),
    [
        ("", 400, "Choose a time."),
        ("tomorrow|R1", 400, "Choose a time from the list."),
        ("2027-03-04T09:00|R1", 400, "Choose a time from the list."),
        ("2027-03-04T09:00+01:00|R99", 400, "Choose a time from the list."),
        (
            "2027-03-01T09:00+01:00|R1",
            409,
            PLACE_REFUSED + "the new time must lie ahead, with time to tell everyone.",
        ),
        (
            "2027-03-02T11:00+01:00|R1",
            409,
            PLACE_REFUSED + "is absent at that time.",
        ),
    ],
)
def test_a_time_that_cannot_be_is_refused_at_its_place(site, slot, status, error):
    case = waits_for_a_slot(site.flow)
    response = site.post("ADA", page(case), act="choose-slot", slot=slot)
    assert response.status_code == status
    assert error in words(response)
    assert not SlotChoice.objects.exists()


# Naming somebody, and taking a promise back


def test_the_absent_professor_can_have_somebody_asked_first(site):
    case = site.flow.case()
    response = site.post("ADA", page(case), act="name", listed="EVE")
    assert response.status_code == 302
    site.flow.settle()
    case = site.flow.again(case)
    assert (case.step, case.waiting_for) == (StepNumber.DIRECT, WaitingFor.SUBSTITUTE)
    assert site.flow.offers(case)[-1] == ("EVE", "sent")


@pytest.mark.parametrize(
    ("sent", "name", "error"),
    [
        ({}, "listed", "Choose somebody, or write who it is."),
        ({"other": "who knows"}, "other", "Nobody here is called “who knows”."),
        (
            {"listed": "EVE", "other": "BEN"},
            "other",
            "Choose from the list or write a name, not both.",
        ),
    ],
)
def test_a_name_that_cannot_be_is_refused_at_its_field(site, sent, name, error):
    case = site.flow.case()
    response = site.post("ADA", page(case), act="name", **sent)
    assert response.status_code in (400, 409)
    ((_, form),) = [one for one in response.context["forms"] if one[0].name == "name"]
    assert form.errors == {name: [error]}
    assert site.flow.again(case).turn == case.turn


def test_who_is_busy_cannot_be_named_and_the_page_says_who_is_free(site):
    case = site.flow.case()
    MeetingFactory(offering=site.house.classes["PHYS.A"], day=dt.date(2027, 3, 2), clock=dt.time(9))
    response = site.post("ADA", page(case), act="name", other="BEN")
    assert response.status_code == 409
    assert "Ben Baker teaches another class at that time." in words(response)
    assert "Free then: Dan Dorn, Cleo Clark, Eve Ernst." in words(response)


# Teaching one class of an absence after all


def test_teaching_one_class_after_all_says_first_what_follows(site):
    (case, other) = site.flow.file(ends="2027-03-04 00:00").cases
    site.flow.settle()
    assert (
        "I can teach this one after all Nobody is asked any more; Ada Adler teaches it as planned. "
        "Everybody concerned is told. The absence stays on file. This class is left out of it, also if "
        "it is changed later, until it is taken in again under “Change”. I teach this class"
    ) in site.read("ADA", page(case))
    assert site.flow.again(case).is_open

    response = site.post("ADA", page(case), act="teach")
    assert (response.status_code, response.url) == (302, page(case))
    assert (site.flow.again(case).status, site.flow.again(other).status) == ("withdrawn", "open")
    text = site.read("ADA", page(case))
    assert "You teach the class after all." in text
    assert "Ada Adler can teach this class after all." in text
    entry = LogEntry.objects.get(kind="absence.left_out")
    assert (entry.actor_kind, entry.actor_name) == (ActorKind.PROFESSOR, "Ada Adler")


def test_of_an_absence_about_one_class_alone_the_page_says_that_it_ends(site):
    case = site.flow.case(starts="2027-03-02 09:00", ends="2027-03-02 10:30")
    assert "The absence is about this class alone, so it is withdrawn." in site.read(
        "ADA", page(case)
    )
    site.post("ADA", page(case), act="teach")
    assert "Withdrawn" in site.read(
        "ADA", reverse("reallocation:absence-detail", args=[case.absence.uid])
    )


def test_a_substitute_is_named_who_would_be_released(site):
    case = substituted(site.flow)
    assert "Ada Adler teaches it as planned, if free then; Cleo Clark is released." in site.read(
        "ADA", page(case)
    )


def test_a_registrar_gives_a_class_back_for_the_professor(site):
    case = substituted(site.flow)
    assert "The professor can teach this one after all" in site.read("REGISTRAR", page(case))
    assert site.post("REGISTRAR", page(case), act="teach").status_code == 302
    case = site.flow.again(case)
    assert (case.status, case.meeting.professor.code) == (CaseStatus.WITHDRAWN, "ADA")
    assert LogEntry.objects.get(kind="absence.left_out").actor_kind == ActorKind.REGISTRAR


def test_a_head_of_department_cannot_give_a_class_back(site):
    case = site.flow.case()
    department = case.meeting.offering.course.department
    head = StaffFactory(
        institute=site.house.institute, role=StaffRole.HEAD, department=department
    ).user
    assert open_acts(site, head, case) == []
    assert site.post(head, page(case), act="teach").status_code == 404
    assert site.flow.again(case).is_open


def test_the_substitute_who_is_away_in_turn_takes_only_their_own_case_back(site):
    case = substituted(site.flow)
    second = site.flow.case(professor="CLEO", ends="2027-03-02 10:45")
    assert second.meeting == case.meeting
    assert open_acts(site, "CLEO", second) == ["name", "teach"]
    assert site.post("CLEO", page(case), act="teach").status_code == 404
    assert site.post("CLEO", page(second), act="teach").status_code == 302
    assert site.flow.again(second).status == CaseStatus.WITHDRAWN
    assert site.flow.again(case).meeting.professor.code == "CLEO"


def test_what_has_begun_or_moved_cannot_be_taught_after_all(site):
    case = substituted(site.flow)
    site.flow.tick(to="2027-03-02 09:30")
    assert "teach" not in open_acts(site, "ADA", case)
    response = site.post("ADA", page(case), act="teach")
    assert response.status_code == 409
    assert "This is not being asked any more." in words(response)
    assert site.flow.again(case).status == CaseStatus.SUBSTITUTED


def test_a_class_whose_old_time_is_gone_says_so_and_goes_on(site):
    case = waits_for_a_slot(site.flow)
    MeetingFactory(
        offering=site.house.classes["MATH.B"],
        planned_professor=site.house.professors["ADA"],
        day=dt.date(2027, 3, 2),
        clock=dt.time(9),
    )
    response = site.post("ADA", page(case), act="teach")
    assert response.status_code == 409
    assert "The old time of this class is over or taken, so it needs a new one." in words(response)
    assert site.flow.again(case).waiting_for == WaitingFor.SLOT_CHOICE


# Taking a promise back


def test_a_substitute_takes_their_promise_back(site):
    case = substituted(site.flow)
    assert open_acts(site, "CLEO", case) == ["take-back"]
    assert open_acts(site, "BEN", case) == []
    response = site.post("CLEO", page(case), act="take-back", comment="Ill myself")
    assert response.status_code == 302
    site.flow.settle()
    case = site.flow.again(case)
    assert case.is_open
    assert "The substitute can no longer come." in told(site, "A1", case)
    assert "Cleo Clark can no longer come." in told(site, "ADA", case)
    again = site.post("CLEO", page(case), act="take-back")
    assert again.status_code == 409
    assert "This is not being asked any more." in words(again)


def test_a_candidate_takes_their_promise_back_while_the_class_votes(site):
    flow, case = site.flow, site.flow.past(site.flow.case())
    answers.choose_candidate(case, candidate=site.house.professors["EVE"], now=flow.now)
    flow.settle()
    case = accept(flow, case, "EVE")
    assert open_acts(site, "EVE", case) == ["take-back"]
    assert site.post("EVE", page(case), act="take-back", comment="Ill").status_code == 302
    flow.settle()
    assert flow.again(case).waiting_for == WaitingFor.CANDIDATE_CHOICE
    assert open_acts(site, "EVE", case) == []


def test_nobody_takes_back_what_has_begun(site):
    case = substituted(site.flow)
    site.flow.tick(to="2027-03-02 09:30")
    assert open_acts(site, "CLEO", case) == []
    assert site.post("CLEO", page(case), act="take-back").status_code == 409
    assert site.flow.again(case).status == CaseStatus.SUBSTITUTED


# What a registrar may do


def test_registrars_find_all_their_acts(site):
    case = site.flow.case()
    assert open_acts(site, "REGISTRAR", case) == ["name", "teach", "assign", "move", "send", "drop"]
    case = accept(site.flow, case, "CLEO")
    assert open_acts(site, "REGISTRAR", case) == ["teach", "reopen"]


def act(site, case, name, **fields):
    return site.post("REGISTRAR", page(case), act=name, why="The dean wants it", **fields)


def test_a_registrar_assigns_a_professor(site):
    case = site.flow.case()
    assert act(site, case, "assign", listed="EVE").status_code == 302
    case = site.flow.again(case)
    assert (case.status, case.meeting.professor.code) == (CaseStatus.SUBSTITUTED, "EVE")
    entry = LogEntry.objects.get(kind="case.substituted")
    assert (entry.actor_kind, entry.actor_name, entry.reason) == (
        ActorKind.REGISTRAR,
        "Rita Registrar",
        "The dean wants it",
    )
    assert "“The dean wants it”" in site.read("REGISTRAR", page(case))
    assert "dean" not in site.read("A1", page(case))
    assert "dean" not in site.read("BEN", page(case))


def test_a_registrar_moves_a_class(site):
    case = site.flow.case()
    room = site.house.rooms["R2"]
    response = act(site, case, "move", day="2027-03-04", starts="14:00", room="r2")
    assert response.status_code == 302
    case = site.flow.again(case)
    assert (case.status, case.meeting.starts_at, case.meeting.room) == (
        CaseStatus.RESCHEDULED,
        at("2027-03-04 14:00"),
        room,
    )


def test_at_which_times_classes_begin_is_said_before_a_class_is_moved_off_them(site):
    case = site.flow.case()
    hint = (
        "Classes begin at 09:00, 11:00, 14:00, 16:00. "
        "Any other time is off the bell grid, and possible all the same."
    )
    assert hint in site.read("REGISTRAR", page(case))
    assert "bell grid" not in site.read("ADA", page(case))
    response = act(site, case, "move", day="", starts="03:07")
    assert hint in words(response)
    assert act(site, case, "move", day="2027-03-04", starts="03:07", room="r2").status_code == 302
    assert site.flow.again(case).meeting.starts_at == at("2027-03-04 03:07")


def test_without_a_bell_grid_nothing_is_said_of_it(site):
    case = site.flow.case()
    site.house.term.periods.all().delete()
    assert "Classes begin at" not in site.read("REGISTRAR", page(case))


def test_a_registrar_drops_sends_and_opens_again(site):
    case = site.flow.case()
    assert act(site, case, "send", step="4").status_code == 302
    site.flow.settle()
    assert site.flow.again(case).step == StepNumber.RESCHEDULE
    assert act(site, case, "drop").status_code == 302
    case = site.flow.again(case)
    assert (case.status, case.meeting.status) == (CaseStatus.DROPPED, MeetingStatus.DROPPED)
    assert open_acts(site, "REGISTRAR", case) == ["reopen"]
    assert act(site, case, "reopen", step="2").status_code == 302
    site.flow.settle()
    case = site.flow.again(case)
    assert (case.status, case.step) == (CaseStatus.OPEN, StepNumber.SECTION)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("assign", {"listed": "EVE"}),
        ("move", {"day": "2027-03-04", "starts": "14:00"}),
        ("send", {"step": "4"}),
        ("drop", {}),
    ],
)
@pytest.mark.parametrize("why", ["", "   "])
def test_every_act_of_a_registrar_wants_a_reason(site, name, fields, why):
    case = site.flow.case()
    response = site.post("REGISTRAR", page(case), act=name, why=why, **fields)
    assert response.status_code == 400
    ((_, form),) = [one for one in response.context["forms"] if one[0].name == name]
    assert form.errors == {"why": ["Say why: the reason is kept in the log."]}
    assert site.flow.again(case).turn == case.turn


@pytest.mark.parametrize(
    ("name", "fields", "errors"),
    [
        (
            "assign",
            {"other": "ADA"},
            {
                "other": [
                    "Ada Adler is the one who is absent.",
                    "Free then: Dan Dorn, Ben Baker, Cleo Clark, Eve Ernst.",
                ]
            },
        ),
        ("move", {"day": "2027-03-04"}, {"starts": ["This field is required."]}),
        ("move", {"day": "soon", "starts": "14:00"}, {"day": ["Enter a valid date."]}),
        ("move", {"day": "0001-01-01", "starts": "00:00"}, {"day": ["Enter a valid date."]}),
        (
            "move",
            {"day": "2027-03-01", "starts": "09:00"},
            {
                "starts": [
                    PLACE_REFUSED + "the new time must lie ahead, with time to tell everyone."
                ]
            },
        ),
        (
            "move",
            {"day": "2027-03-04", "starts": "14:00", "room": "999999"},
            {"room": ["No room here is called “999999”."]},
        ),
        (
            "send",
            {"step": "6"},
            {"step": ["Select a valid choice. 6 is not one of the available choices."]},
        ),
    ],
)
def test_what_a_registrar_cannot_do_is_refused_at_its_field(site, name, fields, errors):
    case = site.flow.case()
    response = act(site, case, name, **fields)
    assert response.status_code in (400, 409)
    ((_, form),) = [one for one in response.context["forms"] if one[0].name == name]
    assert form.errors == errors
    assert site.flow.again(case).turn == case.turn


def test_another_institutes_room_is_no_choice(site):
    elsewhere = RoomFactory(institute=small_institute("southfield").institute, code="OBSERVATORY")
    case = site.flow.case()
    response = act(site, case, "move", day="2027-03-04", starts="14:00", room=elsewhere.code)
    assert response.status_code == 400


def test_a_part_of_a_name_is_enough_for_a_room_that_it_tells_apart(site):
    institute = site.house.institute
    for code, name in (("N1", "Newton hall"), ("N10", "Nernst hall")):
        RoomFactory(institute=institute, code=code, name=name)
    case, time = site.flow.case(), {"day": "2027-03-04", "starts": "14:00"}
    response = act(site, case, "move", **time, room="hall")
    ((_, form),) = [one for one in response.context["forms"] if one[0].name == "move"]
    assert form.errors == {"room": ["Several match: N1, N10. Write the code."]}
    assert act(site, case, "move", **time, room="newton").status_code == 302
    assert site.flow.again(case).meeting.room.code == "N1"


def test_the_code_of_a_room_goes_before_what_begins_like_it(site):
    for code in ("N1", "N10"):
        RoomFactory(institute=site.house.institute, code=code)
    case = site.flow.case()
    assert act(site, case, "move", day="2027-03-04", starts="14:00", room="N1").status_code == 302
    assert site.flow.again(case).meeting.room.code == "N1"


def test_rooms_are_suggested_to_registrars(site):
    RoomFactory(institute=site.house.institute, code="N1", name="Newton hall", capacity=90)
    find = reverse("reallocation:room-search")
    assert words(site.get("REGISTRAR", f"{find}?room=newt")) == "Newton hall · 90 places"
    assert site.get("REGISTRAR", find).content.strip() == b""
    assert site.get("REGISTRAR", f"{find}?room=").content.strip() == b""
    assert words(site.get("REGISTRAR", f"{find}?room=ne%00wt")) == "Newton hall · 90 places"
    assert site.statuses(find, "ADA", "A1", None) == {"ADA": 404, "A1": 404, "None": 302}


# Lists


def test_a_professor_finds_their_absences_with_their_cases(site):
    substituted(site.flow)
    text = site.read("ADA", LIST)
    assert "Tuesday 2 March 2027, all day" in text
    assert "Tue 2 Mar, 09:00–10:30 Substituted Algebra MATH.A Cleo Clark" in text
    assert "You have not filed an absence." in site.read("BEN", LIST)


def test_choices_that_wait_stand_above_the_list(site):
    refused_by_section(site.flow)
    text = site.read("ADA", LIST)
    assert "Who shall be asked to take Algebra on Tue 2 Mar, 09:00?" in text
    assert "Please choose until Mon 1 Mar, 11:48." in text
    assert "waits for your choice until Mon 1 Mar, 11:48" in text
    assert "My cases 1 waiting" in text


def test_lists_are_for_professors_and_staff(site):
    assert site.statuses(LIST, "ADA", "REGISTRAR", "A1", None) == {
        "ADA": 200,
        "REGISTRAR": 200,
        "A1": 404,
        "None": 302,
    }


def test_a_registrar_finds_the_cases_of_the_institute_and_no_others(site):
    case = site.flow.case()
    elsewhere = small_institute("southfield")
    stranger = StaffFactory(institute=elsewhere.institute).user
    assert "Ada Adler" in site.read("REGISTRAR", LIST)
    assert "Cases File an absence for somebody" in site.read(stranger, LIST)
    assert "There are no cases." in site.read(stranger, LIST)
    assert "has no timetable yet" not in site.read(stranger, LIST)
    assert page(case) in site.get("REGISTRAR", LIST).content.decode()


def test_where_there_is_no_timetable_yet_a_registrar_is_led_to_its_import(site):
    bare = InstituteFactory(slug="bare")
    registrar = StaffFactory(institute=bare, user__is_staff=True).user
    auditor = StaffFactory(institute=bare, role=StaffRole.AUDITOR, user__is_staff=True).user
    wanted = "This institute has no timetable yet. Classes, people and their accounts come with it."
    link = f'href="{reverse("admin:timetable_import")}">Import a timetable</a>'
    names = ("case-list", "absence-file", "rehearsal-list")
    for address in (
        *(reverse(f"reallocation:{name}") for name in names),
        reverse("fairness:report"),
    ):
        assert wanted in site.read(registrar, address)
        assert link in site.get(registrar, address).content.decode()
        assert wanted not in site.read("REGISTRAR", address)
    assert f"{wanted} A registrar imports it." in site.read(auditor, LIST)
    assert link not in site.get(auditor, LIST).content.decode()


def test_a_registrar_who_teaches_has_both_lists(site):
    site.flow.case()
    StaffFactory(institute=site.house.institute, user=site.user("BEN"))
    assert "You have not filed an absence." in site.read("BEN", LIST)
    assert "Ada Adler" in site.read("BEN", f"{LIST}?all=1")


def found(site, **query):
    response = site.client.get(LIST, query)
    return [case.meeting.offering.code for case in response.context["page"]]


def test_cases_are_narrowed_down_and_the_urgent_come_first(site):
    site.flow.file()
    site.flow.file("BEN", "2027-03-02 00:00", "2027-03-04 00:00")
    site.flow.settle()
    case = Case.objects.get(meeting__offering__code="PHYS.B")
    overrides.drop(case, why="x", now=site.flow.now, who=Who(ActorKind.REGISTRAR))
    site.sign_in("REGISTRAR")
    everything = ["MATH.A", "PHYS.A", "PHYS.B"]
    assert sorted(found(site)) == everything
    assert found(site)[-1] == "PHYS.B"
    assert found(site, status="dropped") == ["PHYS.B"]
    assert sorted(found(site, status="open", step="2")) == ["MATH.A", "PHYS.A"]
    assert sorted(found(site, waiting_for="colleagues")) == ["MATH.A", "PHYS.A"]
    assert found(site, waiting_for="class_vote") == []
    assert found(site, since="2027-03-03") == ["PHYS.B"]
    assert sorted(found(site, until="2027-03-02")) == ["MATH.A", "PHYS.A"]
    assert found(site, q="Adler") == ["MATH.A"]
    assert found(site, q="phys.b") == ["PHYS.B"]
    assert found(site, since="9999-12-31") == []
    assert sorted(found(site, since="0001-01-01")) == everything
    assert sorted(found(site, status="lost", step="x", since="soon")) == everything
    assert "Cases 3 classes that were or are being looked after" in site.read("REGISTRAR", LIST)
    assert "Cases 1 case is like that" in site.read("REGISTRAR", f"{LIST}?q=Adler")
    nobody = site.read("REGISTRAR", f"{LIST}?q=Nobody")
    assert "No case is like that." in nobody
    assert "looked after" not in nobody


def test_a_registrar_sees_at_a_glance_how_many_are_open_and_for_whom_they_wait(site):
    assert site.get("REGISTRAR", LIST).context["open_cases"] == []
    refused_by_section(site.flow)
    site.flow.file("BEN", "2027-03-02 00:00", "2027-03-04 00:00")
    site.flow.settle()

    def lines(query=""):
        shown = site.get("REGISTRAR", LIST + query).context["open_cases"]
        return [(line.label, line.count, line.is_shown) for line in shown]

    assert lines() == [
        ("open", 3, False),
        ("the professors of the section", 2, False),
        ("the professor's choice of a candidate", 1, False),
    ]
    assert lines("?status=open&waiting_for=colleagues") == [
        ("open", 3, False),
        ("the professors of the section", 2, True),
        ("the professor's choice of a candidate", 1, False),
    ]
    assert "3 open waiting for 2 the professors of the section" in site.read("REGISTRAR", LIST)
    for line in site.get("REGISTRAR", LIST).context["open_cases"]:
        assert len(site.get("REGISTRAR", LIST + line.url).context["page"]) == line.count


def test_the_list_asks_the_same_number_of_questions_for_one_case_and_for_three(site):
    site.flow.file()
    counts = [site.queries(who, LIST) for who in ("ADA", "REGISTRAR")]
    site.flow.file(starts="2027-03-03 00:00", ends="2027-03-04 00:00")
    MeetingFactory(
        offering=site.house.classes["MATH.A"], day=dt.date(2027, 3, 2), clock=dt.time(14)
    )
    site.flow.tick()
    assert Case.objects.count() == 3
    assert (counts, [site.queries(who, LIST) for who in ("ADA", "REGISTRAR")]) == (
        [7, 6],
        [7, 6],
    )


def test_many_cases_come_in_pages(site, monkeypatch):
    monkeypatch.setattr(views, "CASES_PER_PAGE", 1)
    site.flow.file(ends="2027-03-04 00:00")
    text = site.read("REGISTRAR", f"{LIST}?status=open&page=2")
    assert "Page 2 of 2" in text
    assert (
        "status=open&amp;page=1"
        in site.get("REGISTRAR", f"{LIST}?status=open&page=2").content.decode()
    )
    assert "Page 1 of 2" in site.read("REGISTRAR", f"{LIST}?page=nonsense")


def test_the_page_of_a_case_asks_the_same_number_of_questions_however_long_its_history(site):
    case = site.flow.case()
    people = ("ADA", "BEN", "A1", "REGISTRAR")
    few = {who: site.queries(who, page(case)) for who in people}
    for code in ("BEN", "CLEO"):
        case = decline(site.flow, case, code)
    many = {who: site.queries(who, page(case)) for who in people}
    assert (few, many) == (many, {"ADA": 8, "BEN": 5, "A1": 7, "REGISTRAR": 8})


# On the pages of the timetable


def test_the_week_says_what_waits_and_where_the_classes_stand(site):
    case = refused_by_section(site.flow)
    week = reverse("timetable:week", args=[dt.date(2027, 3, 2)])
    text = site.read("ADA", week)
    assert "Who shall be asked to take Algebra on Tue 2 Mar, 09:00?" in text
    assert "Ada Adler is absent: see what is being done" in text
    assert page(case) in site.get("ADA", week).content.decode()


def test_a_class_page_leads_students_to_the_case(site):
    case = substituted(site.flow)
    address = reverse("timetable:class-detail", args=["MATH.A"])
    assert "How it came about" in site.read("A1", address)
    assert page(case) in site.get("A1", address).content.decode()
