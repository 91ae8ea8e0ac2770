"""How to reach the database, how much of it to use, and the session settings of its connections."""

from __future__ import annotations

from dataclasses import dataclass

from odata_gateway.db.search_path import NARROW, schemas_of_dsn

FIXED = {
    "default_transaction_read_only": "on",
    # no object of a database user can replace an operator or function; our tables are qualified
    "search_path": NARROW,
    "DateStyle": "ISO, MDY",
    "TimeZone": "UTC",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    # a backslash in a string constant stands for itself
    "standard_conforming_strings": "on",
    # `money` is written and read as this locale has it
    "lc_monetary": "C",
    # off would refuse tables with policies instead of applying the policies
    "row_security": "on",
    # a limit would leave out rows that an index of this kind finds
    "gin_fuzzy_search_limit": "0",
    # a single statement cannot fail for the transactions of others
    "default_transaction_isolation": "read committed",
    # it would compile the hundred small expressions of a row's text for each statement; on a page
    # of 10,000 rows that costs more than it gains
    "jit": "off",
    # as for a fast disk or a warm cache. With the server's default of 4, for rotating disks, the
    # planner reads rows of a path or a key in key order among all others instead of by their index
    "random_page_cost": "1.1",
}
"""Settings of every session. A role or a database can have any setting of its own (ALTER ROLE ...
SET); those that change a text or a comparison stand here, and tests/live/test_role_settings.py sets
each of them. plan_cache_mode is left alone: Postgres chooses a generic plan only where it looks as
cheap."""


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Settings of a database; those that end in _s are seconds.

    dsn             as asyncpg reads it, with several hosts and target_session_attrs as in `hosts`
    wait_s          longest wait for a free connection; at most `max_waiting` requests wait
    max_age_s       a connection is replaced after that long, since its backend's memory grows
    row_security    Postgres's policies need the caller's accounts (sql/live_agent/rls.sql)
    pooler          whether one in transaction mode stands before Postgres: `transaction`, `none`,
                    or `auto`, which finds out with each connection
    slow_s          statements that take longer are reported in the log; 0: none
    search_path     the schemas in which functions of views and policies look for names, behind
                    pg_catalog; empty: those of the DSN
    key_check_s     the longest time to look for a null or a duplicate in a key; 0: do not look
    """

    dsn: str
    max_connections: int = 10
    wait_s: float = 10.0
    max_waiting: int = 10_000
    statement_timeout_s: float = 60.0
    lock_timeout_s: float = 5.0
    idle_in_transaction_s: float = 60.0
    connect_timeout_s: float = 5.0
    max_age_s: float = 3600.0
    row_security: bool = False
    pooler: str = "auto"
    slow_s: float = 0.0
    key_check_s: float = 5.0
    search_path: tuple[str, ...] = ()
    application_name: str = "odata-gateway"

    @property
    def schemas(self) -> tuple[str, ...]:
        """The schemas of the search path, without those that it always has."""
        return self.search_path or schemas_of_dsn(self.dsn)

    def server_settings(self) -> dict[str, str]:
        """The session's settings, sent with the connection's first message: they cost no round
        trip, no SQL can come before them, and those of a role or a database give way to them."""
        return {
            "application_name": self.application_name,
            **FIXED,
            "statement_timeout": _milliseconds(self.statement_timeout_s),
            "lock_timeout": _milliseconds(self.lock_timeout_s),
            "idle_in_transaction_session_timeout": _milliseconds(self.idle_in_transaction_s),
        }

    @property
    def local_settings(self) -> str:
        """The same as SQL for the length of a transaction."""
        return "".join(
            f"; SET LOCAL {name} = {_quoted(name, text)}"
            for name, text in self.server_settings().items()
            if name not in _NOT_LOCAL
        )


_NOT_LOCAL = (
    "application_name",
    "default_transaction_read_only",
    "default_transaction_isolation",
)
"""A transaction need not set these: the pooler passes the name on, and BEGIN says READ ONLY. In a
transaction that has begun, the default of its isolation has no effect."""


def _quoted(name: str, text: str) -> str:
    return text if name == "search_path" else f"'{text}'"


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))
