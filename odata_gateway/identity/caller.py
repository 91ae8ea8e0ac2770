"""Who asks: a subject, what it may read, and as which Postgres role.

A caller with one account, as nearly all are, and a caller with several get different SQL, `account
= $1` and `account = ANY($1)`: only the first lets an index on (account, key) return a page in
order. Which form it is belongs to the cache key; the ids never do, and neither do the claims.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request.

    subject   a user's id, the `sub` of a token or its name in a file: for logs, and for the share
              of the database connections
    accounts  values for the row policies of the model, in ascending order for Live Agent: the
              accounts in which the user is an administrator. Without any, such a policy shows
              nothing
    role      the Postgres role that statements run as; None: the connection's own
    claims    the JSON text of `request.jwt.claims` for the policies of the database; None: it is
              not set
    """

    subject: str
    accounts: tuple[object, ...] = ()
    role: str | None = None
    claims: str | None = None

    @property
    def has_one_account(self) -> bool:
        return len(self.accounts) == 1

    @property
    def is_for_policies(self) -> bool:
        """Whether the database's own policies may find other rows for this caller."""
        return self.role is not None or self.claims is not None
