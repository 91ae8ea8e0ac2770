"""Facts about tables and the server, from Postgres's catalog and this role's privileges.

Columns are named by their base types (a domain counts as the type it is made of), and NOT NULL only
where every row is known to obey it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import LiteralString, TypeAlias

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.hosts import PgRecord
from odata_gateway.db.schema.type_facts import MAY_NAME, TypeFacts, is_shape, read_types
from odata_gateway.db.session import Session
from odata_gateway.edm.model import Table
from odata_gateway.types.catalog_type import CatalogType

BASE_TYPES = """
WITH RECURSIVE base (oid, of, modifier, checked) AS (
    SELECT oid, oid, -1, typnotnull FROM pg_catalog.pg_type
    UNION ALL
    SELECT base.oid, t.typbasetype, greatest(base.modifier, t.typtypmod),
           base.checked OR t.typnotnull
    FROM base JOIN pg_catalog.pg_type AS t ON t.oid = base.of AND t.typtype = 'd'
)
"""
"""What each type is made of: itself, and of a domain the next type below it, down to one that is
not a domain; the modifier, and whether a domain on the way says NOT NULL."""


def has_places(is_granted: LiteralString) -> str:
    """Whether the rows of relation `c` are found by their place: all its tables keep rows in pages
    of the heap, and the role may read `ctid`. Servers of Citus have places of their own.

    is_granted  a condition under which the privilege is not asked for
    """
    return f"""CASE
            WHEN EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus') THEN false
            WHEN c.relkind NOT IN ('r', 'p', 'm') THEN false
            WHEN NOT ({is_granted} OR has_column_privilege(c.oid, 'ctid', 'SELECT')) THEN false
            WHEN c.relkind IN ('r', 'm') AND NOT c.relhassubclass
            THEN c.relam IN (SELECT oid FROM pg_catalog.pg_am WHERE amname = 'heap')
            ELSE NOT EXISTS (
                WITH RECURSIVE m (oid) AS (
                    SELECT c.oid UNION
                    SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i JOIN m ON i.inhparent = m.oid
                )
                SELECT FROM m JOIN pg_catalog.pg_class AS part ON part.oid = m.oid
                WHERE part.relkind <> 'p' AND part.relam NOT IN (
                    SELECT oid FROM pg_catalog.pg_am WHERE amname = 'heap'))
            END AS has_places"""


NEVER_NULL = """(a.attnotnull AND c.relkind <> 'f' AND never.conname IS NULL AND NOT (
           -- before Postgres 18 an inheriting table could be without it
           c.relkind = 'r' AND c.relhassubclass
           AND current_setting('server_version_num')::int4 < 180000
       ) OR base.checked)"""
"""Whether no row has null in column `a` of relation `c`, whose type is `base`. A foreign table
vouches for nothing."""
BESIDE_NEVER_NULL = """LEFT JOIN pg_catalog.pg_constraint AS never
    ON never.conrelid = c.oid AND never.contype = 'n'
    AND (NOT never.convalidated OR never.connoinherit AND c.relhassubclass)
    AND never.conkey = ARRAY[a.attnum]"""
"""The join that it needs."""
_COLUMNS = f"""{BASE_TYPES}
SELECT n.nspname::text AS schema, c.relname::text AS relation,
       a.attname::text AS name,
       CASE WHEN s.nspname = 'pg_catalog' OR e.extname = b.typname OR {is_shape("b")}
            THEN b.typname::text
            ELSE quote_ident(s.nspname) || '.' || quote_ident(b.typname) END AS type,
       b.oid AS type_oid, b.typtype IN ('c', 'e', 'm', 'r') OR b.typcategory = 'A'
           OR b.typname IN ('jsonb', 'vector') AS is_made,
       b.typtype = 'e' AS is_enum, b.oid <> a.atttypid AS is_domain,
       CASE WHEN {MAY_NAME}
            THEN quote_ident(s.nspname) || '.' || quote_ident(b.typname) END AS sql_type,
       nullif(quote_ident(s.nspname), 'pg_catalog') AS type_schema,
       quote_ident(os.nspname) || '.' || quote_ident(o.collname) AS collation,
       coalesce(o.collisdeterministic, true) AS is_deterministic,
       greatest(a.atttypmod, base.modifier) AS modifier,
       {NEVER_NULL} AS not_null,
       has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
           AS readable,
       has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
           OR has_any_column_privilege(c.oid, 'INSERT, UPDATE') AS writable,
       bool_or(c.relkind IN ('v', 'f') OR a.attgenerated = 'v' OR row_security_active(c.oid))
           OVER (PARTITION BY c.oid) AS computes,
       {has_places("false")}
FROM unnest($1::text[], $2::text[]) AS wanted (schema, relation)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.relation
    AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN base ON base.oid = a.atttypid
JOIN pg_catalog.pg_type AS b ON b.oid = base.of AND b.typtype <> 'd'
JOIN pg_catalog.pg_namespace AS s ON s.oid = b.typnamespace
LEFT JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_type'::regclass
    AND d.objid = b.oid AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
LEFT JOIN pg_catalog.pg_collation AS o ON o.oid = a.attcollation AND o.collprovider <> 'd'
LEFT JOIN pg_catalog.pg_namespace AS os ON os.oid = o.collnamespace
{BESIDE_NEVER_NULL}
ORDER BY 1, 2, a.attnum
"""

_INDEXES = """
SELECT n.nspname::text AS schema, c.relname::text AS relation,
       ARRAY(SELECT a.attname::text
             FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k (number, place)
             JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.number
             WHERE k.place <= x.indnkeyatts ORDER BY k.place) AS columns,
       m.amname = 'btree' AND 0 = ALL (x.indoption::int2[]) AND NOT EXISTS (
           SELECT FROM unnest(x.indkey::int2[], x.indcollation::oid[]) AS k (number, collated)
           JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.number
           WHERE k.collated IS NOT NULL AND k.collated <> a.attcollation) AS gives_order,
       x.indisunique AND x.indimmediate AND NOT (c.relkind = 'r' AND c.relhassubclass)
           AND NOT EXISTS (
           SELECT FROM unnest(x.indkey::int2[], x.indcollation::oid[]) AS k (number, collated)
           JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.number
           JOIN pg_catalog.pg_collation AS o ON o.oid = a.attcollation
           WHERE k.collated <> a.attcollation AND NOT o.collisdeterministic) AS is_unique
FROM unnest($1::text[], $2::text[]) AS wanted (schema, relation)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.relation
JOIN pg_catalog.pg_index AS x ON x.indrelid = c.oid AND x.indisvalid
    AND x.indpred IS NULL AND x.indexprs IS NULL
JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
JOIN pg_catalog.pg_am AS m ON m.oid = i.relam
ORDER BY 1, 2, 3
"""

_ROW_SECURITY = """
SELECT n.nspname::text AS schema, c.relname::text AS relation
FROM unnest($1::text[], $2::text[]) AS wanted (schema, relation)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.relation
    AND c.relkind IN ('r', 'p')
WHERE row_security_active(c.oid)
"""

_SERVER = """
SELECT current_setting('server_encoding') AS encoding,
       current_setting('is_superuser') = 'on' AS superuser,
       pg_catalog.lower(chr(196)) = chr(228) AS lower_is_unicode
"""

_CAN_CALL = "SELECT coalesce(has_function_privilege(to_regprocedure($1::text), 'EXECUTE'), false)"


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """A column.

    type      its base type by Postgres's short name, such as int8; with its schema, if it is not
              Postgres's own
    pg_type   what a property has of it: the same, or `enum` for all enumerations
    catalog   for SQL that must name it
    made_of   the type, with those that it is made of; only if it was asked for
    modifier  of the type, as Postgres keeps it; -1: none
    not_null  no row can have null in it
    readable  this role may read it
    """

    type: str
    not_null: bool
    readable: bool
    pg_type: str
    catalog: CatalogType
    modifier: int = -1
    made_of: TypeFacts | None = None


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A table or view.

    columns   by name
    writable  this role could change it in a transaction that is not read-only
    indexes   columns of each complete B-tree index on plain columns in their default order
    unique    columns of each index that lets no two rows agree in all of them, null aside. That of
              a table with inheriting tables does not count: it says nothing about their rows
    has_places  all rows have a place (ctid), being in tables of Postgres's own kind, and this role
              may read it
    computes  reading its rows runs expressions of the database: those of a view, a policy or a
              virtual column, or another server's
    """

    columns: Mapping[str, ColumnFacts]
    writable: bool
    indexes: frozenset[tuple[str, ...]] = frozenset()
    unique: frozenset[tuple[str, ...]] = frozenset()
    computes: bool = False
    has_places: bool = False

    def proves(self, key: Iterable[str]) -> bool:
        """Whether no two rows can have the same values in these columns, and none null."""
        names = set(key)
        never_null = all(name in self.columns and self.columns[name].not_null for name in names)
        return never_null and any(names.issuperset(columns) for columns in self.unique)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The server and the role that the gateway has there.

    encoding          of the database
    superuser         the role is one
    lower_is_unicode  lower('Ä') is 'ä'
    """

    encoding: str
    superuser: bool
    lower_is_unicode: bool


DENIED = "the role may not read the column"
"""Why a column cannot be read that is there."""

Tables: TypeAlias = Mapping[Table, TableFacts]
"""The tables that exist."""


async def read_tables(
    session: Session, tables: Iterable[Table], *, with_parts: bool = False
) -> dict[Table, TableFacts]:
    """The tables among these that exist.

    with_parts  whether types that are made of types are looked into
    """
    names = _names(tables)
    columns: dict[Table, dict[str, ColumnFacts]] = {}
    of_table: dict[Table, PgRecord] = {}
    rows = await session.fetch(BoundStatement(_COLUMNS, names))
    made = (row["type_oid"] for row in rows if row["is_made"])
    types = await read_types(session, made) if with_parts else {}
    for row in rows:
        table = Table(row["schema"], row["relation"])
        facts = _column_facts(row, types.get(row["type_oid"]))
        columns.setdefault(table, {})[row["name"]] = facts
        of_table[table] = row
    ordering: defaultdict[Table, set[tuple[str, ...]]] = defaultdict(set)
    unique: defaultdict[Table, set[tuple[str, ...]]] = defaultdict(set)
    for row in await session.fetch(BoundStatement(_INDEXES, names)):
        table = Table(row["schema"], row["relation"])
        if row["gives_order"]:
            ordering[table].add(tuple(row["columns"]))
        if row["is_unique"]:
            unique[table].add(tuple(row["columns"]))
    return {
        table: TableFacts(
            found,
            of_table[table]["writable"],
            frozenset(ordering[table]),
            frozenset(unique[table]),
            of_table[table]["computes"],
            of_table[table]["has_places"],
        )
        for table, found in columns.items()
    }


def _column_facts(row: PgRecord, made_of: TypeFacts | None) -> ColumnFacts:
    """A column. A type in a schema that the role may not use cannot be named: its values are texts
    then, as those of any type that the gateway does not know."""
    name = row["sql_type"]
    catalog = CatalogType(
        name or "",
        (name and row["type_schema"]) or "",
        row["is_domain"],
        row["collation"] or "",
        row["is_deterministic"],
    )
    pg_type = row["type"]
    if name is None:
        pg_type = "unnamed"
    elif row["is_enum"]:
        pg_type = "enum"
    return ColumnFacts(
        row["type"],
        row["not_null"],
        row["readable"],
        pg_type,
        catalog,
        row["modifier"],
        made_of,
    )


async def read_row_security(session: Session, tables: Iterable[Table]) -> set[Table]:
    """The tables among these of which this role sees only the rows that policies allow."""
    rows = await session.fetch(BoundStatement(_ROW_SECURITY, _names(tables)))
    return {Table(row["schema"], row["relation"]) for row in rows}


async def can_call(session: Session, function: str) -> bool:
    """Whether this role may call a function, such as `public.f(int4)`."""
    rows = await session.fetch(BoundStatement(_CAN_CALL, (function,)))
    return bool(rows[0][0])


async def read_server(session: Session) -> ServerFacts:
    """The server that the session is on."""
    row = (await session.fetch(BoundStatement(_SERVER)))[0]
    return ServerFacts(row["encoding"], row["superuser"], row["lower_is_unicode"])


def unreadable(tables: Tables, table: Table, column: str) -> str | None:
    """Why a column cannot be read, or None where it can."""
    facts = tables.get(table)
    if facts is None:
        return "the table does not exist"
    if column not in facts.columns:
        return "the column does not exist"
    return None if facts.columns[column].readable else DENIED


def _names(tables: Iterable[Table]) -> tuple[list[str], list[str]]:
    """The arguments of a statement that asks for these tables: their schemas and their names."""
    wanted = sorted(set(tables), key=lambda table: (table.schema, table.name))
    return [table.schema for table in wanted], [table.name for table in wanted]
