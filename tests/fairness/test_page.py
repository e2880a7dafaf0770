"""The fairness page: for whom it exists, and what each of them reads there."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from fairness import recent
from tests.factories import (
    CourseFactory,
    InstituteFactory,
    MeetingFactory,
    OfferingFactory,
    OwedHoursFactory,
    ProfessorFactory,
    QualificationFactory,
    StaffFactory,
    StudentFactory,
    TermFactory,
    UserFactory,
)
from tests.fairness.covers import cover
from timetable.enums import StaffRole

pytestmark = pytest.mark.django_db

URL = "/fairness/"


@pytest.fixture
def running():
    """A term that runs today, in which Ben has covered for Ada and is to do so again next week.

    The page asks the clock of the request itself, so its dates cannot be fixed ones.
    """
    today = timezone.now().date()
    term = TermFactory(
        starts_on=today - dt.timedelta(weeks=8),
        mid_semester_on=today + dt.timedelta(weeks=2),
        end_semester_on=today + dt.timedelta(weeks=6),
        ends_on=today + dt.timedelta(weeks=8),
    )
    maths = CourseFactory(code="MATH", title="Algebra")
    people = {
        name: ProfessorFactory(name=f"{name} of the Hill", code=name, weekly_hours=None)
        for name in ("Ada", "Ben", "Cleo", "Dan")
    }
    for name in ("Ben", "Cleo"):
        QualificationFactory(professor=people[name], course=maths)
    people["Dan"].department = "Letters"
    people["Dan"].save(update_fields=["department"])
    offering = OfferingFactory(
        term=term, course=maths, code="MATH.A", professors=[people["Ada"]], students=[]
    )
    for days in (-14, -7, 7):
        meeting = MeetingFactory(
            offering=offering, day=today + dt.timedelta(days=days), professor=people["Ben"]
        )
        cover(people["Ben"], people["Ada"], meeting=meeting)
    OwedHoursFactory(offering=offering, due_on=term.mid_semester_on)
    return people


def names_in(response):
    return re.findall(r"(\w+) of the Hill", response.content.decode())


def test_its_address():
    assert reverse("fairness:report") == URL


def test_logged_out_leads_to_the_login_and_back(client, running):
    response = client.get(URL)
    assert response.status_code == 302
    assert response.url.startswith(reverse("account_login"))
    assert response.url.endswith("?next=/fairness/")


@pytest.mark.parametrize("who", ["student", "stranger"])
def test_for_students_and_strangers_it_does_not_exist(client, running, who):
    client.force_login(StudentFactory().user if who == "student" else UserFactory())
    assert client.get(URL).status_code == 404


@pytest.mark.parametrize("role", [StaffRole.REGISTRAR, StaffRole.AUDITOR, StaffRole.HEAD])
def test_staff_read_everything(client, running, role):
    client.force_login(StaffFactory(role=role).user)
    response = client.get(URL)
    assert response.status_code == 200
    assert set(names_in(response)) == {"Ada", "Ben", "Cleo", "Dan"}
    page = response.content.decode()
    assert "could cover Algebra" in page
    assert "Hours owed to students" in page
    assert page.count('<svg class="chart-square"') == 2
    assert page.count('<svg class="chart-wide"') == 2


def test_a_head_reads_the_lines_of_the_own_department(client, running):
    client.force_login(StaffFactory(role=StaffRole.HEAD, department="Letters").user)
    assert set(names_in(client.get(URL))) == {"Dan"}


def test_a_professor_reads_the_own_line_and_the_totals(client, running):
    client.force_login(running["Ben"].user)
    response = client.get(URL)
    page = response.content.decode()
    assert response.status_code == 200
    assert set(names_in(response)) <= {"Ben"}
    assert "You covered" in page
    assert "3 class meetings, 4.5 h, among 4 professors" in page
    assert "MATH.A" not in page
    assert "chart-square" not in page


def test_a_professor_who_is_registrar_reads_everything(client, running):
    StaffFactory(user=running["Ben"].user)
    client.force_login(running["Ben"].user)
    assert set(names_in(client.get(URL))) == {"Ada", "Ben", "Cleo", "Dan"}


def test_other_institutes_are_not_in_it(client, running):
    elsewhere = StaffFactory(institute=InstituteFactory(slug="southfield", name="Southfield"))
    client.force_login(elsewhere.user)
    response = client.get(URL)
    assert response.status_code == 200
    assert names_in(response) == []
    assert "There is no term yet" in response.content.decode()


def test_a_professor_of_an_institute_without_a_term(client):
    client.force_login(ProfessorFactory().user)
    response = client.get(URL)
    assert (response.status_code, "There is no term yet" in response.content.decode()) == (
        200,
        True,
    )


def test_a_term_without_covers_says_that_there_is_no_data(client):
    TermFactory()
    for _ in range(3):
        ProfessorFactory()
    client.force_login(StaffFactory().user)
    assert "Nothing to compare yet" in client.get(URL).content.decode()


def test_with_two_people_only_counts_are_shown(client):
    TermFactory()
    cover(ProfessorFactory(), ProfessorFactory())
    client.force_login(StaffFactory().user)
    page = client.get(URL).content.decode()
    assert "With fewer than three people only counts are shown." in page
    assert "One class meeting, 1.5 h, among 2 professors" in page


def rows(response):
    table = response.content.decode().split('id="professors"')[1]
    return re.findall(r"(\w+) of the Hill", table)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Ben", "Ada", "Cleo", "Dan"]),
        ("?order=name", ["Ada", "Ben", "Cleo", "Dan"]),
        ("?order=asked", ["Ben", "Ada", "Cleo", "Dan"]),
        ("?q=letters", ["Dan"]),
        ("?q=HILL+cleo", ["Cleo"]),
        ("?q=nobody", []),
        ("?order=shoe-size", ["Ben", "Ada", "Cleo", "Dan"]),
        ("?page=99", ["Ben", "Ada", "Cleo", "Dan"]),
        ("?page=x&order=name", ["Ada", "Ben", "Cleo", "Dan"]),
        (f"?q={'x' * 201}&order=name", ["Ben", "Ada", "Cleo", "Dan"]),
    ],
)
def test_lines_are_found_and_ordered(client, running, query, found):
    client.force_login(StaffFactory().user)
    assert rows(client.get(URL + query)) == found


def test_many_lines_come_in_pages_that_keep_the_order(client, running):
    for n in range(60):
        ProfessorFactory(name=f"Z{n:02} of the Hill")
    client.force_login(StaffFactory().user)
    first = client.get(URL + "?order=name")
    second = client.get(URL + "?order=name&page=2")
    assert len(rows(first)) == 50
    assert rows(second) == [f"Z{n:02}" for n in range(46, 60)]
    assert 'href="?order=name&amp;page=2"' in first.content.decode()


def test_the_page_does_not_grow_in_queries(client, running):
    client.force_login(StaffFactory().user)
    client.get(URL)
    counts = []
    for n in range(3):
        recent.forget()  # or some of it would be known from the look before
        with CaptureQueriesContext(connection) as queries:
            client.get(URL)
        counts.append(len(queries))
        ProfessorFactory(name=f"Z{n}", weekly_hours=None)
        OwedHoursFactory(offering=running["Ada"].offerings.get())
    assert counts == counts[:1] * 3


def test_nothing_in_it_needs_a_laxer_policy(client, running):
    client.force_login(StaffFactory().user)
    response = client.get(URL)
    page = response.content.decode()
    assert "'unsafe-inline'" not in response.headers["Content-Security-Policy"]
    assert " style=" not in page
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"\son\w+=", page)


def test_it_is_only_read(client, running):
    client.force_login(StaffFactory().user)
    assert client.post(URL).status_code == 405
