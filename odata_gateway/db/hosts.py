"""Which of several hosts to connect to:
`postgresql://u@h1:5432,h2:5432/db?target_session_attrs=prefer-standby`.

asyncpg can choose as well, but with one time limit for all hosts: a first host that drops packets
would keep the others from being tried. And it takes `default_transaction_read_only`, which the
gateway always sets, as the sign of a standby.
"""

from __future__ import annotations

import os
import time
from typing import TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from odata_gateway.db.keepalive import PARAMETERS, keepalive_options
from odata_gateway.db.search_path import without_search_path

PgRecord: TypeAlias = asyncpg.Record
PgConnection: TypeAlias = "asyncpg.Connection[PgRecord]"

WANTED: dict[str, bool | None] = {
    "any": None,
    "standby": True,
    "prefer-standby": True,
    "read-only": True,
    "primary": False,
    "read-write": False,
}
"""By target_session_attrs: whether a standby is wanted; None where either will do."""

REMEMBERED_S = 5.0
"""How long a host that failed is not asked while another one serves."""


class Hosts:
    """The hosts of a DSN.

    dsns          one for each host, in the order of the DSN
    keepalive     socket options for their connections (see `keepalive`)
    prefers       whether a host of the other kind will do, where none of the wanted kind answers
    kind          the kind of host that is wanted, for an error message
    raises        ValueError for a DSN that cannot be used
    """

    def __init__(self, dsn: str) -> None:
        self.dsns, attributes = split_hosts(without_search_path(dsn))
        self.keepalive = keepalive_options(dict(parse_qsl(urlsplit(dsn).query)))
        if attributes not in WANTED:
            raise ValueError(f"target_session_attrs must be one of {', '.join(WANTED)}")
        self._wants_standby = WANTED[attributes]
        self.prefers = attributes == "prefer-standby"
        self.kind = "standby" if self._wants_standby else "primary"
        self._failed_at: dict[str, float] = {}

    def in_order(self) -> list[str]:
        """The DSN of each host in the order of the DSN, those that failed a moment ago last."""
        return sorted(self.dsns, key=self.failed_lately)

    def failed_lately(self, dsn: str) -> bool:
        return time.monotonic() - self._failed_at.get(dsn, float("-inf")) < REMEMBERED_S

    def note_failure(self, dsn: str) -> None:
        self._failed_at[dsn] = time.monotonic()

    def note_answer(self, dsn: str) -> None:
        self._failed_at.pop(dsn, None)

    async def is_wanted(self, connection: PgConnection) -> bool:
        """Whether a connection leads to a host of the wanted kind."""
        if self._wants_standby is None:
            return True
        return await _is_standby(connection) is self._wants_standby


async def _is_standby(connection: PgConnection) -> bool:
    """As the server reports it (Postgres 14 and later), or answers; asked in one simple message,
    which any pooler passes on."""
    reported = getattr(connection.get_settings(), "in_hot_standby", None)
    if reported is not None:
        return bool(reported == "on")
    status = await connection.execute("SELECT WHERE pg_catalog.pg_is_in_recovery()")
    return str(status) == "SELECT 1"


def split_hosts(dsn: str) -> tuple[tuple[str, ...], str]:
    """A DSN for each host of a DSN, and its target_session_attrs."""
    parts = urlsplit(dsn)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in PARAMETERS:  # asyncpg would send them to the server
        options.pop(name, None)
    wanted = options.pop("target_session_attrs", None) or os.environ.get("PGTARGETSESSIONATTRS")
    login, at, hosts = parts.netloc.rpartition("@")
    names, ports = options.get("host", "").split(","), options.get("port", "").split(",")
    dsns = []
    for host in hosts.split(","):
        for number, name in enumerate(names):
            port = ports[number] if len(ports) == len(names) else ports[0]
            own = options | ({"host": name} if name else {}) | ({"port": port} if port else {})
            netloc = f"{login}{at}{host}"
            dsns.append(urlunsplit((parts.scheme, netloc, parts.path, urlencode(own), "")))
    return tuple(dsns), wanted or "any"
