"""What can be an access token at all."""

from __future__ import annotations

from odata_gateway.errors import AuthInvalid

MAX_TOKEN_BYTES = 16_384
"""The maximum length of a token in UTF-8, before it is encoded for a URL or for HTTP Basic. Tokens
that are signed, such as JWTs with the groups of a user, have several kilobytes."""


def check_token(token: str) -> None:
    """Refuse a text that cannot be a token: it is empty, too long, or has control characters, NUL
    or halves of surrogate pairs, none of which is printable. Postgres has no NUL in a text.

    raises  AuthInvalid
    """
    # No character has more than four bytes, and a text that is not printable may have no bytes.
    if len(token) * 4 > MAX_TOKEN_BYTES and _bytes(token) > MAX_TOKEN_BYTES:
        raise AuthInvalid(
            f"the access token is too long; it can have at most {MAX_TOKEN_BYTES} bytes"
        )
    if not token or not token.isprintable():
        raise AuthInvalid("the access token is malformed")


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
