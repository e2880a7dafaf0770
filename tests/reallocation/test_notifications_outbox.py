"""Handing over, against a real mail server: once each, again when it failed, and not for ever."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from reallocation.enums import DeliveryStatus, MessageChannel
from reallocation.models import Delivery
from reallocation.notifications import outbox
from tests.factories import (
    NOW,
    DeliveryFactory,
    MessageFactory,
    NoticeFactory,
    ProfessorFactory,
)
from tests.reallocation.postbox import free_port, mail_server, text_service

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.reallocation.linked_pages"),
]


@pytest.fixture
def at_port(settings):
    """Point mail at a port of this machine."""

    def point(port):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 5

    return point


@pytest.fixture
def box(at_port):
    with mail_server() as box:
        at_port(box.port)
        yield box


def queue(count=1, **values):
    """One notice to so many people."""
    notice = NoticeFactory()
    return [DeliveryFactory(message__notice=notice, **values) for _ in range(count)]


def state(delivery):
    """(status, attempts, minutes from NOW until it is due, sent, error) as the database has it."""
    row = Delivery.objects.get(pk=delivery.pk)
    return (
        row.status,
        row.attempts,
        (row.due_at - NOW) / dt.timedelta(minutes=1),
        row.sent_at,
        row.error,
    )


def after(**delta):
    return NOW + dt.timedelta(**delta)


def test_what_is_due_is_sent_and_recorded(box):
    (delivery,) = queue()

    assert outbox.hand_over(delivery.pk, NOW) == outbox.Outcome(DeliveryStatus.SENT)

    assert box.addresses == [delivery.address]
    assert state(delivery) == ("sent", 1, 0, NOW, "")
    row = Delivery.objects.get()
    assert row.claimed_at is None
    assert row.provider_id == box.mail_to(delivery.address)["Message-ID"]
    assert row.provider_id == f"<{delivery.message.uid}@testserver>"


def test_three_deliveries_of_one_task_make_one_mail_each(box):
    deliveries = queue(3)
    notice = deliveries[0].message.notice_id
    tallies = [outbox.hand_over_notice(notice, NOW) for _ in range(3)]
    assert tallies == [outbox.Tally(sent=3), outbox.Tally(), outbox.Tally()]
    assert box.addresses == [delivery.address for delivery in deliveries]


def test_a_notice_goes_out_over_one_connection(box):
    (delivery, *_) = queue(5)
    outbox.hand_over_notice(delivery.message.notice_id, NOW)
    assert (len(box.mails), box.connections) == (5, 1)


def test_the_sweep_takes_what_no_nudge_has_taken(box):
    (one,), (other,) = queue(), queue()
    (later,) = queue(due_at=after(minutes=1))
    assert outbox.hand_over_due(NOW) == outbox.Tally(sent=2)
    assert outbox.hand_over_due(NOW) == outbox.Tally()
    assert box.addresses == [one.address, other.address]
    assert state(later)[:2] == ("queued", 0)


def test_the_sweep_takes_the_oldest_first_up_to_its_limit(box):
    (young,), (old,) = queue(due_at=NOW), queue(due_at=after(minutes=-5))
    assert outbox.hand_over_due(NOW, limit=1) == outbox.Tally(sent=1)
    assert box.addresses == [old.address]
    assert state(young)[0] == "queued"


def test_gone_rows_are_no_error():
    assert outbox.hand_over(4711, NOW) is None
    assert outbox.hand_over_notice(4711, NOW) == outbox.Tally()


@pytest.mark.parametrize("status", ["sending", "sent", "delivered", "bounced", "failed", "muted"])
def test_only_what_is_queued_is_sent(box, status):
    (delivery,) = queue(status=status, claimed_at=NOW)
    assert outbox.hand_over(delivery.pk, NOW) is None
    assert outbox.hand_over_due(after(minutes=1)) == outbox.Tally()
    assert box.mails == []


def test_a_server_that_is_down_is_tried_again_and_then_gets_the_mail(at_port):
    port = free_port()
    at_port(port)
    (delivery,) = queue()

    assert outbox.hand_over_due(NOW) == outbox.Tally(again=1)
    status, attempts, minutes, sent_at, error = state(delivery)
    assert (status, attempts, minutes, sent_at) == ("queued", 1, 1, None)
    assert "ConnectionRefusedError" in error

    with mail_server(port) as box:
        assert outbox.hand_over_due(after(seconds=59)) == outbox.Tally()
        assert outbox.hand_over_due(after(minutes=1)) == outbox.Tally(sent=1)
    assert box.addresses == [delivery.address]
    assert state(delivery) == ("sent", 2, 1, after(minutes=1), "")


def test_an_outage_costs_few_of_many_an_attempt(at_port):
    at_port(free_port())
    queue(20)
    assert outbox.hand_over_due(NOW) == outbox.Tally(again=2, left=18)
    assert Delivery.objects.filter(attempts=0, status="queued").count() == 18


def test_attempts_are_finite(at_port):
    at_port(free_port())
    (delivery,) = queue()
    waits, moment = [], NOW
    while state(delivery)[0] == "queued":
        outbox.hand_over(delivery.pk, moment)
        row = Delivery.objects.get()
        waits.append((row.due_at - moment) / dt.timedelta(minutes=1))
        moment = row.due_at

    assert waits == [1, 5, 15, 60, 240, 0]
    assert state(delivery)[:2] == ("failed", 6)
    assert outbox.hand_over_due(after(days=30)) == outbox.Tally()


def test_an_address_that_is_refused_for_good_is_tried_once(box):
    refused, fine = queue(2)
    box.answers[refused.address] = "550 5.1.1 No such user here"

    assert outbox.hand_over_due(NOW) == outbox.Tally(sent=1, bounced=1)
    assert outbox.hand_over_due(after(days=1)) == outbox.Tally()

    assert box.tried == {refused.address: 1, fine.address: 1}
    status, attempts, _, sent_at, error = state(refused)
    assert (status, attempts, sent_at) == ("bounced", 1, None)
    assert "No such user here" in error
    assert box.addresses == [fine.address]


def test_a_full_mailbox_is_tried_again_without_holding_up_the_others(box):
    full, fine = queue(2)
    box.answers[full.address] = "452 4.2.2 Mailbox full"

    assert outbox.hand_over_due(NOW) == outbox.Tally(sent=1, again=1)
    assert box.connections == 1
    del box.answers[full.address]
    assert outbox.hand_over_due(after(minutes=1)) == outbox.Tally(sent=1)
    assert box.addresses == [fine.address, full.address]


def test_a_refused_text_bounces_too(box):
    (delivery,) = queue()
    box.after_data[delivery.address] = "554 5.7.1 Rejected"
    assert outbox.hand_over_due(NOW) == outbox.Tally(bounced=1)


def test_a_server_that_hangs_up_in_between_gets_the_rest_on_a_new_connection(box):
    first, second, third = queue(3)
    box.answers[second.address] = "421 4.3.2 Closing, come again"
    assert outbox.hand_over_due(NOW) == outbox.Tally(sent=2, again=1)
    assert (box.addresses, box.connections) == ([first.address, third.address], 2)


def test_an_impossible_address_does_not_hold_up_the_others(box):
    odd, fine = queue(address="nobody at all <"), queue()
    assert outbox.hand_over_due(NOW) == outbox.Tally(sent=1, bounced=1)
    assert state(odd[0])[0] == "bounced"
    assert box.addresses == [fine[0].address]


def test_a_message_that_cannot_be_made_is_recorded_and_passed_over(box):
    broken = DeliveryFactory(message__notice__data={"until": "when the cows come home"})
    (fine,) = queue()
    assert outbox.hand_over_due(NOW) == outbox.Tally(sent=1, again=1)
    assert state(broken) == (
        "queued", 1, 1, None, "ValueError: Invalid isoformat string: 'when the cows come home'",
    )  # fmt: skip
    assert box.addresses == [fine.address]


def test_a_claim_that_nobody_finished_is_given_back_after_ten_minutes(box):
    (delivery,) = queue(status="sending", attempts=1, claimed_at=NOW)
    assert outbox.hand_over_due(after(minutes=9, seconds=59)) == outbox.Tally()
    assert outbox.hand_over_due(after(minutes=10)) == outbox.Tally(sent=1, recovered=1)
    assert state(delivery) == ("sent", 2, 10, after(minutes=10), "")


def test_a_claim_given_back_too_often_has_failed(box):
    (delivery,) = queue(status="sending", attempts=outbox.MAX_ATTEMPTS, claimed_at=NOW)
    assert outbox.hand_over_due(after(minutes=10)) == outbox.Tally(recovered=1)
    assert state(delivery)[:2] == ("failed", 6)
    assert box.mails == []


def test_what_lost_its_claim_does_not_overwrite_the_row(box, monkeypatch):
    (delivery,) = queue()
    send = outbox.Channels.send

    def slow(self, row):
        sent = send(self, row)
        outbox.recover(after(minutes=10))
        return sent

    monkeypatch.setattr(outbox.Channels, "send", slow)
    outbox.hand_over(delivery.pk, NOW)
    assert state(delivery)[:3] == ("queued", 1, 10)


def test_a_batch_that_takes_too_long_leaves_the_rest_and_asks_for_another(box, monkeypatch, worker):
    deliveries = queue(4)
    monkeypatch.setattr(outbox, "BATCH_SECONDS", -1)
    notice = deliveries[0].message.notice_id
    assert outbox.hand_over_notice(notice, NOW) == outbox.Tally(left=4)
    assert worker.queued() == []

    ticks = iter([0, 1, 2, 50, 60])
    monkeypatch.setattr(outbox, "BATCH_SECONDS", 20)
    monkeypatch.setattr(outbox, "stopwatch", lambda: next(ticks))
    assert outbox.hand_over_notice(notice, NOW) == outbox.Tally(sent=2, left=2)
    assert worker.queued() == [("reallocation.tasks.hand_over_notice", notice)]
    assert [state(delivery)[3] for delivery in deliveries] == [
        after(seconds=1),
        after(seconds=2),
        None,
        None,
    ]


def test_a_bounced_mail_goes_out_as_text_message(box, settings):
    professor = ProfessorFactory(phone="+436601234567")
    message = MessageFactory(user=professor.user)
    mail = DeliveryFactory(message=message)
    box.answers[mail.address] = "550 5.1.1 No such user here"
    with text_service() as (url, taken):
        settings.SMS_URL = url
        assert outbox.hand_over_due(NOW) == outbox.Tally(bounced=1)
        assert outbox.hand_over_due(NOW) == outbox.Tally(sent=1)
        assert outbox.hand_over_due(NOW) == outbox.Tally()
    ((path, text),) = taken
    assert path == "/+436601234567"
    assert text.startswith("Can you take a class? http://testserver/m/")
    assert [(row.channel, row.status) for row in Delivery.objects.order_by("pk")] == [
        (MessageChannel.EMAIL, "bounced"),
        (MessageChannel.SMS, "sent"),
    ]


def test_without_a_service_a_bounced_mail_makes_no_text_message(box):
    professor = ProfessorFactory(phone="+436601234567")
    mail = DeliveryFactory(message=MessageFactory(user=professor.user))
    box.answers[mail.address] = "550 5.1.1 No such user here"
    outbox.hand_over_due(NOW)
    assert Delivery.objects.count() == 1


THREADS = 16
MAILS = 12


def all_at_once(deliveries):
    """Sixteen processes' worth of threads, each handing over every row, from the same instant."""
    start = threading.Barrier(THREADS)

    def run(_):
        try:
            start.wait()
            for delivery in deliveries:
                outbox.hand_over(delivery.pk, NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(run, range(THREADS)))


@pytest.mark.postgresql
def test_sixteen_at_once_send_each_mail_once(box):
    deliveries = queue(MAILS)
    all_at_once(deliveries)
    assert sorted(box.addresses) == sorted(delivery.address for delivery in deliveries)
    assert {state(delivery)[:2] for delivery in deliveries} == {("sent", 1)}


@pytest.mark.postgresql
def test_control_without_the_conditional_update_mails_go_out_twice(box, monkeypatch):
    """Looking first and writing then is not enough: the race above is real."""
    looked = threading.Barrier(THREADS)

    def look_then_write(delivery_id, now):
        due = Delivery.objects.due(now).filter(pk=delivery_id).exists()
        looked.wait()
        Delivery.objects.filter(pk=delivery_id).update(status="sending", claimed_at=now)
        return due

    monkeypatch.setattr(outbox, "claim", look_then_write)
    (delivery,) = queue()
    all_at_once([delivery])
    assert len(box.mails) == THREADS


@pytest.mark.postgresql
def test_sweeps_and_nudges_at_once_send_each_mail_once(box):
    deliveries = queue(MAILS)
    notice = deliveries[0].message.notice_id
    start = threading.Barrier(THREADS)

    def run(number):
        try:
            start.wait()
            if number % 2:
                return outbox.hand_over_due(NOW).sent
            return outbox.hand_over_notice(notice, NOW).sent
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as threads:
        sent = sum(threads.map(run, range(THREADS)))

    assert (sent, len(box.mails)) == (MAILS, MAILS)
