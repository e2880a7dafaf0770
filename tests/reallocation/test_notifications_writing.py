"""How messages are written: once, to those who are there, in their language, and quickly."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from reallocation import audit, history
from reallocation.enums import DeliveryStatus
from reallocation.models import Delivery, LogEntry, Message, Notice
from reallocation.notifications import announce, outbox
from reallocation.notifications.kinds import KINDS
from tests.factories import (
    NOW,
    AbsenceFactory,
    CaseFactory,
    ProfessorFactory,
    StudentFactory,
    at,
    small_institute,
)
from tests.reallocation.telling import (
    CLASS_A,
    TUESDAY,
    ballot_on,
    book,
    case_of,
    close,
    offer_in,
    rows,
    told,
    words,
)
from timetable import meetings
from timetable.models import Enrolment, Institute
from voting import questions
from voting.enums import BallotResult

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(db):
    return small_institute()


@pytest.fixture
def case(house):
    return case_of(house, "MATH.A")


def test_telling_again_writes_nothing(house, case):
    ben = house.professors["BEN"]
    book(case, professor=ben)
    announce.meeting_substituted(case, ben, NOW)
    before = rows()
    assert announce.meeting_substituted(case, ben, NOW + dt.timedelta(hours=1)) == []
    assert rows() == before == (3, 7, 7)


def test_a_later_change_of_the_same_kind_is_told(case):
    meetings.postpone(case.meeting_id)
    announce.meeting_postponed(case, NOW)
    book(case)
    meetings.postpone(case.meeting_id)
    announce.meeting_postponed(case, NOW)
    assert [kind for kind, _ in told()].count("postponed") == 2


def test_people_without_account_or_address_are_no_error(house, case):
    nobody = ProfessorFactory(institute=house.institute, user=None)
    unknown = StudentFactory(institute=house.institute, user=None)
    Enrolment.objects.create(offering=case.meeting.offering, student=unknown)
    closed = house.students["A1"].user
    closed.is_active = False
    closed.save(update_fields=["is_active"])
    nowhere = house.students["A2"].user
    nowhere.email = ""
    nowhere.save(update_fields=["email"])

    announce.offers_sent([offer_in(case, professor=nobody)], NOW)
    announce.meeting_postponed(case, NOW)

    messages = Message.objects.filter(notice__kind="postponed")
    assert {message.user_id for message in messages} == {
        house.students[code].user_id for code in ("A1", "A2", "A3", "A4", "A5")
    }
    delivered = Delivery.objects.filter(message__in=messages).values_list("address", flat=True)
    assert sorted(address.partition("@")[0] for address in delivered) == ["a3", "a4", "a5"]
    assert Message.objects.filter(notice__kind="offer").count() == 0


def test_students_who_have_left_are_not_told(house, case):
    gone = house.students["A5"]
    gone.active = False
    gone.save(update_fields=["active"])
    announce.meeting_postponed(case, NOW)
    assert told()[0] == ("postponed", CLASS_A[:4])


def test_one_account_that_is_two_students_gets_one_message(house, case):
    twin = house.students["A2"]
    twin.user = house.students["A1"].user
    twin.save(update_fields=["user"])
    announce.ballot_opened(ballot_on(case), case, NOW)
    assert told() == [("ballot", ["a1", "a3", "a4", "a5"])]


def test_the_reason_of_an_absence_reaches_nobody(house, case):
    case.absence.note, case.absence.category = "SECRET-DIAGNOSIS", "illness"
    case.absence.save(update_fields=["note", "category"])
    case.refresh_from_db()
    ben = house.professors["BEN"]
    ballot = close(ballot_on(case), BallotResult.REJECTED, yes=1, no=3)
    offer = offer_in(case, step=3, professor=ben, answered_at=NOW, status="withdrawn")
    until = at("2027-03-01 13:00")

    announce.absence_filed(case.absence, [case], NOW)
    announce.absence_withdrawn(case.absence, NOW)
    announce.class_left_out(case, NOW)
    for tell in (
        announce.offers_sent,
        announce.offers_taken,
        announce.offers_withdrawn,
        announce.handover_changed,
    ):
        tell([offer], NOW)
    announce.asked_to_choose_candidate(case, 2, until, NOW)
    announce.asked_to_choose_slot(case, 2, until, NOW)
    announce.ballot_opened(ballot, case, NOW)
    announce.ballot_reminder(ballot, case, [house.students["A1"]], NOW)
    announce.ballot_closed(ballot, case, NOW)
    announce.meeting_substituted(case, ben, NOW)
    announce.substitute_released(case, ben, NOW)
    for tell in (
        announce.meeting_postponed,
        announce.meeting_moved,
        announce.meeting_dropped,
        announce.meeting_restored,
        announce.open_again,
    ):
        tell(case, NOW)

    # The one that is left out is about no absence.
    assert {notice.kind for notice in Notice.objects.all()} == set(KINDS) - {"webhook-off"}
    everything = [
        f"{notice.subject} {notice.body} {notice.data} {notice.link}"
        for notice in Notice.objects.all()
    ]
    assert not [text for text in everything if "SECRET" in text or "llness" in text]


def test_names_are_text_and_never_markup_or_headers(house, case):
    course = house.courses["MATH"]
    course.title, course.code = "Sets & <b>maps</b>", "MA\nBcc: everybody@example.org"
    course.save(update_fields=["title", "code"])
    announce.offers_sent([offer_in(case)], NOW)
    subject, body = words("offer")
    assert subject == "Can you take MA Bcc: everybody@example.org on Tue 2 Mar, 09:00?"
    assert "Sets & <b>maps</b>" in body


def test_times_are_those_of_the_institute_on_both_sides_of_a_clock_change(house):
    # In Vienna the clocks go forward on 28 March 2027.
    meeting = house.meetings["MATH.A", TUESDAY]
    case = CaseFactory(
        meeting=meeting,
        before_starts_at=at("2027-03-30 09:00"),
        before_ends_at=at("2027-03-30 10:30"),
    )
    announce.offers_sent([offer_in(case)], NOW)
    assert "Time: Tue 30 Mar, 09:00–10:30" in words("offer")[1]


def test_a_message_is_worded_in_the_language_of_the_house(case):
    with translation.override("de"):
        announce.meeting_postponed(case, NOW)
    assert words("postponed")[0] == "Not taking place as planned: MATH on Tue 2 Mar, 09:00"


def speaks(person, language):
    person.user.language = language
    person.user.save(update_fields=["language"])


def test_each_reader_is_told_in_their_own_language(house, case):
    for code in ("A1", "A4"):
        speaks(house.students[code], "de")
    announce.meeting_postponed(case, NOW)
    assert told() == [
        ("postponed", ["a2", "a3", "a5"]),
        ("postponed", ["a1", "a4"]),
        ("postponed-professor", ["ada"]),
    ]
    ours, theirs, _professors = Notice.objects.order_by("pk")
    assert (ours.language, theirs.language) == ("en", "de")
    assert theirs.key == f"{ours.key}/de"
    assert (ours.link, ours.data["until"]) == (theirs.link, theirs.data["until"])
    assert announce.meeting_postponed(case, NOW) == []


def test_a_german_reader_is_told_in_german_words_days_and_numbers(house, case):
    ben = house.professors["BEN"]
    for person in (ben, house.professors["ADA"], house.students["A1"]):
        speaks(person, "de")
    announce.offers_sent([offer_in(case, professor=ben)], NOW)
    subject, body = words("offer")
    assert subject == "Können Sie MATH am Di., 2. März, 09:00 Uhr übernehmen?"
    assert "Zeit: Di., 2. März, 09:00–10:30 Uhr (Europe/Vienna)" in body

    book(case, professor=ben)
    announce.meeting_substituted(case, ben, NOW)
    (invited,) = Notice.objects.filter(kind="substituted-substitute")
    assert invited.data["invitation"]["description"].startswith("In Vertretung von Ada ")

    meetings.drop(case.meeting_id)
    announce.meeting_dropped(case, NOW)
    bodies = dict(Notice.objects.filter(kind="dropped").values_list("data__language", "body"))
    assert "Its 1.5 h are still owed to you" in bodies["en"]
    assert "Seine 1,5 Std. werden Ihnen" in bodies["de"]


def test_a_ballot_asks_each_voter_in_their_language(house, case):
    speaks(house.students["A1"], "de")
    held_at = house.institute.local(case.before_starts_at)
    ballot = ballot_on(case, facts=questions.about_substitute("Ben Baker", held_at))
    announce.ballot_opened(ballot, case, NOW)
    bodies = dict(Notice.objects.filter(kind="ballot").values_list("data__language", "body"))
    assert bodies["en"].startswith("Shall Ben Baker teach the class on Tue 2 Mar, 09:00?")
    assert bodies["de"].startswith("Soll Ben Baker den Termin am Di., 2. März, 09:00 Uhr halten?")


def test_what_one_audience_reads_in_one_language_is_one_notice(house, case):
    for code in ("A1", "A2", "A3", "A4", "A5"):
        speaks(house.students[code], "de")
    announce.meeting_postponed(case, NOW)
    assert [(notice.kind, notice.language) for notice in Notice.objects.order_by("pk")] == [
        ("postponed", "de"),
        ("postponed-professor", "en"),
    ]
    # Whoever changes their language afterwards is not told again.
    speaks(house.students["A1"], "en")
    assert announce.meeting_postponed(case, NOW) == []


def test_a_language_that_is_not_spoken_here_is_that_of_the_house(house, case):
    speaks(house.students["A1"], "tlh")
    announce.meeting_postponed(case, NOW)
    assert told()[0] == ("postponed", CLASS_A)


def test_a_history_says_once_what_was_told_in_two_languages(house, case):
    speaks(house.students["A1"], "de")
    announce.meeting_postponed(case, NOW)
    subjects = dict(
        LogEntry.objects.filter(kind="message").values_list("data__language", "data__subject")[:2]
    )
    reader = history.Reader(house.institute, names=True, question=True)
    for language in ("en", "de"):
        with translation.override(language):
            lines = history.lines(LogEntry.objects.filter(kind="message").order_by("pk"), reader)
        assert [line.text.count(subjects[language]) for line in lines] == [1, 0]


def test_each_notice_is_logged(house, case):
    announce.meeting_postponed(case, NOW)
    entries = LogEntry.objects.filter(kind="message").values_list(
        "data__notice", "data__recipients"
    )
    assert [(key.partition("/")[0], count) for key, count in entries] == [
        ("postponed", 5),
        ("postponed-professor", 1),
    ]
    assert audit.verify(house.institute).ok


def test_what_is_rolled_back_was_never_told(case, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks, pytest.raises(ZeroDivisionError):  # noqa: PT012, SIM117
        with transaction.atomic():
            announce.meeting_postponed(case, NOW)
            raise ZeroDivisionError
    assert (rows(), callbacks) == ((0, 0, 0), [])


def test_the_commit_nudges_the_queue_once_for_each_notice(
    case, django_capture_on_commit_callbacks, worker
):
    with django_capture_on_commit_callbacks(execute=True):
        notices = announce.meeting_postponed(case, NOW)
    assert worker.queued() == [
        ("reallocation.tasks.hand_over_notice", notice.pk) for notice in notices
    ]


def test_a_rehearsal_writes_the_same_and_nudges_nobody(
    case, django_capture_on_commit_callbacks, worker
):
    with django_capture_on_commit_callbacks(execute=True), outbox.muted():
        announce.meeting_postponed(case, NOW)
    assert rows() == (2, 6, 6)
    assert set(Delivery.objects.values_list("status", flat=True)) == {DeliveryStatus.MUTED}
    assert worker.queued() == []
    assert outbox.hand_over_due(NOW + dt.timedelta(days=1)) == outbox.Tally()


@pytest.mark.parametrize("students", [5, 60])
def test_one_notice_costs_the_same_whatever_the_roster(house, case, students):
    added = [
        StudentFactory(institute=house.institute, section=house.sections["A"])
        for _ in range(students - 5)
    ]
    Enrolment.objects.bulk_create(
        Enrolment(offering=case.meeting.offering, student=student) for student in added
    )
    announce.meeting_postponed(case_of(house, "PHYS.A"), NOW)  # the log's first entry costs more

    with CaptureQueriesContext(
        connection,
    ) as captured:
        announce.meeting_postponed(case, NOW)

    assert Message.objects.filter(notice__kind="postponed", notice__case=case).count() == students
    statements = [query["sql"].split()[0] for query in captured]
    assert statements.count("INSERT") == 4  # notices, messages, deliveries, log
    assert len(captured) == 12


def test_a_second_language_costs_an_entry_in_the_log_and_nothing_else(house, case):
    announce.meeting_postponed(case_of(house, "PHYS.A"), NOW)
    speaks(house.students["A1"], "de")
    with CaptureQueriesContext(connection) as captured:
        announce.meeting_postponed(case, NOW)
    statements = [query["sql"].split()[0] for query in captured]
    assert (statements.count("INSERT"), len(captured)) == (4, 12)


@pytest.mark.parametrize("offers", [1, 3])
def test_a_wave_costs_the_same_whatever_its_size(house, case, offers):
    wave = [offer_in(case) for _ in range(offers)]
    announce.meeting_postponed(case_of(house, "PHYS.A"), NOW)
    with CaptureQueriesContext(connection) as captured:
        announce.offers_sent(wave, NOW)
    assert len(captured) == 12


@pytest.mark.parametrize("cases", [1, 2])
def test_a_receipt_costs_the_same_whatever_the_number_of_cases(house, cases):
    absence = AbsenceFactory(professor=house.professors["ADA"])
    days = [TUESDAY, "2027-03-03"][:cases]
    opened = [CaseFactory(absence=absence, meeting=house.meetings["MATH.A", day]) for day in days]
    announce.meeting_postponed(case_of(house, "PHYS.A"), NOW)
    with CaptureQueriesContext(connection) as captured:
        announce.absence_filed(absence, opened, NOW)
    assert len(captured) == 10


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_sixteen_at_once_tell_it_once():
    house = small_institute()
    case = case_of(house, "MATH.A")

    def tell(_):
        try:
            with audit.writing(Institute.objects.get(pk=house.institute.pk)):
                return len(announce.meeting_postponed(case, NOW))
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as threads:
        written = list(threads.map(tell, range(16)))

    assert sorted(written) == [0] * 15 + [2]
    assert rows() == (2, 6, 6)
    assert audit.verify(house.institute).ok
