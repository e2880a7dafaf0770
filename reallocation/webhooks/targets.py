"""Where a webhook may lead: to a public address, by HTTPS, on a port for it.

Whoever may name an address to send to could name one inside: the database, the provider's metadata, a
printer. So a name is looked up for each delivery, every address that it has must be public, and
`courier` connects to the very addresses that were looked at. WEBHOOK_NETWORKS lets receivers stand in
networks that are not public, where the operator wants that.
"""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

Address = IPv4Address | IPv6Address

LONGEST_URL = 500
NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
)
DEFAULT_PORTS = {"https": 443, "http": 80}

# The registries of special-purpose addresses (RFC 6890 and what has been added since), multicast, and
# what was never given out. Not left to `is_global`: what that says has changed between Pythons.
CLOSED_4 = tuple(
    ip_network(block)
    for block in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24"),
        *("192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
)
OPEN_6 = ip_network("2000::/3")
CLOSED_6 = tuple(
    ip_network(block)
    for block in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
NAT64 = ip_network("64:ff9b::/96")

REFUSALS: dict[str, StrPromise] = {
    "not_a_url": _("Write an address as https://hooks.example.org/understudy."),
    "too_long": _("The address has more than 500 characters."),
    "not_https": _("The address must begin with https://."),
    "credentials": _("The address must hold no user name and no password."),
    "fragment": _("The address must not hold a #."),
    "port": _("This port is not open for webhooks."),
    "not_public": _("The address leads to a machine that is not public."),
    "unknown_host": _("The name of the receiver could not be looked up."),
}


class TargetRefused(Exception):
    """Nothing may be sent there, or nobody knows where it is. `code` is one of REFUSALS."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)

    @property
    def message(self) -> str:
        return str(REFUSALS[self.code])


@dataclass(frozen=True)
class Target:
    """An address, taken apart. `path` has the query with it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def is_secure(self) -> bool:
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def target_of(url: str) -> Target:
    """The address, if it is one at which a webhook may stand. Asks nobody; raises TargetRefused."""
    if len(url) > LONGEST_URL:
        raise TargetRefused("too_long")
    # As http.client: neither blanks nor control characters, and what is not ASCII is written as %XX.
    if not re.fullmatch(r"[\x21-\x7e]+", url) or "\\" in url:
        raise TargetRefused("not_a_url")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise TargetRefused("not_a_url") from error
    if parts.scheme not in DEFAULT_PORTS or not host:
        raise TargetRefused("not_a_url")
    if parts.scheme != "https" and not settings.DEBUG:
        raise TargetRefused("not_https")
    if parts.username is not None or parts.password is not None:
        raise TargetRefused("credentials")
    if "#" in url:
        raise TargetRefused("fragment")
    literal = _literal(host)
    if literal is None and not NAME.fullmatch(host):
        raise TargetRefused("not_a_url")
    port = DEFAULT_PORTS[parts.scheme] if port is None else port
    if port not in settings.WEBHOOK_PORTS and not settings.DEBUG:
        raise TargetRefused("port")
    if literal is not None and not is_allowed(literal):
        raise TargetRefused("not_public")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path)


def addresses_of(target: Target, timeout: float) -> list[Address]:
    """Where the target is now: all of its addresses, each of which is allowed. Raises TargetRefused."""
    found = _looked_up(target, timeout)
    if not found:
        raise TargetRefused("unknown_host")
    if not all(is_allowed(address) for address in found):
        raise TargetRefused("not_public")
    return found


def is_allowed(address: Address) -> bool:
    """Whether something may be sent to this address: it is public, or the operator says so."""
    networks = (ip_network(one) for one in settings.WEBHOOK_NETWORKS)
    reached = _reached(address)
    return is_public(address) or any(reached in network for network in networks)


def _reached(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for: mapped, or behind a translator (RFC 6052)."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether it is the address of a single host of the public network."""
    address = _reached(address)
    if isinstance(address, IPv4Address):
        return not any(address in block for block in CLOSED_4)
    return (
        address.scope_id is None
        and address in OPEN_6
        and not any(address in block for block in CLOSED_6)
    )


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _looked_up(target: Target, timeout: float) -> list[Address]:
    """In a thread of its own: the system's resolver may take half a minute, and cannot be hurried."""
    found: list[Address] = []
    failed: list[Exception] = []

    def look() -> None:
        try:
            rows = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(ip_address(row[4][0]) for row in rows))
        except (OSError, UnicodeError, ValueError) as error:
            failed.append(error)

    thread = threading.Thread(target=look, name="webhook-resolver", daemon=True)
    thread.start()
    thread.join(timeout)
    if thread.is_alive() or failed:
        raise TargetRefused("unknown_host")
    return found
