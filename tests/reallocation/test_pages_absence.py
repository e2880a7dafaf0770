import datetime as dt
from urllib.parse import urlencode

import pytest
from django.urls import reverse

from reallocation import absences, answers
from reallocation.enums import ActorKind, CaseStatus
from reallocation.models import Case, LogEntry, Message
from tests.factories import (
    AbsenceFactory,
    MeetingFactory,
    ProfessorFactory,
    StaffFactory,
    at,
    small_institute,
)
from tests.reallocation.browsing import words
from timetable.enums import StaffRole
from timetable.models import Absence, AbsenceException

NEW = reverse("reallocation:absence-file")
TUESDAY = {"kind": "day", "day": "2027-03-02"}


def address(**query):
    return f"{NEW}?{urlencode(query)}"


def preview(site, who="ADA", **span):
    """The preview's form, as a browser would send it back: field names and values."""
    response = site.get(who, address(**(span or TUESDAY)))
    assert response.status_code == 200
    return response, sendable(response.context["form"], span or TUESDAY)


def sendable(form, span):
    sent = {**span, "seen": form["seen"].value()}
    for row in form.rows():
        uid = row.prospect.meeting.uid
        sent[f"row-{uid}"] = "1"
        if row.cover.value():
            sent[f"cover-{uid}"] = "on"
    return sent


def field(site, kind, code="MATH.A", day="2027-03-02"):
    return f"{kind}-{site.house.meetings[code, day].uid}"


def absence_of(site, code="ADA", **kwargs):
    return AbsenceFactory(professor=site.house.professors[code], **kwargs)


def page(name, absence):
    return reverse(f"reallocation:absence-{name}", args=[absence.uid])


# Who may file


def test_professors_and_registrars_file_and_nobody_else(site):
    student, auditor = "A1", StaffFactory(institute=site.house.institute, role=StaffRole.AUDITOR)
    elsewhere = small_institute("southfield").professors["ADA"].user
    assert site.statuses(NEW, "ADA", "REGISTRAR", student, auditor.user, elsewhere, None) == {
        "ADA": 200,
        "REGISTRAR": 200,
        "A1": 404,
        str(auditor.user): 404,
        str(elsewhere): 200,
        "None": 302,
    }


def test_a_registrar_says_first_for_whom(site):
    assert "Who is absent?" in site.read("REGISTRAR", NEW)
    response = site.get("REGISTRAR", address(professor="", who="ada adler"))
    assert (response.status_code, response.url) == (302, address(professor="ADA"))
    assert "Ada Adler will be absent" in site.read("REGISTRAR", response.url)


def test_who_is_unknown_or_ambiguous_is_said_at_the_field(site):
    ProfessorFactory(institute=site.house.institute, code="ADA2", name="Ada Adler-Baum")
    unknown = site.read("REGISTRAR", address(professor="", who="nobody at all"))
    assert "Nobody here is called “nobody at all”." in unknown
    assert "Several match: Ada Adler (ADA), Ada Adler-Baum (ADA2)." in site.read(
        "REGISTRAR", address(professor="", who="adl")
    )


def test_a_professor_cannot_file_for_a_colleague(site):
    assert site.get("ADA", address(professor="BEN")).status_code == 404
    assert site.post("ADA", address(professor="BEN"), **TUESDAY).status_code == 404
    assert not Absence.objects.exists()


def test_a_registrar_cannot_file_for_another_institute(site):
    small_institute("southfield")
    stranger = ProfessorFactory(institute__slug="southfield", code="ZOE")
    assert site.get("REGISTRAR", address(professor=stranger.code)).status_code == 404


# First look: when


def test_without_a_day_only_the_time_is_asked_for(site):
    text = site.read("ADA", NEW)
    assert "One day" in text
    assert "Several days" in text
    assert "Classes affected" not in text


def test_a_meeting_in_the_address_chooses_its_own_time(site):
    meeting = site.house.meetings["MATH.A", "2027-03-02"]
    text = site.read("ADA", address(meeting=meeting.uid))
    assert "Tue 2 Mar, 09:00–10:30" in text
    assert "MATH.A" in text


@pytest.mark.parametrize("given", ["not-a-uid", "00000000-0000-0000-0000-000000000000"])
def test_a_meeting_that_is_not_theirs_is_passed_over(site, given):
    assert "How long?" in site.read("ADA", address(meeting=given))
    bens = site.house.meetings["PHYS.A", "2027-03-02"]
    assert "Classes affected" not in site.read("ADA", address(meeting=bens.uid))


@pytest.mark.parametrize(
    ("span", "name", "error"),
    [
        ({"kind": "day", "day": "2027-02-26"}, "day", "The absence lies in the past."),
        ({"kind": "day", "day": "yesterday"}, "day", "Enter a valid date."),
        ({"kind": "day", "day": ""}, "day", "This field is required."),
        ({"kind": "day", "day": "9999-12-31"}, "day", "Enter a valid date."),
        (
            {"kind": "days", "day": "2027-03-04", "last_day": "9999-12-31"},
            "last_day",
            "Enter a valid date.",
        ),
        ({"kind": "days", "day": "2027-03-02"}, "last_day", "This field is required."),
        (
            {"kind": "days", "day": "2027-03-03", "last_day": "2027-03-02"},
            "last_day",
            "The absence must end after it starts.",
        ),
        (
            {"kind": "days", "day": "2027-03-03", "last_day": "2028-03-04"},
            "last_day",
            "An absence may last at most 366 days.",
        ),
        (
            {"kind": "part", "day": "2027-03-02", "starts": "10:00", "ends": "09:00"},
            "ends",
            "The absence must end after it starts.",
        ),
        (
            {"kind": "part", "day": "2027-03-02", "starts": "10:00"},
            "ends",
            "This field is required.",
        ),
        (
            {"kind": "part", "day": "2027-03-01", "starts": "07:00", "ends": "08:00"},
            "day",
            "The absence lies in the past.",
        ),
        ({"kind": "for ever", "day": "2027-03-02"}, "kind", "Select a valid choice."),
    ],
)
def test_a_time_that_cannot_be_is_refused_at_its_field(site, span, name, error):
    response = site.get("ADA", address(**span))
    assert response.status_code == 200
    assert error in response.context["span"].errors[name][0]
    assert list(response.context["span"].errors) == [name]
    assert error in words(response)


def test_an_overlap_with_another_absence_is_said_at_the_day(site):
    absence = absence_of(site)
    response = site.get("ADA", address(**TUESDAY))
    (error,) = response.context["span"].errors["day"]
    assert (
        error == "This overlaps an absence that is on file already (Tuesday 2 March 2027, all day)."
    )
    assert f'href="{page("detail", absence)}"' in response.content.decode()


# Second look: what about each class


def test_the_preview_shows_each_class_with_who_is_free_and_what_comes_next(site):
    text = site.read("ADA", address(**TUESDAY))
    assert "Tue 2 Mar, 09:00–10:30 Algebra MATH.A" in text
    assert "Find someone for me" in text
    assert "Ben Baker · at fair share · on campus that day · knows the section" in text
    assert (
        "3 free colleagues of the section are asked; the first to say yes takes the class." in text
    )
    assert "If you name somebody, they can answer until Mon 1 Mar, 10:52." in text
    assert not Absence.objects.exists()


def test_who_is_busy_stands_greyed_out_with_the_reason(site):
    MeetingFactory(offering=site.house.classes["PHYS.A"], day=dt.date(2027, 3, 2), clock=dt.time(9))
    response = site.get("ADA", address(**TUESDAY))
    html = response.content.decode()
    assert (
        '<option value="BEN" disabled>Ben Baker teaches another class at that time</option>' in html
    )


def test_a_co_taught_class_is_not_ticked_and_says_who_is_there(site):
    response, sent = preview(site, "CLEO")
    assert field(site, "cover", "CHEM.A") not in sent
    assert "Dan Dorn is there: no cover is needed." in words(response)


def test_a_class_that_is_looked_after_already_is_only_named(site):
    site.flow.case()
    Absence.objects.update(withdrawn_at=site.flow.now)
    text = site.read("ADA", address(**TUESDAY))
    assert "is being looked after already" in text
    assert "Needs cover" not in text


def test_a_day_without_classes_can_be_filed_all_the_same(site):
    response, sent = preview(site, "ADA", kind="day", day="2027-03-04")
    assert "No class of yours lies in this time." in words(response)
    assert site.post("ADA", NEW, **sent).status_code == 302
    assert Absence.objects.get().cases.count() == 0


# Filing


def test_filing_opens_the_cases_and_leads_to_what_happens_next(site):
    _, sent = preview(site)
    sent |= {
        field(site, "ask"): "EVE",
        "category": "illness",
        "note": "Influenza",
        "handover": "Chapter 7",
    }
    response = site.post("ADA", NEW, **sent)
    absence = Absence.objects.get()
    assert (response.status_code, response.url) == (302, page("detail", absence))
    assert (absence.category, absence.note, absence.handover) == (
        "illness",
        "Influenza",
        "Chapter 7",
    )
    assert absence.filed_by == site.user("ADA")
    (case,) = absence.cases.all()
    assert case.named == site.house.professors["EVE"]
    entry = LogEntry.objects.get(kind="absence.filed")
    assert (entry.actor_kind, entry.actor_name) == (ActorKind.PROFESSOR, "Ada Adler")
    assert "The absence is on file." in site.read("ADA", response.url)
    site.flow.settle()
    assert "Eve Ernst is asked to take the class. Until Mon 1 Mar, 13:00." in site.read(
        "ADA", response.url
    )


def test_a_registrar_files_in_their_own_name(site):
    response = site.get("REGISTRAR", address(professor="ADA", **TUESDAY))
    sent = sendable(response.context["form"], TUESDAY)
    assert site.post("REGISTRAR", address(professor="ADA"), **sent).status_code == 302
    absence = Absence.objects.get()
    assert (absence.professor.code, absence.filed_by) == ("ADA", site.registrar)
    assert LogEntry.objects.get(kind="absence.filed").actor_kind == ActorKind.REGISTRAR


def test_somebody_who_is_not_on_the_list_can_be_named(site):
    stranger = ProfessorFactory(institute=site.house.institute, code="ZOE", name="Zoe Zahn")
    _, sent = preview(site)
    sent |= {field(site, "other"): "zoe"}
    assert site.post("ADA", NEW, **sent).status_code == 302
    assert Case.objects.get().named == stranger


def test_an_unticked_class_gets_no_case(site):
    _, sent = preview(site)
    del sent[field(site, "cover")]
    assert site.post("ADA", NEW, **sent).status_code == 302
    assert not Case.objects.exists()
    assert AbsenceException.objects.get().cover is False
    assert "Nobody is looked for" in site.read("ADA", page("detail", Absence.objects.get()))


def test_ticking_a_co_taught_class_insists_on_cover(site):
    _, sent = preview(site, "CLEO")
    sent[field(site, "cover", "CHEM.A")] = "on"
    assert site.post("CLEO", NEW, **sent).status_code == 302
    assert Case.objects.get().meeting == site.house.meetings["CHEM.A", "2027-03-02"]


def test_a_busy_substitute_is_refused_at_their_row_and_says_who_is_free(site):
    MeetingFactory(offering=site.house.classes["PHYS.A"], day=dt.date(2027, 3, 2), clock=dt.time(9))
    _, sent = preview(site)
    for kind, value in (("ask", "BEN"), ("other", "Ben Baker")):
        response = site.post(
            "ADA", NEW, **sent, **{field(site, kind): value}, note="Influenza", handover="Chapter 7"
        )
        assert response.status_code == 400
        (error,) = response.context["form"].errors[field(site, kind)]
        assert error.startswith("Ben Baker teaches another class at that time.")
        assert "Free then: " in error
        assert "Eve Ernst" in error
        text = response.content.decode()
        assert "Influenza" in text
        assert "Chapter 7" in text
    assert not Absence.objects.exists()


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"other": "nobody at all"}, "Nobody here is called “nobody at all”."),
        ({"other": "Ada Adler"}, "Ada Adler is the one who is absent."),
        ({"ask": "BEN", "other": "CLEO"}, "Choose from the list or write a name, not both."),
        ({"ask": "ZOE"}, "Select a valid choice. ZOE is not one of the available choices."),
    ],
)
def test_a_name_that_cannot_be_is_refused_at_its_row(site, given, error):
    _, sent = preview(site)
    response = site.post("ADA", NEW, **sent, **{field(site, k): v for k, v in given.items()})
    assert response.status_code == 400
    assert error in words(response)
    assert not Absence.objects.exists()


@pytest.mark.parametrize(
    ("name", "value"), [("note", "x" * 2001), ("handover", "x" * 4001), ("category", "boredom")]
)
def test_too_much_text_and_unknown_reasons_are_refused(site, name, value):
    _, sent = preview(site)
    response = site.post("ADA", NEW, **{**sent, name: value})
    assert response.status_code == 400
    assert list(response.context["form"].errors) == [name]
    assert not Absence.objects.exists()


def test_changing_the_day_on_the_way_shows_what_lies_there_and_keeps_what_was_typed(site):
    _, sent = preview(site)
    sent |= {"day": "2027-03-03", "note": "Influenza", "handover": "Chapter 7"}
    response = site.post("ADA", NEW, **sent)
    assert response.status_code == 200
    text = words(response)
    assert "Nothing was filed yet." in text
    assert "Wed 3 Mar, 09:00–10:30" in text
    form = response.context["form"]
    assert (form["note"].value(), form["handover"].value()) == ("Influenza", "Chapter 7")
    assert not Absence.objects.exists()


def test_a_time_that_cannot_be_on_the_way_keeps_what_was_typed(site):
    _, sent = preview(site)
    sent |= {"day": "2027-02-01", "note": "Influenza", field(site, "ask"): "EVE"}
    response = site.post("ADA", NEW, **sent)
    assert response.status_code == 400
    carried = dict(response.context["carried"])
    assert (carried["note"], carried[field(site, "ask")]) == ("Influenza", "EVE")
    again = site.post("ADA", NEW, **{**carried, **TUESDAY})
    assert again.status_code == 200
    form = again.context["form"]
    assert form["note"].value() == "Influenza"
    assert form[field(site, "ask")].value() == "EVE"
    assert not Absence.objects.exists()


def test_the_button_that_only_looks_files_nothing(site):
    _, sent = preview(site)
    assert site.post("ADA", NEW, **sent, update="1").status_code == 200
    assert not Absence.objects.exists()


def test_filing_twice_files_once(site):
    _, sent = preview(site)
    assert site.post("ADA", NEW, **sent).status_code == 302
    again = site.post("ADA", NEW, **sent)
    assert again.status_code == 400
    assert "This overlaps an absence" in words(again)
    assert f'href="{page("detail", Absence.objects.get())}"' in again.content.decode()


# Several times in one go


WEDNESDAY_MORNING = {
    "also2-kind": "part",
    "also2-day": "2027-03-03",
    "also2-starts": "09:00",
    "also2-ends": "12:00",
}
BOTH = {**TUESDAY, **WEDNESDAY_MORNING, "times": "2"}


def kinds(response):
    return [form["kind"].value() for form in response.context["times"].forms]


def test_one_more_time_keeps_what_was_typed_and_checks_nothing_yet(site):
    response = site.get("ADA", address(kind="part", day="2027-03-02", starts="09:00", more="1"))
    assert response.status_code == 200
    first, second = response.context["times"].forms
    assert [first[name].value() for name in ("kind", "day", "starts", "ends")] == [
        *("part", "2027-03-02", "09:00"),
        None,
    ]
    assert (second["kind"].value(), second["day"].value()) == ("day", None)
    assert first.errors == second.errors == {}
    text = words(response)
    assert "Time 1" in text
    assert "Leave this time out" in text
    assert 'name="times" value="2"' in response.content.decode()


def test_several_times_are_shown_and_filed_in_one_go(site):
    response, sent = preview(site, **BOTH)
    rows = response.context["form"].rows()
    assert [row.prospect.meeting.starts_at for row in rows] == [
        at("2027-03-02 09:00"),
        at("2027-03-03 09:00"),
    ]
    assert "File 2 absences" in words(response)
    assert not Absence.objects.exists()
    sent[field(site, "ask", day="2027-03-03")] = "CLEO"
    response = site.post("ADA", NEW, **sent, handover="Chapter 7", category="illness", file="1")
    assert (response.status_code, response.url) == (302, reverse("reallocation:case-list"))
    assert "2 absences are on file." in site.read("ADA", response.url)
    filed = Absence.objects.order_by("starts_at")
    assert [(a.starts_at, a.ends_at, a.handover, a.category) for a in filed] == [
        (at("2027-03-02 00:00"), at("2027-03-03 00:00"), "Chapter 7", "illness"),
        (at("2027-03-03 09:00"), at("2027-03-03 12:00"), "Chapter 7", "illness"),
    ]
    cases = Case.objects.order_by("before_starts_at")
    assert [(c.absence, c.named and c.named.code) for c in cases] == [
        (filed[0], None),
        (filed[1], "CLEO"),
    ]


def test_a_registrar_who_files_several_times_is_led_to_their_cases(site):
    _, sent = preview(site, "REGISTRAR", **BOTH, professor="ADA")
    response = site.post("REGISTRAR", address(professor="ADA"), **sent, file="1")
    assert response.url == f"{reverse('reallocation:case-list')}?all=1&q=ADA"
    assert {a.professor.code for a in Absence.objects.all()} == {"ADA"}
    assert "MATH.A" in site.read("REGISTRAR", response.url)


def test_what_is_wrong_with_a_time_stands_at_that_time(site):
    wrong = {**BOTH, "also2-ends": "08:00"}
    response = site.get("ADA", address(**wrong))
    first, second = response.context["times"].forms
    assert (first.errors, list(second.errors)) == ({}, ["ends"])
    missing = site.get("ADA", address(**{**BOTH, "also2-day": ""}))
    assert list(missing.context["times"].forms[1].errors) == ["day"]
    absence_of(site, starts_at=at("2027-03-03 00:00"), ends_at=at("2027-03-04 00:00"))
    taken = site.get("ADA", address(**BOTH))
    assert "This overlaps an absence" in taken.context["times"].forms[1].errors["day"][0]


def test_two_times_that_overlap_are_refused_at_the_later_one(site):
    overlapping = {**BOTH, "also2-day": "2027-03-02"}
    response = site.get("ADA", address(**overlapping))
    first, second = response.context["times"].forms
    assert (first.errors, second.errors) == ({}, {"day": ["This overlaps another of these times."]})
    _, sent = preview(site, **BOTH)
    posted = site.post("ADA", NEW, **{**sent, "also2-day": "2027-03-02"}, file="1")
    assert (posted.status_code, Absence.objects.count()) == (400, 0)


def test_a_time_is_left_out_again(site):
    response = site.get("ADA", address(**{**BOTH, "also2-kind": "none"}))
    assert kinds(response) == ["day"]
    three = {**BOTH, "also2-kind": "none", "times": "3", "also3-kind": "day"}
    response = site.get("ADA", address(**three, **{"also3-day": "2027-03-04"}))
    spans = response.context["times"].spans
    assert spans[1] == (at("2027-03-04 00:00"), at("2027-03-05 00:00"))


def test_a_time_that_is_added_while_classes_are_looked_at_loses_nothing_that_was_typed(site):
    _, sent = preview(site)
    sent |= {"handover": "Chapter 7", field(site, "ask"): "BEN"}
    response = site.post("ADA", NEW, **sent, more="1")
    assert (response.status_code, kinds(response)) == (200, ["day", "day"])
    carried = dict(response.context["carried"])
    assert (carried["handover"], carried[field(site, "ask")]) == ("Chapter 7", "BEN")
    assert not {"more", "times", "day", "also2-day", "seen"} & set(carried)
    looked = site.post("ADA", NEW, **carried, **BOTH)
    form = looked.context["form"]
    assert (form.is_new, len(form.rows())) == (True, 2)
    assert (form["handover"].value(), form[field(site, "ask")].value()) == ("Chapter 7", "BEN")
    assert not Absence.objects.exists()


@pytest.mark.parametrize(("said", "times"), [("0", 1), ("-3", 1), ("many", 1), ("99", 8)])
def test_how_many_times_there_are_is_taken_with_a_grain_of_salt(site, said, times):
    response = site.get("ADA", address(**TUESDAY, times=said, more="1"))
    assert len(response.context["times"].forms) == min(times + 1, 8)
    assert ('name="more"' in response.content.decode()) == (times < 8)


def test_a_class_that_lies_in_two_of_the_times_is_asked_about_once(site):
    halves = {
        "kind": "part",
        "day": "2027-03-02",
        "starts": "08:00",
        "ends": "10:00",
        "times": "2",
        "also2-kind": "part",
        "also2-day": "2027-03-02",
        "also2-starts": "10:00",
        "also2-ends": "12:00",
    }
    response, sent = preview(site, **halves)
    assert len(response.context["form"].rows()) == 1
    del sent[field(site, "cover")]
    assert site.post("ADA", NEW, **sent, file="1").status_code == 302
    assert (Absence.objects.count(), Case.objects.count()) == (2, 0)
    assert AbsenceException.objects.filter(cover=False).count() == 2


def test_a_class_that_appears_meanwhile_is_shown_before_anything_is_filed(site):
    _, sent = preview(site)
    MeetingFactory(
        offering=site.house.classes["MATH.A"], day=dt.date(2027, 3, 2), clock=dt.time(16)
    )
    response = site.post("ADA", NEW, **sent)
    assert response.status_code == 200
    assert "Tue 2 Mar, 16:00–17:30" in words(response)
    assert not Absence.objects.exists()


def test_the_preview_asks_the_same_number_of_questions_for_one_class_and_for_three(site):
    one = site.queries("ADA", address(**TUESDAY))
    for hour in (14, 16):
        MeetingFactory(
            offering=site.house.classes["MATH.A"], day=dt.date(2027, 3, 2), clock=dt.time(hour)
        )
    assert (one, site.queries("ADA", address(**TUESDAY))) == (9, 9)
    MeetingFactory(
        offering=site.house.classes["MATH.A"], day=dt.date(2027, 3, 3), clock=dt.time(18)
    )
    assert site.queries("ADA", address(**BOTH)) == 9


# Suggestions while typing


def test_colleagues_are_suggested_to_who_may_name_them(site):
    find = reverse("reallocation:professor-search")
    assert words(site.get("ADA", f"{find}?other-1=bak")) == "Ben Baker · Sciences"
    assert site.get("ADA", find).content.strip() == b""
    assert site.statuses(find, "REGISTRAR", "A1", None) == {
        "REGISTRAR": 200,
        "A1": 404,
        "None": 302,
    }


# The absence on file


def test_an_absence_exists_for_its_professor_and_for_registrars(site):
    absence = absence_of(site)
    elsewhere = small_institute("southfield")
    stranger = StaffFactory(institute=elsewhere.institute).user
    for name in ("detail", "change", "withdraw"):
        assert site.statuses(
            page(name, absence), "ADA", "REGISTRAR", "BEN", "A1", stranger, None
        ) == {
            "ADA": 200,
            "REGISTRAR": 200,
            "BEN": 404,
            "A1": 404,
            str(stranger): 404,
            "None": 302,
        }


def test_the_private_note_is_for_its_author_and_for_registrars_who_are_granted_it(site):
    absence = absence_of(site, note="Influenza", category="illness")
    site.flow.case(starts="2027-03-03 00:00", ends="2027-03-04 00:00")
    granted = StaffFactory(institute=site.house.institute, reads_private_notes=True).user
    assert "Influenza" in site.read("ADA", page("detail", absence))
    assert "Influenza" in site.read(granted, page("detail", absence))
    registrar = site.read("REGISTRAR", page("detail", absence))
    assert "Influenza" not in registrar
    assert "Illness" in registrar


def test_whoever_wrote_the_note_down_can_read_it(site):
    absence = absence_of(site, note="Called in ill", filed_by=site.registrar)
    assert "Called in ill" in site.read("REGISTRAR", page("detail", absence))


def test_the_note_stands_nowhere_else(site):
    case = site.flow.case(note="Influenza", category="illness", handover="Chapter 7")
    addresses = [
        reverse("reallocation:case-detail", args=[case.uid]),
        reverse("reallocation:case-list"),
        *(reverse("reallocation:offer-detail", args=[offer.uid]) for offer in case.offers.all()),
        reverse("reallocation:offer-list"),
        reverse("reallocation:inbox"),
    ]
    seen = 0
    for who in ("ADA", "BEN", "CLEO", "DAN", "EVE", "A1", "REGISTRAR"):
        for one in addresses:
            response = site.get(who, one)
            seen += response.status_code == 200
            assert b"Influenza" not in response.content
            if who != "ADA":
                assert b"Illness" not in response.content
    assert seen > 15


def test_the_page_asks_the_same_number_of_questions_for_one_case_and_for_three(site):
    case = site.flow.case()
    one = site.queries("ADA", page("detail", case.absence))
    for hour in (14, 16):
        MeetingFactory(
            offering=site.house.classes["MATH.A"], day=dt.date(2027, 3, 2), clock=dt.time(hour)
        )
    site.flow.tick()
    assert case.absence.cases.count() == 3
    assert (one, site.queries("ADA", page("detail", case.absence))) == (8, 8)


def test_the_part_that_lives_comes_alone_and_only_if_something_has_happened(site):
    case = site.flow.case()
    detail = page("detail", case.absence)
    state = site.get("ADA", detail).context["state"]
    assert site.get("ADA", f"{detail}?live={state}").status_code == 204
    site.flow.past(case)
    response = site.get("ADA", f"{detail}?live={state}")
    assert response.status_code == 200
    assert "<html" not in response.content.decode()
    assert "You choose which colleague is asked." in words(response)


# Changing and withdrawing


def change(**fields):
    return {"day": "2027-03-02", "starts": "", "last_day": "2027-03-02", "ends": "", **fields}


def test_prolonging_shows_what_comes_in_before_it_is_done(site):
    case = site.flow.case()
    sent = change(last_day="2027-03-03")
    response = site.post("ADA", page("change", case.absence), **sent, look="1")
    assert "Classes that come in Wed 3 Mar, 09:00–10:30, Algebra: somebody is looked for." in words(
        response
    )
    assert Case.objects.count() == 1
    response = site.post(
        "ADA",
        page("change", case.absence),
        **sent,
        confirm=response.context["form"].mark,
    )
    assert (response.status_code, response.url) == (302, page("detail", case.absence))
    assert Case.objects.count() == 2


def without_the_first_of_two(site):
    case, _ = site.flow.file(ends="2027-03-04 00:00").cases
    site.flow.settle()
    absences.leave_out(case, now=site.flow.now)
    return site.flow.again(case)


def test_a_class_left_out_comes_in_again_only_if_that_is_said(site):
    case = without_the_first_of_two(site)
    address, sent = page("change", case.absence), change(last_day="2027-03-03")
    assert (
        "Classes that are left out. Look for somebody after all for: Tue 2 Mar, 09:00–10:30, Algebra"
    ) in site.read("ADA", address)
    response = site.post("ADA", address, **sent, look="1")
    assert "No class is concerned." in words(response)
    unsaid = response.context["form"].mark

    sent |= {"take_in": [str(case.meeting.uid)]}
    response = site.post("ADA", address, **sent, confirm=unsaid)
    assert (
        "Classes that come in Tue 2 Mar, 09:00–10:30, Algebra: somebody is looked for."
    ) in words(response)
    assert not case.meeting.cases.filter(status="open").exists()
    response = site.post("ADA", address, **sent, confirm=response.context["form"].mark)
    assert response.status_code == 302
    assert case.meeting.cases.filter(status="open").count() == 1
    assert "left out" not in site.read("ADA", address)


def test_who_cannot_teach_a_class_that_was_left_out_is_led_to_where_it_comes_in_again(site):
    case = without_the_first_of_two(site)
    uid = case.meeting.uid
    response = site.get("ADA", address(meeting=uid))
    there = f"{page('change', case.absence)}?{urlencode({'take_in': uid})}"
    assert (response.status_code, response.url) == (302, there)
    opened = site.get("ADA", there)
    assert opened.context["form"]["take_in"].value() == [str(uid)]
    assert "Algebra (Tue 2 Mar, 09:00) was left out of this absence." in words(opened)
    sent = change(last_day="2027-03-03", take_in=[str(uid)])
    mark = site.post("ADA", there, **sent, look="1").context["form"].mark
    assert site.post("ADA", there, **sent, confirm=mark).status_code == 302
    assert case.meeting.cases.filter(status="open").count() == 1


def test_a_registrar_is_led_there_too_and_nobody_is_who_cannot_take_it_in(site):
    case = without_the_first_of_two(site)
    uid, other = case.meeting.uid, site.house.meetings["MATH.A", "2027-03-03"].uid
    there = f"{page('change', case.absence)}?{urlencode({'take_in': uid})}"
    assert site.get("REGISTRAR", address(professor="ADA", meeting=uid)).url == there
    assert site.get("BEN", address(meeting=uid)).status_code == 200
    assert site.get("ADA", address(meeting=other)).status_code == 200
    ticked = site.get("ADA", f"{page('change', case.absence)}?take_in={other}")
    assert not ticked.context["form"]["take_in"].value()
    assert "was left out of this absence" not in words(ticked)
    absences.withdraw(case.absence, now=site.flow.now)
    assert site.get("ADA", address(meeting=uid)).status_code == 200


def test_a_class_left_out_that_has_begun_does_not_come_in_again(site):
    case = without_the_first_of_two(site)
    site.flow.now = case.before_starts_at + dt.timedelta(minutes=5)
    assert site.get("ADA", address(meeting=case.meeting.uid)).status_code == 200


def test_a_class_that_the_new_span_does_not_hold_cannot_be_taken_in(site):
    case = without_the_first_of_two(site)
    address = page("change", case.absence)
    sent = change(day="2027-03-03", last_day="2027-03-03", take_in=[str(case.meeting.uid)])
    response = site.post("ADA", address, **sent, look="1")
    assert response.status_code == 409
    assert list(response.context["form"].errors) == ["take_in"]
    assert "This class meeting does not lie in the absence." in words(response)


def test_what_is_not_left_out_is_no_choice(site):
    case = without_the_first_of_two(site)
    other = site.house.meetings["PHYS.A", "2027-03-02"]
    sent = change(last_day="2027-03-03", take_in=[str(other.uid)])
    response = site.post("ADA", page("change", case.absence), **sent, look="1")
    assert response.status_code == 400
    assert "One of these classes is not left out any more." in words(response)


def test_shortening_says_what_becomes_of_the_cases_that_end(site):
    (case, _) = site.flow.file(ends="2027-03-04 00:00").cases
    site.flow.settle()
    sent = change(day="2027-03-03", last_day="2027-03-03")
    response = site.post("ADA", page("change", case.absence), **sent)
    assert "Nobody is asked any more; Ada Adler teaches it as planned." in words(response)
    site.post("ADA", page("change", case.absence), **sent, confirm=response.context["form"].mark)
    assert site.flow.again(case).status == CaseStatus.WITHDRAWN


def test_a_change_that_was_not_looked_at_is_shown_first(site):
    case = site.flow.case()
    response = site.post(
        "ADA", page("change", case.absence), **change(last_day="2027-03-03"), confirm="something"
    )
    assert response.status_code == 200
    assert "What changes" in words(response)
    assert Absence.objects.get().ends_at == at("2027-03-03 00:00")


def covered(site, **filed):
    case = site.flow.case(**filed)
    offer = case.offers.get(professor__code="BEN")
    answers.accept(offer, by=offer.professor, now=site.flow.now)
    site.flow.settle()
    return site.flow.again(case)


@pytest.mark.parametrize(("who", "actor"), [("ADA", "professor"), ("REGISTRAR", "registrar")])
def test_the_note_alone_is_changed_in_two_looks_and_told(site, who, actor):
    case = covered(site, handover="Chapter 7")
    address = page("change", case.absence)
    form = site.get(who, address).context["form"]
    assert form["handover"].value() == "Chapter 7"
    sent = change(handover="Chapter 8\r\nExercises")
    response = site.post(who, address, **sent, look="1")
    text = words(response)
    assert "Ben Baker has agreed to take a class and is told at once." in text
    assert "No class is concerned." not in text
    assert Absence.objects.get().handover == "Chapter 7"
    confirm = response.context["form"].mark
    # What was looked at is not what is sent now.
    response = site.post(who, address, **change(handover="Chapter 9"), confirm=confirm)
    assert (response.status_code, Absence.objects.get().handover) == (200, "Chapter 7")
    response = site.post(who, address, **sent, confirm=confirm)
    assert response.url == page("detail", case.absence)
    assert Absence.objects.get().handover == "Chapter 8\r\nExercises"
    entry = LogEntry.objects.get(kind="absence.changed")
    assert (entry.actor_kind, entry.data["handover"]) == (actor, "changed")
    assert [m.user for m in Message.objects.filter(notice__kind="handover")] == [site.user("BEN")]
    assert "Chapter 8" in site.read("BEN", reverse("reallocation:case-detail", args=[case.uid]))


def test_the_page_says_so_where_nobody_has_agreed_yet(site):
    case = site.flow.case()
    response = site.post("ADA", page("change", case.absence), **change(handover="Chapter 7"))
    assert (
        "Nobody has agreed to take a class yet. Whoever is asked reads it as it is then."
    ) in words(response)


def test_of_whoever_the_change_releases_it_is_not_said_that_they_get_the_note(site):
    case = covered(site)
    sent = change(day="2027-03-03", last_day="2027-03-03", handover="Chapter 7")
    text = words(site.post("ADA", page("change", case.absence), **sent))
    assert "Ben Baker is released." in text
    assert "Nobody has agreed to take a class yet" in text


@pytest.mark.parametrize("sent", [{"handover": "One\r\nTwo"}, {}])
def test_a_note_that_comes_back_as_it_was_is_no_change(site, sent):
    """Browsers end lines in their own way; and a page that does not ask for the note leaves it."""
    case = covered(site, handover="One\nTwo\n")
    response = site.post("ADA", page("change", case.absence), **change(**sent))
    assert "No class is concerned." in words(response)
    confirm = response.context["form"].mark
    site.post("ADA", page("change", case.absence), **change(**sent), confirm=confirm)
    assert Absence.objects.get().handover == "One\nTwo\n"
    assert "handover" not in LogEntry.objects.get(kind="absence.changed").data
    assert not Message.objects.filter(notice__kind="handover").exists()


def test_a_note_that_is_too_long_is_refused_at_its_field(site):
    response = site.post("ADA", page("change", absence_of(site)), **change(handover="x" * 4001))
    assert response.status_code == 400
    assert list(response.context["form"].errors) == ["handover"]


def test_colleagues_cannot_change_the_note(site):
    case = covered(site, handover="Chapter 7")
    sent = change(handover="Chapter 8")
    for who in ("BEN", "A1"):
        assert site.post(who, page("change", case.absence), **sent).status_code == 404
    assert Absence.objects.get().handover == "Chapter 7"


def test_a_change_into_another_absence_leads_to_that_one(site):
    other = absence_of(site, starts_at=at("2027-03-05 00:00"), ends_at=at("2027-03-06 00:00"))
    absence = absence_of(site)
    response = site.post("ADA", page("change", absence), **change(last_day="2027-03-05"))
    assert response.status_code == 409
    assert "an absence that is on file already (Friday 5 March 2027, all day)." in words(response)
    assert f'href="{page("detail", other)}"' in response.content.decode()


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (change(last_day="2027-03-01"), "last_day"),
        (change(starts="10:00", ends="09:00"), "ends"),
        (change(day=""), "day"),
        (change(day="2027-02-01"), "last_day"),
        (change(starts="half past"), "starts"),
    ],
)
def test_a_change_that_cannot_be_is_refused_at_its_field(site, sent, name):
    absence = absence_of(site)
    response = site.post("ADA", page("change", absence), **sent)
    assert response.status_code in (400, 409)
    assert list(response.context["form"].errors) == [name]
    absence.refresh_from_db()
    assert absence.starts_at == at("2027-03-02 00:00")


def test_withdrawing_asks_first_and_then_closes_the_cases(site):
    case = site.flow.case()
    text = site.read("ADA", page("withdraw", case.absence))
    assert "Nobody is asked any more; Ada Adler teaches it as planned." in text
    assert site.flow.again(case).is_open
    response = site.post("ADA", page("withdraw", case.absence))
    assert response.url == page("detail", case.absence)
    assert site.flow.again(case).status == CaseStatus.WITHDRAWN
    assert "Withdrawn" in site.read("ADA", response.url)


def test_withdrawing_twice_says_so(site):
    absence = absence_of(site)
    assert site.post("ADA", page("withdraw", absence)).status_code == 302
    response = site.post("ADA", page("withdraw", absence))
    assert (response.status_code, response.url) == (302, page("detail", absence))
    assert "This absence has been withdrawn." in site.read("ADA", response.url)
    for name in ("change", "withdraw"):
        assert site.get("ADA", page(name, absence)).url == page("detail", absence)


def test_withdrawing_says_who_is_released(site):
    case = site.flow.case()
    offer = case.offers.get(professor__code="BEN")
    answers.accept(offer, by=site.house.professors["BEN"], now=site.flow.now)
    site.flow.settle()
    assert "Ada Adler teaches it as planned, if free then; Ben Baker is released." in site.read(
        "ADA", page("withdraw", case.absence)
    )
