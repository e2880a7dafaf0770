"""Engine and model, driven side by side through whatever may happen: they always agree.

`HYPOTHESIS_PROFILE=deep` looks much further than the run that belongs to every test.
"""

import datetime as dt
import os
import sys

import pytest
from django.db import transaction
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from reallocation import audit
from reallocation.notifications import outbox
from tests.reallocation.model import free
from tests.reallocation.model.world import Absence, Place
from tests.reallocation.twin import Plan, Twin

HOUR = dt.timedelta(hours=1)
MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)
LATER = dt.timedelta(microseconds=50)
"""Past what rounding may differ by."""

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
EFFORT = settings(
    max_examples=1500 if DEEP else 60,
    stateful_step_count=60 if DEEP else 30,
    derandomize=not DEEP,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)

BELLS = ((dt.time(9), dt.time(10)), (dt.time(10), dt.time(11)), (dt.time(14), dt.time(15, 30)))
ROOMS = (("R1", 30), ("R2", 4), ("R3", None))
CLASSES = (
    ("alg", "algebra", ("ada",), "A", "s1 s2 s3 s4"),
    ("bio", "biology", ("ben",), "A", "s1 s2 s3 s4"),
    ("che", "chemistry", ("cy", "dee"), "A", "s1 s2 s3"),
    ("alb", "algebra", ("eve",), "B", "s4 s5"),
    ("geo", "geography", ("flo",), "A B", "s2 s5"),
    ("sem", "algebra", ("gus",), "", "s1"),
    ("lab", "biology", ("ben",), "B", ""),
)
PEOPLE = ("ada", "ben", "cy", "dee", "eve", "flo", "gus")
STUDENTS = ("s1", "s2", "s3", "s4", "s5")
MONDAY = dt.date(2027, 3, 8)
EASTER = dt.datetime(2027, 3, 28, tzinfo=dt.UTC)


@st.composite
def plans(draw):
    """A small institute in which something is always about to go wrong."""
    wakes, sleeps = draw(st.sampled_from([(7, 22), (9, 17)]))
    quick = draw(st.booleans())
    stages = ("direct", "section", "choose", "answer", "vote", "slot", "weekend")
    minutes = draw(st.dictionaries(st.sampled_from(stages), st.sampled_from([5, 20, 60, 300])))
    if quick:
        minutes = dict.fromkeys(stages, 30) | minutes
    taken, meetings = set(), []
    for klass, offset, bell, room, length in draw(
        st.lists(
            st.tuples(
                st.sampled_from(CLASSES),
                st.integers(0, 5),
                st.sampled_from(BELLS),
                st.sampled_from(["R1", "R2", None]),
                st.sampled_from([60, 60, 60, 30]),
            ),
            min_size=3,
            max_size=9,
        )
    ):
        keys = {(offset, bell, who) for who in klass[2]}
        keys |= {(offset, bell, room)} if room else set()
        if not keys & taken:
            taken |= keys
            day = MONDAY + offset * DAY
            meetings.append((klass[0], day, bell[0], length, room))
    return Plan(
        zone=draw(st.sampled_from(["Europe/Rome", "America/New_York", "Asia/Kolkata"])),
        wakes=dt.time(wakes),
        sleeps=dt.time(sleeps),
        minutes=minutes,
        notice=draw(st.sampled_from([60, 0, 600])),
        wave_size=draw(st.integers(0, 3)),
        daily_cap=draw(st.sampled_from([8, 2])),
        weekly_cap=draw(st.sampled_from([24, 3])),
        quorum_percent=draw(st.sampled_from([25, 0, 60])),
        clash_percent=draw(st.sampled_from([0, 50])),
        teaching_days=draw(st.sampled_from([(1, 2, 3, 4, 5), (1, 2), (5,), ()])),
        weekend_days=draw(st.sampled_from([(6, 7), (7,), ()])),
        checkpoints=draw(
            st.sampled_from(
                [
                    (dt.date(2027, 3, 14), dt.date(2027, 3, 31)),
                    (dt.date(2027, 3, 9), dt.date(2027, 3, 12)),
                ]
            )
        ),
        closures=draw(st.sampled_from([(), (dt.date(2027, 3, 10),)])),
        bells=BELLS[: draw(st.integers(1, 3))],
        rooms=ROOMS,
        classes=CLASSES,
        qualified=draw(
            st.sampled_from([(), (("flo", "algebra"), ("ben", "algebra"), ("hal", "biology"))])
        ),
        unavailable=draw(st.sampled_from([(), (("eve", 1, dt.time(8), dt.time(9, 30)),)])),
        weekly_hours=draw(st.sampled_from([(), (("flo", 1),)])),
        meetings=tuple(meetings),
    )


class SideBySide(RuleBasedStateMachine):
    """Each rule is one thing that happens; after it, both must say the same."""

    twin = None

    def __init__(self):
        super().__init__()
        self.contexts = [transaction.atomic(), outbox.muted()]
        for context in self.contexts:
            context.__enter__()

    def teardown(self):
        try:
            if self.twin is not None and sys.exc_info()[0] is None:
                self.run_out()
        finally:
            transaction.set_rollback(True)
            for context in reversed(self.contexts):
                context.__exit__(None, None, None)

    @initialize(
        plan=plans(),
        hours=st.integers(2, 130),
        unrest=st.sampled_from([0, 1, 2, 4, 100]),
        data=st.data(),
    )
    def begin(self, plan, hours, unrest, data):
        """`unrest`: how often somebody changes the course of things instead of answering."""
        self.twin = Twin(plan)
        self.world = self.twin.world
        first = min((m.place.starts_at for m in self.world.meetings.values()), default=EASTER)
        self.now = first - hours * HOUR
        self.unrest = unrest
        for _ in range(data.draw(st.integers(1, 3), label="absences")):
            self.file(data)

    @invariant()
    def they_agree(self):
        if self.twin is not None:
            differences = self.twin.differences()
            assert not differences, "\n".join(differences)

    def run_out(self):
        """Silence from now on: every case ends, and the log holds."""
        for _ in range(100):
            self.they_agree()
            dues = [case.due_at for case in self.world.open_cases()]
            if not dues:
                break
            self.now = max(self.now, min(dues) + MINUTE)
            self.twin.sweep(self.now)
        assert self.world.open_cases() == []
        assert audit.verify(self.twin.rows.institute).ok

    def after(self, data):
        """Nudges arrive at once, or are lost until the next sweep."""
        if data.draw(st.sampled_from([True, True, True, False]), label="nudged"):
            self.twin.drain(self.now)

    # Picking.

    def pick(self, data, things, label):
        return data.draw(st.sampled_from(sorted(things)), label=label)

    def cases(self, status):
        return [c.name for c in self.world.cases.values() if c.status == status]

    def promised(self):
        return [
            c.name
            for c in self.world.cases.values()
            if c.status in ("open", "substituted") and c.accepted() is not None
        ]

    def waiting(self):
        return [c.name for c in self.world.open_cases() if c.waiting_for]

    def ended_offers(self):
        return {
            (c.name, o.professor)
            for c in self.world.cases.values()
            for o in c.offers
            if o.status != "sent"
        }

    # What is expected: somebody answers, or time passes.

    @precondition(lambda self: self.twin and self.waiting())
    @rule(data=st.data(), mood=st.sampled_from(["yes", "yes", "no", "mixed", "silent"]))
    def answer(self, data, mood):
        """Somebody from whom something is expected answers, or nobody does."""
        case = self.world.cases[self.pick(data, self.waiting(), "case")]
        if mood == "silent":
            self.now = max(self.now, case.due_at + LATER)
            self.twin.sweep(self.now)
            return
        if case.waiting_for == "candidate_choice":
            anyone = data.draw(st.integers(0, 4), label="anyone") == 0
            chosen = self.pick(data, PEOPLE if anyone else case.visit.pool, "chosen")
            self.twin.choose_candidate(case.name, chosen, self.now)
        elif case.waiting_for == "slot_choice":
            place = self.some_place(data, case, self.world.teaching_days)
            self.twin.choose_place(case.name, place, self.now)
        elif case.waiting_for in {"class_vote", "weekend_vote"}:
            self.vote(data, case, mood)
        else:
            self.answer_offers(data, case, mood)
        self.after(data)

    answer_again = answer
    and_again = answer

    def answer_offers(self, data, case, mood):
        asked = [o.professor for o in case.waiting_offers()]
        if not asked:
            return
        if mood == "yes":
            self.twin.accept(case.name, self.pick(data, asked, "accepts"), self.now)
        elif mood == "no":
            for professor in asked:
                self.twin.decline(case.name, professor, self.now)
        else:
            self.twin.decline(case.name, self.pick(data, asked, "declines"), self.now)

    def vote(self, data, case, mood):
        roll = sorted(case.ballot.roll)
        if data.draw(st.integers(0, 4), label="strangers") == 0:
            roll = STUDENTS
        if mood == "mixed":
            roll = sorted(data.draw(st.sets(st.sampled_from(roll), min_size=1), label="voters"))
        for student in roll:
            choice = data.draw(st.booleans(), label=student) if mood == "mixed" else mood == "yes"
            self.twin.vote(case.name, student, choice, self.now)

    def some_place(self, data, case, days):
        """An open place if there is one; else, or now and then, one that is probably taken."""
        after = self.now + self.world.rules.notice
        places = free.open_places(self.world, case, self.now, after, days)
        if places and data.draw(st.integers(0, 4), label="open place") > 0:
            order = sorted(places, key=lambda p: (p.starts_at, str(p.room)))
            return data.draw(st.sampled_from(order), label="place")
        day = MONDAY + data.draw(st.integers(-3, 12), label="day") * DAY
        starts, _ = data.draw(st.sampled_from(self.world.periods), label="bell")
        starts_at = self.world.clock.moment(day, starts)
        length = case.before.ends_at - case.before.starts_at
        return Place(starts_at, starts_at + length, case.before.room)

    @rule(
        data=st.data(),
        kind=st.sampled_from(["due", "due", "just before", "minutes", "hours", "start"]),
    )
    def time_passes(self, data, kind):
        if kind in {"due", "just before"}:
            dues = [c.due_at for c in self.world.open_cases()]
            past = LATER if kind == "due" else -MINUTE / 60
            to = min(dues, default=self.now) + past
        elif kind == "start":
            starts = [m.place.starts_at for m in self.world.meetings.values()]
            to = min((s for s in starts if s > self.now), default=self.now)
        elif kind == "minutes":
            to = self.now + data.draw(st.integers(1, 90), label="minutes") * MINUTE
        else:
            to = self.now + data.draw(st.integers(1, 40), label="hours") * HOUR
        self.now = max(self.now, to)
        if data.draw(st.booleans(), label="swept"):
            self.twin.sweep(self.now)

    @rule()
    def nudges_arrive(self):
        self.twin.drain(self.now)

    @precondition(lambda self: self.twin and self.world.cases)
    @rule(data=st.data())
    def nudge_again(self, data):
        """A nudge for an earlier turn, or the same one three times, moves a case once at most."""
        case = self.world.cases[self.pick(data, self.world.cases, "case")]
        turn = case.turn
        for expected in (turn - 1, turn, turn, turn, turn + 5):
            self.twin.nudge(case.name, expected, self.now)
        assert case.turn <= turn + 1

    @precondition(lambda self: self.twin and self.ended_offers())
    @rule(data=st.data(), yes=st.booleans())
    def answer_late(self, data, yes):
        name, professor = self.pick(data, self.ended_offers(), "offer")
        act = self.twin.accept if yes else self.twin.decline
        act(name, professor, self.now)
        self.after(data)

    # What changes the course of things.

    @precondition(lambda self: self.twin and self.unrest)
    @rule(data=st.data())
    def one_more_absence(self, data):
        self.unrest -= 1
        self.file(data)

    def file(self, data):
        world = self.world
        coming = [m for m in world.meetings.values() if m.place.ends_at > self.now - 8 * HOUR]
        if coming and data.draw(st.integers(0, 9), label="at a meeting") < 9:
            meeting = world.meetings[self.pick(data, {m.name for m in coming}, "meeting")]
            starts, ends = meeting.place[:2]
            professor = meeting.professor
        else:
            meeting = None
            professor = data.draw(st.sampled_from(PEOPLE), label="professor")
            starts = self.now + data.draw(st.integers(-2, 100), label="from") * HOUR
            ends = starts + 3 * HOUR
        before = data.draw(st.sampled_from([0, 0, 1, 24]), label="before") * HOUR
        after = data.draw(st.sampled_from([0, 0, 2, 24, 200]), label="after") * HOUR
        if data.draw(st.integers(0, 9), label="part") == 0:
            ends -= (ends - starts) / 2
        klass = meeting and data.draw(st.sampled_from([None, None, meeting.klass]), label="class")
        names, cover = {}, {}
        inside = meeting and meeting.status == "scheduled"
        if inside and data.draw(st.booleans(), label="names one"):
            names[meeting.name] = data.draw(st.sampled_from(PEOPLE), label="named")
        elif inside and data.draw(st.integers(0, 3), label="decides") == 0:
            cover[meeting.name] = data.draw(st.booleans(), label="cover")
        name = f"a{len(world.absences) + 1}"
        absence = Absence(name, professor, starts - before, ends + after, klass, cover, names)
        note(str(absence))
        self.twin.file(absence, self.now)
        self.after(data)

    @precondition(lambda self: self.twin and self.unrest and self.world.absences)
    @rule(data=st.data())
    def change(self, data):
        self.unrest -= 1
        name = self.pick(data, self.world.absences, "absence")
        absence = self.world.absences[name]
        shifts = st.sampled_from([-26, -2, 0, 0, 2, 26, 50])
        starts_at = absence.starts_at + data.draw(shifts, label="start") * HOUR
        ends_at = absence.ends_at + data.draw(shifts, label="end") * HOUR
        left_out = sorted(meeting for meeting, cover in absence.cover.items() if not cover)
        take_in = []
        if left_out:
            take_in = data.draw(st.lists(st.sampled_from(left_out), unique=True), label="take in")
        self.twin.change(name, starts_at, ends_at, self.now, take_in)
        self.after(data)

    @precondition(lambda self: self.twin and self.unrest and self.world.absences)
    @rule(data=st.data())
    def withdraw(self, data):
        self.unrest -= 1
        self.twin.withdraw(self.pick(data, self.world.absences, "absence"), self.now)
        self.after(data)

    @precondition(lambda self: self.twin and self.unrest and self.world.cases)
    @rule(data=st.data())
    def leave_out(self, data):
        self.unrest -= 1
        self.twin.leave_out(self.pick(data, self.world.cases, "case"), self.now)
        self.after(data)

    @precondition(lambda self: self.twin and self.unrest and self.promised())
    @rule(data=st.data())
    def take_back(self, data):
        self.unrest -= 1
        name = self.pick(data, self.promised(), "case")
        professor = self.world.cases[name].accepted().professor
        self.twin.take_back(name, professor, self.now)
        self.after(data)

    @precondition(lambda self: self.twin and self.unrest and self.cases("open"))
    @rule(data=st.data())
    def name_substitute(self, data):
        self.unrest -= 1
        name = self.pick(data, self.cases("open"), "case")
        named = data.draw(st.sampled_from(PEOPLE), label="named")
        self.twin.name_substitute(name, named, self.now)
        self.after(data)

    @precondition(lambda self: self.twin and self.unrest and self.world.cases)
    @rule(
        data=st.data(),
        act=st.sampled_from(["assign", "move", "drop", "send_to", "reopen", "reopen"]),
    )
    def override(self, data, act):
        self.unrest -= 1
        name = self.pick(data, self.world.cases, "case")
        wanted = {}
        if act == "assign":
            wanted["professor"] = data.draw(st.sampled_from(PEOPLE), label="professor")
        if act == "move":
            days = self.world.teaching_days | self.world.weekend_days
            wanted["place"] = self.some_place(data, self.world.cases[name], days)
        if act in {"send_to", "reopen"}:
            wanted["step"] = data.draw(st.integers(1, 5), label="step")
        self.twin.override(act, name, self.now, **wanted)
        self.after(data)


@pytest.mark.django_db
def test_engine_and_model_agree_whatever_happens():
    run_state_machine_as_test(SideBySide, settings=EFFORT)
