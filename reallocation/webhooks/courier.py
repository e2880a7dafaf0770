"""One message to one receiver: a POST whose answer is looked at, and not believed in further.

The connection goes to an address that `targets` has looked at, while TLS checks the name: between the
look and the connection no name is looked up again. Redirects are not followed, proxies of the
environment not used, and after TIMEOUT seconds the line is cut, however slowly a receiver drips.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic as stopwatch

from django.utils.translation import gettext as _

from . import targets
from .targets import Address, Target

TIMEOUT = 10.0
"""Seconds for all of it: looking up, connecting, sending, and the answer."""

CONNECT_TIMEOUT = 4.0
"""Seconds for each address: there may be another one."""

LONGEST_ANSWER = 4096
"""Bytes of an answer that are read; of those of a refusal a few are kept."""

KEPT_LETTERS = 200


class Unreachable(Exception):
    """Nothing was answered. The message says why."""


@dataclass(frozen=True)
class Answer:
    """What the receiver said: the status, and how it began."""

    status: int
    text: str

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300


class Line(http.client.HTTPConnection):
    """A connection to one of these addresses, whatever the name would lead to by now."""

    def __init__(self, target: Target, addresses: list[Address], ends_at: float) -> None:
        super().__init__(target.host, target.port)
        self.target, self.addresses, self.ends_at = target, addresses, ends_at
        self.sock: socket.socket | None = None
        self.cut = False
        self._open: socket.socket | None = None

    def connect(self) -> None:
        plain = self._connected()
        plain.settimeout(self._left())
        self.sock = self._open = plain
        if self.target.is_secure:
            context = ssl.create_default_context()
            secure = context.wrap_socket(
                plain, server_hostname=self.target.host, do_handshake_on_connect=False
            )
            # Known before the handshake, which a receiver could draw out as well.
            self.sock = self._open = secure
            if self.cut:  # a moment ago, with the plain socket in hand
                raise TimeoutError
            secure.do_handshake()

    def _connected(self) -> socket.socket:
        error: OSError | None = None
        for address in self.addresses:
            family = socket.AF_INET if address.version == 4 else socket.AF_INET6
            sock = socket.socket(family, socket.SOCK_STREAM)
            sock.settimeout(min(CONNECT_TIMEOUT, self._left()))
            try:
                sock.connect((str(address), self.target.port))
            except OSError as failure:
                sock.close()
                error = failure
            else:
                return sock
        raise error or OSError

    def _left(self) -> float:
        left = self.ends_at - stopwatch()
        if left <= 0:
            raise TimeoutError
        return left

    def hang_up(self) -> None:
        """Cut the line from another thread: whoever reads from it reads its end."""
        self.cut = True
        if self._open is not None:
            with suppress(OSError):  # it may be closed already
                socket.socket.shutdown(self._open, socket.SHUT_RDWR)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send it. Raises TargetRefused where it may not go, Unreachable where nobody answers."""
    ends_at = stopwatch() + TIMEOUT
    target = targets.target_of(url)
    addresses = targets.addresses_of(target, TIMEOUT)
    line = Line(target, addresses, ends_at)
    alarm = threading.Timer(max(0.0, ends_at - stopwatch()), line.hang_up)
    alarm.daemon = True
    alarm.start()
    try:
        line.request("POST", target.path, body, {"Host": target.authority, **headers})
        response = line.getresponse()
        if line.cut:  # in the middle of the headers, which http.client takes for their end
            raise TimeoutError
        return _answer(response)
    except ssl.SSLCertVerificationError as error:
        why = _("Its certificate was not accepted: %(why)s") % {"why": error.verify_message}
        raise Unreachable(why) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        if line.cut or isinstance(error, TimeoutError):
            why = _("It did not answer within %(seconds)d seconds.") % {"seconds": TIMEOUT}
        else:
            why = _("No answer came: %(why)s") % {"why": f"{type(error).__name__}: {error}"}
        raise Unreachable(why) from error
    finally:
        alarm.cancel()
        line.close()


def _answer(response: http.client.HTTPResponse) -> Answer:
    with response:
        text = b""
        # The status is the answer: what may follow it, or break off, changes nothing.
        with suppress(OSError, http.client.HTTPException, ValueError):
            text = response.read(LONGEST_ANSWER)
    letters = "".join(
        letter if letter.isprintable() else " " for letter in text.decode("utf-8", "replace")
    )
    return Answer(response.status, " ".join(letters.split())[:KEPT_LETTERS])
