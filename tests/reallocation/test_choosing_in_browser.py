"""The pages on which somebody decides, in Chromium: a request on one screen, a week to choose from."""

import datetime as dt
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import expect

from reallocation import absences, overrides
from reallocation.audit import Who
from reallocation.enums import ActorKind, StepNumber
from reallocation.models import Offer, SlotChoice
from reallocation.sweep import advance_due
from tests.factories import MeetingFactory, TermFactory, small_institute
from timetable.models import Professor

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DAY = dt.timedelta(days=1)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def case():
    """The small institute today: Ada is away on a day of next week on which she has a class."""
    house = small_institute()
    today = timezone.localdate()
    TermFactory._meta.model.objects.update(
        starts_on=today - 30 * DAY,
        mid_semester_on=today + 20 * DAY,
        end_semester_on=today + 60 * DAY,
        ends_on=today + 70 * DAY,
    )
    monday = today + (7 - today.weekday()) * DAY
    meeting = MeetingFactory(
        offering=house.classes["MATH.A"], day=monday + DAY, planned_room=house.rooms["R1"]
    )
    now = timezone.now()
    filed = absences.file(
        house.professors["ADA"],
        absences.Request(
            meeting.starts_at - DAY / 24,
            meeting.ends_at + DAY / 24,
            handover="We are in the middle of chapter seven; the slides are in the course folder.",
        ),
        now=now,
    )
    advance_due(now)
    (case,) = filed.cases
    return case


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_request_and_its_answers_stand_on_one_screen_of_a_phone(
    page, live_server, sign_in, case, complaints, scheme
):
    offer = Offer.objects.waiting().filter(case=case).first()
    sign_in(offer.professor.user)
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{live_server.url}/offers/{offer.uid}/")
    foot = page.get_by_role("navigation").last.bounding_box()["y"]
    last = page.get_by_role("button", name="Not this week").bounding_box()
    assert last["y"] + last["height"] <= foot
    assert page.evaluate("scrollY") == 0
    for said in ("Algebra", "chapter seven", "5 students, for Ada Adler", "Please answer until"):
        expect(page.get_by_text(said).first).to_be_in_viewport()
    assert Axe().run(page, options=RULES).response["violations"] == []
    assert complaints == []


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1440, "light")])
def test_a_place_of_the_week_is_chosen_by_keyboard(
    page, live_server, sign_in, case, complaints, width, scheme
):
    overrides.send_to(
        case,
        step=StepNumber.RESCHEDULE,
        why="Sooner",
        now=timezone.now(),
        who=Who(ActorKind.REGISTRAR),
    )
    advance_due(timezone.now())
    sign_in(case.professor.user)
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{live_server.url}/cases/{case.uid}/")
    assert Axe().run(page, options=RULES).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.get_by_role("navigation", name="Weeks").get_by_role("link").last.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**week=**")
    expect(page.get_by_role("heading", name="Or any other free time")).to_be_in_viewport()
    radios = page.get_by_role("radio")
    radios.first.focus()
    # Backwards from the first is the last: a place of the grid, not one of the best.
    page.keyboard.press("ArrowUp")
    expect(radios.last).to_be_checked()
    expect(radios.last).to_be_in_viewport()
    wanted = radios.last.input_value()
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    expect(page.get_by_text("Thank you. The class is moved there")).to_be_visible()
    choice = SlotChoice.objects.get()
    assert wanted == f"{choice.starts_at.isoformat()}|{choice.room.code}"
    assert complaints == []


def test_a_page_that_lives_asks_less_often_the_longer_nothing_happens(
    page, live_server, sign_in, case
):
    # The page itself counts: an answer is in when htmx has dealt with it.
    page.add_init_script("""
        window.asked = window.answered = 0;
        addEventListener("htmx:beforeSend", () => { window.asked += 1; });
        addEventListener("htmx:afterRequest", () => { window.answered += 1; });
    """)
    sign_in(case.professor.user)
    page.clock.install()
    page.goto(f"{live_server.url}/cases/{case.uid}/")
    turns = []
    for _turn in range(40):
        before = page.evaluate("asked")
        page.clock.run_for(10_000)
        for _wait in range(500):
            if page.evaluate("asked === answered"):
                break
            page.wait_for_timeout(10)
        turns.append(page.evaluate("asked") > before)
    assert turns[:6] == [True] * 6
    assert turns[6:18] == [False, True] * 6
    assert sum(turns[18:36]) == 6


@pytest.mark.usefixtures("case")
def test_the_first_of_several_days_is_called_so(page, live_server, sign_in):
    sign_in(Professor.objects.get(code="BEN").user)
    page.goto(f"{live_server.url}/absences/new/")
    first, last = page.locator("[name=day]"), page.locator("[name=last_day]")
    expect(first).to_have_accessible_name(re.compile(r"^Day ?\*$"))
    expect(last).to_be_hidden()
    page.get_by_label("Several days").check()
    expect(first).to_have_accessible_name(re.compile(r"^First day ?\*$"))
    expect(last).to_have_accessible_name("Last day")
