"""The main job in German, on a small phone: reported ill, stood in, voted, and nothing to scroll for.

One person chooses the language at the foot of the page, before signing in; the others in their accounts.
"""

from __future__ import annotations

import re

import pytest
from django.core import mail
from playwright.sync_api import expect

from reallocation.enums import CaseStatus, WaitingFor
from reallocation.models import Case
from tests.browser.campus import again, everybody_of_the_section_says_no, link_in_mail_to
from timetable.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def campus(campus):
    User.objects.update(language="de")
    return campus


@pytest.fixture
def phone(page):
    page.set_viewport_size({"width": 320, "height": 640})
    return page


def too_wide(page):
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth") > 0


def test_the_language_is_chosen_by_the_keyboard_and_stays(phone, live_server, complaints):
    phone.goto(f"{live_server.url}/accounts/login/")
    button = phone.get_by_role("button", name="Deutsch")
    button.focus()
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("heading", name="Anmelden")).to_be_visible()
    expect(phone.locator("html")).to_have_attribute("lang", "de")
    phone.goto(f"{live_server.url}/accounts/login/code/")
    expect(phone.get_by_role("button", name="English")).to_be_visible()
    box = phone.get_by_role("button", name="English").bounding_box()
    assert min(box["width"], box["height"]) >= 24
    assert complaints == []


def test_an_account_changes_its_language_in_its_menu(
    campus, phone, live_server, sign_in, complaints
):
    user = campus.user("ADA")
    sign_in(user)
    phone.goto(f"{live_server.url}/week/{campus.day}/")
    phone.locator(".account summary").click()
    phone.get_by_role("button", name="English").click()
    expect(phone).to_have_url(f"{live_server.url}/week/{campus.day}/")
    expect(phone.locator("html")).to_have_attribute("lang", "en")
    user.refresh_from_db()
    assert user.language == "en"
    assert complaints == []


def test_ill_in_german_a_colleague_takes_the_class_by_the_link_in_the_mail(
    campus, phone, live_server, sign_in, worker, complaints
):
    sign_in(campus.user("ADA"))
    phone.goto(f"{live_server.url}/week/{campus.day}/")
    assert not too_wide(phone)
    phone.get_by_role("link", name="Das kann ich nicht halten").click()
    expect(phone.locator("main")).to_contain_text("2 freie Lehrende der Gruppe werden gefragt")
    phone.get_by_label("Für die Person, die übernimmt").fill("Wir sind bei Kapitel 7")
    assert not too_wide(phone)
    phone.get_by_role("button", name="Abwesenheit melden").click()
    expect(phone.locator("main")).to_contain_text("Die Abwesenheit ist gemeldet.")
    assert not too_wide(phone)
    worker.run()
    case = Case.objects.get()

    ben = campus.user("BEN")
    (asked,) = (one for one in mail.outbox if ben.email in one.to)
    assert asked.subject.startswith("Können Sie MATH am ")
    assert asked.subject.endswith(" Uhr übernehmen?")
    assert "Zusagen oder absagen:" in asked.body
    phone.context.clear_cookies()
    phone.goto(live_server.url + link_in_mail_to(ben))
    expect(phone.locator("main")).to_contain_text("Wir sind bei Kapitel 7")
    assert not too_wide(phone)
    phone.get_by_role("button", name="Ja, ich übernehme").click()
    expect(phone.locator("main")).to_contain_text("Sie haben zugesagt.")
    worker.run()
    assert again(case).status == CaseStatus.SUBSTITUTED
    assert complaints == []


def test_a_student_votes_in_german(campus, phone, live_server, sign_in, worker, complaints):
    case = campus.file()
    worker.run()
    everybody_of_the_section_says_no(case)
    worker.run()
    assert again(case).waiting_for == WaitingFor.CANDIDATE_CHOICE
    sign_in(campus.user("ADA"))
    phone.goto(f"{live_server.url}/cases/{case.uid}/")
    phone.get_by_role("radio", name="Eve Ernst").check()
    phone.get_by_role("button", name="Diese Person fragen").click()
    expect(phone.get_by_role("status").first).to_contain_text("Die Anfrage geht jetzt hinaus.")
    worker.run()
    sign_in(campus.user("EVE"))
    phone.goto(f"{live_server.url}/offers/")
    phone.locator("main").get_by_role("link", name="Math").click()
    phone.get_by_role("button", name="Ja, ich übernehme").click()
    expect(phone.locator("main")).to_contain_text("Sie haben zugesagt.")
    worker.run()

    sign_in(campus.students[0].user)
    phone.goto(f"{live_server.url}/votes/")
    phone.get_by_role("link", name=re.compile("Soll Eve Ernst den Termin am .+ Uhr halten")).click()
    assert not too_wide(phone)
    phone.get_by_role("button", name="Ja", exact=True).click()
    expect(phone.locator("main")).to_contain_text("Ihre Stimme ist gezählt.")
    expect(phone.locator("main")).to_contain_text("1 von 5 haben abgestimmt (20 %).")
    assert not too_wide(phone)
    assert complaints == []
