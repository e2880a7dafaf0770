"""Who teaches, who studies, who works in the office; and what can be taught."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..enums import (
    Rank,
    StaffRole,
)
from .accounts import User
from .institutes import Coded, Institute


class Course(Coded):
    """The subject: professors of the same course teach the same subject."""

    institute = models.ForeignKey(
        Institute, models.CASCADE, related_name="courses", verbose_name=_("institute")
    )
    title = models.CharField(_("title"), max_length=200)
    department = models.CharField(_("department"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("course")
        verbose_name_plural = _("courses")
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

    institute = models.ForeignKey(
        Institute, models.CASCADE, related_name="professors", verbose_name=_("institute")
    )
    user = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="professors",
        verbose_name=_("account"),
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
        verbose_name = _("professor")
        verbose_name_plural = _("professors")
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

    institute = models.ForeignKey(
        Institute, models.CASCADE, related_name="sections", verbose_name=_("institute")
    )
    name = models.CharField(_("name"), max_length=200, blank=True)
    programme = models.CharField(_("programme"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("section")
        verbose_name_plural = _("sections")
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["institute", "code"], name="section_code_once"),
        ]


class Student(Coded):
    institute = models.ForeignKey(
        Institute, models.CASCADE, related_name="students", verbose_name=_("institute")
    )
    user = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="students",
        verbose_name=_("account"),
    )
    name = models.CharField(_("name"), max_length=200)
    email = models.EmailField(_("e-mail address"))
    phone = models.CharField(_("phone"), max_length=32, blank=True)
    section = models.ForeignKey(
        Section,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="students",
        verbose_name=_("section"),
    )
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("student")
        verbose_name_plural = _("students")
        ordering: ClassVar = ["name", "code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["institute", "code"], name="student_code_once"),
        ]


class Staff(models.Model):
    """A role of an account at an institute."""

    user = models.ForeignKey(
        User, models.CASCADE, related_name="staff_roles", verbose_name=_("account")
    )
    institute = models.ForeignKey(
        Institute, models.CASCADE, related_name="staff", verbose_name=_("institute")
    )
    role = models.CharField(_("role"), max_length=16, choices=StaffRole)
    department = models.CharField(_("department"), max_length=200, blank=True)
    reads_private_notes = models.BooleanField(_("may read private notes"), default=False)

    class Meta:
        verbose_name = _("member of staff")
        verbose_name_plural = _("staff")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "institute"], name="staff_role_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"
