"""What is told when something happens: to whom, and in which words."""

import pytest

from reallocation.enums import CaseStatus, OfferStatus
from reallocation.models import Notice
from reallocation.notifications import announce
from tests.factories import (
    NOW,
    AbsenceFactory,
    CaseFactory,
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
    told,
    words,
)
from timetable import meetings
from voting.enums import BallotKind, BallotResult

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(db):
    return small_institute()


@pytest.fixture
def case(house):
    return case_of(house, "MATH.A")


def test_a_filed_absence_is_receipted_with_each_affected_meeting(house):
    ada, ben = house.professors["ADA"], house.professors["BEN"]
    absence = AbsenceFactory(professor=ada, ends_at=at("2027-03-04 00:00"))
    cases = [
        CaseFactory(absence=absence, meeting=house.meetings["MATH.A", "2027-03-03"]),
        CaseFactory(absence=absence, meeting=house.meetings["MATH.A", TUESDAY], named=ben),
    ]

    announce.absence_filed(absence, cases, NOW)

    assert told() == [("absence-filed", ["ada"])]
    assert words("absence-filed") == (
        "Your absence is on file: Tue 2 Mar – Wed 3 Mar",
        (
            "Your absence is on file: Tue 2 Mar – Wed 3 Mar (Europe/Vienna).\n\n"
            "2 class meetings need cover:\n\n"
            "- MATH Algebra, Tue 2 Mar, 09:00–10:30: Ben Baker is asked first\n"
            "- MATH Algebra, Wed 3 Mar, 09:00–10:30\n\n"
            "What happens next: whoever you named is asked, then colleagues of the section, then others "
            "who teach the course. If nobody can take a class, it gets a new time. You hear from us as "
            "soon as something is settled, and when we need a choice from you."
        ),
    )


def test_a_prolonged_absence_is_receipted_again_for_its_new_cases(house):
    absence = AbsenceFactory(professor=house.professors["ADA"])
    first = CaseFactory(absence=absence, meeting=house.meetings["MATH.A", TUESDAY])
    announce.absence_filed(absence, [first], NOW)
    second = CaseFactory(absence=absence, meeting=house.meetings["MATH.A", "2027-03-03"])

    announce.absence_filed(absence, [second], NOW)
    announce.absence_filed(absence, [second], NOW)
    announce.absence_withdrawn(absence, NOW)

    assert told() == [
        ("absence-filed", ["ada"]),
        ("absence-filed", ["ada"]),
        ("absence-withdrawn", ["ada"]),
    ]


def test_each_asked_professor_gets_a_message_of_their_own(house, case):
    wave = [offer_in(case, professor=house.professors[who]) for who in ("BEN", "CLEO")]

    announce.offers_sent(wave, NOW)

    assert told() == [("offer", ["ben"]), ("offer", ["cleo"])]
    assert [notice.link for notice in Notice.objects.order_by("pk")] == [
        f"offer/{offer.uid}" for offer in wave
    ]
    first = Notice.objects.order_by("pk").first()
    assert first.subject == "Can you take MATH on Tue 2 Mar, 09:00?"
    assert first.body == (
        "Ada Adler cannot teach then, and you are asked to take the class.\n\n"
        "Class: MATH Algebra (MATH.A)\n"
        "Time: Tue 2 Mar, 09:00–10:30 (Europe/Vienna)\n"
        "Room: Room R1\n\n"
        "Please say yes or no by Mon 1 Mar, 13:00.\n"
        "Ada Adler named you."
    )


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        (1, "Ada Adler named you."),
        (2, "Other colleagues may be asked as well: the first to say yes takes it."),
        (3, "If you say yes, the students of the class vote on it."),
    ],
)
def test_an_offer_says_what_a_yes_means(case, step, sentence):
    announce.offers_sent([offer_in(case, step=step)], NOW)
    assert words("offer")[1].splitlines()[-1] == sentence


def test_who_was_asked_learns_that_it_is_taken_or_no_longer_needed(house, case):
    by_ben, by_cleo = (offer_in(case, professor=house.professors[who]) for who in ("BEN", "CLEO"))
    announce.offers_taken([by_ben], NOW)
    announce.offers_withdrawn([by_cleo], NOW)
    assert told() == [("offer-taken", ["ben"]), ("offer-withdrawn", ["cleo"])]


def test_a_booked_substitute_is_released_once(house, case):
    ben = house.professors["BEN"]
    offer = offer_in(case, professor=ben, status=OfferStatus.ACCEPTED, answered_at=NOW)
    case.status, case.closed_at, case.due_at = "substituted", NOW, None
    case.save(update_fields=["status", "closed_at", "due_at"])

    announce.offers_withdrawn([offer], NOW)
    announce.substitute_released(case, ben, NOW)

    assert told() == [("released", ["ben"])]
    assert Notice.objects.get().data["invitation"]["method"] == "CANCEL"


def test_the_absent_professor_is_asked_to_choose(case):
    until = at("2027-03-01 13:00")
    announce.asked_to_choose_candidate(case, 3, until, NOW)
    announce.asked_to_choose_slot(case, 1, until, NOW)

    assert told() == [("choose-candidate", ["ada"]), ("choose-slot", ["ada"])]
    assert words("choose-candidate") == (
        "Who shall take MATH on Tue 2 Mar, 09:00?",
        (
            "3 colleagues could take your class and are free then. Please choose whom we ask.\n\n"
            "Class: MATH Algebra (MATH.A)\n"
            "Time: Tue 2 Mar, 09:00–10:30 (Europe/Vienna)\n"
            "Room: Room R1\n\n"
            "Without your choice by Mon 1 Mar, 13:00 we ask the first on the list."
        ),
    )


def test_a_choice_asked_again_in_a_later_turn_is_told_again(case):
    until = at("2027-03-01 13:00")
    announce.asked_to_choose_candidate(case, 3, until, NOW)
    announce.asked_to_choose_candidate(case, 3, until, NOW)
    case.turn = 7
    announce.asked_to_choose_candidate(case, 3, until, NOW)
    assert [kind for kind, _ in told()] == ["choose-candidate", "choose-candidate"]


def test_the_roll_is_asked_reminded_and_told_the_result(house, case):
    ballot = ballot_on(case)
    announce.ballot_opened(ballot, case, NOW)
    silent = [house.students["A2"], house.students["A4"]]
    announce.ballot_reminder(ballot, case, silent, NOW)
    close(ballot, BallotResult.APPROVED, yes=4, no=1)
    announce.ballot_closed(ballot, case, NOW)

    assert told() == [
        ("ballot", CLASS_A),
        ("ballot-reminder", ["a2", "a4"]),
        ("ballot-result", CLASS_A),
    ]
    assert words("ballot") == (
        "Please vote: MATH of Tue 2 Mar, 09:00",
        (
            "Shall Ben Baker teach this class?\n\n"
            "Class: MATH Algebra (MATH.A)\n"
            "Planned time: Tue 2 Mar, 09:00–10:30 (Europe/Vienna)\n\n"
            "You can vote, and change your vote, until Mon 1 Mar, 21:00. Nobody sees who voted what.\n"
            "It is a yes if more than half of the votes are yes, and they are at least 25 % of the 5 who "
            "may vote."
        ),
    )
    assert (
        "The class said yes.\nYes: 4. No: 1. Students who could vote: 5."
        in words("ballot-result")[1]
    )


def test_the_count_of_a_very_small_roll_is_not_told(house, case):
    voters = [house.students[code] for code in ("A1", "A2", "A3", "A4")]
    ballot = close(ballot_on(case, students=voters), BallotResult.REJECTED, yes=0, no=4)
    announce.ballot_closed(ballot, case, NOW)
    body = words("ballot-result")[1]
    assert "The class said no." in body
    assert "No: 4" not in body


def test_a_vote_called_off_says_so(case):
    ballot = close(ballot_on(case), BallotResult.CANCELLED, yes=2, no=1)
    announce.ballot_closed(ballot, case, NOW)
    body = words("ballot-result")[1]
    assert "The vote was called off" in body
    assert "Yes: 2" not in body


def test_the_candidate_learns_that_the_class_said_no_and_only_that(house, case):
    ben, dan = house.professors["BEN"], house.professors["DAN"]
    offer_in(case, step=3, professor=dan, status=OfferStatus.DECLINED, answered_at=NOW)
    offer = offer_in(case, step=3, professor=ben, status=OfferStatus.ACCEPTED, answered_at=NOW)
    ballot = close(ballot_on(case), BallotResult.REJECTED, yes=1, no=3)

    announce.ballot_closed(ballot, case, NOW)
    announce.offers_withdrawn([offer], NOW)

    assert told() == [("ballot-result", CLASS_A), ("ballot-lost", ["ben"])]


def test_a_weekend_vote_lost_concerns_no_candidate(house, case):
    offer_in(case, step=3, status=OfferStatus.ACCEPTED, answered_at=NOW)
    ballot = close(ballot_on(case, kind=BallotKind.WEEKEND), BallotResult.REJECTED, yes=1, no=3)
    announce.ballot_closed(ballot, case, NOW)
    assert told() == [("ballot-result", CLASS_A)]


def test_a_postponed_class_is_told_to_students_and_professor(case):
    meetings.postpone(case.meeting_id)
    announce.meeting_postponed(case, NOW)
    assert told() == [("postponed", CLASS_A), ("postponed-professor", ["ada"])]


def test_a_substitution_is_told_to_three_audiences(house, case):
    ben = house.professors["BEN"]
    case.absence.handover = "Chapter 4, exercises on page 80."
    case.absence.save(update_fields=["handover"])
    book(case, professor=ben)

    announce.meeting_substituted(case, ben, NOW)

    assert told() == [
        ("substituted", CLASS_A),
        ("substituted-professor", ["ada"]),
        ("substituted-substitute", ["ben"]),
    ]
    assert words("substituted") == (
        "MATH on Tue 2 Mar, 09:00: Ben Baker teaches",
        (
            "Ben Baker teaches this class in place of Ada Adler. It takes place as follows.\n\n"
            "Class: MATH Algebra (MATH.A)\n"
            "Time: Tue 2 Mar, 09:00–10:30 (Europe/Vienna)\n"
            "Room: Room R1\n"
            "Teacher: Ben Baker"
        ),
    )
    assert "Chapter 4, exercises on page 80." in words("substituted-substitute")[1]
    assert "Chapter 4" not in words("substituted")[1] + words("substituted-professor")[1]
    assert Notice.objects.get(kind="substituted-substitute").data["invitation"] == {
        "method": "REQUEST",
        "uid": str(case.meeting.uid),
        "sequence": 1,
        "starts_at": "2027-03-02T08:00:00+00:00",
        "ends_at": "2027-03-02T09:30:00+00:00",
        "summary": "MATH Algebra",
        "location": "Room R1",
        "description": "In place of Ada Adler. Class MATH.A.\n\nChapter 4, exercises on page 80.",
        "organizer": "Northfield University",
    }


def test_a_moved_class_says_old_and_new_time(case):
    book(case, starts_at=at("2027-03-04 14:00"), ends_at=at("2027-03-04 15:30"))
    announce.meeting_moved(case, NOW)
    assert told() == [("moved", CLASS_A), ("moved-professor", ["ada"])]
    assert words("moved") == (
        "Moved: MATH is now on Thu 4 Mar, 14:00",
        (
            "This class has moved.\n\n"
            "Class: MATH Algebra (MATH.A)\n"
            "Before: Tue 2 Mar, 09:00–10:30\n"
            "Time: Thu 4 Mar, 14:00–15:30 (Europe/Vienna)\n"
            "Room: Room R1\n"
            "Teacher: Ada Adler"
        ),
    )


def test_a_substitute_whose_class_moves_gets_the_calendar_update(house, case):
    ben = house.professors["BEN"]
    book(case, professor=ben)
    announce.meeting_substituted(case, ben, NOW)
    book(case, professor=ben, starts_at=at("2027-03-04 14:00"), ends_at=at("2027-03-04 15:30"))

    announce.meeting_moved(case, NOW)

    assert told()[3:] == [("moved", CLASS_A), ("moved-professor", ["ben"]), ("moved", ["ada"])]
    first, second = (
        notice.data["invitation"]
        for notice in Notice.objects.order_by("pk")
        if "invitation" in notice.data
    )
    assert (first["uid"], first["sequence"], first["method"]) == (
        str(case.meeting.uid), 1, "REQUEST",
    )  # fmt: skip
    assert second == {
        **first,
        "sequence": 2,
        "starts_at": "2027-03-04T13:00:00+00:00",
        "ends_at": "2027-03-04T14:30:00+00:00",
    }


def test_a_dropped_class_says_what_is_owed(case):
    meetings.drop(case.meeting_id)
    announce.meeting_dropped(case, NOW)
    assert told() == [("dropped", CLASS_A), ("dropped-professor", ["ada"])]
    assert words("dropped") == (
        "Dropped: MATH on Tue 2 Mar, 09:00",
        (
            "This class does not take place, and no other time was found for it.\n\n"
            "Class: MATH Algebra (MATH.A)\n"
            "Time: Tue 2 Mar, 09:00–10:30 (Europe/Vienna)\n"
            "Room: Room R1\n\n"
            "Its 1.5 h are still owed to you before Fri 12 Mar."
        ),
    )


def test_a_class_that_is_open_again_is_told_to_students_and_professor(house, case):
    book(case, professor=house.professors["BEN"])
    book(case)
    announce.open_again(case, NOW)
    assert told() == [("open-again", CLASS_A), ("open-again-professor", ["ada"])]
    subject, body = words("open-again")
    assert subject == "Open again: MATH on Tue 2 Mar, 09:00"
    assert body.startswith("What you were told about this class no longer holds.")
    assert "Room: Room R1" in body


def test_a_restored_class_is_told_to_students_and_professor(house, case):
    book(case, professor=house.professors["BEN"])
    book(case)
    announce.meeting_restored(case, NOW)
    announce.substitute_released(case, house.professors["BEN"], NOW)
    assert told() == [
        ("restored", CLASS_A),
        ("restored-professor", ["ada"]),
        ("released", ["ben"]),
    ]
    cancelled = Notice.objects.get(kind="released").data["invitation"]
    assert (cancelled["method"], cancelled["sequence"], cancelled["uid"]) == (
        "CANCEL", 2, str(case.meeting.uid),
    )  # fmt: skip


def test_a_class_that_is_left_out_is_told_to_its_professor_each_time(case):
    announce.class_left_out(case, NOW)
    announce.class_left_out(case, NOW)
    assert told() == [("left-out", ["ada"])]
    subject, body = words("left-out")
    assert subject == "You teach MATH on Tue 2 Mar, 09:00 yourself"
    assert body.startswith("This class is left out of your absence: you teach it as planned.")
    case.turn += 1
    announce.class_left_out(case, NOW)
    assert told() == [("left-out", ["ada"])] * 2


def test_a_new_note_reaches_the_calendar_of_whoever_is_booked(house):
    case = case_of(house, "MATH.A", status=CaseStatus.SUBSTITUTED, closed_at=NOW, due_at=None)
    ben = house.professors["BEN"]
    offer = offer_in(case, professor=ben, status=OfferStatus.ACCEPTED, answered_at=NOW)
    book(case, professor=ben)
    case.absence.handover = "Chapter 7"
    announce.handover_changed([offer], NOW)
    assert words("handover") == (
        "Changed note: MATH on Tue 2 Mar, 09:00",
        (
            "Ada Adler has changed the note for this class. It now says:\n\n"
            "Chapter 7\n\n"
            "Class: MATH Algebra (MATH.A)\n"
            "Time: Tue 2 Mar, 09:00–10:30 (Europe/Vienna)\n"
            "Room: Room R1\n"
            "Teacher: Ben Baker"
        ),
    )
    invitation = Notice.objects.get().data["invitation"]
    assert (invitation["method"], invitation["sequence"], invitation["description"]) == (
        "REQUEST", 1, "In place of Ada Adler. Class MATH.A.\n\nChapter 7",
    )  # fmt: skip


def test_a_note_that_is_gone_is_told_to_who_has_promised_without_an_invitation(house, case):
    offer = offer_in(
        case, professor=house.professors["EVE"], status=OfferStatus.ACCEPTED, answered_at=NOW
    )
    announce.handover_changed([offer], NOW)
    announce.handover_changed([offer], NOW)
    assert told() == [("handover", ["eve"])]
    assert words("handover")[1] == (
        "Ada Adler has removed the note for this class.\n\n"
        "Class: MATH Algebra (MATH.A)\n"
        "Time: Tue 2 Mar, 09:00–10:30 (Europe/Vienna)\n"
        "Room: Room R1"
    )
    assert "invitation" not in Notice.objects.get().data


def test_co_teachers_are_told_with_the_class(house):
    case = case_of(house, "CHEM.A")
    meetings.postpone(case.meeting_id)
    announce.meeting_postponed(case, NOW)
    assert told() == [("postponed", [*CLASS_A, "dan"]), ("postponed-professor", ["cleo"])]


def test_a_substitute_who_co_teaches_is_not_told_twice(house):
    case = case_of(house, "CHEM.A")
    announce.meeting_substituted(case, house.professors["DAN"], NOW)
    assert [people for _, people in told()] == [CLASS_A, ["cleo"], ["dan"]]
