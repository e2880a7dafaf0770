"""The closed lists of words that the timetable uses."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Rank(models.TextChoices):
    PROFESSOR = "professor", _("Professor")
    ASSISTANT = "assistant", _("Assistant")
    PHD = "phd", _("PhD scholar")


class ClassKind(models.TextChoices):
    LECTURE = "lecture", _("Lecture")
    LAB = "lab", _("Lab")
    TUTORIAL = "tutorial", _("Tutorial")
    SEMINAR = "seminar", _("Seminar")


class MeetingStatus(models.TextChoices):
    """What holds for a meeting; substituted and moved are derived from the plan."""

    SCHEDULED = "scheduled", _("Scheduled")
    POSTPONED = "postponed", _("Postponed, no new time yet")
    DROPPED = "dropped", _("Dropped")


class MeetingChange(models.TextChoices):
    """How what holds differs from what was planned: the `status` of an exported meeting."""

    SCHEDULED = "scheduled", _("As planned")
    SUBSTITUTED = "substituted", _("Substituted")
    MOVED = "moved", _("Moved")
    POSTPONED = "postponed", _("Postponed")
    DROPPED = "dropped", _("Dropped")

    @classmethod
    def of(cls, status: str, *, moved: bool, substituted: bool) -> MeetingChange:
        """Of a meeting of this MeetingStatus; a change of time or room outranks one of person."""
        if status != MeetingStatus.SCHEDULED:
            return cls(status)
        if moved:
            return cls.MOVED
        return cls.SUBSTITUTED if substituted else cls.SCHEDULED


class AvailabilityKind(models.TextChoices):
    UNAVAILABLE = "unavailable", _("Unavailable")
    AVOID = "avoid", _("Rather not")


class AbsenceCategory(models.TextChoices):
    """Coarse on purpose: an absence never asks for a diagnosis."""

    ILLNESS = "illness", _("Illness")
    FAMILY = "family", _("Family")
    DUTY = "duty", _("Official duty")
    CONFERENCE = "conference", _("Conference or travel")
    OTHER = "other", _("Other")


class StaffRole(models.TextChoices):
    REGISTRAR = "registrar", _("Registrar")
    HEAD = "head", _("Head of department")
    AUDITOR = "auditor", _("Auditor")


class TokenScope(models.TextChoices):
    """What a script may do with a token, at most: it never exceeds what its person may do."""

    READ = "read", _("Read what I may see")
    ANSWER = "answer", _("File, answer and vote in my name")
    REGISTRAR = "registrar", _("Use my staff role")
