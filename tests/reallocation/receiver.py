"""Receivers of webhooks on this machine, with the moods of real ones, and a register of names for them."""

import base64
import datetime as dt
import hashlib
import hmac
import ipaddress
import json
import re
import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True)
class Post:
    """What came: the path, the headers in lower case, and the bytes of the body."""

    path: str
    headers: dict
    body: bytes

    @property
    def id(self):
        return self.headers["webhook-id"]

    @property
    def said(self):
        return json.loads(self.body)

    @property
    def signatures(self):
        return self.headers["webhook-signature"].split(" ")


class Receiver:
    """`answers` are given in turn, the last one for ever: a status, with headers, or something to do."""

    def __init__(self, port):
        self.port = port
        self.posts = []
        self.answers = [204]
        self.text = b""
        self.location = ""
        self.released = threading.Event()

    @property
    def ids(self):
        return [post.id for post in self.posts]


@contextmanager
def receiving(certificate=None):
    """A server on 127.0.0.1; by TLS with this certificate, if one is given."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            length = int(self.headers["Content-Length"])
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.posts.append(Post(self.path, headers, self.rfile.read(length)))
            answer = receiver.answers[0]
            if len(receiver.answers) > 1:
                receiver.answers.pop(0)
            if callable(answer):
                answer(self)
                return
            self.send_response(answer)
            if receiver.location:
                self.send_header("Location", receiver.location)
            self.send_header("Content-Length", str(len(receiver.text)))
            self.end_headers()
            self.wfile.write(receiver.text)

        def log_message(self, *_):
            """Quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            """Whoever hangs up in the middle is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    receiver = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


class Authority:
    """Whoever vouches for names: its own certificate is in `path`."""

    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tests")])
        self.path = folder / "authority.pem"
        self.path.write_bytes(self._signed(self.name, self.key, [], is_ca=True))

    def certificate(self, *names):
        """A file with a key and its certificate for these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        path = self.folder / f"{names[0]}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + self._signed(subject, key, names, is_ca=False)
        )
        return path

    def _signed(self, subject, key, names, *, is_ca):
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if names:
            found = x509.SubjectAlternativeName([_named(name) for name in names])
            builder = builder.add_extension(found, critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _named(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Register:
    """Who is where: `register["hooks.example"] = [["127.0.0.1"], ["10.0.0.1"]]`, an answer for each
    question, the last one for ever. Names that are not in it do not exist."""

    def __init__(self):
        self.answers = {}
        self.asked = []

    def __setitem__(self, name, answers):
        self.answers[name] = answers

    def look_up(self, host, port, *_rest, **_named):
        self.asked.append(host)
        answers = [[host]] if _is_figures(host) else self.answers.get(host)
        if answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (address, port, 0, 0) if ":" in address else (address, port),
            )
            for address in found
        ]


def _is_figures(host):
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def is_signed(post, secret, signature):
    """By hand, as the standard says it, and with nothing of ours."""
    key = base64.b64decode(secret.split("_", 1)[1])
    text = post.id.encode() + b"." + post.headers["webhook-timestamp"].encode() + b"." + post.body
    return signature == "v1," + base64.b64encode(
        hmac.new(key, text, hashlib.sha256).digest()
    ).decode("ascii")


def guide_s_check():
    """`is_genuine` as docs/api.md has it."""
    (code,) = re.findall(
        r"^```python\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    found = {}
    exec(code, found)  # noqa: S102 - the guide is ours
    return found["is_genuine"]
