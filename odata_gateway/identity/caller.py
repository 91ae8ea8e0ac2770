"""Who asks: the accounts whose rows a request may read.

A caller with one account (nearly all of them) and a caller with several get different SQL, `account
= $1` against `account = ANY($1)`, because only the first lets an index on (account, key) give a
page in order. The form is part of the cache key; the ids never are.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """A user and the accounts, in ascending order and never empty, in which the user is an
    administrator."""

    user_id: int
    accounts: tuple[int, ...]

    @property
    def has_one_account(self) -> bool:
        return len(self.accounts) == 1
