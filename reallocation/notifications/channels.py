"""The roads on which a message leaves: e-mail by Django's mail framework, SMS by apprise, Web Push."""

from __future__ import annotations

import smtplib
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import quote, urlsplit

import apprise
from anymail.backends.base import AnymailBaseBackend
from anymail.exceptions import AnymailError, AnymailInvalidAddress, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template import loader
from django.utils import translation
from django.utils.translation import gettext as _

from reallocation.enums import MessageChannel
from reallocation.models import Delivery

from . import invitations, links
from .failures import Refused, Unreachable, Unsent
from .kinds import action_of
from .push import Push

PERMANENT = 500
"""SMTP replies from here on are final (RFC 5321, section 4.2.1)."""

CLOSING = 421
"""The server is closing the connection."""


class Channel(Protocol):
    """One road. `send` returns the provider's id of what it took; Refused, Unsent, Unreachable."""

    def send(self, delivery: Delivery) -> str: ...

    def close(self) -> None: ...


class Email:
    """One connection to the mail server for all that is handed over together."""

    def __init__(self) -> None:
        self.connection: Any = get_connection()

    def send(self, delivery: Delivery) -> str:
        try:
            # Kept open from one message to the next; else each would make a connection of its own.
            self.connection.open()
        except OSError as error:
            raise self._down(error) from error
        mail = self._mail(delivery)
        try:
            self.connection.send_messages([mail])
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
            code = _code(error)
            if code == CLOSING:
                raise self._down(error) from error
            raise (Refused if code >= PERMANENT else Unsent)(_said(error)) from error
        except (
            AnymailRecipientsRefused,
            AnymailInvalidAddress,
            smtplib.SMTPNotSupportedError,
            ValueError,
        ) as error:
            raise Refused(_said(error)) from error
        except (OSError, AnymailError) as error:
            raise self._down(error) from error
        taken = getattr(getattr(mail, "anymail_status", None), "message_id", None)
        return str(taken or mail.extra_headers["Message-ID"])

    def close(self) -> None:
        self.connection.close()

    def _down(self, error: Exception) -> Unreachable:
        self.close()
        return Unreachable(_said(error))

    def _mail(self, delivery: Delivery) -> EmailMultiAlternatives:
        message = delivery.message
        notice = message.notice
        with translation.override(notice.language):
            facts = {
                "notice": notice,
                "action": action_of(notice.kind),
                "link": links.absolute(message),
            }
            mail = EmailMultiAlternatives(
                subject=notice.subject,
                body=loader.render_to_string("reallocation/notifications/mail.txt", facts).strip(),
                to=[delivery.address],
                headers={
                    # The same at each attempt, so that a mail sent twice is seen to be one.
                    "Message-ID": f"<{message.uid}@{urlsplit(settings.BASE_URL).hostname}>",
                    "Auto-Submitted": "auto-generated",
                },
                connection=self.connection,
            )
            mail.attach_alternative(
                loader.render_to_string("reallocation/notifications/mail.html", facts), "text/html"
            )
        if "invitation" in notice.data:
            self._invite(mail, delivery, notice.data["invitation"])
        return mail

    def _invite(
        self, mail: EmailMultiAlternatives, delivery: Delivery, told: dict[str, Any]
    ) -> None:
        calendar = invitations.document(
            told, attendee=delivery.address, stamp=delivery.message.notice.created_at
        ).decode()
        content_type = f"text/calendar; method={told['method']}"
        if isinstance(self.connection, AnymailBaseBackend):
            # Providers' interfaces know attachments, but not alternatives other than HTML.
            mail.attach("invitation.ics", calendar, content_type)
        else:
            mail.attach_alternative(calendar, content_type)


class Sms:
    """Text messages through the service that SMS_URL names, an apprise address with {to} in it."""

    def send(self, delivery: Delivery) -> str:
        notice = delivery.message.notice
        service: Any = apprise.Apprise.instantiate(
            settings.SMS_URL.replace("{to}", quote(delivery.address, safe=""))
        )
        if service is None:
            raise Unreachable(_("SMS_URL is not an address that apprise understands."))
        text = f"{notice.subject} {links.absolute(delivery.message)}"
        if not service.notify(body=text, body_format=apprise.NotifyFormat.TEXT):
            raise Unsent(
                _("%(service)s did not take the text message.")
                % {"service": service.url(privacy=True)}
            )
        return ""

    def close(self) -> None:
        """Each text message is a request of its own."""


CHANNELS: dict[str, type[Channel]] = {
    MessageChannel.EMAIL: Email,
    MessageChannel.SMS: Sms,
    MessageChannel.PUSH: Push,
}


class Channels:
    """The roads that a batch uses, each opened at its first message and closed at the end."""

    def __init__(self) -> None:
        self._open: dict[str, Channel] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for channel in self._open.values():
            channel.close()

    def send(self, delivery: Delivery) -> str:
        name = delivery.channel
        if name not in self._open:
            self._open[name] = CHANNELS[name]()
        return self._open[name].send(delivery)


def _code(error: smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError) -> int:
    if isinstance(error, smtplib.SMTPDataError):
        return error.smtp_code
    return next(iter(error.recipients.values()))[0]


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
