"""Pages that are open while something happens: it is shown, and whoever reads is not disturbed."""

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from reallocation import answers
from reallocation.enums import RehearsalPhase, RehearsalStatus
from reallocation.models import Rehearsal
from reallocation.rehearsal import programme
from tests.browser.campus import everybody_of_the_section_says_no
from tests.browser.ways import LOOK
from tests.reallocation.rehearsing import SCRIPT
from tests.voting.classroom import cast
from tests.voting.voter_pages import running

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

A_LOOK = 10_000
"""Milliseconds after which an open page asks whether anything has happened."""


@pytest.fixture
def open_page(page, live_server, sign_in):
    """`open_page(user, path)`: its clock is the test's, and what is pushed about on it is counted."""

    def open_page(user, path):
        sign_in(user)
        page.emulate_media(reduced_motion="reduce")
        page.add_init_script(path=LOOK)
        page.clock.install()
        page.goto(live_server.url + path)
        return page

    return open_page


def a_look(page):
    """The page asks the server; returns what it was answered."""
    with page.expect_response(lambda answer: answer.request.headers.get("hx-request")) as asked:
        page.clock.fast_forward(A_LOOK)
    return asked.value.status


def test_a_vote_of_somebody_else_is_counted_on_an_open_ballot(open_page, complaints):
    ballot, (reader, other, *_rest) = running(5)
    page = open_page(reader.user, reverse("voting:ballot-detail", args=[ballot.uid]))
    no = page.get_by_role("button", name="No", exact=True)
    no.focus()
    expect(page.get_by_text("0 of 5")).to_be_visible()
    cast(ballot, other, True, now=timezone.now())
    assert a_look(page) == 200
    expect(page.get_by_text("1 of 5")).to_be_visible()
    expect(no).to_be_focused()
    assert page.evaluate("look.shift()") == []
    assert complaints == []


def test_an_open_ballot_shows_its_result_when_it_closes(open_page, complaints):
    ballot, (reader, *others) = running(5)
    page = open_page(reader.user, reverse("voting:ballot-detail", args=[ballot.uid]))
    for other in others[:3]:
        cast(ballot, other, True, now=timezone.now())
    page.clock.fast_forward(A_LOOK)
    expect(page.get_by_text("The class said yes.")).to_be_visible()
    expect(page.get_by_role("heading", name="All receipts")).to_be_visible()
    assert complaints == []


def test_a_new_offer_appears_on_the_open_list(campus, open_page, worker, complaints):
    page = open_page(campus.user("BEN"), "/offers/")
    expect(page.get_by_text("Nobody is waiting for an answer from you.")).to_be_visible()
    live = page.locator("#live").element_handle()
    assert a_look(page) == 204
    assert live.evaluate("element => element.isConnected")
    assert page.evaluate("look.shift()") == []

    case = campus.file()
    worker.run()
    assert a_look(page) == 200
    offer = page.locator("#live").get_by_role("link", name="Math")
    expect(offer).to_be_visible()
    offer.focus()

    answers.accept(
        case.offers.get(professor__code="CLEO"), by=campus.professors["CLEO"], now=timezone.now()
    )
    assert a_look(page) == 200
    expect(page.get_by_text("Nobody is waiting for an answer from you.")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Math")).to_be_visible()
    expect(offer).to_be_focused()
    assert complaints == []


def test_an_open_offer_says_that_somebody_was_faster(campus, open_page, worker, complaints):
    case = campus.file()
    worker.run()
    offer = case.offers.get(professor__code="BEN")
    page = open_page(campus.user("BEN"), reverse("reallocation:offer-detail", args=[offer.uid]))
    reason = page.locator("[name=comment]")
    reason.fill("I am at a con")
    assert a_look(page) == 204
    expect(reason).to_be_focused()
    expect(reason).to_have_value("I am at a con")
    assert page.evaluate("look.shift()") == []

    answers.accept(
        case.offers.get(professor__code="CLEO"), by=campus.professors["CLEO"], now=timezone.now()
    )
    page.clock.fast_forward(A_LOOK)
    expect(page.get_by_text("Somebody else was faster")).to_be_visible()
    assert complaints == []


def test_enter_after_the_reason_for_a_no_says_nothing_yet(campus, open_page, worker, complaints):
    case = campus.file()
    worker.run()
    offer = case.offers.get(professor__code="BEN")
    page = open_page(campus.user("BEN"), reverse("reallocation:offer-detail", args=[offer.uid]))
    reason = page.locator("[name=comment]")
    reason.fill("I am at a congress")
    reason.press("Enter")
    expect(reason).to_have_value("I am at a congress\n")
    page.get_by_role("button", name="No, I can’t").click()
    expect(page.get_by_text("You said no, and that is fine.")).to_be_visible()
    offer.refresh_from_db()
    assert (offer.status, offer.comment) == ("declined", "I am at a congress")
    assert complaints == []


def test_an_open_page_goes_to_the_login_when_its_reader_was_signed_out(campus, open_page, worker):
    case = campus.file()
    worker.run()
    ballot, (voter, *_rest) = running(5)
    offer = case.offers.get(professor__code="BEN")
    for user, path in (
        (campus.user("ADA"), reverse("reallocation:absence-detail", args=[case.absence.uid])),
        (campus.user("ADA"), reverse("reallocation:case-detail", args=[case.uid])),
        (campus.user("BEN"), reverse("reallocation:offer-list")),
        (campus.user("BEN"), reverse("reallocation:offer-detail", args=[offer.uid])),
        (voter.user, reverse("voting:ballot-detail", args=[ballot.uid])),
    ):
        page = open_page(user, path)
        page.context.clear_cookies()
        assert a_look(page) == 403
        page.wait_for_url(f"**/accounts/login/?next={path}")
        expect(page.get_by_role("main")).to_have_count(1)


def test_suggestions_for_who_was_signed_out_are_only_missed(campus, open_page):
    day = campus.day
    page = open_page(campus.user("ADA"), f"/absences/new/?kind=day&day={day}")
    page.get_by_text("Somebody who is not on this list").first.click()
    page.context.clear_cookies()
    field = page.get_by_label("Somebody else, by name or code").first
    with page.expect_response(lambda answer: answer.request.headers.get("hx-request")) as asked:
        field.press_sequentially("Ev")
        page.clock.run_for(1000)
    assert asked.value.status == 403
    expect(field).to_have_value("Ev")
    expect(page.locator("datalist option")).to_have_count(0)


def test_the_ladder_of_an_open_case_moves_on_below_the_reader_s_choice(
    campus, open_page, worker, complaints
):
    case = campus.file()
    worker.run()
    page = open_page(campus.user("ADA"), reverse("reallocation:case-detail", args=[case.uid]))
    link = page.get_by_role("link", name="The absence")
    link.focus()
    assert a_look(page) == 204
    assert page.evaluate("look.shift()") == []
    everybody_of_the_section_says_no(case)
    worker.run()
    assert a_look(page) == 200
    expect(page.locator("[aria-current=step]")).to_contain_text("Same subject")
    expect(link).to_be_focused()
    assert complaints == []


def test_an_absence_s_open_page_shows_what_became_of_its_classes(
    campus, open_page, worker, complaints
):
    case = campus.file()
    worker.run()
    page = open_page(
        campus.user("ADA"), reverse("reallocation:absence-detail", args=[case.absence.uid])
    )
    link = page.get_by_role("link", name="Math")
    link.focus()
    assert a_look(page) == 204
    assert page.evaluate("look.shift()") == []
    answers.accept(
        case.offers.get(professor__code="CLEO"), by=campus.professors["CLEO"], now=timezone.now()
    )
    worker.run()
    assert a_look(page) == 200
    expect(page.locator("#absence-cases")).to_contain_text("Cleo Clark")
    expect(link).to_be_focused()
    assert complaints == []


# Asking less often


TURNS = 24

ASKED = [1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 21, 24]
"""Of these turns: each of the first six, then every second, then every third."""

SETTLING = 50
"""Milliseconds after which what was put on a page has been taken up by htmx, which waits 20."""

COUNT = """() => {
  const body = document.body;
  body.dataset.sent = 0;
  document.addEventListener("htmx:beforeSend", () => {
    body.dataset.sent = Number(body.dataset.sent) + 1;
    body.dataset.waits = "yes";
  });
  document.addEventListener("htmx:afterRequest", () => { body.dataset.waits = "no" });
}"""


def turns_with_a_look(page, turns, seconds):
    """Let so many turns of so many seconds pass; of these, by number, in which the page asked."""
    body, asked = page.locator("body"), []
    for turn in range(1, turns + 1):
        before = body.get_attribute("data-sent")
        # What has just been put on the page settles first, and only then begins to count its turns.
        page.clock.run_for(SETTLING)
        page.clock.fast_forward(seconds * 1000)
        expect(body).not_to_have_attribute("data-waits", "yes")
        if body.get_attribute("data-sent") != before:
            asked.append(turn)
    return asked


def an_open_offer(campus, worker):
    case = campus.file()
    worker.run()
    offer = case.offers.get(professor__code="BEN")
    return campus.user("BEN"), reverse("reallocation:offer-detail", args=[offer.uid]), 10


def the_offers(campus, worker):
    return campus.user("BEN"), reverse("reallocation:offer-list"), 10


def an_open_case(campus, worker):
    case = campus.file()
    worker.run()
    return campus.user("ADA"), reverse("reallocation:case-detail", args=[case.uid]), 10


def an_open_ballot(campus, worker):
    ballot, (reader, *_others) = running(5)
    return reader.user, reverse("voting:ballot-detail", args=[ballot.uid]), 10


def a_rehearsal(campus, worker):
    asked = programme.ask(
        campus.institute,
        SCRIPT,
        {},
        now=timezone.now(),
        user=campus.registrar,
    )
    return campus.registrar, reverse("reallocation:rehearsal-detail", args=[asked.uid]), 2


@pytest.mark.parametrize(
    "what", [an_open_offer, the_offers, an_open_case, an_open_ballot, a_rehearsal]
)
def test_a_page_asks_less_often_the_longer_nothing_happens(
    campus, open_page, worker, complaints, what
):
    user, path, seconds = what(campus, worker)
    page = open_page(user, path)
    page.evaluate(COUNT)
    assert turns_with_a_look(page, TURNS, seconds) == ASKED
    assert complaints == []


def test_a_rehearsal_that_goes_on_is_looked_at_every_turn_again(
    campus, open_page, worker, complaints
):
    user, path, seconds = a_rehearsal(campus, worker)
    page = open_page(user, path)
    page.evaluate(COUNT)
    assert turns_with_a_look(page, 7, seconds) == ASKED[:6]
    Rehearsal.objects.update(status=RehearsalStatus.RUNNING, phase=RehearsalPhase.AS_IT_IS)
    assert turns_with_a_look(page, 4, seconds) == [1, 2, 3, 4]
    assert complaints == []
