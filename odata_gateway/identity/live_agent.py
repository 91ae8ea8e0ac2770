"""Access tokens to Callers, by one statement, remembered for at most half a minute.

A token is an `access_tokens` row whose owner_type is exactly 'User' (bots and platform apps have
tokens too, with ids that clash), whose user exists (rows outlive their users) and is an
administrator somewhere (the role is the membership's, not the user's). The comparison is Postgres's
equality on an indexed column; what is remembered is kept under a keyed hash, so no token lies in
memory beyond its request.
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
from odata_gateway.errors import AuthForbidden, AuthInvalid, AuthMissing, ODataError
from odata_gateway.identity.caller import Caller

MOST_TTL_S = 30.0
_ENTRIES = 10_000
_LONGEST_TOKEN = 1024

_FIND = """
SELECT u.id::int8 AS user_id,
       ARRAY(SELECT DISTINCT m.account_id::int8 FROM public.account_users AS m
             WHERE m.user_id = u.id AND m.account_id IS NOT NULL AND m.role = ANY ($2::int4[]) ORDER BY 1) AS accounts
FROM public.access_tokens AS t JOIN public.users AS u ON u.id = t.owner_id
WHERE t.token = $1::text AND t.owner_type = 'User'
"""

_FIND_BEHIND_POLICIES = "SELECT user_id, accounts FROM public.odata_caller($1::text, $2::int4[])"
"""The same, by the function of sql/live_agent/rls.sql: behind row-level security nothing is visible
before the accounts are known."""


@dataclass(frozen=True, slots=True)
class _Known:
    """An answer and until when it holds."""

    answer: Caller | type[ODataError]
    until: float


class TokenDirectory:
    """Who a token belongs to. `admin_roles` are the values of account_users.role that may read;
    ttl_s is at most MOST_TTL_S."""

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
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[Caller | type[ODataError]]] = {}

    async def caller(self, token: str | None) -> Caller:
        """The caller, accounts ascending.

        raises  AuthMissing without a token, AuthInvalid, AuthForbidden, or what the database raises
                (never remembered)
        """
        if token is None:
            raise AuthMissing(
                "an access token is needed",
                hint="send it as Bearer token, as ?apikey=, or as the password of HTTP Basic",
            )
        if not token or len(token) > _LONGEST_TOKEN or "\0" in token or not token.isprintable():
            raise _refusal(AuthInvalid)
        key = blake2b(
            token.encode("utf-8", "surrogatepass"), key=self._key, digest_size=16
        ).digest()
        known = self._known.get(key)
        if known is not None and time.monotonic() < known.until:
            self._known.move_to_end(key)
            answer = known.answer
        else:
            answer = await self._ask_once(key, token)
        if isinstance(answer, Caller):
            return answer
        raise _refusal(answer)

    async def _ask_once(self, key: bytes, token: str) -> Caller | type[ODataError]:
        """One query for all who ask for the same token at the same time; it goes on when one of
        them gives up."""
        task = self._asking.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(
                self._ask(key, token), context=Context()
            )  # it is nobody's: many may wait for it
            self._asking[key] = task
            task.add_done_callback(lambda done: self._asked(key, done))
        return await asyncio.shield(task)

    def _asked(self, key: bytes, task: asyncio.Task[Caller | type[ODataError]]) -> None:
        del self._asking[key]
        if not task.cancelled():
            task.exception()

    async def _ask(self, key: bytes, token: str) -> Caller | type[ODataError]:
        asked_at = time.monotonic()  # an answer is as old as its question
        async with self._database.session() as session:
            rows = await session.fetch(BoundStatement(self._find, (token, self._roles)))
        answer: Caller | type[ODataError] = AuthInvalid
        if rows:
            accounts = tuple(rows[0]["accounts"])
            answer = Caller(rows[0]["user_id"], accounts) if accounts else AuthForbidden
        self._remember(key, _Known(answer, asked_at + self._ttl_s))
        return answer

    def _remember(self, key: bytes, known: _Known) -> None:
        self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > self._entries:
            self._known.popitem(last=False)


def _refusal(error: type[ODataError]) -> ODataError:
    if error is AuthForbidden:
        return AuthForbidden("the user of this access token is an administrator of no account")
    return AuthInvalid("the access token is not known")
