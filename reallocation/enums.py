"""The closed lists of words that the workflow uses."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class StepNumber(models.IntegerChoices):
    """The five rungs of the ladder."""

    DIRECT = 1, _("Direct substitute")
    SECTION = 2, _("Professors of the section")
    SUBJECT = 3, _("Same subject and student vote")
    RESCHEDULE = 4, _("Reschedule")
    WEEKEND = 5, _("Weekend")


class CaseStatus(models.TextChoices):
    OPEN = "open", _("Open")
    SUBSTITUTED = "substituted", _("Substituted")
    RESCHEDULED = "rescheduled", _("Rescheduled")
    WEEKEND = "weekend", _("Moved to the weekend")
    DROPPED = "dropped", _("Dropped")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class WaitingFor(models.TextChoices):
    """Whom an open case waits for. Empty: for the engine alone, which acts at once."""

    SUBSTITUTE = "substitute", _("the named substitute")
    COLLEAGUES = "colleagues", _("the professors of the section")
    CANDIDATE_CHOICE = "candidate_choice", _("the professor's choice of a candidate")
    CANDIDATE = "candidate", _("the chosen candidate")
    CLASS_VOTE = "class_vote", _("the students' vote")
    SLOT_CHOICE = "slot_choice", _("the professor's choice of a slot")
    WEEKEND_VOTE = "weekend_vote", _("the students' vote on a weekend class")


class StepResult(models.TextChoices):
    RUNNING = "running", _("Running")
    RESOLVED = "resolved", _("Resolved the case")
    GAVE_UP = "gave_up", _("Tried without success")
    SKIPPED = "skipped", _("Skipped")
    STOPPED = "stopped", _("Stopped from outside")


class OfferStatus(models.TextChoices):
    SENT = "sent", _("Sent")
    ACCEPTED = "accepted", _("Accepted")
    DECLINED = "declined", _("Declined")
    EXPIRED = "expired", _("Expired")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    TAKEN = "taken", _("Taken by someone else")


class MessageChannel(models.TextChoices):
    EMAIL = "email", _("E-mail")
    SMS = "sms", _("SMS")
    PUSH = "push", _("Notification on a device")


class DeliveryStatus(models.TextChoices):
    QUEUED = "queued", _("Queued")
    SENDING = "sending", _("Being handed over")
    SENT = "sent", _("Sent")
    DELIVERED = "delivered", _("Delivered")
    BOUNCED = "bounced", _("Bounced")
    FAILED = "failed", _("Failed")
    MUTED = "muted", _("Written in a rehearsal, not sent")


class ActorKind(models.TextChoices):
    """In what capacity somebody acted, as the log says it."""

    SYSTEM = "system", _("The system")
    PROFESSOR = "professor", _("Professor")
    STUDENT = "student", _("Student")
    REGISTRAR = "registrar", _("Registrar")
    SCRIPT = "script", _("Script")


class WebhookEvent(models.TextChoices):
    """What is sent on to other systems. The values are published: add, never rename."""

    CASE_OPENED = "case.opened", _("A case was opened")
    CASE_RESOLVED = "case.resolved", _("A case was settled")
    MEETING_CHANGED = "meeting.changed", _("A class changed")
    BALLOT_CLOSED = "ballot.closed", _("A vote was closed")


class WebhookStatus(models.TextChoices):
    QUEUED = "queued", _("Waiting")
    SENDING = "sending", _("Being sent")
    DELIVERED = "delivered", _("Delivered")
    FAILED = "failed", _("Given up")


class WebhookOff(models.TextChoices):
    """Why nothing is sent to a webhook."""

    ASKED = "asked", _("switched off by a registrar")
    FAILING = "failing", _("nothing got through for too long")
    GONE = "gone", _("the receiver said that it is gone for good (410)")


class RehearsalStatus(models.TextChoices):
    WAITING = "waiting", _("Waiting to begin")
    RUNNING = "running", _("Being played")
    DONE = "done", _("Played")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class RehearsalPhase(models.TextChoices):
    """What a rehearsal is at. Empty: it has not begun."""

    COPYING = "copying", _("Copying the timetable")
    AS_IT_IS = "as_it_is", _("Playing by today’s rules")
    COMPARED = "compared", _("Playing by the other rules")


class RehearsalFailure(models.TextChoices):
    """Why a rehearsal came to nothing."""

    NOBODY = "nobody", _("Nobody teaches anything on these days.")
    BROKE = "broke", _("It broke off with an error. The log of the worker has the details.")
    STOPPED = "stopped", _("The worker was stopped while it was being played. Start it again.")
    VANISHED = (
        "vanished",
        _("Its process ended without a word, as when a machine restarts. Start it again."),
    )
    TOO_LONG = "too_long", _("It took too long. Rehearse fewer absences.")
