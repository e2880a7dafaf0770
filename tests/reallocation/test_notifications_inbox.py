"""The inbox: one's own messages, marked, read on purpose, and behind a link."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from reallocation.models import Message
from reallocation.notifications import inbox as mailbox
from reallocation.notifications import links
from reallocation.notifications.announce import meeting_postponed
from tests.factories import (
    NOW,
    CaseFactory,
    MessageFactory,
    NoticeFactory,
    ProfessorFactory,
    StaffFactory,
    StudentFactory,
    UserFactory,
    small_institute,
)
from timetable import signed_links
from timetable.accounts import Actor, actor_for

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.reallocation.linked_pages")]


@pytest.fixture
def student(db):
    return StudentFactory()


@pytest.fixture
def as_student(client, student):
    client.force_login(student.user)
    return client


def message_to(user, **values):
    return MessageFactory(user=user, **values)


def page_of(message):
    return f"/inbox/{message.uid}/"


def test_the_inbox_shows_ones_own_messages_newest_first(as_student, student):
    message_to(student.user, notice=NoticeFactory(subject="Older of mine"), read_at=NOW)
    message_to(student.user, notice=NoticeFactory(subject="Newer of mine"))
    message_to(StudentFactory().user, notice=NoticeFactory(subject="Not mine"))

    response = as_student.get("/inbox/")

    text = response.content.decode()
    assert [message.notice.subject for message in response.context["page"]] == [
        "Newer of mine",
        "Older of mine",
    ]
    assert "Not mine" not in text
    assert "1 unread message" in " ".join(text.split())
    assert text.count("Unread") == 1


def test_an_empty_inbox_says_so(as_student):
    response = as_student.get("/inbox/")
    assert "No messages yet." in response.content.decode()
    assert "You have read everything." in response.content.decode()


def test_many_messages_come_in_pages(as_student, student):
    for number in range(45):
        message_to(student.user, notice=NoticeFactory(subject=f"Number {number}"))
    sizes = [len(as_student.get(f"/inbox/?page={page}").context["page"]) for page in (1, 2, 3)]
    assert sizes == [20, 20, 5]
    first = as_student.get("/inbox/").content.decode()
    assert 'href="?page=2" rel="next"' in " ".join(first.split())
    assert 'rel="prev"' not in first


@pytest.mark.parametrize("page", ["0", "99", "-1", "first", "", "1e9", "٣"])
def test_an_odd_page_number_shows_some_page(as_student, student, page):
    message_to(student.user)
    assert as_student.get("/inbox/", {"page": page}).status_code == 200


def test_reading_changes_nothing(as_student, student):
    message = message_to(student.user)
    for _ in range(2):
        as_student.get("/inbox/")
        as_student.head("/inbox/")
        as_student.get(page_of(message))
        as_student.get(links.path(message))
    message.refresh_from_db()
    assert message.read_at is None


def test_opening_from_the_list_marks_as_read_and_shows(as_student, student):
    message = message_to(student.user)
    response = as_student.post(page_of(message), follow=True)
    assert response.redirect_chain == [(page_of(message), 302)]
    assert message.notice.body in response.content.decode()
    assert "Mark as read" not in response.content.decode()
    message.refresh_from_db()
    assert message.read_at is not None


def test_the_first_reading_stays(as_student, student):
    message = message_to(student.user, read_at=NOW)
    as_student.post(page_of(message))
    as_student.post("/inbox/")
    message.refresh_from_db()
    assert message.read_at == NOW


def test_all_can_be_marked_as_read_but_only_ones_own(as_student, student):
    own = [message_to(student.user) for _ in range(2)]
    other = message_to(StudentFactory().user)
    response = as_student.post("/inbox/", follow=True)
    assert "You have read everything." in response.content.decode()
    unread = Message.objects.filter(read_at__isnull=True)
    assert list(unread) == [other]
    assert len(own) == 2


@pytest.mark.parametrize("method", ["get", "post"])
def test_somebody_elses_message_does_not_exist(as_student, method):
    other = message_to(StudentFactory().user)
    assert getattr(as_student, method)(page_of(other)).status_code == 404
    other.refresh_from_db()
    assert other.read_at is None


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("which", ["list", "message"])
def test_logged_out_it_leads_to_the_login(client, method, which):
    message = message_to(StudentFactory().user)
    address = "/inbox/" if which == "list" else page_of(message)
    response = getattr(client, method)(address, headers={"Referer": "http://testserver/inbox/"})
    back_to = address if method == "get" else "/inbox/"
    assert (response.status_code, response.url) == (302, f"/accounts/login/?next={back_to}")
    message.refresh_from_db()
    assert message.read_at is None


def test_an_account_of_no_institute_has_no_inbox(client):
    client.force_login(UserFactory())
    assert client.get("/inbox/").status_code == 404


@pytest.mark.parametrize("make", [ProfessorFactory, StudentFactory, StaffFactory])
def test_everybody_of_an_institute_has_an_inbox(client, make):
    person = make()
    message_to(person.user)
    client.force_login(person.user)
    assert len(client.get("/inbox/").context["page"]) == 1


def test_a_forged_form_is_refused(student):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(student.user)
    message = message_to(student.user)
    assert strict.post(page_of(message)).status_code == 403
    assert strict.post("/inbox/").status_code == 403


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(as_student, method):
    assert getattr(as_student, method)("/inbox/").status_code == 405


def test_a_message_shows_its_text_and_where_to_act(client):
    house = small_institute()
    case = CaseFactory(meeting=house.meetings["MATH.A", "2027-03-02"])
    meeting_postponed(case, NOW)
    message = Message.objects.get(user=house.students["A1"].user)
    client.force_login(message.user)

    response = client.get(page_of(message))

    text = response.content.decode()
    assert "Not taking place as planned: MATH on Tue 2 Mar, 09:00" in text
    assert "Time: Tue 2 Mar, 09:00–10:30 (Europe/Vienna)<br>" in text
    assert "Mon 1 Mar 2027, 09:00" in text
    assert f'href="{links.path(message)}"' in text
    assert "See where it stands" in text


def test_what_a_message_says_is_text_and_never_markup(as_student, student):
    notice = NoticeFactory(subject="<script>1</script>", body="<img src=x>\n& more")
    message = message_to(student.user, notice=notice)
    for address in ("/inbox/", page_of(message), links.path(message)):
        text = as_student.get(address).content.decode()
        assert "<script>1" not in text
        assert "<img src=x>" not in text


def test_the_link_in_the_mail_shows_the_message_without_login(client):
    message = message_to(StudentFactory().user, notice=NoticeFactory(body="Read me anywhere."))
    live = now_link(message)
    response = client.get(live)
    assert response.status_code == 200
    assert "Read me anywhere." in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert client.post(live).status_code == 405


def now_link(message):
    """The message's link as it would be had the message been written today."""
    from django.utils import timezone

    message.notice.created_at = timezone.now()
    message.notice.data = {}
    return links.path(message)


def test_an_old_link_says_that_its_time_is_over(client):
    message = message_to(StudentFactory().user)
    token = signed_links.make(
        "message", links.payload(message), expires_at=NOW - dt.timedelta(days=900)
    )
    response = client.get(f"/m/{token}/")
    assert response.status_code == 410
    assert message.notice.body not in response.content.decode()


@pytest.mark.parametrize(
    "harm", [lambda t: t[:-1], lambda t: t + "x", lambda t: "x" + t, lambda t: "x"]
)
def test_a_damaged_link_shows_nothing(client, harm):
    message = message_to(StudentFactory().user)
    token = now_link(message).split("/")[2]
    response = client.get(f"/m/{harm(token)}/")
    assert response.status_code == 404
    assert message.notice.body not in response.content.decode()


def test_a_link_for_another_purpose_shows_nothing(client):
    message = message_to(StudentFactory().user)
    token = signed_links.make(
        "case", links.payload(message), expires_at=NOW + dt.timedelta(days=900)
    )
    assert client.get(f"/m/{token}/").status_code == 404


def test_a_link_to_a_message_that_is_gone_is_not_found(client):
    message = message_to(StudentFactory().user)
    address = now_link(message)
    message.delete()
    assert client.get(address).status_code == 404


def test_the_number_beside_the_inbox_counts_what_is_unread(student):
    message_to(student.user)
    message_to(student.user, read_at=NOW)
    message_to(StudentFactory().user)
    assert mailbox.unread(actor_for(student.user)).count() == 1
    assert mailbox.unread(Actor()).count() == 0


def test_the_inbox_costs_the_same_whatever_it_holds(as_student, student):
    def cost():
        with CaptureQueriesContext(connection) as captured:
            as_student.get("/inbox/")
        queries = [query["sql"] for query in captured]
        # The navigation counts what is unread as well, where it is asked to.
        own = [sql for sql in queries if 'FROM "reallocation_message"' in sql]
        return len(queries), len(own)

    message_to(student.user)
    at_one = cost()
    for _ in range(19):
        message_to(student.user)

    assert cost() == at_one
    assert at_one[1] in {3, 4}


def test_a_message_costs_one_query_and_its_marking_two(as_student, student):
    message = message_to(student.user)
    with CaptureQueriesContext(connection) as captured:
        as_student.get(page_of(message))
    shown = [query["sql"] for query in captured if "reallocation_notice" in query["sql"]]
    with CaptureQueriesContext(connection) as captured:
        as_student.post(page_of(message))
    marked = [query["sql"] for query in captured if "reallocation_message" in query["sql"]]
    assert (len(shown), len(marked)) == (1, 2)
