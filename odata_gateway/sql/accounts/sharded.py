"""Statements for a caller with several accounts on a Postgres that is sharded by account (Citus):
the rows of each account are read from its shard, and merged in order.

Citus sends a statement to one shard as it stands if every table that has an account is compared
with the same constant: `account_id = $1`. With `= ANY($1)` it refuses correlated subqueries over
reference tables, such as expanded navigation properties. So each of the caller's accounts gets a
SELECT of its own, with everything that a statement for one account can have. These SELECTs are
materialized CTEs: Citus plans each on its own, sends it to its shard, and keeps the rows as an
intermediate result. (Subqueries in FROM would be pulled apart, and then contain subqueries in their
SELECT lists that Citus cannot run.) No table is named outside of these CTEs. The merge sorts by the
order values themselves, not by their texts.

A SELECT of one account sees no other account, so `sql.relation` refuses what would need to. Tables
without an account (users, link tables) are on every server, and their policy names all accounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from odata_gateway.errors import Unsupported
from odata_gateway.plan.tree.query import Query
from odata_gateway.plan.tree.relation import Block, Column, OrderKey
from odata_gateway.plan.tree.slots import KeysetSlot
from odata_gateway.sql.accounts.account_blocks import pivots
from odata_gateway.sql.accounts.made_rows import MadeRows
from odata_gateway.sql.fragment import Sql, build, fill, join, param
from odata_gateway.sql.paging.keyset import NullMask, key_texts, ordered, value_of_text
from odata_gateway.sql.paging.page_scan import PageScan, limit_with_skipped
from odata_gateway.sql.relation import Relations
from odata_gateway.sql.renderer import ShardAccount
from odata_gateway.types.primitive import STRING

MAX_ACCOUNTS = 50
"""The database plans and runs one statement for each, one after the other."""


def check_accounts(accounts: int) -> None:
    """Raise Unsupported for more accounts than a statement reads one by one."""
    if accounts > MAX_ACCOUNTS:
        raise Unsupported(
            f"a caller may have at most {MAX_ACCOUNTS} accounts on a sharded database, "
            f"and this caller has {accounts}"
        )


def relations_by_account(
    query: Query,
    block: Block,
    accounts: int,
    *,
    zoned: bool = False,
    made: MadeRows | None = None,
) -> Sequence[Relations]:
    """A renderer of blocks for each of the caller's accounts, in a statement about `block`, which
    reads what the statement makes from `made`."""
    check_accounts(accounts)
    found = [
        Relations(
            many_accounts=True, shard=ShardAccount(index, pivots(block)), made=made, zoned=zoned
        )
        for index in range(accounts)
    ]
    for relations in found:
        relations.enter(query.block)
    return found


def all_rows(selects: Iterable[Sql]) -> Sql:
    """The rows of all accounts, in no order."""
    return build("{0} SELECT * FROM ({1}) AS p", *_as_ctes(selects))


def summed(counts: Iterable[Sql]) -> Sql:
    """The sum of what is counted for each account as `n`."""
    return build("{0} SELECT sum(p.n)::int8 FROM ({1}) AS p", *_as_ctes(counts))


def _as_ctes(selects: Iterable[Sql]) -> tuple[Sql, Sql]:
    """The SELECTs as CTEs, and a SELECT of the rows of all of them."""
    named = [(Sql((f"account{index:d}",)), select) for index, select in enumerate(selects)]
    ctes = (build("{0} AS MATERIALIZED ({1})", name, select) for name, select in named)
    rows = (build("SELECT * FROM {0}", name) for name, _ in named)
    return build("WITH {0}", join(", ", ctes)), join(" UNION ALL ", rows)


_ROW = Sql(("row",))


@dataclass(frozen=True, slots=True)
class AccountMerge:
    """The first `limit` rows of all accounts, or of those behind a row whose nulls `mask` names.

    names  those of the order values as texts, as columns of the result
    """

    query: Query
    mask: NullMask | None
    limit: Sql
    names: Sequence[Sql]

    def rows(self, accounts: Sequence[Relations], texts: Sequence[Sql] = ()) -> Sql:
        """The rows in the order of the query: their order values as texts, and before these their
        own text, if `texts` has one for each of the accounts.

        The SELECT of each account reads as many rows as all together may have to, those that $skip
        leaves out included.
        """
        skip = self.query.skip if self.mask is None else None
        limit = self.limit if skip is None else limit_with_skipped(self.limit, skip)
        shown: list[tuple[Sql, ...]] = [(build("{0} AS {1}", text, _ROW),) for text in texts]
        selects = (
            self._of_account(relations, limit, text)
            for relations, text in zip(accounts, shown or [()] * len(accounts), strict=True)
        )
        ctes, rows = _as_ctes(selects)
        names = (_ROW, *self.names) if texts else self.names
        merged = build(
            "{0} SELECT {1} FROM ({2}) AS p ORDER BY {3} LIMIT {4}",
            ctes,
            join(", ", (build("p.{0}", name) for name in names)),
            rows,
            join(", ", (_order_item(i, key) for i, key in enumerate(self.query.order))),
            self.limit,
        )
        return merged if skip is None else build("{0} OFFSET {1}", merged, param(skip, "int8"))

    def _of_account(self, relations: Relations, limit: Sql, shown: tuple[Sql, ...]) -> Sql:
        """The first rows of one account: what is shown, the order values as texts, and the order
        values o0, o1, ... to sort by."""
        order, expressions = self.query.order, relations.expressions
        texts = zip(key_texts(order, expressions), self.names, strict=True)
        values = (ordered(key.expr, expressions) for key in order)
        columns = (
            *shown,
            *(build("{0} AS {1}", text, name) for text, name in texts),
            *(fill("{0} AS " + _value_name(i), (value,)) for i, value in enumerate(values)),
        )
        query = replace(self.query, skip=None)
        scan = PageScan(query, relations, "by shard", self.mask, limit)
        return scan.rows(join(", ", columns))


def order_of_values(order: Sequence[OrderKey]) -> Sql | None:
    """A SELECT of the numbers of rows in order, from their order values as arrays of texts. None
    where a value needs a collation that it does not bring along."""
    if any(_has_collation(key) for key in order):
        return None
    texts = join(", ", (param(KeysetSlot(i), "text[]") for i in range(len(order))))
    names = join("", (Sql((f"t{i:d}, ",)) for i in range(len(order))))
    items = (
        fill("{0} " + _direction(key), (value_of_text(key, Sql((f"p.t{i:d}",))),))
        for i, key in enumerate(order)
    )
    return build(
        "SELECT array_agg(p.n::int4 ORDER BY {0}) FROM unnest({1}) WITH ORDINALITY AS p ({2}n)",
        join(", ", items),
        texts,
        names,
    )


def _has_collation(key: OrderKey) -> bool:
    if isinstance(key.expr, Column):
        return bool(key.expr.catalog.collation or key.expr.catalog.row_key)
    return (key.expr.type or STRING).pg_type == "text"


def _value_name(index: int) -> str:
    return f"o{index:d}"


def _order_item(index: int, key: OrderKey) -> Sql:
    return fill(f"p.{_value_name(index)} {_direction(key)}", ())


def _direction(key: OrderKey) -> LiteralString:
    return "DESC NULLS LAST" if key.descending else "ASC NULLS FIRST"
