"""A JWK (RFC 7517) to a key, with the algorithms that it may be used with.

The kind of the key decides: a public key cannot be the secret of an HMAC, whatever a token says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from json import dumps
from typing import Any

from jwt import PyJWK
from jwt.exceptions import PyJWTError

_ALGORITHMS: Mapping[tuple[str, str | None], tuple[str, ...]] = {
    ("oct", None): ("HS256", "HS384", "HS512"),
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
"""What each kind of key can be used with, by `kty` and `crv`."""
_SAME = {"Ed25519": "EdDSA"}
"""The name of RFC 9864 for the algorithm that is mostly called by the other name."""


def known_algorithm(name: str) -> str:
    """The name of an algorithm in this package."""
    return _SAME.get(name, name)


class KeyFault(ValueError):
    """A JWK cannot sign tokens here; the message ends the sentence "a key ..." and never has the
    key in it."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that may sign tokens.

    kid      None: it may sign tokens with any `kid`, and without one
    digest   of everything the JWK says: the same key with the same rights has the same digest
    """

    kid: str | None
    digest: str
    _by_algorithm: Mapping[str, PyJWK] = field(repr=False)

    @property
    def algorithms(self) -> tuple[str, ...]:
        return tuple(self._by_algorithm)

    @property
    def is_shared_secret(self) -> bool:
        """Whether whoever checks signatures can also make them."""
        return any(name.startswith("HS") for name in self._by_algorithm)

    def has_signed(self, signed: bytes, signature: bytes, algorithm: str) -> bool:
        """Whether the signature of `signed` is this key's, with one of its algorithms."""
        key = self._by_algorithm.get(known_algorithm(algorithm))
        return key is not None and bool(key.Algorithm.verify(signed, key.key, signature))


def signing_key(jwk: Mapping[str, Any], allowed: Collection[str]) -> SigningKey:
    """The key that a JWK is, for those of its algorithms that are allowed.

    raises  KeyFault
    """
    if jwk.get("use", "sig") != "sig" or not _is_for_signatures(jwk.get("key_ops")):
        raise KeyFault("is not for signatures")
    kind, curve = jwk.get("kty"), jwk.get("crv")
    kid, algorithm = jwk.get("kid"), jwk.get("alg")
    if not isinstance(kid, str | None) or not isinstance(algorithm, str | None):
        raise KeyFault("has a kid or alg that is not a text")
    if not isinstance(kind, str) or not isinstance(curve, str | None):
        raise KeyFault("does not say of what kind it is")
    possible = _ALGORITHMS.get((kind, curve), ())
    names = [
        name
        for name in possible
        if name in allowed and (algorithm is None or known_algorithm(algorithm) == name)
    ]
    if not names:
        raise KeyFault("is of a kind or for an algorithm that is not allowed here")
    by_algorithm: dict[str, PyJWK] = {}
    for name in names:
        try:
            by_algorithm[name] = _imported(jwk, name)
        except KeyFault:
            # A secret may be long enough for SHA-256 and too short for SHA-512.
            if name == names[-1] and not by_algorithm:
                raise
    digest = sha256(dumps([dict(jwk), names], sort_keys=True).encode()).hexdigest()
    return SigningKey(kid, digest, by_algorithm)


def _is_for_signatures(operations: object) -> bool:
    """Whether `key_ops` allow it. Some issuers publish those of their private keys."""
    return operations is None or (
        isinstance(operations, list) and ("verify" in operations or "sign" in operations)
    )


def _imported(jwk: Mapping[str, Any], algorithm: str) -> PyJWK:
    """The key for one algorithm. The private part, if a JWK has one by mistake, is not imported."""
    public = {name: value for name, value in jwk.items() if name not in _PRIVATE}
    try:
        key = PyJWK(public, algorithm)
        is_short = key.Algorithm.check_key_length(key.key) is not None
    except (PyJWTError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        raise KeyFault("is malformed") from None
    if is_short:
        raise KeyFault("is too short for its algorithm")
    return key


_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})
