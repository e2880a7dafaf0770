"""A mail server and a text message service of this machine, with the moods of real ones."""

import email
import json
import socket
import threading
from collections import Counter
from contextlib import contextmanager
from email import policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from aiosmtpd.controller import Controller


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Postbox:
    """What a mail server took. `answers[address]` is what it says to that recipient instead of yes."""

    def __init__(self, port):
        self.port = port
        self.mails = []
        self.tried = Counter()
        self.connections = 0
        self.answers = {}
        self.after_data = {}

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        self.tried[address] += 1
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        (address,) = envelope.rcpt_tos
        if address in self.after_data:
            return self.after_data[address]
        self.mails.append(
            (address, email.message_from_bytes(envelope.content, policy=policy.default))
        )
        return "250 Queued"

    @property
    def addresses(self):
        return [address for address, _mail in self.mails]

    def mail_to(self, address):
        (mail,) = [mail for to, mail in self.mails if to == address]
        return mail


@contextmanager
def mail_server(port=None):
    """A server that listens for as long as the block lasts."""
    box = Postbox(port or free_port())
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@contextmanager
def text_service(status=200):
    """A web service that takes text messages: (path, text) of each request in `taken`."""
    taken = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            content = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append((unquote(self.path), json.loads(content)["message"]))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *arguments):
            """Nothing on the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"json://127.0.0.1:{server.server_port}/{{to}}", taken
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
