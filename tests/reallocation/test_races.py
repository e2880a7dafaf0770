"""What only a real database with many connections can show. Beside each race stands a control that
goes wrong without the lock, and wherever a constraint stands behind the lock, one without either."""

import datetime as dt
import importlib
import threading
from collections import Counter
from contextlib import contextmanager, suppress

import pytest
from django.db import connection, transaction

from reallocation import absences, answers, audit, candidates, engine, overrides, sweep
from reallocation.enums import ActorKind, CaseStatus, OfferStatus
from reallocation.models import AuditHead, Case, LogEntry, Offer, StepRecord
from reallocation.refusals import Refused
from reallocation.steps.section import ProfessorsOfSection
from tests import factories
from tests.factories import NOW, at
from tests.voting.crowd import PATIENCE, at_once, without_locks
from timetable import meetings, writes
from timetable.models import Absence, Hold, Meeting, Professor, Room

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

LOCKED, BARE, NAKED = "lock", "constraint alone", "neither"
WHO = audit.Who(ActorKind.REGISTRAR, "1", "Rita Registrar")

with_and_without = pytest.mark.parametrize("guard", [LOCKED, BARE, NAKED])
crowded = pytest.mark.parametrize("round_", range(5))


def in_step(monkeypatch, where, name, count, *, guard):
    """All are let through here together once, if nothing keeps them apart."""
    passed = threading.Event()
    together = threading.Barrier(count, passed.set)
    real = getattr(where, name)

    def held_up(*args, **kwargs):
        if not passed.is_set():
            try:
                together.wait(0.5 if guard == LOCKED else PATIENCE)
            except threading.BrokenBarrierError:
                assert guard == LOCKED
        return real(*args, **kwargs)

    monkeypatch.setattr(where, name, held_up)


@contextmanager
def without(*names):
    """Drop these constraints, and make them again once their tables are empty."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, tablename, indexdef, conname IS NOT NULL FROM pg_indexes"
            " LEFT JOIN pg_constraint ON conname = indexname WHERE indexname = ANY(%s)",
            [list(names)],
        )
        found = cursor.fetchall()
        assert sorted(name for name, *_ in found) == sorted(names)
        for name, table, _, is_constraint in found:
            cursor.execute(
                f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"'
                if is_constraint
                else f'DROP INDEX "{name}"'
            )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for name, table, definition, is_constraint in found:
                cursor.execute(f'TRUNCATE "{table}" CASCADE')
                cursor.execute(definition)
                if is_constraint:
                    cursor.execute(
                        f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" UNIQUE USING INDEX "{name}"'
                    )


@contextmanager
def without_exclusion():
    migration = importlib.import_module("timetable.migrations.0002_no_double_booking")
    with connection.schema_editor() as editor:
        migration.remove(None, editor)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE timetable_meeting CASCADE")
        with connection.schema_editor() as editor:
            migration.add(None, editor)


@contextmanager
def nothing_dropped():
    yield


def kinds(outcomes):
    """What came of each: the refusal's code, the error's name, or "done"."""
    return Counter(
        o.code
        if isinstance(o, Refused)
        else type(o).__name__
        if isinstance(o, Exception)
        else "done"
        for o in outcomes
    )


def lesson(professor, *, hour=9, day=dt.date(2027, 3, 2), sections=(), students=(), room=None):
    """A professor's class, with one meeting."""
    return factories.MeetingFactory(
        offering=factories.OfferingFactory(
            professors=[professor], sections=list(sections), students=list(students)
        ),
        day=day,
        clock=dt.time(hour),
        minutes=60,
        planned_room=room,
    )


def away(meeting, **request):
    """The meeting's professor files an absence over it: its case, not looked at yet."""
    filed = absences.file(
        meeting.professor,
        absences.Request(meeting.starts_at, meeting.ends_at, **request),
        now=NOW,
    )
    (case,) = filed.cases
    return case


def asked_colleagues(count):
    """A case whose whole section has been asked at once: the case and the offers."""
    factories.PolicyFactory(wave_size=0)
    section = factories.SectionFactory()
    for _ in range(count):
        factories.OfferingFactory(sections=[section])
    case = away(lesson(factories.ProfessorFactory(), sections=[section]))
    sweep.advance_due(NOW)
    offers = list(Offer.objects.filter(case=case).select_related("professor", "case__institute"))
    assert len(offers) == count
    return case, offers


# Twenty accepts.


def accepts(offers):
    """What comes of it when everyone who was asked says yes at once."""
    return at_once(*(lambda o=o: answers.accept(o, by=o.professor, now=NOW) for o in offers))


@pytest.mark.parametrize("guard", [LOCKED, BARE])
def test_of_twenty_who_accept_one_is_booked_and_all_others_are_told(guard, monkeypatch):
    case, offers = asked_colleagues(20)
    if guard == BARE:
        without_locks(monkeypatch, Case)
    in_step(monkeypatch, candidates, "obstacle", 20, guard=guard)
    outcomes = kinds(accepts(offers))
    statuses = Counter(Offer.objects.values_list("status", flat=True))
    if guard == BARE:
        assert outcomes["offer_taken"] < 19
        assert statuses[OfferStatus.ACCEPTED] == 1
        return
    assert outcomes == {"done": 1, "offer_taken": 19}
    assert statuses == {OfferStatus.ACCEPTED: 1, OfferStatus.TAKEN: 19}
    assert Hold.objects.count() == 1
    sweep.advance_due(NOW)
    case.refresh_from_db()
    winner = Offer.objects.get(status=OfferStatus.ACCEPTED).professor
    assert (case.status, case.meeting.professor) == (CaseStatus.SUBSTITUTED, winner)


def test_without_lock_and_constraint_who_looked_before_the_first_was_done_is_booked_as_well(
    monkeypatch,
):
    """The control: two of them, as with twenty PostgreSQL ends all but one, who wait in a circle."""
    without_locks(monkeypatch, Case)
    with without("offer_one_accepted_per_case", "log_number_once"):
        _case, (first, second) = asked_colleagues(2)
        looked, done = threading.Event(), threading.Event()
        look = candidates.obstacle

        def look_and_dally(case, by, *args, **kwargs):
            found = look(case, by, *args, **kwargs)
            if by == second.professor:
                looked.set()
                assert done.wait(PATIENCE)
            return found

        def be_first():
            assert looked.wait(PATIENCE)
            answers.accept(first, by=first.professor, now=NOW)
            done.set()

        monkeypatch.setattr(candidates, "obstacle", look_and_dally)
        outcomes = at_once(be_first, lambda: answers.accept(second, by=second.professor, now=NOW))
        assert kinds(outcomes) == {"done": 2}
        assert set(Hold.objects.values_list("professor", flat=True)) == {
            first.professor_id,
            second.professor_id,
        }


@crowded
def test_twenty_accepts_without_a_pause(round_):
    case, offers = asked_colleagues(20)
    assert kinds(accepts(offers)) == {"done": 1, "offer_taken": 19}
    assert audit.verify(case.institute).ok


# One professor, one room, at one time.


@pytest.mark.parametrize("guard", [LOCKED, NAKED])
def test_one_who_accepts_sixteen_classes_at_one_time_gets_one(guard, monkeypatch):
    wanted = factories.ProfessorFactory(weekly_hours=40)
    cases = []
    for _ in range(16):
        meeting = lesson(factories.ProfessorFactory())
        cases.append(away(meeting, names={meeting.pk: wanted}))
    sweep.advance_due(NOW)
    offers = list(Offer.objects.filter(professor=wanted).select_related("case__institute"))
    assert len(offers) == 16
    if guard == NAKED:
        without_locks(monkeypatch, Professor)
    in_step(monkeypatch, meetings, "hold", 16, guard=guard)
    outcomes = at_once(*(lambda o=o: answers.accept(o, by=wanted, now=NOW) for o in offers))
    accepted = Offer.objects.filter(status=OfferStatus.ACCEPTED).count()
    if guard == NAKED:
        assert accepted == 16
        return
    assert kinds(outcomes) == {"done": 1, "not_free": 15}
    assert accepted == 1
    sweep.advance_due(NOW)
    assert Meeting.objects.filter(professor=wanted).count() == 1
    assert Case.objects.filter(status=CaseStatus.SUBSTITUTED).count() == 1


def postponed(count):
    """Meetings without a time, each of another professor and class."""
    found = [lesson(factories.ProfessorFactory()) for _ in range(count)]
    with transaction.atomic():
        for meeting in found:
            meetings.postpone(meeting.pk)
    return found


@with_and_without
@pytest.mark.parametrize("scarce", ["professor", "room"])
def test_sixteen_bookings_of_one_professor_or_room_at_one_time_make_one(guard, scarce, monkeypatch):
    wanted, room = factories.ProfessorFactory(), factories.RoomFactory()
    starts_at = at("2027-03-04 09:00")
    jobs = [
        lambda m=m: meetings.book(
            m.pk,
            professor=wanted if scarce == "professor" else m.professor,
            starts_at=starts_at,
            ends_at=starts_at + dt.timedelta(hours=1),
            room=room if scarce == "room" else None,
        )
        for m in postponed(16)
    ]
    if guard != LOCKED:
        without_locks(monkeypatch, Professor, Room)
    in_step(monkeypatch, meetings, "lock_meeting", 16, guard=guard)
    with without_exclusion() if guard == NAKED else nothing_dropped():

        def whole(job):
            with transaction.atomic():
                return job()

        outcomes = at_once(*(lambda job=job: whole(job) for job in jobs))
        booked = Meeting.objects.holding().count()
    losers = {LOCKED: {"Clash": 15}, BARE: {"IntegrityError": 15}, NAKED: {}}[guard]
    assert kinds(outcomes) == {"done": 16 if guard == NAKED else 1} | losers
    assert booked == (16 if guard == NAKED else 1)


@crowded
def test_sixteen_classes_that_want_the_last_slot_of_one_room_share_it_not(round_):
    """The engine's own moves: one is rescheduled, the others look again, find nothing, and go on."""
    institute = factories.InstituteFactory(slug="full", teaching_days=[4], weekend_days=[])
    term = factories.TermFactory(institute=institute)
    factories.PeriodFactory(term=term, starts=dt.time(9), ends=dt.time(10))
    factories.ClosureFactory(term=term, starts_on=dt.date(2027, 3, 4))
    room = factories.RoomFactory(institute=institute)
    day = dt.date(2027, 3, 8)  # Thursday the 11th is the last teaching day before the checkpoint
    for n in range(16):
        meeting = factories.MeetingFactory(
            offering=factories.OfferingFactory(
                term=term,
                professors=[factories.ProfessorFactory(institute=institute)],
                students=[factories.StudentFactory(institute=institute, section=None)],
            ),
            day=day + dt.timedelta(days=n // 8),
            clock=dt.time(8 + n % 8),
            minutes=60,
            planned_room=room,
        )
        away(meeting)
    while below := list(Case.objects.filter(step__lt=4)):
        for case in below:
            engine.advance(case.pk, expected=case.turn, now=NOW)
    entering = list(Case.objects.filter(step=4, waiting_for=""))
    assert len(entering) == 16
    outcomes = at_once(
        *(lambda c=c: engine.advance(c.pk, expected=c.turn, now=NOW) for c in entering)
    )
    assert kinds(outcomes) == {"done": 16}
    moved = Case.objects.filter(status=CaseStatus.RESCHEDULED)
    assert [case.meeting.starts_at for case in moved] == [
        institute.moment(dt.date(2027, 3, 11), dt.time(9))
    ]
    assert Case.objects.filter(step=5).count() == 15


# Nudges.


@with_and_without
@pytest.mark.parametrize("deliveries", [3, 16])
def test_many_deliveries_of_one_nudge_move_the_case_one_rung(guard, deliveries, monkeypatch):
    factories.PolicyFactory(wave_size=0)
    section = factories.SectionFactory()
    for _ in range(3):
        factories.OfferingFactory(sections=[section])
    case = away(lesson(factories.ProfessorFactory(), sections=[section]))
    engine.advance(case.pk, expected=0, now=NOW)  # nobody is named
    if guard != LOCKED:
        without_locks(monkeypatch, Case)
    in_step(monkeypatch, ProfessorsOfSection, "prepare", deliveries, guard=None)
    in_step(monkeypatch, writes, "insert", deliveries, guard=guard)
    constraints = (
        "record_one_running_per_case",
        "offer_one_waiting_per_professor",
        "log_number_once",
    )
    with without(*constraints) if guard == NAKED else nothing_dropped():
        outcomes = at_once(*[lambda: engine.advance(case.pk, expected=1, now=NOW)] * deliveries)
        visits = StepRecord.objects.filter(case=case, step=2).count()
        sent = Offer.objects.filter(case=case).count()
    if guard == LOCKED:
        assert sorted(outcomes) == [False] * (deliveries - 1) + [True]
    if guard == BARE:
        assert kinds(outcomes) == {"done": 1, "IntegrityError": deliveries - 1}
    once = 1 if guard != NAKED else deliveries
    assert (visits, sent) == (once, 3 * once)


@crowded
def test_many_sweeps_at_once_do_what_one_would(round_):
    section = factories.SectionFactory()
    for _ in range(4):
        factories.OfferingFactory(sections=[section])
    cases = [away(lesson(factories.ProfessorFactory(), sections=[section])) for _ in range(6)]
    swept = at_once(*[lambda: sweep.sweep(NOW)] * 16)
    assert [s.failed for s in swept] == [0] * 16
    for case in cases:
        case.refresh_from_db()
        steps = list(case.records.values_list("step", "result"))
        assert steps == [(1, "skipped"), (2, "running")]
        assert (case.turn, case.offers.count()) == (2, 2)
    assert audit.verify(cases[0].institute).ok


# The log.


@with_and_without
def test_the_chain_stays_whole_while_sixteen_write(guard, monkeypatch):
    institute = factories.InstituteFactory()
    AuditHead.objects.create(institute=institute)

    def write(n):
        with audit.writing(institute):
            for part in range(3):
                audit.record("tested", institute=institute, at=NOW, data={"n": n, "part": part})

    if guard != LOCKED:
        without_locks(monkeypatch, AuditHead)
    in_step(monkeypatch, audit, "digest", 16, guard=guard)
    with without("log_number_once") if guard == NAKED else nothing_dropped():
        outcomes = at_once(*(lambda n=n: write(n) for n in range(16)))
        monkeypatch.undo()
        verdict, entries = audit.verify(institute), LogEntry.objects.count()
    if guard == LOCKED:
        assert (verdict.as_json(), entries) == ({"entries": 48, "ok": True}, 48)
    elif guard == BARE:
        assert kinds(outcomes) == {"done": 1, "IntegrityError": 15}
        assert entries == 3
    else:
        assert (verdict.ok, entries) == (False, 48)


# Absences.


@pytest.mark.parametrize("guard", [LOCKED, NAKED])
def test_of_sixteen_overlapping_absences_one_is_filed(guard, monkeypatch):
    professor = factories.ProfessorFactory()
    span = (at("2027-03-02 00:00"), at("2027-03-03 00:00"))
    if guard == NAKED:
        without_locks(monkeypatch, Professor)
    in_step(monkeypatch, writes, "insert", 16, guard=guard)
    outcomes = at_once(*[lambda: absences.file(professor, absences.Request(*span), now=NOW)] * 16)
    if guard == LOCKED:
        assert kinds(outcomes) == {"done": 1, "absence_overlaps": 15}
    assert Absence.objects.count() == (1 if guard == LOCKED else 16)


@pytest.mark.parametrize(
    ("withdraw", "come_to", "ends"),
    [
        (
            lambda case: absences.withdraw(case.absence, now=case.due_at),
            [{"done": 2}],
            {"withdrawn", "rescheduled"},
        ),
        # Its time is over by then, which says so of the class alone; or that it has been moved, if the move
        # came first. It is moved either way.
        (
            lambda case: absences.leave_out(case, now=case.due_at),
            [{"done": 1, "class_begun": 1}, {"done": 1, "case_closed": 1}],
            {"rescheduled"},
        ),
    ],
    ids=["of the absence", "of the class alone"],
)
@pytest.mark.parametrize("n", range(3))
def test_a_withdrawal_and_the_move_of_its_case_do_not_wait_for_each_other(
    n, withdraw, come_to, ends, monkeypatch
):
    """Both need the case and its professor: everybody locks the case first."""
    case = away(lesson(factories.ProfessorFactory(), room=factories.RoomFactory()))
    factories.PeriodFactory(term=case.meeting.offering.term)
    overrides.send_to(case, step=4, why="at once", now=NOW, who=WHO)
    sweep.advance_due(NOW)
    case.refresh_from_db()
    assert case.waiting_for == "slot_choice"
    meet = threading.Barrier(2)

    def pausing(real):
        def act(*args, **kwargs):
            found = real(*args, **kwargs)
            with suppress(threading.BrokenBarrierError):
                meet.wait(1)
            return found

        return act

    monkeypatch.setattr(engine, "_lock_seen", pausing(engine._lock_seen))
    monkeypatch.setattr(absences, "lock_people_and_rooms", pausing(absences.lock_people_and_rooms))
    outcomes = at_once(
        lambda: withdraw(case),
        lambda: engine.advance(case.pk, expected=case.turn, now=case.due_at),
    )
    assert kinds(outcomes) in come_to
    case.refresh_from_db()
    assert case.status in ends
