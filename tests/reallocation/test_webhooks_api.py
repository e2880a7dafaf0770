"""Webhooks by the API: made, listed, renewed, switched, replayed, removed. Who may: test_api_access."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from reallocation.models import Webhook, WebhookDelivery
from reallocation.webhooks import subscriptions
from tests.factories import StaffFactory, WebhookDeliveryFactory, WebhookFactory, small_institute
from tests.reallocation.calls import program_of
from timetable.models import StoredAnswer

pytestmark = pytest.mark.django_db

NEW = {
    "url": "https://hooks.example/in?key=1",
    "events": ["meeting.changed", "case.opened"],
    "name": "Portal",
}


@pytest.fixture(autouse=True)
def now(monkeypatch, flow):
    monkeypatch.setattr("django.utils.timezone.now", lambda: flow.now)


@pytest.fixture
def staff(flow):
    return StaffFactory(institute=flow.house.institute)


@pytest.fixture
def registrar(staff):
    return program_of(staff)


def test_a_webhook_from_its_making_to_its_removal(flow, registrar, staff):
    made = registrar.post("/webhooks", NEW)
    assert made.status == 201
    secret = made.body.pop("secret")
    row = Webhook.objects.get()
    assert subscriptions.secrets_in_use(row, flow.now) == [secret]
    assert row.owner == staff.user
    assert made.body == {
        "webhook_id": str(row.uid),
        "institute_id": "northfield",
        "name": "Portal",
        "url": "https://hooks.example/in?key=1",
        "events": ["case.opened", "meeting.changed"],
        "active": True,
        "off_why": None,
        "off_at": None,
        "created_at": "2027-03-01T08:00:00Z",
        "last_delivered_at": None,
        "former_secret_until": None,
    }
    address = f"/webhooks/{row.uid}"
    renewed = registrar.post(f"{address}/secret").body
    assert renewed["secret"] not in {secret, ""}
    assert renewed["former_secret_until"] == "2027-03-02T08:00:00Z"
    listed = registrar.get("/webhooks").body
    assert listed == {
        "items": [{**made.body, "former_secret_until": "2027-03-02T08:00:00Z"}],
        "next": None,
    }
    off = registrar.post(f"{address}/off").body
    assert (off["active"], off["off_why"]) == (False, "asked")
    assert registrar.post(f"{address}/off").body == off
    assert registrar.post(f"{address}/on").body["active"] is True
    assert registrar.post(f"{address}/on").code == "webhook_on"
    gone = registrar.delete(address)
    assert (gone.status, gone.body["active"]) == (200, False)
    assert registrar.get("/webhooks").body["items"] == []
    for said in (registrar.delete(address), registrar.get(f"{address}/deliveries")):
        assert (said.status, said.code) == (404, "not_found")


def test_no_secret_is_kept_under_an_idempotency_key_and_none_is_listed(registrar):
    key = {"Idempotency-Key": "7d1c"}
    secret = registrar.post("/webhooks", NEW, headers=key).body["secret"]
    assert not StoredAnswer.objects.exists()
    again = registrar.post("/webhooks", NEW, headers=key)
    assert (again.status, again.code) == (409, "webhook_exists")
    everything = json.dumps(registrar.get("/webhooks").body)
    assert secret not in everything
    assert "whsec" not in everything


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://hooks.example/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "url"),
        ({"url": "nonsense"}, "url"),
        ({"url": ""}, "url"),
        ({"url": "https://hooks.example/" + "x" * 500}, "url"),
        ({"url": "https://hooks.example/\x00"}, "url"),
        ({"events": []}, "events"),
        ({"events": ["case.exploded"]}, "events.0"),
        ({"name": "x" * 101}, "name"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_makes_nothing(registrar, change, field):
    said = registrar.post("/webhooks", {**NEW, **change})
    assert (said.status, said.code, list(said.body["fields"])) == (422, "invalid", [field])
    assert not Webhook.objects.exists()


def test_there_is_an_end_to_how_many(registrar, monkeypatch):
    monkeypatch.setattr(subscriptions, "MOST", 1)
    registrar.post("/webhooks", NEW)
    assert registrar.post("/webhooks", {**NEW, "url": "https://a.example/"}).code == (
        "too_many_webhooks"
    )


def test_a_registrar_of_two_institutes_names_the_one(flow, staff):
    elsewhere = small_institute("elsewhere").institute
    StaffFactory(institute=elsewhere, user=staff.user)
    registrar = program_of(staff)
    for slug in ("northfield", "elsewhere"):
        assert (
            registrar.post("/webhooks", {**NEW, "institute_id": slug}).body["institute_id"] == slug
        )
    assert len(registrar.get("/webhooks", institute_id="elsewhere").body["items"]) == 1
    assert registrar.post("/webhooks", {**NEW, "institute_id": "nowhere"}).status == 404


@pytest.mark.parametrize(
    ("scopes", "statuses"),
    [(["read"], [403, 403]), (["registrar"], [403, 201]), (["read", "registrar"], [200, 201])],
)
def test_the_scope_of_registrars_is_needed(staff, scopes, statuses):
    program = program_of(staff, *scopes)
    said = [program.get("/webhooks"), program.post("/webhooks", NEW)]
    assert [one.status for one in said] == statuses


@pytest.fixture
def webhook(flow):
    return WebhookFactory(institute=flow.house.institute)


def test_the_log_of_deliveries(flow, registrar, webhook):
    case = flow.case()
    row = WebhookDelivery.objects.get()
    failed = WebhookDeliveryFactory(
        webhook=webhook, status="failed", attempts=8, answer_status=500, error="The receiver …"
    )
    WebhookDeliveryFactory(webhook=WebhookFactory(institute=flow.house.institute))
    address = f"/webhooks/{webhook.uid}/deliveries"
    newest, oldest = registrar.get(address).body["items"]
    assert oldest == {
        "delivery_id": str(row.uid),
        "type": "case.opened",
        "reallocation_id": str(case.uid),
        "status": "queued",
        "attempts": 0,
        "written_at": "2027-03-01T08:00:00Z",
        "next_attempt_at": "2027-03-01T08:00:00Z",
        "delivered_at": None,
        "answer_status": None,
        "error": "",
        "body": row.body,
    }
    assert (newest["delivery_id"], newest["answer_status"]) == (str(failed.uid), 500)
    assert registrar.get(address, status="failed").body["items"] == [newest]
    first = registrar.get(address, limit=1).body
    assert first == {"items": [newest], "next": str(failed.uid)}
    assert registrar.get(address, after=first["next"]).body == {"items": [oldest], "next": None}


def test_the_log_costs_the_same_however_long(flow, registrar, webhook):
    def cost():
        with CaptureQueriesContext(connection) as captured:
            assert registrar.get(f"/webhooks/{webhook.uid}/deliveries").status == 200
        return len(captured)

    flow.case()
    registrar.get("/webhooks")
    alone = cost()
    flow.file("BEN")
    WebhookDeliveryFactory.create_batch(2, webhook=webhook)
    assert WebhookDelivery.objects.exclude(case=None).count() == 2
    assert cost() == alone


def test_replaying_one_or_all_that_were_given_up(flow, registrar, webhook):
    rows = [
        WebhookDeliveryFactory(webhook=webhook, status=status)
        for status in ("failed", "failed", "delivered", "queued")
    ]
    address = f"/webhooks/{webhook.uid}/replay"

    def replay(**body):
        said = registrar.post(address, body)
        statuses = [WebhookDelivery.objects.get(pk=row.pk).status for row in rows]
        return said.status, said.body.get("replayed", said.body.get("code")), statuses

    queued = "queued"
    one = str(rows[2].uid)
    assert replay(delivery_id=one) == (200, 1, ["failed", "failed", queued, queued])
    under_way = ["failed", "failed", queued, queued]
    assert replay(delivery_id=one) == (409, "delivery_under_way", under_way)
    assert replay() == (200, 2, [queued] * 4)
    assert replay() == (200, 0, [queued] * 4)
    theirs = WebhookDeliveryFactory(webhook=WebhookFactory(institute=flow.house.institute))
    assert replay(delivery_id=str(theirs.uid))[:2] == (404, "not_found")
    registrar.post(f"/webhooks/{webhook.uid}/off")
    assert replay()[:2] == (409, "webhook_off")
