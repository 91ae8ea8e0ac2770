"""What a statement's parameters are filled from, when it is bound to a request and a caller.

A slot is a promise of a value: the statement has the slot, the request or the caller has the value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from odata_gateway.types.family import DecodeMode, PrimitiveType


@dataclass(frozen=True, slots=True)
class LiteralSlot:
    """Literal number `index` of the request, decoded as `type` by `mode`; `many` for a folded
    list."""

    index: int
    type: PrimitiveType
    mode: DecodeMode = "exact"
    many: bool = False


@dataclass(frozen=True, slots=True)
class AccountsSlot:
    """All of the caller's accounts, or the one at `index`: the only one there is, or, on a sharded
    database, one of several."""

    many: bool
    index: int = 0


@dataclass(frozen=True, slots=True)
class LimitSlot:
    """Rows to read: those of a page, no more than the client's $top leaves, and one more to know
    whether the page is the last."""


@dataclass(frozen=True, slots=True)
class PageSlot:
    """Rows of a page of an expanded collection."""


@dataclass(frozen=True, slots=True)
class KeysetSlot:
    """Order value number `index` of the last row of the page before, as Postgres wrote it."""

    index: int


@dataclass(frozen=True, slots=True)
class LinkSlot:
    """A piece of the next link of expanded collection number `index`: the service root, the query,
    or what its token is bound to."""

    index: int
    part: Literal["root", "query", "binding"]


Slot = LiteralSlot | AccountsSlot | LimitSlot | PageSlot | KeysetSlot | LinkSlot
