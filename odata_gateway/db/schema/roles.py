"""Which Postgres roles the statements of callers may run as.

A role must exist, must be one that the DSN's user may become, and must not be a superuser, for whom
neither privileges nor policies count. Answers are remembered for a minute. Postgres itself checks
each SET ROLE too, except that it would let a superuser become one.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.errors import AuthForbidden

_TTL_S = 60.0
_ENTRIES = 10_000
_ROLE = """
SELECT rolname::text AS name, rolsuper AS superuser, rolbypassrls AS bypasses_policies,
       pg_has_role(session_user, oid, CASE WHEN current_setting('server_version_num')::int4 < 160000
                                           THEN 'MEMBER' ELSE 'SET' END) AS may_become
FROM pg_catalog.pg_roles WHERE rolname = $1::text
"""


class RoleFacts(NamedTuple):
    """A role that exists.

    bypasses_policies  it has BYPASSRLS
    may_become         the DSN's user may become it
    """

    name: str
    superuser: bool
    bypasses_policies: bool
    may_become: bool


class RememberedRole(NamedTuple):
    """A role, None where there is none of this name, and until when this holds, by
    time.monotonic()."""

    facts: RoleFacts | None
    until: float


class RoleDirectory:
    """Whether roles may be used.

    ttl_s    how long an answer is remembered
    entries  the most answers that are remembered
    """

    def __init__(
        self, database: Database, *, ttl_s: float = _TTL_S, entries: int = _ENTRIES
    ) -> None:
        self._database = database
        self._ttl_s = ttl_s
        self._entries = entries
        self._known: OrderedDict[str, RememberedRole] = OrderedDict()

    async def fault(self, role: str) -> str | None:
        """Why no statement may run as a role, as what follows its name; None where one may.

        raises  ODataError when the database does not answer
        """
        facts = await self.facts(role)
        if facts is None:
            return "does not exist in the database"
        if facts.superuser:
            return "is a superuser, and no request runs as one"
        return None if facts.may_become else "is not granted to the database user of the gateway"

    async def require(self, role: str) -> None:
        """raises  AuthForbidden where no statement may run as the role"""
        fault = await self.fault(role)
        if fault is not None:
            raise AuthForbidden(f"the role '{role[:63]}' of this access token {fault}")

    async def first_usable(self, roles: Sequence[str]) -> str | None:
        """The first of these roles that statements may run as."""
        for role in roles:
            if await self.fault(role) is None:
                return role
        return None

    async def facts(self, role: str) -> RoleFacts | None:
        """What the database has under this name, now or a moment ago."""
        known = self._known.get(role)
        if known is not None and time.monotonic() < known.until:
            return known.facts
        asked_at = time.monotonic()  # an answer is as old as its question
        facts = await self._read(role)
        self._known[role] = RememberedRole(facts, asked_at + self._ttl_s)
        self._known.move_to_end(role)
        while len(self._known) > self._entries:
            self._known.popitem(last=False)
        return facts

    def forget(self) -> None:
        """Ask the database again for every role."""
        self._known.clear()

    async def _read(self, role: str) -> RoleFacts | None:
        if not role.isprintable() or len(role.encode()) > 63:  # Postgres has no such name
            return None
        async with self._database.session() as session:
            rows = await session.fetch(BoundStatement(_ROLE, (role,)))
        return RoleFacts(*rows[0].values()) if rows else None
