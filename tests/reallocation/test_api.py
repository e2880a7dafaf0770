import datetime as dt

import pytest

from reallocation.enums import CaseStatus, OfferStatus, StepNumber, WaitingFor
from reallocation.models import Case, Offer
from tests.factories import CaseFactory, OfferFactory, StaffFactory, at
from tests.reallocation.calls import program_of
from timetable.models import Absence
from voting import ballots
from voting.enums import BallotKind

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def now(monkeypatch, flow):
    """The clock on the wall is the workflow's, which the test turns."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: flow.now)


@pytest.fixture
def house(flow):
    return flow.house


@pytest.fixture
def ada(house):
    return program_of(house.professors["ADA"])


@pytest.fixture
def ben(house):
    return program_of(house.professors["BEN"])


@pytest.fixture
def registrar(house):
    return program_of(StaffFactory(institute=house.institute))


def unavailable(**changes):
    return {
        "institute_id": "northfield",
        "professor_id": "ADA",
        "assignment_id": "MATH.A",
        "unavailability_date": "2027-03-02",
        "reason": "illness",
        **changes,
    }


def filed(program, **changes):
    said = program.post("/professor-unavailability", unavailable(**changes))
    assert said.status == 201, said.body
    return said.body


def test_an_absence_opens_a_case(ada, house):
    body = filed(ada)
    absence, case = Absence.objects.get(), Case.objects.get()
    meeting = house.meetings["MATH.A", "2027-03-02"]
    assert body == {
        "unavailability_id": str(absence.uid),
        "cases": [
            {
                "reallocation_id": str(case.uid),
                "meeting": str(meeting.uid),
                "assignment_id": "MATH.A",
                "starts_at": "2027-03-02T08:00:00Z",
                "ends_at": "2027-03-02T09:30:00Z",
                "step": 1,
                "status": "open",
            }
        ],
    }
    assert (absence.category, absence.note, absence.offering) == (
        "illness",
        "",
        house.classes["MATH.A"],
    )
    assert (absence.starts_at, absence.ends_at) == (
        at("2027-03-02 00:00"),
        at("2027-03-03 00:00"),
    )
    assert absence.filed_by == house.professors["ADA"].user


def test_without_a_class_every_meeting_in_the_span_is_covered(ada):
    body = filed(ada, assignment_id=None, ends_at="2027-03-03")
    assert [case["starts_at"] for case in body["cases"]] == [
        "2027-03-02T08:00:00Z",
        "2027-03-03T08:00:00Z",
    ]


@pytest.mark.parametrize(
    ("given", "ends_at", "span"),
    [
        ("2027-03-02T08:30:00", None, ("2027-03-02 08:30", "2027-03-03 00:00")),
        ("2027-03-02T08:30:00Z", None, ("2027-03-02 09:30", "2027-03-03 00:00")),
        (
            "2027-03-02T00:00:00",
            "2027-03-03T00:00:00",
            ("2027-03-02 00:00", "2027-03-03 00:00"),
        ),
        ("2027-03-02T09:00:00+01:00", "2027-03-02", ("2027-03-02 09:00", "2027-03-03 00:00")),
    ],
)
def test_a_moment_may_be_given_for_a_day(ada, given, ends_at, span):
    filed(ada, unavailability_date=given, ends_at=ends_at)
    absence = Absence.objects.get()
    assert (absence.starts_at, absence.ends_at) == (at(span[0]), at(span[1]))


def test_what_is_no_category_stays_private(ada):
    filed(ada, reason="Root canal", note="Ask my wife.")
    absence = Absence.objects.get()
    assert (absence.category, absence.note) == ("other", "Root canal\nAsk my wife.")


def test_a_named_substitute_is_asked(ada, flow):
    filed(ada, substitute_professor_id="EVE")
    flow.settle()
    assert flow.offers(Case.objects.get()) == [("EVE", OfferStatus.SENT)]


def test_nothing_is_filed_if_the_named_one_is_not_free(ada):
    said = ada.post(
        "/professor-unavailability",
        unavailable(unavailability_date="2027-03-03", substitute_professor_id="BEN"),
    )
    assert (said.status, said.code) == (409, "substitute_not_free")
    assert said.body["message"] == (
        "Ben Baker cannot take MATH (Wed 3 Mar, 09:00): teaches another class at that time."
    )
    assert not Absence.objects.exists()


def test_a_registrar_files_for_anybody(registrar, house):
    body = filed(registrar)
    assert len(body["cases"]) == 1
    assert Case.objects.get().log.first().actor_kind == "registrar"


def test_the_same_absence_twice_is_refused(ada):
    filed(ada)
    said = ada.post("/professor-unavailability", unavailable())
    assert (said.status, said.code) == (409, "absence_overlaps")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"assignment_id": "NONE"}, "assignment_id"),
        ({"substitute_professor_id": "NOBODY"}, "substitute_professor_id"),
        ({"professor_id": "NOBODY"}, "professor_id"),
        ({"institute_id": "elsewhere"}, "institute_id"),
    ],
)
def test_an_unknown_id_is_not_found(registrar, changes, field):
    said = registrar.post("/professor-unavailability", unavailable(**changes))
    assert (said.status, said.code, list(said.body["fields"])) == (404, "not_found", [field])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reason": "\x00"}, "It holds a character that cannot be kept."),
        ({"professor_id": "A" * 65}, "String should have at most 64 characters"),
    ],
)
def test_what_is_wrong_with_a_field_is_said_to_people(ada, changes, message):
    said = ada.post("/professor-unavailability", unavailable(**changes))
    assert said.body["fields"] == dict.fromkeys(changes, message)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"unavailability_date": "tomorrow"}, "unavailability_date"),
        ({"unavailability_date": 1772400000}, "unavailability_date"),
        ({"unavailability_date": "0001-01-01"}, "unavailability_date"),
        ({"unavailability_date": "2027-02-30"}, "unavailability_date"),
        ({"reason": "\x00"}, "reason"),
        ({"note": "\ud800"}, "note"),
        ({"professor_id": ""}, "professor_id"),
        ({"professor_id": None}, "professor_id"),
        ({"reason": 7}, "reason"),
    ],
)
def test_a_malformed_field_is_named(ada, changes, field):
    said = ada.post("/professor-unavailability", unavailable(**changes))
    assert (said.status, said.code, list(said.body["fields"])) == (422, "invalid", [field])


def test_a_substitute_is_asked_first(ada, ben, flow):
    absence = filed(ada)["unavailability_id"]
    flow.settle()
    said = ada.post(
        "/assign-direct-substitute",
        {
            "unavailability_id": absence,
            "substitute_professor_id": "EVE",
            "professor_approval": True,
        },
    )
    assert said.status == 200, said.body
    assert [(one["step"], one["status"]) for one in said.body["items"]] == [(1, "open")]
    flow.settle()
    case = Case.objects.get()
    assert (case.step, case.waiting_for) == (StepNumber.DIRECT, WaitingFor.SUBSTITUTE)
    assert flow.offers(case)[-1] == ("EVE", OfferStatus.SENT)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"substitute_professor_id": "BEN"}, 409, "not_free"),
        ({"professor_approval": False}, 422, "approval_required"),
        ({"professor_approval": "yes"}, 422, "invalid"),
        ({"reallocation_id": "9d3bd8ee-4f2b-4f8a-8f6c-0d1c5c2f5f11"}, 422, "invalid"),
        ({"unavailability_id": "9d3bd8ee-4f2b-4f8a-8f6c-0d1c5c2f5f11"}, 404, "not_found"),
    ],
)
def test_a_substitute_who_cannot_be_asked(ada, changes, status, code):
    absence = filed(ada, unavailability_date="2027-03-03")["unavailability_id"]
    said = ada.post(
        "/assign-direct-substitute",
        {
            "unavailability_id": absence,
            "substitute_professor_id": "EVE",
            "professor_approval": True,
            **changes,
        },
    )
    assert (said.status, said.code) == (status, code)


def test_an_offer_is_accepted_and_the_case_is_settled(ada, ben, flow, house):
    filed(ada, substitute_professor_id="BEN")
    flow.settle()
    (offer,) = ben.get("/offers").body["items"]
    assert (offer["professor_id"], offer["status"], offer["assignment_id"]) == (
        "BEN",
        "sent",
        "MATH.A",
    )
    said = ben.post(f"/offers/{offer['offer_id']}/accept")
    assert (said.status, said.body["status"]) == (200, "accepted")
    flow.settle()
    (case,) = ada.get("/cases").body["items"]
    assert (case["status"], case["teacher_id"]) == ("substituted", "BEN")
    again = ben.post(f"/offers/{offer['offer_id']}/accept")
    assert (again.status, again.code) == (409, "offer_answered")


def test_an_offer_is_declined_with_a_comment(ada, ben, flow):
    filed(ada, substitute_professor_id="BEN")
    flow.settle()
    offer = Offer.objects.get()
    said = ben.post(f"/offers/{offer.uid}/decline", {"comment": "At the dentist."})
    assert (said.status, said.body["status"], said.body["comment"]) == (
        200,
        "declined",
        "At the dentist.",
    )


def at_the_vote(ada, flow):
    """Nobody of the section helps; Dan or Eve of the subject says yes; the class votes."""
    filed(ada)
    flow.settle()
    case = Case.objects.get()
    while flow.again(case).waiting_for not in {WaitingFor.CANDIDATE_CHOICE, ""}:
        case = flow.past(case)
    case = flow.past(case)
    offer = case.offers.get(status=OfferStatus.SENT)
    said = program_of(offer.professor).post(f"/offers/{offer.uid}/accept")
    assert said.status == 200, said.body
    flow.settle()
    case = flow.again(case)
    assert case.waiting_for == WaitingFor.CLASS_VOTE
    return case


def test_the_class_votes(ada, flow, house):
    case = at_the_vote(ada, flow)
    first = program_of(house.students["A1"])
    ballot = {"reallocation_id": str(case.uid), "student_id": "A1", "vote": True}
    said = first.post("/student-vote", ballot)
    assert said.status == 200, said.body
    assert (said.body["vote"], said.body["turnout"], said.body["result"]) == (
        True,
        {"voted": 1, "roll": 5},
        None,
    )
    again = first.post("/student-vote", ballot)
    assert again.body["receipt"] == said.body["receipt"]
    (seen,) = first.get("/ballots").body["items"]
    assert (seen["vote"], seen["receipt"], seen["phase"], seen["yes"]) == (
        True,
        said.body["receipt"],
        "open",
        1,
    )
    (hidden,) = program_of(house.students["A2"]).get("/ballots").body["items"]
    assert (hidden["vote"], hidden["receipt"], hidden["yes"], hidden["turnout"]) == (
        None,
        None,
        None,
        {"voted": 1, "roll": 5},
    )
    for code in ("A2", "A3"):
        said = program_of(house.students[code]).post(
            "/student-vote", {**ballot, "student_id": code}
        )
    assert said.body["result"] == "approved"
    late = program_of(house.students["A4"]).post("/student-vote", {**ballot, "student_id": "A4"})
    assert (late.status, late.code) == (409, "closed")
    flow.settle()
    assert flow.again(case).status == CaseStatus.SUBSTITUTED


def test_a_key_with_a_vote_is_not_kept(ada, flow, house):
    from timetable.models import StoredAnswer

    case = at_the_vote(ada, flow)
    first = program_of(house.students["A1"])
    ballot = {"reallocation_id": str(case.uid), "student_id": "A1", "vote": True}
    said = [
        first.post("/student-vote", ballot, headers={"Idempotency-Key": "mine"}) for _ in range(2)
    ]
    assert said[0].body == said[1].body
    assert not StoredAnswer.objects.filter(user=house.students["A1"].user).exists()


def at_the_slots(ada, flow):
    filed(ada)
    flow.now = at("2027-03-02 08:30")
    flow.settle()
    case = Case.objects.get()
    for _step in range(6):
        if flow.again(case).waiting_for == WaitingFor.SLOT_CHOICE:
            break
        flow.past(case)
    assert flow.again(case).waiting_for == WaitingFor.SLOT_CHOICE
    return case


def test_the_professor_picks_a_new_time(ada, flow, house):
    case = at_the_slots(ada, flow)
    slots = ada.get(f"/cases/{case.uid}/slots")
    assert slots.status == 200
    best = slots.body["items"][0]
    said = ada.post(
        "/reschedule-class",
        {
            "unavailability_id": str(case.absence.uid),
            "new_time_slot_id": best["new_time_slot_id"],
            "new_date": best["new_date"],
            "professor_approval": True,
        },
    )
    assert said.status == 200, said.body
    flow.settle()
    (now,) = ada.get("/cases").body["items"]
    assert (now["status"], now["starts_at"], now["room_id"]) == (
        "rescheduled",
        best["starts_at"],
        best["room_id"],
    )


def test_a_clash_is_named(ada, flow):
    case = at_the_slots(ada, flow)
    wanted = {
        "reallocation_id": str(case.uid),
        "new_time_slot_id": "1",
        "new_date": "2027-03-03",
        "professor_approval": True,
    }
    said = ada.post("/reschedule-class", wanted)
    assert (said.status, said.code) == (409, "place_refused")
    assert said.body["message"] == (
        "The class cannot be moved there: teaches another class at that time."
    )


def test_a_registrar_moves_a_class_at_any_time(ada, registrar, flow):
    body = filed(ada)
    flow.settle()
    said = registrar.post(
        "/reschedule-class",
        {
            "unavailability_id": body["unavailability_id"],
            "new_time_slot_id": "4",
            "new_date": "2027-03-04",
            "professor_approval": True,
        },
    )
    assert said.status == 200, said.body
    assert (said.body["status"], said.body["starts_at"], said.body["room_id"]) == (
        "rescheduled",
        "2027-03-04T15:00:00Z",
        "R1",
    )


def test_a_weekend_class_is_put_to_the_vote_on_the_day_proposed(ada, registrar, flow):
    body = filed(ada)
    flow.settle()
    said = registrar.post(
        "/weekend-class",
        {
            "unavailability_id": body["unavailability_id"],
            "weekend_date": "2027-03-07",
            "student_approval": True,
        },
    )
    assert (said.status, said.body["step"], said.body["status"]) == (200, 5, "open")
    flow.settle()
    case = Case.objects.get()
    assert case.waiting_for == WaitingFor.WEEKEND_VOTE
    choice = case.slot_choices.exclude(ballot=None).get()
    assert case.institute.local(choice.starts_at).date() == dt.date(2027, 3, 7)
    for student in list(flow.house.students.values())[:3]:
        ballots.cast(ballot_uid=choice.ballot.uid, student=student, choice=True, now=flow.now)
    flow.settle()
    assert flow.again(case).status == CaseStatus.WEEKEND


def test_a_registrar_with_a_reason_needs_no_vote(ada, registrar, flow):
    body = filed(ada)
    flow.settle()
    said = registrar.post(
        "/weekend-class",
        {
            "reallocation_id": body["cases"][0]["reallocation_id"],
            "weekend_date": "2027-03-06",
            "student_approval": False,
            "reason": "The lab is booked all week.",
        },
    )
    assert (said.status, said.body["status"], said.body["starts_at"][:10]) == (
        200,
        "weekend",
        "2027-03-06",
    )


@pytest.mark.parametrize("reason", ["", "The lab is booked all week."])
def test_a_weekday_is_no_weekend(ada, registrar, reason):
    body = filed(ada)
    said = registrar.post(
        "/weekend-class",
        {
            "unavailability_id": body["unavailability_id"],
            "weekend_date": "2027-03-05",
            "student_approval": True,
            "reason": reason,
        },
    )
    assert (said.status, said.code) == (409, "place_refused")
    assert said.body["message"].endswith("there are no classes on that day.")


def test_the_status_tells_each_what_they_may_know(ada, flow, house):
    body = filed(ada, substitute_professor_id="EVE")
    flow.settle()
    case = Case.objects.get()
    mine = ada.get(f"/reallocation-status/{case.uid}").body
    assert (mine["kind"], mine["status"], mine["step"]) == ("reallocation", "open", 1)
    assert mine["deadline"] == case.deadline.isoformat().replace("+00:00", "Z")
    assert [step["result"] for step in mine["step_history"]] == ["running"]
    assert "Eve Ernst" in " ".join(line["text"] for line in mine["log"])
    theirs = program_of(house.students["A1"]).get(f"/reallocation-status/{case.uid}")
    assert theirs.status == 200
    assert "Eve" not in str(theirs.body)
    whole = ada.get(f"/reallocation-status/{body['unavailability_id']}").body
    assert (whole["kind"], whole["status"], len(whole["cases"])) == ("unavailability", "open", 1)


def test_candidates_are_ranked_and_the_others_explained(ada, flow):
    filed(ada, unavailability_date="2027-03-03")
    flow.settle()
    case = Case.objects.get()
    said = ada.get(f"/cases/{case.uid}/candidates")
    assert said.status == 200
    assert sorted(one["professor_id"] for one in said.body["items"]) == ["CLEO", "DAN", "EVE"]
    assert [(one["professor_id"], one["reason"]["code"]) for one in said.body["left_out"]] == [
        ("BEN", "teaching")
    ]


def test_meetings_of_some_days(ada, registrar, house):
    days = {"from": "2027-03-02", "to": "2027-03-03"}
    own = ada.get("/meetings", **days).body
    assert [one["starts_at"] for one in own["items"]] == [
        "2027-03-02T08:00:00Z",
        "2027-03-03T08:00:00Z",
    ]
    assert own["items"][0] == {
        "meeting": str(house.meetings["MATH.A", "2027-03-02"].uid),
        "assignment_id": "MATH.A",
        "course": "Algebra",
        "status": "scheduled",
        "starts_at": "2027-03-02T08:00:00Z",
        "ends_at": "2027-03-02T09:30:00Z",
        "room_id": "R1",
        "professor_id": "ADA",
        "planned_starts_at": "2027-03-02T08:00:00Z",
        "planned_ends_at": "2027-03-02T09:30:00Z",
        "planned_room_id": "R1",
        "planned_professor_id": "ADA",
    }
    assert len(registrar.get("/meetings", **days).body["items"]) == 7
    student = program_of(house.students["B1"]).get("/meetings", **days).body
    assert [one["assignment_id"] for one in student["items"]] == ["MATH.B", "PHYS.B", "CHEM.B"]


def test_meetings_come_in_pages(registrar):
    days = {"from": "2027-03-02", "to": "2027-03-03", "limit": 3}
    seen, page = [], registrar.get("/meetings", **days).body
    seen += page["items"]
    while page["next"]:
        page = registrar.get("/meetings", **days, after=page["next"]).body
        seen += page["items"]
    assert [len(page["items"]), len({one["meeting"] for one in seen}), len(seen)] == [1, 7, 7]


def test_pages_of_meetings_hold_those_that_have_left_their_day_too(registrar, house):
    """Moved from the second day to before it, and to long after it: told where they were planned."""
    away = {"MATH.A": at("2027-03-01 16:00"), "CHEM.B": at("2027-03-20 09:00")}
    for code, starts_at in away.items():
        meeting = house.meetings[code, "2027-03-03"]
        length = meeting.ends_at - meeting.starts_at
        meeting.starts_at, meeting.ends_at = starts_at, starts_at + length
        meeting.save(update_fields=["starts_at", "ends_at"])
    days, seen, after = {"from": "2027-03-02", "to": "2027-03-03", "limit": 1}, [], {}
    while after is not None:
        page = registrar.get("/meetings", **days, **after).body
        seen += [(one["starts_at"], one["assignment_id"]) for one in page["items"]]
        after = {"after": page["next"]} if page["next"] else None
    first, last = ("2027-03-01T15:00:00Z", "MATH.A"), ("2027-03-20T08:00:00Z", "CHEM.B")
    assert [seen[0], seen[-1]] == [first, last]
    starts = [start for start, _ in seen]
    assert (len(seen), len(set(seen)), starts) == (7, 7, sorted(starts))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "2027-03-03", "to": "2027-03-02"}, "to"),
        ({"from": "2027-01-01", "to": "2029-01-01"}, "to"),
        ({"from": "yesterday"}, "from"),
        ({"limit": 0}, "limit"),
        ({"limit": 10**30}, "limit"),
        ({"after": "x"}, "after"),
        ({"assignment_id": "\x00"}, "assignment_id"),
    ],
)
def test_a_malformed_query_is_named(ada, query, field):
    said = ada.get("/meetings", **query)
    assert (said.status, said.code, list(said.body["fields"])) == (422, "invalid", [field])


def test_since_a_cursor_only_what_changed_is_told(ada, registrar, flow):
    filed(ada, assignment_id=None, ends_at="2027-03-03")
    flow.settle()
    first = registrar.get("/cases").body
    assert len(first["items"]) == 2
    assert registrar.get("/cases", since=first["cursor"]).body["items"] == []
    case = Case.objects.first()
    answer = case.offers.first()
    program_of(answer.professor).post(f"/offers/{answer.uid}/decline")
    (changed,) = registrar.get("/cases", since=first["cursor"]).body["items"]
    assert changed["reallocation_id"] == str(case.uid)
    (case_page,) = [registrar.get("/cases", limit=1).body]
    rest = registrar.get("/cases", limit=1, after=case_page["next"]).body
    assert (len(rest["items"]), rest["next"]) == (1, None)


def test_the_fairness_report_shows_professors_their_own_line(ada, registrar):
    whole = registrar.get("/fairness-report/northfield").body
    assert len(whole["professors"]) == 5
    own = ada.get("/fairness-report/northfield").body
    assert [line["professor"] for line in own["professors"]] == ["ADA"]
    assert own["teaching"]["people"] == whole["teaching"]["people"]


@pytest.mark.parametrize("path", ["/cases", "/offers", "/ballots", "/meetings"])
def test_a_list_costs_the_same_however_long_it_is(
    path, flow, house, registrar, django_assert_max_num_queries
):
    def queries_of(program):
        with django_assert_max_num_queries(100) as counted:
            said = program.get(path, **{"from": "2027-03-02"} if path == "/meetings" else {})
        assert said.status == 200
        return len(said.body["items"]), len(counted)

    program = program_of(house.students["A1"]) if path == "/ballots" else registrar
    program.get(path)  # the day of the token's first use is written once
    meetings = [house.meetings["MATH.A", day] for day in ("2027-03-02", "2027-03-03")]
    meetings.append(house.meetings["PHYS.A", "2027-03-02"])
    lengths = []
    for meeting in meetings:
        case = CaseFactory(meeting=meeting)
        OfferFactory(case=case, professor=house.professors["EVE"])
        ballots.open_ballot(
            institute=house.institute,
            offering=meeting.offering,
            kind=BallotKind.SUBSTITUTE,
            question="Shall Eve teach this class?",
            subject_uid=case.uid,
            closes_at=at("2027-03-01 20:00"),
            quorum_percent=25,
            now=flow.now,
        )
        lengths.append(queries_of(program))
    (short, few), _, (long, many) = lengths
    assert few == many
    assert (short, long) == ((7, 7) if path == "/meetings" else (1, 3))
