"""Who could take a meeting: filtered and ranked, each with reasons."""

import datetime as dt
from decimal import Decimal

import pytest

from fairness import ledger
from reallocation import answers, candidates, overrides
from reallocation.audit import Who
from reallocation.enums import ActorKind, CaseStatus, OfferStatus
from reallocation.models import Offer, Policy
from reallocation.ties import Circle
from tests.factories import (
    AbsenceFactory,
    AvailabilityFactory,
    CaseFactory,
    MeetingFactory,
    OfferFactory,
    OfferingFactory,
    TeachingFactory,
    TermFactory,
    at,
    small_institute,
)
from timetable import meetings
from timetable.models import Hold


def ranked(flow, case, people=None, **policy):
    people = people or list(flow.house.professors.values())
    rules = Policy(institute=flow.house.institute, **policy)
    return candidates.pool(case, people, rules, now=flow.now)


def codes(found):
    return [candidate.professor.code for candidate in found.ranked]


def reasons(found, code):
    (candidate,) = [c for c in found.ranked if c.professor.code == code]
    return [reason.sentence() for reason in candidate.reasons]


def left_out(found):
    return {left.professor.code: left.reason.code for left in found.left_out}


def test_pools_are_those_of_the_section_and_of_the_course(flow):
    case = flow.case()
    section = candidates.professors_of_section(case)
    course = candidates.professors_of_course(case)
    assert [p.code for p in section] == ["BEN", "CLEO", "DAN"]
    assert [p.code for p in course] == ["DAN", "EVE"]


def test_everybody_left_out_has_a_reason(flow):
    house = flow.house
    case = flow.case()
    MeetingFactory(
        offering=house.classes["PHYS.B"],
        planned_professor=house.professors["BEN"],
        planned_room=None,
        day=dt.date(2027, 3, 2),
        clock=dt.time(9),
    )
    AbsenceFactory(professor=house.professors["CLEO"])
    AvailabilityFactory(
        professor=house.professors["DAN"], weekday=2, starts=dt.time(8), ends=dt.time(9, 15)
    )
    found = ranked(flow, case)
    assert left_out(found) == {
        "ADA": "is_absent_professor",
        "BEN": "teaching",
        "CLEO": "absent",
        "DAN": "unavailable",
    }
    assert codes(found) == ["EVE"]


def test_co_teaching_makes_busy(flow):
    case = flow.case()
    TeachingFactory(
        offering=flow.house.classes["PHYS.B"], professor=flow.house.professors["DAN"], position=1
    )
    MeetingFactory(
        offering=flow.house.classes["PHYS.B"],
        planned_room=None,
        day=dt.date(2027, 3, 2),
        clock=dt.time(9),
    )
    assert left_out(ranked(flow, case)) | {"x": 1} == {
        "ADA": "is_absent_professor",
        "BEN": "teaching",
        "DAN": "teaching",
        "x": 1,
    }


def test_a_promise_to_another_case_makes_busy_and_to_this_one_does_not(flow):
    case = flow.case()
    ben = flow.house.professors["BEN"]
    hold = meetings.hold(case.meeting, case_uid=case.uid, professor=ben)
    assert "BEN" in codes(ranked(flow, case))
    Hold.objects.filter(pk=hold.pk).update(case_uid="00000000-0000-0000-0000-000000000001")
    assert left_out(ranked(flow, case))["BEN"] == "held"


def test_another_institute_is_never_asked(flow):
    other = small_institute("southfield")
    case = flow.case()
    found = ranked(flow, case, list(other.professors.values()))
    assert set(left_out(found).values()) == {"other_institute"}


@pytest.mark.parametrize(
    ("field", "hours", "code"),
    [("max_daily_hours", 2, "daily_cap"), ("weekly_hours", 0, None), ("weekly_hours", None, None)],
)
def test_caps_of_the_person(flow, field, hours, code):
    case = flow.case()
    ben = flow.house.professors["BEN"]  # 1.5 h on Tuesday, 3 h in the week
    setattr(ben, field, hours)
    found = ranked(flow, case, [ben])
    assert left_out(found).get("BEN") == code


def test_caps_of_the_policy(flow):
    case = flow.case()
    ben = flow.house.professors["BEN"]
    ben.weekly_hours = None
    assert left_out(ranked(flow, case, [ben], daily_cap_hours=2)) == {"BEN": "daily_cap"}
    assert left_out(ranked(flow, case, [ben], weekly_cap_hours=4)) == {"BEN": "weekly_cap"}
    ben.weekly_hours = 3
    assert left_out(ranked(flow, case, [ben], weekly_extra_hours=1)) == {"BEN": "weekly_cap"}
    (left,) = ranked(flow, case, [ben], weekly_extra_hours=1).left_out
    assert left.reason.sentence() == "would teach 4.5 h that week, the limit is 4 h"


def cover(flow, code, hours=2):
    ledger.covered(
        substitute=flow.house.professors[code],
        absent=flow.house.professors["ADA"],
        meeting=flow.house.meetings["PHYS.A", "2027-03-02"],
        case_uid="00000000-0000-0000-0000-00000000000a",
        hours=hours,
        now=flow.now,
    )


def test_whoever_has_covered_least_for_their_entitlement_comes_first(flow):
    case = flow.case()
    for code in ("BEN", "CLEO", "DAN"):
        cover(flow, code)
    found = ranked(flow, case)
    assert codes(found)[0] == "EVE"
    assert reasons(found, "EVE")[0] == "1.2 h below fair share"
    eve = flow.house.professors["EVE"]
    eve.fte = Decimal("0.25")
    eve.save(update_fields=["fte"])
    assert codes(ranked(flow, case))[-1] == "EVE"


def test_at_equal_burden_whoever_is_there_anyway_comes_first(flow):
    found = ranked(flow, flow.case())
    assert codes(found) == ["DAN", "BEN", "CLEO", "EVE"]
    assert reasons(found, "DAN") == [
        "at fair share",
        "on campus that day",
        "knows the section",
        "taught MATH in 2027",
    ]
    assert reasons(found, "EVE") == ["at fair share", "no other class that day"]


def test_nobody_teaches_a_third_hour_in_a_row_if_somebody_else_can(flow):
    case = flow.case()
    MeetingFactory(
        offering=flow.house.classes["MATH.B"],
        planned_room=None,
        day=dt.date(2027, 3, 2),
        planned_starts_at=at("2027-03-02 10:30"),
        planned_ends_at=at("2027-03-02 12:00"),
        overlap_tolerated=True,
    )
    found = ranked(flow, case)
    assert "would teach 3 h in a row" in reasons(found, "DAN")
    assert codes(found) == ["BEN", "CLEO", "DAN", "EVE"]


def test_search_costs_the_same_however_many_people_there_are(flow, django_assert_num_queries):
    case = flow.case()
    one, all_five = [flow.house.professors["BEN"]], list(flow.house.professors.values())
    with django_assert_num_queries(4):
        ranked(flow, flow.again(case), one)
    with django_assert_num_queries(4):
        ranked(flow, flow.again(case), all_five)


HOUR = dt.timedelta(hours=1)


def requests(flow, code, *statuses, meeting=None):
    """Requests to them, of cases that are over; those accepted, declined or called off were answered."""
    unanswered = {OfferStatus.SENT, OfferStatus.TAKEN, OfferStatus.EXPIRED}
    for status in statuses:
        case = CaseFactory(
            meeting=meeting or flow.house.meetings["MATH.A", "2027-03-03"],
            status=CaseStatus.WITHDRAWN,
            closed_at=flow.now,
            due_at=None,
        )
        OfferFactory(
            case=case,
            professor=flow.house.professors[code],
            status=status,
            sent_at=flow.now - HOUR,
            answered_at=None if status in unanswered else flow.now,
        )


def rate(flow, code):
    """How often they accept, as the search of a step says it, and the one for who chooses."""
    case = flow.again(flow.seen)
    found, nearby = (
        [said for said in reasons(pool, code) if said.startswith("accepts")]
        for pool in (ranked(flow, case), near(flow, case))
    )
    assert found == nearby
    return found


def near(flow, case):
    circle = Circle.around([case])
    standing = circle.standings(case.meeting.offering.term, now=flow.now)
    return candidates.pool_near(case, circle, Policy(institute=flow.house.institute), standing)


@pytest.fixture
def seen(flow):
    """A case that nobody has been asked about."""
    (flow.seen,) = flow.file().cases
    return flow.seen


def test_nobody_is_ranked_before_it_is_known_how_they_answer(seen):
    circle = Circle.around([seen])
    assert circle.people
    with pytest.raises(LookupError, match="ask for these first"):
        circle.near(seen)


def test_a_request_counts_once_it_is_answered_or_has_run_out(flow, seen):
    sent, taken = OfferStatus.SENT, OfferStatus.TAKEN
    requests(flow, "BEN", sent, sent, sent, taken, taken, taken)
    assert rate(flow, "BEN") == []
    requests(flow, "BEN", OfferStatus.ACCEPTED, OfferStatus.DECLINED)
    assert rate(flow, "BEN") == []
    requests(flow, "BEN", OfferStatus.EXPIRED)
    assert rate(flow, "BEN") == ["accepts 33\N{NO-BREAK SPACE}% of requests"]
    # Called off after they had said yes.
    requests(flow, "BEN", OfferStatus.WITHDRAWN)
    assert rate(flow, "BEN") == ["accepts 50\N{NO-BREAK SPACE}% of requests"]
    assert rate(flow, "CLEO") == []


def test_a_request_called_off_before_it_was_answered_is_no_no(flow, seen):
    requests(flow, "BEN", *[OfferStatus.DECLINED] * 3)
    requests(flow, "BEN", OfferStatus.WITHDRAWN)
    Offer.objects.filter(status=OfferStatus.WITHDRAWN).update(answered_at=None)
    assert rate(flow, "BEN") == ["accepts 0\N{NO-BREAK SPACE}% of requests"]
    requests(flow, "BEN", OfferStatus.WITHDRAWN)
    assert rate(flow, "BEN") == ["accepts 25\N{NO-BREAK SPACE}% of requests"]


def test_another_term_says_nothing_of_this_one(flow, seen):
    spring = TermFactory(
        institute=flow.house.institute,
        name="Spring 2026",
        starts_on=dt.date(2026, 2, 1),
        ends_on=dt.date(2026, 6, 30),
        mid_semester_on=dt.date(2026, 4, 1),
        end_semester_on=dt.date(2026, 6, 1),
    )
    meeting = MeetingFactory(
        offering=OfferingFactory(term=spring, professors=[flow.house.professors["ADA"]]),
        planned_room=None,
        day=dt.date(2026, 3, 3),
    )
    requests(flow, "BEN", *[OfferStatus.DECLINED] * 3, meeting=meeting)
    assert rate(flow, "BEN") == []


def test_who_accepts_more_often_comes_first_and_open_requests_change_nothing(flow, seen):
    def order():
        return [code for code in codes(ranked(flow, flow.again(seen))) if code in {"BEN", "CLEO"}]

    assert order() == ["BEN", "CLEO"]
    requests(flow, "BEN", *[OfferStatus.SENT] * 3, *[OfferStatus.TAKEN] * 3)
    assert order() == ["BEN", "CLEO"]
    requests(flow, "BEN", OfferStatus.EXPIRED)
    assert order() == ["CLEO", "BEN"]
    requests(flow, "BEN", OfferStatus.ACCEPTED, OfferStatus.ACCEPTED)
    assert order() == ["BEN", "CLEO"]


def test_whom_a_registrar_assigns_was_not_asked_but_may_take_it_back(flow):
    assigned, flow.seen = flow.file(ends="2027-03-04 00:00").cases
    cleo = flow.house.professors["CLEO"]
    requests(flow, "CLEO", OfferStatus.ACCEPTED, OfferStatus.DECLINED)
    registrar = Who(ActorKind.REGISTRAR)
    overrides.assign(assigned, professor=cleo, why="Agreed", now=flow.now, who=registrar)
    assert rate(flow, "CLEO") == []
    answers.take_back(assigned, by=cleo, now=flow.now + HOUR)
    assert rate(flow, "CLEO") == ["accepts 33\N{NO-BREAK SPACE}% of requests"]
