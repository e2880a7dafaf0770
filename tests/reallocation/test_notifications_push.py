"""Notifications on devices: sealed for one browser, signed by us, and posted to nobody's own house."""

import datetime as dt
import json
import socket
from ipaddress import ip_address

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from reallocation.enums import DeliveryStatus, MessageChannel
from reallocation.models import Delivery, Message, PushSubscription
from reallocation.notifications import (
    announce,
    devices,
    endpoints,
    links,
    outbox,
    sealing,
    vapid,
)
from reallocation.webhooks.targets import is_public
from tests.factories import (
    NOW,
    OfferFactory,
    ProfessorFactory,
    StudentFactory,
    UserFactory,
    small_institute,
)
from tests.reallocation.push_service import Browser, push_service, raw, text
from tests.reallocation.telling import ballot_on, case_of

pytestmark = pytest.mark.django_db(transaction=True)

ADD, FORGET = "/devices/add/", "/devices/forget/"


@pytest.fixture
def house(db):
    return small_institute()


@pytest.fixture
def service(settings):
    with push_service() as service:
        settings.PUSH_TEST_SERVICE = service.address
        yield service


def subscribe(user, browser, **other):
    return devices.add(user, **{**browser.fields, **other}, now=NOW)


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def pushed():
    return Delivery.objects.filter(channel=MessageChannel.PUSH).order_by("pk")


def states():
    return list(pushed().values_list("message__user__email", "status"))


def offer_to(professor, house):
    offer = OfferFactory(case=case_of(house, "MATH.A"), professor=professor)
    announce.offers_sent([offer], NOW)
    return offer


# Sealing and signing ------------------------------------------------------------------------------


def test_the_example_of_the_standard():
    """RFC 8291, section 5 and appendix A."""
    private = ec.derive_private_key(
        int.from_bytes(raw("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")), ec.SECP256R1()
    )
    sealed = sealing.seal(
        b"When I grow up, I want to be a watermelon",
        p256dh=raw(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
        ),
        auth=raw("BTBZMqHH6r4Tts7J_aSIgg"),
        salt=raw("DGv6ra1nlYgDCS1FRnbzlw"),
        private=private,
    )
    assert text(sealed) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6"
        "TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulc"
        "y4a-fN"
    )


def test_a_message_is_sealed_anew_each_time_and_has_a_limit():
    browser = Browser("https://push.example/x")
    keys = {"p256dh": browser.point, "auth": browser.auth}
    longest = b"x" * sealing.LARGEST
    one, other = (sealing.seal(longest, **keys) for _ in range(2))
    assert one != other
    assert browser.open(one) == browser.open(other) == longest
    assert len(one) == 4096
    with pytest.raises(ValueError, match="too many"):
        sealing.seal(longest + b"x", **keys)


def test_requests_are_signed_with_a_key_that_follows_from_ours(settings):
    key = vapid.server_key()
    scheme, given = vapid.authorization(key, "https://push.example", now=timezone.now()).split(
        " ", 1
    )
    parts = dict(part.split("=", 1) for part in given.split(", "))
    claims = jwt.decode(
        parts["t"], key.private.public_key(), ["ES256"], audience="https://push.example"
    )
    assert (scheme, parts["k"], claims["sub"]) == (
        "vapid",
        key.public,
        "mailto:understudy@localhost",
    )
    assert claims["exp"] <= (timezone.now() + dt.timedelta(hours=24)).timestamp()

    former, settings.SECRET_KEY = settings.SECRET_KEY, "another key " * 5
    assert vapid.server_key().public != key.public
    assert vapid.key_of(key.public) is None
    settings.SECRET_KEY_FALLBACKS = [former]
    assert vapid.key_of(key.public).public == key.public


# Where a request may go ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "http://push.example/x",
        "ftp://push.example/x",
        "https://push.example:8443/x",
        "https://me@push.example/x",
        "https:///x",
        "https://push.example:x/",
        "https://[::1/x",
        "https://push.example/x y",
        "https://push.example/\u00e9",
        "//push.example/x",
        "push.example",
        "",
    ],
)
def test_only_https_addresses_are_read(address):
    with pytest.raises(endpoints.NotPublic):
        endpoints.read(address)


def test_an_endpoint_is_read():
    found = endpoints.read("https://Push.example/send/a?b=c")
    assert found == endpoints.Endpoint("push.example", 443, "/send/a?b=c")
    assert found.origin == "https://push.example"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_an_address_inside_is_told_from_a_public_one(address, public):
    assert is_public(ip_address(address)) is public


def test_a_name_that_leads_inside_is_not_asked(monkeypatch):
    """One private answer among public ones is enough: which one is taken must not matter."""
    connected = []
    monkeypatch.setattr(endpoints.socket, "create_connection", lambda *a: connected.append(a))
    with pytest.raises(endpoints.NotPublic, match="not on the public network"):
        endpoints.post("https://localhost/x", b"", {})

    def answers(host, port, **_):
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))
            for ip in ("8.8.8.8", "10.0.0.1")
        ]

    monkeypatch.setattr(endpoints.socket, "getaddrinfo", answers)
    with pytest.raises(endpoints.NotPublic):
        endpoints.post("https://push.example/x", b"", {})
    assert connected == []


def test_the_connection_goes_to_the_answer_that_was_checked(monkeypatch):
    """A second look-up could say something else."""
    asked, connected = [], []

    def answers(host, port, **_):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port))]

    def connect(address, timeout):
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(endpoints.socket, "getaddrinfo", answers)
    monkeypatch.setattr(endpoints.socket, "create_connection", connect)
    with pytest.raises(ConnectionRefusedError):
        endpoints.post("https://push.example/x", b"", {})
    assert (asked, connected) == (["push.example"], [("8.8.8.8", 443)])


# Telling ------------------------------------------------------------------------------------------


def test_who_is_asked_is_told_on_every_device(house, service):
    ben = house.professors["BEN"].user
    phone, tablet = service.browser("phone"), service.browser("tablet")
    for browser in (phone, tablet):
        subscribe(ben, browser)
    subscribe(house.professors["CLEO"].user, service.browser("cleo"))
    offer = offer_to(house.professors["BEN"], house)
    assert states() == [(ben.email, "queued")]
    outbox.hand_over_due(NOW)
    outbox.hand_over_due(NOW)

    message = Message.objects.select_related("notice").get(user=ben)
    (told,) = service.messages_to(phone)
    assert service.messages_to(tablet) == [told]
    said = json.loads(told)
    assert said == {
        "title": "Can you take MATH on Tue 2 Mar, 09:00?",
        "body": "Say yes or no · Northfield University",
        "tag": said["tag"],
        "url": links.path(message),
    }
    assert Client().get(said["url"]).status_code in {200, 410}
    assert states() == [(ben.email, "sent")]
    assert {path for path, _headers, _body in service.taken} == {"/phone", "/tablet"}
    headers = service.taken[0][1]
    assert (headers["Content-Encoding"], headers["Urgency"]) == ("aes128gcm", "high")
    assert 3600 <= int(headers["TTL"]) <= 24 * 3600
    assert headers["Topic"] == said["tag"]
    assert len(said["tag"]) == 32
    assert str(offer.uid) not in said["tag"]


def test_news_of_the_same_offer_takes_the_place_of_the_old(house, service):
    browser = service.browser("phone")
    subscribe(house.professors["BEN"].user, browser)
    offer = offer_to(house.professors["BEN"], house)
    announce.offers_taken([offer], NOW)
    outbox.hand_over_due(NOW)
    asked, taken = map(json.loads, service.messages_to(browser))
    assert [asked["title"].split()[0], taken["title"].split()[0]] == ["Can", "Already"]
    assert asked["tag"] == taken["tag"]


def test_a_ballot_is_told_and_a_change_is_left_to_the_mail(house, service):
    student = house.students["A1"]
    subscribe(student.user, service.browser("phone"))
    case = case_of(house, "MATH.A")
    announce.ballot_opened(ballot_on(case), case, NOW)
    announce.meeting_postponed(case, NOW)
    kinds = pushed().values_list("message__notice__kind", "message__user")
    assert list(kinds) == [("ballot", student.user_id)]


def test_a_rehearsal_tells_no_device(house, service):
    subscribe(house.professors["BEN"].user, service.browser("phone"))
    with outbox.muted():
        offer_to(house.professors["BEN"], house)
    outbox.hand_over_due(NOW)
    assert [status for _email, status in states()] == [DeliveryStatus.MUTED]
    assert service.taken == []


@pytest.mark.parametrize("status", [404, 410])
def test_a_device_that_has_given_up_is_forgotten(house, service, status):
    ben = house.professors["BEN"].user
    subscribe(ben, service.browser("gone"))
    service.answers["/gone"] = status
    offer_to(house.professors["BEN"], house)
    outbox.hand_over_due(NOW)
    assert (states(), PushSubscription.objects.count()) == ([(ben.email, "bounced")], 0)


def test_one_device_that_took_it_is_enough(house, service):
    ben = house.professors["BEN"].user
    for name, status in (("gone", 410), ("busy", 503), ("good", 201)):
        subscribe(ben, service.browser(name))
        service.answers[f"/{name}"] = status
    offer_to(house.professors["BEN"], house)
    outbox.hand_over_due(NOW)
    assert states() == [(ben.email, "sent")]
    assert [path for path, *_ in service.taken] == ["/good"]
    assert PushSubscription.objects.count() == 2


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_service_is_asked_again(house, service, status):
    browser = service.browser("phone")
    ben = house.professors["BEN"].user
    subscribe(ben, browser)
    service.answers["/phone"] = status
    offer_to(house.professors["BEN"], house)
    outbox.hand_over_due(NOW)
    assert states() == [(ben.email, "queued")]
    assert f"answered {status}" in pushed().get().error
    service.answers.clear()
    outbox.hand_over_due(NOW + dt.timedelta(minutes=2))
    assert (states(), len(service.messages_to(browser))) == ([(ben.email, "sent")], 1)


def test_a_service_that_is_down_is_asked_again(house, settings):
    ben = house.professors["BEN"].user
    with push_service() as service:
        settings.PUSH_TEST_SERVICE = service.address
        subscribe(ben, service.browser("phone"))
    offer_to(house.professors["BEN"], house)
    outbox.hand_over_due(NOW)
    assert states() == [(ben.email, "queued")]
    assert PushSubscription.objects.count() == 1


@pytest.mark.parametrize("status", [302, 307, 400, 413])
def test_a_refusal_is_final_and_no_redirect_is_followed(house, service, status):
    subscribe(house.professors["BEN"].user, service.browser("phone"))
    service.answers["/phone"] = status
    offer_to(house.professors["BEN"], house)
    outbox.hand_over_due(NOW)
    assert [state for _email, state in states()] == ["bounced"]
    assert (service.taken, PushSubscription.objects.count()) == ([], 1)


def test_a_device_in_our_own_house_is_forgotten_unasked(house, service, settings):
    ben = house.professors["BEN"].user
    subscribe(ben, service.browser("phone"))
    subscribe(ben, Browser("https://localhost/admin"))
    settings.PUSH_TEST_SERVICE = ""
    offer_to(house.professors["BEN"], house)
    outbox.hand_over_due(NOW)
    assert (service.taken, PushSubscription.objects.count()) == ([], 0)


def test_a_device_that_knows_a_key_of_the_past_is_forgotten(house, service, settings):
    subscribe(house.professors["BEN"].user, service.browser("phone"))
    offer_to(house.professors["BEN"], house)
    settings.SECRET_KEY = "another key " * 5
    outbox.hand_over_due(NOW)
    assert (service.taken, PushSubscription.objects.count()) == ([], 0)


def test_a_closed_account_is_told_nothing(house, service):
    ben = house.professors["BEN"].user
    subscribe(ben, service.browser("phone"))
    ben.is_active = False
    ben.save(update_fields=["is_active"])
    offer_to(house.professors["BEN"], house)
    assert states() == []


# Subscribing --------------------------------------------------------------------------------------


def test_a_device_is_added_and_forgotten():
    user = ProfessorFactory().user
    client, browser = signed_in(user), Browser("https://push.example/send/1")
    assert [client.post(ADD, browser.fields).status_code for _ in range(2)] == [204, 204]
    row = PushSubscription.objects.get()
    assert (row.user, row.endpoint, row.server_key) == (
        *(user, browser.endpoint),
        vapid.server_key().public,
    )
    assert client.get(ADD).status_code == client.get(FORGET).status_code == 405
    assert client.post(FORGET, {"endpoint": browser.endpoint}).status_code == 204
    assert client.post(FORGET, {"endpoint": ""}).status_code == 400
    assert not PushSubscription.objects.exists()


def test_a_browser_belongs_to_whoever_subscribed_last():
    first, second = ProfessorFactory().user, StudentFactory().user
    browser = Browser("https://push.example/send/1")
    for user in (first, second):
        assert signed_in(user).post(ADD, browser.fields).status_code == 204
    assert [row.user for row in PushSubscription.objects.all()] == [second]
    signed_in(first).post(FORGET, {"endpoint": browser.endpoint})
    assert devices.marks(second) == [devices.mark(browser.endpoint)]


def test_the_oldest_of_too_many_devices_gives_way():
    user = ProfessorFactory().user
    for n in range(devices.MOST + 2):
        browser = Browser(f"https://push.example/{n}")
        devices.add(user, **browser.fields, now=NOW + dt.timedelta(minutes=n))
    names = {row.endpoint.rpartition("/")[2] for row in PushSubscription.objects.all()}
    assert names == {str(n) for n in range(2, devices.MOST + 2)}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("endpoint", "http://push.example/x"),
        ("endpoint", "https://10.0.0.1:22/"),
        ("endpoint", "https://push.example/" + "x" * 1000),
        ("p256dh", text(b"\x04" + b"x" * 64)),
        ("p256dh", "no base64 at all !"),
        ("p256dh", text(b"short")),
        ("auth", text(b"short")),
        ("server_key", "BAAA"),
        ("server_key", ""),
    ],
)
def test_what_no_browser_says_is_refused_at_its_place(field, value):
    fields = {**Browser("https://push.example/1").fields, field: value}
    answer = signed_in(ProfessorFactory().user).post(ADD, fields)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert not PushSubscription.objects.exists()


def test_only_members_are_told_anything():
    fields = Browser("https://push.example/1").fields
    assert Client().post(ADD, fields).status_code == 302
    assert signed_in(UserFactory()).post(ADD, fields).status_code == 404
    assert Client(enforce_csrf_checks=True).post(ADD, fields).status_code == 403
    assert not PushSubscription.objects.exists()


def test_the_button_stands_where_one_is_asked(house):
    ben, student = house.professors["BEN"], house.students["A1"]
    subscribe(ben.user, Browser("https://push.example/ben"))
    case = case_of(house, "MATH.A")
    ballot = ballot_on(case)
    pages = {
        ben.user: ("/offers/", "/inbox/"),
        student.user: ("/inbox/", "/votes/", reverse("voting:ballot-detail", args=[ballot.uid])),
    }
    for user, paths in pages.items():
        for path in paths:
            page = signed_in(user).get(path).content.decode()
            assert f'data-push="{vapid.server_key().public}"' in page
            assert f'data-marks="{" ".join(devices.marks(user))}"' in page
            assert "push.example" not in page
    assert "data-push" not in signed_in(ben.user).get("/week/").content.decode()
