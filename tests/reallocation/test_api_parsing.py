"""How a request is read before any endpoint sees it: its address, its parameters, its body."""

import pytest
from django.test import Client

from config import gunicorn
from reallocation.api.parsing import LONGEST_ADDRESS
from reallocation.enums import OfferStatus, WebhookStatus
from reallocation.models import Offer
from tests.factories import StaffFactory, WebhookDeliveryFactory
from tests.reallocation.calls import ROOT, Said, program_of

pytestmark = pytest.mark.django_db

NO_OBJECTS = ["false", "0", '""', "[]", "null", "true", '"no"', '[{"comment": "no"}]']


@pytest.fixture(autouse=True)
def now(monkeypatch, flow):
    monkeypatch.setattr("django.utils.timezone.now", lambda: flow.now)


def post(program, path, body):
    """With a body that is no form and no object, letter by letter."""
    response = program.client.post(
        ROOT + path, body, content_type="application/json", headers=program.headers
    )
    return Said(response.status_code, response.json(), response.headers)


def refusal(said):
    return said.status, said.code, said.body["fields"]


@pytest.mark.parametrize("body", NO_OBJECTS)
def test_a_comment_may_be_left_out_but_is_no_other_thing(flow, body):
    house = flow.house
    flow.case(names={house.meetings["MATH.A", "2027-03-02"].pk: house.professors["BEN"]})
    offer, ben = Offer.objects.get(), program_of(house.professors["BEN"])
    wrong = (422, "invalid", {"body": "It must be a JSON object."})
    assert refusal(post(ben, f"/offers/{offer.uid}/decline", body)) == wrong
    offer.refresh_from_db()
    assert offer.status == OfferStatus.SENT
    assert post(ben, f"/offers/{offer.uid}/decline", "").body["status"] == "declined"


@pytest.mark.parametrize("body", NO_OBJECTS)
def test_a_replay_of_nothing_in_particular_is_of_all(flow, body):
    staff = program_of(StaffFactory(institute=flow.house.institute))
    delivery = WebhookDeliveryFactory(
        webhook__institute=flow.house.institute, status=WebhookStatus.FAILED
    )
    address = f"/webhooks/{delivery.webhook.uid}/replay"
    assert post(staff, address, body).status == 422
    delivery.refresh_from_db()
    assert delivery.status == WebhookStatus.FAILED
    assert post(staff, address, "").body == {"replayed": 1}


def test_a_body_that_is_needed_is_an_object_too(flow):
    ada = program_of(flow.house.professors["ADA"])
    for body, told in (("[1]", "It must be a JSON object."), ("", "Field required")):
        said = post(ada, "/professor-unavailability", body)
        assert refusal(said) == (422, "invalid", {"body": told})


def test_a_parameter_is_given_once(flow):
    ada = program_of(flow.house.professors["ADA"])
    said = ada.get("/cases", limit=["x", "1"])
    assert refusal(said) == (422, "invalid", {"limit": "Give it once."})
    assert ada.get("/cases", limit=["1"]).status == 200


@pytest.mark.parametrize(
    ("letters", "status", "code"),
    [(LONGEST_ADDRESS, 401, "unauthorized"), (LONGEST_ADDRESS + 1, 414, "address_too_long")],
)
def test_an_address_is_not_too_long(letters, status, code):
    address = f"{ROOT}/cases?after="
    response = Client().get(address + "a" * (letters - len(address)))
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_the_server_in_front_lets_the_api_refuse_by_itself():
    assert gunicorn.limit_request_line > LONGEST_ADDRESS + len("DELETE  HTTP/1.1")


@pytest.mark.parametrize("code", ["a" * 65, "a%00b"])
def test_a_code_in_an_address_is_like_one_in_a_body(flow, code):
    said = program_of(flow.house.professors["ADA"]).get(f"/fairness-report/{code}")
    assert (said.status, said.code, [*said.body["fields"]]) == (422, "invalid", ["institute_id"])
