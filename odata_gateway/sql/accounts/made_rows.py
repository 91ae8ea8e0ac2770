"""Rows that a statement makes of those of several accounts, as CTEs.

A selection of the rows of accounts becomes a CTE for each account, which goes to its shard, and one
about what all of these found, which goes to none (see `sql.accounts.partial_selections`). What is
made of such rows, in turn, reads that CTE. Each row is labelled with the position of the account
that it is made of, so that entities which it names are looked up on the shard where they are; a row
made of those of several accounts has the first of them, and names no entity of an account.

CTEs are materialized: that makes Citus run each on its own, and no condition is moved into them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import LiteralString

from odata_gateway.errors import Unsupported
from odata_gateway.plan.tree.relation import Derived, Selection
from odata_gateway.sql.accounts.account_blocks import are_apart, is_correlated, pivots, pivots_of
from odata_gateway.sql.accounts.partial_selections import split_selection
from odata_gateway.sql.derived import derived_sql, selection_sql
from odata_gateway.sql.fragment import Sql, alias, build, join
from odata_gateway.sql.renderer import BlockRenderer, ShardAccount

NO_ACCOUNT = ShardAccount(None)


class MadeRows:
    """The CTEs of one statement.

    accounts  the number of the caller's accounts
    blocks    makes a renderer of blocks for one account, or for none
    """

    def __init__(self, accounts: int, blocks: Callable[[ShardAccount], BlockRenderer]) -> None:
        self._accounts = accounts
        self._blocks = blocks
        self._ctes: list[tuple[Sql, Sql]] = []
        self._made: dict[int, tuple[Derived, Sql]] = {}

    def before(self, statement: Sql) -> Sql:
        """A statement that names the CTEs, with them."""
        if not self._ctes:
            return statement
        ctes = (build("{0} AS MATERIALIZED ({1})", name, rows) for name, rows in self._ctes)
        return build("WITH {0} SELECT * FROM ({1}) AS s", join(", ", ctes), statement)

    def rows(
        self,
        derived: Derived,
        blocks: BlockRenderer,
        shard: ShardAccount,
        *,
        labelled: bool = False,
    ) -> Sql:
        """The rows as one SELECT for `blocks`: those of the account, or all.

        labelled  with the column `account`, where they come from a CTE
        """
        if not self.are_of_accounts(derived) or is_correlated(derived):
            return derived_sql(derived, blocks)
        is_read_here = shard.index is not None and pivots_of(derived) <= shard.pivots
        if is_read_here and are_apart(derived):
            return derived_sql(derived, blocks)
        columns = join(", ", (Sql((f"c{i:d}",)) for i in range(len(derived.selections[0].columns))))
        if labelled:
            columns = build("{0}, account", columns)
        rows = build("SELECT {0} FROM {1}", columns, self._rows(derived))
        if shard.index is None:
            return rows
        return build("{0} WHERE account = {1}", rows, _position(shard.index))

    def are_of_accounts(self, derived: Derived) -> bool:
        """Whether each of the rows is made of rows with an account."""
        return bool(pivots_of(derived))

    # --- CTEs -------------------------------------------------------------------------------------

    def _rows(self, derived: Derived) -> Sql:
        """A FROM item with all rows and their label."""
        known = self._made.get(id(derived))
        if known is not None:
            return known[1]
        found = [self._of_selection(selection, derived) for selection in derived.selections]
        united = join(" UNION ALL ", (build("({0})", rows) for rows in found))
        rows = self._named("made", united if len(found) > 1 else found[0])
        self._made[id(derived)] = (derived, rows)
        return rows

    def _of_selection(self, selection: Selection, derived: Derived) -> Sql:
        """The rows of one of the selections of derived rows, with their label. What is made of rows
        that are in a CTE already needs no account, unless it looks at tables as well."""
        inner = selection.block.source.derived
        if inner is not None and not are_apart(inner):
            try:
                return self._at_once(selection, derived)
            except Unsupported:
                pass
        return self._by_account(selection, derived)

    def _at_once(self, selection: Selection, derived: Derived) -> Sql:
        label = build("{0}.account", alias(selection.block.source.number))
        if selection.distinct:
            columns = len(selection.columns)
            selection = replace(selection, distinct=False, groups=columns)
        if selection.groups is not None:
            label = build("coalesce(min({0}), 0)", label)
        further, blocks = build(", {0} AS account", label), self._blocks(NO_ACCOUNT)
        return selection_sql(selection, derived, blocks, further=further)

    def _by_account(self, selection: Selection, derived: Derived) -> Sql:
        steps = split_selection(selection)
        source = None if steps.merging is None else steps.merging.block.source
        made = derived if source is None or source.derived is None else source.derived
        names = []
        for index in range(self._accounts):
            blocks = self._blocks(ShardAccount(index, pivots(selection.block)))
            further = build(", {0} AS account", _position(index))
            rows = selection_sql(steps.partial, made, blocks, further=further)
            names.append(self._named("part", rows))
        union = join(" UNION ALL ", (build("SELECT * FROM {0}", name) for name in names))
        if steps.merging is None:
            return union
        self._made[id(made)] = (made, build("({0}) AS u", union))
        return self._at_once(steps.merging, derived)

    def _named(self, kind: LiteralString, rows: Sql) -> Sql:
        name = Sql((f"{kind}{len(self._ctes):d}",))
        self._ctes.append((name, rows))
        return name


def _position(index: int) -> Sql:
    return Sql((f"{index:d}",))
