"""The rules of an institute, which every case follows."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from timetable.models import Institute

WINDOWS = (
    *("direct_window", "section_window", "choose_window", "answer_window", "vote_window"),
    *("slot_window", "weekend_window"),
)

# Beyond these a typing error would lead out of the calendar: minutes, minutes, days.
LONGEST_WINDOW = 14 * 24 * 60
LONGEST_NOTICE = 7 * 24 * 60
LONGEST_RETENTION = 10 * 366


def _minutes(label: Any, default: int) -> Any:
    return models.PositiveIntegerField(
        label,
        default=default,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_WINDOW)],
    )


def _hours(label: Any, default: int, most: int, help_text: Any = "") -> Any:
    return models.DecimalField(
        label,
        max_digits=5,
        decimal_places=2,
        default=default,
        validators=[MinValueValidator(0), MaxValueValidator(most)],
        help_text=help_text,
    )


def _percent(label: Any, default: int) -> Any:
    return models.PositiveSmallIntegerField(
        label, default=default, validators=[MaxValueValidator(100)]
    )


class Policy(models.Model):
    """An institute's rules. Windows are in minutes of waking time, caps in clock hours."""

    institute = models.OneToOneField(
        Institute, models.CASCADE, related_name="policy", verbose_name=_("institute")
    )

    direct_window = _minutes(_("step 1: named substitute answers, minutes"), 4 * 60)
    section_window = _minutes(_("step 2: section answers, minutes"), 6 * 60)
    choose_window = _minutes(_("step 3: professor chooses, minutes"), 4 * 60)
    answer_window = _minutes(_("step 3: candidate answers, minutes"), 4 * 60)
    vote_window = _minutes(_("step 3: students vote, minutes"), 12 * 60)
    slot_window = _minutes(_("step 4: professor picks a slot, minutes"), 24 * 60)
    weekend_window = _minutes(_("step 5: students vote, minutes"), 24 * 60)
    notice = models.PositiveIntegerField(
        _("notice before the class, minutes"),
        default=60,
        validators=[MaxValueValidator(LONGEST_NOTICE)],
        help_text=_("Steps 1–3 are decided at least this long before the class."),
    )
    window_floor = _minutes(_("shortest window worth opening, minutes"), 10)
    waking_from = models.TimeField(_("waking hours from"), default=dt.time(7))
    waking_to = models.TimeField(_("waking hours to"), default=dt.time(22))

    wave_size = models.PositiveSmallIntegerField(
        _("offers in a wave"), default=3, help_text=_("0: everyone at once.")
    )
    daily_cap_hours = _hours(
        _("most hours a day"), 8, 24, _("Where a professor states no limit of their own.")
    )
    weekly_cap_hours = _hours(
        _("most hours a week"), 24, 168, _("Where no contracted weekly hours are stated.")
    )
    weekly_extra_hours = _hours(_("cover above contracted hours a week"), 6, 168)

    quorum_percent = _percent(_("approval quorum, per cent of the roll"), 25)
    hide_count = models.BooleanField(_("hide the count until the close"), default=False)
    clash_percent = _percent(_("students who may be in a clash, per cent"), 0)
    slots_offered = models.PositiveSmallIntegerField(
        _("slots shown to the professor"),
        default=8,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
    )
    note_retention_days = models.PositiveIntegerField(
        _("private notes are kept, days"),
        default=180,
        validators=[MaxValueValidator(LONGEST_RETENTION)],
        help_text=_("Counted from the end of the absence."),
    )

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(waking_to__gt=F("waking_from")),
                name="policy_waking_hours_in_order",
                violation_error_message=_("Waking hours must end after they begin."),
            ),
        ]

    def __str__(self) -> str:
        return str(self.institute)

    def clean(self) -> None:
        """What two fields say of each other, said at the field to mend."""
        faults = {}
        if self.waking_from and self.waking_to and self.waking_to <= self.waking_from:
            faults["waking_to"] = _("Waking hours must end after they begin.")
        windows = [getattr(self, name) for name in WINDOWS]
        if self.window_floor and any(w and w < self.window_floor for w in windows):
            faults["window_floor"] = _("A window shorter than this would never be opened.")
        if faults:
            raise ValidationError(faults)
