"""The private calendar: its page, its address, and what programs read there."""

import datetime as dt
import re
from email.utils import parsedate_to_datetime

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from icalendar import Calendar

from reallocation.notifications import invitations
from tests.factories import (
    CaseFactory,
    EnrolmentFactory,
    InstituteFactory,
    MeetingFactory,
    OfferingFactory,
    ProfessorFactory,
    RoomFactory,
    StaffFactory,
    StudentFactory,
    TeachingFactory,
    TermFactory,
    UserFactory,
    at,
    small_institute,
)
from timetable import feed_events, feeds, meetings
from timetable.models import CalendarFeed, Meeting

pytestmark = pytest.mark.django_db

NOW = at("2027-03-01 08:00")
PAGE = "/calendar/"
TUESDAY, WEDNESDAY = "2027-03-02", "2027-03-03"
DAY = dt.date(2027, 3, 2)


class Clock:
    now = NOW


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("django.utils.timezone.now", lambda: clock.now)
    return clock


@pytest.fixture
def house():
    return small_institute()


def subscribe(person):
    return f"/calendar/{feeds.secret_of(feeds.renew(person.user, now=NOW))}.ics"


def read(person_or_address):
    """The feed's events by UID, as a program without any session sees them."""
    address = person_or_address
    if not isinstance(address, str):
        address = subscribe(person_or_address)
    response = Client().get(address)
    assert (response.status_code, response["Content-Type"]) == (
        200,
        "text/calendar; charset=utf-8",
    )
    calendar = Calendar.from_ical(response.content)
    return {str(event["uid"]): event for event in calendar.walk("VEVENT")}


def told(event):
    """Summary, state, and the day and hour at which it stands in UTC."""
    return (
        str(event["summary"]),
        str(event["status"]),
        event["dtstart"].dt.strftime("%m-%d %H:%M"),
    )


def signed_in(person):
    client = Client()
    client.force_login(person.user)
    return client


def address_on(page):
    return re.search(r'value="http://testserver(/calendar/[^"]+\.ics)"', page.content.decode())[1]


# What stands in it --------------------------------------------------------------------------------


def test_a_professor_reads_what_they_teach_now(house):
    ada, ben = house.professors["ADA"], house.professors["BEN"]
    covered, plain = (house.meetings["MATH.A", day] for day in (TUESDAY, WEDNESDAY))
    meetings.book(
        covered.pk,
        professor=ben,
        starts_at=covered.starts_at,
        ends_at=covered.ends_at,
        room=covered.room,
    )
    mine, his = read(ada), read(ben)
    title = plain.offering.course.full_name
    assert told(mine[str(plain.uid)]) == (title, "CONFIRMED", "03-03 08:00")
    assert told(mine[str(covered.uid)]) == (
        f"{ben.name} teaches: {title}",
        "CANCELLED",
        "03-02 08:00",
    )
    assert told(his[str(covered.uid)]) == (title, "CONFIRMED", "03-02 08:00")
    assert f"{ben.name} teaches instead of {ada.name}." in his[str(covered.uid)]["description"]
    assert str(plain.uid) not in his
    assert str(his[str(covered.uid)]["location"]) == str(covered.room)
    assert his[str(covered.uid)]["dtend"].dt == covered.ends_at


def test_a_student_reads_each_change_and_what_no_longer_takes_place(house):
    student = house.students["A1"]
    moved, postponed = (house.meetings["MATH.A", day] for day in (TUESDAY, WEDNESDAY))
    dropped = MeetingFactory(offering=moved.offering, day=dt.date(2027, 3, 4))
    room = RoomFactory(code="ATTIC", name="")
    meetings.book(
        moved.pk,
        professor=moved.professor,
        starts_at=at("2027-03-05 14:00"),
        ends_at=at("2027-03-05 15:30"),
        room=room,
    )
    meetings.postpone(postponed.pk)
    meetings.drop(dropped.pk)
    found = read(student)
    title = moved.offering.course.full_name
    assert [told(found[str(one.uid)]) for one in (moved, postponed, dropped)] == [
        (title, "CONFIRMED", "03-05 13:00"),
        (f"Postponed: {title}", "CANCELLED", "03-03 08:00"),
        (f"Dropped: {title}", "CANCELLED", "03-04 08:00"),
    ]
    assert str(found[str(moved.uid)]["description"]).splitlines() == [
        "Was Tue 2 Mar, 09:00.",
        f"Was in room {moved.room.code}.",
        "Class MATH.A",
        f"Professor: {moved.professor}",
    ]
    assert "A new time is being looked for" in found[str(postponed.uid)]["description"]
    assert [found[str(one.uid)]["sequence"] for one in (moved, postponed, dropped)] == [1, 1, 1]


def test_the_feed_and_an_invitation_are_one_entry(house):
    ben, meeting = house.professors["BEN"], house.meetings["MATH.A", TUESDAY]
    case = CaseFactory(meeting=meeting)
    where = {"starts_at": meeting.starts_at, "ends_at": meeting.ends_at, "room": meeting.room}
    booked = meetings.book(meeting.pk, professor=ben, **where)
    sent = invitations.document(
        invitations.snapshot("REQUEST", case, booked), attendee=ben.email, stamp=NOW
    )
    (invited,) = Calendar.from_ical(sent).walk("VEVENT")
    in_feed = read(ben)[str(meeting.uid)]
    same = ("uid", "sequence", "dtstart", "dtend", "summary", "location", "status")
    assert [in_feed[name] for name in same] == [invited[name] for name in same]


def test_co_teachers_and_other_institutes_are_in_it_strangers_are_not(house):
    ada = house.professors["ADA"]
    shared = MeetingFactory(offering__term=house.term)
    TeachingFactory(offering=shared.offering, professor=ada, position=1)
    abroad = InstituteFactory(slug="abroad", timezone="America/New_York")
    theirs = MeetingFactory(
        offering=OfferingFactory(term=TermFactory(institute=abroad), professors=[]),
        day=DAY,
    )
    EnrolmentFactory(
        offering=theirs.offering, student=StudentFactory(institute=abroad, user=ada.user)
    )
    stranger = MeetingFactory()
    found = read(ada)
    assert told(found[str(theirs.uid)])[1:] == ("CONFIRMED", "03-02 14:00")
    assert told(found[str(shared.uid)])[1] == "CONFIRMED"
    assert str(stranger.uid) not in found


def test_it_is_bounded_by_a_window(house, clock):
    offering = house.meetings["MATH.A", TUESDAY].offering
    start = NOW.date()
    days = {
        "long ago": start - feed_events.BEFORE - dt.timedelta(days=1),
        "lately": start - feed_events.BEFORE + dt.timedelta(days=1),
        "soon": start + feed_events.AHEAD - dt.timedelta(days=1),
        "far off": start + feed_events.AHEAD + dt.timedelta(days=1),
    }
    rows = {name: MeetingFactory(offering=offering, day=day) for name, day in days.items()}
    found = read(house.students["A1"])
    assert [name for name, row in rows.items() if str(row.uid) in found] == ["lately", "soon"]


def test_it_speaks_the_language_of_its_reader(house):
    ada, meeting = house.professors["ADA"], house.meetings["MATH.A", TUESDAY]
    ada.user.language = "de"
    ada.user.save(update_fields=["language"])
    Meeting.objects.filter(pk=meeting.pk).update(
        starts_at=at("2027-03-05 14:00"), ends_at=at("2027-03-05 15:30")
    )
    assert "Di., 2. März, 09:00 Uhr" in read(ada)[str(meeting.uid)]["description"]


def test_a_language_that_is_none_of_ours_is_that_of_the_house(house):
    ada, meeting = house.professors["ADA"], house.meetings["MATH.A", TUESDAY]
    ada.user.language = "fr"
    ada.user.save(update_fields=["language"])
    Meeting.objects.filter(pk=meeting.pk).update(
        starts_at=at("2027-03-05 14:00"), ends_at=at("2027-03-05 15:30")
    )
    assert "Tue 2 Mar, 09:00" in read(ada)[str(meeting.uid)]["description"]


def test_it_asks_the_database_as_often_for_many_meetings_as_for_one(house):
    student, offering = house.students["A1"], house.meetings["MATH.A", TUESDAY].offering
    address = subscribe(student)

    def queries():
        Client().get(address)
        with CaptureQueriesContext(connection) as captured:
            assert Client().get(address).status_code == 200
        return len(captured)

    few = queries()
    for n in range(12):
        other = MeetingFactory(day=DAY + dt.timedelta(days=7 * (n % 3)), room=RoomFactory())
        EnrolmentFactory(offering=other.offering, student=student)
        MeetingFactory(offering=offering, day=DAY + dt.timedelta(days=7 * (n + 1)))
    assert queries() == few == 5


# Asking again -------------------------------------------------------------------------------------


def test_who_asks_again_is_told_that_nothing_changed_until_something_has(house, clock):
    address, meeting = subscribe(house.students["A1"]), house.meetings["MATH.A", TUESDAY]
    first = Client().get(address)
    clock.now += dt.timedelta(hours=2)
    by_etag = {"if-none-match": first["ETag"]}
    by_date = {"if-modified-since": first["Last-Modified"]}
    for headers in (by_etag, by_date):
        again = Client().get(address, headers=headers)
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert Client().get(address).content == first.content

    meetings.drop(meeting.pk)
    for headers in (by_etag, by_date):
        changed = Client().get(address, headers=headers)
        assert (changed.status_code, changed["ETag"] != first["ETag"]) == (200, True)
    assert parsedate_to_datetime(changed["Last-Modified"]) == clock.now
    event = Calendar.from_ical(changed.content).walk("VEVENT")[0]
    assert event["dtstamp"].dt == clock.now
    assert Client().head(address).status_code == 200


# Whose it is --------------------------------------------------------------------------------------


def test_a_first_address_is_made_when_asked_for_and_shown_again(house):
    client = signed_in(house.students["A1"])
    assert "Make my address" in client.get(PAGE).content.decode()
    assert CalendarFeed.objects.count() == 0
    assert client.get(PAGE + "renew/").status_code == 405
    page = client.post(PAGE + "renew/", follow=True)
    address = address_on(page)
    assert len(address.removeprefix("/calendar/").removesuffix(".ics")) >= 43
    assert address_on(client.get(PAGE)) == address
    assert f'href="webcal://testserver{address}"' in page.content.decode()
    assert 'class="qr"' in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert len(read(address)) > 1


def test_a_new_address_ends_the_old_one(house):
    client = signed_in(house.students["A1"])
    old = address_on(client.post(PAGE + "renew/", follow=True))
    page = client.post(PAGE + "renew/", follow=True)
    new = address_on(page)
    assert "The old one has stopped working." in page.content.decode()
    assert (Client().get(old).status_code, Client().get(new).status_code) == (404, 200)
    assert CalendarFeed.objects.count() == 1


def test_a_copy_of_the_database_opens_no_calendar(house, settings, tmp_path):
    address = subscribe(house.students["A1"])
    secret = address.removeprefix("/calendar/").removesuffix(".ics")
    call_command("dumpdata", "timetable", output=str(tmp_path / "dump.json"))
    dump = (tmp_path / "dump.json").read_text()
    assert house.students["A1"].user.calendar_feed.salt in dump
    assert secret not in dump
    settings.SECRET_KEY = "another-key-" * 5
    assert feeds.secret_of(CalendarFeed.objects.get()) is None


def test_a_changed_key_breaks_no_subscription(house, settings):
    student = house.students["A1"]
    address = subscribe(student)
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another-key-" * 5
    settings.SECRET_KEY_FALLBACKS = [former]
    client = signed_in(student)
    assert address_on(client.get(PAGE)) == address
    settings.SECRET_KEY_FALLBACKS = []
    client = signed_in(student)
    assert "Your address cannot be shown any more" in client.get(PAGE).content.decode()
    assert len(read(address)) > 1


def test_unknown_addresses_and_closed_accounts_are_not_found(house):
    student = house.students["A1"]
    address = subscribe(student)
    for wrong in ("/calendar/x.ics", "/calendar/%FF.ics", address.replace(".ics", "A.ics")):
        assert Client().get(wrong).status_code == 404
    assert Client().post(address).status_code == 405
    student.user.is_active = False
    student.user.save(update_fields=["is_active"])
    assert Client().get(address).status_code == 404


def test_who_has_left_an_institute_reads_nothing_of_it(house):
    student = house.students["A1"]
    address = subscribe(student)
    student.active = False
    student.save(update_fields=["active"])
    assert read(address) == {}


def test_the_feed_neither_reads_nor_makes_a_session(house):
    answer = Client().get(subscribe(house.students["A1"]))
    assert answer.cookies == {}
    assert "Cookie" not in answer["Vary"]
    assert (answer["Cache-Control"], answer["X-Robots-Tag"]) == ("private, no-cache", "noindex")


def test_the_page_is_for_whoever_has_classes():
    registrar, stranger, professor = StaffFactory(), UserFactory(), ProfessorFactory()
    statuses = []
    for user in (registrar.user, stranger, professor.user):
        client = Client()
        client.force_login(user)
        statuses.append((client.get(PAGE).status_code, client.post(PAGE + "renew/").status_code))
    assert statuses == [(404, 404), (404, 404), (200, 302)]
    assert Client().get(PAGE).status_code == 302
    assert list(CalendarFeed.objects.values_list("user", flat=True)) == [professor.user_id]


def test_a_meeting_of_nobody_asked_for_costs_nothing():
    assert feed_events.feed_of(UserFactory(), now=timezone.now()).events == ()
    assert not Meeting.objects.exists()
