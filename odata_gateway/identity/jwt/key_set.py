"""The keys that may sign tokens at one time."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from odata_gateway.identity.jwt.compact import CompactToken
from odata_gateway.identity.jwt.signing_key import KeyFault, SigningKey, signing_key

_MOST_KEYS = 200
_MOST_TRIES = 20
"""The most signatures that are compared for one token: a token without `kid` may be of any key."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys that may sign tokens.

    digests  of the keys, to find out whether a key is still one of them
    unused   why other keys of the document are not among them
    """

    keys: tuple[SigningKey, ...] = ()
    unused: tuple[str, ...] = ()
    digests: frozenset[str] = frozenset()

    @classmethod
    def of(cls, keys: Collection[SigningKey], unused: Collection[str] = ()) -> KeySet:
        return cls(tuple(keys), tuple(unused), frozenset(key.digest for key in keys))

    def __or__(self, other: KeySet) -> KeySet:
        return KeySet.of((*self.keys, *other.keys), (*self.unused, *other.unused))

    @property
    def algorithms(self) -> tuple[str, ...]:
        return tuple(sorted({name for key in self.keys for name in key.algorithms}))

    def signer(self, token: CompactToken) -> SigningKey | None:
        """The key that has signed a token; None where none of these has."""
        for tried, key in enumerate(self._candidates(token.kid)):
            if tried == _MOST_TRIES:
                return None
            if key.has_signed(token.signed, token.signature, token.algorithm):
                return key
        return None

    def _candidates(self, kid: str | None) -> Iterator[SigningKey]:
        for key in self.keys:
            if kid is None or key.kid is None or key.kid == kid:
                yield key


def key_set(document: dict[str, Any], allowed: Collection[str], *, public: bool) -> KeySet:
    """The keys of a JWK set, or of one JWK. Keys that cannot be used are left out: a set may have
    keys for others too (RFC 7517, section 5).

    allowed  names of algorithms
    public   the document is one that anybody may read: a secret in it is not used
    raises   KeyFault for a document that is neither
    """
    jwks = document.get("keys", [document] if "kty" in document else None)
    if not isinstance(jwks, list) or not all(isinstance(jwk, dict) for jwk in jwks):
        raise KeyFault("is not there: the document is not a JWK set, which has a list of `keys`")
    if len(jwks) > _MOST_KEYS:
        raise KeyFault(f"set may have at most {_MOST_KEYS} keys")
    keys: list[SigningKey] = []
    unused: list[str] = []
    for jwk in jwks:
        try:
            if public and jwk.get("kty") == "oct":
                raise KeyFault("is a secret that anybody can read")
            keys.append(signing_key(jwk, allowed))
        except KeyFault as fault:
            kid = jwk.get("kid")
            unused.append(f"a key{f' {kid[:60]!a}' if isinstance(kid, str) else ''} {fault}")
    return KeySet.of(keys, unused)


def secret_key_set(secret: str, allowed: Collection[str]) -> KeySet:
    """The key that a shared secret is: its bytes, for HMAC."""
    octets = urlsafe_b64encode(secret.encode()).rstrip(b"=").decode()
    return key_set({"kty": "oct", "k": octets}, allowed, public=False)
