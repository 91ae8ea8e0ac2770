"""The sample data as account 1's administrator may see it, asked in plain SQL: what the gateway's answers are compared with.

Written from DATABASE.md's rules of who sees what, not from the gateway's code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
from odata_gateway.demo import tokens
from tests.harness.cluster import Cluster

T = TypeVar("T")

TEMPLATE = "live_agent_template"
"""The database that copies are made of: nobody is connected to it."""
ACCOUNTS = {tokens.ADMIN: (1,), tokens.OTHER_ADMIN: (2,), tokens.BOTH_ADMIN: (1, 2)}
"""What each of the administrators that most tests ask as administers, by token."""
CALLERS = tuple(ACCOUNTS)

# Views of the session, one for each entity set, and one for each navigation property that goes through a table of its own.
VIEWS = """
CREATE TEMP VIEW message AS SELECT * FROM messages WHERE account_id = 1;
CREATE TEMP VIEW conversation AS SELECT * FROM conversations WHERE account_id = 1;
CREATE TEMP VIEW inbox AS SELECT * FROM inboxes WHERE account_id = 1;
CREATE TEMP VIEW label AS SELECT * FROM labels WHERE account_id = 1;
CREATE TEMP VIEW person AS
    SELECT * FROM users WHERE EXISTS (SELECT FROM account_users AS m WHERE m.user_id = users.id AND m.account_id = 1);
CREATE TEMP VIEW conversation_label AS
    SELECT DISTINCT c.id AS conversation_id, l.id AS label_id
    FROM conversation AS c
    JOIN taggings AS g ON g.taggable_id = c.id AND g.taggable_type = 'Conversation' AND g.context = 'labels'
    JOIN tags AS t ON t.id = g.tag_id
    JOIN label AS l ON l.title = lower(t.name);
CREATE TEMP VIEW inbox_person AS
    SELECT DISTINCT m.inbox_id, m.user_id FROM inbox_members AS m JOIN inbox ON inbox.id = m.inbox_id JOIN person ON person.id = m.user_id;
"""
TABLES = {"Message": "message", "Conversation": "conversation", "Inbox": "inbox", "Label": "label", "User": "person"}


@contextmanager
def copied(cluster: Cluster, name: str) -> Iterator[str]:
    """A database of that name with the sample data, of the shared server; dropped afterwards, whoever is connected to it."""
    cluster.psql("postgres", f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    try:
        yield name
    finally:
        cluster.psql("postgres", f"DROP DATABASE {name} WITH (FORCE)")


@dataclass(frozen=True)
class DatabaseDsns:
    """A database of a module's own, with the sample data: as the gateway's role, and as the superuser."""

    reader: str
    owner: str


class Sample:
    """Synchronous queries on one connection of its own."""

    def __init__(self, dsn: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._connection = self._run(asyncpg.connect(dsn))
        self._run(self._connection.execute("SET TimeZone = 'UTC'"))
        self._run(self._connection.execute(VIEWS))

    def rows(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._run(self._connection.fetch(sql, *args))]

    def column(self, sql: str, *args: object) -> list[Any]:
        return [row[0] for row in self.rows(sql, *args)]

    def value(self, sql: str, *args: object) -> Any:
        ((found,),) = self.rows(sql, *args)
        return found

    def ids(self, entity_set: str, where: str = "true", order: str = "id") -> list[int]:
        """The ids of an entity set's rows for which a condition is true, in order."""
        return self.column(f"SELECT id FROM {TABLES[entity_set]} WHERE {where} ORDER BY {order}")

    def close(self) -> None:
        self._run(self._connection.close())
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)


def instant(column: str) -> str:
    """SQL for the text of a time as the gateway writes it."""
    return f"""to_char({column}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
