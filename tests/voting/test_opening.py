import datetime as dt
import uuid

import pytest
from django.db import IntegrityError

from tests.factories import NOW, EnrolmentFactory, StudentFactory
from tests.voting.classroom import CLOSES, class_of, open_for, open_to
from voting import ballots
from voting.models import Ballot, RollPlace
from voting.refusals import VotingRefused

pytestmark = pytest.mark.django_db


def roll(ballot):
    return set(ballot.roll.values_list("student__code", flat=True))


def test_the_roll_is_the_active_students_of_the_class():
    class_of(2)
    ballot, students = open_to(3)
    assert roll(ballot) == {student.code for student in students}
    assert ballot.roll_size == 3


def test_who_left_the_institute_is_not_on_the_roll():
    offering = class_of(3)
    gone = offering.students.first()
    gone.active = False
    gone.save(update_fields=["active"])
    ballot = open_for(offering)
    assert roll(ballot) == {s.code for s in offering.students.exclude(pk=gone.pk)}
    assert ballot.roll_size == 2


def test_a_student_of_another_institute_is_never_on_the_roll():
    offering = class_of(1)
    stranger = class_of(1, "southfield").students.get()
    EnrolmentFactory(offering=offering, student=stranger)
    ballot = open_for(offering)
    assert roll(ballot) == {offering.students.get(institute__slug="northfield").code}
    assert ballot.roll_size == 1


def test_the_roll_is_frozen():
    ballot, students = open_to(2)
    EnrolmentFactory(offering=ballot.offering, student=StudentFactory(section=None))
    ballot.offering.enrolments.filter(student=students[0]).delete()
    ballot.refresh_from_db()
    assert roll(ballot) == {student.code for student in students}
    assert ballot.roll_size == 2


def test_opening_tells_with_the_roll_in_place(told):
    ballot, _students = open_to(2)
    assert told == [("ballot_opened", {"ballot": ballot, "now": NOW})]


def test_an_empty_roll_is_refused(told):
    with pytest.raises(VotingRefused) as refusal:
        open_to(0)
    assert refusal.value.code == "empty_roll"
    assert (Ballot.objects.count(), told) == (0, [])


def test_a_second_open_ballot_on_the_subject_is_refused(told):
    subject = uuid.uuid4()
    first, _students = open_to(2, subject_uid=subject)
    told.clear()
    with pytest.raises(VotingRefused) as refusal:
        open_to(2, subject_uid=subject)
    assert refusal.value.code == "already_open"
    assert list(Ballot.objects.all()) == [first]
    assert (RollPlace.objects.count(), told) == (2, [])


def test_a_subject_may_be_voted_on_again_after_the_close():
    subject = uuid.uuid4()
    first, _students = open_to(2, subject_uid=subject)
    ballots.cancel(first.pk, NOW)
    second, _students = open_to(2, subject_uid=subject)
    assert list(Ballot.objects.open()) == [second]


def test_a_ballot_that_would_close_at_once_is_refused():
    with pytest.raises(VotingRefused) as refusal:
        open_to(2, closes_at=NOW)
    assert refusal.value.code == "no_time"


def test_a_quorum_above_everybody_is_refused_by_the_database():
    with pytest.raises(IntegrityError, match="ballot_quorum_is_percent"):
        open_to(2, quorum_percent=101)


def test_a_refusal_speaks_to_people():
    with pytest.raises(VotingRefused) as refusal:
        open_to(0)
    assert refusal.value.message == "Nobody is enrolled in this class, so nobody could vote."
    assert str(refusal.value) == f"empty_roll: {refusal.value.message}"


@pytest.mark.usefixtures("nobody_listens")
@pytest.mark.parametrize("size", [1, 3])
def test_opening_takes_as_many_queries_for_any_roll(size, django_assert_num_queries):
    offering = class_of(size)
    # savepoint, roster; savepoint, ballot, release; roll; release
    with django_assert_num_queries(7):
        open_for(offering)


def test_the_rule_is_stored_with_the_ballot():
    ballot, _students = open_to(2, quorum_percent=40, hide_count=True)
    ballot.refresh_from_db()
    assert (ballot.quorum_percent, ballot.hide_count) == (40, True)
    assert (ballot.opened_at, ballot.closes_at) == (NOW, CLOSES)
    assert ballot.accepts_at(CLOSES - dt.timedelta(microseconds=1))
    assert not ballot.accepts_at(CLOSES)
