"""The doors: who gets in, by which key, and who does not. allauth and axes as the settings join them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client

pytestmark = pytest.mark.django_db

APP = "/_allauth/app/v1/auth"
PASSWORD = "correct horse battery"


@pytest.fixture
def ada() -> Any:
    return get_user_model().objects.create_user("ada@example.org", PASSWORD)


def sign_in(client: Client, **fields: str) -> Any:
    return client.post("/accounts/login/", {"login": "ada@example.org", **fields})


def post(client: Client, path: str, **body: str) -> Any:
    return client.post(f"{APP}/{path}", body, content_type="application/json")


def test_a_password_opens(client: Client, ada: Any) -> None:
    response = sign_in(client, password=PASSWORD)
    assert (response.status_code, response.url) == (302, "/")
    assert client.session["_auth_user_id"] == str(ada.pk)


def test_the_case_of_an_address_does_not_matter(client: Client, ada: Any) -> None:
    assert sign_in(client, login="Ada@Example.org", password=PASSWORD).status_code == 302


def test_a_code_by_mail_opens(client: Client, ada: Any) -> None:
    response = client.post("/accounts/login/code/", {"email": "ada@example.org"})
    (message,) = mail.outbox
    assert message.to == ["ada@example.org"]
    code = re.search(r"^[A-Z0-9-]{6,}$", message.body, re.MULTILINE).group()
    response = client.post(response.url, {"code": code})
    assert (response.status_code, response.url) == (302, "/")
    assert client.session["_auth_user_id"] == str(ada.pk)


def test_a_code_for_nobody_sends_nothing_and_says_nothing(client: Client, ada: Any) -> None:
    known = client.post("/accounts/login/code/", {"email": "ada@example.org"})
    mail.outbox.clear()
    unknown = Client().post("/accounts/login/code/", {"email": "eve@example.org"})
    assert (unknown.status_code, unknown.url) == (known.status_code, known.url)
    assert mail.outbox == []


def test_ten_wrong_passwords_lock_the_right_one_out(
    client: Client, ada: Any, settings: Any
) -> None:
    settings.ACCOUNT_RATE_LIMITS = False
    for _ in range(settings.AXES_FAILURE_LIMIT):
        sign_in(client, password="wrong")
    sign_in(client, password=PASSWORD)
    assert "_auth_user_id" not in client.session
    elsewhere = client.post(
        "/accounts/login/",
        {"login": "ada@example.org", "password": PASSWORD},
        REMOTE_ADDR="192.0.2.7",
    )
    assert elsewhere.status_code == 302


def test_nobody_opens_an_account_at_the_door(client: Client) -> None:
    page = client.post("/accounts/signup/", {"email": "eve@example.org", "password1": PASSWORD})
    assert "password1" not in page.content.decode()
    assert post(client, "signup", email="eve@example.org", password=PASSWORD).status_code == 403
    assert not get_user_model().objects.exists()


def test_the_api_gets_a_token_that_ends_with_its_session(client: Client, ada: Any) -> None:
    answer = post(client, "login", email="ada@example.org", password=PASSWORD).json()
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {answer['meta']['access_token']}"}
    assert answer["data"]["user"]["email"] == "ada@example.org"
    assert Client().get(f"{APP}/session", **bearer).status_code == 200
    assert Client().delete(f"{APP}/session", **bearer).status_code == 401
    assert Client().get(f"{APP}/session", **bearer).status_code != 200


def test_the_admin_sends_strangers_to_the_common_door(client: Client, ada: Any) -> None:
    response = client.get("/admin/", follow=True)
    assert response.redirect_chain[-1][0].startswith("/accounts/login/?next=")
    client.force_login(ada)
    assert client.get("/admin/", follow=True).status_code == 403
