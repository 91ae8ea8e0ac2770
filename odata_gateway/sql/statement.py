"""The statements of a query: finished SQL with the slots of its parameters.

A collection is read in chunks. A chunk is one record: the texts of its rows joined to one, and the
order values of its last row. Further statements count the rows, and ask whether the parent in a
path exists if there are no rows. `StatementVariant` is everything besides the query that changes
the SQL, so it is part of a cache's key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, assert_never

from odata_gateway.edm.model import EntityType
from odata_gateway.errors import Unsupported
from odata_gateway.plan.tree.query import Query
from odata_gateway.plan.tree.relation import Block, Column, Source
from odata_gateway.plan.tree.slots import LimitSlot
from odata_gateway.sql.accounts import sharded
from odata_gateway.sql.accounts.account_blocks import are_apart, pivot, pivots
from odata_gateway.sql.accounts.made_rows import NO_ACCOUNT, MadeRows
from odata_gateway.sql.accounts.value_order import value_orders
from odata_gateway.sql.chunk_record import ChunkRecord, key_names, last_row, row_sizes
from odata_gateway.sql.fragment import (
    Sql,
    Statement,
    build,
    finish,
    finish_together,
    join,
    param,
    qualified,
    raw,
)
from odata_gateway.sql.paging.keyset import NullMask, equals, key_texts, key_values
from odata_gateway.sql.paging.page_scan import PageScan
from odata_gateway.sql.paging.row_bound import bounded
from odata_gateway.sql.paging.scan import AccountsRead
from odata_gateway.sql.pg_types import has_zone, raw_value, stored, text_in_zone
from odata_gateway.sql.relation import Relations
from odata_gateway.sql.renderer import ShardAccount
from odata_gateway.sql.row_encoding import RowEncoding
from odata_gateway.sql.server_memory import kept_memory


class StatementVariant(NamedTuple):
    """What changes the SQL of a query.

    encoding        how rows are written
    many_accounts   the caller has several accounts
    null_mask       which order values of the row before are null; None for the first chunk
    lookahead       the chunk must tell whether there are more rows behind it
    shard_accounts  the number of the caller's accounts if the database is sharded by account, or 0
    zoned           times are those of a zone, which is a parameter
    alone           the first of these accounts is read alone; a chunk has its rows one by one
    most_rows       a number of rows of which a chunk has no more, as the statement says beside the
                    number that it is asked for (`sql.paging.row_bound`), or 0
    """

    encoding: RowEncoding
    many_accounts: bool = False
    null_mask: NullMask | None = None
    lookahead: bool = False
    shard_accounts: int = 0
    zoned: bool = False
    alone: bool = False
    most_rows: int = 0


StatementKind = Literal["rows", "count", "parent", "order values", "boundary", "sizes", "memory"]
"""What a statement answers:

rows          the answer: a chunk of a collection as one record (`ChunkRecord`), or texts of rows
count         one row with one number: all rows of the query, whatever the page
parent        one row if the path before the last segment leads to something, else none
order values  those of the row that the keyset's key values find, as texts; no row if it is gone
boundary      those of the last row of a full chunk behind a row, as texts; no row if the chunk
              would not be full
sizes         the bytes of each row of a chunk, as one array
memory        nothing: the server process that reads the rows keeps the memory of large texts
"""


def statement_kinds(query: Query, variant: StatementVariant) -> tuple[StatementKind, ...]:
    """The statements that a request may need, without `order values`: only a request needs these
    whose link had no room for them."""
    is_first = variant.null_mask is None
    has_boundary = query.form in ("collection", "references") and query.is_plain and not is_first
    found: list[StatementKind] = ["rows"]
    if query.counted is not None and is_first:
        found.append("count")
    if query.parent is not None:
        found.append("parent")
    if has_boundary:
        found.append("boundary")
    return tuple(found)


def render(query: Query, variant: StatementVariant, kind: StatementKind) -> Statement:
    """One of a query's statements."""
    block = _block(query, kind)
    if variant.alone:
        (relations,) = sharded.relations_by_account(query, block, 1, zoned=variant.zoned)
        unskipped = replace(query, skip=None)
        return finish(_PlainStatement(unskipped, variant, relations).of_kind(kind))
    if variant.shard_accounts > 1 and pivots(block):
        return finish(_of_accounts(query, variant, kind))
    return finish(_PlainStatement(query, variant, _relations(query, variant)).of_kind(kind))


def is_split(query: Query, variant: StatementVariant, kind: StatementKind) -> bool:
    """Whether a statement can be sent for each of the caller's accounts alone, so that all answers
    together have what it finds."""
    accounts = variant.shard_accounts
    return 1 < accounts <= sharded.MAX_ACCOUNTS and pivot(_block(query, kind)) is not None


def render_merge(query: Query) -> Statement | None:
    """A statement that puts rows in the order of the query: it takes their order values as arrays
    of texts, and returns the rows' numbers, from 1 on. None where the values do not say all about
    the order."""
    merge = sharded.order_of_values(query.order)
    return None if merge is None else finish(merge)


def render_together(query: Query, variant: StatementVariant) -> Statement:
    """The statement of a query for a single row, for several requests at once (see
    `finish_together`)."""
    statement = _PlainStatement(query, variant, _relations(query, variant))
    return finish_together(statement.single())


def whole_rows(entity_type: EntityType, *, many_accounts: bool) -> Statement:
    """A statement that reads all of a table that a caller may see, and nothing of a request: one
    row with one number, for which each column of each row is computed."""
    source = Source(0, entity_type)
    of_columns = (p for p in entity_type.properties.values() if p.function is None)
    shown = (p for p in of_columns if not (p.secret or p.missing))
    columns = join(", ", (qualified(source.number, p.column) for p in shown))
    count = build("sum(num_nulls({0}))", columns)
    return finish(Relations(many_accounts=many_accounts).select(count, Block(source)))


def _block(query: Query, kind: StatementKind) -> Block:
    """The rows that a statement is about."""
    match kind:
        case "count":
            return query.counted or query.block
        case "parent":
            return query.parent or query.block
        case "rows" | "order values" | "boundary" | "sizes":
            return query.block
        case "memory":
            return Block(query.block.source)
        case _:
            assert_never(kind)


def _relations(query: Query, variant: StatementVariant, made: MadeRows | None = None) -> Relations:
    relations = Relations(
        many_accounts=variant.many_accounts,
        shard=NO_ACCOUNT if variant.shard_accounts > 1 else None,
        made=made,
        zoned=variant.zoned,
    )
    relations.enter(query.block)
    return relations


def _of_accounts(query: Query, variant: StatementVariant, kind: StatementKind) -> Sql:
    """The statement that reads each account from its shard. Of rows that it makes of all accounts,
    what needs no table with an account is asked only once."""
    block = _block(query, kind)
    sharded.check_accounts(variant.shard_accounts)
    derived = block.source.derived
    if derived is not None and not are_apart(derived):
        made = _made_rows(variant)
        try:
            statement = _PlainStatement(query, variant, _relations(query, variant, made))
            return made.before(statement.of_kind(kind))
        except Unsupported:
            pass
    made = _made_rows(variant)
    return made.before(_ShardedStatement(query, variant, block, made).of_kind(kind))


def _made_rows(variant: StatementVariant) -> MadeRows:
    def blocks(shard: ShardAccount) -> Relations:
        return Relations(many_accounts=True, shard=shard, made=made, zoned=variant.zoned)

    made = MadeRows(variant.shard_accounts, blocks)
    return made


@dataclass(frozen=True, slots=True)
class _PlainStatement:
    """A statement that reads all of the caller's accounts together."""

    query: Query
    variant: StatementVariant
    relations: Relations

    def of_kind(self, kind: StatementKind) -> Sql:
        match kind:
            case "rows":
                return self._rows()
            case "count":
                return self._count(_block(self.query, kind))
            case "parent":
                return self.parent()
            case "order values":
                return self.order_values()
            case "boundary":
                limit = param(LimitSlot(), "int4")
                return last_row(self._scan(limit).rows(self._keys()), self.query, limit)
            case "sizes":
                return row_sizes(self._chunk_rows(param(LimitSlot(), "int4")))
            case "memory":
                row = self.relations.select(raw("1"), _block(self.query, kind), raw(" LIMIT 1"))
                return kept_memory(row)
            case _:
                assert_never(kind)

    def _rows(self) -> Sql:
        match self.query.form:
            case "collection" | "references":
                chunk = _chunk(self.query, self.variant)
                if self.variant.alone:
                    octets = build("convert_to({0}, 'UTF8')", self.text())
                    rows = self._chunk_rows(chunk.limit, octets)
                    joined = [order is not None for order in value_orders(self.query.order)]
                    return chunk.apart(rows, joined)
                if self.variant.most_rows:
                    most = chunk.most(self.variant.most_rows)
                    return chunk.joined(bounded(self._chunk_rows(most), chunk.limit))
                return chunk.joined(self._chunk_rows(chunk.limit))
            case "count":
                return self._count(self.query.block)
            case "entity" | "reference" | "property" | "value":
                return self.single()
            case _:
                assert_never(self.query.form)

    def _chunk_rows(self, limit: Sql, text: Sql | None = None) -> Sql:
        what = join(", ", (build("{0} AS row", text or self.text()), self._keys()))
        return self._scan(limit).rows(what)

    def single(self) -> Sql:
        """The octets of a text a row. Two rows would say that the key is not unique."""
        return self.relations.select(self._octets(), self.query.block, raw(" LIMIT 2"))

    def _octets(self) -> Sql:
        """As octets a text is not decoded and encoded again: of 100 MB with one emoji that would be
        nine copies."""
        field, text = self.query.field, self.text()
        if self.query.form == "value" and field is not None and field.type.family.is_octets:
            return text
        return build("convert_to({0}, 'UTF8')", text)

    def text(self) -> Sql:
        """The text of a row, of a property, or the raw value of one."""
        query, encoding = self.query, self.variant.encoding
        if query.form == "value":
            return self._raw_value()
        if query.form == "property":
            assert query.field is not None
            return encoding.property(query.field, self.relations)
        if query.projection is None:
            source = query.block.source.number
            return encoding.reference(query.entity_set, source, self.relations)
        return encoding.row(query.projection, self.relations)

    def _raw_value(self) -> Sql:
        """The text or the octets of /$value, which are the same in all formats."""
        field = self.query.field
        if field is None or field.value is None:
            return raw("NULL::text")
        value = (
            stored(field.value)
            if isinstance(field.value, Column)
            else self.relations.expressions.value(field.value)
        )
        if self.variant.zoned and has_zone(field.type):
            return text_in_zone(value)
        return raw_value(value, field.type)

    def parent(self) -> Sql:
        return self.relations.select(raw("1"), _block(self.query, "parent"), raw(" LIMIT 1"))

    def order_values(self) -> Sql:
        query, expressions = self.query, self.relations.expressions
        mask = self.variant.null_mask or (False,) * len(query.order)
        found = tuple(
            equals(i, query.order[i], expressions, is_null=mask[i])
            for i in sorted(query.key_positions)
        )
        values = join(", ", key_texts(query.order, expressions))
        return self.relations.select(values, query.block, raw(" LIMIT 1"), found)

    def _count(self, block: Block) -> Sql:
        """The number of rows. That of combinations without a condition is a product, which 64 bits
        may not hold; items are combined with the row that they are in."""
        are_items = any(crossed.source.items for crossed in block.crossed)
        if not block.crossed or block.predicates or are_items:
            return self.relations.select(raw("count(*)"), block)
        numbers = (
            build("({0})", self.relations.select(raw("count(*)::numeric"), single))
            for single in (replace(block, crossed=()), *block.crossed)
        )
        return build("SELECT {0}", join(" * ", numbers))

    def _keys(self) -> Sql:
        values = key_values(self.query.order, self.relations.expressions)
        names = zip(values, key_names(self.query), strict=True)
        return join(", ", (build("{0} AS {1}", value, name) for value, name in names))

    def _scan(self, limit: Sql) -> PageScan:
        variant = self.variant
        accounts: AccountsRead = "several" if variant.many_accounts else "one"
        if variant.shard_accounts:
            accounts = "by shard"
        return PageScan(self.query, self.relations, accounts, variant.null_mask, limit)


def _chunk(query: Query, variant: StatementVariant) -> ChunkRecord:
    return ChunkRecord(query, variant.encoding.separator, variant.lookahead)


# --- sharded --------------------------------------------------------------------------------------


class _ShardedStatement:
    """A statement that reads each of the caller's accounts from its shard."""

    def __init__(
        self, query: Query, variant: StatementVariant, block: Block, made: MadeRows
    ) -> None:
        self._query = query
        self._variant = variant
        self._block = block
        self._accounts = sharded.relations_by_account(
            query, block, variant.shard_accounts, zoned=variant.zoned, made=made
        )
        self._statements = [_PlainStatement(query, variant, each) for each in self._accounts]

    def of_kind(self, kind: StatementKind) -> Sql:
        match kind:
            case "rows" if self._query.form in ("collection", "references"):
                return self._chunk()
            case "rows" if self._query.form == "count":
                return self._count()
            case "rows":
                return sharded.all_rows(statement.single() for statement in self._statements)
            case "count":
                return self._count()
            case "parent":
                return sharded.all_rows(statement.parent() for statement in self._statements)
            case "order values":
                return sharded.all_rows(statement.order_values() for statement in self._statements)
            case "boundary":
                limit = param(LimitSlot(), "int4")
                return last_row(self._merge(limit).rows(self._accounts), self._query, limit)
            case "sizes":
                return row_sizes(self._chunk_rows(param(LimitSlot(), "int4")))
            case "memory":
                raise Unsupported("several accounts may be on several servers")
            case _:
                assert_never(kind)

    def _chunk(self) -> Sql:
        chunk = _chunk(self._query, self._variant)
        return chunk.joined(self._chunk_rows(chunk.limit))

    def _chunk_rows(self, limit: Sql) -> Sql:
        texts = [statement.text() for statement in self._statements]
        return self._merge(limit).rows(self._accounts, texts)

    def _count(self) -> Sql:
        counts = (each.select(raw("count(*) AS n"), self._block) for each in self._accounts)
        return sharded.summed(counts)

    def _merge(self, limit: Sql) -> sharded.AccountMerge:
        mask, names = self._variant.null_mask, key_names(self._query)
        return sharded.AccountMerge(self._query, mask, limit, names)
