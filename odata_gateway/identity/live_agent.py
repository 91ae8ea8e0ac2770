"""Callers by Live Agent's access tokens, read with one statement and remembered for at most half a
minute.

The model names the tables. In Live Agent's, a token is a row of `access_tokens` whose owner_type is
exactly 'User': bots and platform apps have tokens too, with ids that overlap. Its user must exist,
since rows outlive their users, and must be an administrator somewhere; the role is the
membership's, not the user's. Tokens are compared by Postgres's equality on an indexed column. An
answer is remembered under a keyed hash, so no token stays in memory after its request.
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
from odata_gateway.edm.model import Table, TokenTables
from odata_gateway.errors import (
    AuthForbidden,
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
from odata_gateway.identity.caller import Caller

MOST_TTL_S = 30.0
_ENTRIES = 10_000

_FIND_BEHIND_POLICIES = "SELECT user_id, accounts FROM public.odata_caller($1::text, $2::int4[])"
"""What `lookup` says, by the function of sql/live_agent/rls.sql: with row-level security nothing is
visible before the accounts are known."""


def lookup(tables: TokenTables) -> str:
    """The statement that finds the user of a token, and the user's accounts."""
    kind = (
        "" if tables.kind is None else f" AND t.{_name(tables.kind[0])} = {_text(tables.kind[1])}"
    )
    user, account = _name(tables.user), _name(tables.account)
    return f"""
SELECT u.{user}::int8 AS user_id,
       ARRAY(SELECT DISTINCT m.{account}::int8 FROM {_table(tables.members)} AS m
             WHERE m.{_name(tables.member)} = u.{user} AND m.{account} IS NOT NULL
             AND m.{_name(tables.role)} = ANY ($2::int4[])
             ORDER BY 1) AS accounts
FROM {_table(tables.tokens)} AS t JOIN {_table(tables.users)} AS u
ON u.{user} = t.{_name(tables.owner)}
WHERE t.{_name(tables.token)} = $1::text{kind}
"""


def _table(table: Table) -> str:
    return f"{_name(table.schema)}.{_name(table.name)}"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "E'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


_LASTING = (DbModel, DbDenied, DbTable, DbValue, Internal)
"""Errors of the look-up that stay until somebody changes the database."""


@dataclass(frozen=True, slots=True)
class RememberedUser:
    """The caller, or None for a user who is not an administrator of any account, and until when
    that holds, by time.monotonic()."""

    caller: Caller | None
    until: float


class LiveAgentTokens:
    """Finds the user that an access token belongs to.

    tables       where the database has tokens, users and their accounts
    admin_roles  the values of account_users.role that may read
    ttl_s        how long an answer is remembered; at most MOST_TTL_S
    entries      the most answers that are remembered
    """

    name = "access tokens in the database"
    gives_roles = False
    named_roles: frozenset[str] = frozenset()

    def __init__(
        self,
        database: Database,
        tables: TokenTables,
        admin_roles: Sequence[int],
        ttl_s: float = MOST_TTL_S,
        *,
        entries: int = _ENTRIES,
    ) -> None:
        self._database = database
        self._find = lookup(tables)
        if database.settings.row_security:
            self._find = _FIND_BEHIND_POLICIES
        self._roles = list(admin_roles)
        self._ttl_s = min(ttl_s, MOST_TTL_S)
        self._entries = entries
        self._can_look_up = False
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

    async def fault(self) -> str | None:
        """Why no access token can be looked up, or None. What succeeded is not tried again until a
        look-up fails."""
        if self._can_look_up:
            return None
        try:
            await self._rows("")
        except _LASTING as error:
            return f"access tokens cannot be looked up: {_reason(error)}"
        except (DbBusy, DbTimeout):
            pass
        return None

    def read_again(self) -> bool:
        """Nothing is read from files."""
        return False

    async def _rows(self, token: str) -> list[PgRecord]:
        """What the database knows about a token."""
        self._can_look_up = False
        async with self._database.session() as session:
            rows = await session.fetch(BoundStatement(self._find, (token, self._roles)))
        self._can_look_up = True
        return rows

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
        try:
            rows = await self._rows(token)
        except _LASTING as error:
            raise DbTokens("access tokens cannot be looked up") from error.__cause__
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


def _reason(error: ODataError) -> str:
    """What the database says of our own statement, which has no value in it that it could quote."""
    return str(error.__cause__ or error.message).partition("\n")[0]
