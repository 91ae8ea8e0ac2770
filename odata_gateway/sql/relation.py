"""Blocks as SQL: FROM, WHERE and the one door through which every table comes in.

`_door` is the only place that writes the name of an entity type's table, and it always returns the
row policy with it. Whoever takes the table takes the policy: the base and parents of a path in
WHERE, to-one joins in ON (so that a foreign row is as if it were not there), lambdas, counts and
expands in their own WHERE. Link tables carry no account; they come in only between two tables that
went through the door.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import LiteralString

from odata_gateway.edm.model import (
    AccountColumn,
    JoinColumn,
    JoinConstant,
    JoinTerm,
    Membership,
    Table,
    Unscoped,
)
from odata_gateway.errors import Unsupported
from odata_gateway.plan.tree.relation import Block, Derived, LeftJoin, Link, ParentPath, Source
from odata_gateway.plan.tree.slots import AccountsSlot
from odata_gateway.sql.derived import derived_sql
from odata_gateway.sql.expr import Expressions
from odata_gateway.sql.fragment import Sql, alias, build, ident, join, param, quoted, raw


@dataclass(frozen=True, slots=True)
class Leg:
    """One of a caller's several accounts, by its place among them, in a statement that reads them
    one by one from a sharded database.

    pivot  the source that brings the account in; None: the statement names no table with an account
    """

    account: int
    pivot: int | None


class Relations:
    """Renders blocks for callers with one account or with many; for a leg, with all tables that
    have an account bound to the leg's."""

    def __init__(self, *, many_accounts: bool, leg: Leg | None = None) -> None:
        self._many = many_accounts
        self._leg = leg
        self._known: dict[int, tuple[Source, bool]] = {}
        self.expressions = Expressions(self)

    def select(
        self, what: Sql, block: Block, tail: Sql | None = None, extra: Sequence[Sql] = ()
    ) -> Sql:
        """SELECT what FROM the block's tables WHERE its policies, links and predicates hold, and
        `extra` holds; then `tail`."""
        tables, conditions = self._base(block)
        wanted = join(" AND ", (*conditions, *extra)) if conditions or extra else raw("true")
        sql = build("SELECT {0} FROM {1} WHERE {2}", what, tables, wanted)
        return sql + tail if tail is not None else sql

    def enter(self, block: Block) -> None:
        """Make a block's sources known to `walls`, before any expression over them is rendered."""
        self._known[block.source.number] = (block.source, False)
        self._known |= {joined.source.number: (joined.source, True) for joined in block.joins}
        for crossed in block.crossed:
            self.enter(crossed)

    def derived(self, derived: Derived) -> Sql:
        """The rows of a derived relation, as one SELECT."""
        return derived_sql(derived, self)

    def walls(self, sources: Iterable[int]) -> list[Sql]:
        """The policies of sources; a row that a to-one join did not find is behind no wall."""
        found: list[Sql] = []
        for source, optional in (self._known[number] for number in sources):
            for policy in self._policy(source, "w"):
                key = build(
                    "{0}.{1}", alias(source.number), ident(source.entity_type.key[0].column)
                )
                found.append(build("({0} IS NULL OR {1})", key, policy) if optional else policy)
        return found

    def each_account(self, branch: Callable[[Sql], Sql], source: Source) -> Sql:
        """FROM items: `branch` once for each of the caller's accounts, as `source`; the branch is
        given the condition of its account.

        Each branch has its policy all the same, so nothing hangs on the condition but the order of
        work.
        """
        account = build(
            "{0} = a.account",
            build("{0}.{1}", alias(source.number), ident(_account_column(source))),
        )
        accounts = param(AccountsSlot(many=True), "int8[]")
        return build(
            "unnest({0}) AS a (account) CROSS JOIN LATERAL ({1}) AS {2}",
            accounts,
            branch(account),
            alias(source.number),
        )

    def _base(self, block: Block) -> tuple[Sql, list[Sql]]:
        self.enter(block)
        return self._tables(block, None if block.link is None else block.link.parent)

    def _tables(self, block: Block, beside: Source | None) -> tuple[Sql, list[Sql]]:
        table, policy = self._door(block.source, beside)
        conditions = [*policy]
        if block.link is not None:
            conditions += self._link(block.link, block.source)
        if block.within is not None:
            conditions.append(self._within(block.within, block.source))
        conditions += [self.expressions.condition(p) for p in block.predicates]
        tables = join(" ", (table, *(self._to_one(j) for j in block.joins)))
        for crossed in block.crossed:
            further, terms = self._base(crossed)
            tables, conditions = build("{0}, {1}", tables, further), [*conditions, *terms]
        return tables, conditions

    def _door(self, source: Source, beside: Source | None) -> tuple[Sql, list[Sql]]:
        """A table and its row policy; nothing else names an entity type's table. Derived rows come
        from tables that went through here.

        beside  the source it hangs on by a join
        """
        if source.derived is not None:
            return build("({0}) AS {1}", self.derived(source.derived), alias(source.number)), []
        entity_type = source.entity_type
        if entity_type.missing:
            raise Unsupported(
                f"the database has no table for {entity_type.name}",
                hint="odata-gateway check lists what is missing",
            )
        self._check_leg(source, beside)
        return build(
            "{0} AS {1}", table_sql(entity_type.table), alias(source.number)
        ), self._policy(source)

    def _check_leg(self, source: Source, beside: Source | None) -> None:
        """In a leg, rows of a table with an account are those of the leg's account: that is right
        where they hang on such rows by joins, which compare the accounts, and wrong where they are
        reached some other way, as through a user of several accounts."""
        if (
            self._leg is None
            or not isinstance(source.entity_type.policy, AccountColumn)
            or source.number == self._leg.pivot
        ):
            return
        if (
            beside is None
            or beside.derived is not None
            or not isinstance(beside.entity_type.policy, AccountColumn)
        ):
            raise Unsupported(
                f"on a sharded database, a caller with several accounts cannot reach {source.entity_type.name} this way",
                hint="each of its rows must belong to a row with the same account; a token for one account has no such limit",
            )

    def _policy(self, source: Source, member_name: LiteralString = "m") -> list[Sql]:
        match source.entity_type.policy:
            case AccountColumn(column=column):
                own = build("{0}.{1}", alias(source.number), ident(column))
                return [
                    self._accounts(own)
                    if self._leg is None
                    else self._account(own, self._leg.account)
                ]
            case Membership() as member:
                name = build("{0}{1}", alias(source.number), raw(member_name))
                terms = build(
                    "{0}.{1} = {2}.{3}",
                    name,
                    ident(member.member),
                    alias(source.number),
                    ident(member.column),
                )
                account = self._accounts(build("{0}.{1}", name, ident(member.account)))
                return [
                    build(
                        "EXISTS (SELECT 1 FROM {0} AS {1} WHERE {2} AND {3})",
                        table_sql(member.table),
                        name,
                        terms,
                        account,
                    )
                ]
            case Unscoped():
                return []

    def _accounts(self, column: Sql) -> Sql:
        if self._many:
            return build("{0} = ANY({1})", column, param(AccountsSlot(many=True), "int8[]"))
        return self._account(column, 0)

    def _account(self, column: Sql, index: int) -> Sql:
        return build("{0} = {1}", column, param(AccountsSlot(many=False, index=index), "int8"))

    def _to_one(self, joined: LeftJoin) -> Sql:
        table, policy = self._door(
            joined.source, None if joined.link is None else joined.link.parent
        )
        if joined.source.derived is not None:
            return build("LEFT JOIN LATERAL {0} ON true", table)
        links = [] if joined.link is None else self._link(joined.link, joined.source)
        keys = [self.expressions.condition(p) for p in joined.key]
        conditions = join(" AND ", (*links, *keys, *policy))
        return build("LEFT JOIN {0} ON {1}", table, conditions)

    def _link(self, link: Link, target: Source) -> list[Sql]:
        """The join's terms; with link tables as EXISTS, because they may lead to the same row
        twice."""
        names = {
            "source": link.parent.number,
            "target": target.number,
            **{t.name: n for t, n in zip(link.join.links, link.numbers, strict=True)},
        }
        terms = [_term(term, names) for term in link.join.terms]
        if not link.join.links:
            return terms
        tables = join(
            ", ",
            (
                build("{0} AS {1}", table_sql(t.table), alias(names[t.name]))
                for t in link.join.links
            ),
        )
        return [build("EXISTS (SELECT 1 FROM {0} WHERE {1})", tables, join(" AND ", terms))]

    def _within(self, within: ParentPath, child: Source) -> Sql:
        self.enter(within.block)
        tables, conditions = self._tables(within.block, child)
        return build(
            "EXISTS (SELECT 1 FROM {0} WHERE {1})",
            tables,
            join(" AND ", (*conditions, *self._link(within.link, child))),
        )


def _account_column(source: Source) -> str:
    policy = source.entity_type.policy
    assert isinstance(policy, AccountColumn)
    return policy.column


def table_sql(table: Table) -> Sql:
    return build("{0}.{1}", ident(table.schema), ident(table.name))


def _term(term: JoinTerm, names: dict[str, int]) -> Sql:
    right = (
        quoted(term.right.value)
        if isinstance(term.right, JoinConstant)
        else _column(term.right, names)
    )
    return build("{0} = {1}", _column(term.left, names), right)


def _column(column: JoinColumn, names: dict[str, int]) -> Sql:
    sql = build("{0}.{1}", alias(names[column.side]), ident(column.column))
    return build("lower({0})", sql) if column.lower else sql
