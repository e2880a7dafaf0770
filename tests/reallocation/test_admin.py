"""Who of the staff reads what of the workflow, and how the lists find it."""

import datetime as dt

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from reallocation.models import (
    AuditHead,
    Case,
    Delivery,
    LogEntry,
    Message,
    Notice,
    Offer,
    Policy,
    SlotChoice,
    StepRecord,
)
from tests.factories import (
    CaseFactory,
    DeliveryFactory,
    InstituteFactory,
    LogEntryFactory,
    MeetingFactory,
    MessageFactory,
    NoticeFactory,
    OfferFactory,
    OfferingFactory,
    PolicyFactory,
    StaffFactory,
    TermFactory,
    UserFactory,
)
from tests.reallocation.office import list_url, login, of, page_url, read, rows, staff
from timetable.enums import StaffRole
from timetable.models import Course
from voting.models import Vote

pytestmark = pytest.mark.django_db

READ_ONLY = (Case, Offer, LogEntry, Notice, Delivery)
WHOLE_INSTITUTE = (LogEntry, Notice, Delivery)


def same(found, expected):
    return sorted(row.pk for row in found) == sorted(row.pk for row in expected)


# Who reads what -----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [*READ_ONLY, Policy])
def test_a_registrar_reads_the_own_institute_and_no_other(office, elsewhere, registrar, model):
    mine, theirs = of(office, model), of(elsewhere, model)
    assert mine
    assert theirs
    assert same(rows(registrar, model), mine)
    text = read(registrar, list_url(model))
    assert "southbridge" not in text
    assert "Southbridge" not in text
    assert registrar.get(page_url(mine[0])).status_code == 200
    gone = registrar.get(page_url(theirs[0]))
    assert (gone.status_code, gone.url) == (302, reverse("admin:index"))


@pytest.mark.parametrize("model", [Case, Offer, LogEntry, Notice])
def test_what_is_elsewhere_cannot_be_searched_for(office, elsewhere, registrar, model):
    uid = elsewhere.found.uid
    assert rows(registrar, model, f"?q={uid}") == []
    here = office.found.uid
    assert rows(registrar, model, f"?q={here}")
    assert same(rows(registrar, model, "?q=MATH.A"), rows(registrar, model, f"?q={here}"))


@pytest.mark.parametrize("model", [Offer, LogEntry, Notice, Delivery])
def test_the_rows_of_one_case_are_found_by_its_id(office, elsewhere, registrar, model):
    other = office.case(professor="BEN")
    mine = rows(registrar, model, f"?case={office.found.uid}")
    assert mine
    assert rows(registrar, model, f"?case={other.uid}")
    assert not {row.pk for row in mine} & {
        row.pk for row in rows(registrar, model, f"?case={other.uid}")
    }
    assert rows(registrar, model, f"?case={elsewhere.found.uid}") == []
    assert registrar.get(list_url(model, "?case=1%27")).status_code == 302


@pytest.mark.parametrize("model", READ_ONLY)
def test_nobody_writes_history_here(office, registrar, model):
    row = of(office, model)[0]
    before = model.objects.values().get(pk=row.pk)
    for client in (registrar, login(UserFactory(is_staff=True, is_superuser=True))):
        assert (
            client.get(reverse(f"admin:reallocation_{model._meta.model_name}_add")).status_code
            == 403
        )
        assert client.post(page_url(row), {"status": "dropped", "reason": "x"}).status_code == 403
        assert client.post(page_url(row, "delete"), {"post": "yes"}).status_code == 403
        client.post(
            list_url(model),
            {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"},
        )
    assert model.objects.values().get(pk=row.pk) == before


def test_parts_of_a_case_have_no_pages_of_their_own():
    for model in (StepRecord, SlotChoice, AuditHead, Message, Vote):
        assert not admin.site.is_registered(model)


@pytest.mark.parametrize("model", [*READ_ONLY, Policy])
def test_an_auditor_reads_it_all_and_changes_nothing(office, elsewhere, model):
    auditor = staff(office, StaffRole.AUDITOR)
    mine = of(office, model)
    assert same(rows(auditor, model), mine)
    assert auditor.get(page_url(mine[0])).status_code == 200
    assert auditor.post(page_url(mine[0]), {}).status_code == 403


@pytest.mark.parametrize("model", [Case, Offer])
def test_a_head_of_department_reads_the_cases_of_the_own_courses(office, model):
    office.case(professor="BEN")
    Course.objects.filter(code="MATH").update(department="Mathematics")
    head = staff(office, StaffRole.HEAD, department="Mathematics")
    path = "offering" if model is Case else "case__meeting__offering"
    path = "meeting__offering" if model is Case else path
    expected = list(model.objects.filter(**{f"{path}__course__code": "MATH"}))
    others = list(model.objects.exclude(**{f"{path}__course__code": "MATH"}))
    assert same(rows(head, model), expected)
    assert expected
    assert head.get(page_url(expected[0])).status_code == 200
    assert head.get(page_url(others[0])).status_code == 302


@pytest.mark.parametrize("model", WHOLE_INSTITUTE)
def test_a_head_of_department_has_no_part_in_what_is_the_whole_institutes(office, model):
    head = staff(office, StaffRole.HEAD, department="Sciences")
    assert head.get(list_url(model)).status_code == 403
    assert head.get(page_url(of(office, model)[0])).status_code == 403


@pytest.mark.parametrize("model", [*READ_ONLY, Policy])
def test_who_is_no_staff_reads_nothing(office, model):
    for user in (
        UserFactory(is_staff=True),
        office.house.professors["ADA"].user,
        office.house.students["A1"].user,
    ):
        assert login(user).get(list_url(model)).status_code in {302, 403}
        assert login(user).get(page_url(of(office, model)[0])).status_code in {302, 403}
    assert Client().get(list_url(model)).status_code == 302


def test_whoever_works_at_two_institutes_sees_both_and_may_filter(office, elsewhere):
    user = UserFactory(is_staff=True)
    staff(office, user=user)
    client = staff(elsewhere, StaffRole.AUDITOR, user=user)
    assert same(rows(client, Case), Case.objects.all())
    here = f"?institute__id__exact={office.house.institute.pk}"
    assert same(rows(client, Case, here), of(office, Case))
    assert "By institute" in read(client, list_url(Case))


def test_with_one_institute_there_is_nothing_to_filter(office, elsewhere, registrar):
    assert "By institute" not in read(registrar, list_url(Case))


# The lists ----------------------------------------------------------------------------------------


def test_cases_are_listed_with_what_a_registrar_asks_first(office, registrar):
    text = read(registrar, list_url(Case))
    assert (
        "MATH.A · Algebra Tue\xa02\xa0Mar\xa02027, 09:00 Ada Adler (ADA) "
        "Professors of the section Open the professors of the section"
    ).replace("\xa0", " ") in text


def test_cases_are_filtered_and_searched(office, registrar):
    found = [
        *("status__exact=open", "step__exact=2", "waiting_for__exact=colleagues"),
        "before_starts_at__year=2027&before_starts_at__month=3",
        "opened_at__gte=2027-03-01 00:00:00%2B01:00",
        *("q=MATH.A", "q=MATH", "q=Algebra", "q=Adler", "q=ADA"),
    ]
    missed = [
        *("status__exact=dropped", "step__exact=3", "waiting_for__exact=class_vote"),
        "before_starts_at__year=2027&before_starts_at__month=4",
        "opened_at__lt=2027-03-01 00:00:00%2B01:00",
        *("q=Mechanics", "q=Baker", "trouble=yes"),
    ]
    assert {query: rows(registrar, Case, f"?{query}") for query in (*found, *missed)} == {
        **{key: [office.found] for key in found},
        **{key: [] for key in missed},
    }


def test_cases_that_the_system_cannot_move_are_found_and_say_so(office, registrar):
    Case.objects.update(failures=3, due_at=office.now + dt.timedelta(minutes=8))
    assert rows(registrar, Case, "?trouble=yes") == [office.found]
    text = read(registrar, page_url(office.found))
    assert "The system could not move this case, 3 times in a row." in text
    assert "It tries again on Mon 1 Mar 2027, 09:08" in text


def test_other_columns_cannot_be_guessed_from_the_address_line(office, registrar):
    for model, lookup in (
        (Case, "absence__note__startswith=a"),
        (Offer, "comment__startswith=my"),
        (Delivery, "message__user__password__startswith=a"),
        (Notice, "messages__user__name__startswith=A"),
    ):
        assert registrar.get(list_url(model, f"?{lookup}")).status_code == 400


def test_the_log_is_filtered_and_searched(office, registrar):
    expected = {
        "kind=offer.declined": {"offer.declined"},
        "kind=offer": {"offer.sent", "offer.declined"},
        "kind=absence": {"absence.filed"},
        "kind=message": {"message"},
        "kind=policy": set(),
        "actor_kind__exact=professor": {"offer.declined"},
        "q=Ben Baker": {"offer.declined"},
        "at__gte=2027-03-01 00:00:00%2B01:00&kind=case": {"case.opened"},
        "at__lt=2027-03-01 00:00:00%2B01:00": set(),
    }
    assert {
        query: {entry.kind for entry in rows(registrar, LogEntry, f"?{query}")}
        for query in expected
    } == expected


def test_the_log_is_said_in_words(office, registrar):
    text = read(registrar, list_url(LogEntry))
    for said in (
        "Absence filed Ada Adler is away from Tue 2 Mar, 00:00 to Wed 3 Mar, 00:00.",
        "Case opened Ada Adler is absent: this case was opened.",
        "Step skipped Step 1 (Direct substitute) was skipped: no substitute was named.",
        "Offer declined Ben Baker said no. Ben Baker MATH.A",
    ):
        assert said in text


def test_an_entry_shows_all_that_its_hash_covers(office, registrar):
    entry = LogEntry.objects.get(kind="offer.declined")
    text = read(registrar, page_url(entry))
    assert f"{entry.number}: Offer declined" in text
    assert '{ "name": "Ben Baker", "professor": "BEN" }' in text
    assert entry.hash in text
    assert entry.previous_hash in text


def test_messages_show_how_many_were_reached(office, registrar):
    notice = Notice.objects.get(subject__startswith="Your absence")
    assert rows(registrar, Notice, "?trouble=yes") == []
    Delivery.objects.filter(message__notice=notice).update(status="bounced", error="no such person")
    (found,) = rows(registrar, Notice, "?trouble=yes")
    assert (found.pk, found.recipients, found.handed_over, found.unreached) == (notice.pk, 1, 0, 1)
    assert rows(registrar, Notice, "?kind=absence-filed") == [notice]
    text = read(registrar, page_url(notice))
    assert "Your absence is on file: Tuesday 2 March 2027, all day (Europe/Vienna)." in text
    assert "Ada Adler E-mail ada@northfield.example Bounced – no such person" in text
    (delivery,) = rows(registrar, Delivery, "?status__exact=bounced")
    assert f"Ada Adler {notice.subject}" in read(registrar, list_url(Delivery, "?q=ada@"))
    assert "no such person" in read(registrar, page_url(delivery))


def test_times_are_those_of_the_institute(office, registrar):
    offer = Offer.objects.get(professor__code="BEN")
    assert offer.sent_at.hour == 8
    assert "Mon 1 Mar 2027, 09:00" in read(registrar, page_url(offer)).replace("\xa0", " ")
    institute = office.house.institute
    institute.timezone = "Asia/Kolkata"
    institute.save()
    for client in (registrar, login(UserFactory(is_staff=True, is_superuser=True))):
        for url in (page_url(offer), page_url(office.found), list_url(Offer)):
            assert "Mon 1 Mar 2027, 13:30" in read(client, url).replace("\xa0", " ")


def one_more(model, institute):
    """A row of its own class, professor and recipient."""
    offering = OfferingFactory(term=TermFactory(institute=institute))
    case = CaseFactory(meeting=MeetingFactory(offering=offering))
    if model is Case:
        return
    if model is Offer:
        OfferFactory(case=case)
    elif model is LogEntry:
        LogEntryFactory(institute=institute, case=case)
    else:
        notice = NoticeFactory(institute=institute, case=case)
        DeliveryFactory(message=MessageFactory(notice=notice))


@pytest.mark.parametrize(
    ("model", "queries"), [(Case, 13), (Offer, 13), (LogEntry, 13), (Notice, 13), (Delivery, 11)]
)
def test_a_list_takes_as_many_queries_for_three_rows_as_for_one(model, queries):
    institute = InstituteFactory()
    user = UserFactory(is_staff=True)
    StaffFactory(institute=institute, user=user)
    client = login(user)
    taken = {}
    for size in (1, 2, 3):
        one_more(model, institute)
        with CaptureQueriesContext(connection) as captured:
            assert len(rows(client, model)) == size
        taken[size] = len(captured)
    assert taken == {1: queries, 2: queries, 3: queries}


def test_the_list_of_policies_takes_as_many_queries_for_three_rows_as_for_one():
    client = login(UserFactory(is_staff=True, is_superuser=True))
    taken = []
    for slug in ("a", "b", "c"):
        PolicyFactory(institute=InstituteFactory(slug=slug))
        with CaptureQueriesContext(connection) as captured:
            assert len(rows(client, Policy)) == len(taken) + 1
        taken.append(len(captured))
    assert taken == [8, 8, 8]
