"""Which recommended indexes a database lacks.

The recommendation is a script of CREATE INDEX statements, each below a comment with the query it
serves, such as sql/live_agent/indexes.sql. An index of any name serves when it is valid, complete
(no WHERE), of the same kind and begins with the same columns. One with an operator class that the
database lacks is not asked for: its extension is not installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.schema.introspect import Finding

_CREATE = re.compile(
    r"^CREATE INDEX IF NOT EXISTS \w+ ON (\w+)\.(\w+)(?: USING (\w+))? \((.+?)(?: (\w+_ops))?\);$"
)

_INDEXES = """
SELECT n.nspname::text AS schema, c.relname::text AS relation, m.amname::text AS method,
       ARRAY(SELECT CASE WHEN x.indexrelid IS NOT NULL THEN pg_catalog.pg_get_indexdef(x.indexrelid, k::int4, false) END
             FROM generate_series(1, x.indnkeyatts) AS k ORDER BY k) AS columns
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index AS x ON x.indrelid = c.oid AND x.indisvalid AND x.indpred IS NULL
LEFT JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
LEFT JOIN pg_catalog.pg_am AS m ON m.oid = i.relam
WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND c.relkind IN ('r', 'p', 'm')
"""

_CLASSES = "SELECT opcname::text FROM pg_catalog.pg_opclass WHERE opcname = ANY ($1::text[])"


@dataclass(frozen=True, slots=True)
class Recommended:
    """One index: its kind, the operator class it asks for (None: the columns' own), the statement
    that makes it and the query it serves."""

    schema: str
    table: str
    method: str
    operators: str | None
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
            schema, table, method, columns, operators = found.groups()
            names = tuple(map(_plain, columns.split(",")))
            yield Recommended(
                schema,
                table,
                method or "btree",
                operators,
                names,
                line.removesuffix(";"),
                " ".join(comment),
            )
        if not line.startswith("--"):
            comment = []


async def missing_indexes(database: Database, script: str) -> list[Finding]:
    """A note for each recommended index that an existing table lacks."""
    wanted = list(read_recommendations(script))
    async with database.session() as session:
        rows = await session.fetch(
            BoundStatement(_INDEXES, ([w.schema for w in wanted], [w.table for w in wanted]))
        )
        classes = {
            row[0]
            for row in await session.fetch(
                BoundStatement(_CLASSES, ([w.operators for w in wanted],))
            )
        }
    present = {
        (row["schema"], row["relation"], row["method"], tuple(map(_plain, row["columns"])))
        for row in rows
    }
    tables = {found[:2] for found in present}
    return [
        Finding("note", f"{w.schema}.{w.table}", f"no index for: {w.serves} {w.statement}")
        for w in wanted
        if (w.schema, w.table) in tables
        and (w.operators is None or w.operators in classes)
        and not any(_serves(w, *found) for found in present)
    ]


def _serves(
    wanted: Recommended, schema: str, table: str, method: str, columns: tuple[str, ...]
) -> bool:
    found = (schema, table, method, columns[: len(wanted.columns)])
    return found == (wanted.schema, wanted.table, wanted.method, wanted.columns)


def _plain(column: str) -> str:
    """An index column without blanks, casts and parentheses, which Postgres writes in its own
    way."""
    return re.sub(r'::\w+|[\s()"]', "", column)
