"""Queries that are compiled once answer as those that are worded anew."""

import datetime as dt

import pytest
from django.db import connection, transaction
from django.db.models import BigIntegerField, Count, DateField, DateTimeField, UUIDField
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from tests.factories import HoldFactory, at, small_institute
from timetable.models import Closure, Hold, Meeting, Professor
from timetable.prepared import (
    Listed,
    Many,
    PreparedQuery,
    PreparedRows,
    PreparedTogether,
    literal,
    together,
)

COLUMNS = ("pk", "professor_id", "starts_at", "room__code")

MEETINGS = PreparedQuery(
    lambda people, starts_at, ends_at, but_for: (
        Meeting.objects.holding()
        .overlapping(starts_at, ends_at)
        .filter(professor__among=people)
        .exclude(pk=but_for)
        .order_by("starts_at", "pk")
        .values_list(*COLUMNS)
    ),
    people=Many(),
    starts_at=DateTimeField(),
    ends_at=DateTimeField(),
    but_for=BigIntegerField(),
)


def plain(people, starts_at, ends_at, but_for):
    return list(
        Meeting.objects.holding()
        .overlapping(starts_at, ends_at)
        .filter(professor__in=people)
        .exclude(pk=but_for)
        .order_by("starts_at", "pk")
        .values_list(*COLUMNS)
    )


@pytest.fixture
def house(db):
    return small_institute()


def test_a_prepared_query_finds_what_the_plain_one_finds_each_time_it_is_asked(house):
    ada, ben, cleo, dan = (house.professors[code].pk for code in ("ADA", "BEN", "CLEO", "DAN"))
    first = house.meetings["MATH.A", "2027-03-02"].pk
    tuesday, wednesday = at("2027-03-02 00:00"), at("2027-03-03 00:00")
    for asked in (
        ([ada, ben], tuesday, wednesday, 0),
        ([ada, ben], tuesday, wednesday, first),
        ({cleo, dan}, wednesday, wednesday + dt.timedelta(days=1), 0),
        ({ada: 1}, at("2027-03-02 10:29"), at("2027-03-02 11:00"), 0),
        ({ada: 1}, at("2027-03-02 10:30"), at("2027-03-02 11:00"), 0),
        ([], tuesday, wednesday, 0),
    ):
        found = MEETINGS(people=asked[0], starts_at=asked[1], ends_at=asked[2], but_for=asked[3])
        assert [tuple(row) for row in found] == plain(*asked)


def test_values_come_back_as_the_fields_have_them(house):
    hold = HoldFactory(professor=house.professors["ADA"])
    holds = PreparedQuery(
        lambda case: Hold.objects.filter(case_uid=case).values_list("case_uid", "starts_at"),
        case=UUIDField(),
    )
    assert [tuple(row) for row in holds(case=hold.case_uid)] == [(hold.case_uid, hold.starts_at)]


def test_sums_are_prepared_too(house):
    counts = PreparedQuery(
        lambda people: (
            Professor.objects.filter(pk__among=people)
            .order_by("pk")
            .annotate(number=Count("teachings"))
            .values_list("code", "number")
        ),
        people=Many(),
    )
    ada, ben = house.professors["ADA"].pk, house.professors["BEN"].pk
    assert [tuple(row) for row in counts(people=[ada, ben])] == [("ADA", 1), ("BEN", 2)]
    assert [tuple(row) for row in counts(people=[ben])] == [("BEN", 2)]


def test_the_ids_of_a_group_come_in_one_text(house):
    by_professor = PreparedQuery(
        lambda people: (
            Meeting.objects.filter(professor__among=people)
            .order_by()
            .values("professor_id")
            .annotate(meetings=Listed("pk"))
            .values_list("professor_id", "meetings")
        ),
        people=Many(),
    )
    people = [house.professors[code].pk for code in ("ADA", "BEN")]
    found = {who: set(map(int, text.split(","))) for who, text in by_professor(people=people)}
    assert found == {
        who: set(Meeting.objects.filter(professor=who).values_list("pk", flat=True))
        for who in people
    }
    assert all(len(meetings) > 1 for meetings in found.values())


def test_any_number_of_values_is_one_parameter(house):
    ids = list(range(1, 60_000))
    with CaptureQueriesContext(
        connection,
    ) as asked:
        MEETINGS(
            people=ids, starts_at=at("2027-03-02 00:00"), ends_at=at("2027-03-03 00:00"), but_for=0
        )
    assert len(asked) == 1


@pytest.mark.django_db
def test_days_are_values_too_and_moments_are_refused(house):
    said_no = PreparedQuery(
        lambda days: Closure.objects.filter(starts_on__among=days).values_list("pk"), days=Many()
    )
    day = house.term.starts_on
    closure = Closure.objects.create(term=house.term, starts_on=day, ends_on=day)
    assert [tuple(row) for row in said_no(days=[day])] == [(closure.pk,)]
    assert not list(said_no(days=[day + dt.timedelta(days=1)]))
    if connection.vendor == "sqlite":
        with pytest.raises(TypeError, match="cannot be one of many"):
            said_no(days=[at("2027-03-02 00:00")])


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(KeyError, match="but_for"):
        MEETINGS(people=[], starts_at=at("2027-03-02 00:00"), ends_at=at("2027-03-03 00:00"))


def test_prepared_rows_are_those_of_the_queryset_with_what_belongs_to_them(house):
    rows = Meeting.objects.select_related("professor__institute", "room", "offering__course")
    prepared = PreparedRows(
        lambda people: rows.filter(professor__among=people).order_by("pk"), people=Many()
    )
    ada, ben = house.professors["ADA"].pk, house.professors["BEN"].pk
    for people in ([ada], [ada, ben], []):
        plain = rows.filter(professor__in=people).order_by("pk")
        with CaptureQueriesContext(connection) as asked:
            found = [everything(meeting) for meeting in prepared(people=people)]
        assert found == [everything(meeting) for meeting in plain]
        assert len(asked) == 1


def everything(meeting):
    return [
        {name: value for name, value in vars(row).items() if name != "_state"}
        for row in (
            *(meeting, meeting.professor, meeting.professor.institute),
            *(meeting.offering, meeting.offering.course, *([meeting.room] if meeting.room else [])),
        )
    ]


def test_what_is_not_there_is_said_to_be_missing(house):
    prepared = PreparedRows(lambda pk: Meeting.objects.filter(pk=pk), pk=BigIntegerField())
    known = house.meetings["MATH.A", "2027-03-02"]
    assert (prepared.one(pk=known.pk), prepared.first(pk=known.pk)) == (known, known)
    assert prepared.first(pk=0) is None
    with pytest.raises(Meeting.DoesNotExist):
        prepared.one(pk=0)


def test_a_row_that_is_prepared_can_be_changed_and_saved(house):
    prepared = PreparedRows(lambda pk: Professor.objects.filter(pk=pk), pk=BigIntegerField())
    ada = prepared.one(pk=house.professors["ADA"].pk)
    ada.name = "Ada the Second"
    ada.save(update_fields=["name"])
    assert prepared.one(pk=ada.pk).name == "Ada the Second"


@pytest.mark.django_db(transaction=True)
def test_rows_are_locked_inside_a_transaction_only():
    prepared = PreparedRows(
        lambda pk: Professor.objects.select_for_update(no_key=True).filter(pk=pk),
        pk=BigIntegerField(),
    )
    with transaction.atomic():
        assert prepared(pk=0) == []
    with pytest.raises(TransactionManagementError):
        prepared(pk=0)


@pytest.mark.postgresql
@pytest.mark.django_db
def test_postgresql_plans_a_statement_once_for_each_connection():
    assert connection.connection.prepared_max > 100
    for times in range(1, 5):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 7 AS seven WHERE %s > 0", [1])
        assert planned("7 AS seven") == (times > 2)


def planned(text):
    """How many plans this connection keeps of statements with this text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements"
            " WHERE strpos(statement, %s) > 0 AND strpos(statement, 'strpos') = 0",
            [text],
        )
        return cursor.fetchone()[0]


@pytest.mark.postgresql
@pytest.mark.django_db
def test_postgresql_plans_what_is_worded_once_at_its_first_time():
    def named(name):
        return Closure.objects.filter(name=name).annotate(what=literal(name)).order_by()

    PreparedQuery(
        lambda day: named("lasting").filter(starts_on=day).values_list("name"), day=DateField()
    )(day=dt.date(2027, 3, 2))
    assert planned('"timetable_closure"."starts_on" = ($') == 1
    kept = planned("")
    # What is worded for this once is none that will come again.
    together(named("a").values_list("name", "what"), named("b").values_list("what", "name"))
    assert planned("") == kept


def test_a_parameter_that_stands_in_several_places_is_sent_once(house):
    around = PreparedQuery(
        lambda day: (
            Closure.objects.filter(starts_on__lte=day, ends_on__gte=day)
            .exclude(name__contains="100%")
            .order_by()
            .values_list("name")
        ),
        day=DateField(),
    )
    for name in ("a feast", "100%"):
        Closure.objects.create(
            term=house.term, name=name, starts_on="2027-04-01", ends_on="2027-04-03"
        )
    sent = []

    def watch(execute, sql, parameters, many, context):
        sent.append([one for one in parameters.values() if "2027" in str(one)])
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(watch):
        found = around(day=dt.date(2027, 4, 2))
    assert [name for (name,) in found] == ["a feast"]
    assert len(sent) == 1
    assert len(sent[0]) == 1


TOGETHER = PreparedTogether(
    lambda people, day: (
        Closure.objects.filter(starts_on__gte=day).order_by("-name"),
        Meeting.objects.select_related("professor__institute", "room", "offering__course")
        .filter(professor__among=people)
        .order_by("-starts_at", "pk"),
        Professor.objects.filter(pk__among=people)
        .order_by("code")
        .annotate(number=Count("teachings"))
        .values_list("number", literal("people"), "fte", "code"),
        Meeting.objects.order_by("starts_at", "pk").values_list("uid", "starts_at")[:2],
    ),
    people=Many(),
    day=DateField(),
)


def test_what_is_asked_together_is_what_each_queryset_finds_in_its_own_order(house):
    day = house.term.starts_on
    for name in ("Easter", "Ascension", "Whitsun"):
        Closure.objects.create(term=house.term, name=name, starts_on=day, ends_on=day)
    ada, ben = house.professors["ADA"].pk, house.professors["BEN"].pk
    rows = Meeting.objects.select_related("professor__institute", "room", "offering__course")
    first_two = Meeting.objects.order_by("starts_at", "pk")[:2]
    for people in ([ada], [ben, ada], []):
        with CaptureQueriesContext(connection) as asked:
            closures, meetings, counts, two = TOGETHER(people=people, day=day)
        assert len(asked) == 1
        plain = rows.filter(professor__in=people).order_by("-starts_at", "pk")
        assert [everything(one) for one in meetings] == [everything(one) for one in plain]
        assert [one.name for one in closures] == ["Whitsun", "Easter", "Ascension"]
        assert [tuple(row) for row in counts] == [
            (one.teachings.count(), "people", one.fte, one.code)
            for one in Professor.objects.filter(pk__in=people).order_by("code")
        ]
        assert [tuple(row) for row in two] == [(one.uid, one.starts_at) for one in first_two]


def test_what_cannot_be_found_is_not_asked_for(house):
    ada = house.professors["ADA"]
    with CaptureQueriesContext(connection) as asked:
        nothing, found = together(Closure.objects.none(), Professor.objects.filter(pk=ada.pk))
        assert together(Closure.objects.none()) == [[]]
    assert (nothing, found, len(asked)) == ([], [ada], 1)
