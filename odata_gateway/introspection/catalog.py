"""Relations, columns, unique indexes and foreign keys, as Postgres's catalog has them.

Five statements read all of it. Types are given by the name of the base type: a domain counts as
what it is made of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.schema.catalog import BASE_TYPES, BESIDE_NEVER_NULL, NEVER_NULL, has_places
from odata_gateway.db.schema.type_facts import TypeFacts, read_types
from odata_gateway.db.session import Session
from odata_gateway.edm.model import Table
from odata_gateway.introspection.json_members import JsonObject

_RELATIONS = f"""
SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       obj_description(c.oid, 'pg_class') AS comment,
       {has_places("$2::bool")},
       $2::bool OR has_schema_privilege(n.oid, 'USAGE') AS is_open
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
AND CASE WHEN $1::text[] IS NULL
    THEN n.nspname NOT LIKE 'pg\\_%' ESCAPE E'\\\\' AND n.nspname <> 'information_schema'
    ELSE n.nspname = ANY ($1::text[]) END
AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                WHERE d.deptype = 'e' AND (d.classid, d.objid) IN (
                    ('pg_catalog.pg_class'::regclass, c.oid),
                    ('pg_catalog.pg_namespace'::regclass, n.oid)))
ORDER BY 2, 3
"""

_COLUMNS = rf"""{BASE_TYPES}
SELECT a.attrelid AS relation, a.attnum AS number, a.attname::text AS name,
       b.typname::text AS type, b.typtype::text AS type_kind,
       greatest(a.atttypmod, base.modifier) AS modifier,
       {NEVER_NULL} AS not_null,
       a.attidentity <> '' OR a.attgenerated <> '' AS is_computed,
       $2::bool OR has_column_privilege(a.attrelid, a.attnum, 'SELECT') AS readable,
       col_description(a.attrelid, a.attnum) AS comment,
       CASE WHEN b.typtype IN ('c', 'e', 'm', 'r') OR b.typcategory = 'A' AND a.attndims < 2
            THEN b.oid END AS made_of,
       substring(pg_get_expr(d.adbin, d.adrelid) FROM $r$to_tsvector\('([a-z_]+)'::regconfig$r$)
           AS search_config,
       s.nspname::text AS domain_schema, o.typname::text AS domain,
       obj_description(o.oid, 'pg_type') AS domain_comment
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN base ON base.oid = a.atttypid
JOIN pg_catalog.pg_type AS b ON b.oid = base.of AND b.typtype <> 'd'
LEFT JOIN pg_catalog.pg_type AS o ON o.oid = a.atttypid AND o.typtype = 'd'
LEFT JOIN pg_catalog.pg_namespace AS s ON s.oid = o.typnamespace
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    AND b.typname = 'tsvector'
{BESIDE_NEVER_NULL}
WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
"""

_UNIQUE = """
SELECT x.indrelid AS relation, x.indisprimary AS is_primary, x.indisreplident AS is_identity,
       (x.indkey::int2[])[0:x.indnkeyatts - 1] AS columns
FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS c ON c.oid = x.indrelid
WHERE x.indrelid = ANY ($1::oid[]) AND x.indisunique AND x.indisvalid AND x.indimmediate
AND NOT (c.relkind = 'r' AND c.relhassubclass)
AND x.indpred IS NULL AND 0 <> ALL ((x.indkey::int2[])[0:x.indnkeyatts - 1])
ORDER BY x.indrelid, x.indnkeyatts, x.indexrelid
"""

_OF_PERIODS = """EXISTS (SELECT FROM pg_catalog.pg_operator AS o
                    WHERE o.oid = ANY (k.conpfeqop) AND o.oprname = '&&')"""
"""Whether a foreign key refers to the rows that together cover a period: to several, and not to
those with equal values."""
_FOREIGN_KEYS = f"""
WITH RECURSIVE part (root, oid, kind) AS (
    SELECT c.oid, c.oid, c.relkind FROM pg_catalog.pg_class AS c
    WHERE c.oid = ANY ($1::oid[]) AND c.relkind = 'p'
    UNION ALL
    SELECT part.root, c.oid, c.relkind FROM part
    JOIN pg_catalog.pg_inherits AS i ON i.inhparent = part.oid
    JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
), leaf AS (
    SELECT root, oid, count(*) OVER (PARTITION BY root) AS leaves FROM part WHERE kind <> 'p'
), own AS (
    SELECT k.conrelid AS relation, k.confrelid AS target, k.conname::text AS name,
           k.conkey::int2[] AS columns, k.confkey::int2[] AS referenced
    FROM pg_catalog.pg_constraint AS k
    WHERE k.contype = 'f' AND k.conparentid = 0 AND NOT {_OF_PERIODS}
    AND k.conrelid = ANY ($1::oid[]) AND k.confrelid = ANY ($1::oid[])
), of_parts AS (  -- in the numbers that the columns have in the partitioned table
    SELECT leaf.root AS relation, k.confrelid AS target, k.conname::text AS name, leaf.leaves,
           leaf.oid, ARRAY(
               SELECT a.attnum FROM unnest(k.conkey::int2[]) WITH ORDINALITY AS u (number, n)
               JOIN pg_catalog.pg_attribute AS o
                   ON o.attrelid = leaf.oid AND o.attnum = u.number
               JOIN pg_catalog.pg_attribute AS a
                   ON a.attrelid = leaf.root AND a.attname = o.attname
               ORDER BY u.n) AS columns, k.confkey::int2[] AS referenced
    FROM leaf JOIN pg_catalog.pg_constraint AS k ON k.conrelid = leaf.oid AND k.contype = 'f'
    WHERE k.confrelid = ANY ($1::oid[]) AND NOT {_OF_PERIODS}
)
SELECT * FROM own
UNION ALL
SELECT p.relation, p.target, min(p.name), p.columns, p.referenced FROM of_parts AS p
WHERE NOT EXISTS (SELECT FROM own WHERE own.relation = p.relation AND own.target = p.target
                  AND own.columns = p.columns AND own.referenced = p.referenced)
GROUP BY p.relation, p.target, p.columns, p.referenced, p.leaves
HAVING count(DISTINCT p.oid) = p.leaves
ORDER BY 1, 4, 3
"""
"""Those of partitions count where all partitions have the same."""


_SCHEMAS = """
SELECT n.nspname::text FROM pg_catalog.pg_namespace AS n
WHERE n.nspname NOT LIKE 'pg\\_%' ESCAPE E'\\\\' ORDER BY 1
"""


_CHECKS = """
WITH RECURSIVE chain (of, domain) AS (
    SELECT t.oid, t.oid FROM pg_catalog.pg_type AS t WHERE t.typtype = 'd'
    UNION
    SELECT chain.of, t.typbasetype FROM chain
    JOIN pg_catalog.pg_type AS t ON t.oid = chain.domain AND t.typtype = 'd'
)
SELECT a.attrelid AS relation, a.attnum AS number, 'VALUE' AS subject,
       pg_get_expr(k.conbin, 0) AS condition
FROM pg_catalog.pg_attribute AS a
JOIN chain ON chain.of = a.atttypid
JOIN pg_catalog.pg_constraint AS k ON k.contypid = chain.domain AND k.contype = 'c'
    AND k.convalidated
WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT k.conrelid, k.conkey[1], quote_ident(a.attname), pg_get_expr(k.conbin, k.conrelid)
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
WHERE k.conrelid = ANY ($1::oid[]) AND k.contype = 'c' AND k.convalidated
AND cardinality(k.conkey) = 1
ORDER BY 1, 2, 4
"""


class Domain(NamedTuple):
    """A domain by its names."""

    schema: str
    name: str
    comment: str | None


@dataclass(frozen=True, slots=True)
class CatalogColumn:
    """A column of a relation.

    type         its base type by Postgres's short name, such as int8; `_int8` is an array of it
    type_kind    pg_type.typtype: b base, e enum, c composite, r range, m multirange
    modifier     pg_attribute.atttypmod, or that of a domain; -1 without one
    not_null     no row has null in it
    is_computed  the database makes its values: identity and generated columns
    readable     the role may SELECT it, or the catalog was read for all roles
    search_config  of a tsvector that the database makes: the text search configuration
    checks       the conditions of its CHECK constraints and of its domains, with VALUE for it
    made_of      its type, if that is made of types; an array only if it has one dimension
    domain       the domain that it has, if its type is not made of types

    What an overlay wishes:
    wanted       the name of the property; "" is as the rules say
    secret       whether its values are kept from everybody; None: the name decides
    form         how its values are served, one of columns.FORMS; "" is as the type says
    members      of the objects in a column of JSON
    is_searched  $search looks at it
    kept_out     why it is not served, and the way out
    """

    number: int
    name: str
    type: str
    type_kind: str
    modifier: int
    not_null: bool
    is_computed: bool
    readable: bool
    comment: str | None
    made_of: TypeFacts | None = None
    checks: tuple[str, ...] = ()
    search_config: str | None = None
    domain: Domain | None = None
    wanted: str = ""
    secret: bool | None = None
    form: str = ""
    members: JsonObject | None = None
    is_searched: bool = False
    kept_out: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class UniqueIndex:
    """The columns of a unique index on plain columns that holds for all rows at all times."""

    columns: tuple[str, ...]
    is_primary: bool
    is_identity: bool


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key between two relations of the catalog, or a link that an overlay declares.

    link, back, through  the names of its links in an overlay: to one row, back, and from the target
                         over its own table to another one; "" is as the rules say
    """

    name: str
    columns: tuple[str, ...]
    target: Table
    referenced: tuple[str, ...]
    link: str = ""
    back: str = ""
    through: str = ""


@dataclass(frozen=True, slots=True)
class CatalogRelation:
    """A table, view, materialized view, partitioned or foreign table.

    kind        pg_class.relkind
    unique      the smallest indexes first. That of a table with inheriting tables is none: it says
                nothing about their rows
    has_places  its rows have a place in tables of Postgres's own kind (ctid)
    candidates  columns that are a key if the rows have no null and no twins in them

    What an overlay wishes:
    wanted      the name of the entity set; "" is as the rules say
    key         the key; () is as the rules say
    is_wanted   it is served although its name says otherwise
    kept_out    why it is not served, and the way out
    account     the column of its row policy; "": each caller sees all rows
    """

    table: Table
    kind: str
    comment: str | None
    is_open: bool
    columns: tuple[CatalogColumn, ...] = ()
    unique: tuple[UniqueIndex, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    candidates: tuple[tuple[str, ...], ...] = ()
    has_places: bool = False
    wanted: str = ""
    key: tuple[str, ...] = ()
    is_wanted: bool = False
    kept_out: tuple[str, str] | None = None
    account: str = ""


Catalog = tuple[CatalogRelation, ...]
"""The relations of some schemas, in the order of their names."""


async def read_catalog(
    session: Session, schemas: Sequence[str] | None, *, for_all_roles: bool = False
) -> Catalog:
    """The relations of these schemas; None for all but Postgres's own and those of extensions.

    for_all_roles  what this role may not read counts as readable: others may
    """
    wanted = None if schemas is None else list(schemas)
    found = await session.fetch(BoundStatement(_RELATIONS, (wanted, for_all_roles)))
    relations = {
        row["oid"]: CatalogRelation(
            Table(row["schema"], row["name"]),
            row["kind"],
            row["comment"],
            row["is_open"],
            has_places=row["has_places"],
        )
        for row in found
    }
    await _add_columns(session, relations, for_all_roles)
    await _add_unique(session, relations)
    await _add_foreign_keys(session, relations)
    return tuple(relations.values())


async def read_schemas(session: Session) -> list[str]:
    """The names of all schemas, except Postgres's own."""
    return [row[0] for row in await session.fetch(BoundStatement(_SCHEMAS))]


RelationsByOid = dict[int, CatalogRelation]
"""The relations by their oid."""


async def _add_columns(session: Session, relations: RelationsByOid, for_all_roles: bool) -> None:
    columns: dict[int, list[CatalogColumn]] = {}
    rows = await session.fetch(BoundStatement(_COLUMNS, (list(relations), for_all_roles)))
    types = await read_types(session, (row["made_of"] for row in rows if row["made_of"]))
    checks = await _checks(session, list(relations))
    for row in rows:
        relation, *facts, made_of, config, schema, domain, comment = row
        column = CatalogColumn(*facts)
        is_domain = domain is not None and made_of is None
        column = replace(
            column,
            made_of=types.get(made_of),
            checks=tuple(checks.get((relation, column.number), ())),
            search_config=config,
            domain=Domain(schema, domain, comment) if is_domain else None,
        )
        columns.setdefault(relation, []).append(column)
    for oid, listed in columns.items():
        relations[oid] = replace(relations[oid], columns=tuple(listed))


async def _checks(session: Session, relations: list[int]) -> dict[tuple[int, int], list[str]]:
    """The conditions of CHECK constraints by relation and number of the column."""
    found: dict[tuple[int, int], list[str]] = {}
    for row in await session.fetch(BoundStatement(_CHECKS, (relations,))):
        subject = rf"(?<![\w\"]){re.escape(row['subject'])}(?![\w\"])"
        condition = re.sub(subject, "VALUE", row["condition"] or "")
        found.setdefault((row["relation"], row["number"]), []).append(condition)
    return found


async def _add_unique(session: Session, relations: RelationsByOid) -> None:
    unique: dict[int, list[UniqueIndex]] = {}
    for row in await session.fetch(BoundStatement(_UNIQUE, (list(relations),))):
        names = _names(relations[row["relation"]], row["columns"])
        index = UniqueIndex(names, row["is_primary"], row["is_identity"])
        unique.setdefault(row["relation"], []).append(index)
    for oid, listed in unique.items():
        relations[oid] = replace(relations[oid], unique=tuple(listed))


async def _add_foreign_keys(session: Session, relations: RelationsByOid) -> None:
    keys: dict[int, list[ForeignKey]] = {}
    for row in await session.fetch(BoundStatement(_FOREIGN_KEYS, (list(relations),))):
        source, target = relations[row["relation"]], relations[row["target"]]
        columns = _names(source, row["columns"])
        referenced = _names(target, row["referenced"])
        key = ForeignKey(row["name"], columns, target.table, referenced)
        keys.setdefault(row["relation"], []).append(key)
    for oid, listed in keys.items():
        relations[oid] = replace(relations[oid], foreign_keys=tuple(listed))


def _names(relation: CatalogRelation, numbers: Sequence[int]) -> tuple[str, ...]:
    by_number = {column.number: column.name for column in relation.columns}
    return tuple(by_number[number] for number in numbers)
