"""Which of several hosts to connect to:
`postgresql://u@h1:5432,h2:5432/db?target_session_attrs=prefer-standby`.

asyncpg can do this too, but with one time limit for all hosts: a first host that swallows packets
would keep the others from being tried. And it takes `default_transaction_read_only`, which the
gateway always sets, for the mark of a standby.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from odata_gateway.db.keepalive import PARAMETERS, limits_of
from odata_gateway.errors import DbUnavailable

PgRecord: TypeAlias = asyncpg.Record
PgConnection: TypeAlias = "asyncpg.Connection[PgRecord]"
Dial = Callable[[str], Awaitable[PgConnection]]

WANTED: dict[str, bool | None] = {
    "any": None,
    "standby": True,
    "prefer-standby": True,
    "read-only": True,
    "primary": False,
    "read-write": False,
}
"""By target_session_attrs: whether a standby is wanted; None where that is all the same."""

REMEMBERED_S = 5.0
"""How long a host that failed is not asked while another one serves."""


class Opened(NamedTuple):
    """A connection, and whether it leads where it was meant to: not so for `prefer-standby` without
    a standby."""

    connection: PgConnection
    preferred: bool


class Hosts:
    """The hosts of a DSN, tried in its order, those that failed a moment ago last."""

    def __init__(self, dsn: str) -> None:
        self.dsns, attributes = split_hosts(dsn)
        self.silence = limits_of(dict(parse_qsl(urlsplit(dsn).query)))
        if attributes not in WANTED:
            raise ValueError(f"target_session_attrs must be one of {', '.join(WANTED)}")
        self._wants_standby = WANTED[attributes]
        self._makes_do = attributes == "prefer-standby"
        self._failed_at: dict[str, float] = {}

    async def open(self, dial: Dial) -> Opened:
        """A connection to the first host that answers and is what is wanted; raises what the first
        host that failed raised."""
        spare: PgConnection | None = None
        fault: Exception | None = None
        try:
            for dsn in self._in_order():
                if spare is not None and self._failed_lately(dsn):
                    break
                try:
                    connection = await dial(dsn)
                    fits = (
                        self._wants_standby is None
                        or await _is_standby(connection) is self._wants_standby
                    )
                except Exception as error:
                    fault = fault or error
                    self._failed_at[dsn] = time.monotonic()
                    continue
                self._failed_at.pop(dsn, None)
                if fits:
                    return Opened(connection, True)
                if self._makes_do and spare is None:
                    spare = connection
                else:
                    connection.terminate()
            if spare is not None:
                opened, spare = Opened(spare, False), None
                return opened
        finally:
            if spare is not None:
                spare.terminate()
        raise fault or DbUnavailable(
            f"none of the database's hosts is a {'standby' if self._wants_standby else 'primary'}"
        )

    def _in_order(self) -> list[str]:
        return sorted(self.dsns, key=self._failed_lately)

    def _failed_lately(self, dsn: str) -> bool:
        return time.monotonic() - self._failed_at.get(dsn, float("-inf")) < REMEMBERED_S


async def _is_standby(connection: PgConnection) -> bool:
    """As the server reports it (Postgres 14 and later), or answers; asked in one simple message,
    which any pooler carries."""
    reported = getattr(connection.get_settings(), "in_hot_standby", None)
    if reported is not None:
        return bool(reported == "on")
    return (
        str(await connection.execute("SELECT WHERE pg_catalog.pg_is_in_recovery()")) == "SELECT 1"
    )


def split_hosts(dsn: str) -> tuple[tuple[str, ...], str]:
    """A DSN for each of its hosts, and which kind of host is wanted."""
    parts = urlsplit(dsn)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    options = {
        name: text for name, text in options.items() if name not in PARAMETERS
    }  # asyncpg would send them to the server
    attributes = (
        options.pop("target_session_attrs", None) or os.environ.get("PGTARGETSESSIONATTRS") or "any"
    )
    login, at, hosts = parts.netloc.rpartition("@")
    names, ports = options.get("host", "").split(","), options.get("port", "").split(",")
    dsns = []
    for host in hosts.split(","):
        for number, name in enumerate(names):
            port = ports[number] if len(ports) == len(names) else ports[0]
            own = options | ({"host": name} if name else {}) | ({"port": port} if port else {})
            dsns.append(
                urlunsplit((parts.scheme, f"{login}{at}{host}", parts.path, urlencode(own), ""))
            )
    return tuple(dsns), attributes
