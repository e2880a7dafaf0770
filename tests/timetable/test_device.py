"""Installed on a phone, and without a network: what is served for it, and what Chromium makes of it."""

from __future__ import annotations

import datetime as dt
import json
import re

import pytest
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.test import Client
from django.utils import timezone
from playwright.sync_api import expect

from tests.factories import (
    InstituteFactory,
    MeetingFactory,
    OfferingFactory,
    ProfessorFactory,
    StudentFactory,
    TermFactory,
)
from timetable import device
from timetable.middleware import KEEP, READER

in_browser = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def browser_test(test):
    for mark in in_browser:
        test = mark(test)
    return test


@pytest.fixture
def new_shell():
    device.shell.cache_clear()
    yield device.shell.cache_clear
    device.shell.cache_clear()


# What is served -----------------------------------------------------------------------------------


def test_the_manifest_names_icons_that_exist(client):
    response = client.get("/manifest.webmanifest")
    assert response["Content-Type"] == "application/manifest+json"
    described = json.loads(response.content)
    assert (described["start_url"], described["scope"], described["display"]) == (
        *("/", "/"),
        "standalone",
    )
    icons = described["icons"]
    assert [(icon["purpose"], icon["sizes"]) for icon in icons] == [
        ("any", "any"),
        ("maskable", "any"),
        ("any", "192x192"),
        ("any", "512x512"),
        ("maskable", "192x192"),
        ("maskable", "512x512"),
    ]
    drawings, pictures = icons[:2], icons[2:]
    assert all(finders.find(icon["src"].removeprefix("/static/")) for icon in drawings)
    for icon in pictures:
        served = client.get(icon["src"])
        assert (served.status_code, served["Content-Type"]) == (200, icon["type"])
        width = int.from_bytes(served.content[16:20], "big")
        assert icon["sizes"] == f"{width}x{width}"


def test_the_service_worker_names_files_that_exist(client, new_shell):
    response = client.get("/sw.js")
    assert response["Content-Type"].startswith("text/javascript")
    assert "no-cache" in response["Cache-Control"]
    said = response.content.decode()
    files = json.loads(re.search(r"FILES = (\[.*\]);", said)[1])
    code = json.loads(re.search(r"importScripts\((.*)\)", said)[1])
    assert any(name.endswith("understudy.css") for name in files)
    assert all(finders.find(name.removeprefix("/static/")) for name in [*files, code])


def test_a_release_that_changes_a_file_changes_the_service_worker(client, new_shell, settings):
    before = client.get("/sw.js").content
    assert client.get("/sw.js").content == before
    settings.STATIC_URL = "/static/v2/"
    new_shell()
    assert client.get("/sw.js").content != before


@pytest.mark.django_db
def test_the_offline_page_names_nobody_and_asks_nothing(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        page = client.get("/offline/en/")
    assert "You are offline" in page.content.decode()
    assert READER not in page.headers


@pytest.mark.django_db
def test_pages_are_marked_with_their_reader():
    ada, bob = ProfessorFactory().user, StudentFactory().user
    marks = {}
    for who in (ada, bob):
        client = Client()
        client.force_login(who)
        pages = [client.get(path) for path in ("/week/", "/offers/", "/inbox/", "/no/such/page/")]
        marks[who] = {page.headers.get(READER) for page in pages}
        assert [KEEP in page.headers for page in pages] == [True, False, False, False]
        assert KEEP not in client.get("/week/2020-01-06/").headers
        client.post("/accounts/logout/")
        assert READER not in client.get("/accounts/login/").headers
    assert [len(mark) for mark in marks.values()] == [1, 1]
    assert marks[ada] != marks[bob]
    assert None not in marks[ada] | marks[bob]


# In Chromium --------------------------------------------------------------------------------------


@pytest.fixture
def people(db):
    """A professor and a student of the same class, which meets today."""
    today = InstituteFactory().local(timezone.now()).date()
    term = TermFactory(
        starts_on=today - dt.timedelta(days=30),
        mid_semester_on=today,
        end_semester_on=today,
        ends_on=today + dt.timedelta(days=30),
    )
    professor, student = ProfessorFactory(), StudentFactory()
    offering = OfferingFactory(
        term=term, course__title="Glaciology", professors=[professor], students=[student]
    )
    MeetingFactory(offering=offering, day=today, clock=dt.time(9))
    return professor, student


def wait_for(page, condition):
    """Until the script says yes; Playwright's own waiting needs an eval, which the policy forbids."""
    page.evaluate(
        f"""async () => {{
            for (let n = 0; n < 500; n++) {{
                if (await ({condition})()) return;
                await new Promise((go) => setTimeout(go, 20));
            }}
            throw new Error("in vain");
        }}"""
    )


KEPT = 'caches.open("own").then((cache) => cache.match("/week/")).then(Boolean)'


def wait_until_kept(page, expected=True):
    wait_for(page, f"async () => {json.dumps(expected)} === await {KEPT}")


def open_week(page, live_server):
    page.goto(f"{live_server.url}/week/")
    wait_for(page, "() => navigator.serviceWorker.controller !== null")
    page.goto(f"{live_server.url}/week/")
    wait_until_kept(page)


@browser_test
@pytest.mark.parametrize("who", [0, 1], ids=["professor", "student"])
def test_the_week_can_be_read_without_a_network(
    page, context, live_server, sign_in, people, who, complaints
):
    sign_in(people[who].user)
    open_week(page, live_server)
    expect(page.get_by_text("You are offline")).to_be_hidden()
    assert complaints == []

    context.set_offline(True)
    for path in ("/week/", "/inbox/", "/"):
        page.goto(live_server.url + path)
        expect(page.get_by_role("heading", name="My week")).to_be_visible()
        expect(page.get_by_text("You are offline. This is your week as it was on")).to_be_visible()
        expect(page.get_by_role("link", name="Glaciology")).to_be_visible()
    # Its style came along.
    assert (
        page.locator(".top").evaluate("(bar) => getComputedStyle(bar).borderBottomStyle") == "solid"
    )

    context.set_offline(False)
    # The worker may learn of the network later than the page, which then looks again.
    expect(page.get_by_text("You are offline")).to_be_hidden(timeout=20_000)


@browser_test
def test_what_is_online_is_never_old(page, live_server, sign_in, people):
    sign_in(people[1].user)
    open_week(page, live_server)
    people[1].offerings.get().course.__class__.objects.update(title="Volcanology")
    page.goto(f"{live_server.url}/week/")
    expect(page.get_by_role("link", name="Volcanology")).to_be_visible()
    expect(page.get_by_role("link", name="Glaciology")).to_have_count(0)


@browser_test
def test_signing_out_forgets_the_week(page, context, live_server, sign_in, people):
    sign_in(people[0].user)
    open_week(page, live_server)
    page.locator("details.account summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    wait_until_kept(page, expected=False)
    context.set_offline(True)
    page.goto(f"{live_server.url}/week/")
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    expect(page.get_by_text("Glaciology")).to_have_count(0)


@browser_test
@pytest.mark.parametrize("then", ["nobody", "another"])
def test_a_session_that_ended_without_signing_out_leaves_nothing(
    page, context, live_server, sign_in, people, then
):
    sign_in(people[0].user)
    open_week(page, live_server)
    context.clear_cookies()
    if then == "another":
        sign_in(StudentFactory().user)
    page.goto(f"{live_server.url}/inbox/")
    wait_until_kept(page, expected=False)


@browser_test
def test_a_new_release_takes_the_place_of_the_old_one(
    page, live_server, sign_in, people, new_shell, monkeypatch
):
    sign_in(people[0].user)
    open_week(page, live_server)
    (before,) = [name for name in page.evaluate("caches.keys()") if name.startswith("files-")]
    assert before == f"files-{device.shell('en').version}"
    # A release changes the addresses of the files.
    monkeypatch.setattr(device, "static", lambda path: f"{static(path)}?released=again")
    new_shell()
    page.evaluate("navigator.serviceWorker.ready.then((worker) => worker.update())")
    wait_for(page, f"async () => !(await caches.keys()).includes({json.dumps(before)})")
    names = page.evaluate("caches.keys()")
    assert sorted(names) == sorted(["own", f"files-{device.shell('en').version}"])
    assert page.evaluate(KEPT)


@browser_test
def test_chromium_would_install_it(page, context, live_server, people):
    page.goto(f"{live_server.url}/accounts/login/")
    session = context.new_cdp_session(page)
    described = session.send("Page.getAppManifest")
    assert (described["errors"], json.loads(described["data"])["name"]) == ([], "Understudy")
    problems = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # A test's browser window is private, which is the one thing that Chromium minds.
    assert [one["errorId"] for one in problems if one["errorId"] != "in-incognito"] == []
