"""The closed lists of words that the ledger uses."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class EntryKind(models.TextChoices):
    ASKED = "asked", _("Asked to cover")
    ACCEPTED = "accepted", _("Accepted")
    DECLINED = "declined", _("Declined")
    GIVEN = "given", _("Taught for somebody else")
    TAKEN = "taken", _("Somebody else taught for them")
