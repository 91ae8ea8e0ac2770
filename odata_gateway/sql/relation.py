"""Blocks as SQL: FROM, WHERE, and the row policy beside every table.

`Relations._table_source` is the only place that writes the name of an entity type's table. It
returns the row policy with the table, so nothing can take one without the other. The policy stands
in the WHERE of the same SELECT for the rows of a block and for the parents of a path, in the ON of
a to-one join (so that a row of another account reads as null), and in the own WHERE of lambdas,
counts and expanded navigation. Link tables have no account; they occur only between two tables that
have their policies. tests/unit/sql/test_policy_everywhere.py finds the policy beside every table of
every statement with Postgres's own parser, and fails where one is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import LiteralString

from odata_gateway.edm.model import (
    NULL_KEY,
    AccountColumn,
    JoinColumn,
    JoinConstant,
    JoinTerm,
    Membership,
    Table,
    Unscoped,
)
from odata_gateway.errors import Unsupported
from odata_gateway.plan.tree.columns import account_column
from odata_gateway.plan.tree.relation import (
    Block,
    CalledFunction,
    Column,
    Derived,
    LeftJoin,
    Link,
    ParentPath,
    Source,
)
from odata_gateway.plan.tree.slots import AccountsSlot
from odata_gateway.sql.accounts.account_blocks import found_from
from odata_gateway.sql.calls.called_rows import rows_of_call
from odata_gateway.sql.derived import derived_sql
from odata_gateway.sql.expr import Expressions
from odata_gateway.sql.fragment import (
    EMPTY,
    Sql,
    alias,
    build,
    column_sql,
    fill,
    ident,
    join,
    param,
    qualified,
    quoted,
    raw,
)
from odata_gateway.sql.pg_types import is_null_sql
from odata_gateway.sql.renderer import MadeRowsRenderer, ShardAccount
from odata_gateway.sql.row_keys.relation_with_key import with_row_key
from odata_gateway.types.account import AccountType


@dataclass(frozen=True, slots=True)
class BlockEnd:
    """What one SELECT of a block has besides the block.

    tail    what stands behind the conditions
    behind  conditions that stand before those of the block: the rows behind a row. A scan of an
            index begins at the first bound of a column that the statement names (Postgres 18). If
            that were a filter's, each chunk would read again what the chunks before it have read
    extra   conditions that stand after those of the block
    """

    tail: Sql = EMPTY
    behind: tuple[Sql, ...] = ()
    extra: tuple[Sql, ...] = ()


class Relations:
    """Renders blocks for a caller with one account or with several; with `shard`, binds every table
    that has an account to the shard's account, and reads what a statement makes from `made`.
    `zoned`: times are those of the caller's zone."""

    def __init__(
        self,
        *,
        many_accounts: bool,
        shard: ShardAccount | None = None,
        made: MadeRowsRenderer | None = None,
        zoned: bool = False,
    ) -> None:
        self.zoned = zoned
        self._many_accounts = many_accounts
        self._shard = shard
        self._made = made
        self._known: dict[int, tuple[Source, bool]] = {}
        self.expressions = Expressions(self, zoned=zoned)

    # --- blocks -----------------------------------------------------------------------------------

    def select(
        self, what: Sql, block: Block, tail: Sql | None = None, extra: Sequence[Sql] = ()
    ) -> Sql:
        """SELECT `what` FROM the block's tables WHERE their policies, the links, the predicates and
        `extra` hold; then `tail`."""
        return self.selects(what, block, (BlockEnd(tail or EMPTY, extra=tuple(extra)),))[0]

    def selects(self, what: Sql, block: Block, ends: Sequence[BlockEnd]) -> list[Sql]:
        """One SELECT for each end; what they have in common is rendered once."""
        tables, conditions = self._base(block)
        self.expressions.repeat(conditions, len(ends) - 1)
        common = (join(" AND ", conditions),) if conditions else ()
        found = []
        for end in ends:
            where = join(" AND ", (*end.behind, *common, *end.extra) or (raw("true"),))
            found.append(build("SELECT {0} FROM {1} WHERE {2}", what, tables, where) + end.tail)
        return found

    def enter(self, block: Block) -> None:
        """Make a block's sources known to `policy_guards`, before an expression over them is
        rendered."""
        self._known[block.source.number] = (block.source, False)
        self._known |= {joined.source.number: (joined.source, True) for joined in block.joins}
        for crossed in block.crossed:
            self.enter(crossed)

    def derived(self, derived: Derived) -> Sql:
        """The rows of a derived relation as one SELECT."""
        return self._derived(derived, labelled=False)

    def _derived(self, derived: Derived, *, labelled: bool) -> Sql:
        if self._made is None or self._shard is None:
            return derived_sql(derived, self)
        return self._made.rows(derived, self, self._shard, labelled=labelled)

    def _base(self, block: Block) -> tuple[Sql, list[Sql]]:
        """A block's FROM items and its conditions."""
        self.enter(block)
        return self._tables(block, found_from(block.link, block.predicates, self._known))

    def _tables(self, block: Block, beside: Source | None) -> tuple[Sql, list[Sql]]:
        table, policy = self._table_source(block.source, beside)
        conditions = [*policy]
        if block.link is not None:
            conditions += self._link(block.link, block.source)
        if block.within is not None:
            conditions.append(self._within(block.within, block.source))
        conditions += [self.expressions.condition(p) for p in block.predicates]
        tables = join(" ", (table, *(self._left_join(j) for j in block.joins)))
        for crossed in block.crossed:
            further, terms = self._base(crossed)
            tables, conditions = build("{0}, {1}", tables, further), [*conditions, *terms]
        return tables, conditions

    def _left_join(self, joined: LeftJoin) -> Sql:
        beside = found_from(joined.link, joined.key, self._known)
        table, policy = self._table_source(joined.source, beside)
        if joined.source.derived is not None:
            return build("LEFT JOIN LATERAL {0} ON true", table)
        links = [] if joined.link is None else self._link(joined.link, joined.source)
        keys = [self.expressions.condition(p) for p in joined.key]
        return build("LEFT JOIN {0} ON {1}", table, join(" AND ", (*links, *keys, *policy)))

    def _within(self, within: ParentPath, child: Source) -> Sql:
        """The path before the rows as EXISTS: a link through link tables may find a row twice."""
        self.enter(within.block)
        tables, conditions = self._tables(within.block, child)
        terms = join(" AND ", (*conditions, *self._link(within.link, child)))
        return build("EXISTS (SELECT 1 FROM {0} WHERE {1})", tables, terms)

    def _link(self, link: Link, target: Source) -> list[Sql]:
        """The terms of a join; those through link tables as EXISTS, because link tables may lead to
        a row twice."""
        numbers = dict(zip((t.name for t in link.join.links), link.numbers, strict=True))
        numbers = {"source": link.parent.number, "target": target.number, **numbers}
        terms = [_term(term, numbers) for term in link.join.terms]
        if not link.join.links:
            return terms
        tables = (
            build("{0} AS {1}", _name(t.table), alias(numbers[t.name])) for t in link.join.links
        )
        exists = build(
            "EXISTS (SELECT 1 FROM {0} WHERE {1})", join(", ", tables), join(" AND ", terms)
        )
        return [exists]

    # --- tables and policies ----------------------------------------------------------------------

    def _table_source(self, source: Source, beside: Source | None) -> tuple[Sql, list[Sql]]:
        """A table as a FROM item, and its row policy. Nothing else names an entity type's table;
        derived rows are made of tables that came from here, and need no policy of their own.

        beside  the source that it is joined to
        """
        if source.derived is not None:
            rows = self._derived(source.derived, labelled=True)
            return build("({0}) AS {1}", rows, alias(source.number)), []
        if source.items is not None:
            rows = fill(source.items.rows, (column_sql(source.items.column),))
            return build('LATERAL (SELECT {0} AS "value") AS {1}', rows, alias(source.number)), []
        if source.call is not None:
            return self._called_source(source, source.call)
        entity_type = source.entity_type
        if entity_type.missing:
            raise Unsupported(
                f"the database has no table for {entity_type.name}",
                hint="run `odata-gateway check` to see what is missing",
            )
        self._check_shard(source, beside)
        policy = self._policy(source)
        kind = [] if entity_type.base is None else [_is_of_type(source)]
        if entity_type.row_key is not None:
            name = _name(entity_type.table)
            return with_row_key(source.number, entity_type.row_key, name, policy), kind
        table = build("{0} AS {1}", _name(entity_type.table), alias(source.number))
        if not entity_type.null_keys:
            return table, [*policy, *kind]
        return table, [*policy, *kind, self._key_guard(source)]

    def _called_source(self, source: Source, call: CalledFunction) -> tuple[Sql, list[Sql]]:
        """The rows of a function as a FROM item, behind the row that it is called for, and the
        conditions on both."""
        rows = build("({0}) AS {1}", rows_of_call(call, source, self), alias(source.number))
        policy = self._policy(source)
        if source.entity_type.null_keys:
            policy.append(self._key_guard(source))
        if source.beside is None:
            return rows, policy
        if call.function.bound_to_many:
            within = source.beside.within
            there = [] if within is None else [self.select(raw("1"), within.block)]
            return rows, [*(build("EXISTS ({0})", parent) for parent in there), *policy]
        tables, conditions = self._base(source.beside)
        return build("{0}, LATERAL {1}", tables, rows), [*conditions, *policy]

    def _key_guard(self, source: Source) -> Sql:
        """A condition that is true, and fails at a row of the caller's whose key is null: paging
        and links could leave it out without a trace. What is converted to a number depends on the
        row, so that Postgres does not convert it when it plans."""
        is_shown = [build("{0} AND ", policy) for policy in self._policy(source, "k")]
        cases = [
            build(
                "WHEN {0}({1}) THEN concat({2}, {3})::int4 = 0",
                join("", is_shown),
                is_null_sql(
                    Column(source.number, prop.column, prop.pg_type, prop.type, nullable=True)
                ),
                quoted(f"{NULL_KEY}{prop.null_key} "),
                qualified(source.number, prop.column),
            )
            for prop in source.entity_type.null_keys
        ]
        return build("(CASE {0} ELSE true END)", join(" ", cases))

    def _policy(self, source: Source, member_name: LiteralString = "m") -> list[Sql]:
        """The row policy of a table: at most one condition.

        member_name  ends the alias of the membership table, so that a guard inside the same SELECT
                     has an alias of its own
        """
        match source.entity_type.policy:
            case AccountColumn(column=column, type=kind):
                own = qualified(source.number, column)
                if self._shard is None:
                    return [self._is_of_accounts(own, kind)]
                return [_is_of_account(own, kind, self._shard.index or 0)]
            case Membership() as membership:
                return [self._is_member(source, membership, member_name)]
            case Unscoped():
                return []

    def _is_member(self, source: Source, membership: Membership, member_name: LiteralString) -> Sql:
        name = build("{0}{1}", alias(source.number), raw(member_name))
        of_row = build(
            "{0}.{1} = {2}",
            name,
            ident(membership.member),
            qualified(source.number, membership.column),
        )
        account = build("{0}.{1}", name, ident(membership.account))
        is_of_caller = self._is_of_accounts(account, membership.type)
        return build(
            "EXISTS (SELECT 1 FROM {0} AS {1} WHERE {2} AND {3})",
            _name(membership.table),
            name,
            of_row,
            is_of_caller,
        )

    def _is_of_accounts(self, column: Sql, kind: AccountType) -> Sql:
        if self._many_accounts:
            return build("{0} = ANY({1})", column, _accounts(kind))
        return _is_of_account(column, kind, 0)

    def _check_shard(self, source: Source, beside: Source | None) -> None:
        """Refuse rows of other accounts in a statement that sees one account only.

        Rows that are joined to rows with an account are of the same account, because joins compare
        the accounts. Rows reached in another way may not be, as through a user who is a member of
        several accounts.
        """
        if self._shard is None or account_column(source) is None:
            return
        if source.number in self._shard.pivots:
            return
        if self._shard.index is None or beside is None or not self._is_of_account(beside):
            name = source.entity_type.name
            raise Unsupported(
                f"a caller with several accounts cannot reach {name} this way "
                "on a sharded database",
                hint="use a token for one account, or reach it from a row with the same account",
            )

    def _is_of_account(self, source: Source) -> bool:
        """Whether a source's rows are of the shard's account."""
        if source.derived is None or self._made is None:
            return account_column(source) is not None
        return self._made.are_of_accounts(source.derived)

    def policy_guards(self, sources: Iterable[int]) -> list[Sql]:
        """Conditions that are true only for rows which the policies of these sources show; also for
        what a LEFT JOIN did not find, which has no row."""
        found: list[Sql] = []
        owners = dict.fromkeys(self._owner(number) for number in sources)
        for source, is_optional in (self._known[number] for number in owners):
            for policy in self._policy(source, "w"):
                key = qualified(source.number, source.entity_type.identity[0].column)
                optional = build("({0} IS NULL OR {1})", key, policy) if is_optional else policy
                found.append(optional)
        return found

    def _owner(self, number: int) -> int:
        """The source that the rows of a source are made of: items are in a row of a table."""
        source, _ = self._known[number]
        return number if source.items is None else self._owner(source.items.column.source)

    # --- account by account -----------------------------------------------------------------------

    def is_of_each_account(self, source: Source) -> Sql:
        """The condition of the account at hand, inside `per_account`. Rows inside have their policy
        too, so this decides only how they are searched for."""
        policy = source.entity_type.policy
        assert isinstance(policy, AccountColumn)
        return build("{0} = a.account", qualified(source.number, policy.column))

    def per_account(self, rows: Sql, source: Source) -> Sql:
        """FROM items: the SELECT `rows` once for each of the caller's accounts, as `source`."""
        policy = source.entity_type.policy
        assert isinstance(policy, AccountColumn)
        return build(
            "unnest({0}) AS a (account) CROSS JOIN LATERAL ({1}) AS {2}",
            _accounts(policy.type),
            rows,
            alias(source.number),
        )


def _accounts(kind: AccountType) -> Sql:
    """All of the caller's accounts as an array."""
    return param(AccountsSlot(many=True, type=kind), kind.pg_type + "[]")


def _is_of_account(column: Sql, kind: AccountType, index: int) -> Sql:
    slot = AccountsSlot(many=False, index=index, type=kind)
    return build("{0} = {1}", column, param(slot, kind.pg_type))


def _is_of_type(source: Source) -> Sql:
    """The condition for the rows of a derived type among those of the table."""
    found = source.entity_type.discriminator
    assert found is not None
    values = join(", ", (quoted(value) for value in found.values or ()))
    kind = build("{0}::text", qualified(source.number, found.column))
    return build("{0} IN ({1})", kind, values) if values.parts else raw("false")


def _name(table: Table) -> Sql:
    return build("{0}.{1}", ident(table.schema), ident(table.name))


def _term(term: JoinTerm, numbers: dict[str, int]) -> Sql:
    right = term.right
    left, compared_as = _column(term.left, numbers), term.compared_as
    value = quoted(right.value) if isinstance(right, JoinConstant) else _column(right, numbers)
    equals = raw("=")
    if compared_as.name:
        name = Sql((compared_as.name,))
        left, value = build("{0}::{1}", left, name), build("{0}::{1}", value, name)
    if compared_as.collation:
        left = build("{0} COLLATE {1}", left, Sql((compared_as.collation,)))
    if compared_as.operators:
        equals = Sql((f"OPERATOR({compared_as.operators}.=)",))
    return build("{0} {1} {2}", left, equals, value)


def _column(column: JoinColumn, numbers: dict[str, int]) -> Sql:
    sql = qualified(numbers[column.side], column.column)
    return build("lower({0})", sql) if column.lower else sql
