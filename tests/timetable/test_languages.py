"""In which language a page answers: the account's, else the device's, else the browser's."""

from __future__ import annotations

import datetime as dt

import pytest
from django.conf import settings
from django.utils import translation

from tests.factories import UserFactory
from timetable import moments

pytestmark = pytest.mark.django_db

GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de-AT,de;q=0.9,en;q=0.5"}
LOGIN = "/accounts/login/"


def spoken(client, path=LOGIN, **headers):
    response = client.get(path, **headers)
    said = f'<html lang="{response["Content-Language"]}"'
    assert said in response.content.decode()
    return response["Content-Language"]


def choose(client, language, **fields):
    return client.post("/language/", {"language": language, "next": LOGIN, **fields})


def test_a_stranger_is_answered_in_the_language_of_the_browser(client):
    assert (spoken(client), spoken(client, **GERMAN)) == ("en", "de")


def test_what_was_chosen_on_a_device_goes_before_the_browser(client):
    response = choose(client, "de")
    assert (response.status_code, response["Location"]) == (302, LOGIN)
    assert spoken(client) == "de"
    assert choose(client, "en").cookies[settings.LANGUAGE_COOKIE_NAME].value == "en"
    assert spoken(client, **GERMAN) == "en"


def test_what_the_account_has_chosen_goes_before_the_device(client):
    user = UserFactory()
    client.force_login(user)
    assert spoken(client, "/calendar/") == "en"
    choose(client, "de")
    user.refresh_from_db()
    assert user.language == "de"
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    assert spoken(client, "/calendar/") == "de"
    client.logout()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    assert spoken(client) == "en"


def test_a_choice_belongs_to_one_account(client):
    other = UserFactory()
    client.force_login(UserFactory())
    choose(client, "de")
    other.refresh_from_db()
    assert other.language == ""


@pytest.mark.parametrize("language", ["", "fr", "tlh", "../de"])
def test_a_language_that_is_not_spoken_here_is_refused(client, language):
    user = UserFactory()
    client.force_login(user)
    assert choose(client, language).status_code == 404
    user.refresh_from_db()
    assert user.language == ""
    assert client.get("/language/").status_code == 405


def test_the_switch_leads_nowhere_else(client):
    assert choose(client, "de", next="https://elsewhere.example/")["Location"] == "/"


def test_every_page_offers_the_other_language(client):
    page = client.get(LOGIN, **GERMAN).content.decode()
    assert 'value="en" lang="en"' in page
    assert 'value="de"' not in page
    client.force_login(UserFactory())
    assert 'value="de" lang="de"' in client.get("/calendar/").content.decode()


def test_caches_are_told_on_what_a_page_depends(client):
    for path in (LOGIN, "/manifest.webmanifest", "/sw.js"):
        varies = client.get(path)["Vary"].lower()
        assert ("cookie" in varies, "accept-language" in varies) == (True, True)


def test_the_site_is_installed_in_the_language_of_its_reader(client):
    user = UserFactory(language="de")
    client.force_login(user)
    assert client.get("/manifest.webmanifest").json()["lang"] == "de"
    ours = client.get("/sw.js").content.decode()
    client.logout()
    theirs = client.get("/sw.js").content.decode()
    assert ("/offline/de/" in ours, "/offline/en/" in theirs) == (True, True)
    assert spoken(client, "/offline/de/") == "de"
    assert client.get("/offline/fr/").status_code == 404


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            (
                "Tue 2 Mar",
                "Tuesday 2 March 2027",
                "Tue 2 Mar, 09:05",
                "Tue 2 Mar 2027, 09:05",
                "Tue 2 Mar, 09:05–10:30",
                "Tue 2 Mar, 09:05 – Wed 3 Mar, 09:05",
            ),
        ),
        (
            "de",
            (
                "Di., 2. März",
                "Dienstag, 2. März 2027",
                "Di., 2. März, 09:05 Uhr",
                "Di., 2. März 2027, 09:05 Uhr",
                "Di., 2. März, 09:05–10:30 Uhr",
                "Di., 2. März, 09:05 Uhr – Mi., 3. März, 09:05 Uhr",
            ),
        ),
    ],
)
def test_days_and_times_are_said_as_the_language_says_them(language, said):
    moment = dt.datetime(2027, 3, 2, 9, 5)
    with translation.override(language):
        assert (
            moments.day(moment),
            moments.long_day(moment),
            moments.day_and_time(moment),
            moments.day_year_and_time(moment),
            moments.span(moment, moment.replace(hour=10, minute=30)),
            moments.span(moment, moment + dt.timedelta(days=1)),
        ) == said
