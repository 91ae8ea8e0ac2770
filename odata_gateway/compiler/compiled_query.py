"""What a request target was compiled to: a query, its statements, and their arguments.

Nothing that is kept belongs to a caller or holds a value of a request: both come with
`ArgumentValues` when a statement is bound.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, NamedTuple, assert_never

from odata_gateway.compiler.arguments import argument
from odata_gateway.compiler.cache import Cache
from odata_gateway.compiler.nested_links import NestedLink, nested_links
from odata_gateway.compiler.parsed_url import ParsedUrl
from odata_gateway.compiler.row_order import OrderStatement
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.errors import Unsupported
from odata_gateway.identity.caller import Caller
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.observe.statement_id import tag_statement
from odata_gateway.plan.tree.columns import account_column
from odata_gateway.plan.tree.query import Query, ResultForm
from odata_gateway.plan.tree.relation import OrderKey
from odata_gateway.plan.tree.slots import (
    AccountsSlot,
    KeysetSlot,
    LimitSlot,
    LinkSlot,
    LiteralSlot,
    PageSlot,
    Slot,
    ZoneSlot,
)
from odata_gateway.sql.accounts.value_order import value_orders
from odata_gateway.sql.fragment import Statement
from odata_gateway.sql.paging.row_bound import has_only_limit, row_bound
from odata_gateway.sql.statement import (
    StatementKind,
    StatementVariant,
    render,
    render_merge,
    render_together,
)
from odata_gateway.url.literals import LiteralValue

_LOOKUPS: frozenset[ResultForm] = frozenset({"entity", "reference", "property", "value"})
_SETS: frozenset[ResultForm] = frozenset({"collection", "references", "count"})


class ArgumentValues(NamedTuple):
    """What fills a statement's slots.

    literals    of the request, by slot
    limit       rows to read
    page_rows   rows of a page of an expanded collection
    root        service root for links inside rows
    credential  query options to repeat in these links, or None
    keys        order values of the row a page starts behind
    zone        the time zone of times; None: UTC, and the statement has no slot for it
    """

    literals: tuple[LiteralValue, ...]
    caller: Caller
    limit: int = 1
    page_rows: int = 1
    root: str = ""
    credential: str | None = None
    keys: tuple[str | None, ...] = ()
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class CompiledStatement:
    """One statement of a query, for any caller and any literals.

    slots         what fills each of $1, $2, ...
    replan        the best plan depends on the arguments: a literal bounds a range of rows
    nested_links  of expanded collections, by their number
    is_lookup     it finds a single row by literals, and depends on nothing else of a request but
                  the caller: requests with the same one can be read together
    is_for_all    it reads rows, and their number is its only argument
    """

    text: str
    slots: tuple[Slot, ...]
    replan: bool
    nested_links: Mapping[int, NestedLink]
    is_lookup: bool = False
    is_for_all: bool = False

    def bind(self, values: ArgumentValues) -> BoundStatement:
        """The statement with its arguments.

        raises  BindValue, BindType where a literal does not fit the type it is compared with
        """
        literals = values.literals
        arguments = [
            argument(slot, literals) if type(slot) is LiteralSlot else self._argument(slot, values)
            for slot in self.slots
        ]
        return BoundStatement(self.text, arguments, self.replan)

    def _argument(self, slot: Slot, values: ArgumentValues) -> object:
        match slot:
            case AccountsSlot(many=many, index=index, type=kind):
                accounts = values.caller.accounts
                if not many:
                    return kind.argument(accounts[index])
                arguments = map(kind.argument, accounts)
                return [value for value in arguments if value is not None]
            case LimitSlot():
                return values.limit
            case PageSlot():
                return values.page_rows
            case KeysetSlot(index=index):
                return values.keys[index]
            case ZoneSlot():
                return values.zone
            case LiteralSlot():  # `bind` takes these itself, to save a call for each
                return argument(slot, values.literals)
            case LinkSlot():
                return self._link_text(slot, values)
            case _:
                assert_never(slot)

    def _link_text(self, slot: LinkSlot, values: ArgumentValues) -> str:
        """A piece of the next link of an expanded collection."""
        match slot.part:
            case "root":
                return values.root
            case "query":
                return self.nested_links[slot.index].query(values.literals, values.credential)
            case "binding":
                return self.nested_links[slot.index].digest(values.literals)
            case _:
                assert_never(slot.part)


@dataclass(frozen=True, slots=True)
class LookupStatement:
    """The statement of several requests that differ in their literals.

    varies  for each of $1, $2, ..., whether it is an array with a value for each request
    """

    text: str
    varies: tuple[bool, ...]

    def bind(self, requests: Sequence[Sequence[object]]) -> BoundStatement:
        """The statement for some requests, by their arguments of the statement for one."""
        arguments = [
            [each[index] for each in requests] if varies else requests[0][index]
            for index, varies in enumerate(self.varies)
        ]
        return BoundStatement(self.text, arguments)


class OrderFacts(NamedTuple):
    """Facts of a query, which are kept: to find them takes 17 us, of 500 of a page of 1,000 rows.

    follows_index, is_plain  as the properties of `Query`
    """

    follows_index: bool
    is_plain: bool


class CompiledQuery(NamedTuple):
    """A request for data, compiled.

    key    of the query in the cache; its statements are kept beside it
    cache  of the compiler
    """

    url: ParsedUrl
    query: Query
    key: Hashable
    cache: Cache

    def statement(self, kind: StatementKind, variant: StatementVariant) -> CompiledStatement:
        """One of the query's statements."""
        key = (self.key, kind, variant)
        found: CompiledStatement | None = self.cache.get(key)
        if found is not None:
            return found
        compiled = self._compiled(kind, variant)
        return self.cache.put(key, compiled, len(compiled.text))

    def chunk(self, variant: StatementVariant, values: ArgumentValues) -> CompiledStatement:
        """What reads the rows of a chunk; for few rows a statement whose plan is kept, if that is
        the best one for all requests (`sql.paging.row_bound`): it depends on no argument, and on
        no caller for whom the policies of the database find other rows."""
        found = self.statement("rows", variant)
        if not found.is_for_all or values.caller.is_for_policies:
            return found
        most_rows = row_bound(values.limit)
        if not most_rows:
            return found
        return self.statement("rows", variant._replace(most_rows=most_rows))

    def lookups(self, variant: StatementVariant) -> LookupStatement:
        """What `statement("rows")` reads where it is a lookup, for several requests at once."""
        key = (self.key, "lookups", variant)
        found: LookupStatement | None = self.cache.get(key)
        if found is not None:
            return found
        rendered = render_together(self.query, variant)
        text = tag_statement(rendered.text)
        varies = tuple(isinstance(slot, LiteralSlot) for slot in rendered.slots)
        return self.cache.put(key, LookupStatement(text, varies), len(text))

    def order_statement(self) -> OrderStatement | None:
        """What puts rows that were read apart in the order of the query; None where only one
        statement for all of them can."""
        key = (self.key, "order")
        found: OrderStatement | None = self.cache.get(key)
        if found is None:
            merge = render_merge(self.query)
            found = OrderStatement("", ()) if merge is None else _ordering(merge, self.query.order)
            self.cache.put(key, found, len(found.text))
        return found if found.text else None

    def order_facts(self) -> OrderFacts:
        """What decides how the chunks of a page are read."""
        key = (self.key, "order facts")
        found: OrderFacts | None = self.cache.get(key)
        if found is None:
            found = OrderFacts(self.query.follows_index, self.query.is_plain)
            self.cache.put(key, found)
        return found

    def compile_kept(self, names: tuple[Any, ...]) -> None:
        """Compile what `names` stands for: what follows the query's key in a key of the cache. A
        chunk behind the order values of another model is left out."""
        match names:
            case ("order",):
                self.order_statement()
            case ("order facts",):
                self.order_facts()
            case ("lookups", variant):
                self.lookups(variant)
            case (kind, variant) if variant.null_mask is None or (
                len(variant.null_mask) == len(self.query.order)
            ):
                self.statement(kind, variant)

    def _compiled(self, kind: StatementKind, variant: StatementVariant) -> CompiledStatement:
        started = perf_counter()
        try:
            statement = self._rendered(kind, variant)
            return CompiledStatement(
                tag_statement(statement.text),
                statement.slots,
                statement.has_ranges and _needs_plan(self.query, variant, kind),
                self._nested_links(statement),
                kind == "rows" and _is_lookup(self.query, variant, statement.slots),
                kind == "rows" and _is_for_all(self.query, variant, statement.slots),
            )
        finally:
            current_stats.get().add_bind_time(started)

    def _rendered(self, kind: StatementKind, variant: StatementVariant) -> Statement:
        """The statement that reads each account on its own; where rows of all are needed together,
        the one for all accounts, which the cluster may be able to run, and refuses otherwise."""
        try:
            return render(self.query, variant, kind)
        except Unsupported:
            if variant.shard_accounts <= 1:
                raise
            return render(self.query, variant._replace(shard_accounts=0), kind)

    def _nested_links(self, statement: Statement) -> Mapping[int, NestedLink]:
        has_links = any(isinstance(slot, LinkSlot) for slot in statement.slots)
        projection = self.query.projection
        return nested_links(projection) if has_links and projection is not None else {}


def _ordering(merge: Statement, order: Sequence[OrderKey]) -> OrderStatement:
    positions = tuple(slot.index for slot in merge.slots if isinstance(slot, KeysetSlot))
    descends = tuple(key.descending for key in order)
    return OrderStatement(tag_statement(merge.text), positions, value_orders(order), descends)


def _is_lookup(query: Query, variant: StatementVariant, slots: tuple[Slot, ...]) -> bool:
    """Whether requests with the statement may be read together. A list of literals is no value of
    an array, and Citus finds the shard of a statement by a parameter only."""
    literals = [slot for slot in slots if isinstance(slot, LiteralSlot)]
    if query.form not in _LOOKUPS or variant.shard_accounts or not literals:
        return False
    others = (slot for slot in slots if not isinstance(slot, LiteralSlot))
    are_of_caller = all(isinstance(slot, AccountsSlot) for slot in others)
    return are_of_caller and not any(slot.many for slot in literals)


def _is_for_all(query: Query, variant: StatementVariant, slots: tuple[Slot, ...]) -> bool:
    """Whether a statement reads rows, and their number is its only argument. Citus plans for each
    execution anew."""
    reads_rows = query.form in ("collection", "references")
    return reads_rows and not variant.shard_accounts and has_only_limit(slots)


def _needs_plan(query: Query, variant: StatementVariant, kind: StatementKind) -> bool:
    """Whether the best plan of a statement with ranges depends on its arguments.

    It does not where the statement finds rows by a key. Nor where the index that has the order of
    the rows begins with the column of the ranges: it reads no row outside of them, of any width. To
    plan such a statement for each chunk took a seventh of Postgres's time (measured). But beside
    one account it does: Postgres may know that the account has few rows. Citus plans for the
    arguments in any case.
    """
    if variant.shard_accounts:
        return False
    if kind == "count" or query.form == "count":
        return True
    beside_account = account_column(query.block.source) is not None and not variant.many_accounts
    reads_a_set = kind == "rows" and query.form in _SETS
    return reads_a_set and (beside_account or not query.follows_index)
