"""An institute, its terms and the times at which it teaches."""

from __future__ import annotations

import datetime as dt
import uuid
import zoneinfo
from functools import cache, lru_cache
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

CODE_LENGTH = 64

_zone = cache(zoneinfo.ZoneInfo)


@lru_cache(maxsize=10_000)
def _moment(timezone: str, day: dt.date, clock: dt.time, fold: int) -> dt.datetime:
    # One search for a free place asks for every bell of every day before the checkpoint. Clocks of an hour
    # that comes twice are equal whichever of the two is meant: the fold tells them apart.
    return dt.datetime.combine(day, clock, _zone(timezone)).astimezone(dt.UTC)


class Institute(models.Model):
    """The organisation: everything else belongs to exactly one."""

    slug = models.SlugField(_("slug"), max_length=CODE_LENGTH, unique=True)
    name = models.CharField(_("name"), max_length=200)
    timezone = models.CharField(_("time zone"), max_length=64, default="UTC")
    teaching_days = models.JSONField(_("teaching days"), default=list)
    weekend_days = models.JSONField(_("weekend days"), default=list)

    class Meta:
        verbose_name = _("institute")
        verbose_name_plural = _("institutes")
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return _zone(self.timezone)

    def local(self, moment: dt.datetime) -> dt.datetime:
        """The moment on the institute's own clock."""
        return moment.astimezone(self.zone)

    def moment(self, day: dt.date, clock: dt.time) -> dt.datetime:
        """The UTC moment of a wall-clock time on a day at this institute."""
        return _moment(self.timezone, day, clock, clock.fold)


class Term(models.Model):
    institute = models.ForeignKey(
        Institute, models.CASCADE, related_name="terms", verbose_name=_("institute")
    )
    name = models.CharField(_("name"), max_length=100)
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    mid_semester_on = models.DateField(_("mid-semester checkpoint"))
    end_semester_on = models.DateField(_("end-semester checkpoint"))

    class Meta:
        verbose_name = _("term")
        verbose_name_plural = _("terms")
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

    term = models.ForeignKey(Term, models.CASCADE, related_name="closures", verbose_name=_("term"))
    name = models.CharField(_("name"), max_length=200)
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("to"))

    class Meta:
        verbose_name = _("closure")
        verbose_name_plural = _("closures")
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
    institute = models.ForeignKey(
        Institute, models.CASCADE, related_name="rooms", verbose_name=_("institute")
    )
    name = models.CharField(_("name"), max_length=200, blank=True)
    building = models.CharField(_("building"), max_length=200, blank=True)
    capacity = models.PositiveIntegerField(_("capacity"), null=True, blank=True)

    class Meta:
        verbose_name = _("room")
        verbose_name_plural = _("rooms")
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["institute", "code"], name="room_code_once"),
        ]
