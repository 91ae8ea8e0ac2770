"""Which recommended indexes a database lacks.

The recommendation is a script of CREATE INDEX statements, each below a comment with the query it serves, such as
sql/live_agent/indexes.sql. An index of any name serves when it is valid, complete (no WHERE) and begins with the same columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from odata_gateway.db.introspect import Finding
from odata_gateway.db.pool import Database

_CREATE = re.compile(r"^CREATE INDEX IF NOT EXISTS \w+ ON (\w+)\.(\w+) \((.+)\);$")

_INDEXES = """
SELECT n.nspname::text AS schema, c.relname::text AS relation,
       ARRAY(SELECT CASE WHEN x.indexrelid IS NOT NULL THEN pg_catalog.pg_get_indexdef(x.indexrelid, k::int4, false) END
             FROM generate_series(1, x.indnkeyatts) AS k ORDER BY k) AS columns
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index AS x ON x.indrelid = c.oid AND x.indisvalid AND x.indpred IS NULL
WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND c.relkind IN ('r', 'p', 'm')
"""


@dataclass(frozen=True, slots=True)
class Recommended:
    """One index: the statement that makes it and the query it serves."""

    schema: str
    table: str
    columns: tuple[str, ...]
    statement: str
    serves: str


def read_recommendations(script: str) -> Iterator[Recommended]:
    """The indexes of a script."""
    comment: list[str] = []
    for line in script.splitlines():
        if line.startswith("--"):
            comment.append(line.removeprefix("--").strip())
        elif found := _CREATE.match(line):
            schema, table, columns = found.groups()
            yield Recommended(schema, table, tuple(map(_plain, columns.split(","))), line.removesuffix(";"), " ".join(comment))
        if not line.startswith("--"):
            comment = []


async def missing_indexes(database: Database, script: str) -> list[Finding]:
    """A note for each recommended index that an existing table lacks."""
    wanted = list(read_recommendations(script))
    async with database.session() as session:
        rows = await session.fetch(_INDEXES, ([w.schema for w in wanted], [w.table for w in wanted]))
    present = {(row["schema"], row["relation"], tuple(map(_plain, row["columns"]))) for row in rows}
    tables = {(schema, table) for schema, table, _ in present}
    return [
        Finding("note", f"{w.schema}.{w.table}", f"no index for: {w.serves} {w.statement}")
        for w in wanted
        if (w.schema, w.table) in tables and not any(_serves(w, schema, table, columns) for schema, table, columns in present)
    ]


def _serves(wanted: Recommended, schema: str, table: str, columns: tuple[str, ...]) -> bool:
    return (schema, table, columns[: len(wanted.columns)]) == (wanted.schema, wanted.table, wanted.columns)


def _plain(column: str) -> str:
    """An index column without blanks, casts and parentheses, which Postgres writes in its own way."""
    return re.sub(r'::\w+|[\s()"]', "", column)
