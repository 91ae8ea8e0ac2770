"""Which recommended indexes a database lacks.

The recommendation is a script of CREATE INDEX statements, each below a comment with the query it
serves, such as sql/live_agent/indexes.sql. An index of any name serves when it is valid, complete
(no WHERE), of the same kind and begins with the same columns. A recommended index is not asked for
where the database lacks its operator class: the extension is not installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.schema.findings import Finding

_CREATE = re.compile(
    r"^CREATE INDEX IF NOT EXISTS \w+ ON (\w+)\.(\w+)(?: USING (\w+))? \((.+?)(?: (\w+_ops))?\);$"
)

_INDEXES = """
SELECT n.nspname::text AS schema, c.relname::text AS relation, m.amname::text AS method,
       ARRAY(SELECT CASE WHEN x.indexrelid IS NOT NULL
                         THEN pg_catalog.pg_get_indexdef(x.indexrelid, k::int4, false) END
             FROM generate_series(1, x.indnkeyatts) AS k ORDER BY k) AS columns
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index AS x ON x.indrelid = c.oid AND x.indisvalid AND x.indpred IS NULL
LEFT JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
LEFT JOIN pg_catalog.pg_am AS m ON m.oid = i.relam
WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest($1::text[], $2::text[]))
AND c.relkind IN ('r', 'p', 'm')
"""

_CLASSES = "SELECT opcname::text FROM pg_catalog.pg_opclass WHERE opcname = ANY ($1::text[])"


class IndexKey(NamedTuple):
    """What an index is on: a table, the access method, and columns as `_plain` writes them."""

    schema: str
    table: str
    method: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecommendedIndex:
    """One index of a script.

    operators  the operator class it asks for; None: the columns' own
    statement  makes it
    serves     the query it is for
    """

    key: IndexKey
    operators: str | None
    statement: str
    serves: str

    def is_met_by(self, existing: IndexKey) -> bool:
        """Whether an existing index begins with the same columns."""
        columns = existing.columns[: len(self.key.columns)]
        return existing._replace(columns=columns) == self.key


def read_recommendations(script: str) -> Iterator[RecommendedIndex]:
    """The indexes of a script."""
    comment: list[str] = []
    for line in script.splitlines():
        if line.startswith("--"):
            comment.append(line.removeprefix("--").strip())
            continue
        if found := _CREATE.match(line):
            schema, table, method, columns, operators = found.groups()
            names = tuple(map(_plain, columns.split(",")))
            key = IndexKey(schema, table, method or "btree", names)
            yield RecommendedIndex(key, operators, line.removesuffix(";"), " ".join(comment))
        comment = []


async def missing_indexes(database: Database, script: str) -> list[Finding]:
    """A note for each recommended index that an existing table lacks."""
    wanted = list(read_recommendations(script))
    names = [w.key.schema for w in wanted], [w.key.table for w in wanted]
    operators = [w.operators for w in wanted]
    async with database.session() as session:
        rows = await session.fetch(BoundStatement(_INDEXES, names))
        found = await session.fetch(BoundStatement(_CLASSES, (operators,)))
    classes = {None, *(row[0] for row in found)}
    existing = {
        IndexKey(row["schema"], row["relation"], row["method"], tuple(map(_plain, row["columns"])))
        for row in rows
    }
    tables = {(key.schema, key.table) for key in existing}
    return [
        Finding("note", f"{w.key.schema}.{w.key.table}", f"no index for: {w.serves} {w.statement}")
        for w in wanted
        if (w.key.schema, w.key.table) in tables
        and w.operators in classes
        and not any(w.is_met_by(key) for key in existing)
    ]


def _plain(column: str) -> str:
    """An index column without spaces, casts and parentheses, which Postgres writes in its own
    way."""
    return re.sub(r'::\w+|[\s()"]', "", column)
