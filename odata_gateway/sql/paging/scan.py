"""How a chunk's rows are to be read in order: in one SELECT, or in branches that an index serves.

`choose_scan` decides by the query, the known indexes and the number of accounts alone. A wrong
choice can cost time, but never show a wrong row (`sql.paging.page_scan`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from odata_gateway.plan.tree.columns import account_column
from odata_gateway.plan.tree.conditions import conjuncts
from odata_gateway.plan.tree.query import Query
from odata_gateway.plan.tree.relation import (
    BoundExpr,
    Column,
    Compare,
    InArray,
    OrderKey,
    Parameter,
)
from odata_gateway.sql.paging.fixed_values import asks_for_null
from odata_gateway.sql.paging.keyset import NullMask
from odata_gateway.sql.pg_types import null_classes

AccountsRead = Literal["one", "several", "by shard"]
"""The accounts that one SELECT reads: the caller's only one, all of several, or, on a sharded
database, what its shard has."""

BranchRows = Literal["all", "nulls", "values"]


@dataclass(frozen=True, slots=True)
class Branch:
    """Rows in an order that one index can have.

    order   the ORDER BY
    rows    all, or those whose first order value is null, or those where it is not
    behind  only those behind the row of the keyset
    kind    of nulls: which of the `null_classes` of the column
    """

    order: tuple[OrderKey, ...]
    rows: BranchRows = "all"
    behind: bool = False
    kind: int = 0


@dataclass(frozen=True, slots=True)
class PlainScan:
    """One SELECT in the order of the query."""

    branch: Branch


@dataclass(frozen=True, slots=True)
class AccountScan:
    """All rows of one account in the order of the key. The SELECT is written so that only the index
    on account and key has the order.

    The account is the first column of ORDER BY, and the condition compares it with a list of one.
    Neither changes the answer. Without them Postgres takes that index for the first pages only. For
    later ones it takes the key's own index, which has the rows of all accounts (a third of them
    were the caller's where this was measured): Postgres has a statistic of how rows in the order of
    a column are spread over the disk, but none for the rows of one account.

    An equality in place of the list, with the account in the row comparison as well, would be slow:
    behind an equality Postgres does not start at a row comparison, but reads the index from the
    account's first row.
    """

    branch: Branch


@dataclass(frozen=True, slots=True)
class PerAccountScan:
    """The branches once for each of the caller's accounts, merged."""

    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class NullSplitScan:
    """A branch for each kind of null in the first order column and one for the values, merged."""

    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class BlockScan:
    """Rows in the order of their places in the table, some blocks at a time: see
    `sql.row_keys.block_ranges`."""

    branch: Branch


Scan = PlainScan | AccountScan | PerAccountScan | NullSplitScan | BlockScan


# --- the choice -----------------------------------------------------------------------------------


def choose_scan(
    query: Query, mask: NullMask | None, accounts: AccountsRead, *, shows_joined: bool = True
) -> Scan:
    """How to read the first chunk (`mask` None), or one behind a row whose order values are null
    where `mask` says so.

    $skip acts on the first chunk only. It takes one SELECT, because each branch would have to read
    all rows that are skipped; but the few that are null although their column never is NULL hold up
    nobody.

    shows_joined  rows show or are ordered by values of other tables that are joined
    """
    if _is_in_order_of_place(query, accounts, shows_joined=shows_joined):
        return BlockScan(Branch(query.order, behind=mask is not None))
    branches = _branches(query, mask, shows_joined=shows_joined)
    if mask is None and query.skip is not None:
        first = query.order[0].expr
        if len(branches) > 1 and isinstance(first, Column) and _is_never_stored_null(query, first):
            return NullSplitScan(branches)
        return PlainScan(Branch(_order_by_values(query)))
    if accounts == "several" and _gains_by_account(query):
        return PerAccountScan(branches)
    if len(branches) > 1:
        return NullSplitScan(branches)
    if accounts == "one" and _is_whole_account(query):
        return AccountScan(branches[0])
    return PlainScan(branches[0])


def plain_scan(query: Query, mask: NullMask | None) -> PlainScan:
    """One SELECT, for rows that are read whole: those of a merge are no rows of the table."""
    return PlainScan(Branch(_order_by_values(query), behind=mask is not None))


def _is_in_order_of_place(query: Query, accounts: AccountsRead, *, shows_joined: bool) -> bool:
    """Whether the rows of one table are in the order of their places, and show and are ordered by
    nothing else; not those that their keys find."""
    if not query.follows_place or accounts == "by shard":
        return False
    is_alone = _orders_one_table(query) and not (query.block.joins and shows_joined)
    key = query.order[0].expr
    terms = conjuncts(query.block.predicates)
    return is_alone and not any(_is_value_of(key, term) for term in terms)


def _is_value_of(column: BoundExpr, term: BoundExpr) -> bool:
    match term:
        case Compare(op="eq", left=left, right=right):
            return column in (left, right)
        case InArray(operand=operand):
            return operand == column
        case _:
            return False


def _branches(query: Query, mask: NullMask | None, *, shows_joined: bool) -> tuple[Branch, ...]:
    """One branch, or several for nulls and one for values in the order they have in the answer;
    behind a row in the last of these, only that one."""
    first = _split_column(query, shows_joined=shows_joined)
    order = _order_by_values(query)
    if first is None:
        return (Branch(order, behind=mask is not None),)
    filled = replace(first, nullable=False)
    of_nulls, kinds = _order_of_nulls(query, filled), len(null_classes(first))
    behind_null, behind_value = mask is not None and mask[0], mask is not None and not mask[0]
    nulls = tuple(
        Branch(of_nulls, "nulls", behind_null, kind)
        for kind in range(1 if _is_never_stored_null(query, first) else 0, kinds)
    )
    in_order_of_values = (replace(order[0], expr=filled), *order[1:])
    values = Branch(in_order_of_values, "values", behind_value)
    if asks_for_null(query, first):
        return tuple(replace(branch, behind=mask is not None) for branch in nulls)
    if order[0].descending:
        return nulls if behind_null else (values, *nulls)
    return (values,) if behind_value else (*nulls, values)


def splits_nulls(query: Query, *, shows_joined: bool = True) -> bool:
    """Whether the nulls of the first order column are read in branches of their own."""
    return _split_column(query, shows_joined=shows_joined) is not None


def _split_column(query: Query, *, shows_joined: bool) -> Column | None:
    """The first order column, if it can be null and an index could serve nulls and values each;
    None also where an index finds few rows, which are soon sorted, and where a condition keeps all
    nulls out.

    One that is never NULL, but can be infinite, is split only for a known index: any other way, one
    SELECT reads less. Then joined tables that only conditions need do not matter.
    """
    first = query.order[0].expr
    if (
        not isinstance(first, Column)
        or not first.nullable
        or len(query.order) == 1
        or _is_found_without_account(query)
        or _is_compared(query, first)
    ):
        return None
    if not _is_never_stored_null(query, first):
        return first if _reads_one_table(query) else None
    is_alone = _orders_one_table(query) and not (query.block.joins and shows_joined)
    return first if is_alone and _has_index_on(query, first) else None


def _order_by_values(query: Query) -> tuple[OrderKey, ...]:
    """The order of a query; a first column that a condition keeps all nulls out of orders as it is
    stored, so that an index serves."""
    first, *others = query.order
    if isinstance(first.expr, Column) and first.expr.nullable and _is_compared(query, first.expr):
        return (replace(first, expr=replace(first.expr, nullable=False)), *others)
    return query.order


def _order_of_nulls(query: Query, first: Column) -> tuple[OrderKey, ...]:
    """The order of rows whose first order column is null.

    An index on that column has these rows in the order of its next columns, but Postgres does not
    infer that from IS NULL. So such an index serves only if ORDER BY has the column too, which
    changes nothing. Any other index serves only if ORDER BY does not have it.
    """
    others = query.order[1:]
    if not _has_account_index(query):
        return others
    return (OrderKey(first, others[0].descending), *others)


def _is_whole_account(query: Query) -> bool:
    """Whether the rows are all that an account has, in the order of the key, and an index on
    account and key is known."""
    block, order = query.block, query.order
    return (
        not block.predicates
        and block.within is None
        and len({k.descending for k in order}) == 1
        and query.key_positions == frozenset(range(len(order)))
        and _reads_one_table(query)
        and _has_account_index(query)
    )


def _gains_by_account(query: Query) -> bool:
    """Whether branches by account can be right and gain something.

    They do not gain for all rows in the order of the key: the key's own index has that order, and
    callers with several accounts usually see a good part of the table. They do not gain either for
    rows that an index finds without the account, as those of one inbox: these are of one account,
    and a branch for each of the others would search all of it. They do gain for a range that an
    index has within each account: for all accounts together Postgres chooses the key's index, and
    reads and drops the rows outside of the range. A range of the key is one, too: its rows in the
    key's index are those of all accounts. Branches take twice the time where three accounts have
    all of the table. One SELECT reads 200 times as much where they have a thousandth of it, and
    where they have got no row for long, all that others have got since.
    """
    if account_column(query.block.source) is None or query.block.within is not None:
        return False
    if not _reads_one_table(query) or _is_found_without_account(query):
        return False
    ranges = (_is_range_within_account(query, term) for term in conjuncts(query.block.predicates))
    return 0 not in query.key_positions or any(ranges)


def _reads_one_table(query: Query) -> bool:
    """Whether no other table is joined, and columns of the table itself give the order."""
    return not query.block.joins and _orders_one_table(query)


def _orders_one_table(query: Query) -> bool:
    """Whether the rows are those of one table, and its own columns give the order."""
    block = query.block
    is_own = not block.crossed and block.link is None and block.source.derived is None
    return is_own and query.ordered_columns is not None


# --- indexes --------------------------------------------------------------------------------------


def _has_account_index(query: Query) -> bool:
    """Whether an index on the account and then the columns of the order is known."""
    columns = query.ordered_columns
    indexes = query.block.source.entity_type.indexes
    return columns is not None and (account_column(query.block.source), *columns) in indexes


def _is_found_without_account(query: Query) -> bool:
    """Whether an index without the account finds the rows by a value: few rows, soon sorted. Null
    is no such value; most rows may have it."""
    return any(_is_value_of_index(query, term) for term in conjuncts(query.block.predicates))


def _is_value_of_index(query: Query, term: BoundExpr) -> bool:
    match term:
        case (
            Compare(op="eq", left=Column() as column)
            | Compare(op="eq", right=Column() as column)
            | InArray(operand=Column() as column)
        ):
            source = query.block.source
            is_own = not column.steps and not asks_for_null(query, column)
            indexes = source.entity_type.indexes
            return is_own and any(
                i[0] == column.name and account_column(source) not in i for i in indexes
            )
        case _:
            return False


def _is_compared(query: Query, column: Column) -> bool:
    """Whether a condition that must be true compares a column with a value, and so finds no null
    in it."""
    return any(
        isinstance(term, Compare)
        and term.op != "ne"
        and (
            (term.left == column and _is_no_null(term.right))
            or (term.right == column and _is_no_null(term.left))
        )
        for term in conjuncts(query.block.predicates)
    )


def _is_no_null(expr: BoundExpr) -> bool:
    return isinstance(expr, Parameter) and not expr.nullable


def _is_never_stored_null(query: Query, column: Column) -> bool:
    """Whether the database declares a column of the query's table NOT NULL."""
    properties = query.block.source.entity_type.properties.values()
    is_own = not column.steps
    return is_own and any(prop.column == column.name and prop.not_null for prop in properties)


def _has_index_on(query: Query, column: Column) -> bool:
    """Whether an index can give the order of a column, for all rows or for those of an account."""
    of_all, of_account = (column.name,), (account_column(query.block.source), column.name)
    indexes = query.block.source.entity_type.indexes
    is_own = not column.steps
    return is_own and any(i[:1] == of_all or i[:2] == of_account for i in indexes)


def _is_range_within_account(query: Query, term: BoundExpr) -> bool:
    match term:
        case (
            Compare(op="lt" | "le" | "gt" | "ge", left=Column() as column)
            | Compare(op="lt" | "le" | "gt" | "ge", right=Column() as column)
        ):
            wanted = (account_column(query.block.source), column.name)
            indexes = query.block.source.entity_type.indexes
            return not column.steps and any(i[:2] == wanted for i in indexes)
        case _:
            return False
