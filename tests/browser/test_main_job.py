"""The main job as people do it: on a small phone, without scripts, by the keyboard, with a screen reader.

The institute's term runs today, whenever the tests are run.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from reallocation.enums import CaseStatus, WaitingFor
from reallocation.models import Case
from tests.browser.campus import again, everybody_of_the_section_says_no, link_in_mail_to
from tests.factories import ProfessorFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def plain_phone(browser, live_server):
    """A page 320 pixels wide in a browser without scripts; `plain_phone(user)` is signed in."""
    from django.conf import settings
    from django.test import Client

    contexts = []

    def open_page(user=None):
        context = browser.new_context(
            viewport={"width": 320, "height": 640}, java_script_enabled=False, locale="en-GB"
        )
        contexts.append(context)
        if user is not None:
            client = Client()
            client.force_login(user)
            cookie = client.cookies[settings.SESSION_COOKIE_NAME]
            context.add_cookies(
                [{"name": cookie.key, "value": cookie.value, "url": live_server.url}]
            )
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


def test_a_professor_files_a_colleague_accepts_and_everybody_sees_it(
    campus, plain_phone, live_server, worker
):
    # The professor starts at the class itself, looks, and files.
    page = plain_phone(campus.user("ADA"))
    page.goto(f"{live_server.url}/week/{campus.day}/")
    page.get_by_role("link", name="I can’t teach this").click()
    expect(page.locator("main")).to_contain_text("2 free colleagues of the section are asked")
    page.get_by_label("For whoever takes the class").fill("We are at chapter 7")
    assert not Case.objects.exists()
    page.get_by_role("button", name="File the absence").click()
    expect(page.locator("main")).to_contain_text("The absence is on file.")
    worker.run()
    case = Case.objects.get()

    # A colleague reads the mail, looks without changing anything, and says yes by its link.
    guest = plain_phone()
    guest.goto(live_server.url + link_in_mail_to(campus.user("BEN")))
    expect(guest.locator("main")).to_contain_text("We are at chapter 7")
    assert not case.offers.exclude(status="sent").exists()
    guest.get_by_role("button", name="Yes, I take it").click()
    expect(guest.locator("main")).to_contain_text("You said yes.")
    worker.run()
    assert (again(case).status, again(case).meeting.professor.code) == (
        CaseStatus.SUBSTITUTED,
        "BEN",
    )

    # The other one, who was asked too, is thanked all the same.
    late = plain_phone(campus.user("CLEO"))
    late.goto(f"{live_server.url}/offers/")
    late.locator("main").get_by_role("link", name="Math").click()
    expect(late.locator("main")).to_contain_text("Somebody else was faster")

    # A student sees the substitute on the page of the class, and how it came about.
    page = plain_phone(campus.students[0].user)
    page.goto(f"{live_server.url}/classes/MATH.A/")
    expect(page.locator("main")).to_contain_text("Ben Baker teaches instead of Ada Adler.")
    page.get_by_role("link", name="How it came about").click()
    expect(page.locator("main")).to_contain_text("Ben Baker takes the class")

    # The registrar reads it in the admin's log.
    page = plain_phone(campus.registrar)
    page.goto(f"{live_server.url}/admin/reallocation/logentry/")
    for said in ("Offer accepted", "Substituted", "Absence filed"):
        expect(page.locator("#result_list")).to_contain_text(said)


def test_a_choice_is_made_by_the_keyboard(campus, page, live_server, sign_in, worker, complaints):
    case = campus.file()
    worker.run()
    everybody_of_the_section_says_no(case)
    worker.run()
    assert again(case).waiting_for == WaitingFor.CANDIDATE_CHOICE
    sign_in(campus.user("ADA"))
    page.goto(f"{live_server.url}/cases/{case.uid}/")
    page.get_by_role("radio", name="Eve Ernst").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("They are asked now.")
    worker.run()
    assert case.offers.latest("pk").professor.code == "EVE"
    assert complaints == []


def test_the_ladder_moves_on_while_somebody_writes_and_takes_nothing_from_them(
    campus, page, live_server, sign_in, worker, complaints
):
    case = campus.file()
    worker.run()
    sign_in(campus.registrar)
    page.clock.install()
    page.goto(f"{live_server.url}/cases/{case.uid}/")
    page.get_by_text("Drop the class").first.click()
    why = page.locator("[name=why]:visible")
    why.fill("Half a reas")
    ladder = page.locator(".ladder").element_handle()

    # Nothing has happened: the same elements stay where they are.
    with page.expect_response(lambda answer: "live=" in answer.url) as answer:
        page.clock.fast_forward(10_000)
    assert answer.value.status == 204
    assert ladder.evaluate("element => element.isConnected")

    everybody_of_the_section_says_no(case)
    worker.run()
    page.clock.fast_forward(10_000)
    expect(page.locator(".rung-current")).to_contain_text("Same subject and student vote")
    expect(why).to_be_focused()
    expect(why).to_have_value("Half a reas")
    page.keyboard.type("on")
    expect(why).to_have_value("Half a reason")
    expect(page.locator("#announced")).to_contain_text("Ada Adler chooses")
    expect(page.get_by_role("link", name="Show what I can do now")).to_be_visible()
    assert complaints == []


def test_a_colleague_who_is_not_on_the_list_is_found_while_typing(
    campus, page, live_server, sign_in, complaints
):
    ProfessorFactory(institute=campus.institute, code="ZOE", name="Zoe Zahn")
    sign_in(campus.user("ADA"))
    page.goto(f"{live_server.url}/absences/new/?meeting={campus.meeting.uid}")
    page.get_by_text("Somebody who is not on this list").click()
    page.get_by_label("Somebody else, by name or code").press_sequentially("zah")
    expect(page.locator("datalist option")).to_have_attribute("value", "ZOE")
    page.get_by_label("Somebody else, by name or code").fill("ZOE")
    page.get_by_role("button", name="File the absence").click()
    expect(page.locator("main")).to_contain_text("The absence is on file.")
    assert Case.objects.get().named.name == "Zoe Zahn"
    assert complaints == []


def test_fields_that_do_not_matter_are_out_of_the_way(campus, page, live_server, sign_in):
    sign_in(campus.user("ADA"))
    page.goto(f"{live_server.url}/absences/new/")
    expect(page.get_by_label("Last day")).to_be_hidden()
    expect(page.get_by_label("From")).to_be_hidden()
    page.get_by_label("Several days").check()
    expect(page.get_by_label("Last day")).to_be_visible()
    page.get_by_label("Part of a day").check()
    expect(page.get_by_label("From")).to_be_visible()
    expect(page.get_by_label("Last day")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screen_readers_and_narrow_screens_get_along_with_every_page(
    campus, page, live_server, sign_in, worker, scheme, complaints
):
    case = campus.file(handover="Chapter 7", note="Influenza")
    worker.run()
    offer = case.offers.get(professor__code="BEN")
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 320, "height": 640})
    pages = [
        ("ADA", "/absences/new/"),
        ("BEN", f"/absences/new/?kind=days&day={campus.day}&last_day={campus.day}"),
        ("ADA", "/absences/new/?kind=part&day=2020-01-01"),
        ("ADA", f"/absences/{case.absence.uid}/"),
        ("ADA", f"/absences/{case.absence.uid}/change/"),
        ("ADA", f"/absences/{case.absence.uid}/withdraw/"),
        ("ADA", "/cases/"),
        ("ADA", f"/cases/{case.uid}/"),
        ("BEN", "/offers/"),
        ("BEN", f"/offers/{offer.uid}/"),
        (None, "/cases/"),
        (None, f"/cases/{case.uid}/"),
        (None, "/absences/new/"),
    ]
    found = []
    for code, path in pages:
        sign_in(campus.user(code) if code else campus.registrar)
        page.goto(live_server.url + path)
        for details in page.locator("main details").all():
            details.evaluate("element => { element.open = true }")
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        found += [f"{path} is {wide} pixels too wide"] if wide > 0 else []
        found += [
            f"{path}: {one['id']}: {one['nodes'][0]['html'][:200]}"
            for one in Axe().run(page).response["violations"]
        ]
    assert found == []
    assert complaints == []
