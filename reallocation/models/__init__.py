"""The work that an absence makes: cases, what was tried for them, who was asked, who was told.

Only `engine` moves a case, only `answers` answers an offer, only `audit` adds to the log.
"""

from .cases import (
    AGREED,
    TURNED_DOWN,
    Case,
    CaseQuerySet,
    Offer,
    OfferQuerySet,
    SlotChoice,
    StepRecord,
)
from .log import AuditHead, LogEntry, LogEntryIsFinal, LogEntryQuerySet
from .messages import Delivery, DeliveryQuerySet, Message, Notice, PushSubscription
from .rehearsals import Rehearsal, RehearsalQuerySet
from .rules import LONGEST_NOTICE, LONGEST_RETENTION, LONGEST_WINDOW, WINDOWS, Policy
from .webhooks import Webhook, WebhookDelivery, WebhookDeliveryQuerySet, WebhookQuerySet

__all__ = [
    "AGREED",
    "LONGEST_NOTICE",
    "LONGEST_RETENTION",
    "LONGEST_WINDOW",
    "TURNED_DOWN",
    "WINDOWS",
    "AuditHead",
    "Case",
    "CaseQuerySet",
    "Delivery",
    "DeliveryQuerySet",
    "LogEntry",
    "LogEntryIsFinal",
    "LogEntryQuerySet",
    "Message",
    "Notice",
    "Offer",
    "OfferQuerySet",
    "Policy",
    "PushSubscription",
    "Rehearsal",
    "RehearsalQuerySet",
    "SlotChoice",
    "StepRecord",
    "Webhook",
    "WebhookDelivery",
    "WebhookDeliveryQuerySet",
    "WebhookQuerySet",
]
