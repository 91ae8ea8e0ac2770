"""A caller with several accounts on a Postgres that is sharded by account (Citus): account by
account, merged in order.

Citus sends a statement to one shard as it stands where each table that has an account is compared
with one constant: `account_id = $1`. With `= ANY($1)` it refuses correlated subqueries over
reference tables, such as expanded navigation properties. So each of the caller's accounts gets a
statement of its own, a leg, with everything that a statement for one account can have. Legs are
materialised CTEs: Citus plans each as a whole and by itself, sends it to its shard, and keeps what
it found as an intermediate result. (Subqueries in FROM it would take apart from the inside, and
then find subqueries in their SELECT lists that it cannot run.) Nothing outside of the legs names a
table. The merge sorts by the order's own values, not by their texts.

A leg sees one account only, so it is right where nothing in it must see another: `Relations`
refuses the rest. Tables without an account (users, link tables) are on every server, and their
policy still names all accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from odata_gateway.edm.model import AccountColumn
from odata_gateway.errors import Unsupported
from odata_gateway.plan.tree.query import Query
from odata_gateway.plan.tree.relation import Block, OrderKey, ParentPath, Source
from odata_gateway.sql.fragment import Sql, build, fill, join, param
from odata_gateway.sql.keyset import NullMask, key_texts
from odata_gateway.sql.page_scan import PageScan
from odata_gateway.sql.relation import Leg, Relations

MOST_LEGS = 50
"""Each is a statement of its own for the database, one after the other."""


def pivot(block: Block) -> int | None:
    """The source that brings the account in: the rows themselves, or, where these have none, the
    nearest entity of their path that has one. That one is found by its key, so it is in one leg
    only."""
    if _has_account(block.source):
        return block.source.number
    within: ParentPath | None = block.within
    while within is not None and not _has_account(within.source):
        within = within.outer
    return None if within is None else within.source.number


def _has_account(source: Source) -> bool:
    return source.derived is None and isinstance(source.entity_type.policy, AccountColumn)


def legs(query: Query, block: Block, accounts: int) -> Sequence[Relations]:
    """What renders a statement about `block` for each of the caller's accounts."""
    if accounts > MOST_LEGS:
        raise Unsupported(
            f"a sharded database is asked for {MOST_LEGS} accounts of a caller at most, and this caller has {accounts}"
        )
    found = [
        Relations(many_accounts=True, leg=Leg(account, pivot(block))) for account in range(accounts)
    ]
    for leg in found:
        leg.enter(query.block)
    return found


def together(found: Iterable[Sql]) -> Sql:
    """The rows of all legs."""
    return build("{0} SELECT * FROM ({1}) AS p", *_with(found))


def summed(counts: Iterable[Sql]) -> Sql:
    """The sum of what the legs count, each as `n`."""
    return build("{0} SELECT sum(p.n)::int8 FROM ({1}) AS p", *_with(counts))


def _with(found: Iterable[Sql]) -> tuple[Sql, Sql]:
    """The legs as CTEs, and their rows one after the other."""
    named = [(Sql((f"leg{index:d}",)), leg) for index, leg in enumerate(found)]
    legs = join(", ", (build("{0} AS MATERIALIZED ({1})", name, leg) for name, leg in named))
    return build("WITH {0}", legs), join(
        " UNION ALL ", (build("SELECT * FROM {0}", name) for name, _ in named)
    )


@dataclass(frozen=True, slots=True)
class Merge:
    """Which rows the legs give together: as many as `limit` of those behind `mask`; `names` are
    those of the order values as texts."""

    query: Query
    mask: NullMask | None
    limit: Sql
    names: Sequence[Sql]

    def rows(self, legs: Sequence[Relations], row: Callable[[Relations], Sql] | None = None) -> Sql:
        """The rows in the query's order: `row` as row, and the order values as texts. Each leg
        reads as many as all together must, those to skip included."""
        skip = self.query.skip if self.mask is None else None
        deep = self.limit if skip is None else build("{0} + {1}", self.limit, param(skip, "int8"))
        with_legs, all_rows = _with(self._leg(leg, deep, row) for leg in legs)
        columns = join(
            ", ",
            (build("p.{0}", name) for name in (*((_ROW,) if row is not None else ()), *self.names)),
        )
        order = join(
            ", ",
            (fill(f"p.{_value(i)}{_direction(key)}", ()) for i, key in enumerate(self.query.order)),
        )
        merged = build(
            "{0} SELECT {1} FROM ({2}) AS p ORDER BY {3} LIMIT {4}",
            with_legs,
            columns,
            all_rows,
            order,
            self.limit,
        )
        return merged if skip is None else build("{0} OFFSET {1}", merged, param(skip, "int8"))

    def _leg(self, leg: Relations, limit: Sql, row: Callable[[Relations], Sql] | None) -> Sql:
        """The row, its order values as texts, and as they are, of the first rows of one account."""
        shown = [] if row is None else [build("{0} AS {1}", row(leg), _ROW)]
        shown += [
            build("{0} AS {1}", key, name)
            for key, name in zip(
                key_texts(self.query.order, leg.expressions), self.names, strict=True
            )
        ]
        values = [leg.expressions.value(key.expr) for key in self.query.order]
        what = join(
            ", ",
            (
                *shown,
                *(fill("{0} AS " + _value(index), (value,)) for index, value in enumerate(values)),
            ),
        )
        return PageScan(self.query, leg, many_accounts=False, sharded=True).first(
            what, limit, self.mask
        )


_ROW = Sql(("row",))


def _value(index: int) -> str:
    return f"o{index:d}"


def _direction(key: OrderKey) -> str:
    return " DESC NULLS LAST" if key.descending else " ASC NULLS FIRST"
