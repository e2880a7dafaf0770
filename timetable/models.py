"""Who teaches what to whom, where and when; and who is away.

Times are stored in UTC and shown in the institute's zone. A meeting carries two sets of columns: what
was planned, never edited after import, and what holds now.
"""

from __future__ import annotations

import datetime as dt
import uuid
import zoneinfo
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .enums import (
    AbsenceCategory,
    AvailabilityKind,
    ClassKind,
    MeetingChange,
    MeetingStatus,
    Rank,
    StaffRole,
)
from .querysets import AbsenceQuerySet, HoldQuerySet, MeetingQuerySet

CODE_LENGTH = 64


class UserManager(BaseUserManager["User"]):
    """Accounts are found by e-mail address, whatever its case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalise(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(
            email, password, **{**fields, "is_staff": True, "is_superuser": True}
        )

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=self.normalise(username or ""))

    @staticmethod
    def normalise(email: str) -> str:
        return email.strip().lower()


class User(AbstractUser):
    """An account. Who somebody is (professor, student, staff) hangs on it, once per institute."""

    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    name = models.CharField(_("name"), max_length=200, blank=True)
    email = models.EmailField(_("e-mail address"), unique=True)
    language = models.CharField(_("language"), max_length=10, blank=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name or self.email


class Institute(models.Model):
    """The organisation: everything else belongs to exactly one."""

    slug = models.SlugField(_("slug"), max_length=CODE_LENGTH, unique=True)
    name = models.CharField(_("name"), max_length=200)
    timezone = models.CharField(_("time zone"), max_length=64, default="UTC")
    teaching_days = models.JSONField(_("teaching days"), default=list)
    weekend_days = models.JSONField(_("weekend days"), default=list)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.timezone)

    def local(self, moment: dt.datetime) -> dt.datetime:
        """The moment on the institute's own clock."""
        return moment.astimezone(self.zone)

    def moment(self, day: dt.date, clock: dt.time) -> dt.datetime:
        """The UTC moment of a wall-clock time on a day at this institute."""
        return dt.datetime.combine(day, clock, self.zone).astimezone(dt.UTC)


class Term(models.Model):
    institute = models.ForeignKey(Institute, models.CASCADE, related_name="terms")
    name = models.CharField(_("name"), max_length=100)
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    mid_semester_on = models.DateField(_("mid-semester checkpoint"))
    end_semester_on = models.DateField(_("end-semester checkpoint"))

    class Meta:
        ordering: ClassVar = ["-starts_on"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["institute", "name"], name="term_name_once_per_institute"
            ),
            models.CheckConstraint(
                condition=Q(starts_on__lte=F("mid_semester_on"))
                & Q(mid_semester_on__lte=F("end_semester_on"))
                & Q(end_semester_on__lte=F("ends_on")),
                name="term_checkpoints_in_order",
                violation_error_message=_("The checkpoints must lie in order inside the term."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def checkpoint_after(self, day: dt.date) -> dt.date | None:
        """The next checkpoint on or after the day: the last day a moved class may use."""
        return next((c for c in (self.mid_semester_on, self.end_semester_on) if c >= day), None)


class Period(models.Model):
    """One bell of the grid: a moved class may start where a period starts. Local wall-clock times."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    term = models.ForeignKey(Term, models.CASCADE, related_name="periods")
    name = models.CharField(_("name"), max_length=CODE_LENGTH)
    starts = models.TimeField(_("starts"))
    ends = models.TimeField(_("ends"))

    class Meta:
        ordering: ClassVar = ["term", "starts"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["term", "name"], name="period_name_once_per_term"),
            models.CheckConstraint(
                condition=Q(ends__gt=F("starts")), name="period_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Closure(models.Model):
    """Days without classes, both ends included."""

    term = models.ForeignKey(Term, models.CASCADE, related_name="closures")
    name = models.CharField(_("name"), max_length=200)
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("to"))

    class Meta:
        ordering: ClassVar = ["starts_on"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")), name="closure_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Coded(models.Model):
    """Something the institute identifies by its own code."""

    code = models.CharField(_("code"), max_length=CODE_LENGTH)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return getattr(self, "name", "") or self.code


class Room(Coded):
    institute = models.ForeignKey(Institute, models.CASCADE, related_name="rooms")
    name = models.CharField(_("name"), max_length=200, blank=True)
    building = models.CharField(_("building"), max_length=200, blank=True)
    capacity = models.PositiveIntegerField(_("capacity"), null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["institute", "code"], name="room_code_once"),
        ]


class Course(Coded):
    """The subject: professors of the same course teach the same subject."""

    institute = models.ForeignKey(Institute, models.CASCADE, related_name="courses")
    title = models.CharField(_("title"), max_length=200)
    department = models.CharField(_("department"), max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["institute", "code"], name="course_code_once"),
        ]

    def __str__(self) -> str:
        return self.title or self.code

    @property
    def full_name(self) -> str:
        """Code and title, unless the title says no more than the code."""
        return self.code if self.title in {"", self.code} else f"{self.code} {self.title}"


class Professor(Coded):
    """Anyone who may teach. Hours are clock hours."""

    institute = models.ForeignKey(Institute, models.CASCADE, related_name="professors")
    user = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="professors"
    )
    name = models.CharField(_("name"), max_length=200)
    email = models.EmailField(_("e-mail address"))
    phone = models.CharField(_("phone"), max_length=32, blank=True)
    department = models.CharField(_("department"), max_length=200, blank=True)
    rank = models.CharField(_("rank"), max_length=16, choices=Rank, default=Rank.PROFESSOR)
    fte = models.DecimalField(
        _("full-time equivalent"),
        max_digits=4,
        decimal_places=2,
        default=1,
        validators=[MinValueValidator(0), MaxValueValidator(2)],
    )
    weekly_hours = models.DecimalField(
        _("contracted teaching hours a week"), max_digits=5, decimal_places=2, null=True, blank=True
    )
    max_daily_hours = models.DecimalField(
        _("most hours a day"), max_digits=4, decimal_places=2, null=True, blank=True
    )
    active = models.BooleanField(_("active"), default=True)
    courses = models.ManyToManyField(Course, through="Qualification", related_name="qualified")

    class Meta:
        ordering: ClassVar = ["name", "code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["institute", "code"], name="professor_code_once"),
        ]


class Qualification(models.Model):
    """May teach the course, though perhaps not teaching it this term."""

    professor = models.ForeignKey(Professor, models.CASCADE, related_name="qualifications")
    course = models.ForeignKey(Course, models.CASCADE, related_name="qualifications")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["professor", "course"], name="qualification_once"),
        ]

    def __str__(self) -> str:
        return f"{self.professor} · {self.course}"


class Section(Coded):
    """A cohort of students taught together."""

    institute = models.ForeignKey(Institute, models.CASCADE, related_name="sections")
    name = models.CharField(_("name"), max_length=200, blank=True)
    programme = models.CharField(_("programme"), max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["institute", "code"], name="section_code_once"),
        ]


class Student(Coded):
    institute = models.ForeignKey(Institute, models.CASCADE, related_name="students")
    user = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="students")
    name = models.CharField(_("name"), max_length=200)
    email = models.EmailField(_("e-mail address"))
    phone = models.CharField(_("phone"), max_length=32, blank=True)
    section = models.ForeignKey(
        Section, models.SET_NULL, null=True, blank=True, related_name="students"
    )
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        ordering: ClassVar = ["name", "code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["institute", "code"], name="student_code_once"),
        ]


class Staff(models.Model):
    """A role of an account at an institute."""

    user = models.ForeignKey(User, models.CASCADE, related_name="staff_roles")
    institute = models.ForeignKey(Institute, models.CASCADE, related_name="staff")
    role = models.CharField(_("role"), max_length=16, choices=StaffRole)
    department = models.CharField(_("department"), max_length=200, blank=True)
    reads_private_notes = models.BooleanField(_("may read private notes"), default=False)

    class Meta:
        verbose_name_plural = _("staff")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "institute"], name="staff_role_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"


class Offering(Coded):
    """A class: one course taught to one roster for a term. Called `class` wherever people read it."""

    term = models.ForeignKey(Term, models.CASCADE, related_name="offerings")
    course = models.ForeignKey(Course, models.PROTECT, related_name="offerings")
    kind = models.CharField(_("kind"), max_length=16, choices=ClassKind, default=ClassKind.LECTURE)
    sections = models.ManyToManyField(Section, related_name="offerings", blank=True)
    professors = models.ManyToManyField(Professor, through="Teaching", related_name="offerings")
    students = models.ManyToManyField(Student, through="Enrolment", related_name="offerings")
    roster_from_sections = models.BooleanField(
        _("roster from sections"),
        default=True,
        help_text=_("The roster is the students of the sections, not a list of its own."),
    )

    class Meta:
        verbose_name = _("class")
        verbose_name_plural = _("classes")
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["term", "code"], name="offering_code_once"),
        ]

    def __str__(self) -> str:
        return self.code


class Teaching(models.Model):
    """A professor of a class; position 0 is responsible, the others co-teach."""

    offering = models.ForeignKey(Offering, models.CASCADE, related_name="teachings")
    professor = models.ForeignKey(Professor, models.PROTECT, related_name="teachings")
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        ordering: ClassVar = ["offering", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["offering", "professor"], name="teaching_once"),
            models.UniqueConstraint(fields=["offering", "position"], name="teaching_position_once"),
        ]

    def __str__(self) -> str:
        return f"{self.professor} · {self.offering}"


class Enrolment(models.Model):
    """One student on the roster of one class."""

    offering = models.ForeignKey(Offering, models.CASCADE, related_name="enrolments")
    student = models.ForeignKey(Student, models.CASCADE, related_name="enrolments")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["offering", "student"], name="enrolment_once"),
        ]

    def __str__(self) -> str:
        return f"{self.student} · {self.offering}"


class Slot(models.Model):
    """A weekly pattern, in wall-clock time. `weeks` is written as in the bundle."""

    offering = models.ForeignKey(Offering, models.CASCADE, related_name="slots")
    weekday = models.PositiveSmallIntegerField(
        _("weekday"), validators=[MinValueValidator(1), MaxValueValidator(7)]
    )
    starts = models.TimeField(_("starts"))
    ends = models.TimeField(_("ends"))
    room = models.ForeignKey(Room, models.PROTECT, null=True, blank=True, related_name="slots")
    weeks = models.CharField(_("weeks"), max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["offering", "weekday", "starts"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ends__gt=F("starts")), name="slot_ends_after_start"),
        ]

    def __str__(self) -> str:
        return f"{self.offering} {self.weekday} {self.starts:%H:%M}"


class Meeting(models.Model):
    """One dated class meeting: what was planned, and what holds.

    Only a scheduled meeting occupies its professors and its room. `overlap_tolerated` marks a clash
    that came with imported data and exempts the row from the exclusion constraints.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    institute = models.ForeignKey(Institute, models.CASCADE, related_name="meetings")
    offering = models.ForeignKey(Offering, models.CASCADE, related_name="meetings")
    slot = models.ForeignKey(Slot, models.SET_NULL, null=True, blank=True, related_name="meetings")

    planned_professor = models.ForeignKey(
        Professor, models.PROTECT, related_name="planned_meetings"
    )
    planned_room = models.ForeignKey(
        Room, models.PROTECT, null=True, blank=True, related_name="planned_meetings"
    )
    planned_starts_at = models.DateTimeField(_("planned start"))
    planned_ends_at = models.DateTimeField(_("planned end"))

    professor = models.ForeignKey(Professor, models.PROTECT, related_name="meetings")
    room = models.ForeignKey(Room, models.PROTECT, null=True, blank=True, related_name="meetings")
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    status = models.CharField(
        _("status"), max_length=16, choices=MeetingStatus, default=MeetingStatus.SCHEDULED
    )
    overlap_tolerated = models.BooleanField(_("overlap tolerated"), default=False)
    revision = models.PositiveIntegerField(
        _("revision"), default=0, help_text=_("Rises with each change: the calendar's SEQUENCE.")
    )

    objects: ClassVar[models.Manager[Meeting]] = MeetingQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["starts_at", "id"]
        indexes: ClassVar = [
            models.Index(fields=["professor", "starts_at"], name="meeting_professor_time"),
            models.Index(fields=["room", "starts_at"], name="meeting_room_time"),
            models.Index(fields=["offering", "starts_at"], name="meeting_offering_time"),
            models.Index(fields=["institute", "starts_at"], name="meeting_institute_time"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="meeting_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(planned_ends_at__gt=F("planned_starts_at")),
                name="meeting_planned_ends_after_start",
            ),
            models.CheckConstraint(
                condition=Q(status__in=MeetingStatus.values), name="meeting_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.offering_id} {self.starts_at:%Y-%m-%d %H:%M}"

    @property
    def hours(self) -> float:
        """Length in clock hours."""
        return (self.ends_at - self.starts_at).total_seconds() / 3600

    @property
    def is_moved(self) -> bool:
        """At another time or in another room than planned."""
        return (self.starts_at, self.ends_at, self.room_id) != (
            self.planned_starts_at,
            self.planned_ends_at,
            self.planned_room_id,
        )

    @property
    def is_substituted(self) -> bool:
        return self.professor_id != self.planned_professor_id

    @property
    def change(self) -> MeetingChange:
        """How what holds differs from the plan; a change of time outranks one of person."""
        if self.status != MeetingStatus.SCHEDULED:
            return MeetingChange(self.status)
        if self.is_moved:
            return MeetingChange.MOVED
        return MeetingChange.SUBSTITUTED if self.is_substituted else MeetingChange.SCHEDULED


class Availability(models.Model):
    """A weekly time, wall-clock, at which a professor cannot or would rather not teach."""

    professor = models.ForeignKey(Professor, models.CASCADE, related_name="availability")
    weekday = models.PositiveSmallIntegerField(
        _("weekday"), validators=[MinValueValidator(1), MaxValueValidator(7)]
    )
    starts = models.TimeField(_("starts"))
    ends = models.TimeField(_("ends"))
    kind = models.CharField(_("kind"), max_length=16, choices=AvailabilityKind)

    class Meta:
        verbose_name_plural = _("availability")
        ordering: ClassVar = ["professor", "weekday", "starts"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ends__gt=F("starts")), name="availability_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.professor} {self.weekday} {self.starts:%H:%M}–{self.ends:%H:%M}"


class Absence(models.Model):
    """A professor is away from … to …. The private note is for its author and for granted registrars."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    institute = models.ForeignKey(Institute, models.CASCADE, related_name="absences")
    professor = models.ForeignKey(Professor, models.PROTECT, related_name="absences")
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("to"))
    offering = models.ForeignKey(
        Offering,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="absences",
        help_text=_("Only this class needs cover; empty: every meeting in the span."),
    )
    category = models.CharField(
        _("reason"), max_length=16, choices=AbsenceCategory, blank=True, default=""
    )
    note = models.TextField(_("private note"), blank=True, max_length=2000)
    handover = models.TextField(_("handover note"), blank=True, max_length=4000)
    filed_at = models.DateTimeField(_("filed"))
    filed_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="filed_absences"
    )
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    objects: ClassVar[models.Manager[Absence]] = AbsenceQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-starts_at"]
        indexes: ClassVar = [
            models.Index(fields=["professor", "starts_at"], name="absence_professor_time"),
            models.Index(fields=["institute", "ends_at"], name="absence_institute_end"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="absence_ends_after_start",
                violation_error_message=_("An absence must end after it starts."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.professor} {self.starts_at:%Y-%m-%d}"


class AbsenceException(models.Model):
    """A meeting in the span that the professor decided about: cover it though co-taught, or leave it."""

    absence = models.ForeignKey(Absence, models.CASCADE, related_name="exceptions")
    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="absence_exceptions")
    cover = models.BooleanField(_("needs cover"))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["absence", "meeting"], name="absence_exception_once"),
        ]

    def __str__(self) -> str:
        return f"{self.absence} · {self.meeting}"


class Hold(models.Model):
    """Time of a professor or a room kept free for something still pending.

    An accepted offer holds its professor until the class is booked; a place put to a weekend vote
    holds professor and room until the ballot closes. `case_uid` says for which case.
    """

    institute = models.ForeignKey(Institute, models.CASCADE, related_name="holds")
    professor = models.ForeignKey(
        Professor, models.CASCADE, null=True, blank=True, related_name="holds"
    )
    room = models.ForeignKey(Room, models.CASCADE, null=True, blank=True, related_name="holds")
    offering = models.ForeignKey(
        Offering, models.CASCADE, null=True, blank=True, related_name="holds"
    )
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("to"))
    case_uid = models.UUIDField(_("case"), db_index=True)

    objects: ClassVar[models.Manager[Hold]] = HoldQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["professor", "starts_at"], name="hold_professor_time"),
            models.Index(fields=["room", "starts_at"], name="hold_room_time"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(professor__isnull=False) | Q(room__isnull=False),
                name="hold_holds_something",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="hold_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_uid} {self.starts_at:%Y-%m-%d %H:%M}"


class AccessToken(models.Model):
    """A key with which a person's script acts as them. Kept is only its hash."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="access_tokens")
    name = models.CharField(_("name"), max_length=100, help_text=_("What it is for."))
    scopes = models.JSONField(_("may"), default=list)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("made"))
    # The day is enough to find forgotten ones, and tells nobody when somebody did something.
    last_used_on = models.DateField(_("last used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.name


class CalendarFeed(models.Model):
    """The private address at which programs read a person's calendar. Kept is only its hash.

    `salt` makes the secret again, together with SECRET_KEY. `etag` and `changed_at` say what was
    served last and since when: meetings carry no time of change of their own.
    """

    user = models.OneToOneField(User, models.CASCADE, related_name="calendar_feed")
    salt = models.CharField(max_length=64, editable=False)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    made_at = models.DateTimeField(_("made"))
    etag = models.CharField(max_length=64, blank=True, editable=False)
    changed_at = models.DateTimeField(_("changed"))

    def __str__(self) -> str:
        return str(self.user_id)


class StoredAnswer(models.Model):
    """What a program was answered, so that asking again with the same key does nothing again."""

    user = models.ForeignKey(User, models.CASCADE, related_name="stored_answers")
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "key"], name="stored_answer_once_per_key"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.created_at:%Y-%m-%d %H:%M}"
