"""Being told on a device, in Chromium. Its own push service is another machine's, so the subscription
and the last mile are the test's; the button, the server, the sealing and the worker are the real ones."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from reallocation.models import PushSubscription
from reallocation.notifications import announce, devices, outbox, vapid
from tests.factories import NOW, OfferFactory, small_institute
from tests.reallocation.push_service import Browser, push_service
from tests.reallocation.telling import case_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SUBSCRIBE = """(subscription) => {
    let held = null;
    const manager = PushManager.prototype;
    manager.getSubscription = async () => held;
    manager.subscribe = async (asked) => {
        if (subscription === null) throw new DOMException("no push service", "AbortError");
        held = {
            endpoint: subscription.endpoint,
            toJSON: () => ({ endpoint: subscription.endpoint, keys: subscription.keys }),
            unsubscribe: async () => { held = null; return true; },
        };
        window.askedWith = asked;
        return held;
    };
}"""


@pytest.fixture
def house(db):
    return small_institute()


@pytest.fixture
def ben(house):
    return house.professors["BEN"]


@pytest.fixture
def service(settings):
    with push_service() as service:
        settings.PUSH_TEST_SERVICE = service.address
        yield service


def give(page, browser):
    fields = browser and {
        "endpoint": browser.endpoint,
        "keys": {name: browser.fields[name] for name in ("p256dh", "auth")},
    }
    page.add_init_script(f"({SUBSCRIBE})({json.dumps(fields)})")


def deliver(page, context, live_server, text):
    """What Chromium does when its push service has a message for the site.

    To a worker that is not at work yet it would give nothing, and say nothing.
    """
    page.evaluate(
        """async () => {
            const { active } = await navigator.serviceWorker.ready;
            while (active.state !== "activated") {
                await new Promise((go) => setTimeout(go, 20));
            }
        }"""
    )
    session = context.new_cdp_session(page)
    found = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated", lambda told: found.extend(told["registrations"])
    )
    session.send("ServiceWorker.enable")
    for _turn in range(100):
        if found:
            break
        page.wait_for_timeout(20)
    number = found[0]["registrationId"]
    session.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": live_server.url, "registrationId": number, "data": text},
    )


def test_a_professor_is_told_on_their_device(
    page, context, live_server, sign_in, house, ben, service, complaints
):
    context.grant_permissions(["notifications"], origin=live_server.url)
    browser = service.browser("phone")
    give(page, browser)
    sign_in(ben.user)
    page.goto(f"{live_server.url}/offers/")
    button = page.get_by_role("button", name="Tell me on this device")
    expect(button).to_be_visible()
    assert [one["id"] for one in Axe().run(page).response["violations"]] == []
    complaints.clear()
    button.click()
    expect(page.get_by_text("This device tells you at once")).to_be_visible()
    assert devices.marks(ben.user) == [devices.mark(browser.endpoint)]
    assert page.evaluate("askedWith") == {
        "userVisibleOnly": True,
        "applicationServerKey": vapid.server_key().public,
    }

    announce.offers_sent([OfferFactory(case=case_of(house, "MATH.A"), professor=ben)], NOW)
    outbox.hand_over_due(NOW)
    (sealed,) = service.messages_to(browser)
    deliver(page, context, live_server, text=sealed.decode())
    shown = page.evaluate(
        """async () => {
            const worker = await navigator.serviceWorker.ready;
            let shown = [];
            for (let n = 0; n < 100 && !shown.length; n++) {
                await new Promise((go) => setTimeout(go, 50));
                shown = await worker.getNotifications();
            }
            return shown.map(({ title, body, data }) => ({ title, body, data }));
        }"""
    )
    assert [(one["title"], one["body"]) for one in shown] == [
        ("Can you take MATH on Tue 2 Mar, 09:00?", "Say yes or no · Northfield University")
    ]
    assert shown[0]["data"].startswith("/o/")

    page.get_by_role("button", name="Stop telling me here").click()
    expect(button).to_be_visible()
    assert not PushSubscription.objects.exists()
    assert complaints == []


def test_nothing_is_asked_before_the_button_and_a_no_is_taken(page, live_server, sign_in, ben):
    give(page, None)
    page.add_init_script(
        """let answer = "default";
        Object.defineProperty(Notification, "permission", { get: () => answer });
        window.asked = 0;
        Notification.requestPermission = async () => { window.asked += 1; return answer = "denied"; };"""
    )
    sign_in(ben.user)
    page.goto(f"{live_server.url}/inbox/")
    button = page.get_by_role("button", name="Tell me on this device")
    expect(button).to_be_visible()
    assert page.evaluate("asked") == 0
    button.click()
    expect(
        page.get_by_text("Your browser does not let this site tell you anything")
    ).to_be_visible()
    assert page.evaluate("asked") == 1
    assert not PushSubscription.objects.exists()


def test_a_push_service_that_does_not_answer_is_said(page, context, live_server, sign_in, ben):
    context.grant_permissions(["notifications"], origin=live_server.url)
    give(page, None)
    sign_in(ben.user)
    page.goto(f"{live_server.url}/inbox/")
    page.get_by_role("button", name="Tell me on this device").click()
    expect(page.get_by_text("That did not work")).to_be_visible()
    assert not PushSubscription.objects.exists()


def test_a_device_of_somebody_else_is_let_go(page, context, live_server, sign_in, ben, service):
    """Whoever used this browser before is not told on it by way of the next one's pages."""
    context.grant_permissions(["notifications"], origin=live_server.url)
    browser = Browser(f"{service.address}/phone")
    give(page, browser)
    page.add_init_script("PushManager.prototype.subscribe({})")
    sign_in(ben.user)
    page.goto(f"{live_server.url}/inbox/")
    expect(page.get_by_role("button", name="Tell me on this device")).to_be_visible()
    assert page.evaluate("PushManager.prototype.getSubscription()") is None


def test_without_scripts_there_is_nothing_to_press(client, ben):
    client.force_login(ben.user)
    page = client.get("/offers/").content.decode()
    (form,) = [part.partition(">")[0] for part in page.split("<form")[1:] if "data-push" in part]
    assert form.rstrip().endswith("hidden")
