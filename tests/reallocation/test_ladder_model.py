"""The model on small examples, each computed by hand; and its clock beside the engine's."""

import datetime as dt
import zoneinfo
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reallocation.models import Policy
from reallocation.policy import Budget, Stage, WakingClock, Waves
from tests.reallocation.model import invariants, ladder, outlook, outside
from tests.reallocation.model.budget import HOUR, Rules, open_window, waves
from tests.reallocation.model.clock import Clock, clock_of
from tests.reallocation.model.world import (
    Absence,
    Klass,
    Meeting,
    Place,
    Professor,
    Refused,
    World,
)

ORIGIN = dt.datetime(2027, 2, 22, tzinfo=dt.UTC)
UTC = Clock("UTC", origin=ORIGIN)
ROME = Clock("Europe/Rome", origin=ORIGIN)
AUTUMN = dt.datetime(2027, 10, 25, tzinfo=dt.UTC)


def at(day, clock, zone=UTC):
    """A moment of March 2027, whose first day is a Monday."""
    hour, minute = map(int, clock.split(":"))
    return zone.moment(dt.date(2027, 3, day), dt.time(hour, minute))


# Waking time.


@pytest.mark.parametrize(
    ("start", "waking", "end"),
    [
        (at(1, "08:00"), 4 * HOUR, at(1, "12:00")),
        (at(1, "20:00"), 6 * HOUR, at(2, "11:00")),
        (at(1, "20:00"), 2 * HOUR, at(1, "22:00")),
        (at(1, "23:30"), HOUR, at(2, "08:00")),
        (at(1, "04:00"), HOUR, at(1, "08:00")),
        (at(6, "21:00"), 4 * HOUR, at(7, "10:00")),
        (at(1, "08:00"), 31 * HOUR, at(3, "09:00")),
        (at(1, "23:30"), dt.timedelta(), at(1, "23:30")),
        (at(1, "21:59"), dt.timedelta(seconds=90), at(2, "07:00") + dt.timedelta(seconds=30)),
    ],
)
def test_waking_time_passes_by_day_alone(start, waking, end):
    assert UTC.advance(start, waking) == end
    assert UTC.waking_between(start, end) == waking


def test_the_shorter_night_in_spring_brings_the_morning_sooner():
    evening = at(27, "20:00", ROME)
    assert evening == dt.datetime(2027, 3, 27, 19, tzinfo=dt.UTC)
    assert ROME.advance(evening, 4 * HOUR) == dt.datetime(2027, 3, 28, 7, tzinfo=dt.UTC)


def test_the_longer_night_in_autumn_brings_the_morning_later():
    clock = Clock("Europe/Rome", origin=AUTUMN)
    evening = clock.moment(dt.date(2027, 10, 30), dt.time(20))
    assert evening == dt.datetime(2027, 10, 30, 18, tzinfo=dt.UTC)
    assert clock.advance(evening, 4 * HOUR) == dt.datetime(2027, 10, 31, 8, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("origin", "day", "hours"),
    [(ORIGIN, dt.date(2027, 3, 28), 4), (AUTUMN, dt.date(2027, 10, 31), 6)],
)
def test_an_hour_skipped_or_repeated_while_awake_counts_as_it_passes(origin, day, hours):
    clock = Clock("Europe/Rome", dt.time(0), dt.time(5), origin=origin)
    start = clock.moment(day, dt.time())
    assert clock.waking_between(start, start + 12 * HOUR) == hours * HOUR


# Windows.


def ends(stage, now, deadline, rules=None, clock=UTC):
    window = open_window(stage, now, deadline, rules or Rules(), clock)
    return window and (window.ends_at, window.waking)


@pytest.mark.parametrize(
    ("stage", "opened", "closes"),
    [
        ("direct", at(1, "08:00"), at(1, "12:00")),
        ("section", at(1, "20:00"), at(2, "11:00")),
        ("vote", at(1, "12:00"), at(2, "09:00")),
    ],
)
def test_windows_are_whole_while_there_is_time(stage, opened, closes):
    assert ends(stage, opened, at(8, "09:00")) == (closes, True)


def test_a_whole_window_may_end_exactly_at_the_deadline():
    # 30 h are needed: Monday's and Tuesday's waking hours are exactly that.
    assert ends("direct", at(1, "07:00"), at(2, "22:00")) == (at(1, "11:00"), True)
    assert ends("vote", at(2, "10:00"), at(2, "22:00")) == (at(2, "22:00"), True)


@pytest.mark.parametrize(
    ("stage", "opened", "closes"),
    [
        ("direct", "07:00", "09:00"),  # 15 of 30 h left
        ("section", "09:00", "12:00"),  # 13 of 26
        ("choose", "12:00", "14:00"),  # 10 of 20
        ("answer", "14:00", "16:00"),  # 8 of 16
        ("vote", "16:00", "22:00"),  # 6 of 12
    ],
)
def test_all_windows_shrink_by_the_same_factor(stage, opened, closes):
    assert ends(stage, at(1, opened), at(2, "07:00")) == (at(1, closes), True)


def test_clock_hours_count_when_the_meeting_comes_before_enough_waking_time():
    # Half a waking hour of 30 would make 4 minutes of 4 hours; nine clock hours make 72.
    assert ends("direct", at(1, "22:30"), at(2, "07:30")) == (at(1, "23:42"), False)


def test_a_window_under_its_floor_is_none_and_a_longer_one_after_it_may_still_open():
    now, deadline = at(1, "07:00"), at(1, "08:00")
    assert ends("direct", now, deadline) is None  # 8 minutes
    assert ends("section", now, deadline) == (  # 6/26 of an hour
        now + dt.timedelta(microseconds=round(HOUR / dt.timedelta(microseconds=1) * 6 / 26)),
        False,
    )
    assert ends("choose", now, deadline) == (at(1, "07:12"), True)  # 4/20 of an hour


def test_scaling_stays_with_waking_hours_at_exactly_the_floor():
    # 75 waking minutes of 30 h make 10 minutes of the smallest window, 4 h.
    assert ends("direct", at(1, "07:00"), at(1, "08:15")) == (at(1, "07:10"), True)
    assert ends("direct", at(1, "20:44"), at(1, "22:00")) == (
        at(1, "20:54") + dt.timedelta(seconds=8),
        True,
    )


def test_nothing_opens_at_or_after_the_deadline():
    assert ends("direct", at(1, "08:00"), at(1, "08:00")) is None
    assert ends("vote", at(1, "08:01"), at(1, "08:00")) is None


def test_slot_and_weekend_share_the_checkpoints_time():
    checkpoint = at(6, "00:00") - HOUR  # the end of Friday the 5th, less notice
    assert ends("slot", at(1, "08:00"), checkpoint) == (at(2, "17:00"), True)
    # Friday 07:00: 15 waking hours of 48 h needed: 24 h become 7.5 h each.
    assert ends("slot", at(5, "07:00"), checkpoint) == (at(5, "14:30"), True)
    assert ends("weekend", at(5, "14:30"), checkpoint) == (at(5, "22:00"), True)
    # Friday 22:30: no waking time left, half an hour by the clock.
    assert ends("slot", at(5, "22:30"), checkpoint) == (at(5, "22:45"), False)
    assert ends("slot", at(5, "22:45"), checkpoint) is None


@pytest.mark.parametrize(
    ("members", "wave_size", "minutes", "expected"),
    [
        (7, 3, 360, (3, 3)),
        (6, 3, 360, (2, 3)),
        (8, 3, 360, (3, 3)),
        (4, 3, 360, (2, 2)),  # evenly, not 3 and 1
        (7, 0, 360, (1, 7)),
        (7, 1, 20, (2, 4)),  # twenty minutes hold two waves of ten
        (7, 1, 60, (4, 2)),  # six waves would be 1.17 each: two a wave, four waves
        (7, 1, 19, (1, 7)),
    ],
)
def test_waves_are_even_and_never_closer_than_the_floor(members, wave_size, minutes, expected):
    now = at(1, "08:00")
    window = open_window(
        "vote",
        now,
        at(8, "09:00"),
        Rules(windows={**Rules().windows, "vote": dt.timedelta(minutes=minutes)}),
        UTC,
    )
    assert waves(members, wave_size, window, dt.timedelta(minutes=10)) == expected


def test_a_wave_leaves_at_its_share_of_waking_time():
    window = open_window("section", at(1, "20:00"), at(8, "09:00"), Rules(), UTC)
    assert [window.at_share(k, 3, UTC) for k in range(3)] == [
        at(1, "20:00"),
        at(1, "22:00"),
        at(2, "09:00"),
    ]


# The engine's clock beside the model's.

MICROSECONDS = dt.timedelta(microseconds=10)
"""What rounding may differ by."""

minutes = st.integers(1, 30 * 60).map(lambda n: dt.timedelta(minutes=n))
moments = st.integers(0, 40 * 24 * 3600).map(
    lambda n: dt.datetime(2027, 3, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=n)
)
waking_hours = st.sampled_from(
    [
        (dt.time(7), dt.time(22)),
        (dt.time(9), dt.time(17)),
        (dt.time(0), dt.time(23, 59)),
        (dt.time(1), dt.time(4)),
        (dt.time(12), dt.time(12, 5)),
    ]
)
zones = st.sampled_from(["Europe/Rome", "Asia/Kolkata", "America/New_York", "America/Santiago"])


@settings(max_examples=400, deadline=None)
@given(
    zone=zones,
    hours=waking_hours,
    lengths=st.lists(minutes, min_size=7, max_size=7),
    floor=st.integers(1, 60),
    stage=st.sampled_from(Stage),
    now=moments,
    left=st.one_of(
        st.integers(-600, 3 * 24 * 3600), st.integers(0, 40 * 24).map(lambda h: h * 3600)
    ),
    people=st.integers(1, 12),
    wave_size=st.integers(0, 4),
)
def test_engine_and_model_open_the_same_windows(
    zone, hours, lengths, floor, stage, now, left, people, wave_size
):
    deadline = now + dt.timedelta(seconds=left)
    names = [s.value for s in Stage]
    rules = Rules(windows=dict(zip(names, lengths, strict=True)), floor=dt.timedelta(minutes=floor))
    clock = clock_of(zone, *hours, ORIGIN)
    ours = open_window(stage.value, now, deadline, rules, clock)
    theirs = Budget(
        windows=dict(zip(Stage, lengths, strict=True)),
        floor=rules.floor,
        clock=WakingClock(zoneinfo.ZoneInfo(zone), *hours),
        deadline=deadline,
    ).window(stage, now)
    assert (ours is None) == (theirs is None)
    if ours is None:
        return
    assert abs(ours.length - theirs.length) <= MICROSECONDS
    assert ours.waking == (theirs.waking is not None)
    assert abs(ours.ends_at - theirs.closes_at) <= MICROSECONDS
    assert theirs.closes_at <= deadline + MICROSECONDS
    policy = Policy(wave_size=wave_size, window_floor=floor)
    spread = Waves.of(people, theirs, policy)
    assert (spread.count, spread.size) == waves(people, wave_size, ours, rules.floor)
    for k in range(spread.count):
        assert (
            abs(ours.at_share(k, spread.count, clock) - theirs.share(k, spread.count))
            <= MICROSECONDS
        )


# The ladder.

LESSON = "m1"


class ByName:
    """Ranks by name, prefers the earliest place."""

    def rank(self, case, members):
        return sorted(members)

    def best_place(self, case, places):
        return min(places, key=lambda p: (p.starts_at, str(p.room)))


def place(day, clock="10:00", room="R1"):
    starts_at = at(day, clock)
    return Place(starts_at, starts_at + HOUR, room)


def meeting(name, klass, professor, where):
    return Meeting(name, klass, professor, where, professor, where)


def make_world(**rules):
    """Ada teaches algebra to section A, as Ben, Cy and Dee teach other things; Eve to section B."""
    world = World(
        clock=UTC,
        rules=Rules(**rules),
        teaching_days=frozenset({1, 2, 3, 4, 5}),
        weekend_days=frozenset({6, 7}),
        term_starts=dt.date(2027, 3, 1),
        term_ends=dt.date(2027, 3, 31),
        checkpoints=(dt.date(2027, 3, 14), dt.date(2027, 3, 28)),
        periods=((dt.time(10), dt.time(11)), (dt.time(11), dt.time(12))),
        rooms={"R1": 30, "R2": 4, "R3": None, "R4": 3},
    )
    students = frozenset({"s1", "s2", "s3", "s4"})
    for name in ("ada", "ben", "cy", "dee", "eve"):
        world.add(Professor(name))
    world.add(
        Klass("alg", "algebra", ("ada",), frozenset({"A"}), students),
        Klass("bio", "biology", ("ben",), frozenset({"A"}), students),
        Klass("che", "chemistry", ("cy",), frozenset({"A"}), students),
        Klass("dra", "drama", ("dee",), frozenset({"A"}), students),
        Klass("alg2", "algebra", ("eve",), frozenset({"B"}), frozenset({"s9"})),
        meeting(LESSON, "alg", "ada", place(8)),
    )
    return world


class Play:
    """Drives the model by a clock that only goes forward."""

    def __init__(self, world):
        self.world = world
        self.oracle = ByName()

    def run(self, now):
        """Sweeps at a moment until nothing is due."""
        while due := [c for c in self.world.open_cases() if c.due_at <= now]:
            for case in due:
                ladder.advance(
                    self.world, case.name, expected=case.turn, now=now, oracle=self.oracle
                )
        assert invariants.problems(self.world) == []

    def file(self, now, *, professor="ada", starts=None, ends=None, named=None):
        absence = Absence(
            f"a{len(self.world.absences) + 1}",
            professor,
            starts or at(8, "00:00"),
            ends or at(8, "23:00"),
            names={LESSON: named} if named else {},
        )
        cases = outside.file(self.world, absence, now)
        self.run(now)
        return cases

    def do(self, act, *args, now):
        act(self.world, *args, now)
        self.run(now)


def told(case):
    return (case.status, case.step, case.waiting_for, case.deadline)


def visits(case):
    return [(v.step, v.result, v.reason) for v in case.visits]


def offers(case):
    return [(o.professor, o.wave, o.status) for o in case.offers]


@pytest.fixture
def play():
    return Play(make_world())


def test_the_named_substitute_accepts(play):
    (case,) = play.file(at(1, "09:00"), named="ben")
    assert told(case) == ("open", 1, "substitute", at(1, "13:00"))
    play.do(outside.accept, case.name, "ben", now=at(1, "12:00"))
    assert told(case) == ("substituted", 1, "", None)
    assert play.world.meetings[LESSON].professor == "ben"
    assert play.world.given == {("c1", "ben"): 1.0}


def test_an_answer_in_the_closing_moment_is_too_late(play):
    (case,) = play.file(at(1, "09:00"), named="ben")
    with pytest.raises(Refused, match="offer_expired"):
        outside.accept(play.world, case.name, "ben", at(1, "13:00"))
    play.run(at(1, "13:00"))
    assert visits(case)[0] == (1, "gave_up", "no_answer")
    assert offers(case)[0] == ("ben", 1, "expired")


def test_a_busy_substitute_cannot_be_named(play):
    play.world.add(meeting("m2", "bio", "ben", place(8, room="R2")))
    with pytest.raises(Refused, match="substitute_not_free"):
        play.file(at(1, "09:00"), named="ben")
    assert (play.world.absences, play.world.cases) == ({}, {})


def test_a_named_substitute_who_has_become_busy_is_passed_over_with_the_reason(play):
    absence = Absence("a1", "ada", at(8, "00:00"), at(8, "23:00"), names={LESSON: "ben"})
    (case,) = outside.file(play.world, absence, at(1, "09:00"))
    play.world.add(meeting("m2", "bio", "ben", place(8, room="R2")))
    play.run(at(1, "09:01"))
    assert visits(case)[0] == (1, "skipped", "teaching")
    assert case.visits[1].left_out == {"ben": "teaching"}


def test_colleagues_are_asked_in_waves_and_the_first_to_accept_gets_it():
    play = Play(make_world(wave_size=2))
    (case,) = play.file(at(1, "09:00"))
    assert visits(case) == [(1, "skipped", "nobody_named"), (2, "running", "")]
    assert told(case) == ("open", 2, "colleagues", at(1, "15:00"))
    assert case.due_at == at(1, "12:00")
    assert offers(case) == [("ben", 1, "sent"), ("cy", 1, "sent")]
    play.do(outside.decline, case.name, "ben", now=at(1, "10:00"))
    assert offers(case) == [("ben", 1, "declined"), ("cy", 1, "sent")]
    play.run(at(1, "12:00"))
    assert offers(case)[2:] == [("dee", 2, "sent")]
    play.do(outside.accept, case.name, "dee", now=at(1, "12:30"))
    assert offers(case) == [("ben", 1, "declined"), ("cy", 1, "taken"), ("dee", 2, "accepted")]
    with pytest.raises(Refused, match="offer_taken"):
        outside.accept(play.world, case.name, "cy", at(1, "12:31"))


def test_the_next_wave_leaves_at_once_when_all_have_declined():
    play = Play(make_world(wave_size=2))
    (case,) = play.file(at(1, "09:00"))
    play.do(outside.decline, case.name, "ben", now=at(1, "10:00"))
    play.do(outside.decline, case.name, "cy", now=at(1, "10:05"))
    assert offers(case)[2:] == [("dee", 2, "sent")]
    assert case.due_at == at(1, "15:00")
    play.do(outside.decline, case.name, "dee", now=at(1, "10:10"))
    assert visits(case)[1] == (2, "gave_up", "all_declined")
    assert told(case) == ("open", 3, "candidate_choice", at(1, "14:10"))


def test_a_colleague_who_is_booked_meanwhile_is_left_out_of_their_wave():
    play = Play(make_world(wave_size=2))
    (case,) = play.file(at(1, "09:00"))
    play.world.add(meeting("m2", "dra", "dee", place(8, room="R2")))
    play.run(at(1, "12:00"))
    assert case.visits[1].left_out == {"dee": "teaching"}
    assert told(case) == ("open", 2, "colleagues", at(1, "15:00"))
    assert case.due_at == at(1, "15:00")


def to_subject(play):
    (case,) = play.file(at(1, "09:00"))
    play.run(at(1, "15:00"))
    assert visits(case)[1] == (2, "gave_up", "no_answer")
    assert told(case) == ("open", 3, "candidate_choice", at(1, "19:00"))
    return case


def test_silence_chooses_the_top_ranked_and_the_class_approves(play):
    case = to_subject(play)
    play.run(at(1, "19:00"))
    assert told(case) == ("open", 3, "candidate", at(2, "08:00"))
    assert offers(case)[-1] == ("eve", 1, "sent")
    play.do(outside.accept, case.name, "eve", now=at(2, "07:00"))
    assert told(case) == ("open", 3, "class_vote", at(2, "19:00"))
    assert [h.professor for h in play.world.holds] == ["eve"]
    for student in ("s1", "s2", "s3"):
        play.do(outside.vote, case.name, student, True, now=at(2, "08:00"))
    assert told(case) == ("substituted", 3, "", None)
    assert play.world.meetings[LESSON].professor == "eve"


@pytest.mark.parametrize(
    ("votes", "status"),
    [
        ({"s1": True}, "substituted"),  # a quarter of four
        ({}, "open"),
        ({"s1": True, "s2": False}, "open"),  # a tie is a no
        ({"s1": True, "s2": True}, "substituted"),
    ],
)
def test_the_count_at_the_close_decides(play, votes, status):
    case = to_subject(play)
    play.run(at(1, "19:00"))
    play.do(outside.accept, case.name, "eve", now=at(2, "07:00"))
    for student, choice in votes.items():
        play.do(outside.vote, case.name, student, choice, now=at(2, "08:00"))
    play.run(at(2, "19:00"))
    assert case.status == status


def test_half_the_roll_against_closes_the_ballot_and_leads_to_reschedule(play):
    case = to_subject(play)
    play.run(at(1, "19:00"))
    play.do(outside.accept, case.name, "eve", now=at(2, "07:00"))
    play.do(outside.vote, case.name, "s1", True, now=at(2, "07:30"))
    play.do(outside.vote, case.name, "s1", False, now=at(2, "08:00"))
    play.do(outside.vote, case.name, "s2", False, now=at(2, "08:00"))
    assert visits(case)[2] == (3, "gave_up", "class_said_no")
    assert told(case) == ("open", 4, "slot_choice", at(3, "17:00"))
    assert offers(case)[-1] == ("eve", 1, "withdrawn")
    assert play.world.holds == []
    assert play.world.meetings[LESSON].status == "postponed"


def to_reschedule(play):
    case = to_subject(play)
    play.run(at(1, "19:00"))
    play.do(outside.decline, case.name, "eve", now=at(1, "20:00"))
    assert visits(case)[2] == (3, "gave_up", "nobody_left")
    # The 24 waking hours from Monday 20:00: two today, fifteen tomorrow, seven on Wednesday.
    assert told(case) == ("open", 4, "slot_choice", at(3, "14:00"))
    return case


def test_silence_takes_the_best_slot(play):
    case = to_reschedule(play)
    play.run(at(3, "14:00"))
    assert told(case) == ("rescheduled", 4, "", None)
    moved = play.world.meetings[LESSON]
    assert (moved.status, moved.place) == ("scheduled", place(4))


def test_a_chosen_slot_is_taken(play):
    case = to_reschedule(play)
    with pytest.raises(Refused, match="place_refused"):  # Saturday
        outside.choose_place(play.world, case.name, place(6), at(2, "10:00"))
    with pytest.raises(Refused, match="place_refused"):  # still away
        outside.choose_place(play.world, case.name, place(8), at(2, "10:00"))
    for unfit in ("R3", "R4"):
        with pytest.raises(Refused, match="place_refused"):
            outside.choose_place(play.world, case.name, place(5, "11:00", unfit), at(2, "10:00"))
    play.do(outside.choose_place, case.name, place(5, "11:00", "R2"), now=at(2, "10:00"))
    assert play.world.meetings[LESSON].place == place(5, "11:00", "R2")


def crowd_the_weekdays(world):
    """The students of algebra sit elsewhere at every bell of every weekday."""
    world.add(Klass("all", "all", ("eve",), frozenset(), frozenset({"s1", "s2", "s3", "s4"})))
    for day in (2, 3, 4, 5, 8, 9, 10, 11, 12):
        for clock in ("10:00", "11:00"):
            if (day, clock) != (8, "10:00"):
                world.add(meeting(f"x{day}{clock}", "all", "eve", place(day, clock, None)))


def to_weekend(play):
    crowd_the_weekdays(play.world)
    case = to_subject(play)
    play.run(at(1, "19:00"))
    play.do(outside.decline, case.name, "eve", now=at(1, "20:00"))
    assert visits(case)[3] == (4, "gave_up", "no_slot")
    # Two waking hours on Monday, fifteen on Tuesday, seven on Wednesday.
    assert told(case) == ("open", 5, "weekend_vote", at(3, "14:00"))
    assert case.ballot_place == place(6)
    return case


def test_an_approved_weekend_moves_the_meeting(play):
    case = to_weekend(play)
    play.do(outside.vote, case.name, "s1", True, now=at(2, "08:00"))
    play.run(at(3, "14:00"))
    assert told(case) == ("weekend", 5, "", None)
    assert play.world.meetings[LESSON].place == place(6)


def test_a_rejected_weekend_drops_the_meeting_and_owes_its_hours(play):
    case = to_weekend(play)
    play.run(at(3, "14:00"))
    assert told(case) == ("dropped", 5, "", None)
    assert visits(case)[4] == (5, "gave_up", "class_said_no")
    assert play.world.meetings[LESSON].status == "dropped"
    assert play.world.owed == {"c1": 1.0}


def test_a_meeting_that_has_begun_starts_at_step_four(play):
    (case,) = play.file(at(8, "10:05"))
    assert visits(case) == [
        (1, "skipped", "already_begun"),
        (2, "skipped", "already_begun"),
        (3, "skipped", "already_begun"),
        (4, "running", ""),
    ]
    assert case.waiting_for == "slot_choice"


def test_every_case_ends_even_when_filed_minutes_before(play):
    (case,) = play.file(at(8, "09:30"), named="ben")
    assert visits(case)[:3] == [
        (1, "skipped", "no_time"),
        (2, "skipped", "no_time"),
        (3, "gave_up", "no_time"),
    ]
    assert told(case)[:3] == ("open", 4, "slot_choice")
    play.run(case.deadline)
    assert case.status == "rescheduled"


def test_withdrawing_ends_what_was_pending(play):
    (case,) = play.file(at(1, "09:00"))
    play.do(outside.withdraw, "a1", now=at(1, "10:00"))
    assert told(case) == ("withdrawn", 2, "", None)
    assert {status for _, _, status in offers(case)} == {"withdrawn"}


def test_withdrawing_brings_a_postponed_meeting_back(play):
    case = to_reschedule(play)
    play.do(outside.withdraw, "a1", now=at(2, "10:00"))
    assert case.status == "withdrawn"
    back = play.world.meetings[LESSON]
    assert (back.status, back.place, back.professor) == ("scheduled", place(8), "ada")


def test_a_postponed_meeting_whose_place_is_gone_still_seeks_another(play):
    case = to_reschedule(play)
    play.world.add(meeting("m2", "alg2", "eve", place(8)))
    play.do(outside.withdraw, "a1", now=at(2, "10:00"))
    assert told(case) == ("open", 4, "slot_choice", at(3, "14:00"))


def test_withdrawing_gives_a_substituted_meeting_back(play):
    (case,) = play.file(at(1, "09:00"), named="ben")
    play.do(outside.accept, case.name, "ben", now=at(1, "10:00"))
    play.do(outside.withdraw, "a1", now=at(2, "10:00"))
    assert case.status == "withdrawn"
    assert play.world.meetings[LESSON].professor == "ada"
    assert play.world.given == {}


def test_leaving_one_out_leaves_the_others_and_stays_so_when_prolonged(play):
    play.world.add(meeting("m2", "alg", "ada", place(9)))
    (first, second) = play.file(at(1, "09:00"), ends=at(9, "23:00"))
    play.do(outside.leave_out, first.name, now=at(1, "10:00"))
    assert (first.status, second.status) == ("withdrawn", "open")
    play.do(outside.change, "a1", at(9, "00:00"), at(9, "23:00"), now=at(1, "11:00"))
    play.do(outside.change, "a1", at(8, "00:00"), at(9, "23:00"), now=at(1, "12:00"))
    assert len(play.world.cases) == 2
    take_in = partial(outside.change, take_in=["m1"])
    play.do(take_in, "a1", at(8, "00:00"), at(9, "23:00"), now=at(1, "13:00"))
    assert [(c.meeting, c.status) for c in play.world.cases.values()] == [
        ("m1", "withdrawn"),
        ("m2", "open"),
        ("m1", "open"),
    ]


@pytest.mark.parametrize("of_its_time", [True, False])
def test_an_absence_about_nothing_else_is_over_with_its_only_class(play, of_its_time):
    starts_at, ends_at, _ = place(8)
    span = {"starts": starts_at, "ends": ends_at} if of_its_time else {}
    (case,) = play.file(at(1, "09:00"), **span)
    play.do(outside.leave_out, case.name, now=at(1, "10:00"))
    assert (case.status, play.world.absences["a1"].withdrawn) == ("withdrawn", of_its_time)
    with pytest.raises(Refused):
        outside.leave_out(play.world, case.name, at(1, "11:00"))


def test_shortening_withdraws_the_cases_outside_and_prolonging_opens_new_ones(play):
    play.world.add(meeting("m2", "alg", "ada", place(9)))
    play.file(at(1, "09:00"))
    play.do(outside.change, "a1", at(9, "00:00"), at(9, "23:00"), now=at(1, "10:00"))
    assert [(c.meeting, c.status) for c in play.world.cases.values()] == [
        ("m1", "withdrawn"),
        ("m2", "open"),
    ]
    play.do(outside.change, "a1", at(8, "00:00"), at(9, "23:00"), now=at(1, "11:00"))
    assert [(c.meeting, c.status) for c in play.world.cases.values()] == [
        ("m1", "withdrawn"),
        ("m2", "open"),
        ("m1", "open"),
    ]


def test_a_substitute_who_takes_it_back_is_not_asked_again(play):
    (case,) = play.file(at(1, "09:00"))
    play.do(outside.accept, case.name, "ben", now=at(1, "10:00"))
    play.do(outside.take_back, case.name, "ben", now=at(2, "10:00"))
    assert told(case) == ("open", 2, "colleagues", at(2, "16:00"))
    assert offers(case)[3:] == [("cy", 1, "sent"), ("dee", 1, "sent")]
    assert play.world.meetings[LESSON].professor == "ada"
    assert play.world.given == {}


def test_taking_back_within_the_notice_leads_to_reschedule(play):
    (case,) = play.file(at(1, "09:00"))
    play.do(outside.accept, case.name, "ben", now=at(1, "10:00"))
    play.do(outside.take_back, case.name, "ben", now=at(8, "09:01"))
    assert told(case)[:3] == ("open", 4, "slot_choice")


def test_one_person_is_never_booked_twice_at_one_time():
    play = Play(make_world())
    play.world.add(
        Professor("flo"),
        Klass("geo", "geography", ("flo",), frozenset({"A"}), frozenset()),
        meeting("m2", "geo", "flo", place(8, room="R2")),
    )
    (first,) = play.file(at(1, "09:00"))
    (second,) = play.file(at(1, "09:00"), professor="flo")
    play.do(outside.accept, first.name, "ben", now=at(1, "10:00"))
    with pytest.raises(Refused, match="not_free"):
        outside.accept(play.world, second.name, "ben", at(1, "10:01"))
    play.do(outside.accept, second.name, "cy", now=at(1, "10:02"))
    assert [c.status for c in play.world.cases.values()] == ["substituted", "substituted"]


def test_two_nudges_for_one_turn_move_the_case_once(play):
    absence = Absence("a1", "ada", at(8, "00:00"), at(8, "23:00"))
    (case,) = outside.file(play.world, absence, at(1, "09:00"))
    first = {"expected": 0, "now": at(1, "09:00"), "oracle": play.oracle}
    assert ladder.advance(play.world, case.name, **first) is True
    assert ladder.advance(play.world, case.name, **first) is False
    assert (case.turn, case.step) == (1, 2)


def test_the_registrar_assigns_moves_drops_and_sends_on(play):
    (case,) = play.file(at(1, "09:00"))
    play.do(outside.send_to, case.name, 4, now=at(1, "10:00"))
    assert visits(case)[1:] == [(2, "stopped", "sent_elsewhere"), (4, "running", "")]
    play.do(outside.move, case.name, place(13), now=at(1, "11:00"))
    assert (case.status, play.world.meetings[LESSON].place) == ("weekend", place(13))
    with pytest.raises(Refused, match="case_closed"):
        outside.drop_now(play.world, case.name, at(1, "12:00"))
    play.do(outside.reopen, case.name, 2, now=at(1, "12:00"))
    assert (case.status, play.world.meetings[LESSON].place) == ("open", place(8))
    play.do(outside.drop_now, case.name, now=at(1, "12:00"))
    assert (case.status, play.world.owed) == ("dropped", {"c1": 1.0})
    play.do(outside.reopen, case.name, 4, now=at(1, "13:00"))
    assert play.world.owed == {}
    play.do(outside.assign, case.name, "eve", now=at(1, "14:00"))
    assert (case.status, play.world.meetings[LESSON].professor) == ("substituted", "eve")


# What waiting would cost.


def last_days(play, day):
    """The lesson's checkpoint."""
    play.world.checkpoints = (dt.date(2027, 3, day), dt.date(2027, 3, 28))


def test_steps_before_the_class_end_while_the_last_place_can_be_had(play):
    # Filed on Sunday for Monday, the day of the checkpoint, on which Ada is away: nothing is left.
    last_days(play, 8)
    play.world.teaching_days = frozenset({1, 2, 3, 4, 5, 7})
    (case,) = play.file(at(7, "07:00"))
    # Sunday's last place begins at 11:00.
    assert told(case)[:3] == ("open", 2, "colleagues")
    assert case.deadline <= at(7, "10:00")
    for _ in range(5):
        if case.is_open:
            play.run(case.due_at)
    assert case.status == "rescheduled"
    assert play.world.meetings[LESSON].place == place(7, "11:00")


def test_a_place_is_promised_to_each_open_case_in_the_order_of_the_classes(play):
    last_days(play, 9)
    play.world.add(meeting("m2", "alg", "ada", place(9)))
    absence = Absence("a1", "ada", at(8, "00:00"), at(9, "23:00"))
    cases = outside.file(play.world, absence, at(5, "09:00"))
    friday = {place(5, clock, room) for clock in ("10:00", "11:00") for room in ("R1", "R3")}
    assert [outlook.promised(play.world, case, friday) for case in cases] == [
        at(5, "10:00"),
        at(5, "11:00"),
    ]
    assert [outlook.promised(play.world, case, {place(5)}) for case in cases] == [
        at(5, "10:00"),
        None,
    ]


def test_a_weekend_vote_closes_before_the_last_place_that_it_can_be_about(play):
    last_days(play, 14)
    play.world.rules = Rules(windows={**Rules().windows, "weekend": 200 * HOUR})
    play.world.teaching_days = frozenset()
    (case,) = play.file(at(8, "11:00"))
    assert visits(case)[-2:] == [(4, "gave_up", "no_slot"), (5, "running", "")]
    assert told(case) == ("open", 5, "weekend_vote", at(14, "10:00"))
    assert case.ballot_place.starts_at == at(14, "11:00")
