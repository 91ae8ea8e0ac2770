"""Who asks: the user, and the accounts whose rows a request may read.

A caller with one account, as nearly all are, and a caller with several get different SQL, `account
= $1` and `account = ANY($1)`: only the first lets an index on (account, key) return a page in
order. Which form it is belongs to the cache key; the ids never do.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """A user, with the accounts whose rows a request may read.

    accounts  ids of the accounts in which the user is an administrator, in ascending order and
              never empty
    """

    user_id: int
    accounts: tuple[int, ...]

    @property
    def has_one_account(self) -> bool:
        return len(self.accounts) == 1
