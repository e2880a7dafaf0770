"""Where everybody stands: sums of the ledger, entitlements, fair shares, and what a cover changes."""

import datetime as dt
import math
from decimal import Decimal

import pytest

from fairness import ledger
from fairness.enums import EntryKind
from fairness.standing import Standing, distribution, effect, effects, projected, standings
from tests.factories import (
    NOW,
    AbsenceFactory,
    InstituteFactory,
    LedgerEntryFactory,
    OfferingFactory,
    ProfessorFactory,
    TermFactory,
    at,
)
from tests.fairness.covers import cover
from timetable.models import Term

pytestmark = pytest.mark.django_db

D = Decimal


@pytest.fixture
def term():
    return Term.objects.select_related("institute").get(pk=TermFactory().pk)


@pytest.fixture
def three(term):
    return [ProfessorFactory(name=name) for name in ("Ada", "Ben", "Cleo")]


def test_an_institute_without_anybody(term):
    found = standings(term, now=NOW)
    assert found == {}
    assert distribution(found).balance is None


def test_without_any_cover_everybody_stands_at_nothing(term, three):
    found = standings(term, now=NOW)
    assert found == {one.pk: Standing(one.pk, D(0), D(0), 0, 0, 0, D(1), D(0)) for one in three}
    assert [line.deviation for line in found.values()] == [0, 0, 0]


def test_what_the_ledger_says_of_each(term, three):
    ada, ben, cleo = three
    cover(ben, ada)
    about = cover(ben, cleo, hours=3)
    ledger.asked([ada, cleo], **about)
    ledger.declined(cleo, **about)
    found = standings(term, now=NOW)
    assert found == {
        ada.pk: Standing(ada.pk, D(0), D("1.5"), 1, 0, 0, D(1), D("1.5")),
        ben.pk: Standing(ben.pk, D("4.5"), D(0), 2, 2, 0, D(1), D("1.5")),
        cleo.pk: Standing(cleo.pk, D(0), D(3), 1, 0, 1, D(1), D("1.5")),
    }
    assert [line.deviation for line in found.values()] == [D("-1.5"), D(3), D("-1.5")]


def test_a_cover_taken_back_leaves_nothing_but_the_answers(term, three):
    ada, ben, _ = three
    about = cover(ben, ada)
    ledger.uncovered(substitute=ben, absent=ada, **about)
    ledger.declined(ben, **about)
    found = standings(term, now=NOW)
    assert found[ben.pk] == Standing(ben.pk, D(0), D(0), 1, 1, 1, D(1), D(0))
    assert distribution(found).balance is None


def test_a_cover_given_again_after_it_was_taken_back_counts_once(term, three):
    ada, ben, _ = three
    about = cover(ben, ada)
    pair = {"substitute": ben, "absent": ada}
    ledger.uncovered(**pair, **about)
    ledger.covered(**pair, **about)
    found = standings(term, now=NOW)
    assert (found[ben.pk].given, found.sessions[ben.pk]) == (D("1.5"), (D("1.5"),))


def test_a_cover_taken_back_with_other_hours_leaves_the_rest_as_one_piece(term, three):
    ada, ben, _ = three
    about = cover(ben, ada, hours=3)
    ledger.uncovered(substitute=ben, absent=ada, **{**about, "hours": 1})
    found = standings(term, now=NOW)
    assert (found[ben.pk].given, found.sessions[ben.pk]) == (D(2), (D(2),))
    assert distribution(found).balance.score == 1


def test_part_timers_are_due_less(term):
    full, half = ProfessorFactory(fte=1), ProfessorFactory(fte=D("0.5"))
    cover(full, half, hours=3)
    found = standings(term, now=NOW)
    assert [(line.entitlement, line.fair_share, line.deviation) for line in found.values()] == [
        (1, 2, 1),
        (D("0.5"), 1, -1),
    ]


def test_shares_are_rounded_to_the_ledgers_precision(term, three):
    ada, ben, _ = three
    cover(ben, ada, hours=1)
    assert {line.fair_share for line in standings(term, now=NOW).values()} == {D("0.3333")}


LEAVE = {"filed_at": at("2027-01-10 09:00")}


@pytest.mark.parametrize(
    ("span", "entitlement"),
    [
        # The term has 112 days, from 4 January to 25 April.
        (("2027-02-01 00:00", "2027-03-01 00:00"), "0.7500"),
        (("2027-04-12 00:00", "2027-05-31 00:00"), "0.8749"),
        (("2026-12-01 00:00", "2027-01-18 00:00"), "0.8749"),
        (("2026-09-01 00:00", "2027-09-01 00:00"), "0.0000"),
        (("2027-03-01 00:00", "2027-03-07 23:59"), "1.0000"),
        (("2027-05-01 00:00", "2027-06-01 00:00"), "1.0000"),
    ],
)
def test_leave_takes_its_share_of_the_term_off(term, span, entitlement):
    """The clocks go forward on 28 March: the term is an hour short, and what lies after it too."""
    absence = AbsenceFactory(starts_at=at(span[0]), ends_at=at(span[1]), **LEAVE)
    line = standings(term, now=NOW)[absence.professor_id]
    assert line.entitlement == pytest.approx(D(entitlement), abs=D("0.0002"))
    assert line.entitlement == (1 - line.on_leave).quantize(D("0.0001"))


def test_leave_filed_twice_counts_once(term):
    ada = ProfessorFactory()
    for first, last in [("2027-02-01", "2027-02-22"), ("2027-02-15", "2027-03-01")]:
        AbsenceFactory(
            professor=ada, starts_at=at(f"{first} 00:00"), ends_at=at(f"{last} 00:00"), **LEAVE
        )
    assert standings(term, now=NOW)[ada.pk].entitlement == pytest.approx(D("0.75"), abs=D("0.001"))


@pytest.mark.parametrize(
    "no_leave",
    [
        {"withdrawn_at": at("2027-02-02 09:00")},
        {"filed_at": NOW + dt.timedelta(hours=1)},
        {"offering": "one class"},
    ],
)
def test_what_is_no_leave(term, no_leave):
    ada = ProfessorFactory()
    if "offering" in no_leave:
        no_leave = {"offering": OfferingFactory(professors=[ada])}
    span = {"starts_at": at("2027-02-01 00:00"), "ends_at": at("2027-03-01 00:00")}
    AbsenceFactory(professor=ada, **{**LEAVE, **span, **no_leave})
    assert standings(term, now=NOW)[ada.pk].entitlement == 1


def test_only_active_professors_of_the_institute_count(term, three):
    ada, ben, _ = three
    cover(ben, ada)
    gone = ProfessorFactory(active=False)
    cover(gone, ada)
    elsewhere = ProfessorFactory(institute=InstituteFactory(slug="southfield"))
    earlier = TermFactory(
        name="Autumn 2026",
        starts_on=dt.date(2026, 9, 1),
        mid_semester_on=dt.date(2026, 10, 1),
        end_semester_on=dt.date(2026, 12, 1),
        ends_on=dt.date(2026, 12, 20),
    )
    LedgerEntryFactory(professor=ada, term=earlier, kind=EntryKind.GIVEN)
    found = standings(term, now=NOW)
    assert set(found) == {one.pk for one in three}
    assert elsewhere.pk not in found
    assert found.totals.given == D("1.5")
    assert {line.fair_share for line in found.values()} == {D("0.5")}


@pytest.mark.parametrize("people", [1, 3])
def test_standings_take_one_query(term, people, django_assert_num_queries):
    for _ in range(people):
        cover(ProfessorFactory(), ProfessorFactory())
    with django_assert_num_queries(1):
        standings(term, now=NOW)


@pytest.mark.parametrize("people", [1, 3])
def test_some_standings_take_one_query(term, people, django_assert_num_queries):
    asked = [ProfessorFactory() for _ in range(people)]
    for one in asked:
        cover(one, ProfessorFactory())
    with django_assert_num_queries(1):
        standings(term, now=NOW, professors=asked)


def test_some_standings_say_the_same_as_all(term):
    people = [ProfessorFactory(fte=fte) for fte in (1, D("0.5"), D("0.75"), 1, 0)]
    for hours, pair in [(1.5, (0, 1)), (50 / 60, (1, 2)), (50 / 60, (3, 0)), (3, (0, 4))]:
        cover(people[pair[0]], people[pair[1]], hours=hours)
    for one in people[1:3]:
        AbsenceFactory(
            professor=one, starts_at=at("2027-02-01 00:00"), ends_at=at("2027-02-12 17:00"), **LEAVE
        )
    whole = standings(term, now=NOW)
    for few in (people[:1], people[1:4], people):
        some = standings(term, now=NOW, professors=few)
        assert some == {one.pk: whole[one.pk] for one in few}
        assert (some.totals, some.complete) == (whole.totals, False)


def test_an_inactive_professor_is_entitled_to_nothing(term, three):
    gone = ProfessorFactory(active=False)
    line = standings(term, now=NOW, professors=[gone])[gone.pk]
    assert (line.entitlement, line.fair_share) == (0, 0)


# Who is asked first


def test_the_burden_after_a_class_is_relative_to_entitlement(term):
    full, half = ProfessorFactory(fte=1), ProfessorFactory(fte=D("0.5"))
    cover(full, half, hours=2)
    found = standings(term, now=NOW)
    assert (projected(found, full.pk, 1), projected(found, half.pk, D(1))) == (3, 2)
    assert (projected(found, full.pk, 2), projected(found, half.pk, 2.0)) == (4, 4)


def test_whoever_is_due_nothing_comes_last(term):
    nothing, some = ProfessorFactory(fte=0), ProfessorFactory()
    for _ in range(5):
        cover(some, ProfessorFactory(), hours=8)
    found = standings(term, now=NOW)
    assert projected(found, nothing.pk, 1) == math.inf
    assert projected(found, some.pk, 1) < projected(found, nothing.pk, 1)


# What it does to the balance


def test_the_effect_of_the_first_cover(term, three):
    found = standings(term, now=NOW)
    assert effect(found, three[0].pk, 1.5) == (None, 1)


def test_the_effect_tells_the_better_choice(term):
    people = [ProfessorFactory(name=f"P{n}") for n in range(4)]
    cover(people[0], people[1])
    found = standings(term, now=NOW)
    assert effects(found, [people[0].pk, people[1].pk], 1.5) == {
        people[0].pk: (1, 0),
        people[1].pk: (1, 1),
    }
    cover(people[0], people[1])
    found = standings(term, now=NOW)
    before, after = effect(found, people[1].pk, 1.5)
    assert (before, after) == (0, pytest.approx(1 / 3))


def test_the_effect_is_the_balance_once_it_has_happened(term, three):
    ada, ben, cleo = three
    cover(ben, ada)
    cover(ben, cleo, hours=50 / 60)
    promised = effects(standings(term, now=NOW), [ada.pk, ben.pk, cleo.pk], 50 / 60)
    cover(cleo, ada, hours=50 / 60)
    assert promised[cleo.pk][1] == distribution(standings(term, now=NOW)).balance.score


def test_the_hours_of_whoever_is_due_nothing_change_no_balance(term, three):
    ada, ben, _ = three
    guest = ProfessorFactory(fte=0)
    cover(ben, ada)
    cover(guest, ada)
    found = standings(term, now=NOW)
    assert effect(found, guest.pk, 1.5) == (1, 1)
    assert found[guest.pk].deviation == D("1.5")


@pytest.mark.parametrize("people", [1, 2])
def test_with_few_people_there_is_no_balance(term, people):
    few = [ProfessorFactory() for _ in range(people)]
    cover(few[0], few[-1])
    found = standings(term, now=NOW)
    assert distribution(found).balance is None
    assert effect(found, few[0].pk, 1) == (None, None)
    assert found[few[0].pk].given == D("1.5")


def test_the_effect_needs_everybody(term, three):
    found = standings(term, now=NOW, professors=three)
    with pytest.raises(ValueError, match="all professors"):
        effect(found, three[0].pk, 1)
