"""`login_link EMAIL`: a way in for one person."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import resolve

from tests.factories import UserFactory


@pytest.mark.django_db
def test_the_link_signs_that_person_in(client, settings):
    user = UserFactory(email="ada@northfield.example")
    said = StringIO()
    call_command("login_link", "Ada@Northfield.example", stdout=said)
    path = said.getvalue().strip().removeprefix(settings.BASE_URL)
    assert resolve(path).view_name == "timetable:login-link"
    client.post(path)
    assert client.session["_auth_user_id"] == str(user.pk)


@pytest.mark.django_db
@pytest.mark.parametrize("active", [True, False])
def test_nobody_gets_a_link_who_has_no_account(active):
    UserFactory(email="ben@northfield.example", is_active=False)
    with pytest.raises(CommandError, match="Nobody has an account"):
        call_command("login_link", "ada@northfield.example" if active else "ben@northfield.example")
