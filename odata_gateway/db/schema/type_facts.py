"""Types that are made of types, from Postgres's catalog: arrays, composites, ranges, multiranges
and domains over them, down to those that are made of nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, LiteralString

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.hosts import PgRecord
from odata_gateway.db.session import Session
from odata_gateway.types.catalog_type import CatalogType

IS_ARRAY = "(t.typlen = -1 AND t.typelem <> 0 AND t.typarray = 0 AND t.typcategory = 'A')"
"""Whether a type is an array; int2vector and oidvector are not."""

MAY_NAME = """(has_schema_privilege(s.oid, 'USAGE') AND NOT (
                e.extname IS NOT DISTINCT FROM 'postgis' AND EXISTS (
                    SELECT FROM pg_catalog.pg_proc AS p
                    WHERE p.pronamespace = s.oid AND p.proname IN ('st_asgeojson', 'st_astext')
                    AND NOT has_function_privilege(p.oid, 'EXECUTE'))))"""
"""Whether the role may name a type in schema `s`. Those of PostGIS, extension `e`, are of no use to
it without the functions that read them."""


def is_shape(name: LiteralString) -> str:
    """Whether a type is one of PostGIS's shapes, which are known by their short names."""
    return f"e.extname = 'postgis' AND {name}.typname IN ('geography', 'geometry')"


_TYPES = f"""
WITH RECURSIVE known (oid) AS (
    SELECT unnest($1::oid[])
    UNION
    SELECT part.oid FROM known JOIN pg_catalog.pg_type AS t ON t.oid = known.oid
    CROSS JOIN LATERAL (
        SELECT t.typbasetype WHERE t.typtype = 'd'
        UNION ALL SELECT t.typelem WHERE {IS_ARRAY}
        UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute AS a
            WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0
            AND NOT a.attisdropped
        UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range AS r WHERE r.rngtypid = t.oid
        UNION ALL SELECT r.rngtypid FROM pg_catalog.pg_range AS r WHERE r.rngmultitypid = t.oid
    ) AS part (oid)
)
SELECT t.oid, CASE WHEN {IS_ARRAY} THEN 'a' ELSE t.typtype::text END AS kind,
       s.nspname::text AS schema, t.typname::text AS name,
       s.nspname = 'pg_catalog' OR e.extname = t.typname OR {is_shape("t")} AS is_short,
       CASE WHEN {MAY_NAME} OR s.nspname = 'pg_catalog'
            THEN quote_ident(s.nspname) || '.' || quote_ident(t.typname) END AS sql_type,
       nullif(quote_ident(s.nspname), 'pg_catalog') AS operators,
       t.typtypmod AS modifier, t.typnotnull AS not_null,
       CASE WHEN t.typtype = 'd' THEN t.typbasetype WHEN {IS_ARRAY} THEN t.typelem
            ELSE coalesce(r.rngsubtype, m.rngtypid) END AS of,
       fields.names, fields.types, fields.modifiers, fields.filled, fields.collations,
       fields.deterministic, fields.comments,
       ARRAY(SELECT l.enumlabel::text FROM pg_catalog.pg_enum AS l
             WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder) AS labels,
       obj_description(t.oid, 'pg_type') AS comment
FROM known
JOIN pg_catalog.pg_type AS t ON t.oid = known.oid
JOIN pg_catalog.pg_namespace AS s ON s.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_range AS r ON r.rngtypid = t.oid
LEFT JOIN pg_catalog.pg_range AS m ON m.rngmultitypid = t.oid
LEFT JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_type'::regclass
    AND d.objid = t.oid AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
LEFT JOIN LATERAL (
    SELECT array_agg(a.attname::text ORDER BY a.attnum) AS names,
           array_agg(a.atttypid ORDER BY a.attnum) AS types,
           array_agg(a.atttypmod ORDER BY a.attnum) AS modifiers,
           array_agg(a.attnotnull ORDER BY a.attnum) AS filled,
           array_agg(coalesce(quote_ident(n.nspname) || '.' || quote_ident(o.collname), '')
                     ORDER BY a.attnum) AS collations,
           array_agg(coalesce(o.collisdeterministic, true) ORDER BY a.attnum) AS deterministic,
           array_agg(coalesce(col_description(a.attrelid, a.attnum), '') ORDER BY a.attnum)
               AS comments
    FROM pg_catalog.pg_attribute AS a
    LEFT JOIN pg_catalog.pg_collation AS o ON o.oid = a.attcollation AND o.collprovider <> 'd'
    LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = o.collnamespace
    WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
) AS fields ON true
"""

TypeKind = Literal["simple", "array", "composite", "range", "multirange"]
_KINDS: dict[str, TypeKind] = {"a": "array", "c": "composite", "r": "range", "m": "multirange"}


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """A type; a domain counts as what it is made of.

    type      by Postgres's short name, with its schema if it is not Postgres's own
    pg_type   what a property has of it: the same, or `enum` for all enumerations
    modifier  as Postgres keeps it; -1: none
    item      of an array or a multirange, and the type of the bounds of a range
    members   of a composite, by name
    labels    of an enumeration, in its order
    field_comment  of a member, on its field
    """

    kind: TypeKind
    schema: str
    name: str
    type: str
    pg_type: str
    catalog: CatalogType
    modifier: int = -1
    not_null: bool = False
    item: TypeFacts | None = None
    members: Mapping[str, TypeFacts] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    comment: str | None = None
    field_comment: str | None = None


async def read_types(session: Session, oids: Iterable[int]) -> dict[int, TypeFacts]:
    """The types with these oids."""
    wanted = list(dict.fromkeys(oids))
    if not wanted:
        return {}
    rows = await session.fetch(BoundStatement(_TYPES, (wanted,)))
    by_oid = {row["oid"]: row for row in rows}
    return {oid: _facts(oid, by_oid) for oid in wanted if oid in by_oid}


def _facts(oid: int, rows: Mapping[int, PgRecord]) -> TypeFacts:
    row = rows[oid]
    if row["kind"] == "d":
        base = _facts(row["of"], rows)
        modifier = row["modifier"] if base.modifier < 0 else base.modifier
        catalog = replace(base.catalog, is_domain=True)
        not_null = base.not_null or row["not_null"]
        comment = row["comment"] or base.comment
        return replace(base, catalog=catalog, modifier=modifier, not_null=not_null, comment=comment)
    name = row["sql_type"]
    short = row["name"] if row["is_short"] else f"{row['schema']}.{row['name']}"
    is_enum = row["kind"] == "e"
    return TypeFacts(
        _KINDS.get(row["kind"], "simple"),
        row["schema"],
        row["name"],
        short,
        "unnamed" if name is None else "enum" if is_enum else short,
        CatalogType(name or "", (name and row["operators"]) or ""),
        item=_facts(row["of"], rows) if row["of"] else None,
        members=dict(_members(row, rows)) if row["kind"] == "c" else {},
        labels=tuple(row["labels"]),
        comment=row["comment"],
    )


def _members(row: PgRecord, rows: Mapping[int, PgRecord]) -> Iterable[tuple[str, TypeFacts]]:
    """The fields of a composite."""
    listed = ("types", "modifiers", "filled", "collations", "deterministic", "comments")
    columns = zip(row["names"] or (), *(row[name] or () for name in listed), strict=True)
    for name, oid, modifier, filled, collation, is_deterministic, comment in columns:
        found = _facts(oid, rows)
        catalog = replace(found.catalog, collation=collation, is_deterministic=is_deterministic)
        yield (
            name,
            replace(
                found,
                catalog=catalog,
                modifier=modifier if modifier >= 0 else found.modifier,
                not_null=found.not_null or filled,
                field_comment=comment or None,
            ),
        )
