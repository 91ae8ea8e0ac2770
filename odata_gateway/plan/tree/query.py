"""A bound request: the rows, what they show, and the form of the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from odata_gateway.edm.model import EntitySet
from odata_gateway.plan.tree.columns import account_column
from odata_gateway.plan.tree.conditions import conjuncts
from odata_gateway.plan.tree.projection import Field, Projection, expanded_in
from odata_gateway.plan.tree.relation import (
    Block,
    BoundExpr,
    Column,
    Compare,
    OrderKey,
    Parameter,
)
from odata_gateway.plan.tree.slots import LiteralSlot

LONG_VALUE = 500
"""Characters of an order value that a next link may carry; of a longer one it carries the MD5."""

ResultForm = Literal[
    "collection", "entity", "property", "value", "count", "references", "reference"
]


@dataclass(frozen=True, slots=True)
class Query:
    """One request, bound.

    form          what the answer looks like
    block         the rows
    projection    what each row shows; None for forms that show none
    field         the single property of the forms `property` and `value`
    order         the client's order and then the key: a total order, so that pages follow each
                  other; empty for single entities
    top, skip     of the request
    counted       the block whose rows @odata.count counts, where it was asked for
    parent        the block that must have a row for an answer without rows; else the path names
                  nothing, which is 404
    optional      the last segment is a single-valued navigation property: no row is 204, not 404
    key           the values that tell apart rows that $apply or $crossjoin made; empty where the
                  rows are entities
    path          the canonical path of a property's context URL, in pieces: text, or the literal
                  of a key
    context       what the context URL says instead of an entity set
    parameters    of the functions in the path, none of which can be a query option
    """

    form: ResultForm
    entity_set: EntitySet
    block: Block
    order: tuple[OrderKey, ...] = ()
    projection: Projection | None = None
    field: Field | None = None
    top: LiteralSlot | None = None
    skip: LiteralSlot | None = None
    counted: Block | None = None
    parent: Block | None = None
    optional: bool = False
    path: tuple[str | LiteralSlot, ...] = ()
    key: tuple[BoundExpr, ...] = ()
    context: str | None = None
    parameters: frozenset[str] = frozenset()

    @property
    def is_made(self) -> bool:
        """Whether $apply or a function made the rows: each reading of them makes all."""
        source = self.block.source
        return source.derived is not None or source.call is not None

    @property
    def key_positions(self) -> frozenset[int]:
        """The positions of the key in the order; these values find the row."""
        if self.key:
            return frozenset(i for i, k in enumerate(self.order) if k.expr in self.key)
        names = {p.column for p in self.entity_set.entity_type.key}
        source = self.block.source.number
        columns = ((i, k.expr) for i, k in enumerate(self.order))
        return frozenset(
            i
            for i, c in columns
            if isinstance(c, Column) and c.source == source and c.name in names and not c.steps
        )

    @property
    def ordered_columns(self) -> tuple[str, ...] | None:
        """The columns that order the rows, if all are of the rows' own table; None if anything else
        orders them too."""
        own = tuple(
            k.expr.name
            for k in self.order
            if isinstance(k.expr, Column)
            and k.expr.source == self.block.source.number
            and not k.expr.steps
        )
        return own if len(own) == len(self.order) else None

    @property
    def expands(self) -> bool:
        """Whether rows show expanded navigation properties."""
        return self.projection is not None and any(expanded_in(self.projection))

    @property
    def is_plain(self) -> bool:
        """Whether the rows are all that the caller may see, in an order of their own columns, and
        show only their own values. Postgres then counts through them in a fraction of the time that
        it takes to read them."""
        return (
            self.ordered_columns is not None
            and not self.expands
            and not self.is_made
            and not self.is_numbered
            and self.block == Block(self.block.source)
        )

    @property
    def is_range(self) -> bool:
        """Whether the rows are all that the caller may see, or those of a range of the first column
        that orders them."""
        if replace(self.block, predicates=()) != Block(self.block.source):
            return False
        return all(self._bounds_order(term) for term in conjuncts(self.block.predicates))

    def _bounds_order(self, term: BoundExpr) -> bool:
        if not isinstance(term, Compare) or term.op in ("eq", "ne") or not self.order:
            return False
        sides, first = (term.left, term.right), self.order[0].expr
        return first in sides and any(isinstance(side, Parameter) for side in sides)

    @property
    def follows_place(self) -> bool:
        """Whether rows are in the order of their places in the table."""
        key = [k.expr for k in self.order if not k.descending]
        if len(key) != 1 or len(self.order) != 1 or not isinstance(key[0], Column):
            return False
        return key[0].catalog.row_key == "place" and key[0].source == self.block.source.number

    @property
    def is_numbered(self) -> bool:
        """Whether each reading of the rows makes the keys of all of them."""
        row_key = self.block.source.entity_type.row_key
        return row_key is not None and row_key.form == "digest"

    @property
    def follows_index(self) -> bool:
        """Whether the rows are all that the caller may see, or those of a range of the first column
        that orders them, in the order of a known index. Postgres then begins each chunk where the
        one before ended, and sorts nothing."""
        names = self.ordered_columns
        if names is None or not self.is_range or len({k.descending for k in self.order}) != 1:
            return False
        if self.follows_place:
            return True
        account = account_column(self.block.source)
        of_account = names if account is None else (account, *names)
        return any(
            index[: len(order)] == order
            for order in {names, of_account}
            for index in self.block.source.entity_type.indexes
        )
