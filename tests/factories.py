"""Rows for tests: everything hangs on one shared institute unless told otherwise.

Times are said on the institute's own clock: `at("2027-03-02 09:00")`, or `day=` and `clock=` of a
meeting. `small_institute()` builds a whole one, small enough to keep in the head.
"""

import datetime as dt
import uuid
import zoneinfo
from dataclasses import dataclass

import factory
from factory.django import DjangoModelFactory

from fairness.enums import EntryKind
from fairness.models import LedgerEntry, OwedHours
from reallocation.enums import ActorKind, MessageChannel, WebhookEvent
from reallocation.models import (
    AuditHead,
    Case,
    Delivery,
    LogEntry,
    Message,
    Notice,
    Offer,
    Policy,
    SlotChoice,
    StepRecord,
    Webhook,
    WebhookDelivery,
)
from reallocation.webhooks import signing
from timetable.enums import AvailabilityKind, StaffRole
from timetable.models import (
    Absence,
    AbsenceException,
    Availability,
    Closure,
    Course,
    Enrolment,
    Hold,
    Institute,
    Meeting,
    Offering,
    Period,
    Professor,
    Qualification,
    Room,
    Section,
    Slot,
    Staff,
    Student,
    Teaching,
    Term,
    User,
)
from voting.enums import BallotKind
from voting.models import Ballot, RollPlace, Vote

ZONE = zoneinfo.ZoneInfo("Europe/Vienna")


def at(text, zone=ZONE):
    """The UTC moment of "YYYY-MM-DD HH:MM" on the default institute's clock."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(dt.UTC)


FIRST_NAMES = ("Amal", "Bruno", "Chandra", "Dilek", "Emil", "Farah", "Goran", "Hana", "Ines", "Jun")
LAST_NAMES = ("Acar", "Bauer", "Costa", "Dvorak", "Eriksen", "Fischer", "Gupta")


def full_name(n):
    """Seventy different names before one comes again, the same in every run."""
    return f"{FIRST_NAMES[n % len(FIRST_NAMES)]} {LAST_NAMES[n % len(LAST_NAMES)]}"


NOW = at("2027-03-01 09:00")
"""A Monday morning in the middle of the default term."""


class InstituteFactory(DjangoModelFactory):
    class Meta:
        model = Institute
        django_get_or_create = ("slug",)

    slug = "northfield"
    name = "Northfield University"
    timezone = "Europe/Vienna"
    teaching_days = factory.LazyFunction(lambda: [1, 2, 3, 4, 5])
    weekend_days = factory.LazyFunction(lambda: [6, 7])


class TermFactory(DjangoModelFactory):
    """Sixteen weeks from Monday 2027-01-04; checkpoints on 2027-03-12 and 2027-04-16."""

    class Meta:
        model = Term
        django_get_or_create = ("institute", "name")

    institute = factory.SubFactory(InstituteFactory)
    name = "Spring 2027"
    starts_on = dt.date(2027, 1, 4)
    ends_on = dt.date(2027, 4, 25)
    mid_semester_on = dt.date(2027, 3, 12)
    end_semester_on = dt.date(2027, 4, 16)


class PeriodFactory(DjangoModelFactory):
    class Meta:
        model = Period

    term = factory.SubFactory(TermFactory)
    name = factory.Sequence(lambda n: f"P{n + 1}")
    starts = dt.time(9)
    ends = dt.time(10, 30)


class ClosureFactory(DjangoModelFactory):
    class Meta:
        model = Closure

    term = factory.SubFactory(TermFactory)
    name = "Holiday"
    starts_on = dt.date(2027, 3, 29)
    ends_on = factory.SelfAttribute("starts_on")


class RoomFactory(DjangoModelFactory):
    class Meta:
        model = Room

    institute = factory.SubFactory(InstituteFactory)
    code = factory.Sequence(lambda n: f"ROOM{n + 1}")
    name = factory.LazyAttribute(lambda o: f"Room {o.code}")
    building = "Main building"
    capacity = 40


class CourseFactory(DjangoModelFactory):
    class Meta:
        model = Course

    institute = factory.SubFactory(InstituteFactory)
    code = factory.Sequence(lambda n: f"COURSE{n + 1}")
    title = factory.LazyAttribute(lambda o: f"Introduction to {o.code}")
    department = "Sciences"


class UserFactory(DjangoModelFactory):
    """An account without a usable password, as the import makes them; `password=` sets one."""

    class Meta:
        model = User
        django_get_or_create = ("email",)
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n + 1}@northfield.example")
    name = factory.Sequence(full_name)

    @factory.post_generation
    def password(self, create, extracted, **kwargs):
        if create and (extracted or not self.password):
            self.set_password(extracted)
            self.save(update_fields=["password"])


class ProfessorFactory(DjangoModelFactory):
    class Meta:
        model = Professor

    institute = factory.SubFactory(InstituteFactory)
    code = factory.Sequence(lambda n: f"PROF{n + 1}")
    name = factory.Sequence(full_name)
    email = factory.LazyAttribute(lambda o: f"{o.code.lower()}@{o.institute.slug}.example")
    department = "Sciences"
    weekly_hours = 12
    user = factory.SubFactory(
        UserFactory, email=factory.SelfAttribute("..email"), name=factory.SelfAttribute("..name")
    )


class SectionFactory(DjangoModelFactory):
    class Meta:
        model = Section

    institute = factory.SubFactory(InstituteFactory)
    code = factory.Sequence(lambda n: f"SECTION{n + 1}")
    name = factory.LazyAttribute(lambda o: f"Section {o.code}")
    programme = "Bachelor"


class StudentFactory(DjangoModelFactory):
    class Meta:
        model = Student

    institute = factory.SubFactory(InstituteFactory)
    code = factory.Sequence(lambda n: f"STUDENT{n + 1}")
    name = factory.Sequence(full_name)
    email = factory.LazyAttribute(lambda o: f"{o.code.lower()}@students.{o.institute.slug}.example")
    section = factory.SubFactory(SectionFactory, institute=factory.SelfAttribute("..institute"))
    user = factory.SubFactory(
        UserFactory, email=factory.SelfAttribute("..email"), name=factory.SelfAttribute("..name")
    )


class StaffFactory(DjangoModelFactory):
    class Meta:
        model = Staff

    institute = factory.SubFactory(InstituteFactory)
    user = factory.SubFactory(UserFactory)
    role = StaffRole.REGISTRAR


class QualificationFactory(DjangoModelFactory):
    class Meta:
        model = Qualification

    professor = factory.SubFactory(ProfessorFactory)
    course = factory.SubFactory(
        CourseFactory, institute=factory.SelfAttribute("..professor.institute")
    )


class OfferingFactory(DjangoModelFactory):
    """A class. `professors=[…]`: the first is responsible; one is made if not given, none by `[]`.

    `sections=[…]`, and the roster: `students=[…]`, or the students of the sections."""

    class Meta:
        model = Offering
        skip_postgeneration_save = True

    term = factory.SubFactory(TermFactory)
    course = factory.SubFactory(CourseFactory, institute=factory.SelfAttribute("..term.institute"))
    code = factory.Sequence(lambda n: f"CLASS{n + 1}")

    @factory.post_generation
    def professors(self, create, extracted, **kwargs):
        if extracted is None:
            extracted = [ProfessorFactory(institute=self.term.institute)]
        for position, professor in enumerate(extracted):
            TeachingFactory(offering=self, professor=professor, position=position)

    @factory.post_generation
    def sections(self, create, extracted, **kwargs):
        self.sections.set(extracted or [])

    @factory.post_generation
    def students(self, create, extracted, **kwargs):
        if extracted is None:
            extracted = Student.objects.filter(section__in=self.sections.all(), active=True)
        else:
            self.roster_from_sections = False
            self.save(update_fields=["roster_from_sections"])
        Enrolment.objects.bulk_create(
            Enrolment(offering=self, student=student) for student in extracted
        )


class TeachingFactory(DjangoModelFactory):
    class Meta:
        model = Teaching

    offering = factory.SubFactory(OfferingFactory, professors=[])
    professor = factory.SubFactory(
        ProfessorFactory, institute=factory.SelfAttribute("..offering.term.institute")
    )
    position = 0


class EnrolmentFactory(DjangoModelFactory):
    class Meta:
        model = Enrolment

    offering = factory.SubFactory(OfferingFactory)
    student = factory.SubFactory(
        StudentFactory, institute=factory.SelfAttribute("..offering.term.institute")
    )


class SlotFactory(DjangoModelFactory):
    class Meta:
        model = Slot

    offering = factory.SubFactory(OfferingFactory)
    weekday = 2
    starts = dt.time(9)
    ends = dt.time(10, 30)


def _responsible(meeting):
    teaching = meeting.offering.teachings.order_by("position").select_related("professor").first()
    return teaching.professor if teaching else ProfessorFactory(institute=meeting.institute)


class MeetingFactory(DjangoModelFactory):
    """A meeting as planned, led by the responsible professor; `day`, `clock`, `minutes` say when.

    `professor`, `room`, `starts_at`, `ends_at`, `status` may say that something else holds.
    """

    class Meta:
        model = Meeting

    class Params:
        day = dt.date(2027, 3, 2)
        clock = dt.time(9)
        minutes = 90

    offering = factory.SubFactory(OfferingFactory)
    institute = factory.LazyAttribute(lambda o: o.offering.term.institute)
    planned_professor = factory.LazyAttribute(_responsible)
    planned_room = None
    planned_starts_at = factory.LazyAttribute(lambda o: o.institute.moment(o.day, o.clock))
    planned_ends_at = factory.LazyAttribute(
        lambda o: o.planned_starts_at + dt.timedelta(minutes=o.minutes)
    )
    professor = factory.SelfAttribute("planned_professor")
    room = factory.SelfAttribute("planned_room")
    starts_at = factory.SelfAttribute("planned_starts_at")
    ends_at = factory.LazyAttribute(
        lambda o: o.starts_at + (o.planned_ends_at - o.planned_starts_at)
    )


class AvailabilityFactory(DjangoModelFactory):
    class Meta:
        model = Availability

    professor = factory.SubFactory(ProfessorFactory)
    weekday = 5
    starts = dt.time(14)
    ends = dt.time(18)
    kind = AvailabilityKind.UNAVAILABLE


class AbsenceFactory(DjangoModelFactory):
    """All of Tuesday 2027-03-02, filed on the Monday before."""

    class Meta:
        model = Absence

    professor = factory.SubFactory(ProfessorFactory)
    institute = factory.SelfAttribute("professor.institute")
    starts_at = factory.LazyFunction(lambda: at("2027-03-02 00:00"))
    ends_at = factory.LazyFunction(lambda: at("2027-03-03 00:00"))
    filed_at = NOW
    filed_by = factory.SelfAttribute("professor.user")


class AbsenceExceptionFactory(DjangoModelFactory):
    class Meta:
        model = AbsenceException

    absence = factory.SubFactory(AbsenceFactory)
    meeting = factory.SubFactory(MeetingFactory)
    cover = False


class HoldFactory(DjangoModelFactory):
    class Meta:
        model = Hold

    professor = factory.SubFactory(ProfessorFactory)
    institute = factory.SelfAttribute("professor.institute")
    starts_at = factory.LazyFunction(lambda: at("2027-03-02 09:00"))
    ends_at = factory.LazyFunction(lambda: at("2027-03-02 10:30"))
    case_uid = factory.LazyFunction(uuid.uuid4)


class BallotFactory(DjangoModelFactory):
    """`students=[…]` makes the roll; without it, the roster of the class."""

    class Meta:
        model = Ballot
        skip_postgeneration_save = True

    offering = factory.SubFactory(OfferingFactory)
    institute = factory.SelfAttribute("offering.term.institute")
    kind = BallotKind.SUBSTITUTE
    question = "Shall Ben Baker teach this class?"
    subject_uid = factory.LazyFunction(uuid.uuid4)
    opened_at = NOW
    closes_at = factory.LazyAttribute(lambda o: o.opened_at + dt.timedelta(hours=12))
    quorum_percent = 25
    roll_size = factory.LazyAttribute(lambda o: o.offering.enrolments.count())

    @factory.post_generation
    def students(self, create, extracted, **kwargs):
        students = list(self.offering.students.all() if extracted is None else extracted)
        RollPlace.objects.bulk_create(
            RollPlace(ballot=self, student=student) for student in students
        )
        if self.roll_size != len(students):
            self.roll_size = len(students)
            self.save(update_fields=["roll_size"])


class RollPlaceFactory(DjangoModelFactory):
    class Meta:
        model = RollPlace

    ballot = factory.SubFactory(BallotFactory)
    student = factory.SubFactory(
        StudentFactory, institute=factory.SelfAttribute("..ballot.institute")
    )


class VoteFactory(DjangoModelFactory):
    class Meta:
        model = Vote

    ballot = factory.SubFactory(BallotFactory)
    voter_key = factory.Sequence(lambda n: f"{n:064x}")
    choice = True
    receipt = factory.Sequence(lambda n: f"RECEIPT-{n:08d}")


class PolicyFactory(DjangoModelFactory):
    class Meta:
        model = Policy
        django_get_or_create = ("institute",)

    institute = factory.SubFactory(InstituteFactory)


class CaseFactory(DjangoModelFactory):
    """An open case at step 1 that nobody has looked at yet."""

    class Meta:
        model = Case

    meeting = factory.SubFactory(MeetingFactory)
    institute = factory.SelfAttribute("meeting.institute")
    professor = factory.SelfAttribute("meeting.professor")
    absence = factory.SubFactory(AbsenceFactory, professor=factory.SelfAttribute("..professor"))
    before_starts_at = factory.SelfAttribute("meeting.starts_at")
    before_ends_at = factory.SelfAttribute("meeting.ends_at")
    before_room = factory.SelfAttribute("meeting.room")
    opened_at = NOW
    due_at = NOW


class StepRecordFactory(DjangoModelFactory):
    class Meta:
        model = StepRecord

    case = factory.SubFactory(CaseFactory)
    step = factory.SelfAttribute("case.step")
    entered_at = NOW


class OfferFactory(DjangoModelFactory):
    class Meta:
        model = Offer

    case = factory.SubFactory(CaseFactory)
    record = factory.SubFactory(StepRecordFactory, case=factory.SelfAttribute("..case"))
    professor = factory.SubFactory(
        ProfessorFactory, institute=factory.SelfAttribute("..case.institute")
    )
    step = factory.SelfAttribute("record.step")
    sent_at = NOW
    expires_at = factory.LazyAttribute(lambda o: o.sent_at + dt.timedelta(hours=4))


class SlotChoiceFactory(DjangoModelFactory):
    class Meta:
        model = SlotChoice

    case = factory.SubFactory(CaseFactory)
    step = 4
    starts_at = factory.LazyFunction(lambda: at("2027-03-04 14:00"))
    ends_at = factory.LazyFunction(lambda: at("2027-03-04 15:30"))
    chosen_at = NOW


class AuditHeadFactory(DjangoModelFactory):
    class Meta:
        model = AuditHead
        django_get_or_create = ("institute",)

    institute = factory.SubFactory(InstituteFactory)


class LogEntryFactory(DjangoModelFactory):
    """A row for pages and filters; its hash proves nothing: chains are made by `audit` alone."""

    class Meta:
        model = LogEntry

    institute = factory.SubFactory(InstituteFactory)
    number = factory.Sequence(lambda n: n + 1)
    at = NOW
    actor_kind = ActorKind.SYSTEM
    kind = "case_opened"
    hash = factory.Sequence(lambda n: f"{n:064x}")


class NoticeFactory(DjangoModelFactory):
    class Meta:
        model = Notice

    institute = factory.SubFactory(InstituteFactory)
    kind = "offer"
    key = factory.Sequence(lambda n: f"notice:{n}")
    subject = "Can you take a class?"
    body = "Ada Adler cannot teach on Tuesday at 09:00."
    created_at = NOW


class MessageFactory(DjangoModelFactory):
    class Meta:
        model = Message

    notice = factory.SubFactory(NoticeFactory)
    user = factory.SubFactory(UserFactory)


class DeliveryFactory(DjangoModelFactory):
    class Meta:
        model = Delivery

    message = factory.SubFactory(MessageFactory)
    channel = MessageChannel.EMAIL
    address = factory.SelfAttribute("message.user.email")
    due_at = NOW


class WebhookFactory(DjangoModelFactory):
    """To a receiver of this machine, unless told otherwise; `secret` is what signs."""

    class Meta:
        model = Webhook
        exclude = ("secret",)

    institute = factory.SubFactory(InstituteFactory)
    name = factory.Sequence(lambda n: f"Portal {n}")
    url = factory.Sequence(lambda n: f"https://hooks.example/{n}")
    events = factory.LazyFunction(lambda: list(WebhookEvent.values))
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    secrets = factory.LazyAttribute(
        lambda made: [{"sealed": signing.seal(made.secret), "until": None}]
    )
    created_at = NOW


class WebhookDeliveryFactory(DjangoModelFactory):
    class Meta:
        model = WebhookDelivery

    webhook = factory.SubFactory(WebhookFactory)
    event = WebhookEvent.CASE_OPENED
    key = factory.Sequence(lambda n: f"test/{n}")
    body = '{"version":1,"type":"case.opened","data":{}}'
    written_at = queued_at = due_at = NOW


class LedgerEntryFactory(DjangoModelFactory):
    class Meta:
        model = LedgerEntry

    professor = factory.SubFactory(ProfessorFactory)
    institute = factory.SelfAttribute("professor.institute")
    term = factory.SubFactory(TermFactory, institute=factory.SelfAttribute("..institute"))
    professor_name = factory.SelfAttribute("professor.name")
    kind = EntryKind.GIVEN
    hours = 1.5
    at = NOW
    case_uid = factory.LazyFunction(uuid.uuid4)


class OwedHoursFactory(DjangoModelFactory):
    class Meta:
        model = OwedHours

    offering = factory.SubFactory(OfferingFactory)
    term = factory.SelfAttribute("offering.term")
    institute = factory.SelfAttribute("term.institute")
    hours = 1.5
    at = NOW
    case_uid = factory.LazyFunction(uuid.uuid4)


@dataclass(frozen=True)
class SmallInstitute:
    """Things by their code: `small.professors["ADA"]`, `small.meetings["MATH.A", "2027-03-02"]`."""

    institute: Institute
    term: Term
    periods: dict[str, Period]
    rooms: dict[str, Room]
    courses: dict[str, Course]
    sections: dict[str, Section]
    students: dict[str, Student]
    professors: dict[str, Professor]
    classes: dict[str, Offering]
    meetings: dict[tuple[str, str], Meeting]


def small_institute(slug="northfield"):
    """One institute in its ninth week: who could cover for Ada on Tuesday at nine?

    | | Tuesday 2027-03-02 | Wednesday 2027-03-03 |
    |---|---|---|
    | 09:00 | MATH.A (Ada, R1) | MATH.A (Ada, R1), PHYS.B (Ben, R2) |
    | 11:00 | PHYS.A (Ben, R1), MATH.B (Dan, R2) | |
    | 14:00 | CHEM.A (Cleo with Dan, R2) | CHEM.B (Cleo, R2) |

    Section A (students A1…A5) knows Ada, Ben, Cleo and Dan. MATH is taught by Ada and Dan; Eve
    teaches nothing but is qualified for MATH. Everybody has an account; R3 is empty and seats 4,
    the other rooms 40.
    """
    institute = InstituteFactory(slug=slug)
    term = TermFactory(institute=institute)
    grid = {
        "1": (dt.time(9), dt.time(10, 30)),
        "2": (dt.time(11), dt.time(12, 30)),
        "3": (dt.time(14), dt.time(15, 30)),
        "4": (dt.time(16), dt.time(17, 30)),
    }
    periods = {
        name: PeriodFactory(term=term, name=name, starts=starts, ends=ends)
        for name, (starts, ends) in grid.items()
    }
    rooms = {
        code: RoomFactory(institute=institute, code=code, capacity=capacity)
        for code, capacity in {"R1": 40, "R2": 40, "R3": 4}.items()
    }
    courses = {
        code: CourseFactory(institute=institute, code=code, title=title)
        for code, title in {"MATH": "Algebra", "PHYS": "Mechanics", "CHEM": "Reactions"}.items()
    }
    sections = {code: SectionFactory(institute=institute, code=code) for code in "AB"}
    students = {
        f"{section}{n}": StudentFactory(
            institute=institute, section=sections[section], code=f"{section}{n}"
        )
        for section in "AB"
        for n in range(1, 6)
    }
    names = ("Ada Adler", "Ben Baker", "Cleo Clark", "Dan Dorn", "Eve Ernst")
    professors = {
        name.split()[0].upper(): ProfessorFactory(
            institute=institute, code=name.split()[0].upper(), name=name
        )
        for name in names
    }
    QualificationFactory(professor=professors["EVE"], course=courses["MATH"])
    taught_by = {
        "MATH.A": ("ADA",),
        "MATH.B": ("DAN",),
        "PHYS.A": ("BEN",),
        "PHYS.B": ("BEN",),
        "CHEM.A": ("CLEO", "DAN"),
        "CHEM.B": ("CLEO",),
    }
    classes = {
        code: OfferingFactory(
            term=term,
            code=code,
            course=courses[code[:4]],
            sections=[sections[code[-1]]],
            professors=[professors[p] for p in who],
        )
        for code, who in taught_by.items()
    }
    tuesday, wednesday = dt.date(2027, 3, 2), dt.date(2027, 3, 3)
    plan = (
        ("MATH.A", tuesday, 9, "R1"),
        ("PHYS.A", tuesday, 11, "R1"),
        ("MATH.B", tuesday, 11, "R2"),
        ("CHEM.A", tuesday, 14, "R2"),
        ("MATH.A", wednesday, 9, "R1"),
        ("PHYS.B", wednesday, 9, "R2"),
        ("CHEM.B", wednesday, 14, "R2"),
    )
    meetings = {
        (code, day.isoformat()): MeetingFactory(
            offering=classes[code], day=day, clock=dt.time(hour), planned_room=rooms[room]
        )
        for code, day, hour, room in plan
    }
    return SmallInstitute(
        institute, term, periods, rooms, courses, sections, students, professors, classes, meetings
    )
