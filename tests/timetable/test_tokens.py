import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from tests.factories import NOW, ProfessorFactory, StaffFactory, UserFactory
from timetable import tokens
from timetable.enums import TokenScope
from timetable.models import AccessToken

pytestmark = pytest.mark.django_db
PAGE = "/tokens/"


@pytest.fixture
def professor():
    return ProfessorFactory()


@pytest.fixture
def page(professor):
    client = Client()
    client.force_login(professor.user)
    return client


def secrets_on(response):
    return [
        part.partition('"')[0]
        for part in response.content.decode().split('value="')[1:]
        if part.startswith(tokens.PREFIX)
    ]


def test_a_token_is_shown_once(page, professor):
    made = page.post(PAGE, {"name": "Calendar", "scopes": ["read", "answer"]})
    assert made.status_code == 200
    (secret,) = secrets_on(made)
    token = tokens.find(secret, now=NOW)
    assert (token.user, token.name, token.scopes) == (
        professor.user,
        "Calendar",
        ["read", "answer"],
    )
    again = page.get(PAGE)
    assert secret not in again.content.decode()
    assert "Calendar" in again.content.decode()
    assert "no-store" in made.headers["Cache-Control"]


def test_only_staff_are_offered_their_role(page, professor):
    refused = page.post(PAGE, {"name": "Mine", "scopes": ["registrar"]})
    assert (refused.status_code, AccessToken.objects.count()) == (400, 0)
    StaffFactory(user=professor.user, institute=professor.institute)
    assert page.post(PAGE, {"name": "Mine", "scopes": ["registrar"]}).status_code == 200


def test_a_token_may_do_something_and_has_a_name(page):
    refused = page.post(PAGE, {"name": ""})
    assert sorted(refused.context["form"].errors) == ["name", "scopes"]


def test_a_revoked_token_is_gone(page, professor):
    made = tokens.make(professor.user, "Old", ["read"], now=NOW)
    url = reverse("timetable:token-revoke", args=[made.token.uid])
    assert page.get(url).status_code == 405
    assert page.post(url).status_code == 302
    assert tokens.find(made.secret, now=NOW) is None
    assert list(tokens.in_use(professor.user)) == []
    assert page.post(url).status_code == 404


def test_nobody_revokes_another_s(page):
    other = tokens.make(UserFactory(), "Theirs", ["read"], now=NOW)
    assert page.post(reverse("timetable:token-revoke", args=[other.token.uid])).status_code == 404
    assert tokens.find(other.secret, now=NOW) is not None
    assert "Theirs" not in page.get(PAGE).content.decode()


def test_the_page_is_for_members():
    assert Client().get(PAGE).status_code == 302
    client = Client()
    client.force_login(UserFactory())
    assert client.get(PAGE).status_code == 404


def test_there_is_an_end_to_tokens(page, professor):
    for n in range(tokens.MOST):
        tokens.make(professor.user, f"{n}", ["read"], now=NOW)
    assert page.post(PAGE, {"name": "One more", "scopes": ["read"]}).status_code == 400
    with pytest.raises(CommandError, match="revoke one first"):
        call_command("create_token", professor.user.email)


def test_the_command_prints_the_token_alone(professor):
    out = io.StringIO()
    call_command("create_token", professor.user.email.upper(), stdout=out)
    token = tokens.find(out.getvalue().strip(), now=NOW)
    assert (token.user, token.scopes) == (professor.user, TokenScope.values)


def test_the_command_prints_json(professor):
    out = io.StringIO()
    call_command("create_token", professor.user.email, "--scope", "read", "--json", stdout=out)
    said = json.loads(out.getvalue())
    assert tokens.find(said.pop("token"), now=NOW) is not None
    assert said == {"email": professor.user.email, "scopes": ["read"]}


def test_the_command_knows_its_people():
    with pytest.raises(CommandError, match="Nobody has an account"):
        call_command("create_token", "nobody@northfield.example")
    UserFactory(email="gone@northfield.example", is_active=False)
    with pytest.raises(CommandError, match="Nobody has an account"):
        call_command("create_token", "gone@northfield.example")


def test_a_secret_hides_in_a_traceback(professor):
    made = tokens.make(professor.user, "Hidden", ["read"], now=NOW)
    assert made.secret not in repr(made)
