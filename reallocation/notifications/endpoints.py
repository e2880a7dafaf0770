"""Posting to an address that a browser named: to a public HTTPS server, and never into our own house.

Whoever is signed in may name any address, so it is looked up once, every answer is checked, and the
connection goes to the answer that was checked, since a second look-up might say something else.
Redirects are not followed.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings

from reallocation.webhooks.targets import is_public

SECONDS = 5
HTTPS = 443


class NotPublic(Exception):
    """The address is none of a public HTTPS server."""


@dataclass(frozen=True)
class Endpoint:
    host: str
    port: int
    path: str
    secure: bool = True

    @property
    def origin(self) -> str:
        if self.secure:
            return f"https://{self.host}"
        return f"http://{self.host}:{self.port}"


def read(address: str) -> Endpoint:
    """What the address says, nothing looked up yet. Raises NotPublic."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise NotPublic(str(error)) from error
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    given = settings.PUSH_TEST_SERVICE
    if given and host and port and address.startswith(f"{given}/"):
        return Endpoint(host, port, path, secure=False)
    if parts.scheme != "https" or not host or port not in {None, HTTPS} or "@" in parts.netloc:
        raise NotPublic("not the address of an HTTPS server")
    if not address.isascii() or not address.isprintable() or " " in address:
        raise NotPublic("not an address as it stands in a request")
    return Endpoint(host, HTTPS, path)


def post(address: str, body: bytes, headers: Mapping[str, str]) -> int:
    """The status with which the server answered. Raises NotPublic, and OSError or HTTPException if
    it cannot be reached or does not speak HTTP."""
    endpoint = read(address)
    connection = (
        _Checked(endpoint.host, look_up(endpoint))
        if endpoint.secure
        else http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=SECONDS)
    )
    try:
        connection.request("POST", endpoint.path, body, dict(headers))
        return connection.getresponse().status
    finally:
        connection.close()


def look_up(endpoint: Endpoint) -> str:
    """One of the server's IP addresses. Raises NotPublic if any of them is not public."""
    found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    addresses = [str(answer[4][0]) for answer in found]
    if not all(is_public(ip_address(address)) for address in addresses):
        raise NotPublic("the server is not on the public network")
    return addresses[0]


class _Checked(http.client.HTTPSConnection):
    """To the IP address that was checked, while the certificate must be the name's."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(host, HTTPS, timeout=SECONDS)
        self.address = address

    def connect(self) -> None:
        plain = socket.create_connection((self.address, HTTPS), SECONDS)
        context = ssl.create_default_context()
        try:
            self.sock = context.wrap_socket(plain, server_hostname=self.host)
        except OSError:
            plain.close()
            raise
