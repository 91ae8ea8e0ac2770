"""An issuer of JSON Web Tokens: its keys, tokens signed with them, and a real HTTP server with its discovery document and JWK set.

The tokens of `forged` are made by hand, byte by byte: no library makes the wrong ones.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from odata_gateway.errors import AuthForbidden

KINDS: Final[dict[str, tuple[Callable[[], Any], Any]]] = {
    "RS256": (lambda: rsa.generate_private_key(65537, 2048), RSAAlgorithm),
    "ES256": (lambda: ec.generate_private_key(ec.SECP256R1()), ECAlgorithm),
    "EdDSA": (ed25519.Ed25519PrivateKey.generate, OKPAlgorithm),
}
SECRET: Final = "a secret of forty bytes, shared by two...."
Claims = dict[str, Any]


class Key:
    """A private key with its id, and its public part as a JWK."""

    def __init__(self, kid: str, algorithm: str = "ES256") -> None:
        make, self._kind = KINDS[algorithm]
        self.kid, self.algorithm, self.private = kid, algorithm, make()
        self.jwk = self._named(self.private.public_key())

    @property
    def private_jwk(self) -> dict[str, Any]:
        return self._named(self.private)

    def sign(self, claims: Claims, **headers: Any) -> str:
        return jwt.encode(claims, self.private, self.algorithm, headers={"kid": self.kid, **headers})

    def _named(self, key: Any) -> dict[str, Any]:
        return {**self._kind.to_jwk(key, as_dict=True), "kid": self.kid, "use": "sig", "alg": self.algorithm}


def forged(header: Any, claims: Any, sign: Callable[[bytes], bytes] = lambda signed: b"") -> str:
    """A token of any header and claims, values or bytes; `sign` gets the text to sign."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)]
    signed = ".".join(map(_base64url, parts))
    return f"{signed}.{_base64url(sign(signed.encode()))}"


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(**more: Any) -> Claims:
    """Claims of a token that is valid for an hour; a claim that is None is left out."""
    now = int(time.time())
    found = {"sub": "user-1", "role": "reader", "iat": now, "exp": now + 3600} | more
    return {name: value for name, value in found.items() if value is not None}


class AnyRole:
    """Says which roles callers may have, in place of a database; None: any."""

    def __init__(self, usable: Collection[str] | None = None) -> None:
        self._usable = usable

    async def require(self, role: str) -> None:
        if self._usable is not None and role not in self._usable:
            raise AuthForbidden(f"the role {role} may not be used")

    async def first_usable(self, roles: Sequence[str]) -> str | None:
        return next((role for role in roles if self._usable is None or role in self._usable), None)


class Issuer:
    """A server of a discovery document and a JWK set on 127.0.0.1, with faults to choose.

    keys      whose public parts the set has
    asked     the paths that were asked for
    delay_s   how long it waits before it answers
    status    of every answer
    location  of every answer, for redirects
    answers   path to the bytes of the body, instead of the right one; after `gzip:` they are sent compressed
    document  members of the discovery document that are other than usual
    gate      while it is cleared, no answer is given
    """

    def __init__(self, *keys: Key) -> None:
        self.keys = list(keys)
        self.asked: list[str] = []
        self.answers: dict[str, bytes] = {}
        self.document: Mapping[str, Any] = {}
        self.delay_s, self.status = 0.0, 200
        self.location: str | None = None
        self.gate = threading.Event()
        self.gate.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.jwks_url = f"{self.url}/jwks"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Issuer:
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()

    def body(self, path: str) -> bytes | None:
        usual: dict[str, Any] = {
            "/jwks": {"keys": [key.jwk for key in self.keys]},
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "jwks_uri": self.jwks_url,
                "authorization_endpoint": f"{self.url}/oauth2/authorize",
                "token_endpoint": f"{self.url}/oauth2/token",
                **self.document,
            },
        }
        if path in self.answers:
            return self.answers[path]
        return json.dumps(usual[path]).encode() if path in usual else None


def _handler(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
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

        def log_message(self, *_: object) -> None:
            """Nothing: the tests look at `asked`."""

    return Handler
