"""Sending, against a real receiver by TLS: signed, at least once, again when it failed, not for ever."""

import datetime as dt
import threading

import pytest
from django.db import connection
from django_q.models import OrmQ

from reallocation import absences
from reallocation.enums import WebhookOff
from reallocation.models import LogEntry, Message, Webhook, WebhookDelivery
from reallocation.refusals import Refused
from reallocation.sweep import sweep
from reallocation.webhooks import courier, outbox, signing, subscriptions
from reallocation.webhooks.targets import TargetRefused
from tests.factories import (
    NOW,
    InstituteFactory,
    StaffFactory,
    WebhookDeliveryFactory,
    WebhookFactory,
    small_institute,
)
from tests.reallocation.receiver import SECRET, guide_s_check, is_signed, receiving
from tests.reallocation.workflow import Workflow
from tests.voting.crowd import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def webhook(portal):
    """With an owner who is a registrar, as webhooks are made."""
    institute = InstituteFactory()
    owner = StaffFactory(institute=institute).user
    return WebhookFactory(institute=institute, url=portal.url, secret=SECRET, owner=owner)


def queue(webhook, count=1, **values):
    return [WebhookDeliveryFactory(webhook=webhook, **values) for _ in range(count)]


def after(**delta):
    return NOW + dt.timedelta(**delta)


def state(delivery):
    row = WebhookDelivery.objects.get(pk=delivery.pk)
    return row.status, row.attempts, row.answer_status, row.error


def sent(**counts):
    return outbox.Tally(**counts)


# Signed -------------------------------------------------------------------------------------------


def test_what_is_due_is_sent_and_recorded(portal, webhook):
    (delivery,) = queue(webhook)
    assert outbox.hand_over_webhook(webhook.pk, NOW) == sent(delivered=1)
    (post,) = portal.posts
    assert (post.path, post.body.decode()) == ("/in", delivery.body)
    assert {name: post.headers[name] for name in ("host", "content-type", "webhook-id")} == {
        "host": f"hooks.example:{portal.port}",
        "content-type": "application/json",
        "webhook-id": str(delivery.uid),
    }
    assert post.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert state(delivery) == ("delivered", 1, 204, "")
    delivery.refresh_from_db()
    webhook.refresh_from_db()
    assert delivery.delivered_at == webhook.delivered_at == NOW
    assert delivery.claimed_at is None


def test_the_signature_holds_for_others(portal, webhook):
    queue(webhook, body='{"name": "Zoë – 数学"}')
    outbox.hand_over_webhook(webhook.pk, NOW)
    (post,) = portal.posts
    (signature,) = post.signatures
    assert is_signed(post, SECRET, signature)
    assert not is_signed(post, signing.new_secret(), signature)


def test_the_check_of_the_guide_tells_what_is_genuine(portal, webhook):
    queue(webhook)
    outbox.hand_over_webhook(webhook.pk, NOW)
    (post,) = portal.posts
    is_genuine, now = guide_s_check(), NOW.timestamp()
    assert is_genuine(SECRET, post.headers, post.body, now)
    assert not is_genuine(signing.new_secret(), post.headers, post.body, now)
    assert not is_genuine(SECRET, post.headers, post.body + b" ", now)
    assert not is_genuine(SECRET, {**post.headers, "webhook-id": "other"}, post.body, now)
    assert not is_genuine(SECRET, post.headers, post.body, now + 301)
    later = {**post.headers, "webhook-timestamp": str(int(now) + 60)}
    assert not is_genuine(SECRET, later, post.body, now)


def test_signatures_are_those_of_the_standard():
    """The example that the libraries of Standard Webhooks test themselves with."""
    headers = signing.headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        [SECRET],
        dt.datetime.fromtimestamp(1614265330, dt.UTC),
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_after_a_rotation_both_secrets_sign_for_a_day(portal, webhook):
    made = subscriptions.rotate(webhook, now=NOW)
    again = subscriptions.rotate(made.webhook, now=after(hours=1))
    secrets = [again.secret, made.secret, SECRET]

    def signers(now):
        portal.posts.clear()
        queue(webhook)
        outbox.hand_over_webhook(webhook.pk, now)
        (post,) = portal.posts
        return [
            [index for index, secret in enumerate(secrets) if is_signed(post, secret, one)]
            for one in post.signatures
        ]

    assert signers(after(hours=2)) == [[0], [1], [2]]
    assert signers(after(hours=24, minutes=30)) == [[0], [1]]
    assert signers(after(hours=25)) == [[0]]


def test_many_rotations_keep_few_secrets(webhook):
    for _ in range(6):
        subscriptions.rotate(webhook, now=NOW)
    webhook.refresh_from_db()
    assert len(subscriptions.secrets_in_use(webhook, NOW)) == subscriptions.MOST_SECRETS


def test_secrets_are_kept_sealed_and_outlive_a_change_of_the_key(portal, webhook, settings):
    assert SECRET.removeprefix("whsec_") not in str(Webhook.objects.values().get())
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another" * 10
    assert subscriptions.secrets_in_use(webhook, NOW) == [SECRET]
    settings.SECRET_KEY_FALLBACKS = []
    (delivery,) = queue(webhook)
    assert outbox.hand_over_webhook(webhook.pk, NOW) == sent(again=1)
    assert portal.posts == []
    assert "another SECRET_KEY" in state(delivery)[3]
    # A new secret mends it, though the former ones cannot be read any more.
    made = subscriptions.rotate(webhook, now=NOW)
    outbox.hand_over_webhook(webhook.pk, after(hours=1))
    (post,) = portal.posts
    assert [is_signed(post, made.secret, one) for one in post.signatures] == [True]


# Again, and not for ever ----------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [301, 302, 307, 400, 401, 404, 429, 500, 503])
def test_what_is_no_yes_is_tried_again_under_the_same_id(portal, webhook, answer):
    portal.answers, portal.text = [answer, 200], b"not now"
    portal.location = "https://hooks.example/elsewhere" if 300 <= answer < 400 else ""
    (delivery,) = queue(webhook)
    assert outbox.hand_over_webhook(webhook.pk, NOW) == sent(again=1)
    status, attempts, said, error = state(delivery)
    assert (status, attempts, said) == ("queued", 1, answer)
    assert str(answer) in error
    assert outbox.hand_over_webhook(webhook.pk, after(seconds=47)) == sent()
    assert outbox.hand_over_webhook(webhook.pk, after(seconds=73)) == sent(delivered=1)
    assert portal.ids == [str(delivery.uid)] * 2
    assert [post.path for post in portal.posts] == ["/in"] * 2
    stamps = [int(post.headers["webhook-timestamp"]) for post in portal.posts]
    assert stamps[1] - stamps[0] == 73
    assert state(delivery) == ("delivered", 2, 200, "")


def test_waits_grow_and_differ_until_it_is_given_up(portal, webhook):
    portal.answers = [500]
    (delivery,) = queue(webhook)
    now, shares = NOW, []
    for wait in outbox.BACKOFF:
        assert outbox.hand_over_webhook(webhook.pk, now) == sent(again=1)
        delivery.refresh_from_db()
        shares.append((delivery.due_at - now) / wait)
        assert outbox.hand_over_webhook(webhook.pk, delivery.due_at - dt.timedelta(0, 1)) == sent()
        now = max(delivery.due_at, now + outbox.REST)
    assert outbox.hand_over_webhook(webhook.pk, now) == sent(failed=1)
    assert state(delivery)[:3] == ("failed", 8, 500)
    assert len(portal.posts) == outbox.MAX_ATTEMPTS == 8
    assert all(0.8 <= share <= 1.2 for share in shares)
    assert len(set(shares)) > 1
    assert sum(outbox.BACKOFF, dt.timedelta()) == dt.timedelta(hours=44, minutes=36)


def test_a_receiver_that_is_down_is_left_alone_for_a_minute(portal, webhook, settings):
    deliveries = queue(webhook, 3)
    portal.answers = [503]
    assert outbox.hand_over_webhook(webhook.pk, NOW) == sent(again=1, left=2)
    assert outbox.hand_over_webhook(webhook.pk, after(seconds=59)) == sent()
    portal.answers = [200]
    assert outbox.hand_over_webhook(webhook.pk, after(seconds=80)) == sent(delivered=3)
    assert len(portal.posts) == 4
    assert sorted(portal.ids[1:]) == sorted(str(one.uid) for one in deliveries)
    assert Webhook.objects.get().resting_until is None


def test_one_message_that_is_refused_holds_nobody_else_up_for_good(portal, webhook):
    """And does not switch the webhook off: others get through meanwhile."""
    portal.answers = [400]
    (poison,) = queue(webhook)
    for hour in range(8):
        outbox.hand_over_webhook(webhook.pk, after(days=hour * 2))
        portal.answers = [200, 400]
        (good,) = queue(webhook)
        WebhookDelivery.objects.filter(pk=poison.pk).update(
            due_at=after(days=hour * 2 + 1, hours=12)
        )
        outbox.hand_over_webhook(webhook.pk, after(days=hour * 2 + 1))
        assert state(good)[0] == "delivered"
        portal.answers = [400]
    assert state(poison)[:2] == ("failed", 8)
    assert Webhook.objects.get().is_on


def test_a_receiver_that_cannot_be_reached_is_tried_again(webhook, names):
    (delivery,) = queue(webhook)
    names["hooks.example"] = [["127.0.0.2"]]
    assert outbox.hand_over_webhook(webhook.pk, NOW) == sent(again=1)
    assert state(delivery)[:3] == ("queued", 1, None)
    assert "ConnectionRefusedError" in state(delivery)[3]


def test_a_name_that_leads_inside_is_tried_again_and_never_reached(portal, webhook, names):
    (delivery,) = queue(webhook)
    names["hooks.example"] = [["10.0.0.1"], ["127.0.0.1"]]
    assert outbox.hand_over_webhook(webhook.pk, NOW) == sent(again=1)
    assert portal.posts == []
    # Where it leads is not said: whoever asked would learn the names of the network inside.
    assert state(delivery)[3] == "The address leads to a machine that is not public."
    assert outbox.hand_over_webhook(webhook.pk, after(minutes=2)) == sent(delivered=1)


def test_what_breaks_on_our_side_is_tried_again(portal, webhook, monkeypatch):
    (delivery,) = queue(webhook)
    monkeypatch.setattr(courier, "post", lambda *_: 1 / 0)
    assert outbox.hand_over_webhook(webhook.pk, NOW) == sent(again=1)
    assert state(delivery) == ("queued", 1, None, "ZeroDivisionError: division by zero")


# Switched off -------------------------------------------------------------------------------------


def give_up(webhook, portal, answer=500):
    """The last attempt of a message fails; another one waits."""
    portal.answers = [answer]
    last, waiting = queue(webhook, 2)
    WebhookDelivery.objects.filter(pk=last.pk).update(attempts=7)
    assert outbox.hand_over_webhook(webhook.pk, NOW).failed == 1
    return last, waiting


def test_a_webhook_that_keeps_failing_is_switched_off_and_its_owner_told(portal, webhook):
    StaffFactory(institute=webhook.institute)
    last, waiting = give_up(webhook, portal)
    webhook.refresh_from_db()
    assert (webhook.off_at, webhook.off_why, webhook.is_on) == (NOW, WebhookOff.FAILING, False)
    assert state(last)[:2] == ("failed", 8)
    assert state(waiting) == ("failed", 0, None, subscriptions.SWITCHED_OFF)
    message = Message.objects.get()
    assert message.user == webhook.owner
    assert message.notice.subject == f"Switched off: webhook {webhook.name}"
    assert "nothing has got through to hooks.example since" in message.notice.body
    assert "The receiver answered 500" in message.notice.body
    entry = LogEntry.objects.get(kind="webhook.off")
    assert entry.data == {
        "webhook": str(webhook.uid),
        "name": webhook.name,
        "url": "https://hooks.example",
        "why": "failing",
    }


def test_an_owner_who_is_no_registrar_any_more_is_not_told_but_the_others_are(portal, webhook):
    webhook.owner.staff_roles.all().delete()
    others = [StaffFactory(institute=webhook.institute).user for _ in range(2)]
    StaffFactory(institute=webhook.institute, role="auditor")
    give_up(webhook, portal)
    assert {message.user for message in Message.objects.all()} == set(others)


def test_what_has_got_through_meanwhile_keeps_it_on(portal, webhook):
    Webhook.objects.update(delivered_at=after(minutes=1))
    last, waiting = give_up(webhook, portal)
    assert state(last)[0] == "failed"
    assert state(waiting)[0] == "queued"
    assert Webhook.objects.get().is_on
    assert not Message.objects.exists()


def test_a_receiver_that_says_it_is_gone_is_not_asked_again(portal, webhook):
    portal.answers = [410]
    (delivery,) = queue(webhook)
    assert outbox.hand_over_webhook(webhook.pk, NOW) == sent(failed=1)
    assert state(delivery)[:3] == ("failed", 1, 410)
    assert Webhook.objects.get().off_why == "gone"
    assert "(410)" in Message.objects.get().notice.body


def test_to_one_that_is_off_removed_or_unknown_nothing_is_sent(portal, webhook):
    queue(webhook)
    Webhook.objects.update(off_at=NOW, off_why="asked")
    assert outbox.hand_over_webhook(webhook.pk, NOW) == sent()
    Webhook.objects.update(off_at=None, off_why="", removed_at=NOW)
    assert outbox.hand_over_webhook(webhook.pk, NOW) == sent()
    assert outbox.hand_over_webhook(4711, NOW) == sent()
    assert outbox.hand_over(4711, NOW) is None
    assert portal.posts == []


def test_switched_off_and_on_by_a_registrar(portal, webhook):
    queue(webhook)
    assert subscriptions.switch_off(webhook, WebhookOff.ASKED, now=NOW)
    assert not subscriptions.switch_off(webhook, WebhookOff.ASKED, now=NOW)
    assert not Message.objects.exists()
    subscriptions.switch_on(webhook, now=NOW)
    with pytest.raises(Refused, match="webhook_on"):
        subscriptions.switch_on(webhook, now=NOW)
    assert outbox.hand_over_webhook(webhook.pk, NOW) == sent()
    assert [one.kind for one in LogEntry.objects.all()] == ["webhook.off", "webhook.on"]


# Made and removed ---------------------------------------------------------------------------------


def test_a_webhook_is_made_once_for_each_address_and_not_without_end(monkeypatch):
    institute = InstituteFactory()

    def make(url="https://hooks.example/in"):
        return subscriptions.make(
            institute, name="", url=url, events=["ballot.closed"], owner=None, now=NOW
        )

    made = make()
    assert made.secret.startswith("whsec_")
    assert made.secret not in repr(made)
    assert (made.webhook.name, made.webhook.events) == ("hooks.example", ["ballot.closed"])
    with pytest.raises(Refused, match="webhook_exists"):
        make()
    monkeypatch.setattr(subscriptions, "MOST", 1)
    with pytest.raises(Refused, match="too_many_webhooks"):
        make("https://hooks.example/other")
    subscriptions.remove(made.webhook, now=NOW)
    assert make().webhook.pk != made.webhook.pk
    with pytest.raises(TargetRefused):
        make("https://10.0.0.1/")
    assert [one.kind for one in LogEntry.objects.all()] == [
        "webhook.made",
        "webhook.removed",
        "webhook.made",
    ]


def test_a_removed_webhook_forgets_its_secrets_and_what_waits(portal, webhook):
    (delivery,) = queue(webhook)
    subscriptions.remove(webhook, now=NOW)
    assert Webhook.objects.get().secrets == []
    assert state(delivery) == ("failed", 0, None, subscriptions.REMOVED)
    with pytest.raises(Refused, match="webhook_removed"):
        subscriptions.remove(webhook, now=NOW)


# Replay -------------------------------------------------------------------------------------------


def test_what_was_given_up_or_delivered_is_sent_again_under_its_id(portal, webhook, worker):
    portal.answers = [500, 200]
    first, second = queue(webhook, 2)
    WebhookDelivery.objects.filter(pk=first.pk).update(attempts=7)
    Webhook.objects.update(delivered_at=NOW)
    outbox.hand_over_webhook(webhook.pk, NOW)
    outbox.hand_over_webhook(webhook.pk, after(minutes=2))
    assert [state(one)[0] for one in (first, second)] == ["failed", "delivered"]
    rows = WebhookDelivery.objects.all()
    later = after(days=3)
    assert outbox.replay(webhook, rows, now=later) == 2
    assert worker.queued() == [("reallocation.tasks.hand_over_webhook", webhook.pk)]
    assert outbox.hand_over_webhook(webhook.pk, later) == sent(delivered=2)
    assert portal.ids == [str(one.uid) for one in (first, second, first, second)]
    assert [state(one)[:2] for one in (first, second)] == [("delivered", 1), ("delivered", 1)]


def test_what_is_under_way_is_not_replayed_and_nothing_to_one_that_is_off(webhook):
    queue(webhook)
    queue(webhook, status="sending", claimed_at=NOW)
    assert outbox.replay(webhook, WebhookDelivery.objects.all(), now=NOW) == 0
    WebhookDelivery.objects.update(status="failed")
    other = queue(WebhookFactory(institute=webhook.institute), status="failed")[0]
    assert outbox.replay(webhook, WebhookDelivery.objects.all(), now=NOW) == 2
    assert state(other)[0] == "failed"
    subscriptions.switch_off(webhook, WebhookOff.ASKED, now=NOW)
    with pytest.raises(Refused, match="webhook_off"):
        outbox.replay(webhook, WebhookDelivery.objects.all(), now=NOW)


def test_replayed_it_may_fail_as_often_again(portal, webhook):
    last, _waiting = give_up(webhook, portal)
    subscriptions.switch_on(webhook, now=NOW)
    outbox.replay(webhook, WebhookDelivery.objects.filter(pk=last.pk), now=after(days=1))
    assert outbox.hand_over_webhook(webhook.pk, after(days=1)) == sent(again=1)
    assert state(last)[:2] == ("queued", 1)


# The sweep ----------------------------------------------------------------------------------------


def test_the_sweep_queues_what_is_due_and_gives_back_what_was_never_finished(webhook):
    (due,) = queue(webhook)
    (lost,) = queue(webhook, status="sending", claimed_at=after(minutes=-10), attempts=1)
    (spent,) = queue(webhook, status="sending", claimed_at=after(minutes=-10), attempts=8)
    (busy,) = queue(webhook, status="sending", claimed_at=after(minutes=-9), attempts=1)
    resting = queue(WebhookFactory(institute=webhook.institute, resting_until=after(seconds=1)))
    queue(WebhookFactory(institute=webhook.institute), due_at=after(minutes=1))
    queue(WebhookFactory(institute=webhook.institute, off_at=NOW, off_why="asked"))
    assert outbox.nudge_due(NOW) == 1
    (task,) = OrmQ.objects.all()
    assert (task.task["func"], task.task["args"]) == (
        "reallocation.tasks.hand_over_webhook",
        (webhook.pk,),
    )
    assert [state(one)[0] for one in (due, lost, spent, busy, *resting)] == [
        *("queued", "queued", "failed", "sending", "queued")
    ]


def test_the_sweep_of_each_minute_sends_and_forgets(portal, webhook, worker, monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    queue(webhook)
    queue(webhook, status="delivered", queued_at=after(days=-30, seconds=-1))
    queue(webhook, status="delivered", queued_at=after(days=-30))
    sweep(NOW)
    worker.run()
    assert len(portal.posts) == 1
    assert WebhookDelivery.objects.count() == 2


def test_a_long_batch_leaves_the_rest_to_the_next_task(portal, webhook, monkeypatch):
    monkeypatch.setattr(outbox, "BATCH_SECONDS", -1.0)
    queue(webhook, 2)
    assert outbox.hand_over_webhook(webhook.pk, NOW) == sent(left=2)
    assert OrmQ.objects.count() == 1


def test_a_claim_that_was_given_back_is_not_overwritten(portal, webhook, monkeypatch):
    (delivery,) = queue(webhook)
    real = courier.post

    def post(*given):
        answer = real(*given)
        WebhookDelivery.objects.update(status="queued", claimed_at=None)
        return answer

    monkeypatch.setattr(courier, "post", post)
    outbox.hand_over(delivery.pk, NOW)
    assert state(delivery)[0] == "queued"
    assert Webhook.objects.get().delivered_at is None


def test_from_the_fact_to_the_receiver(portal, worker, monkeypatch):
    """All of it: a registrar's webhook, an absence, the queue, TLS, the signature."""
    flow = Workflow(small_institute())
    monkeypatch.setattr("django.utils.timezone.now", lambda: flow.now)
    made = subscriptions.make(
        flow.house.institute,
        name="Portal",
        url=portal.url,
        events=["case.opened", "case.resolved"],
        owner=None,
        now=flow.now,
    )
    filed = flow.file()
    worker.run()
    absences.withdraw(filed.absence, now=flow.now)
    worker.run()
    assert [post.said["type"] for post in portal.posts] == ["case.opened", "case.resolved"]
    check = guide_s_check()
    assert all(
        check(made.secret, post.headers, post.body, flow.now.timestamp()) for post in portal.posts
    )


# Many at once --------------------------------------------------------------------------------------


@pytest.mark.postgresql
@pytest.mark.parametrize("round_", range(3))
def test_eight_tasks_at_once_send_each_message_once(portal, webhook, round_):
    deliveries = queue(webhook, 6)
    done = at_once(*[lambda: outbox.hand_over_webhook(webhook.pk, NOW)] * 8)
    assert [one for one in done if isinstance(one, Exception)] == []
    assert sum(one.delivered for one in done) == 6
    assert sorted(portal.ids) == sorted(str(one.uid) for one in deliveries)


@pytest.mark.postgresql
def test_without_the_claim_they_would_send_it_several_times(portal, webhook, monkeypatch):
    """The control."""
    together = threading.Barrier(4)
    real = outbox.claim

    def together_and_anyway(delivery_id, now):
        real(delivery_id, now)
        together.wait(10)
        return True

    monkeypatch.setattr(outbox, "claim", together_and_anyway)
    (delivery,) = queue(webhook)
    at_once(*[lambda: outbox.hand_over(delivery.pk, NOW)] * 4)
    assert portal.ids == [str(delivery.uid)] * 4


@pytest.mark.postgresql
def test_many_facts_at_once_are_written_once_for_each_webhook(portal):
    """While others switch the webhook off and on, renew its secret and hand over: nobody waits for ever."""
    flow = Workflow(small_institute())
    institute = flow.house.institute
    webhooks = [
        WebhookFactory(institute=institute, events=["case.opened"], url=f"{portal.url}/{n}")
        for n in range(3)
    ]
    busy = WebhookFactory(institute=institute, url=f"{portal.url}/busy")

    def file(code):
        return lambda: flow.file(code, starts="2027-03-02 00:00", ends="2027-03-06 00:00")

    def fiddle():
        for _ in range(5):
            subscriptions.switch_off(busy, WebhookOff.ASKED, now=NOW)
            subscriptions.switch_on(busy, now=NOW)
            subscriptions.rotate(busy, now=NOW)

    def hand_over():
        for webhook in webhooks:
            outbox.hand_over_webhook(webhook.pk, flow.now)

    codes = list(flow.house.professors)
    done = at_once(*[file(code) for code in codes], fiddle, hand_over, hand_over)
    assert [one for one in done if isinstance(one, Exception)] == []
    cases = LogEntry.objects.filter(kind="case.opened").count()
    assert cases >= len(codes)
    for webhook in webhooks:
        rows = WebhookDelivery.objects.filter(webhook=webhook)
        assert rows.count() == rows.values("key").distinct().count() == cases
        outbox.hand_over_webhook(webhook.pk, flow.now)
    assert len(set(portal.ids)) == len(portal.ids) == 3 * cases


@pytest.mark.postgresql
def test_two_that_make_the_same_webhook_make_one(portal):
    institute = InstituteFactory()

    def make():
        return subscriptions.make(
            institute, name="x", url=portal.url, events=["case.opened"], owner=None, now=NOW
        )

    done = at_once(*[make] * 4)
    assert sorted(getattr(one, "code", "made") for one in done) == ["made", *["webhook_exists"] * 3]
    assert Webhook.objects.count() == 1


@pytest.mark.postgresql
def test_two_that_fail_at_once_tell_the_owner_once(portal, webhook):
    deliveries = queue(webhook, 2)
    WebhookDelivery.objects.update(attempts=7)
    portal.answers = [500]
    done = at_once(*[lambda one=one: outbox.hand_over(one.pk, NOW) for one in deliveries])
    assert done == ["failed", "failed"]
    assert Message.objects.count() == 1
    assert LogEntry.objects.filter(kind="webhook.off").count() == 1


def test_the_transaction_is_over_before_anything_is_sent(portal, webhook, monkeypatch):
    """On a real server a claim that is not committed would be seen by nobody."""
    (delivery,) = queue(webhook)
    seen = []
    real = courier.post

    def post(*given):
        seen.append(connection.in_atomic_block)
        return real(*given)

    monkeypatch.setattr(courier, "post", post)
    outbox.hand_over(delivery.pk, NOW)
    assert seen == [False]


def test_plain_http_goes_out_in_development_alone(settings, names):
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    with receiving() as plain:
        webhook = WebhookFactory(url=f"http://127.0.0.1:{plain.port}/in")
        queue(webhook)
        outbox.hand_over_webhook(webhook.pk, NOW)
        assert plain.posts == []
        settings.DEBUG = True
        assert outbox.hand_over_webhook(webhook.pk, after(minutes=2)) == sent(delivered=1)
        assert len(plain.posts) == 1
