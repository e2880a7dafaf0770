"""One institute twice: as rows for the engine and as plain values for the model.

Everything that happens is done to both; `differences` says where they disagree. The engine acts first,
and the model asks it for the one thing that it leaves open: the order among those who fit.
"""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field

from django.db.models import Sum

from fairness.enums import EntryKind
from fairness.models import LedgerEntry, OwedHours
from reallocation import absences, answers, audit, engine, overrides, sweep
from reallocation.enums import ActorKind
from reallocation.models import Case as CaseRow
from reallocation.models import Policy, StepRecord
from reallocation.refusals import Refused as EngineRefused
from tests import factories
from tests.reallocation.model import invariants, ladder, outside
from tests.reallocation.model.budget import Rules
from tests.reallocation.model.clock import clock_of
from tests.reallocation.model.world import (
    Klass,
    Meeting,
    Place,
    Professor,
    Refused,
    Weekly,
    World,
)
from timetable.models import Absence as AbsenceRow
from timetable.models import Hold
from timetable.models import Meeting as MeetingRow
from voting import ballots
from voting.models import Ballot
from voting.refusals import VotingRefused

TERM_STARTS = dt.date(2027, 3, 1)
ORIGIN = dt.datetime(2027, 2, 25, tzinfo=dt.UTC)
ROUNDING = dt.timedelta(microseconds=100)
REGISTRAR = audit.Who(ActorKind.REGISTRAR, "1", "Rita Registrar")
NOT_FREE = {"teaching", "absent", "unavailable", "held"}


@dataclass(frozen=True)
class Plan:
    """What an institute is made of."""

    zone: str = "Europe/Rome"
    wakes: dt.time = dt.time(7)
    sleeps: dt.time = dt.time(22)
    minutes: dict[str, int] = field(default_factory=dict)
    """Windows that differ from the default, by stage."""
    notice: int = 60
    floor: int = 10
    wave_size: int = 3
    daily_cap: float = 8
    weekly_cap: float = 24
    quorum_percent: int = 25
    clash_percent: int = 0
    teaching_days: tuple[int, ...] = (1, 2, 3, 4, 5)
    weekend_days: tuple[int, ...] = (6, 7)
    checkpoints: tuple[dt.date, dt.date] = (dt.date(2027, 3, 19), dt.date(2027, 4, 2))
    closures: tuple[dt.date, ...] = ()
    bells: tuple[tuple[dt.time, dt.time], ...] = ()
    rooms: tuple[tuple[str, int | None], ...] = ()
    classes: tuple[tuple[str, str, tuple[str, ...], str, str], ...] = ()
    """(class, course, professors, sections, students): sections and students are words apart."""
    qualified: tuple[tuple[str, str], ...] = ()
    unavailable: tuple[tuple[str, int, dt.time, dt.time], ...] = ()
    weekly_hours: tuple[tuple[str, int], ...] = ()
    meetings: tuple[tuple[str, dt.date, dt.time, int, str | None], ...] = ()
    """(class, day, clock, minutes, room)."""


def build_world(plan):
    windows = {
        stage: dt.timedelta(minutes=plan.minutes[stage]) if stage in plan.minutes else length
        for stage, length in Rules().windows.items()
    }
    world = World(
        clock=clock_of(plan.zone, plan.wakes, plan.sleeps, ORIGIN),
        rules=Rules(
            windows=windows,
            notice=dt.timedelta(minutes=plan.notice),
            floor=dt.timedelta(minutes=plan.floor),
            wave_size=plan.wave_size,
            daily_cap=plan.daily_cap,
            weekly_cap=plan.weekly_cap,
            quorum_percent=plan.quorum_percent,
            clash_percent=plan.clash_percent,
        ),
        teaching_days=frozenset(plan.teaching_days),
        weekend_days=frozenset(plan.weekend_days),
        term_starts=TERM_STARTS,
        term_ends=plan.checkpoints[-1] + dt.timedelta(days=2),
        checkpoints=plan.checkpoints,
        periods=plan.bells,
        closures=frozenset(plan.closures),
        rooms=dict(plan.rooms),
    )
    for name, course, professors, sections, students in plan.classes:
        world.add(
            Klass(
                name,
                course,
                professors,
                frozenset(sections.split()),
                frozenset(students.split()),
            )
        )
    people = {p for klass in world.classes.values() for p in klass.professors}
    hours = dict(plan.weekly_hours)
    for name in sorted(people | {p for p, _ in plan.qualified}):
        world.add(
            Professor(
                name,
                frozenset(course for p, course in plan.qualified if p == name),
                tuple(Weekly(*when) for p, *when in plan.unavailable if p == name),
                weekly_hours=hours.get(name),
            )
        )
    for klass, day, clock, minutes, room in plan.meetings:
        starts_at = world.clock.moment(day, clock)
        place = Place(starts_at, starts_at + dt.timedelta(minutes=minutes), room)
        lead = world.classes[klass].professors[0]
        world.add(Meeting(f"m{len(world.meetings) + 1}", klass, lead, place, lead, place))
    return world


class Rows:
    """The same institute in the database, by the model's names."""

    def __init__(self, plan, world):
        self.institute = factories.InstituteFactory(
            slug="twin",
            timezone=plan.zone,
            teaching_days=list(plan.teaching_days),
            weekend_days=list(plan.weekend_days),
        )
        mid, end = plan.checkpoints
        self.term = factories.TermFactory(
            institute=self.institute,
            name="Twin term",
            starts_on=TERM_STARTS,
            ends_on=world.term_ends,
            mid_semester_on=mid,
            end_semester_on=end,
        )
        for starts, ends in plan.bells:
            factories.PeriodFactory(term=self.term, starts=starts, ends=ends)
        for day in plan.closures:
            factories.ClosureFactory(term=self.term, starts_on=day)
        Policy.objects.create(
            institute=self.institute,
            **{
                f"{stage}_window": length // dt.timedelta(minutes=1)
                for stage, length in world.rules.windows.items()
            },
            notice=plan.notice,
            window_floor=plan.floor,
            waking_from=plan.wakes,
            waking_to=plan.sleeps,
            wave_size=plan.wave_size,
            daily_cap_hours=plan.daily_cap,
            weekly_cap_hours=plan.weekly_cap,
            weekly_extra_hours=world.rules.weekly_extra,
            quorum_percent=plan.quorum_percent,
            clash_percent=plan.clash_percent,
        )
        made = {"institute": self.institute}
        self.rooms = {
            code: factories.RoomFactory(code=code, capacity=capacity, **made)
            for code, capacity in world.rooms.items()
        }
        self.courses = {
            code: factories.CourseFactory(code=code, **made)
            for code in sorted(
                {k.course for k in world.classes.values()}
                | {c for p in world.professors.values() for c in p.qualified}
            )
        }
        self.professors = {
            p.name: factories.ProfessorFactory(
                code=p.name, name=p.name, weekly_hours=p.weekly_hours, **made
            )
            for p in world.professors.values()
        }
        for p in world.professors.values():
            for course in sorted(p.qualified):
                factories.QualificationFactory(
                    professor=self.professors[p.name], course=self.courses[course]
                )
            for weekly in p.unavailable:
                factories.AvailabilityFactory(professor=self.professors[p.name], **weekly._asdict())
        sections = {s for k in world.classes.values() for s in k.sections}
        self.sections = {
            code: factories.SectionFactory(code=code, **made) for code in sorted(sections)
        }
        students = {s for k in world.classes.values() for s in k.students}
        self.students = {
            code: factories.StudentFactory(code=code, section=None, **made)
            for code in sorted(students)
        }
        self.classes = {
            k.name: factories.OfferingFactory(
                term=self.term,
                code=k.name,
                course=self.courses[k.course],
                professors=[self.professors[p] for p in k.professors],
                sections=[self.sections[s] for s in sorted(k.sections)],
                students=[self.students[s] for s in sorted(k.students)],
            )
            for k in world.classes.values()
        }
        self.meetings = {
            m.name: factories.MeetingFactory(
                offering=self.classes[m.klass],
                planned_professor=self.professors[m.planned_professor],
                planned_room=self.rooms[m.place.room] if m.place.room else None,
                planned_starts_at=m.place.starts_at,
                planned_ends_at=m.place.ends_at,
            ).pk
            for m in world.meetings.values()
        }
        self.absences = {}
        self.cases = {}

    def case(self, name):
        return CaseRow.objects.for_list().get(pk=self.cases[name])


class EngineOrder:
    """The order among those who fit, as the engine has just noted it."""

    def __init__(self, rows):
        self.rows = rows

    def rank(self, case, members):
        records = StepRecord.objects.filter(case=self.rows.cases[case.name]).order_by("pk")
        record = records[len(case.visits) - 1]
        return [ranked["code"] for ranked in record.considered.get("ranked", ())]

    def best_place(self, case, places):
        row = self.rows.case(case.name)
        if row.is_open:
            choice = row.slot_choices.latest("pk")
            place = Place(choice.starts_at, choice.ends_at, choice.room and choice.room.code)
        else:
            place = place_of(row.meeting)
        assert place in places, f"{place} is not among the open places"
        return place


def place_of(meeting):
    return Place(meeting.starts_at, meeting.ends_at, meeting.room and meeting.room.code)


class Twin:
    def __init__(self, plan):
        self.world = build_world(plan)
        self.rows = Rows(plan, self.world)
        self.order = EngineOrder(self.rows)

    # Doing the same thing to both.

    def both(self, real, ours):
        """Do it twice; the refusal's code if both refuse, else None. One alone refusing is an error."""
        refusals = []
        for act in (real, ours):
            try:
                act()
            except (EngineRefused, VotingRefused, Refused) as refused:
                refusals.append(str(getattr(refused, "code", refused)))
            else:
                refusals.append(None)
        theirs, mine = refusals
        assert (theirs is None) == (mine is None), f"engine: {theirs}, model: {mine}"
        return mine

    def adopt_cases(self):
        """New cases are paired in the order of their meetings' start, as both open them."""
        known = set(self.rows.cases.values())
        new_rows = list(
            CaseRow.objects.filter(institute=self.rows.institute)
            .exclude(pk__in=known)
            .order_by("pk")
        )
        pk_of = {(row.absence_id, row.meeting_id): row for row in new_rows}
        unpaired = [c for c in self.world.cases.values() if c.name not in self.rows.cases]
        for case in unpaired:
            key = (self.rows.absences[case.absence].pk, self.rows.meetings[case.meeting])
            assert key in pk_of, f"the engine opened no case of {case.absence} for {case.meeting}"
            self.rows.cases[case.name] = pk_of.pop(key).pk
        assert not pk_of, f"the model opened no case for {list(pk_of)}"

    def file(self, absence, now):
        rows = self.rows

        def real():
            request = absences.Request(
                absence.starts_at,
                absence.ends_at,
                offering=rows.classes[absence.klass] if absence.klass else None,
                names={rows.meetings[m]: rows.professors[p] for m, p in absence.names.items()},
                cover={rows.meetings[m]: cover for m, cover in absence.cover.items()},
            )
            filed = absences.file(rows.professors[absence.professor], request, now=now)
            rows.absences[absence.name] = filed.absence

        refused = self.both(real, lambda: outside.file(self.world, absence, now))
        self.adopt_cases()
        return refused

    def change(self, name, starts_at, ends_at, now, take_in=()):
        absence = self.rows.absences[name]
        self.both(
            lambda: absences.change(
                absence,
                starts_at=starts_at,
                ends_at=ends_at,
                take_in=[self.rows.meetings[meeting] for meeting in take_in],
                now=now,
            ),
            lambda: outside.change(self.world, name, starts_at, ends_at, now, take_in),
        )
        self.adopt_cases()

    def leave_out(self, name, now):
        self.both(
            lambda: absences.leave_out(self.rows.case(name), now=now),
            lambda: outside.leave_out(self.world, name, now),
        )
        self.adopt_cases()

    def withdraw(self, name, now):
        self.both(
            lambda: absences.withdraw(self.rows.absences[name], now=now),
            lambda: outside.withdraw(self.world, name, now),
        )
        self.adopt_cases()

    def accept(self, name, professor, now):
        return self._answer(answers.accept, outside.accept, name, professor, now)

    def decline(self, name, professor, now):
        return self._answer(answers.decline, outside.decline, name, professor, now)

    def _answer(self, real, ours, name, professor, now):
        by = self.rows.professors[professor]
        offer = self.rows.case(name).offers.filter(professor=by).latest("pk")
        return self.both(
            lambda: real(offer, by=by, now=now),
            lambda: ours(self.world, name, professor, now),
        )

    def take_back(self, name, professor, now):
        by = self.rows.professors[professor]
        return self.both(
            lambda: answers.take_back(self.rows.case(name), by=by, now=now),
            lambda: outside.take_back(self.world, name, professor, now),
        )

    def name_substitute(self, name, professor, now):
        substitute = self.rows.professors[professor]
        return self.both(
            lambda: answers.name_substitute(self.rows.case(name), substitute=substitute, now=now),
            lambda: outside.name_substitute(self.world, name, professor, now),
        )

    def choose_candidate(self, name, professor, now):
        candidate = self.rows.professors[professor]
        return self.both(
            lambda: answers.choose_candidate(self.rows.case(name), candidate=candidate, now=now),
            lambda: outside.choose_candidate(self.world, name, professor, now),
        )

    def choose_place(self, name, place, now):
        return self.both(
            lambda: answers.choose_slot(
                self.rows.case(name),
                starts_at=place.starts_at,
                room=self.room(place),
                now=now,
            ),
            lambda: outside.choose_place(self.world, name, place, now),
        )

    def vote(self, name, student, choice, now):
        uid = self.rows.case(name).uid
        ballot = Ballot.objects.filter(subject_uid=uid).latest("pk")
        return self.both(
            lambda: ballots.cast(
                ballot_uid=ballot.uid, student=self.rows.students[student], choice=choice, now=now
            ),
            lambda: outside.vote(self.world, name, student, choice, now),
        )

    def room(self, place):
        return self.rows.rooms[place.room] if place.room else None

    def override(self, act, name, now, **wanted):
        """A registrar's act, by name: assign, move, drop, send_to, reopen."""
        real = dict(wanted)
        if act == "assign":
            real["professor"] = self.rows.professors[wanted["professor"]]
        if act == "move":
            place = real.pop("place")
            real |= {"starts_at": place.starts_at, "room": self.room(place)}
        ours = getattr(outside, "drop_now" if act == "drop" else act)
        return self.both(
            lambda: getattr(overrides, act)(
                self.rows.case(name), why="told so", now=now, who=REGISTRAR, **real
            ),
            lambda: ours(self.world, name, *wanted.values(), now),
        )

    # Time.

    def nudge(self, name, expected, now):
        """Deliver one nudge; whether the case moved."""
        moved = engine.advance(self.rows.cases[name], expected=expected, now=now)
        also = ladder.advance(self.world, name, expected=expected, now=now, oracle=self.order)
        assert moved == also, f"{name}: engine moved {moved}, model moved {also}"
        return moved

    def due(self, now):
        return [c.name for c in self.world.open_cases() if c.due_at <= now]

    def drain(self, now):
        """Deliver every nudge that is on its way, and those that they cause."""
        for _ in range(200):
            due = self.due(now)
            if not due:
                return
            for name in due:
                self.nudge(name, self.world.cases[name].turn, now)
        raise AssertionError(f"still due after 200 rounds: {due}")

    def sweep(self, now):
        """The engine's own sweep; the model follows in the order in which it goes about it."""
        closing = set(Ballot.objects.due(now).values_list("subject_uid", flat=True))
        rows = CaseRow.objects.filter(institute=self.rows.institute, status="open")
        before = {
            pk: now if uid in closing else due
            for pk, uid, due in rows.values_list("pk", "uid", "due_at")
        }
        swept = sweep.sweep(now)
        assert swept.failed == 0
        opened = outside.notice_new_meetings(self.world, now)
        assert swept.opened == len(opened), f"engine: {swept.opened} opened, model: {opened}"
        self.adopt_cases()
        for case in self.world.open_cases():
            ballot = case.ballot
            if ballot and not ballot.result and ballot.closes_at <= now:
                ballot.result, case.due_at = ballot.verdict(), now
        names = {pk: name for name, pk in self.rows.cases.items()}
        order = sorted(names, key=lambda pk: (before.get(pk, now), pk))
        for name in (names[pk] for pk in order):
            case = self.world.cases[name]
            while case.is_open and case.due_at <= now:
                assert ladder.advance(
                    self.world, name, expected=case.turn, now=now, oracle=self.order
                )

    # Comparing.

    def differences(self):
        found = [f"model: {problem}" for problem in invariants.problems(self.world)]
        theirs, ours = self.engine_view(), self.model_view()
        for name in sorted(ours.keys() | theirs.keys()):
            a, b = theirs.get(name), ours.get(name)
            if a == b:
                continue
            if isinstance(a, dict) and isinstance(b, dict):
                found += [
                    f"{name} {key}: engine {a.get(key)!r}, model {b.get(key)!r}"
                    for key in sorted(a.keys() | b.keys())
                    if a.get(key) != b.get(key)
                ]
            else:
                found.append(f"{name}: engine {a!r}, model {b!r}")
        return found

    def model_view(self):
        world = self.world
        view = {}
        for meeting in world.meetings.values():
            view[meeting.name] = (meeting.status, meeting.professor, meeting.place)
        for absence in world.absences.values():
            view[absence.name] = {"withdrawn": absence.withdrawn, "cover": absence.cover}
        for case in world.cases.values():
            view[case.name] = {
                "status": case.status,
                "step": case.step,
                "turn": case.turn,
                "waiting_for": case.waiting_for,
                "due_at": near(case.due_at),
                "deadline": near(case.deadline),
                "offers": [
                    (o.professor, o.step, o.wave, o.status, near(o.expires_at)) for o in case.offers
                ],
                "visits": [(v.step, v.result, coarse(v.result, v.reason)) for v in case.visits],
                "left_out": [
                    {p: coarse("", r) for p, r in v.left_out.items()}
                    for v in case.visits
                    if v.step in {2, 3}
                ],
                "ballot": case.ballot
                and (near(case.ballot.closes_at), case.ballot.yes, case.ballot.no)
                if case.ballot and not case.ballot.result
                else None,
                "holds": sorted(
                    (h.professor or "", h.room or "", h.starts_at, h.ends_at)
                    for h in world.holds
                    if h.case == case.name
                ),
                "given": {
                    p: hours for (name, p), hours in world.given.items() if name == case.name
                },
                "owed": world.owed.get(case.name, 0.0),
            }
        return view

    def engine_view(self):
        rows = self.rows
        codes = {p.pk: code for code, p in rows.professors.items()}
        rooms = {r.pk: code for code, r in rows.rooms.items()}
        view = {}
        names = {pk: name for name, pk in rows.meetings.items()}
        for meeting in MeetingRow.objects.filter(institute=rows.institute).select_related("room"):
            view[names[meeting.pk]] = (
                meeting.status,
                codes[meeting.professor_id],
                place_of(meeting),
            )
        for name, known in rows.absences.items():
            absence = AbsenceRow.objects.get(pk=known.pk)
            decided = dict(absence.exceptions.values_list("meeting", "cover"))
            view[name] = {
                "withdrawn": absence.withdrawn_at is not None,
                "cover": {names[pk]: cover for pk, cover in decided.items()},
            }
        holds = defaultdict(list)
        for hold in Hold.objects.filter(institute=rows.institute):
            holds[hold.case_uid].append(
                (
                    codes.get(hold.professor_id, ""),
                    rooms.get(hold.room_id, ""),
                    hold.starts_at,
                    hold.ends_at,
                )
            )
        given = defaultdict(dict)
        for uid, professor, hours in (
            LedgerEntry.objects.filter(institute=rows.institute, kind=EntryKind.GIVEN)
            .values_list("case_uid", "professor")
            .annotate(hours=Sum("hours"))
        ):
            if hours:
                given[uid][codes[professor]] = float(hours)
        owed = {
            uid: float(hours)
            for uid, hours in OwedHours.objects.filter(
                institute=rows.institute, settled_at=None
            ).values_list("case_uid", "hours")
        }
        open_ballots = {b.subject_uid: b for b in Ballot.objects.open()}
        by_pk = {pk: name for name, pk in rows.cases.items()}
        cases = CaseRow.objects.filter(pk__in=by_pk).prefetch_related("offers", "records")
        for case in cases:
            records = sorted(case.records.all(), key=lambda r: r.pk)
            ballot = open_ballots.get(case.uid)
            view[by_pk[case.pk]] = {
                "status": case.status,
                "step": case.step,
                "turn": case.turn,
                "waiting_for": case.waiting_for,
                "due_at": near(case.due_at),
                "deadline": near(case.deadline),
                "offers": [
                    (codes[o.professor_id], o.step, o.wave, o.status, near(o.expires_at))
                    for o in sorted(case.offers.all(), key=lambda o: o.pk)
                ],
                "visits": [
                    (r.step, r.result, coarse(r.result, r.reason.get("code", ""))) for r in records
                ],
                "left_out": [
                    {
                        left["code"]: coarse("", left["reason"]["code"])
                        for left in r.considered.get("left_out", ())
                    }
                    for r in records
                    if r.step in {2, 3}
                ],
                "ballot": ballot and (near(ballot.closes_at), ballot.yes, ballot.no),
                "holds": sorted(holds[case.uid]),
                "given": given[case.uid],
                "owed": owed.get(case.uid, 0.0),
            }
        return view


class Near:
    """A moment, but for what rounding may differ by: the two count fractions of windows differently."""

    def __init__(self, moment):
        self.moment = moment

    def __eq__(self, other):
        return isinstance(other, Near) and abs(self.moment - other.moment) <= ROUNDING

    __hash__ = None

    def __repr__(self):
        return self.moment.isoformat()


def near(moment):
    return moment and Near(moment)


def coarse(result, reason):
    """Which of several engagements is named is not a matter of the ladder, nor how a case was settled."""
    if result == "resolved":
        return ""
    if reason == "small_class_said_no":  # the count of a small class is not told
        return "class_said_no"
    return "not_free" if reason in NOT_FREE else reason
