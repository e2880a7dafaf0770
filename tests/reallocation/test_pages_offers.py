import datetime as dt

import pytest
from django.urls import reverse

from reallocation import absences, answers
from reallocation.enums import ActorKind, CaseStatus, WaitingFor
from reallocation.models import LogEntry, Offer
from tests.factories import EnrolmentFactory, MeetingFactory, OfferFactory, small_institute
from tests.reallocation.browsing import words
from tests.reallocation.test_pages_cases import page as case_page
from tests.reallocation.test_pages_cases import refused_by_section
from tests.reallocation.test_steps import accept

LIST = reverse("reallocation:offer-list")


def page(offer):
    return reverse("reallocation:offer-detail", args=[offer.uid])


def asked(site, code="BEN", **filed):
    """The request of step 2 to one colleague of the section."""
    case = site.flow.case(**filed)
    return case.offers.get(professor__code=code)


def named(site, code="EVE"):
    meeting = site.house.meetings["MATH.A", "2027-03-02"]
    return asked(site, code, names={meeting.pk: site.house.professors[code]})


# Who finds a request


def test_a_request_exists_for_whom_it_was_sent_to_alone(site):
    offer = asked(site)
    far = small_institute("southfield").professors["BEN"].user
    people = ("BEN", "CLEO", "ADA", "REGISTRAR", "A1", far, None)
    assert site.statuses(page(offer), *people) == {
        "BEN": 200,
        "CLEO": 404,
        "ADA": 404,
        "REGISTRAR": 404,
        "A1": 404,
        str(far): 404,
        "None": 302,
    }
    for who in people[1:-1]:
        assert site.post(who, page(offer), answer="accept").status_code == 404
    offer.refresh_from_db()
    assert offer.status == "sent"


def test_the_list_is_for_professors(site):
    assert site.statuses(LIST, "BEN", "REGISTRAR", "A1", None) == {
        "BEN": 200,
        "REGISTRAR": 404,
        "A1": 404,
        "None": 302,
    }


# What it says


def test_the_page_says_what_one_wants_to_know_before_answering(site):
    EnrolmentFactory(offering=site.house.classes["MATH.A"], student=site.house.students["B1"])
    offer = asked(site, handover="Chapter 7", note="Influenza")
    text = site.read("BEN", page(offer))
    for said in (
        "Can you take this class?",
        "Algebra When Tue 2 Mar, 09:00–10:30 (Europe/Vienna)",
        "Where Room R1, Main building",
        "Who 6 students, for Ada Adler",
        "Note Chapter 7",
        "MATH.A · Lecture · Why you: at fair share · on campus that day · knows the section",
        "Your day with it 09:00–10:30 Algebra · R1 this class 11:00–12:30 Mechanics · R1",
        "Please answer until Mon 1 Mar, 12:13.",
        "the first to say yes takes it",
        "Covered this term: 0 → 1.5 h, your fair share is 0 h",
        "A no needs no reason.",
        "asked for nothing else from Mon 1 Mar to Sun 7 Mar.",
    ):
        assert said in text
    assert "Influenza" not in text


def test_an_address_in_the_note_can_be_followed_and_nothing_else_in_it_is_markup(site):
    offer = asked(site, handover="Slides: https://example.org/7?a=1&b=2\n<b>Chapter</b> 7")
    note = site.get("BEN", page(offer)).content.decode()
    assert 'href="https://example.org/7?a=1&amp;b=2"' in note
    assert "<br>&lt;b&gt;Chapter&lt;/b&gt; 7" in note


@pytest.mark.parametrize("step", [1, 3])
def test_each_step_says_what_a_yes_means(site, step):
    if step == 1:
        offer, said = named(site), "Ada Adler would like it to be you."
    else:
        case = refused_by_section(site.flow)
        answers.choose_candidate(case, candidate=site.house.professors["EVE"], now=site.flow.now)
        site.flow.settle()
        offer = Offer.objects.get(professor__code="EVE")
        said = "After a yes the students of the class vote"
    assert said in site.read("EVE", page(offer))


def test_who_is_not_free_any_more_is_told_before_they_try(site):
    offer = asked(site)
    MeetingFactory(offering=site.house.classes["PHYS.A"], day=dt.date(2027, 3, 2), clock=dt.time(9))
    text = site.read("BEN", page(offer))
    assert (
        "As things stand, a yes is not possible: Ben Baker teaches another class at that time."
        in text
    )
    assert "Yes, I take it" not in text
    response = site.post("BEN", page(offer), answer="accept")
    assert response.status_code == 409
    assert "Ben Baker teaches another class at that time." in words(response)
    assert site.post("BEN", page(offer), answer="decline").status_code == 302


# Answering


def test_a_yes_is_taken_and_thanked_for(site):
    offer = asked(site)
    response = site.post("BEN", page(offer), answer="accept")
    assert (response.status_code, response.url) == (302, page(offer))
    text = site.read("BEN", page(offer))
    assert "Thank you for your answer." in text
    assert "You said yes." in text
    site.flow.settle()
    assert "You take this class. Thank you!" in site.read("BEN", page(offer))
    entry = LogEntry.objects.get(kind="offer.accepted")
    assert (entry.actor_kind, entry.actor_name) == (ActorKind.PROFESSOR, "Ben Baker")


def test_a_yes_of_step_three_waits_for_the_vote(site):
    case = refused_by_section(site.flow)
    answers.choose_candidate(case, candidate=site.house.professors["EVE"], now=site.flow.now)
    site.flow.settle()
    case = accept(site.flow, site.flow.again(case), "EVE")
    assert case.waiting_for == WaitingFor.CLASS_VOTE
    offer = Offer.objects.get(professor__code="EVE")
    assert "You said yes. Now the class votes, until" in site.read("EVE", page(offer))
    assert "You said yes Algebra" not in site.read("EVE", LIST)
    assert "MATH.A not settled yet Algebra" in site.read("EVE", LIST)


def test_one_tap_says_not_this_week(site):
    offer = asked(site)
    assert site.post("BEN", page(offer), answer="not-this-week").status_code == 302
    offer.refresh_from_db()
    assert (offer.status, offer.spared_week) == ("declined", dt.date(2027, 3, 1))
    text = site.read("BEN", page(offer))
    assert "You said no, and that is fine." in text
    assert "You are asked for nothing else from Mon 1 Mar to Sun 7 Mar." in text


def test_a_no_may_come_with_words(site):
    offer = asked(site)
    response = site.post("BEN", page(offer), answer="decline", comment="At the dentist")
    assert response.status_code == 302
    offer.refresh_from_db()
    assert (offer.status, offer.comment) == ("declined", "At the dentist")
    text = site.read("BEN", page(offer))
    assert "You said no, and that is fine." in text
    assert "asked for nothing else" not in text


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ({}, "Say yes or no."),
        ({"answer": "perhaps"}, "Say yes or no."),
        ({"answer": "decline", "comment": "x" * 501}, "at most 500 characters"),
    ],
)
def test_an_answer_that_is_none_changes_nothing(site, sent, error):
    offer = asked(site)
    response = site.post("BEN", page(offer), **sent)
    assert response.status_code == 400
    assert error in words(response)
    offer.refresh_from_db()
    assert offer.status == "sent"


def test_the_second_yes_is_told_who_was_faster(site):
    offer = asked(site)
    accept(site.flow, offer.case, "CLEO")
    response = site.post("BEN", page(offer), answer="accept")
    assert response.status_code == 409
    text = words(response)
    assert "Cleo Clark was faster and has already taken this class." in text
    assert "Somebody else was faster" not in text, "it is said once"
    assert "Yes, I take it" not in text
    assert "Somebody else was faster and takes this class." in site.read("BEN", page(offer))


def test_answering_twice_says_so(site):
    offer = asked(site)
    site.post("BEN", page(offer), answer="accept")
    response = site.post("BEN", page(offer), answer="decline")
    assert response.status_code == 409
    assert "You have already answered this request." in words(response)
    offer.refresh_from_db()
    assert offer.status == "accepted"


def test_what_is_over_says_how_and_what_to_do_next(site):
    offer = asked(site)
    site.flow.past(offer.case)
    text = site.read("BEN", page(offer))
    assert "The time to answer was over on Mon 1 Mar, 12:13, and others are asked now." in text
    assert "If you could still take the class, tell Ada Adler or the registrar" in text
    response = site.post("BEN", page(offer), answer="accept")
    assert response.status_code == 409
    assert words(response).count("The time to answer was over") == 1


def test_a_request_past_its_time_takes_no_answer_before_the_sweep_has_seen_it(site):
    offer = asked(site)
    site.flow.now = offer.expires_at
    assert "The time to answer was over" in site.read("BEN", page(offer))
    assert site.post("BEN", page(offer), answer="accept").status_code == 409


def test_a_withdrawn_request_expects_nothing(site):
    offer = asked(site)
    absences.withdraw(offer.case.absence, now=site.flow.now)
    text = site.read("BEN", page(offer))
    assert "This request was withdrawn: nothing is expected of you any more." in text
    assert site.post("BEN", page(offer), answer="accept").status_code == 409


def test_a_released_substitute_is_told_so(site):
    offer = asked(site)
    accept(site.flow, offer.case, "BEN")
    absences.withdraw(offer.case.absence, now=site.flow.now)
    assert "This request was withdrawn" in site.read("BEN", page(offer))


def test_a_look_changes_nothing(site):
    offer = asked(site)
    before = LogEntry.objects.count()
    for address in (page(offer), f"{page(offer)}?answer=accept", LIST):
        assert site.get("BEN", address).status_code == 200
    offer.refresh_from_db()
    assert (offer.status, LogEntry.objects.count()) == ("sent", before)


# The list


def test_requests_stand_by_what_they_need(site):
    assert "Nobody is waiting for an answer from you." in site.read("BEN", LIST)
    offer = asked(site)
    text = site.read("BEN", LIST)
    assert "To answer MATH.A until Mon 1 Mar, 12:13 Algebra Tue 2 Mar, 09:00–10:30" in text
    assert "Offers 1 waiting" in text
    accept(site.flow, offer.case, "BEN")
    text = site.read("BEN", LIST)
    assert "You said yes MATH.A you teach it Algebra" in text
    assert case_page(offer.case) in site.get("BEN", LIST).content.decode()
    assert "Tue 2 Mar, 09:00 Algebra MATH.A Ada Adler Taken by someone else" in site.read(
        "CLEO", LIST
    )


def test_the_list_lives_and_is_silent_while_nothing_happens(site):
    offer = asked(site)
    response = site.get("BEN", LIST)
    asks = f"{LIST}?live={response.context['state']}"
    assert f'hx-get="{asks}"' in response.content.decode()
    assert site.get("BEN", asks).status_code == 204
    answers.decline(offer, by=site.house.professors["BEN"], now=site.flow.now)
    response = site.get("BEN", asks)
    assert "<html" not in response.content.decode()
    assert "0 requests wait for your answer." in words(response)
    assert "Nobody is waiting for an answer from you." in words(response)


def test_a_kept_promise_moves_to_the_past(site):
    offer = asked(site)
    accept(site.flow, offer.case, "BEN")
    site.flow.tick(to="2027-03-02 12:00")
    assert site.flow.again(offer.case).status == CaseStatus.SUBSTITUTED
    text = site.read("BEN", LIST)
    assert "you teach it" not in text
    assert "Past Time Class For State Tue 2 Mar, 09:00 Algebra MATH.A Ada Adler Accepted" in text


def test_the_list_asks_the_same_number_of_questions_for_one_request_and_for_three(site):
    asked(site)
    one = site.queries("BEN", LIST)
    for code, day in (("MATH.A", "2027-03-03"), ("CHEM.B", "2027-03-03")):
        meeting = site.house.meetings[code, day]
        OfferFactory(
            case__meeting=meeting,
            professor=site.house.professors["BEN"],
            expires_at=site.flow.now + dt.timedelta(hours=3),
        )
    assert len(site.get("BEN", LIST).context["waiting"]) == 3
    assert (one, site.queries("BEN", LIST)) == (7, 7)


def test_the_week_names_what_waits(site):
    offer = asked(site)
    week = reverse("timetable:week", args=[dt.date(2027, 3, 2)])
    text = site.read("BEN", week)
    assert "Can you take Algebra on Tue 2 Mar, 09:00?" in text
    assert page(offer) in site.get("BEN", week).content.decode()


# The part that lives


def test_the_list_is_sent_again_only_if_something_has_happened(site):
    state = site.get("BEN", LIST).context["state"]
    assert site.get("BEN", f"{LIST}?live={state}").status_code == 204
    offer = asked(site)
    response = site.get("BEN", f"{LIST}?live={state}")
    assert "<html" not in response.content.decode()
    assert page(offer) in response.content.decode()
    state = response.context["state"]
    assert site.get("BEN", f"{LIST}?live={state}").status_code == 204
    accept(site.flow, offer.case, "CLEO")
    assert site.get("BEN", f"{LIST}?live={state}").status_code == 200


def test_an_open_request_is_shown_anew_when_no_answer_is_wanted_any_more(site):
    offer = asked(site)
    live = f"{page(offer)}?live=1"
    assert site.get("BEN", live).status_code == 204
    accept(site.flow, offer.case, "CLEO")
    assert site.get("BEN", live).headers["HX-Refresh"] == "true"
    assert "hx-get" not in site.get("BEN", page(offer)).content.decode()
