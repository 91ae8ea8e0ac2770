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
from odata_gateway.db.hosts import PgRecord
from odata_gateway.errors import (
    AuthForbidden,
    AuthInvalid,
    AuthMissing,
    DbBusy,
    DbDenied,
    DbModel,
    DbTable,
    DbTimeout,
    DbTokens,
    DbValue,
    Internal,
    ODataError,
)
from odata_gateway.identity.access_token import check_token
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


_LASTING = (DbModel, DbDenied, DbTable, DbValue, Internal)
"""Errors of the look-up that stay until somebody changes the database."""


@dataclass(frozen=True, slots=True)
class RememberedAnswer:
    """A caller, or the class of the error, and until when it holds, by time.monotonic()."""

    answer: Caller | type[ODataError]
    until: float


class TokenDirectory:
    """Finds the caller that an access token belongs to.

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
        self._can_look_up = False
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, RememberedAnswer] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[Caller | type[ODataError]]] = {}

    async def caller(self, token: str | None) -> Caller:
        """The caller whose token this is.

        raises  AuthMissing without a token, AuthInvalid, AuthForbidden, or what the database
                raises, which is not remembered
        """
        if token is None:
            raise AuthMissing(
                "an access token is needed",
                hint="send it as a Bearer token, as ?apikey=, or as the password of HTTP Basic",
            )
        check_token(token)
        key = blake2b(token.encode(), key=self._key, digest_size=16).digest()
        known = self._known.get(key)
        if known is not None and time.monotonic() < known.until:
            self._known.move_to_end(key)
            answer = known.answer
        else:
            answer = await self._ask_once(key, token)
        if isinstance(answer, Caller):
            return answer
        raise _refusal(answer)

    async def ping(self) -> None:
        """Return when access tokens can be looked up, or the database is merely busy. What
        succeeded is not tried again until a look-up fails.

        raises  DbUnavailable when the database does not answer, DbTokens when nobody can get
                in
        """
        await self._database.ping()
        if not self._can_look_up and (fault := await self.fault()) is not None:
            raise DbTokens(fault, hint="run `odata-gateway check` to see what is missing")

    async def fault(self) -> str | None:
        """Why no access token can be looked up, or None."""
        try:
            await self._rows("")
        except _LASTING as error:
            return f"access tokens cannot be looked up: {_reason(error)}"
        except (DbBusy, DbTimeout):
            pass
        return None

    async def _rows(self, token: str) -> list[PgRecord]:
        """What the database knows about a token."""
        self._can_look_up = False
        async with self._database.session() as session:
            rows = await session.fetch(BoundStatement(self._find, (token, self._roles)))
        self._can_look_up = True
        return rows

    async def _ask_once(self, key: bytes, token: str) -> Caller | type[ODataError]:
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

    def _asked(self, key: bytes, task: asyncio.Task[Caller | type[ODataError]]) -> None:
        del self._asking[key]
        if not task.cancelled():
            task.exception()  # retrieved, also where nobody waits for it any longer

    async def _ask(self, key: bytes, token: str) -> Caller | type[ODataError]:
        asked_at = time.monotonic()  # an answer is as old as its question
        try:
            rows = await self._rows(token)
        except _LASTING as error:
            raise DbTokens("access tokens cannot be looked up") from error.__cause__
        answer: Caller | type[ODataError] = AuthInvalid
        if rows:
            accounts = tuple(rows[0]["accounts"])
            answer = Caller(rows[0]["user_id"], accounts) if accounts else AuthForbidden
        self._remember(key, RememberedAnswer(answer, asked_at + self._ttl_s))
        return answer

    def _remember(self, key: bytes, known: RememberedAnswer) -> None:
        self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > self._entries:
            self._known.popitem(last=False)


def _reason(error: ODataError) -> str:
    """What the database says of our own statement, which has no value in it that it could quote."""
    return str(error.__cause__ or error.message).partition("\n")[0]


def _refusal(error: type[ODataError]) -> ODataError:
    if error is AuthForbidden:
        return AuthForbidden("the user of this access token is not an administrator of any account")
    return AuthInvalid("the access token is not known")
