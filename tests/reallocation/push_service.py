"""A push service of this machine, and browsers that have subscribed at it."""

import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from reallocation.notifications import vapid


def text(raw):
    return urlsafe_b64encode(raw).decode().rstrip("=")


def raw(given):
    return urlsafe_b64decode(given + "=" * (-len(given) % 4))


class Browser:
    """What a browser keeps to itself: its private key, with which it opens what was sealed for it."""

    def __init__(self, endpoint, private=None, auth=b"sixteen bytes !!"):
        self.endpoint = endpoint
        self.private = private or ec.generate_private_key(ec.SECP256R1())
        self.auth = auth

    @property
    def point(self):
        public = self.private.public_key()
        return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def fields(self):
        """As its script sends them to us."""
        return {
            "endpoint": self.endpoint,
            "p256dh": text(self.point),
            "auth": text(self.auth),
            "server_key": vapid.server_key().public,
        }

    def open(self, body):
        """The message, by RFC 8188 and RFC 8291 from the receiving end."""
        salt, length = body[:16], body[20]
        theirs, sealed = body[21 : 21 + length], body[21 + length :]
        sender = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs)
        shared = self.private.exchange(ec.ECDH(), sender)

        def derive(secret, salt, info, size):
            return HKDF(hashes.SHA256(), size, salt, info).derive(secret)

        info = b"WebPush: info\x00" + self.point + theirs
        keying = derive(shared, self.auth, info, 32)
        key = derive(keying, salt, b"Content-Encoding: aes128gcm\x00", 16)
        nonce = derive(keying, salt, b"Content-Encoding: nonce\x00", 12)
        return AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\x02")


class PushService:
    """What it took: (path, headers, body) each. `answers[path]` is the status that it says instead."""

    def __init__(self, port):
        self.address = f"http://127.0.0.1:{port}"
        self.taken = []
        self.answers = {}

    def browser(self, name, **known):
        return Browser(f"{self.address}/{name}", **known)

    def messages_to(self, browser):
        path = browser.endpoint.removeprefix(self.address)
        return [browser.open(body) for at, _headers, body in self.taken if at == path]


@contextmanager
def push_service():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = service.answers.get(self.path, 201)
            if status == 201:
                service.taken.append((self.path, dict(self.headers), body))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{service.address}/elsewhere")
            self.end_headers()

        def log_message(self, *arguments):
            """Nothing on the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service = PushService(server.server_port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
