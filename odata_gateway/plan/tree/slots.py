"""What the parameters of a statement are filled from when it is bound to a request and a caller.

A slot stands for a value: the statement has the slot, and the request or the caller has the value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from odata_gateway.types.account import WHOLE_ACCOUNT, AccountType
from odata_gateway.types.family import DecodeMode, PrimitiveType


@dataclass(frozen=True, slots=True)
class LiteralSlot:
    """Literal number `index` of the request, decoded as `type` by `mode`; `many` for a list of
    literals."""

    index: int
    type: PrimitiveType
    mode: DecodeMode = "exact"
    many: bool = False


@dataclass(frozen=True, slots=True)
class AccountsSlot:
    """All of the caller's accounts, or the one at `index`: the only one or, on a sharded database,
    one of several.

    type  of the column that they are compared with
    """

    many: bool
    index: int = 0
    type: AccountType = WHOLE_ACCOUNT


@dataclass(frozen=True, slots=True)
class LimitSlot:
    """The number of rows to read: those of a page, at most what is left of the client's $top, and
    one more to know whether the page is the last."""


@dataclass(frozen=True, slots=True)
class PageSlot:
    """The number of rows of a page of an expanded collection."""


@dataclass(frozen=True, slots=True)
class KeysetSlot:
    """Order value number `index` of the last row of the page before, as Postgres wrote it."""

    index: int


@dataclass(frozen=True, slots=True)
class LinkSlot:
    """A part of the next link of expanded collection number `index`: the service root, the query,
    or the digest that its token is bound to."""

    index: int
    part: Literal["root", "query", "binding"]


@dataclass(frozen=True, slots=True)
class ZoneSlot:
    """The time zone in which the caller reads and asks for times."""


Slot = LiteralSlot | AccountsSlot | LimitSlot | PageSlot | KeysetSlot | LinkSlot | ZoneSlot
