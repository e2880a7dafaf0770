import pytest
from django.contrib import admin
from django.urls import reverse

from tests.factories import StaffFactory, UserFactory
from tests.voting.classroom import CLOSES, SOON, cast, open_to
from timetable.enums import StaffRole
from voting import ballots
from voting.models import Ballot, RollPlace, Vote

pytestmark = pytest.mark.django_db

LIST = "admin:voting_ballot_changelist"


@pytest.fixture
def sign_in(client):
    def as_staff(institute, role=StaffRole.REGISTRAR):
        client.force_login(
            StaffFactory(institute=institute, role=role, user=UserFactory(is_staff=True)).user
        )
        return client

    return as_staff


def detail(ballot):
    return reverse("admin:voting_ballot_change", args=[ballot.pk])


def text_of(response):
    return response.content.decode()


def test_votes_and_rolls_have_no_pages():
    assert admin.site.is_registered(Ballot)
    assert not admin.site.is_registered(Vote)
    assert not admin.site.is_registered(RollPlace)


def test_a_registrar_reads_the_sums_of_a_closed_ballot(sign_in):
    ballot, students = open_to(9)
    for n, student in enumerate(students[:3]):
        cast(ballot, student, n != 0)
    ballots.close(ballot.pk, CLOSES)
    client = sign_in(ballot.institute)
    for address in (reverse(LIST), detail(ballot)):
        text = text_of(client.get(address))
        assert ballot.question in text
        assert "2 : 1" in text
        assert "Rejected" in text or "Approved" in text
        assert "3 of 9 have voted (33\u00a0%)." in text


@pytest.mark.parametrize(("size", "closed"), [(9, False), (4, True), (4, False)])
def test_sums_are_hidden_while_open_and_where_they_would_tell(sign_in, size, closed):
    ballot, students = open_to(size, quorum_percent=100)
    cast(ballot, students[0], True)
    if closed:
        ballots.close(ballot.pk, CLOSES)
    client = sign_in(ballot.institute)
    for address in (reverse(LIST), detail(ballot)):
        text = text_of(client.get(address))
        assert ballot.question in text
        assert "1 : 0" not in text


def test_a_registrar_of_another_institute_finds_nothing(sign_in):
    ballot, _students = open_to(9, question="Shall Ben teach?")
    other, _others = open_to(9, "southfield", question="Shall Cleo teach?")
    client = sign_in(other.institute)
    text = text_of(client.get(reverse(LIST)))
    assert "Shall Cleo teach?" in text
    assert "Shall Ben teach?" not in text
    assert client.get(detail(ballot)).status_code == 302
    assert client.get(detail(other)).status_code == 200


@pytest.mark.parametrize("role", [StaffRole.HEAD, None])
def test_who_is_neither_registrar_nor_auditor_finds_nothing(client, sign_in, role):
    ballot, _students = open_to(9)
    if role:
        sign_in(ballot.institute, role)
    else:
        client.force_login(UserFactory(is_staff=True))
    assert client.get(reverse(LIST)).status_code == 403


def test_nothing_can_be_changed(sign_in):
    ballot, _students = open_to(9)
    client = sign_in(ballot.institute)
    before = Ballot.objects.values().get()
    assert client.post(detail(ballot), {"question": "Other?"}).status_code == 403
    assert client.get(reverse("admin:voting_ballot_add")).status_code == 403
    delete = reverse("admin:voting_ballot_delete", args=[ballot.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 403
    client.post(
        reverse(LIST), {"action": "delete_selected", "_selected_action": [ballot.pk], "post": "yes"}
    )
    assert Ballot.objects.values().get() == before


def test_ballots_are_found_by_class_question_and_case(sign_in):
    ballot, _students = open_to(9, question="Shall Ben teach?")
    open_to(9, question="Shall Cleo teach?")
    client = sign_in(ballot.institute)
    for words in ("Ben", ballot.offering.code, str(ballot.subject_uid)):
        text = text_of(client.get(reverse(LIST), {"q": words}))
        assert "Shall Ben teach?" in text
        assert "Shall Cleo teach?" not in text
    text = text_of(client.get(reverse(LIST), {"closed_by__exact": "time"}))
    assert "Shall Ben teach?" not in text


def test_the_list_takes_as_many_queries_for_any_number(sign_in, django_assert_max_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    first, _students = open_to(5)
    client = sign_in(first.institute)
    taken = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse(LIST)).status_code == 200
        taken.append(len(captured))
        open_to(5)
        ballots.cancel(open_to(5)[0].pk, SOON)
    assert taken[0] == taken[1]
