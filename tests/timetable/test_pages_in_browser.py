"""The timetable's pages in a real browser: small and wide, light and dark, by ear and by keyboard."""

from __future__ import annotations

import datetime as dt

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from tests.factories import (
    MeetingFactory,
    OfferingFactory,
    ProfessorFactory,
    RoomFactory,
    SectionFactory,
    StudentFactory,
    TermFactory,
)
from timetable import feeds, login_links
from timetable.enums import MeetingStatus

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DAY = dt.timedelta(days=1)
SCREENS = {"phone": (320, 640, "dark"), "desk": (1440, 900, "light")}


@pytest.fixture
def people():
    """A professor and a student whose class has a meeting in every state, with long names."""
    today = timezone.localdate()
    term = TermFactory(
        starts_on=today - 30 * DAY,
        mid_semester_on=today + 20 * DAY,
        end_semester_on=today + 60 * DAY,
        ends_on=today + 70 * DAY,
    )
    professor = ProfessorFactory(name="Cleopatra Wolfeschlegelsteinhausen-Bergerdorff")
    section = SectionFactory(code="BACHELOR-OF-ENGINEERING-2026-A")
    student = StudentFactory(section=section)
    offering = OfferingFactory(
        term=term,
        course__title="Thermodynamics-and-Statistical-Mechanics for engineers",
        professors=[professor],
        sections=[section],
    )
    usual = {"offering": offering, "planned_room": RoomFactory()}
    MeetingFactory(**usual, day=today + DAY)
    MeetingFactory(**usual, day=today + DAY, clock=dt.time(11), professor=ProfessorFactory())
    MeetingFactory(**usual, day=today + 2 * DAY, room=RoomFactory())
    MeetingFactory(**usual, day=today + 3 * DAY, status=MeetingStatus.POSTPONED)
    MeetingFactory(**usual, day=today + 4 * DAY, status=MeetingStatus.DROPPED)
    MeetingFactory(**usual, day=today - 2 * DAY)
    return professor, student, offering


@pytest.mark.parametrize("screen", SCREENS)
def test_every_page_fits_its_screen_and_can_be_used_by_everybody(
    page, live_server, sign_in, complaints, people, screen
):
    width, height, scheme = SCREENS[screen]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    professor, student, offering = people
    feeds.renew(student.user, now=timezone.now())
    link = login_links.login_link(professor.user).removeprefix("http://testserver")
    class_page = reverse("timetable:class-detail", args=[offering.code])
    week = reverse("timetable:week", args=[timezone.localdate() + DAY])
    tour = {
        None: [
            "/accounts/login/",
            "/accounts/login/code/",
            link,
            "/sign-in/broken/",
            "/offline/en/",
        ],
        professor.user: [
            *(week, class_page, "/calendar/"),
            *("/accounts/2fa/", "/accounts/logout/", "/no/such/page/"),
        ],
        student.user: ["/classes/", class_page, "/changes/", "/calendar/"],
    }
    found = {}
    for user, paths in tour.items():
        if user is not None:
            sign_in(user)
        for path in paths:
            page.goto(live_server.url + path)
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found[path] = "wider than the screen"
            # Before axe, which puts styles of its own into the page.
            policy = [said for said in complaints if "Content Security" in said]
            results = Axe().run(page).response["violations"]
            if policy or results:
                found[path] = policy, [violation["id"] for violation in results]
            complaints.clear()
    assert found == {}


def test_the_theme_follows_the_system_while_the_page_is_open(page, live_server):
    page.emulate_media(color_scheme="light")
    page.goto(f"{live_server.url}/accounts/login/")
    root = page.locator("html")
    expect(root).to_have_attribute("data-bs-theme", "light")
    page.emulate_media(color_scheme="dark")
    expect(root).to_have_attribute("data-bs-theme", "dark")


def test_the_frame_by_keyboard(page, live_server, sign_in, people):
    sign_in(people[0].user)
    page.goto(f"{live_server.url}/week/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    menu = page.locator("details.account")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(menu.locator("summary")).to_be_focused()


def test_signing_in_by_the_link_and_out_again(page, live_server, people):
    link = login_links.login_link(people[0].user).removeprefix("http://testserver")
    page.goto(live_server.url + link)
    page.get_by_role("button", name="Sign in as Cleopatra").click()
    expect(page.get_by_role("heading", name="My week")).to_be_visible()
    page.locator("details.account summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(live_server.url + link)
    expect(page.get_by_role("heading", name="This link was used already")).to_be_visible()


def test_a_calendar_s_address_is_made_and_copied(page, context, live_server, sign_in, people):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_in(people[1].user)
    page.goto(f"{live_server.url}/classes/")
    page.get_by_role("link", name="Have this in your own calendar").click()
    page.get_by_role("button", name="Make my address").click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    address = page.get_by_label("Add it in your calendar program").input_value()
    assert page.evaluate("navigator.clipboard.readText()") == address
    assert page.request.get(address.replace("http://testserver", live_server.url)).ok


def test_without_scripts_the_address_can_be_selected(browser, live_server, people):
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(people[1].user)
    feeds.renew(people[1].user, now=timezone.now())
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server.url}/calendar/")
    expect(page.get_by_role("button", name="Copy")).to_be_hidden()
    expect(page.get_by_label("Add it in your calendar program")).to_be_visible()
    expect(page.get_by_role("img", name="The address as a QR code")).to_be_visible()
    context.close()
