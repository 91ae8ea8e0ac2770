"""Order values that all rows of a query have in common: the caller's account, the path, or a
condition fixes them to one value.

They order nothing, so neither ORDER BY nor the condition for the rows behind a row has them. In
that condition they would do harm: behind an equality Postgres does not start at a row comparison
that begins with the same column. It reads the index from the first row with the value, and so each
chunk would read again what all chunks before have read.

A condition fixes a value if it compares just what rows are ordered by. An Int64 beside a Double is
not fixed: Postgres takes several of them for equal to it.

That all values are null is no equality to Postgres. A column of nulls at the head of an order may
have to stay, for an index that has these rows in their order: see `sql.paging.scan`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from odata_gateway.edm.tables import JoinConstant, JoinTerm
from odata_gateway.plan.tree.columns import account_column
from odata_gateway.plan.tree.conditions import conjuncts
from odata_gateway.plan.tree.query import Query
from odata_gateway.plan.tree.relation import (
    BoundExpr,
    Column,
    Compare,
    ConstantValue,
    Not,
    Parameter,
    ParentPath,
    Source,
)
from odata_gateway.sql.comparisons import compared_side, is_null
from odata_gateway.sql.fragment import Sql, column_sql, qualified
from odata_gateway.sql.pg_types import compared_column, orders_as_own, own, stored, value_of
from odata_gateway.sql.renderer import ExpressionRenderer
from odata_gateway.types.catalog_type import UNKNOWN


def open_positions(
    query: Query, renderer: ExpressionRenderer, *, one_account: bool, with_nulls: bool = False
) -> tuple[int, ...]:
    """The positions of the order values that order the rows; where all are fixed, the last one.

    one_account  the row policy compares the account of each row with one value
    with_nulls   also that of a column at their head in which all rows have null
    """
    order = query.order
    if len(order) < 2:
        return tuple(range(len(order)))
    fixed = _FixedValues(query, renderer, one_account, tuple(conjuncts(query.block.predicates)))
    columns = frozenset(fixed.columns())
    found: list[int] = []
    for position, key in enumerate(order):
        is_kept = with_nulls and not found and fixed.has_only_nulls(key.expr)
        if is_kept or not fixed.has(key.expr, columns):
            found.append(position)
    return tuple(found) or (len(order) - 1,)


@dataclass(frozen=True, slots=True)
class _FixedValues:
    """What is the same in all rows of a query. `terms` are the conditions that all of them meet."""

    query: Query
    renderer: ExpressionRenderer
    one_account: bool
    terms: tuple[BoundExpr, ...]

    def has(self, expr: BoundExpr, columns: frozenset[Sql]) -> bool:
        """Whether an order value is fixed; `columns` are."""
        if isinstance(expr, Column):
            if expr.catalog.row_key:
                return False  # the place of a row, which must be as it was on the page before
            if column_sql(expr) in columns and not columns.isdisjoint(self._forms(expr)):
                return True
        return any(self._is_by(term, expr) for term in self.terms)

    def has_only_nulls(self, expr: BoundExpr) -> bool:
        """Whether an order value is a column that is null in all rows."""
        return isinstance(expr, Column) and asks_for_null(self.query, expr)

    def _is_by(self, term: BoundExpr, expr: BoundExpr) -> bool:
        """Whether a condition that is true fixes an expression."""
        match term:
            case Compare(op="eq"):
                return any(
                    _is_same(side, expr) and self._is_fixed(term, side) for side in _sides(term)
                )
            case Compare():
                return False
            case Not(operand=operand):
                return _is_same(operand, expr)
            case _:
                return _is_same(term, expr)

    def _is_fixed(self, term: Compare, side: BoundExpr) -> bool:
        """Whether a side of a comparison has one value where it is true: the other side is one, and
        what is compared is just what rows are ordered by."""
        other = term.right if side is term.left else term.left
        if term.op != "eq" or is_null(other):
            return term.op == "eq"
        if not _is_one_value(other, side):
            return False
        return compared_side(term, side, self.renderer) in self._forms(side)

    def _forms(self, expr: BoundExpr) -> tuple[Sql, ...]:
        """What may be compared in place of that by which rows are ordered."""
        if not isinstance(expr, Column):
            return (self.renderer.value(expr),)
        if orders_as_own(expr):
            return column_sql(expr), compared_column(expr), own(expr)
        return stored(expr), value_of(expr), own(expr)

    # --- columns that the account or the path fixes -----------------------------------------------

    def columns(self) -> Iterator[Sql]:
        """Those of the rows' own source."""
        block = self.query.block
        yield from self._account(block.source)
        if block.within is not None:
            yield from self._of_child(block.within, block.source)

    def _account(self, source: Source) -> Iterator[Sql]:
        name = account_column(source)
        if self.one_account and name is not None:
            yield qualified(source.number, name)

    def _of_child(self, path: ParentPath, child: Source) -> Iterator[Sql]:
        """Those of a path's child that its link fixes, and what is fixed in its parent."""
        if path.link.join.links:
            return
        fixed = {*self._account(path.source), *self._of_parent(path)}
        if path.outer is not None:
            fixed |= {*self._of_child(path.outer, path.source)}
        for term in path.link.join.terms:
            yield from _linked(term, path.source, child, fixed)

    def _of_parent(self, path: ParentPath) -> Iterator[Sql]:
        """Those of a path's parent that a condition of the path fixes."""
        for term in conjuncts(path.predicates):
            if isinstance(term, Compare):
                columns = (side for side in _sides(term) if isinstance(side, Column))
                yield from (column_sql(each) for each in columns if self._is_fixed(term, each))


def begins_with_nulls(query: Query) -> bool:
    """Whether the rows are ordered by a column first that is null in all of them."""
    first = query.order[0].expr if query.order else None
    return isinstance(first, Column) and asks_for_null(query, first)


def asks_for_null(query: Query, column: Column) -> bool:
    """Whether a condition leaves only rows in which a column is null."""
    for term in conjuncts(query.block.predicates):
        if isinstance(term, Compare) and term.op == "eq":
            for side, other in ((term.left, term.right), (term.right, term.left)):
                if is_null(other) and _is_same(side, column):
                    return True
    return False


def _sides(term: Compare) -> tuple[BoundExpr, BoundExpr]:
    return term.left, term.right


def _is_one_value(other: BoundExpr, side: BoundExpr) -> bool:
    """Whether an equality with `other`, if it compares a side as it is, leaves it one value."""
    if not isinstance(other, Parameter | ConstantValue) or other.type is None or side.type is None:
        return False
    return side.type.family.has_nan or not other.type.family.has_nan


def _is_same(expr: BoundExpr, other: BoundExpr) -> bool:
    """Whether two expressions have the same value, whatever is known of nulls in it."""
    if isinstance(expr, Column) and isinstance(other, Column) and expr.name == other.name:
        return replace(expr, nullable=other.nullable) == other
    return expr == other


def _linked(term: JoinTerm, parent: Source, child: Source, fixed: set[Sql]) -> Iterator[Sql]:
    """The column of a child that a term of its link compares with what is fixed in the parent, or
    with a constant."""
    if term.compared_as != UNKNOWN or term.left.lower:
        return
    numbers = {"source": parent.number, "target": child.number}
    left = qualified(numbers[term.left.side], term.left.column)
    if isinstance(term.right, JoinConstant):
        found = {left}
    else:
        right = qualified(numbers[term.right.side], term.right.column)
        found = set() if term.right.lower or not {left, right} & fixed else {left, right}
    yield from found
