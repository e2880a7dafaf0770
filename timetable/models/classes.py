"""A class: one course taught to one roster for a term, and its weekly slots."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ..enums import (
    ClassKind,
)
from .institutes import Coded, Room, Term
from .people import Course, Professor, Section, Student


class Offering(Coded):
    """A class: one course taught to one roster for a term. Called `class` wherever people read it."""

    term = models.ForeignKey(Term, models.CASCADE, related_name="offerings", verbose_name=_("term"))
    course = models.ForeignKey(
        Course, models.PROTECT, related_name="offerings", verbose_name=_("course")
    )
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
