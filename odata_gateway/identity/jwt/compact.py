"""The three parts of a token (RFC 7515, section 3.1), before anything in it is believed."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, NamedTuple

from odata_gateway.errors import AuthInvalid
from odata_gateway.identity.jwt.strict_json import JsonFault, read_object

_PART = re.compile(rb"[A-Za-z0-9_-]*")
_TYPES = frozenset({"jwt", "at+jwt"})
"""The `typ` of tokens that are meant for access (RFC 9068, section 2.1). Others, such as those of a
logout or of a proof of possession, are signed with the same keys and are no access tokens (RFC
8725, section 3.11)."""


class CompactToken(NamedTuple):
    """A token of three parts.

    algorithm  what the header says it is signed with; the settings and the key decide whether it
               may be
    kid        the id of the key, if the header has one: a text to compare, and nothing else
    signed     what the signature is about
    """

    algorithm: str
    kid: str | None
    claims: bytes
    signed: bytes
    signature: bytes


def split_token(token: str) -> CompactToken | None:
    """The parts of a token; None for a text that is no JSON Web Token at all.

    Headers that name a key or its place (`jku`, `jwk`, `x5u`, `x5c`) are not read.

    raises  AuthInvalid
    """
    parts = token.encode().split(b".")
    header = _decoded(parts[0]) if len(parts) in (3, 5) else None
    if header is None or not header.lstrip(b" \t\r\n").startswith(b"{"):
        return None
    if len(parts) == 5:
        raise AuthInvalid("the token is encrypted; only signed tokens are accepted")
    claims, signature = _decoded(parts[1]), _decoded(parts[2])
    if claims is None or signature is None:
        raise AuthInvalid("the token is damaged: a part of it is not base64url")
    algorithm, kid = _checked(_header(header))
    return CompactToken(algorithm, kid, claims, parts[0] + b"." + parts[1], signature)


def _header(text: bytes) -> dict[str, Any]:
    try:
        return read_object(text)
    except JsonFault as fault:
        raise AuthInvalid(f"the token's header {fault}") from None


def _checked(header: dict[str, Any]) -> tuple[str, str | None]:
    """The algorithm and the id of the key of a header."""
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str):
        raise AuthInvalid("the token's header does not say with which algorithm it is signed")
    if "crit" in header or header.get("b64", True) is not True:
        raise AuthInvalid("the token's header has critical parameters, and none is supported")
    if kid is not None and not isinstance(kid, str):
        raise AuthInvalid("the token's header has a kid that is not a text")
    is_access = isinstance(kind, str) and kind.lower().removeprefix("application/") in _TYPES
    if not is_access or "cty" in header:
        raise AuthInvalid("the token is not an access token: its header says that it is another")
    return algorithm, kid


def _decoded(part: bytes) -> bytes | None:
    """The bytes of a part, None where it is not base64url without padding. Bits behind the last
    byte must be zero, so that a token has one text only."""
    if not _PART.fullmatch(part) or len(part) % 4 == 1:
        return None
    decoded = urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    return decoded if urlsafe_b64encode(decoded).rstrip(b"=") == part else None
