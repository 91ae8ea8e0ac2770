"""Next links and the tokens in them (Protocol 4.01, sections 11.2.6.7 and 8.2.8.5).

A $skiptoken is self-verifying: `base64url(payload).digits`, where the payload is the JSON array
`[sent,page,[order values of the last row]]` (a value too long for a URL is `[its MD5]`), and the
digits are the beginning of a SHA-256 over what the token is bound to (the query, its values, the
keys in its path) and the payload. An altered token, or one of another query, is refused; a forged
one gains nothing, because scope is computed anew for each request. Any instance can answer any
page. The next link of an expanded collection carries a token of the same form that Postgres makes
(sql.json).
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from urllib.parse import quote

import orjson

from odata_gateway.errors import UrlSkiptoken
from odata_gateway.plan.tree.query import LONG_VALUE

DIGITS = 16


@dataclass(frozen=True, slots=True)
class Digest:
    """The MD5 of an order value too long for a URL; the value is read again from the row, and must
    still be the same."""

    md5: str

    @classmethod
    def of(cls, text: str) -> Digest:
        return cls(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


OrderValue = str | Digest | None


@dataclass(frozen=True, slots=True)
class Continuation:
    """Where a page starts: rows `sent` on the pages before, their size, and the order values of the
    last row as Postgres wrote them."""

    sent: int
    page_rows: int
    keys: tuple[OrderValue, ...]

    @property
    def mask(self) -> tuple[bool, ...]:
        return tuple(key is None for key in self.keys)

    @property
    def is_short(self) -> bool:
        """Whether some value is known by its digest only."""
        return any(isinstance(key, Digest) for key in self.keys)

    def shortened(self, whole: frozenset[int]) -> Continuation:
        """The same with digests for long values, but at the positions in `whole`, which find the
        row."""
        keys = tuple(
            Digest.of(key)
            if isinstance(key, str) and len(key) > LONG_VALUE and i not in whole
            else key
            for i, key in enumerate(self.keys)
        )
        return Continuation(self.sent, self.page_rows, keys)

    def completed(self, values: tuple[str | None, ...]) -> Continuation:
        """The same with the row's own values for the digests.

        raises  UrlSkiptoken where the row has other values by now
        """
        if any(
            isinstance(key, Digest) and (value is None or Digest.of(value) != key)
            for key, value in zip(self.keys, values, strict=True)
        ):
            raise moved()
        return Continuation(self.sent, self.page_rows, values)


@dataclass(frozen=True, slots=True)
class TokenScope:
    """What a token belongs to: a digest of the query and its values, and the keys in its path."""

    query: str
    path: str


def skiptoken(continuation: Continuation, bound: TokenScope) -> str:
    """The token of the page that follows."""
    keys = [[key.md5] if isinstance(key, Digest) else key for key in continuation.keys]
    payload = orjson.dumps([continuation.sent, continuation.page_rows, keys])
    return f"{urlsafe_b64encode(payload).decode().rstrip('=')}.{_digits(payload, bound)}"


def read_skiptoken(token: str, bound: TokenScope, *, keys: int | None) -> Continuation:
    """The continuation in a token; `keys` is the number of order values the query has, None where
    that depends on the first of them.

    raises  UrlSkiptoken for a token that was altered, or is bound to another query
    """
    encoded, _, digits = token.partition(".")
    try:
        payload = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except (ValueError, Base64Error):
        raise unusable_token() from None
    if (
        digits != _digits(payload, bound)
        or urlsafe_b64encode(payload).decode().rstrip("=") != encoded
    ):
        raise unusable_token()
    return _continuation(payload, keys)


def _continuation(payload: bytes, keys: int | None) -> Continuation:
    """What a payload says. Its digits are no secret, so whoever computes them can write anything
    into it."""
    try:
        sent, page_rows, values = orjson.loads(payload)
    except (ValueError, TypeError):
        raise unusable_token() from None
    if (
        type(sent) is not int
        or type(page_rows) is not int
        or sent < 0
        or not 0 < page_rows < 2**31
        or type(values) is not list
    ):
        raise unusable_token()
    if not values or (keys is not None and len(values) != keys):
        raise unusable_token()
    return Continuation(sent, page_rows, tuple(_order_value(value) for value in values))


def _order_value(value: object) -> OrderValue:
    match value:
        case None | str():
            return value
        case [str(digest)] if len(digest) == 32:
            return Digest(digest)
    raise unusable_token()


def moved() -> UrlSkiptoken:
    """The row the page before ended with has gone or changed, and its order values were too long
    for the link."""
    return UrlSkiptoken(
        "the row this page would start behind has changed",
        target="$skiptoken",
        at=0,
        hint="start again without $skiptoken",
    )


def unusable_token() -> UrlSkiptoken:
    """A token that does not belong to its query."""
    hint = "follow @odata.nextLink as it is, or start again without $skiptoken"
    return UrlSkiptoken(
        "the token is damaged, or belongs to another query", target="$skiptoken", at=0, hint=hint
    )


def _digits(payload: bytes, bound: TokenScope) -> str:
    text = f"{bound.query}|{bound.path}|".encode()
    return hashlib.sha256(text + payload).hexdigest()[:DIGITS]


def next_link(root: str, path: str, options: list[tuple[str, str]], token: str) -> str:
    """The URL of the next page: the request's path and options as the client sent them, and the
    token.

    options  pairs of (name, text as sent); an earlier $skiptoken is replaced, and of repeated
             custom options (clients append `apikey` to every link) the first with a value stays,
             which is the one that was used
    """
    kept: dict[str, str] = {}
    for name, raw in options:
        if name != "$skiptoken" and not kept.get(name, "").partition("=")[2]:
            kept[name] = raw
    query = "&".join(_wire(raw) for raw in (*kept.values(), f"$skiptoken={token}"))
    return f"{root}{_wire(path)}?{query}"


def _wire(text: str) -> str:
    """Text as a URL may hold it: what a sloppy client sent unencoded is encoded, what was encoded
    stays."""
    return quote(text, safe="%/:?@!$&'()*+,;=-._~[]{}|^`")


def credential(token: str) -> str:
    """The query option that carries an access token."""
    return f"apikey={quote(token, safe='')}"
