"""The pages on which registrars manage webhooks, and what staff read of them in the admin."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from reallocation.enums import WebhookOff
from reallocation.models import LogEntry, Webhook, WebhookDelivery
from reallocation.webhooks import subscriptions
from tests.factories import (
    StaffFactory,
    WebhookDeliveryFactory,
    WebhookFactory,
    small_institute,
)
from tests.reallocation.browsing import words
from tests.reallocation.office import list_url, login, page_url, staff
from timetable.enums import StaffRole

pytestmark = pytest.mark.django_db

LIST = "/webhooks/"
NEW = {"name": "Campus portal", "url": "https://hooks.example/in", "events": ["case.opened"]}


@pytest.fixture
def webhook(site):
    return WebhookFactory(institute=site.house.institute, owner=site.registrar, name="Portal")


def page(webhook, act=""):
    return f"{LIST}{webhook.uid}/{act}"


def test_only_registrars_have_these_pages(site, webhook):
    auditor = StaffFactory(institute=site.house.institute, role=StaffRole.AUDITOR).user
    abroad = StaffFactory(institute=small_institute("elsewhere").institute).user
    everybody = ("REGISTRAR", "ADA", "A1", None)
    expected = {"REGISTRAR": 200, "ADA": 404, "A1": 404, "None": 302}
    for address in (LIST, page(webhook)):
        assert site.statuses(address, *everybody) == expected
        assert site.get(auditor, address).status_code == 404
    assert site.get(abroad, LIST).status_code == 200
    assert site.get(abroad, page(webhook)).status_code == 404
    delivery = WebhookDeliveryFactory(webhook=webhook, status="failed")
    for act in ("secret/", "switch/", "remove/", "replay/", f"replay/{delivery.uid}/"):
        for who in ("ADA", "A1", auditor, abroad):
            assert site.post(who, page(webhook, act)).status_code == 404
        assert site.post(None, page(webhook, act)).status_code == 302
        assert site.get("REGISTRAR", page(webhook, act)).status_code == 405
    webhook.refresh_from_db()
    assert webhook.is_on
    assert len(webhook.secrets) == 1
    assert WebhookDelivery.objects.get().status == "failed"


def test_what_changes_something_needs_the_form_s_token(site, webhook):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(site.registrar)
    assert strict.post(LIST, NEW).status_code == 403
    assert strict.post(page(webhook, "remove/")).status_code == 403


def test_the_way_there_is_in_the_menu_of_registrars(site):
    assert f'href="{LIST}"' in site.get("REGISTRAR", LIST).content.decode()
    assert f'href="{LIST}"' not in site.get("ADA", "/tokens/").content.decode()
    assert 'href="/inbox/"' in site.get("REGISTRAR", LIST).content.decode()


def test_a_webhook_is_made_and_its_secret_shown_once(site):
    assert "Nobody is told yet." in site.read("REGISTRAR", LIST)
    response = site.post("REGISTRAR", LIST, **NEW)
    assert response.status_code == 200
    (secret,) = re.findall(r'value="(whsec_[^"]+)"', response.content.decode())
    assert "no-store" in response.headers["Cache-Control"]
    row = Webhook.objects.get()
    assert subscriptions.secrets_in_use(row, site.flow.now) == [secret]
    assert (row.name, row.url, row.events, row.owner) == (*NEW.values(), site.registrar)
    for address in (LIST, page(row)):
        text = site.get("REGISTRAR", address).content.decode()
        assert "Campus portal" in text
        assert "whsec" not in text
    entry = LogEntry.objects.get(kind="webhook.made")
    assert (entry.actor_kind, entry.actor_name) == ("registrar", "Rita Registrar")


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"url": "http://hooks.example/"}, 400, "must begin with https://"),
        ({"url": "https://10.1.2.3/"}, 400, "a machine that is not public"),
        ({"url": "https://hooks.example:22/"}, 400, "This port is not open"),
        ({"url": ""}, 400, "This field is required"),
        ({"events": []}, 400, "This field is required"),
        ({"name": ""}, 400, "This field is required"),
        ({"url": "https://there.example/"}, 409, "There is a webhook with this address already."),
    ],
)
def test_what_cannot_be_is_said_in_the_form(site, change, status, said):
    WebhookFactory(institute=site.house.institute, url="https://there.example/")
    response = site.post("REGISTRAR", LIST, **{**NEW, **change})
    assert response.status_code == status
    assert said in words(response)
    assert Webhook.objects.count() == 1


def test_a_new_secret_is_shown_once_and_the_former_one_signs_on(site, webhook):
    response = site.post("REGISTRAR", page(webhook, "secret/"))
    (secret,) = re.findall(r'value="(whsec_[^"]+)"', response.content.decode())
    webhook.refresh_from_db()
    assert subscriptions.secrets_in_use(webhook, site.flow.now)[0] == secret
    text = site.read("REGISTRAR", page(webhook))
    assert "The former secret signs beside the new one until Tue 2 Mar, 09:00." in text
    assert secret not in text


def test_off_on_and_removed(site, webhook):
    site.post("REGISTRAR", page(webhook, "switch/"), to="off")
    assert "switched off by a registrar" in site.read("REGISTRAR", page(webhook))
    site.post("REGISTRAR", page(webhook, "switch/"), to="on")
    webhook.refresh_from_db()
    assert webhook.is_on
    again = site.post("REGISTRAR", page(webhook, "switch/"), to="on")
    assert again.status_code == 302
    assert "switched on already" in site.read("REGISTRAR", page(webhook))
    gone = site.post("REGISTRAR", page(webhook, "remove/"))
    assert gone.url == LIST
    assert "Nothing is sent to it any more" in site.read("REGISTRAR", LIST)
    assert site.get("REGISTRAR", page(webhook)).status_code == 404


def test_the_log_says_what_became_of_each_and_sends_it_again(site, webhook):
    case = site.flow.case()
    failed = WebhookDeliveryFactory(
        webhook=webhook, status="failed", attempts=8, error="The receiver answered 500: <b>no</b>"
    )
    retried = WebhookDeliveryFactory(webhook=webhook, attempts=2, due_at=site.flow.now)
    response = site.get("REGISTRAR", page(webhook))
    text = words(response)
    assert "The receiver answered 500: <b>no</b>" in text
    assert b"<b>no</b>" not in response.content
    assert "next try Mon 1 Mar, 09:00" in text
    assert reverse("reallocation:case-detail", args=[case.uid]) in response.content.decode()
    assert "1 message was given up" in text
    only = site.read("REGISTRAR", page(webhook) + "?status=failed")
    assert "next try" not in only
    assert site.get("REGISTRAR", page(webhook) + "?status=nonsense").status_code == 200
    site.post("REGISTRAR", page(webhook, f"replay/{failed.uid}/"))
    assert "1 message is sent again." in site.read("REGISTRAR", page(webhook))
    failed.refresh_from_db()
    assert (failed.status, failed.attempts) == ("queued", 0)
    assert site.post("REGISTRAR", page(webhook, f"replay/{webhook.uid}/")).status_code == 404
    WebhookDelivery.objects.filter(pk=retried.pk).update(status="failed")
    site.post("REGISTRAR", page(webhook, "replay/"))
    assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"queued"}


def test_nothing_is_replayed_to_one_that_is_off(site, webhook):
    delivery = WebhookDeliveryFactory(webhook=webhook, status="failed")
    subscriptions.switch_off(webhook, WebhookOff.ASKED, now=site.flow.now)
    site.post("REGISTRAR", page(webhook, "replay/"))
    assert "switch it on first" in site.read("REGISTRAR", page(webhook))
    delivery.refresh_from_db()
    assert delivery.status == "failed"


def test_the_pages_cost_the_same_however_much_they_hold(site, webhook):
    WebhookDeliveryFactory(webhook=webhook)
    site.read("REGISTRAR", LIST)
    alone = [site.queries("REGISTRAR", address) for address in (LIST, page(webhook))]
    site.flow.file()
    site.flow.file("BEN")
    WebhookDeliveryFactory.create_batch(3, webhook=webhook)
    WebhookFactory.create_batch(3, institute=site.house.institute)
    assert [site.queries("REGISTRAR", address) for address in (LIST, page(webhook))] == alone


def test_the_owner_finds_in_the_inbox_that_it_went_off(site, webhook):
    subscriptions.switch_off(
        webhook, WebhookOff.FAILING, now=site.flow.now, error="No answer came", since=site.flow.now
    )
    assert "Switched off: webhook Portal" in site.read("REGISTRAR", "/inbox/")


# The admin ----------------------------------------------------------------------------------------


@pytest.fixture
def rows(office, elsewhere):
    """A delivery here and one at another institute."""
    return [
        WebhookDeliveryFactory(
            webhook__institute=one.house.institute,
            webhook__name=f"Portal of {one.house.institute.slug}",
            webhook__url="https://hooks.example/secret-path",
            case=one.found,
            status="failed",
            error="The receiver answered 500.",
        )
        for one in (office, elsewhere)
    ]


@pytest.mark.parametrize("role", [StaffRole.REGISTRAR, StaffRole.AUDITOR])
def test_staff_read_what_was_sent_and_nothing_of_another_institute(office, rows, role):
    client, (mine, theirs) = staff(office, role), rows
    for model in (WebhookDelivery, Webhook):
        text = words(client.get(list_url(model)))
        assert "Portal of northfield" in text
        assert "southbridge" not in text
    for row in (mine, mine.webhook):
        response = client.get(page_url(row))
        assert response.status_code == 200
        for secret in ("whsec", "secret-path", mine.webhook.secrets[0]["sealed"]):
            assert secret not in response.content.decode()
    assert mine.body in words(client.get(page_url(mine)))
    for row in (theirs, theirs.webhook):
        assert client.get(page_url(row)).status_code == 302


def test_others_read_nothing_of_it(office, rows):
    head = staff(office, StaffRole.HEAD, department="Mathematics")
    professor = login(office.house.professors["ADA"].user)
    for client, status in ((head, 403), (professor, 302)):
        for model in (WebhookDelivery, Webhook):
            assert client.get(list_url(model)).status_code == status


@pytest.mark.parametrize("action", ["change", "delete"])
def test_nobody_writes_there(registrar, rows, action):
    for row in (rows[0], rows[0].webhook):
        assert registrar.post(page_url(row, action), {"post": "yes"}).status_code == 403
        assert registrar.get(list_url(type(row)) + "add/").status_code == 403
    assert WebhookDelivery.objects.count() == 2


@pytest.mark.parametrize(
    "query", ["?q=Portal", "?status__exact=failed", "?event__exact=case.opened"]
)
def test_deliveries_are_found(registrar, rows, query):
    found = registrar.get(list_url(WebhookDelivery, query)).context["cl"].queryset
    assert list(found) == [rows[0]]


def test_the_lists_cost_the_same_however_long(office, registrar, rows):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def cost(model):
        with CaptureQueriesContext(connection) as captured:
            assert registrar.get(list_url(model)).status_code == 200
        return len(captured)

    before = [cost(model) for model in (WebhookDelivery, Webhook)]
    for _ in range(3):
        WebhookDeliveryFactory(webhook__institute=office.house.institute, case=office.found)
    assert [cost(model) for model in (WebhookDelivery, Webhook)] == before


def test_the_log_names_the_host_and_not_the_address(office, registrar):
    subscriptions.make(
        office.house.institute,
        name="Portal",
        url="https://hooks.example/secret-path",
        events=["case.opened"],
        owner=None,
        now=office.now,
    )
    text = words(registrar.get(list_url(LogEntry, "?o=-1")))
    assert "Webhook made" in text
    assert "https://hooks.example" in text
    assert "secret-path" not in text
