"""Callers by Live Agent's access tokens, read with one statement and remembered for at most half a
minute.

A token is a row of `access_tokens` whose owner_type is exactly 'User': bots and platform apps have
tokens too, with ids that overlap. Its user must exist, since rows outlive their users, and must be
an administrator somewhere; the role is the membership's, not the user's. Tokens are compared by
Postgres's equality on an indexed column. An answer is remembered under a keyed hash, so no token
stays in memory after its request.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass
from hashlib import blake2b

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.errors import AuthForbidden
from odata_gateway.identity.caller import Caller

MOST_TTL_S = 30.0
_ENTRIES = 10_000

_FIND = """
SELECT u.id::int8 AS user_id,
       ARRAY(SELECT DISTINCT m.account_id::int8 FROM public.account_users AS m
             WHERE m.user_id = u.id AND m.account_id IS NOT NULL AND m.role = ANY ($2::int4[])
             ORDER BY 1) AS accounts
FROM public.access_tokens AS t JOIN public.users AS u ON u.id = t.owner_id
WHERE t.token = $1::text AND t.owner_type = 'User'
"""

_FIND_BEHIND_POLICIES = "SELECT user_id, accounts FROM public.odata_caller($1::text, $2::int4[])"
"""The same, by the function of sql/live_agent/rls.sql: with row-level security nothing is visible
before the accounts are known."""


@dataclass(frozen=True, slots=True)
class RememberedUser:
    """The caller, or None for a user who is not an administrator of any account, and until when
    that holds, by time.monotonic()."""

    caller: Caller | None
    until: float


class LiveAgentTokens:
    """Finds the user that an access token belongs to.

    admin_roles  the values of account_users.role that may read
    ttl_s        how long an answer is remembered; at most MOST_TTL_S
    entries      the most answers that are remembered
    """

    def __init__(
        self,
        database: Database,
        admin_roles: Sequence[int],
        ttl_s: float = MOST_TTL_S,
        *,
        entries: int = _ENTRIES,
    ) -> None:
        self._database = database
        self._find = _FIND_BEHIND_POLICIES if database.settings.row_security else _FIND
        self._roles = list(admin_roles)
        self._ttl_s = min(ttl_s, MOST_TTL_S)
        self._entries = entries
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, RememberedUser] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[RememberedUser | None]] = {}

    async def caller(self, token: str) -> Caller | None:
        """The caller whose token this is; None: it is no user's.

        raises  AuthForbidden, or what the database raises, which is not remembered
        """
        key = blake2b(token.encode(), key=self._key, digest_size=16).digest()
        known = self._known.get(key)
        if known is not None and time.monotonic() < known.until:
            self._known.move_to_end(key)
        else:
            known = await self._ask_once(key, token)
            if known is None:
                return None
        if known.caller is None:
            raise AuthForbidden(
                "the user of this access token is not an administrator of any account"
            )
        return known.caller

    async def _ask_once(self, key: bytes, token: str) -> RememberedUser | None:
        """One query for all that ask for the same token at the same time; it continues when one of
        them is cancelled."""
        task = self._asking.get(key)
        if task is None:
            # A context of its own: its statistics belong to none of those that wait for it.
            asking = self._ask(key, token)
            task = asyncio.get_running_loop().create_task(asking, context=Context())
            self._asking[key] = task
            task.add_done_callback(lambda done: self._asked(key, done))
        return await asyncio.shield(task)

    def _asked(self, key: bytes, task: asyncio.Task[RememberedUser | None]) -> None:
        del self._asking[key]
        if not task.cancelled():
            task.exception()  # retrieved, also where nobody waits for it any longer

    async def _ask(self, key: bytes, token: str) -> RememberedUser | None:
        asked_at = time.monotonic()  # an answer is as old as its question
        async with self._database.session() as session:
            rows = await session.fetch(BoundStatement(self._find, (token, self._roles)))
        if not rows:
            return None
        accounts = tuple(rows[0]["accounts"])
        caller = Caller(str(rows[0]["user_id"]), accounts) if accounts else None
        known = RememberedUser(caller, asked_at + self._ttl_s)
        self._remember(key, known)
        return known

    def _remember(self, key: bytes, known: RememberedUser) -> None:
        self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > self._entries:
            self._known.popitem(last=False)
