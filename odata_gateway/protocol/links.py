"""Next links and the tokens in them (Protocol 4.01, sections 11.2.6.7 and 8.2.8.5).

A $skiptoken is `base64url(payload).digits`.

- The payload is the JSON array `[sent,page,[order values of the last row]]`; a value too long for a
  URL is `[its MD5]`.
- The digits are the beginning of a SHA-256 over the token's scope (the query, its values, the keys
  in its path) and the payload.

So an altered token, and one of another query, is refused, and any instance of the gateway can
answer any page. A forged token gains nothing, because the rows that a caller may see are computed
for each request. The next link of an expanded collection has a token of the same form, which
Postgres makes.
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
    """The MD5 of an order value that is too long for a URL. The value is read from the row again,
    and must still be the same."""

    md5: str

    @classmethod
    def of(cls, text: str) -> Digest:
        return cls(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


OrderValue = str | Digest | None


@dataclass(frozen=True, slots=True)
class Continuation:
    """Where a page starts.

    sent       rows on the pages before
    page_rows  rows of a page
    keys       the order values of the row before the page, as Postgres wrote them
    """

    sent: int
    page_rows: int
    keys: tuple[OrderValue, ...]

    @property
    def null_mask(self) -> tuple[bool, ...]:
        """Which of the order values are null: they change the SQL."""
        return tuple(key is None for key in self.keys)

    @property
    def is_short(self) -> bool:
        """Whether a value is known by its digest only."""
        return any(isinstance(key, Digest) for key in self.keys)

    def shortened(self, whole: frozenset[int]) -> Continuation:
        """The same with digests of long values, except at the positions in `whole`, which find the
        row."""
        keys = tuple(
            Digest.of(key)
            if isinstance(key, str) and len(key) > LONG_VALUE and i not in whole
            else key
            for i, key in enumerate(self.keys)
        )
        return Continuation(self.sent, self.page_rows, keys)

    def completed(self, values: tuple[str | None, ...]) -> Continuation:
        """The same with the row's values in place of digests.

        raises  UrlSkiptoken  if the row's values have changed
        """
        if any(
            isinstance(key, Digest) and (value is None or Digest.of(value) != key)
            for key, value in zip(self.keys, values, strict=True)
        ):
            raise moved()
        return Continuation(self.sent, self.page_rows, values)


@dataclass(frozen=True, slots=True)
class TokenScope:
    """What a token belongs to.

    query  a digest of the query and its values
    path   the keys in its path
    """

    query: str
    path: str


def skiptoken(continuation: Continuation, scope: TokenScope) -> str:
    """The token for the next page."""
    keys = [[key.md5] if isinstance(key, Digest) else key for key in continuation.keys]
    payload = orjson.dumps([continuation.sent, continuation.page_rows, keys])
    return f"{urlsafe_b64encode(payload).decode().rstrip('=')}.{_digits(payload, scope)}"


def read_skiptoken(token: str, scope: TokenScope, *, keys: int | None) -> Continuation:
    """The continuation in a token.

    keys    the number of order values that the token must have; None for a token of $all, whose
            first value is the name of the set that decides how many follow
    raises  UrlSkiptoken  for a token that was altered, or belongs to another query
    """
    encoded, _, digits = token.partition(".")
    try:
        payload = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except (ValueError, Base64Error):
        raise unusable_token() from None
    if (
        digits != _digits(payload, scope)
        or urlsafe_b64encode(payload).decode().rstrip("=") != encoded
    ):
        raise unusable_token()
    return _continuation(payload, keys)


def _continuation(payload: bytes, keys: int | None) -> Continuation:
    """The continuation in a payload. It may contain anything, because everyone can compute its
    digits."""
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
    """The error for a link with digests, if the last row of the page before was changed or
    deleted."""
    return UrlSkiptoken.outdated("the row after which this page starts was changed or deleted")


def unusable_token() -> UrlSkiptoken:
    """The error for a token that does not belong to its query."""
    return UrlSkiptoken(
        "the token is damaged, or belongs to another query",
        target="$skiptoken",
        at=0,
        hint="follow @odata.nextLink as it is, or start again without $skiptoken",
    )


def _digits(payload: bytes, scope: TokenScope) -> str:
    text = f"{scope.query}|{scope.path}|".encode()
    return hashlib.sha256(text + payload).hexdigest()[:DIGITS]


def next_link(root: str, path: str, options: list[tuple[str, str]], token: str) -> str:
    """The URL of the next page: the request's path and options as the client sent them, with the
    token.

    options  pairs of (name, text as sent). An earlier $skiptoken is replaced. Clients append
             `apikey` to every link; of repeated custom options the first with a value stays, which
             is the one that was used
    """
    kept: dict[str, str] = {}
    for name, raw in options:
        if name != "$skiptoken" and not kept.get(name, "").partition("=")[2]:
            kept[name] = raw
    query = "&".join(_wire(raw) for raw in (*kept.values(), f"$skiptoken={token}"))
    return f"{root}{_wire(path)}?{query}"


def _wire(text: str) -> str:
    """The text percent-encoded where the client should have done it; escapes stay as they are."""
    return quote(text, safe="%/:?@!$&'()*+,;=-._~[]{}|^`")


def credential(token: str) -> str:
    """The query option with an access token."""
    return f"apikey={quote(token, safe='')}"
