"""Where a webhook may lead, and that nobody is led elsewhere on the way."""

import socket
from ipaddress import ip_address

import pytest

from reallocation.webhooks import courier, targets
from reallocation.webhooks.courier import Unreachable
from reallocation.webhooks.targets import TargetRefused
from tests.reallocation.receiver import receiving

CLOSED = [
    "0.0.0.0",  # noqa: S104 - nobody listens here
    "0.255.255.255",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:0:8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:c0a8:1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.1.2.3",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "2620:4f:8000::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fdff::1",
    "fe80::1",
    "fe80::1%1",
    "2606:4700::1%1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]

OPEN = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "2a00:1450::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]


def refused(act, *given):
    with pytest.raises(TargetRefused) as refusal:
        act(*given)
    assert refusal.value.message
    return refusal.value.code


@pytest.mark.parametrize("address", CLOSED)
def test_nothing_goes_to_a_machine_that_is_not_public(names, address):
    names["hooks.example"] = [[address]]
    target = targets.target_of("https://hooks.example/")
    assert refused(targets.addresses_of, target, 5) == "not_public"


@pytest.mark.parametrize("address", OPEN)
def test_something_goes_to_one_that_is(names, address):
    names["hooks.example"] = [[address]]
    target = targets.target_of("https://hooks.example/")
    assert targets.addresses_of(target, 5) == [ip_address(address)]


@pytest.mark.parametrize("others", [["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"]])
def test_one_address_inside_is_enough_to_refuse(names, others):
    names["hooks.example"] = [others]
    target = targets.target_of("https://hooks.example/")
    assert refused(targets.addresses_of, target, 5) == "not_public"


@pytest.mark.parametrize("address", [one for one in CLOSED if "%" not in one])
def test_an_address_in_figures_is_refused_without_asking_anybody(names, address):
    host = f"[{address}]" if ":" in address else address
    assert refused(targets.target_of, f"https://{host}/") == "not_public"
    assert names.asked == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "localhost"])
def test_whatever_the_resolver_makes_of_a_host_is_looked_at(names, host):
    names[host] = [["127.0.0.1"]]
    target = targets.target_of(f"https://{host}/")
    assert refused(targets.addresses_of, target, 5) == "not_public"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "not_a_url"),
        ("hooks.example", "not_a_url"),
        ("//hooks.example/", "not_a_url"),
        ("https://", "not_a_url"),
        ("https:///path", "not_a_url"),
        ("ftp://hooks.example/", "not_a_url"),
        ("file:///etc/passwd", "not_a_url"),
        ("gopher://hooks.example/", "not_a_url"),
        ("javascript:alert(1)", "not_a_url"),
        ("http://hooks.example/", "not_https"),
        ("https://ada:secret@hooks.example/", "credentials"),
        ("https://@hooks.example/", "credentials"),
        ("https://8.8.8.8@hooks.example/", "credentials"),
        ("https://hooks.example/#here", "fragment"),
        ("https://hooks.example/#", "fragment"),
        ("https://hooks.example:22/", "port"),
        ("https://hooks.example:80/", "port"),
        ("https://hooks.example:0/", "port"),
        ("https://hooks.example:65536/", "not_a_url"),
        ("https://hooks.example:x/", "not_a_url"),
        ("https://hooks_example/", "not_a_url"),
        ("https://-hooks.example/", "not_a_url"),
        ("https://hooks..example/", "not_a_url"),
        ("https://hööks.example/", "not_a_url"),
        ("https://hooks.example/a b", "not_a_url"),
        ("https://hooks.example/\r\nX: y", "not_a_url"),
        ("https://hooks.example\t/", "not_a_url"),
        ("https://hooks.example\\@evil.example/", "not_a_url"),
        ("https://[::1/", "not_a_url"),
        ("https://[fe80::1%25eth0]/", "not_public"),
        ("https://127.0.0.1/", "not_public"),
        ("https://hooks.example/" + "x" * 500, "too_long"),
    ],
)
def test_what_is_no_address_for_a_webhook(url, code):
    assert refused(targets.target_of, url) == code


def test_an_address_is_taken_apart():
    def parts(url):
        target = targets.target_of(url)
        return target.host, target.port, target.path, target.authority

    assert [
        parts("https://Hooks.Example"),
        parts("https://hooks.example:8443/in?key=1&x=%20"),
        parts("https://[2606:4700:4700::1111]:8443/"),
        parts("https://xn--hks-sna.example?x"),
    ] == [
        ("hooks.example", 443, "/", "hooks.example"),
        ("hooks.example", 8443, "/in?key=1&x=%20", "hooks.example:8443"),
        ("2606:4700:4700::1111", 8443, "/", "[2606:4700:4700::1111]:8443"),
        ("xn--hks-sna.example", 443, "/?x", "xn--hks-sna.example"),
    ]


def test_plain_http_and_any_port_are_for_development_only(settings):
    settings.DEBUG = True
    assert targets.target_of("http://hooks.example:8000/").authority == "hooks.example:8000"
    # That alone opens nothing inside.
    assert refused(targets.target_of, "http://127.0.0.1:8000/") == "not_public"


def test_the_operator_may_open_a_network(settings, names):
    settings.WEBHOOK_NETWORKS = ["10.20.0.0/16", "fd00:20::/32"]
    names["hooks.example"] = [["10.20.1.1", "fd00:20::7", "::ffff:10.20.1.1"]]
    names["other.example"] = [["10.21.1.1"]]
    inside, outside = (
        targets.target_of(f"https://{name}/") for name in ("hooks.example", "other.example")
    )
    assert len(targets.addresses_of(inside, 5)) == 3
    assert refused(targets.addresses_of, outside, 5) == "not_public"


def test_a_name_that_nobody_knows_is_refused(names):
    target = targets.target_of("https://nowhere.example/")
    assert refused(targets.addresses_of, target, 5) == "unknown_host"


def test_a_resolver_that_takes_its_time_is_not_waited_for(monkeypatch):
    with receiving() as hold:
        monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: hold.released.wait(30) and [])
        target = targets.target_of("https://hooks.example/")
        assert refused(targets.addresses_of, target, 0.05) == "unknown_host"


# On the way --------------------------------------------------------------------------------------


def post(url, body=b"{}"):
    return courier.post(url, body, {"Content-Type": "application/json"})


def test_the_name_is_looked_up_once_and_tls_checks_it(portal, names):
    """Rebinding: whoever asked again would be led into the network."""
    names["hooks.example"] = [["127.0.0.1"], ["10.0.0.1"]]
    assert post(portal.url).status == 204
    assert names.asked == ["hooks.example"]
    (post_,) = portal.posts
    assert post_.headers["host"] == f"hooks.example:{portal.port}"
    assert refused(post, portal.url) == "not_public"
    assert len(portal.posts) == 1


def test_a_name_that_leads_inside_by_now_reaches_nobody(portal, names, settings):
    settings.WEBHOOK_NETWORKS = []
    assert refused(post, portal.url) == "not_public"
    assert portal.posts == []


def test_a_certificate_for_another_name_is_not_accepted(portal, names):
    names["other.example"] = [["127.0.0.1"]]
    with pytest.raises(Unreachable, match="certificate was not accepted"):
        post(portal.url.replace("hooks.", "other."))
    assert portal.posts == []


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(portal, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Unreachable, match="certificate was not accepted"):
        post(portal.url)
    assert portal.posts == []


def test_a_certificate_for_an_address_in_figures_is_checked_too(authority, portal, settings):
    with receiving(authority.certificate("127.0.0.1")) as figures:
        settings.WEBHOOK_PORTS = [figures.port]
        assert post(f"https://127.0.0.1:{figures.port}/").status == 204


def test_redirects_are_answers_and_nothing_more(portal):
    portal.answers, portal.location = [302], "https://hooks.example/elsewhere"
    assert post(portal.url).status == 302
    assert len(portal.posts) == 1


def test_of_several_addresses_the_first_that_answers_is_taken(portal, names):
    # Nobody listens there on this port.
    names["hooks.example"] = [["127.0.0.9", "127.0.0.1"]]
    assert post(portal.url).status == 204


def test_proxies_of_the_environment_are_not_used(portal, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post(portal.url).status == 204


@pytest.mark.parametrize("secure", [True, False])
def test_a_receiver_that_drips_is_cut_off(portal, settings, monkeypatch, secure):
    monkeypatch.setattr(courier, "TIMEOUT", 0.4)

    def dripping(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not portal.released.wait(0.02):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    if secure:
        portal.answers = [dripping]
        with pytest.raises(Unreachable, match="did not answer within"):
            post(portal.url)
        return
    settings.DEBUG = True
    with receiving() as plain:
        portal.released = plain.released
        plain.answers = [dripping]
        with pytest.raises(Unreachable, match="did not answer within"):
            post(f"http://hooks.example:{plain.port}/")


def test_a_receiver_that_never_shakes_hands_is_cut_off(portal, monkeypatch, settings):
    monkeypatch.setattr(courier, "TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.WEBHOOK_PORTS = [silent.getsockname()[1]]
        with pytest.raises(Unreachable, match="did not answer within"):
            post(f"https://hooks.example:{silent.getsockname()[1]}/")


def test_of_a_long_answer_only_the_beginning_is_read(portal):
    portal.answers, portal.text = [500], b"No \x00\x1b[31mway\n" + b"x" * 10_000_000
    answer = post(portal.url)
    assert answer.status == 500
    assert answer.text.startswith("No [31mway xxx")
    assert len(answer.text) <= courier.KEPT_LETTERS


def test_an_answer_that_breaks_off_after_its_status_is_an_answer(portal):
    def breaking(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        handler.wfile.flush()
        handler.connection.close()

    portal.answers = [breaking]
    assert post(portal.url).status == 200


@pytest.mark.parametrize(
    "said", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x00" * 10]
)
def test_what_is_no_answer_is_none(portal, said):
    def talking(handler):
        handler.wfile.write(said)
        handler.wfile.flush()
        handler.close_connection = True

    portal.answers = [talking]
    with pytest.raises(Unreachable, match="No answer came"):
        post(portal.url)


def test_a_closed_door_is_said(portal, settings):
    settings.WEBHOOK_PORTS = [9]
    with pytest.raises(Unreachable, match="ConnectionRefusedError"):
        post("https://hooks.example:9/")
