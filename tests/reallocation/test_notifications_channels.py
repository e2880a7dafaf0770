"""What leaves the house: the mail as it arrives, its invitation, its link; and text messages."""

import datetime as dt
from pathlib import Path

import pytest
from anymail.exceptions import AnymailRecipientsRefused
from django.core import mail
from django.db import transaction
from django.template.loader import get_template
from django.utils import translation
from icalendar import Calendar

from reallocation.enums import MessageChannel
from reallocation.models import Delivery, Message, Notice
from reallocation.notifications import announce, links, notices, outbox
from reallocation.notifications.channels import Channels, Unreachable
from reallocation.notifications.kinds import KINDS
from tests.factories import (
    NOW,
    BallotFactory,
    CaseFactory,
    DeliveryFactory,
    MessageFactory,
    NoticeFactory,
    OfferFactory,
    at,
    small_institute,
)
from tests.reallocation.postbox import mail_server, text_service
from tests.reallocation.telling import TUESDAY, book
from timetable import meetings, signed_links

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.reallocation.linked_pages"),
]


@pytest.fixture
def house(db):
    return small_institute()


@pytest.fixture
def case(house):
    return CaseFactory(meeting=house.meetings["MATH.A", TUESDAY])


@pytest.fixture
def box(settings):
    with mail_server() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        settings.DEFAULT_FROM_EMAIL = "Understudy <house@northfield.example>"
        yield box


def send_all(now=NOW):
    tally = outbox.hand_over_due(now)
    assert tally == outbox.Tally(sent=tally.sent)
    return tally.sent


def parts(message):
    """Content type and text of each part that is not a container."""
    return [
        (part.get_content_type(), part.get_content())
        for part in message.walk()
        if not part.is_multipart()
    ]


def calendar_of(message):
    (part,) = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    return part, Calendar.from_ical(part.get_content())


def test_an_offer_arrives_as_plain_text_and_simple_html(box, case, house):
    house.courses["MATH"].title = "Sets & <b>maps</b>"
    house.courses["MATH"].save(update_fields=["title"])
    case.refresh_from_db()
    offer = OfferFactory(case=case, professor=house.professors["BEN"])
    announce.offers_sent([offer], NOW)
    send_all()

    arrived = box.mail_to("ben@northfield.example")
    assert (arrived["Subject"], arrived["From"], arrived["To"], arrived["Auto-Submitted"]) == (
        "Can you take MATH on Tue 2 Mar, 09:00?",
        "Understudy <house@northfield.example>",
        "ben@northfield.example",
        "auto-generated",
    )
    (plain_type, plain), (html_type, html) = parts(arrived)
    assert (plain_type, html_type) == ("text/plain", "text/html")
    link = links.absolute(Message.objects.select_related("notice").get())
    assert plain.replace("\r\n", "\n").rstrip() == (
        "Ada Adler cannot teach then, and you are asked to take the class.\n\n"
        "Class: MATH Sets & <b>maps</b> (MATH.A)\n"
        "Time: Tue 2 Mar, 09:00–10:30 (Europe/Vienna)\n"
        "Room: Room R1\n\n"
        "Please say yes or no by Mon 1 Mar, 13:00.\n"
        "Ada Adler named you.\n\n"
        f"Say yes or no:\n{link}\n\n"
        "--\n"
        "Northfield University\n"
        "The link is yours alone: whoever has it can act for you. Please do not pass this message on."
    )
    assert f'<a href="{link}">' in html
    assert "Sets &amp; &lt;b&gt;maps&lt;/b&gt;" in html
    assert "<b>maps" not in html
    assert "src=" not in html


def test_no_recipient_sees_another(box, case):
    announce.meeting_postponed(case, NOW)
    assert send_all() == 6
    assert {message["To"] for _, message in box.mails} == set(box.addresses)
    text = str(box.mail_to("a1@students.northfield.example"))
    assert "a2@" not in text


def test_each_link_is_personal_and_opens_one_thing(case, house):
    ben, ada, a1 = house.professors["BEN"], house.professors["ADA"], house.students["A1"]
    offer = OfferFactory(case=case, professor=ben)
    ballot = BallotFactory(offering=case.meeting.offering, subject_uid=case.uid)
    announce.absence_withdrawn(case.absence, NOW)
    announce.offers_sent([offer], NOW)
    announce.ballot_opened(ballot, case, NOW)
    announce.meeting_postponed(case, NOW)

    found = {}
    for message in Message.objects.select_related("notice").filter(
        user__in=[ben.user, ada.user, a1.user]
    ):
        _, page, token, _ = links.path(message).split("/")
        purpose = links.purpose_of(message)
        found[message.notice.kind] = page, purpose, signed_links.read(purpose, token, now=NOW)
        for other in {"offer", "ballot", "case", "message"} - {purpose}:
            with pytest.raises(signed_links.LinkRefused):
                signed_links.read(other, token, now=NOW)

    own = Message.objects.get(user=ada.user, notice__kind="absence-withdrawn")
    assert found == {
        "absence-withdrawn": ("m", "message", {"message": str(own.uid), "user": ada.user_id}),
        "offer": ("o", "offer", {"offer": str(offer.uid), "user": ben.user_id}),
        "ballot": ("b", "ballot", {"ballot": str(ballot.uid), "user": a1.user_id}),
        "postponed": ("c", "case", {"case": str(case.uid), "user": a1.user_id}),
        "postponed-professor": ("c", "case", {"case": str(case.uid), "user": ada.user_id}),
    }


def test_a_link_outlives_its_matter_by_two_weeks_and_no_longer(case):
    announce.offers_sent([OfferFactory(case=case)], NOW)
    token = links.path(Message.objects.get()).split("/")[2]
    answer_until = NOW + dt.timedelta(hours=4)
    last = answer_until + dt.timedelta(days=14)
    assert signed_links.read("offer", token, now=last - dt.timedelta(seconds=1))
    with pytest.raises(signed_links.LinkRefused) as refused:
        signed_links.read("offer", token, now=last)
    assert refused.value.code == "expired"


def test_the_substitute_gets_an_invitation_then_its_update_then_its_end(box, case, house):
    ben = house.professors["BEN"]
    book(case, professor=ben)
    announce.meeting_substituted(case, ben, NOW)
    send_all()
    part, calendar = calendar_of(box.mail_to("ben@northfield.example"))
    (event,) = calendar.events
    assert part.get_content_type() == "text/calendar"
    assert part.get_param("method") == calendar["METHOD"] == "REQUEST"
    assert (calendar["VERSION"], event["STATUS"]) == ("2.0", "CONFIRMED")
    assert (event["UID"], event["SEQUENCE"]) == (str(case.meeting.uid), 1)
    assert "DTSTART:20270302T080000Z" in part.get_content()
    assert (event.start, event.end) == (at("2027-03-02 09:00"), at("2027-03-02 10:30"))
    assert (event["DTSTAMP"].dt, event["LOCATION"]) == (NOW, "Room R1")
    assert (event["SUMMARY"], event["DESCRIPTION"]) == (
        "MATH Algebra",
        "In place of Ada Adler. Class MATH.A.",
    )
    assert (event["ORGANIZER"], event["ORGANIZER"].params["CN"]) == (
        "mailto:house@northfield.example",
        "Northfield University",
    )
    assert (event["ATTENDEE"], event["ATTENDEE"].params["PARTSTAT"]) == (
        "mailto:ben@northfield.example",
        "ACCEPTED",
    )
    assert [address for address, message in box.mails if "calendar" in str(message)] == [
        "ben@northfield.example"
    ]

    box.mails.clear()
    thursday = {"starts_at": at("2027-03-04 14:00"), "ends_at": at("2027-03-04 15:30")}
    book(case, professor=ben, room=None, **thursday)
    announce.meeting_moved(case, NOW)
    send_all()
    _, calendar = calendar_of(box.mail_to("ben@northfield.example"))
    (event,) = calendar.events
    assert (calendar["METHOD"], event["UID"], event["SEQUENCE"], event.start) == (
        "REQUEST",
        str(case.meeting.uid),
        2,
        at("2027-03-04 14:00"),
    )
    assert "LOCATION" not in event

    box.mails.clear()
    announce.substitute_released(case, ben, NOW)
    send_all()
    part, calendar = calendar_of(box.mail_to("ben@northfield.example"))
    (event,) = calendar.events
    assert part.get_param("method") == calendar["METHOD"] == "CANCEL"
    assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == (
        str(case.meeting.uid),
        2,
        "CANCELLED",
    )


def test_a_late_mail_carries_the_invitation_as_it_was_written(box, case, house):
    ben = house.professors["BEN"]
    announce.meeting_substituted(case, ben, NOW)
    with transaction.atomic():
        meetings.drop(case.meeting_id)
    send_all()
    _, calendar = calendar_of(box.mail_to("ben@northfield.example"))
    assert [(event["SEQUENCE"], event.start) for event in calendar.events] == [
        (0, at("2027-03-02 09:00"))
    ]


def test_providers_get_the_invitation_as_an_attachment(case, house, settings):
    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
    announce.meeting_substituted(case, house.professors["BEN"], NOW)
    send_all()
    (sent,) = [message for message in mail.outbox if message.attachments]
    ((name, content, content_type),) = sent.attachments
    assert (name, content_type) == ("invitation.ics", "text/calendar; method=REQUEST")
    assert Calendar.from_ical(content)["METHOD"] == "REQUEST"
    assert [kind for _, kind in sent.alternatives] == ["text/html"]
    row = Delivery.objects.get(address="ben@northfield.example")
    assert row.provider_id == str(sent.anymail_status.message_id)


def test_a_provider_that_refuses_the_address_bounces(settings):
    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
    settings.ANYMAIL = {}
    DeliveryFactory()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("anymail.backends.test.EmailBackend.post_to_esp", _refuse)
        assert outbox.hand_over_due(NOW) == outbox.Tally(bounced=1)
    assert AnymailRecipientsRefused.__name__ in Delivery.objects.get().error


def _refuse(self, payload, message):
    raise AnymailRecipientsRefused(email_message=message, payload=payload, backend=self)


def test_text_messages_go_out_where_little_time_is_left(case, house, settings):
    ben = house.professors["BEN"]
    ben.phone = "+436601234567"
    ben.save(update_fields=["phone"])
    hurried = OfferFactory(
        case=case, professor=ben, expires_at=NOW + notices.LITTLE_TIME - dt.timedelta(minutes=1)
    )
    with text_service() as (url, taken):
        settings.SMS_URL = url
        announce.offers_sent([hurried], NOW)
        assert send_all() == 2
    message = Message.objects.select_related("notice").get()
    assert taken == [
        (
            "/+436601234567",
            f"Can you take MATH on Tue 2 Mar, 09:00? {links.absolute(message)}",
        )
    ]


@pytest.mark.parametrize(
    ("url", "hours", "phone"),
    [
        ("", 1, "+436601234567"),
        ("json://127.0.0.1/{to}", 3, "+436601234567"),
        ("json://a/{to}", 1, ""),
    ],
    ids=["no service", "enough time", "no number"],
)
def test_no_text_message_is_written_otherwise(case, house, settings, url, hours, phone):
    settings.SMS_URL = url
    ben = house.professors["BEN"]
    ben.phone = phone
    ben.save(update_fields=["phone"])
    offer = OfferFactory(case=case, professor=ben, expires_at=NOW + dt.timedelta(hours=hours))
    announce.offers_sent([offer], NOW)
    assert [row.channel for row in Delivery.objects.all()] == [MessageChannel.EMAIL]


def test_a_service_that_fails_is_tried_again(settings):
    delivery = DeliveryFactory(channel=MessageChannel.SMS, address="+436601234567")
    with text_service(status=500) as (url, taken):
        settings.SMS_URL = url.replace("json://", "json://name:secret-word@")
        assert outbox.hand_over_due(NOW) == outbox.Tally(again=1)
    assert len(taken) == 1
    delivery.refresh_from_db()
    assert delivery.due_at == NOW + outbox.BACKOFF[0]
    assert "did not take the text message" in delivery.error
    assert "secret-word" not in delivery.error


def test_a_service_that_makes_no_sense_is_no_service(settings):
    settings.SMS_URL = "nonsense"
    delivery = DeliveryFactory(channel=MessageChannel.SMS, address="+436601234567")
    with Channels() as channels, pytest.raises(Unreachable):
        channels.send(delivery)


def test_the_same_mail_sent_twice_is_recognised_by_its_id(box):
    delivery = DeliveryFactory()
    outbox.hand_over(delivery.pk, NOW)
    Delivery.objects.update(status="queued")
    outbox.hand_over(delivery.pk, NOW)
    first, second = (message["Message-ID"] for _, message in box.mails)
    assert first == second


@pytest.mark.parametrize(("written", "action"), [({}, "Vote:"), ({"language": "de"}, "Abstimmen:")])
def test_a_mail_is_in_one_language_whoever_hands_it_over(box, written, action):
    notice = NoticeFactory(kind="ballot", link="ballot/uid", data=written)
    DeliveryFactory(message__notice=notice)
    with translation.override("fr"):
        send_all()
    ((_, message),) = box.mails
    text, html = (content for _kind, content in parts(message)[:2])
    assert text.splitlines()[2] == action
    assert f'<html lang="{written.get("language", "en")}">' in html


def test_a_kind_that_no_longer_exists_is_still_sent(box):
    DeliveryFactory(message=MessageFactory(notice=NoticeFactory(kind="gone")))
    assert send_all() == 1


def test_every_kind_has_its_text_and_every_text_its_kind():

    folder = get_template("reallocation/notifications/mail.txt").origin.name.removesuffix(
        "mail.txt"
    )

    texts = {path.stem for path in Path(folder).glob("*.txt") if not path.name.startswith("_")}
    assert texts - {"mail"} == set(KINDS)
    assert Notice._meta.get_field("kind").max_length >= max(len(name) for name in KINDS)
