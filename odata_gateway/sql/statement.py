"""A bound query as finished statements.

A collection is read in chunks, each one record of joined row texts and the last row's order values;
beside it may stand a count over the same rows, and a question whether the parent of a path exists,
which is asked only when there are no rows. `Shape` is everything outside the query that changes the
SQL, and so belongs into the cache key.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple, assert_never

from odata_gateway.plan.tree.query import Query
from odata_gateway.plan.tree.relation import Block
from odata_gateway.plan.tree.slots import LimitSlot
from odata_gateway.sql import sharded
from odata_gateway.sql.fragment import Sql, Statement, build, finish, join, param, quoted, raw
from odata_gateway.sql.json_rows import JsonRowRenderer, RowFormat
from odata_gateway.sql.keyset import NullMask, equals, key_texts
from odata_gateway.sql.page_scan import PageScan
from odata_gateway.sql.pg_types import plain_text
from odata_gateway.sql.relation import Leg, Relations


class StatementVariant(NamedTuple):
    """Who asks (with one account or many), in which format, behind which kind of row (None for the
    first page), and whether the answer must tell if there are more rows. `legs` is the number of
    the caller's accounts where the database is sharded by account, and else 0."""

    many_accounts: bool = False
    row_format: RowFormat = RowFormat()
    mask: NullMask | None = None
    peeks: bool = False
    legs: int = 0


StatementKind = Literal["rows", "count", "parent", "order values", "mark"]


def statement_kinds(query: Query, shape: StatementVariant) -> tuple[StatementKind, ...]:
    """The statements a request of this shape may need; `order values` only where a link had no room
    for them."""
    mark: tuple[StatementKind, ...] = (
        ("mark",)
        if query.form in ("collection", "references") and query.is_plain and shape.mask is not None
        else ()
    )
    count: tuple[StatementKind, ...] = (
        () if query.counted is None or shape.mask is not None else ("count",)
    )
    parent: tuple[StatementKind, ...] = () if query.parent is None else ("parent",)
    return ("rows", *count, *parent, *mark)


def render(query: Query, shape: StatementVariant, part: StatementKind) -> Statement:
    """One of a query's statements in a shape.

    rows          the answer: a chunk of a collection as one record (see `_chunk`), else one text a
                  row
    count         one row, one number: all rows of the query, whatever the page
    parent        one row where the path before the last segment leads to something
    order values  of the row that the keyset's key values find, as texts; no row where there is none
                  any more
    mark          order values, as texts, of the last row of a full chunk behind another row; no row
                  where the chunk would not be full
    """
    if shape.legs > 1 and sharded.pivot(_block(query, part)) is not None:
        return finish(_by_account(query, shape, part))
    relations = Relations(
        many_accounts=shape.many_accounts, leg=Leg(0, None) if shape.legs > 1 else None
    )
    relations.enter(query.block)
    match part:
        case "rows":
            return _rows(query, shape, relations)
        case "count":
            return _count(query.counted or query.block, relations)
        case "parent":
            return finish(relations.select(raw("1"), query.parent or query.block, raw(" LIMIT 1")))
        case "order values":
            return finish(_order_values(query, shape, relations))
        case "mark":
            return finish(_mark(query, shape, relations))
        case _:
            assert_never(part)


def _order_values(query: Query, shape: StatementVariant, relations: Relations) -> Sql:
    values = join(", ", key_texts(query.order, relations.expressions))
    mask = shape.mask or ()
    found = tuple(
        equals(i, query.order[i], relations.expressions, mask[i : i + 1])
        for i in sorted(query.key_positions)
    )
    return relations.select(values, query.block, raw(" LIMIT 1"), found)


def _rows(query: Query, shape: StatementVariant, relations: Relations) -> Statement:
    rows = JsonRowRenderer(relations, shape.row_format)
    match query.form:
        case "collection" | "references":
            return finish(_chunk(query, shape, relations, _row(query, rows)))
        case "entity" | "reference":
            return finish(relations.select(_row(query, rows), query.block, raw(" LIMIT 2")))
        case "count":
            return _count(query.block, relations)
        case "property":
            value = quoted("null") if query.field is None else rows.value(query.field)
            return finish(relations.select(value, query.block, raw(" LIMIT 2")))
        case "value":
            return finish(relations.select(_plain(query, relations), query.block, raw(" LIMIT 2")))
        case _:
            assert_never(query.form)


def _row(query: Query, rows: JsonRowRenderer) -> Sql:
    if query.projection is None:
        return rows.reference(query.entity_set, query.block.source.number)
    return rows.entity(query.projection)


def _plain(query: Query, relations: Relations) -> Sql:
    if query.field is None or query.field.value is None:
        return raw("NULL::text")
    return plain_text(relations.expressions.value(query.field.value), query.field.type)


def _count(block: Block, relations: Relations) -> Statement:
    """The number of rows; of combinations without a condition it is the product, which no 64 bits
    may hold."""
    if block.crossed and not block.predicates:
        counts = (
            relations.select(raw("count(*)::numeric"), single)
            for single in (replace(block, crossed=()), *block.crossed)
        )
        return finish(build("SELECT {0}", join(" * ", (build("({0})", count) for count in counts))))
    return finish(relations.select(raw("count(*)"), block))


def _chunk(query: Query, shape: StatementVariant, relations: Relations, row: Sql) -> Sql:
    """The first rows of a query, or the first behind another row, as one record: (text, rows, more,
    whether no row was NULL, order values of the last row...)."""
    limit = build("{0} + 1" if shape.peeks else "{0}", param(LimitSlot(), "int4"))
    rows, names = _keyed(query, shape, relations, limit, build("{0} AS row", row))
    return _joined(rows, names, shape)


def _joined(rows: Sql, names: list[Sql], shape: StatementVariant) -> Sql:
    return _peeking(rows, names) if shape.peeks else _blind(rows, names)


def _mark(query: Query, shape: StatementVariant, relations: Relations) -> Sql:
    """The order values of the last row of a full chunk, found without making its text."""
    limit = param(LimitSlot(), "int4")
    rows, names = _keyed(query, shape, relations, limit)
    return _last(rows, names, limit)


def _last(rows: Sql, names: list[Sql], limit: Sql) -> Sql:
    wanted = join(", ", (build("p.{0}", name) for name in names))
    return build("SELECT {0} FROM ({1}) AS p OFFSET {2} - 1", wanted, rows, limit)


def _keyed(
    query: Query, shape: StatementVariant, relations: Relations, limit: Sql, *shown: Sql
) -> tuple[Sql, list[Sql]]:
    """The rows of a chunk: what they show and their order values, and the names of the latter."""
    names = _names(query)
    keys = zip(key_texts(query.order, relations.expressions), names, strict=True)
    what = join(", ", (*shown, *(build("{0} AS {1}", key, name) for key, name in keys)))
    ordered = PageScan(query, relations, many_accounts=shape.many_accounts, sharded=shape.legs > 0)
    return ordered.rows(what, limit, shape.mask), names


def _names(query: Query) -> list[Sql]:
    return [Sql((f"k{index:d}",)) for index in range(len(query.order))]


def _blind(rows: Sql, names: list[Sql]) -> Sql:
    """As many rows as asked for; a full chunk may have more behind it."""
    last = join("", (build(", (array_agg(p.{0}))[count(*)::int4]", name) for name in names))
    joined = build(
        "SELECT convert_to(string_agg(p.row, ','), 'UTF8'), count(*), count(*) = {0}, count(*) = count(p.row){1}",
        param(LimitSlot(), "int4"),
        last,
    )
    return build("{0} FROM ({1}) AS p", joined, rows)


def _peeking(rows: Sql, names: list[Sql]) -> Sql:
    """One row more is read than shown, to know whether there is more."""
    limit = param(LimitSlot(), "int4")
    arrays = join("", (build(", array_agg(p.{0}) AS {0}", name) for name in names))
    last = join("", (build(", a.{0}[{1}]", name, limit) for name in names))
    return build(
        "SELECT convert_to(array_to_string(a.r[1:{0}], ','), 'UTF8'), least(a.c, {0}), a.c > {0}, a.c = a.w{1} "
        "FROM (SELECT count(*) AS c, count(p.row) AS w, array_agg(p.row) AS r{2} FROM ({3}) AS p) AS a",
        limit,
        last,
        arrays,
        rows,
    )


# --- account by account, from a sharded database --------------------------------------------------


def _block(query: Query, part: StatementKind) -> Block:
    """The rows that one of the statements is about."""
    match part:
        case "count":
            return query.counted or query.block
        case "parent":
            return query.parent or query.block
        case "rows" | "order values" | "mark":
            return query.block
        case _:
            assert_never(part)


def _by_account(query: Query, shape: StatementVariant, part: StatementKind) -> Sql:
    """The same statement made of one for each of the caller's accounts."""
    block, limit = _block(query, part), param(LimitSlot(), "int4")
    legs, names = sharded.legs(query, block, shape.legs), _names(query)
    if part == "count" or (part == "rows" and query.form == "count"):
        return sharded.summed(leg.select(raw("count(*) AS n"), block) for leg in legs)
    if part == "mark":
        return _last(sharded.Merge(query, shape.mask, limit, names).rows(legs), names, limit)
    if part == "rows" and query.form in ("collection", "references"):
        merge = sharded.Merge(
            query, shape.mask, build("{0} + 1", limit) if shape.peeks else limit, names
        )
        return _joined(
            merge.rows(legs, lambda leg: _row(query, JsonRowRenderer(leg, shape.row_format))),
            names,
            shape,
        )
    return sharded.together(_single(query, shape, part, leg) for leg in legs)


def _single(query: Query, shape: StatementVariant, part: StatementKind, leg: Relations) -> Sql:
    """What one leg finds of a single entity, of a path's parent or of a keyset."""
    rows = JsonRowRenderer(leg, shape.row_format)
    if part == "parent":
        return leg.select(raw("1"), _block(query, part), raw(" LIMIT 1"))
    if part == "order values":
        return _order_values(query, shape, leg)
    if query.form == "property":
        return leg.select(
            quoted("null") if query.field is None else rows.value(query.field),
            query.block,
            raw(" LIMIT 2"),
        )
    return leg.select(
        _plain(query, leg) if query.form == "value" else _row(query, rows),
        query.block,
        raw(" LIMIT 2"),
    )
