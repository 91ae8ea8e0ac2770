"""What the renderers of this package need of each other, as protocols.

Rendering is recursive: an expression may hold a block (a lambda, a count, rows made by $apply), and
a block holds expressions. `sql.expr.Expressions` implements `ExpressionRenderer`,
`sql.relation.Relations` implements `BlockRenderer`. Modules that need only one of these take it as
a parameter and import this module, so that no two modules import each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from odata_gateway.plan.tree.relation import Block, BoundExpr, Derived, ItemsValue, ObjectValue
from odata_gateway.sql.fragment import Sql


class ExpressionRenderer(Protocol):
    """Renders bound expressions. Their sources must have been entered before."""

    @property
    def zoned(self) -> bool:
        """Whether times are those of the caller's zone."""
        ...

    def condition(self, expr: BoundExpr) -> Sql:
        """A Boolean expression in a place where false and null mean the same."""
        ...

    def value(self, expr: BoundExpr) -> Sql:
        """An expression in a place where null differs from false."""
        ...

    def typed(self, expr: BoundExpr) -> Sql:
        """A value as exactly the Postgres type of its edm type."""
        ...

    def array(self, item: BoundExpr, block: Block) -> Sql:
        """The values of the rows of a block as an array."""
        ...

    def structured(self, expr: ObjectValue | ItemsValue, *, as_string: bool) -> Sql:
        """The JSON text of an object or a collection, never NULL; Int64 and Decimal are strings
        if `as_string` says so."""
        ...


@dataclass(frozen=True, slots=True)
class ShardAccount:
    """The account whose shard is read, where those of several accounts are read one by one
    (`sql.accounts.sharded`).

    index   its position among the caller's accounts; None: no table with an account may be named
    pivots  the numbers of the sources that bring the account in
    """

    index: int | None
    pivots: frozenset[int] = frozenset()


class MadeRowsRenderer(Protocol):
    """Renders rows that a statement makes of those of several accounts, each of which it reads on
    its own."""

    def rows(
        self,
        derived: Derived,
        blocks: BlockRenderer,
        shard: ShardAccount,
        *,
        labelled: bool = False,
    ) -> Sql:
        """The rows as one SELECT for `blocks`: those of the account, or all; `labelled` with the
        position of their account, where it is known."""
        ...

    def are_of_accounts(self, derived: Derived) -> bool:
        """Whether each of the rows is made of rows with an account."""
        ...


class BlockRenderer(Protocol):
    """Renders blocks with their row policies."""

    @property
    def expressions(self) -> ExpressionRenderer:
        """What renders the expressions of these blocks."""
        ...

    def enter(self, block: Block) -> None:
        """Make a block's sources known, before an expression over them is rendered."""
        ...

    def select(
        self, what: Sql, block: Block, tail: Sql | None = None, extra: Sequence[Sql] = ()
    ) -> Sql:
        """SELECT `what` of the block's rows for which `extra` holds too, followed by `tail`."""
        ...

    def derived(self, derived: Derived) -> Sql:
        """The rows of a derived relation as one SELECT."""
        ...

    def policy_guards(self, sources: Iterable[int]) -> list[Sql]:
        """Conditions that are true only for rows which the policies of these sources show."""
        ...
