"""The small institute behind its pages: who looks, and what they read."""

import html
import re

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import StaffFactory

INLINE = re.compile(r"</?(time|strong|em)\b[^>]*>")
CLOCK = re.compile(r'<span class="span">(.*?)</span>')
TAGS = re.compile(r"<(script|style|svg).*?</\1>|<[^>]+>", re.DOTALL)


class Site:
    """`site.get("ADA", address)`: by the code of a professor or a student, "REGISTRAR", or None."""

    def __init__(self, flow, client):
        self.flow, self.client = flow, client
        self.house = flow.house
        self.signed_in = None
        self.registrar = StaffFactory(institute=flow.house.institute).user
        self.registrar.name = "Rita Registrar"
        self.registrar.save(update_fields=["name"])

    def sign_in(self, who):
        """Whoever is signed in already stays so, with what the last page had to say to them."""
        if who == self.signed_in:
            return
        self.client.logout()
        if who is not None:
            self.client.force_login(self.user(who))
        self.signed_in = who

    def user(self, who):
        if not isinstance(who, str):
            return who
        if who == "REGISTRAR":
            return self.registrar
        people = {**self.house.professors, **self.house.students}
        return people[who].user

    def get(self, who, address, **headers):
        self.sign_in(who)
        return self.client.get(address, headers=headers)

    def post(self, who, address, **data):
        self.sign_in(who)
        return self.client.post(address, data)

    def read(self, who, address):
        """What stands on a page that exists for them."""
        response = self.get(who, address)
        assert response.status_code == 200
        return words(response)

    def queries(self, who, address):
        self.sign_in(who)
        with CaptureQueriesContext(connection) as captured:
            assert self.client.get(address).status_code == 200
        return len(captured)

    def statuses(self, address, *everybody):
        return {str(who): self.get(who, address).status_code for who in everybody}


def words(response):
    """The text of a page, without its tags, in single spaces."""
    text = INLINE.sub("", CLOCK.sub(r"\1", response.content.decode()))
    return " ".join(html.unescape(TAGS.sub(" ", text)).split())
