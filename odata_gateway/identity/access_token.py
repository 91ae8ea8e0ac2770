"""What can be an access token at all."""

from __future__ import annotations

MAX_TOKEN_LENGTH = 1024


def is_well_formed(token: str) -> bool:
    """Whether a text may be a token: not empty, not too long, and without control characters, NUL
    or halves of surrogate pairs, none of which is printable. Postgres has no NUL in a text."""
    return 0 < len(token) <= MAX_TOKEN_LENGTH and token.isprintable()
