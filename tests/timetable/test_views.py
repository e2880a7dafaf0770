import datetime as dt
import html

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import format_html

from tests.factories import (
    CourseFactory,
    InstituteFactory,
    MeetingFactory,
    OfferingFactory,
    ProfessorFactory,
    RoomFactory,
    SectionFactory,
    StaffFactory,
    StudentFactory,
    TermFactory,
    UserFactory,
    at,
    small_institute,
)
from timetable import extensions, schedule
from timetable.enums import MeetingStatus, StaffRole
from timetable.extensions import MeetingNote
from timetable.models import Meeting

pytestmark = pytest.mark.django_db

MONDAY = dt.date(2027, 3, 1)
TUESDAY = dt.date(2027, 3, 2)
WEEK = "/week/2027-03-01/"


@pytest.fixture(autouse=True)
def now(monkeypatch):
    """Monday morning, before the small institute's week begins."""
    moment = at("2027-03-01 08:00")
    monkeypatch.setattr("django.utils.timezone.now", lambda: moment)
    return moment


@pytest.fixture
def house():
    return small_institute()


@pytest.fixture(autouse=True)
def hooks(monkeypatch):
    """The timetable's pages as they are by themselves, and room for a test's own additions."""
    for name in ("_counters", "_panels"):
        monkeypatch.setattr(extensions, name, {})
    monkeypatch.setattr(extensions, "_annotators", [])


def login(person):
    client = Client()
    client.force_login(person.user)
    return client


def text(response):
    """What a reader sees, more or less: no tags, one space between words."""
    content = html.unescape(response.content.decode())
    words, inside = [], False
    for part in content.replace("<", "\0<").split("\0"):
        _tag, _, shown = part.rpartition(">") if inside or part.startswith("<") else ("", "", part)
        words.extend(shown.split())
    return " ".join(words)


def change(meeting, **fields):
    Meeting.objects.filter(pk=meeting.pk).update(**fields)


# The way in ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "destination"),
    [
        (ProfessorFactory, "timetable:week"),
        (StudentFactory, "timetable:my-classes"),
        (lambda: StaffFactory(role=StaffRole.AUDITOR, user__is_staff=True), "admin:index"),
    ],
    ids=["professor", "student", "auditor"],
)
def test_home_leads_to_where_one_works(make, destination):
    assert login(make()).get("/").url == reverse(destination)


def test_home_leads_a_stranger_to_the_login(client):
    assert client.get("/").url == "/accounts/login/" or client.get("/").url == "account_login"
    assert client.get("/", follow=True).status_code == 200


def test_home_leads_a_registrar_to_the_cases():
    assert login(StaffFactory(user__is_staff=True)).get("/").url in {
        "/cases/",
        reverse("admin:index"),
    }


def test_an_account_of_no_institute_is_told_so(client):
    client.force_login(UserFactory(email="lost@x.example"))
    page = client.get("/")
    assert page.status_code == 200
    assert "You are signed in as lost@x.example" in text(page)


# A professor's week -------------------------------------------------------------------------------


def test_the_week_shows_ones_own_meetings_by_day_on_the_institutes_clock(house):
    page = text(login(house.professors["ADA"]).get(WEEK))
    assert "Mon 1 Mar to Sun 7 Mar 2027" in page
    assert "Tue 2 Mar 09:00–10:30 Algebra MATH.A" in page
    assert "Wed 3 Mar 09:00–10:30 Algebra MATH.A" in page
    assert "Mon 1 Mar today No classes" in page
    assert "MATH.B" not in page


def test_the_week_has_what_one_co_teaches(house):
    assert "14:00–15:30 Reactions CHEM.A" in text(login(house.professors["DAN"]).get(WEEK))


def test_a_class_given_away_says_who_teaches_it(house):
    meeting = house.meetings["MATH.A", "2027-03-02"]
    change(meeting, professor=house.professors["DAN"])
    for who in ("ADA", "DAN"):
        page = text(login(house.professors[who]).get(WEEK))
        assert "Substituted" in page
        assert "Dan Dorn teaches instead of Ada Adler." in page


def test_a_moved_class_stands_at_both_places(house):
    meeting = house.meetings["MATH.A", "2027-03-02"]
    starts = at("2027-03-05 14:00")
    change(meeting, starts_at=starts, ends_at=starts + dt.timedelta(minutes=90))
    page = text(login(house.professors["ADA"]).get(WEEK))
    assert "Moved to Fri 5 Mar, 14:00 , R1" in page or "Moved to Fri 5 Mar, 14:00, R1" in page
    assert "Fri 5 Mar 14:00–15:30 Moved Algebra" in page
    assert "Was Tue 2 Mar, 09:00." in page


def test_a_class_moved_out_of_the_week_still_says_where_it_went(house):
    meeting = house.meetings["MATH.A", "2027-03-02"]
    starts = at("2027-03-13 14:00")
    change(meeting, starts_at=starts, ends_at=starts + dt.timedelta(minutes=90))
    client = login(house.professors["ADA"])
    assert "Moved to Sat 13 Mar, 14:00" in text(client.get(WEEK))
    assert "Sat 13 Mar 14:00–15:30 Moved" in text(client.get("/week/2027-03-08/"))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (MeetingStatus.POSTPONED, "Off at this time. A new time is being looked for."),
        (MeetingStatus.DROPPED, "This class does not take place."),
    ],
)
def test_a_class_that_is_off_says_so(house, status, words):
    change(house.meetings["MATH.A", "2027-03-02"], status=status)
    assert words in text(login(house.professors["ADA"]).get(WEEK))


def test_only_a_coming_meeting_that_one_leads_may_be_filed(house, now):
    professor = house.professors["ADA"]
    given = house.meetings["MATH.A", "2027-03-02"]
    change(given, professor=house.professors["DAN"])
    kept = house.meetings["MATH.A", "2027-03-03"]
    past = MeetingFactory(offering=house.classes["MATH.A"], day=MONDAY, clock=dt.time(7))
    dropped = MeetingFactory(
        offering=house.classes["MATH.A"], day=dt.date(2027, 3, 5), status=MeetingStatus.DROPPED
    )
    rows = schedule.rows_of_week(schedule.of_professor(professor), house.institute, MONDAY)
    week = schedule.week(
        rows, institute=house.institute, monday=MONDAY, now=now, professor=professor
    )
    offered = {entry.meeting: entry.may_file for day in week.days for entry in day.entries}
    assert offered == {given: False, kept: True, past: False, dropped: False}


def test_the_week_of_any_day_is_its_week(house):
    client = login(house.professors["ADA"])
    assert client.get("/week/").context["week"] == client.get("/week/2027-03-07/").context["week"]
    assert client.get("/week/2027-03-08/").context["week"].starts_on == dt.date(2027, 3, 8)


@pytest.mark.parametrize("day", ["2027-13-01", "2027-02-30", "0001-01-01", "9999-12-31", "soon"])
def test_a_week_that_is_no_date_is_not_found(house, day):
    assert login(house.professors["ADA"]).get(f"/week/{day}/").status_code == 404


@pytest.mark.parametrize("day", ["1000-01-01", "2999-12-31"])
def test_the_first_and_the_last_week_there_is_open(house, day):
    assert login(house.professors["ADA"]).get(f"/week/{day}/").status_code == 200


def test_an_empty_week_leads_to_the_nearest_one_with_classes(house):
    client = login(house.professors["ADA"])
    before, after = client.get("/week/2027-01-04/"), client.get("/week/2027-04-12/")
    assert "No classes in this week. Go to Tuesday 2 March 2027" in text(before)
    assert "No classes in this week. Go to Wednesday 3 March 2027" in text(after)
    assert "/week/2027-03-02/" in before.content.decode()


def test_somebody_without_any_class_has_an_empty_week(house):
    page = text(login(house.professors["EVE"]).get(WEEK))
    assert "No classes in this week." in page
    assert "Go to" not in page.split("No classes in this week.")[1]


def test_the_week_keeps_its_wall_clock_across_the_change_of_the_clocks(house):
    for day in (dt.date(2027, 3, 26), dt.date(2027, 4, 2)):
        MeetingFactory(offering=house.classes["MATH.A"], day=day)
    client = login(house.professors["ADA"])
    for monday in ("2027-03-22", "2027-03-29"):
        assert "09:00–10:30 Algebra" in text(client.get(f"/week/{monday}/"))


def test_a_class_on_a_weekend_gets_its_day(house):
    MeetingFactory(offering=house.classes["MATH.A"], day=dt.date(2027, 3, 6))
    assert "Sat 6 Mar 09:00–10:30 Algebra" in text(login(house.professors["ADA"]).get(WEEK))


# Sections and rooms -------------------------------------------------------------------------------


def test_a_section_has_a_week(house):
    url = reverse("timetable:section-week", args=["A", MONDAY])
    page = text(login(house.professors["EVE"]).get(url))
    assert "Section Section A" in page
    assert [code in page for code in ("MATH.A", "PHYS.A", "CHEM.A", "MATH.B")] == [
        True,
        True,
        True,
        False,
    ]


def test_a_professor_has_a_week_that_colleagues_look_at(house):
    change(house.meetings["MATH.A", "2027-03-02"], professor=house.professors["DAN"])
    url = reverse("timetable:professor-week", args=["ADA", MONDAY])
    page = text(login(house.professors["EVE"]).get(url))
    assert "Ada Adler" in page
    assert "Dan Dorn teaches instead of Ada Adler." in page
    assert page.count("MATH.A") == 2
    # Not even Ada files an absence from here.
    assert "I can’t teach this" not in page
    assert "I can’t teach this" not in text(login(house.professors["ADA"]).get(url))
    assert login(house.students["A1"]).get(url).status_code == 404


def test_a_room_has_a_week_that_says_what_left_it(house):
    change(house.meetings["MATH.A", "2027-03-02"], room=house.rooms["R3"])
    client = login(house.professors["EVE"])
    old = text(client.get(reverse("timetable:room-week", args=["R1", MONDAY])))
    new = text(client.get(reverse("timetable:room-week", args=["R3", MONDAY])))
    assert "Moved to room R3" in old
    assert "Was in room R1." in new


def test_a_student_sees_the_week_of_the_own_section_alone(house):
    client = login(house.students["A1"])
    assert client.get(reverse("timetable:section-week", args=["A"])).status_code == 200
    assert client.get(reverse("timetable:section-week", args=["B"])).status_code == 404
    assert client.get(reverse("timetable:room-week", args=["R1"])).status_code == 404


# Classes ------------------------------------------------------------------------------------------


def class_page(code="MATH.A"):
    return reverse("timetable:class-detail", args=[code])


def test_my_classes_lists_them_with_what_comes_next(house):
    change(house.meetings["MATH.A", "2027-03-02"], status=MeetingStatus.DROPPED)
    page = login(house.students["A1"]).get("/classes/")
    assert [
        (line.offering.code, line.next_meeting, line.changes_ahead)
        for line in page.context["running"]
    ] == [
        ("CHEM.A", house.meetings["CHEM.A", "2027-03-02"], 0),
        ("MATH.A", house.meetings["MATH.A", "2027-03-03"], 1),
        ("PHYS.A", house.meetings["PHYS.A", "2027-03-02"], 0),
    ]
    assert "1 change" in text(page)
    assert "Tue 2 Mar, 11:00–12:30 · R1" in text(page)


def test_a_students_start_page_says_what_has_changed_next(house):
    client = login(house.students["A1"])
    assert "What has changed" not in text(client.get("/classes/"))
    for code, day in (("MATH.A", "2027-03-02"), ("PHYS.A", "2027-03-02"), ("PHYS.B", "2027-03-03")):
        change(house.meetings[code, day], status=MeetingStatus.DROPPED)
    page = client.get("/classes/")
    assert [entry.meeting.offering.code for entry in page.context["changed"]] == [
        "MATH.A",
        "PHYS.A",
    ]
    assert "What has changed Tue 2 Mar, 09:00–10:30 Dropped Algebra" in text(page)
    for n in range(3):
        MeetingFactory(
            offering=house.classes["CHEM.A"],
            day=dt.date(2027, 3, 8 + n),
            planned_room=None,
            status=MeetingStatus.POSTPONED,
        )
    assert len(client.get("/classes/").context["changed"]) == 3


def test_classes_of_terms_that_are_over_stand_apart(house):
    old = TermFactory(
        institute=house.institute,
        name="Autumn",
        starts_on=dt.date(2026, 9, 1),
        ends_on=dt.date(2026, 12, 20),
        mid_semester_on=dt.date(2026, 10, 20),
        end_semester_on=dt.date(2026, 12, 18),
    )
    student = house.students["A1"]
    OfferingFactory(term=old, code="MATH.A", course=house.courses["PHYS"], students=[student])
    client = login(student)
    page = client.get("/classes/")
    assert [line.offering.term.name for line in page.context["earlier"]] == ["Autumn"]
    assert 'href="/classes/MATH.A/?term=Autumn"' in page.content.decode()
    assert client.get(class_page()).context["offering"] == house.classes["MATH.A"]
    assert client.get(class_page() + "?term=Autumn").context["offering"].term == old
    assert client.get(class_page() + "?term=Never").status_code == 404


def test_a_student_of_no_class_is_told_whom_to_ask():
    assert "ask your registrar" in text(login(StudentFactory()).get("/classes/"))


def test_the_class_page_shows_plan_and_change(house):
    change(house.meetings["MATH.A", "2027-03-02"], professor=house.professors["DAN"])
    past = MeetingFactory(offering=house.classes["MATH.A"], day=MONDAY, clock=dt.time(7))
    page = login(house.students["A1"]).get(class_page())
    assert [entry.meeting for entry in page.context["past"]] == [past]
    words = text(page)
    assert "Algebra" in words
    assert "Tue 2 Mar, 09:00–10:30 R1 Dan Dorn planned: Ada Adler Substituted" in words
    assert "Wed 3 Mar, 09:00–10:30 R1 Ada Adler As planned" in words


def test_a_moved_meeting_stands_beside_its_plan(house):
    moved = house.meetings["MATH.A", "2027-03-02"]
    length = moved.ends_at - moved.starts_at
    starts_at = moved.starts_at + dt.timedelta(days=2, hours=5)
    change(moved, starts_at=starts_at, ends_at=starts_at + length, room=house.rooms["R2"])
    words = text(login(house.students["A1"]).get(class_page()))
    assert (
        "Thu 4 Mar, 14:00–15:30 planned: Tue 2 Mar, 09:00–10:30 R2 planned: R1 Ada Adler Moved"
    ) in words


def test_who_may_see_a_class(house):
    substitute = house.professors["EVE"]
    change(house.meetings["MATH.A", "2027-03-02"], professor=substitute)
    registrar, auditor = StaffFactory(), StaffFactory(role=StaffRole.AUDITOR)
    elsewhere = InstituteFactory(slug="southbridge")
    seen = {
        "a student on the roster": house.students["A1"],
        "its professor": house.professors["ADA"],
        "its substitute": substitute,
        "the registrar": registrar,
        "an auditor": auditor,
        "a student of another section": house.students["B1"],
        "a professor of other classes": house.professors["BEN"],
        "a registrar elsewhere": StaffFactory(institute=elsewhere),
        "a professor elsewhere": ProfessorFactory(institute=elsewhere),
        "a superuser without a role": type("Person", (), {"user": UserFactory(is_superuser=True)}),
    }
    assert {who: login(person).get(class_page()).status_code for who, person in seen.items()} == {
        "a student on the roster": 200,
        "its professor": 200,
        "its substitute": 200,
        "the registrar": 200,
        "an auditor": 200,
        "a student of another section": 404,
        "a professor of other classes": 404,
        "a registrar elsewhere": 404,
        "a professor elsewhere": 404,
        "a superuser without a role": 404,
    }


def test_a_co_teacher_sees_the_class(house):
    assert login(house.professors["DAN"]).get(class_page("CHEM.A")).status_code == 200


def test_a_student_is_not_told_how_many_others_there_are(house):
    assert "5 students" in text(login(house.professors["ADA"]).get(class_page()))
    assert "5 students" not in text(login(house.students["A1"]).get(class_page()))


@pytest.mark.parametrize("code", ["A/B 1", "50% ü?#&", "<b>x</b>", "a'b\"c", "week/2027"])
def test_any_code_makes_a_page(house, code):
    student = house.students["A1"]
    OfferingFactory(term=house.term, code=code, course=house.courses["MATH"], students=[student])
    client = login(student)
    listed = client.get("/classes/").content.decode()
    page = client.get(class_page(code))
    assert page.status_code == 200
    assert class_page(code) in html.unescape(listed)
    assert "<b>x</b>" not in listed + page.content.decode()


def test_names_are_escaped(house):
    house.courses["MATH"].title = "<script>alert(1)</script>"
    house.courses["MATH"].save()
    client = login(house.professors["ADA"])
    for url in (WEEK, class_page()):
        assert "<script>alert" not in client.get(url).content.decode()


# Changes ------------------------------------------------------------------------------------------


def test_changes_lists_what_is_not_as_planned_coming_first(house):
    dropped = house.meetings["MATH.A", "2027-03-02"]
    change(dropped, status=MeetingStatus.DROPPED)
    substituted = house.meetings["PHYS.A", "2027-03-02"]
    change(substituted, professor=house.professors["EVE"])
    change(house.meetings["MATH.B", "2027-03-02"], status=MeetingStatus.DROPPED)
    past = MeetingFactory(
        offering=house.classes["MATH.A"],
        day=MONDAY,
        clock=dt.time(7),
        professor=house.professors["EVE"],
    )
    page = login(house.students["A1"]).get("/changes/")
    assert [entry.meeting for entry in page.context["coming"]] == [dropped, substituted]
    assert [entry.meeting for entry in page.context["past"]] == [past]
    assert "This class does not take place." in text(page)


def test_without_changes_the_page_says_so(house):
    page = text(login(house.students["A1"]).get("/changes/"))
    assert "All your classes take place as planned." in page


# Who may open what --------------------------------------------------------------------------------

PAGES = ("/week/", "/classes/", "/changes/", "/sections/A/week/", "/rooms/R1/week/")


def test_a_student_has_a_week_of_their_own_and_files_nothing_in_it(house):
    change(house.meetings["MATH.A", "2027-03-02"], professor=house.professors["EVE"])
    page = text(login(house.students["A1"]).get(WEEK))
    assert "Tue 2 Mar 09:00–10:30 Substituted Algebra MATH.A" in page
    assert "Professor Eve Ernst" in page
    assert "MATH.B" not in page
    assert "absent" not in page
    assert "I can’t teach this" not in page


def test_each_page_is_for_its_own_kind(house):
    people = {
        "professor": house.professors["ADA"],
        "student": house.students["A1"],
        "registrar": StaffFactory(),
    }
    assert {
        who: [login(person).get(url).status_code for url in PAGES] for who, person in people.items()
    } == {
        "professor": [200, 404, 404, 200, 200],
        "student": [200, 200, 200, 200, 404],
        "registrar": [404, 404, 404, 200, 200],
    }


@pytest.mark.parametrize("url", [*PAGES, "/classes/MATH.A/"])
def test_logged_out_every_page_leads_to_the_login(client, url):
    response = client.get(url)
    assert (response.status_code, response.url) == (302, f"/accounts/login/?next={url}")


def test_pages_only_read(house):
    client = login(house.professors["ADA"])
    assert [client.post(url).status_code for url in PAGES] == [405] * len(PAGES)


# Query counts -------------------------------------------------------------------------------------


def grow(house, number):
    """`number` more meetings this week, each of its own course, class, section, room, person."""
    ada, student = house.professors["ADA"], house.students["A1"]
    for n in range(number):
        MeetingFactory(
            offering=OfferingFactory(
                term=house.term,
                course=CourseFactory(institute=house.institute),
                professors=[ada, ProfessorFactory()],
                sections=[SectionFactory(), SectionFactory()],
                students=[student],
            ),
            planned_room=RoomFactory(),
            professor=ProfessorFactory(),
            day=TUESDAY + dt.timedelta(days=n % 4),
            clock=dt.time(7),
        )


# Session, account and two for the actor are in each.
PINNED = {
    "week": ("ADA", WEEK, 4),
    "classes": ("A1", "/classes/", 6),
    "changes": ("A1", "/changes/", 5),
    "class": ("A1", "/classes/MATH.A/", 6),
    "section": ("EVE", "/sections/A/week/2027-03-01/", 5),
    "professor": ("EVE", "/professors/ADA/week/2027-03-01/", 5),
    "room": ("EVE", "/rooms/R1/week/2027-03-01/", 5),
}


@pytest.mark.parametrize("name", PINNED)
@pytest.mark.parametrize("rows", [1, 3])
def test_pages_ask_as_often_for_many_rows_as_for_one(house, django_assert_num_queries, name, rows):
    who, url, queries = PINNED[name]
    change(house.meetings["CHEM.A", "2027-03-02"], status=MeetingStatus.DROPPED)
    grow(house, rows)
    for n in range(rows):
        MeetingFactory(
            offering=house.classes["MATH.A"],
            planned_room=house.rooms["R1"],
            professor=ProfessorFactory(),
            day=TUESDAY + dt.timedelta(days=n % 4),
            clock=dt.time(19),
        )
    client = login({**house.professors, **house.students}[who])
    with django_assert_num_queries(queries):
        assert client.get(url).status_code == 200


# What other apps add ------------------------------------------------------------------------------


def test_other_apps_put_panels_on_pages(house):
    def panel(request, offering):
        return format_html("<p>Vote on {}, {}</p>", offering.code, request.actor.student)

    extensions.add_panel("class", panel)
    extensions.add_panel("class", panel)
    page = login(house.students["A1"]).get(class_page()).content.decode()
    assert page.count(f"<p>Vote on MATH.A, {house.students['A1']}</p>") == 1


def test_other_apps_say_a_line_about_meetings_in_one_go(house):
    meetings = [house.meetings["MATH.A", f"2027-03-0{n}"] for n in (2, 3)]
    asked = []

    def annotator(actor, rows):
        asked.append((actor.professor, {row.pk for row in rows}))
        note = MeetingNote("Waits for colleagues", "/cases/7/", replaces_absence_link=True)
        return {meetings[0].pk: note}

    extensions.annotate_meetings(annotator)
    ada = house.professors["ADA"]
    page = login(ada).get(WEEK)
    assert asked == [(ada, {meeting.pk for meeting in meetings})]
    assert 'href="/cases/7/">Waits for colleagues</a>' in page.content.decode()
    entries = [entry for day in page.context["week"].days for entry in day.entries]
    assert [entry.may_file for entry in entries] == [False, True]


def test_other_apps_count_what_waits_beside_a_link(house):
    extensions.count_in_navigation("timetable:week", lambda actor: 3)
    client = login(house.professors["ADA"])
    assert "My week 3 waiting" in text(client.get(WEEK))
    extensions.count_in_navigation("timetable:week", lambda actor: 0)
    assert "waiting" not in text(client.get(WEEK))


def test_the_navigation_marks_where_one_is(house):
    page = login(house.students["A1"]).get("/changes/").content.decode()
    [marked] = [part for part in page.split("<a ") if 'aria-current="page"' in part]
    assert "Changes" in marked


# Errors -------------------------------------------------------------------------------------------


def test_what_is_not_there_is_said_in_our_frame(house, client):
    for visitor in (client, login(house.professors["ADA"])):
        page = visitor.get("/nowhere/")
        assert page.status_code == 404
        assert "There is nothing here" in text(page)


def test_a_fault_of_ours_is_confessed_without_the_database(client, monkeypatch):
    def fail(request):
        raise RuntimeError("kaputt")

    monkeypatch.setattr("timetable.views.entrance.redirect", lambda *args: fail(None))
    client.raise_request_exception = False
    page = client.get("/")
    assert page.status_code == 500
    assert "Something went wrong on our side" in text(page)
    assert "kaputt" not in text(page)


def test_a_form_without_its_token_is_explained(house):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(house.professors["ADA"].user)
    page = strict.post(reverse("timetable:switch-institute"), {"institute": "northfield"})
    assert page.status_code == 403
    assert "Please send it again" in text(page)


def test_the_policy_for_scripts_is_strict_and_pages_keep_it(house):
    page = login(house.professors["ADA"]).get(WEEK)
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    body = page.content.decode()
    assert " style=" not in body
    assert "<style" not in body
    assert " onclick=" not in body
    assert body.count("<script") == body.count("<script src=")


@pytest.mark.parametrize("debug", [False, True])
def test_what_is_not_there_is_said_by_the_same_page_in_a_demo(house, settings, debug):
    settings.DEBUG = debug
    client = Client()
    client.force_login(house.students["A1"].user)
    for address in ("/no/such/page/", "/rooms/NOWHERE/week/", "/week/2026-13-45/"):
        page = client.get(address)
        assert page.status_code == 404
        assert "There is nothing here" in text(page)
    moved = client.get("/week")
    assert (moved.status_code, moved.url) == (301, "/week/")
