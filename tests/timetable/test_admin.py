import datetime as dt
import html
import io
import zipfile

import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.factories import (
    AbsenceFactory,
    AvailabilityFactory,
    ClosureFactory,
    CourseFactory,
    InstituteFactory,
    MeetingFactory,
    OfferingFactory,
    ProfessorFactory,
    QualificationFactory,
    RoomFactory,
    SlotFactory,
    StaffFactory,
    StudentFactory,
    TeachingFactory,
    UserFactory,
    small_institute,
)
from timetable import forms
from timetable.enums import AbsenceCategory, StaffRole
from timetable.models import (
    Absence,
    Closure,
    Course,
    Institute,
    Meeting,
    Offering,
    Professor,
    Room,
    Section,
    Staff,
    Student,
    Term,
    User,
)

pytestmark = pytest.mark.django_db

READABLE = (
    Institute,
    Term,
    Closure,
    Room,
    Course,
    Section,
    Professor,
    Student,
    Offering,
    Meeting,
    Absence,
)


@pytest.fixture
def house():
    """The small institute with an absence and a closure, and beside it another one with the same."""
    made = small_institute()
    other = small_institute("southbridge")
    for one in (made, other):
        ClosureFactory(term=one.term)
        AbsenceFactory(
            professor=one.professors["ADA"],
            category=AbsenceCategory.ILLNESS,
            note="a broken heart",
            handover="page 12",
        )
    return made


def login(user):
    client = Client()
    client.force_login(user)
    return client


def staff(institute, role=StaffRole.REGISTRAR, **fields):
    return StaffFactory(institute=institute, role=role, user__is_staff=True, **fields)


@pytest.fixture
def registrar(house):
    return login(staff(house.institute).user)


def list_url(model):
    return reverse(f"admin:timetable_{model._meta.model_name}_changelist")


def page_url(row, action="change"):
    return reverse(f"admin:timetable_{row._meta.model_name}_{action}", args=[row.pk])


def rows(client, model, query=""):
    return list(client.get(list_url(model) + query).context["cl"].queryset)


def of_institute(model, institute):
    return list(admin.site.get_model_admin(model).model.objects.filter(path(model, institute)))


def path(model, institute):
    from django.db.models import Q

    return Q(**{admin.site.get_model_admin(model).institute_path: institute.pk})


# Whose rows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", READABLE)
def test_a_registrar_reads_the_own_institute_and_no_other(house, registrar, model):
    mine = of_institute(model, house.institute)
    theirs = of_institute(model, Institute.objects.get(slug="southbridge"))
    assert mine
    assert theirs
    assert sorted(row.pk for row in rows(registrar, model)) == sorted(row.pk for row in mine)
    assert registrar.get(page_url(mine[0])).status_code == 200
    gone = registrar.get(page_url(theirs[0]))
    assert (gone.status_code, gone.url) == (302, reverse("admin:index"))


@pytest.mark.parametrize("model", READABLE)
def test_nobody_writes_the_timetable_here(house, registrar, model):
    row = of_institute(model, house.institute)[0]
    superuser = login(UserFactory(is_staff=True, is_superuser=True))
    for client in (registrar, superuser):
        add = reverse(f"admin:timetable_{model._meta.model_name}_add")
        assert client.get(add).status_code == 403
        assert client.post(page_url(row), {"name": "changed", "code": "changed"}).status_code == 403
        assert client.post(page_url(row, "delete"), {"post": "yes"}).status_code == 403
        acted = client.post(
            list_url(model), {"action": "delete_selected", "_selected_action": row.pk}
        )
        assert acted.status_code in {200, 302, 403}
    assert model.objects.filter(pk=row.pk).exists()
    row.refresh_from_db()
    assert "changed" not in str(vars(row))


def test_a_head_of_department_reads_that_department(house):
    ProfessorFactory(institute=house.institute, code="ARTIST", department="Arts")
    client = login(staff(house.institute, StaffRole.HEAD, department="Arts").user)
    assert [row.code for row in rows(client, Professor)] == ["ARTIST"]
    assert [rows(client, model) for model in (Offering, Meeting, Absence)] == [[], [], []]
    assert len(rows(client, Room)) == 3
    everything = login(staff(house.institute, StaffRole.HEAD).user)
    assert len(rows(everything, Professor)) == 6


def test_somebody_with_roles_at_two_institutes_reads_both(house):
    both = staff(house.institute)
    StaffFactory(user=both.user, institute=InstituteFactory(slug="southbridge"), role="auditor")
    assert len(rows(login(both.user), Professor)) == 10


@pytest.mark.parametrize("kind", ["professor", "student", "without staff flag", "no role"])
def test_who_is_not_staff_gets_nowhere(house, kind):
    user = {
        "professor": lambda: house.professors["ADA"].user,
        "student": lambda: house.students["A1"].user,
        "without staff flag": lambda: StaffFactory().user,
        "no role": lambda: UserFactory(is_staff=True),
    }[kind]()
    client = login(user)
    for model in READABLE:
        assert client.get(list_url(model)).status_code in {302, 403}
    assert client.get(reverse("admin:timetable_import")).status_code in {302, 404}


def test_logged_out_the_admin_leads_to_the_login(client):
    response = client.get(list_url(Professor), follow=True)
    assert response.redirect_chain[-1][0].startswith(reverse("account_login"))


def test_filters_name_only_rows_of_the_own_institute(house, registrar):
    Term.objects.filter(institute__slug="southbridge").update(name="Secret term")
    page = registrar.get(list_url(Offering)).content.decode()
    assert "Spring 2027" in page
    assert "Secret term" not in page


def test_accounts_and_roles_are_for_superusers(house, registrar):
    assert registrar.get(list_url(User)).status_code == 403
    assert [row.role for row in rows(registrar, Staff)] == ["registrar"]
    own = Staff.objects.get()
    registrar.post(
        page_url(own),
        {"user": own.user_id, "institute": own.institute_id, "role": "registrar"}
        | {"reads_private_notes": "on"},
    )
    own.refresh_from_db()
    assert own.reads_private_notes is False


def test_a_superuser_makes_an_account_that_can_be_found_by_its_address():
    client = login(UserFactory(is_staff=True, is_superuser=True))
    made = {"email": "New@X.example", "name": "New", "usable_password": "false"}
    client.post(reverse("admin:timetable_user_add"), made)
    user = User.objects.get(email="new@x.example")
    assert (user.name, user.has_usable_password()) == ("New", False)
    assert client.get(page_url(user)).status_code == 200
    assert client.post(page_url(user, "delete"), {"post": "yes"}).status_code == 403


# What of a row ------------------------------------------------------------------------------------


def test_a_meeting_is_shown_as_planned_and_as_it_holds(house, registrar):
    meeting = house.meetings["MATH.A", "2027-03-02"]
    starts = meeting.starts_at + dt.timedelta(days=1, hours=2)
    Meeting.objects.filter(pk=meeting.pk).update(
        starts_at=starts,
        ends_at=starts + dt.timedelta(minutes=90),
        professor=house.professors["DAN"],
    )
    for url in (list_url(Meeting), page_url(meeting)):
        page = registrar.get(url).content.decode()
        assert "Wed 3 Mar 2027, 11:00–12:30" in page
        assert "Tue 2 Mar 2027, 09:00–10:30" in page
        assert "Moved" in page
    assert "Dan Dorn instead of Ada Adler" in registrar.get(list_url(Meeting)).content.decode()


def absence_page(client):
    absence = Absence.objects.get(institute__slug="northfield")
    return client.get(page_url(absence)).content.decode()


def test_the_reason_is_for_registrars_and_the_note_for_who_was_granted_it(house):
    author = staff(house.institute, StaffRole.AUDITOR)
    Absence.objects.update(filed_by=author.user)
    elsewhere = Institute.objects.get(slug="southbridge")
    mixed = staff(house.institute, StaffRole.AUDITOR)
    StaffFactory(user=mixed.user, institute=elsewhere, reads_private_notes=True)
    people = {
        "registrar": staff(house.institute),
        "granted": staff(house.institute, reads_private_notes=True),
        "auditor": staff(house.institute, StaffRole.AUDITOR),
        "head": staff(house.institute, StaffRole.HEAD, reads_private_notes=True),
        "author": author,
        "registrar of another institute": mixed,
    }
    pages = {who: absence_page(login(person.user)) for who, person in people.items()}
    pages["superuser"] = absence_page(login(UserFactory(is_staff=True, is_superuser=True)))
    assert {
        who: ("Illness" in page, "a broken heart" in page, "page 12" in page)
        for who, page in pages.items()
    } == {
        "registrar": (True, False, True),
        "granted": (True, True, True),
        "auditor": (False, False, True),
        "head": (False, False, True),
        "author": (False, True, True),
        "registrar of another institute": (False, False, True),
        "superuser": (False, False, True),
    }


@pytest.mark.parametrize(
    "query",
    [
        "note__startswith=a",
        "note=a broken heart",
        "category=illness",
        "professor__user__password__startswith=m",
        "filed_by__password__contains=a",
    ],
)
def test_what_is_not_shown_cannot_be_guessed_from_the_address_line(house, query):
    client = login(staff(house.institute, StaffRole.AUDITOR).user)
    assert client.get(f"{list_url(Absence)}?{query}").status_code == 400


def test_search_does_not_look_into_notes(house, registrar):
    assert rows(registrar, Absence, "?q=broken") == []
    assert len(rows(registrar, Absence, "?q=ada")) == 1


def test_only_a_registrar_filters_by_reason(house, registrar):
    assert len(rows(registrar, Absence, "?category__exact=illness")) == 1
    auditor = login(staff(house.institute, StaffRole.AUDITOR).user)
    assert "By reason" not in auditor.get(list_url(Absence)).content.decode()


def grow(institute, number):
    for _n in range(number):
        professor = ProfessorFactory(institute=institute)
        offering = OfferingFactory(
            course=CourseFactory(), professors=[professor], students=[StudentFactory()]
        )
        MeetingFactory(offering=offering, planned_room=RoomFactory(), professor=ProfessorFactory())
        AbsenceFactory(professor=professor, offering=offering)


@pytest.mark.parametrize("model", READABLE)
def test_lists_ask_as_often_for_many_rows_as_for_one(model):
    """How often depends on what the other apps add to the sidebar; that it stays is the point."""
    institute = InstituteFactory()
    client = login(staff(institute).user)
    asked = []
    for more in (1, 2):
        grow(institute, more)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(list_url(model)).status_code == 200
        asked.append(len(queries))
    assert asked[0] == asked[1]


@pytest.mark.parametrize("model", [Professor, Student, Offering])
def test_one_row_with_many_others_inside_asks_as_often_as_with_one(model):
    institute = InstituteFactory()
    client = login(staff(institute).user)
    professor, student, offering = ProfessorFactory(), StudentFactory(), OfferingFactory()
    row = {Professor: professor, Student: student, Offering: offering}[model]
    asked = []
    for more in (1, 2):
        for _n in range(more):
            OfferingFactory(professors=[professor], students=[student])
            QualificationFactory(professor=professor)
            AvailabilityFactory(professor=professor)
            SlotFactory(offering=offering, room=RoomFactory())
            TeachingFactory(offering=offering, position=offering.teachings.count())
        with CaptureQueriesContext(connection) as queries:
            assert client.get(page_url(row)).status_code == 200
        asked.append(len(queries))
    assert asked[0] == asked[1]


# Import by upload ---------------------------------------------------------------------------------

HEAD = """
[institute]
slug = "{slug}"
name = "Northfield University"
timezone = "Europe/Vienna"
teaching_days = [1, 2, 3, 4, 5]
weekend_days = [6, 7]
[term]
name = "Spring 2027"
starts_on = 2027-01-04
ends_on = 2027-04-25
mid_semester_on = 2027-03-12
end_semester_on = 2027-04-16
[[periods]]
name = "1"
starts = "09:00"
ends = "10:30"
"""
FILES = {
    "rooms.csv": "code\nR1\n",
    "courses.csv": "code,title\nMATH,Algebra\n",
    "professors.csv": "code,name,email\nADA,Ada Adler,ada@northfield.example\n",
    "sections.csv": "code\nA\n",
    "students.csv": "code,name,email,section\nA1,Sam,sam@northfield.example,A\n",
    "classes.csv": "code,course,sections,professors\nMATH.A,MATH,A,ADA\n",
    "slots.csv": "class,weekday,starts,ends,room,weeks\nMATH.A,2,09:00,10:30,R1,1-3\n",
}


def bundle(slug="northfield", **changed):
    """A packed bundle; `classes="…"` puts something else into classes.csv."""
    files = FILES | {f"{name}.csv": text for name, text in changed.items()}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("institute.toml", HEAD.format(slug=slug))
        for name, text in files.items():
            archive.writestr(name, text)
    return SimpleUploadedFile("bundle.zip", packed.getvalue(), "application/zip")


def upload(client, file, **data):
    return client.post(reverse("admin:timetable_import"), {"bundle": file, **data})


@pytest.fixture
def institute():
    return InstituteFactory()


@pytest.fixture
def importer(institute):
    return login(staff(institute).user)


def test_a_registrar_imports_the_own_timetable(importer):
    assert importer.get(reverse("admin:timetable_import")).status_code == 200
    page = upload(importer, bundle())
    assert page.status_code == 200
    assert "northfield, Spring 2027 was imported." in html.unescape(page.content.decode())
    assert Meeting.objects.count() == 3
    assert page.context["report"].counts["meetings"] == 3
    again = upload(importer, bundle())
    assert (again.context["report"].created, Meeting.objects.count()) == (0, 3)


def test_a_dry_run_counts_and_changes_nothing(importer):
    page = upload(importer, bundle(), dry_run="on")
    assert "can be imported. Nothing was changed yet" in page.content.decode()
    assert page.context["report"].counts["students"] == 1
    assert not Professor.objects.exists()


def test_every_bad_line_is_listed_and_nothing_imported(importer):
    bad = bundle(classes="code,course,sections,professors\nMATH.A,NOPE,A,ADA\nB,MATH,Z,ADA\n")
    page = upload(importer, bad)
    assert page.status_code == 422
    assert [(fault.file, fault.line, fault.column) for fault in page.context["faults"]][:2] == [
        ("classes.csv", 2, "course"),
        ("classes.csv", 3, "sections"),
    ]
    text = html.unescape(page.content.decode())
    assert "nothing was imported" in text
    assert "<td>classes.csv</td>" in text
    assert not Professor.objects.exists()


@pytest.mark.parametrize(
    "file",
    [
        SimpleUploadedFile("x.zip", b"not a zip at all"),
        SimpleUploadedFile("x.zip", b"PK\x03\x04 broken"),
        SimpleUploadedFile("x.zip", b""),
        SimpleUploadedFile("x.csv", b"code\nR1\n"),
    ],
    ids=["text", "broken", "empty", "csv"],
)
def test_what_is_no_bundle_is_refused(importer, file):
    file.seek(0)
    assert upload(importer, file).status_code == 422
    assert not Room.objects.exists()


def test_a_form_without_a_file_says_so(importer):
    page = importer.post(reverse("admin:timetable_import"), {})
    assert page.status_code == 422
    assert "This field is required." in page.content.decode()


def test_too_large_a_file_is_refused_unread(importer, monkeypatch):
    monkeypatch.setattr(forms, "LARGEST_UPLOAD", 100)
    page = upload(importer, bundle())
    assert page.status_code == 422
    assert "import_timetable" in page.content.decode()
    assert not Room.objects.exists()


@pytest.mark.parametrize("slug", ["southbridge", "brand-new"])
def test_a_registrar_cannot_import_over_or_make_another_institute(importer, slug):
    other = InstituteFactory(slug="southbridge", name="Southbridge")
    page = upload(importer, bundle(slug))
    assert page.status_code == 422
    assert "not of" in html.unescape(page.content.decode())
    other.refresh_from_db()
    assert other.name == "Southbridge"
    assert not Professor.objects.exists()
    assert not Institute.objects.filter(slug="brand-new").exists()


def test_a_registrar_of_two_institutes_says_for_which(importer, institute):
    second = InstituteFactory(slug="southbridge")
    third = InstituteFactory(slug="eastgate")
    StaffFactory(user=Staff.objects.get().user, institute=second)
    assert upload(importer, bundle()).status_code == 422
    assert upload(importer, bundle(), institute=third.pk).status_code == 422
    assert upload(importer, bundle(), institute=second.pk).status_code == 422
    assert not Professor.objects.exists()
    assert upload(importer, bundle(), institute=institute.pk).status_code == 200


def test_a_superuser_imports_a_new_institute():
    client = login(UserFactory(is_staff=True, is_superuser=True))
    assert upload(client, bundle("brand-new")).status_code == 200
    assert Institute.objects.get().slug == "brand-new"


@pytest.mark.parametrize("role", [StaffRole.AUDITOR, StaffRole.HEAD])
def test_other_staff_do_not_import(institute, role):
    client = login(staff(institute, role).user)
    assert client.get(reverse("admin:timetable_import")).status_code == 404
    assert upload(client, bundle()).status_code == 404
    assert reverse("admin:timetable_import") not in client.get(list_url(Institute)).content.decode()
    assert not Professor.objects.exists()


def test_what_a_bundle_says_is_escaped(importer):
    evil = bundle(classes="code,course,sections,professors\nX,<script>alert(1)</script>,A,ADA\n")
    page = upload(importer, evil).content.decode()
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
