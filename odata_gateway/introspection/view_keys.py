"""The keys of views and materialized views, which have none of their own.

A view has the key of the only relation that it reads, where the columns come through unchanged:
Postgres notes in the rule of a view which column of which relation each of its columns is, and the
same of its subqueries: what has the column's name comes first. What a view does with the rows (a
join with itself, a function that returns several) is not looked at; each key is proven by the rows,
as the keys of models are.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.schema.keys import KeyColumns, KeyProofs
from odata_gateway.db.session import Session
from odata_gateway.edm.model import Table
from odata_gateway.introspection.catalog import Catalog, CatalogRelation, UniqueIndex
from odata_gateway.introspection.keys import usable_candidates

ORIGINS = """
WITH RECURSIVE read (view, base) AS (
    SELECT r.ev_class, d.refobjid
    FROM unnest($1::text[], $2::text[]) AS wanted (schema, relation)
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.relation
    JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = c.oid AND r.ev_type = '1'
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::regclass
        AND d.objid = r.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass
        AND d.refobjid <> r.ev_class
    UNION
    SELECT r.ev_class, d.refobjid
    FROM read
    JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = read.base AND r.ev_type = '1'
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::regclass
        AND d.objid = r.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass
        AND d.refobjid <> r.ev_class
), single (view, base) AS (
    SELECT view, min(base) FROM read JOIN pg_catalog.pg_class AS c ON c.oid = base
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') GROUP BY view HAVING count(*) = 1
)
SELECT n.nspname::text AS schema, v.relname::text AS relation, single.view, single.base,
       found[3]::int2 AS base_column, a.attnum AS number, a.attname::text AS name
FROM single JOIN pg_catalog.pg_class AS v ON v.oid = single.view
JOIN pg_catalog.pg_namespace AS n ON n.oid = v.relnamespace
JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = single.view AND r.ev_type = '1'
CROSS JOIN LATERAL regexp_matches(
    r.ev_action::text,
    ':resno ([0-9]+) :resname ([^:]+) :ressortgroupref [0-9]+ :resorigtbl ' || single.base
        || ' :resorigcol ([0-9]+) :resjunk false', 'g') AS found
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = single.view AND a.attnum = found[1]::int2
ORDER BY single.view, replace(found[2], chr(92), '') <> a.attname, a.attnum
"""

_UNIQUE = """
SELECT x.indrelid AS relation, (x.indkey::int2[])[0:x.indnkeyatts - 1] AS columns
FROM pg_catalog.pg_index AS x
WHERE x.indrelid = ANY ($1::oid[]) AND x.indisunique AND x.indisvalid AND x.indimmediate
AND x.indpred IS NULL AND 0 <> ALL ((x.indkey::int2[])[0:x.indnkeyatts - 1])
ORDER BY x.indrelid, x.indisprimary DESC, x.indisreplident DESC, x.indnkeyatts, x.indexrelid
"""


LONGEST_S = 10.0
"""How long the rows of all views together are looked at before only the planner is asked. A view
whose key is not proven by then gets one that the service makes."""
ColumnNumbers = tuple[int, ...]
"""Columns of a relation, by pg_attribute.attnum."""


@dataclass(frozen=True, slots=True)
class _ReadView:
    """A view that reads one relation. Its columns that are columns of that relation are known by
    the number there: the number here, and the name."""

    table: Table
    base: int
    columns: dict[int, tuple[int, str]] = field(default_factory=dict)


class ViewKeys(NamedTuple):
    """A catalog with the keys of its views; `are_settled` where each candidate was decided, and
    none for lack of time."""

    catalog: Catalog
    are_settled: bool


async def with_view_keys(
    database: Database,
    catalog: Catalog,
    *,
    role: str | None = None,
    for_all_roles: bool = False,
) -> ViewKeys:
    """The catalog with the proven keys of its views.

    role           as which the rows are read; None: the connection's own
    for_all_roles  a key that this role can neither prove nor disprove is used as well: each role
                   that asks proves it again
    raises         ODataError when the database does not answer
    """
    enough = ("unique", "undecided") if for_all_roles else ("unique",)
    async with database.session() as session:
        candidates = await _candidates(session, catalog)
    proofs, until = KeyProofs(database, role), time.monotonic() + LONGEST_S
    found = []
    for relation in catalog:
        names = tuple(candidates.get(relation.table, ()))
        changed = replace(relation, candidates=names)
        found.append(await _with_key(changed, proofs, enough, until=until))
    return ViewKeys(tuple(found), not proofs.unanswered)


async def _with_key(
    relation: CatalogRelation, proofs: KeyProofs, enough: tuple[str, ...], *, until: float
) -> CatalogRelation:
    """The relation with the first of its candidates that is proven as its only unique index; by
    rule only from a time.monotonic() on."""
    if not relation.candidates or not relation.is_open:
        return relation
    for names in usable_candidates(relation):
        key = KeyColumns(relation.table, names)
        if await proofs.outcome(key, may_ask=time.monotonic() < until) in enough:
            proven = UniqueIndex(names, is_primary=False, is_identity=False)
            return replace(relation, unique=(proven,))
    return replace(relation, unique=())


async def _candidates(session: Session, catalog: Catalog) -> dict[Table, list[tuple[str, ...]]]:
    """What may be a key of each view: of a materialized one its own unique indexes."""
    found = {
        relation.table: [index.columns for index in relation.unique]
        for relation in catalog
        if relation.kind == "m"
    }
    wanted = [relation.table for relation in catalog if relation.kind == "v"]
    names = [table.schema for table in wanted], [table.name for table in wanted]
    views: dict[int, _ReadView] = {}
    for row in await session.fetch(BoundStatement(ORIGINS, names)):
        table = Table(row["schema"], row["relation"])
        view = views.setdefault(row["view"], _ReadView(table, row["base"]))
        view.columns.setdefault(row["base_column"], (row["number"], row["name"]))
    keys: dict[int, list[ColumnNumbers]] = {}
    bases = sorted({view.base for view in views.values()})
    for row in await session.fetch(BoundStatement(_UNIQUE, (bases,))):
        keys.setdefault(row["relation"], []).append(tuple(row["columns"]))
    for view in views.values():
        named = dict(view.columns.values())
        found[view.table] = [tuple(named[n] for n in key) for key in _keys(view, views, keys)]
    return found


def _keys(
    view: _ReadView, views: dict[int, _ReadView], keys: dict[int, list[ColumnNumbers]]
) -> list[ColumnNumbers]:
    """The keys of what a view reads that come through it. Views cannot read each other in a
    ring."""
    below = views.get(view.base)
    of_base = keys.get(view.base, []) if below is None else _keys(below, views, keys)
    return [
        tuple(view.columns[number][0] for number in key)
        for key in of_base
        if all(number in view.columns for number in key)
    ]
