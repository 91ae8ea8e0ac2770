"""An issuer of JSON Web Tokens: its keys, tokens signed with them, and a real HTTP server with its discovery document and JWK set.

The tokens of `forged` are made by hand, byte by byte: no library makes the wrong ones.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from base64 import urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from odata_gateway.errors import AuthForbidden

KINDS = {
    "RS256": (lambda: rsa.generate_private_key(65537, 2048), RSAAlgorithm),
    "ES256": (lambda: ec.generate_private_key(ec.SECP256R1()), ECAlgorithm),
    "EdDSA": (ed25519.Ed25519PrivateKey.generate, OKPAlgorithm),
}
SECRET = "a secret of forty bytes, shared by two...."


class Key:
    """A private key with its id, and its public part as a JWK."""

    def __init__(self, kid, algorithm="ES256"):
        make, kind = KINDS[algorithm]
        self.kid, self.algorithm, self.private = kid, algorithm, make()
        self.jwk = kind.to_jwk(self.private.public_key(), as_dict=True) | {"kid": kid, "use": "sig", "alg": algorithm}

    def sign(self, claims, **headers):
        return jwt.encode(claims, self.private, self.algorithm, headers={"kid": self.kid, **headers})


def base64url(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(header, claims, sign=lambda signed: b""):
    """A token of any header and claims, values or bytes; `sign` gets the text to sign."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)]
    signed = ".".join(map(base64url, parts))
    return f"{signed}.{base64url(sign(signed.encode()))}"


def claims(**more):
    """Claims of a token that is valid for an hour; a claim that is None is left out."""
    now = int(time.time())
    found = {"sub": "user-1", "role": "reader", "iat": now, "exp": now + 3600} | more
    return {name: value for name, value in found.items() if value is not None}


class AnyRole:
    """Says which roles callers may have, in place of a database; None: any."""

    def __init__(self, usable=None):
        self._usable = usable

    async def require(self, role):
        if self._usable is not None and role not in self._usable:
            raise AuthForbidden(f"the role {role} may not be used")

    async def first_usable(self, roles):
        return next((role for role in roles if self._usable is None or role in self._usable), None)


class Issuer:
    """A server of a discovery document and a JWK set on 127.0.0.1, with faults to choose.

    keys      whose public parts the set has
    asked     the paths that were asked for
    delay_s   how long it waits before it answers
    status    of every answer
    answers   path to the bytes of the body, instead of the right one
    document  members of the discovery document that are other than usual
    gate      while it is cleared, no answer is given
    """

    def __init__(self, *keys):
        self.keys = list(keys)
        self.asked, self.answers, self.document = [], {}, {}
        self.delay_s, self.status, self.location = 0.0, 200, None
        self.gate = threading.Event()
        self.gate.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.jwks_url = f"{self.url}/jwks"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()

    def body(self, path):
        if path in self.answers:
            return self.answers[path]
        if path == "/jwks":
            return json.dumps({"keys": [key.jwk for key in self.keys]}).encode()
        if path == "/.well-known/openid-configuration":
            return json.dumps(
                {
                    "issuer": self.url,
                    "jwks_uri": self.jwks_url,
                    "authorization_endpoint": f"{self.url}/oauth2/authorize",
                    "token_endpoint": f"{self.url}/oauth2/token",
                    **self.document,
                }
            ).encode()
        return None

    def _handler(self):
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked.append(self.path)
                issuer.gate.wait(30)
                time.sleep(issuer.delay_s)
                body = issuer.body(self.path)
                self.send_response(404 if body is None else issuer.status)
                if issuer.location is not None:
                    self.send_header("Location", issuer.location)
                if body is not None and body.startswith(b"gzip:"):
                    self.send_header("Content-Encoding", "gzip")
                    body = gzip.compress(body[5:])
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_):
                pass

        return Handler
