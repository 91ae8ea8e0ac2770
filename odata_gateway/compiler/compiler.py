"""The line from a request target to statements, and its bounded cache.

    target -> split -> lift -> (parse -> bind -> render, cached under template and shape) ->
    Compiled

The cache holds nothing that belongs to a caller: templates have no literals, shapes no account ids.
Values meet a statement in `arguments`.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import NamedTuple, TypeVar, cast
from urllib.parse import quote

from odata_gateway.compiler.arguments import argument
from odata_gateway.edm.model import Model
from odata_gateway.identity.caller import Caller
from odata_gateway.observe.counters import COUNTERS
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.observe.statement_id import tag_statement
from odata_gateway.plan.bind import bind
from odata_gateway.plan.resource.all_entities import AllEntitiesQuery, bind_all
from odata_gateway.plan.scope.limits import Limits, check_list
from odata_gateway.plan.tree.projection import ExpandMany, Projection
from odata_gateway.plan.tree.query import Query
from odata_gateway.plan.tree.slots import (
    AccountsSlot,
    KeysetSlot,
    LimitSlot,
    LinkSlot,
    LiteralSlot,
    PageSlot,
    Slot,
)
from odata_gateway.sql.fragment import Statement
from odata_gateway.sql.statement import StatementKind, StatementVariant, render, statement_kinds
from odata_gateway.url.literals import LiteralValue
from odata_gateway.url.normalize import QueryTemplate, TransportOptions, normalize, normalize_entity
from odata_gateway.url.parse import MAX_NODES, parse
from odata_gateway.url.redact import RedactedUrl, redact
from odata_gateway.url.split import Target, split
from odata_gateway.url.unparse import ANCHOR, canonical_text, literal_text

T = TypeVar("T")
# Options that change neither the rows nor their order, and so do not bind a token.
_FREE_OPTIONS = ("$skiptoken=", "$format=", "$schemaversion=", f"{ANCHOR}=")


_KEPT_SQL = 16 * 1024 * 1024
"""Characters of SQL that a cache keeps; an entry takes two to three times the memory of its SQL
(measured: 140 KB of SQL take 350 KB)."""


class Cache:
    """A table, bounded in entries and in their size, that forgets what was not used for longest."""

    def __init__(self, entries: int, most_size: int = _KEPT_SQL) -> None:
        self._entries = entries
        self._most_size = most_size
        self._table: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return len(self._table)

    def get_or_make(
        self, key: Hashable, make: Callable[[], T], size: Callable[[T], int] = lambda made: 0
    ) -> T:
        """What is kept under a key, or what `make` makes, of the size that `size` says."""
        found = self._table.get(key)
        if found is not None:
            self._table.move_to_end(key)
            COUNTERS.cache_hits += 1
            return cast(T, found[0])
        COUNTERS.cache_misses += 1
        made = make()
        entry = self._table[key] = made, size(made)
        self._size += entry[1]
        while len(self._table) > self._entries or self._size > self._most_size:
            self._size -= self._table.popitem(last=False)[1][1]
            COUNTERS.cache_evictions += 1
        return made


class ParsedUrl(NamedTuple):
    """A request, cut and lifted: everything that is known before a name is looked up."""

    target: Target
    template: QueryTemplate
    values: tuple[LiteralValue, ...]

    @property
    def side(self) -> TransportOptions:
        return self.template.side

    @property
    def shown(self) -> RedactedUrl:
        """What a log line may say of the URL."""
        return redact(self.template.key)

    def number(self, slot: LiteralSlot | None) -> int | None:
        """The number of $top or $skip; None without."""
        value = None if slot is None else self.values[slot.index].value
        return value if isinstance(value, int) else None

    def path_text(self) -> str:
        """The keys in the path, in canonical form, and that of $it; keys as segments are part of
        the path itself."""
        return ",".join(
            canonical_text(v.kind, v.value)
            for v in self.values
            if v.target in ("path", ANCHOR) and v.kind != "raw"
        )

    def key_text(self, slot: int) -> str:
        """A key of the path as a context URL shows it."""
        value = self.values[slot]
        if value.kind == "raw":
            text = str(value.value)
            return text if text.lstrip("-").isdigit() else literal_text("string", text)
        return literal_text(value.kind, value.value)

    def binding(self) -> str:
        """A digest of the query and its values, without page, format and the keys of the path: what
        a $skiptoken belongs to."""
        path = "/".join(
            s.partition("(")[0] + ("()" if "(" in s else "") for s in self.target.segments
        )
        if "/$filter(" in path or path.startswith("$crossjoin("):
            path = "/".join(
                self.target.segments
            )  # conditions, and which sets are joined, are part of the query
        options = [o for o in self.template.key.split("\0&")[1:] if not o.startswith(_FREE_OPTIONS)]
        values = [(v.kind, v.value) for v in self.values if v.target not in ("path", ANCHOR)]
        return hashlib.sha256(repr((path, options, values)).encode()).hexdigest()


class ArgumentValues(NamedTuple):
    """What fills a statement's slots besides literals.

    limit      rows to read
    page_rows  rows of a page of an expanded collection
    root       service root for links inside rows, and `credential` the query option to repeat in
               them
    keys       order values of the row a page starts behind
    """

    caller: Caller
    limit: int = 1
    page_rows: int = 1
    root: str = ""
    credential: str | None = None
    keys: tuple[str | None, ...] = ()


class Compiler:
    """Compiles requests against one model."""

    def __init__(
        self, model: Model, *, limits: Limits, max_url_bytes: int, cache_entries: int
    ) -> None:
        self.model = model
        self._limits = limits
        self._max_url_bytes = max_url_bytes
        self.cache = Cache(cache_entries)

    def lift(self, target: str) -> ParsedUrl:
        """Cut a request target and lift its literals; all faults of encoding and of literals are
        found here."""
        known = normalize_entity(target) if len(target) <= self._max_url_bytes else None
        if known is not None:
            return ParsedUrl(*known)
        cut = split(target, max_bytes=self._max_url_bytes)
        template, values = normalize(cut)
        for value in values:
            if type(value.value) is tuple:
                check_list(len(value.value), self._limits, at=value.at, target=value.target)
        return ParsedUrl(cut, template, values)

    def check_syntax(self, lifted: ParsedUrl) -> None:
        """Parse a request that is not for data, so that its mistakes show."""
        parse(lifted.template)

    def query(self, lifted: ParsedUrl) -> Query:
        """The bound query of a request."""
        key = (lifted.template.key, self.model.version)
        return self.cache.get_or_make(key, lambda: self._bound(lifted.template))

    def everything(self, lifted: ParsedUrl) -> AllEntitiesQuery:
        """The sets and options of a request for $all."""
        key = (lifted.template.key, self.model.version, "$all")
        return self.cache.get_or_make(key, lambda: bind_all(parse(lifted.template), self.model))

    def _bound(self, template: QueryTemplate) -> Query:
        stats, started = current_stats.get(), perf_counter()
        try:
            request = parse(template, max_nodes=max(MAX_NODES, self._limits.nodes))
        finally:
            stats.parsed(started)
        started = perf_counter()
        try:
            return bind(request, self.model, self._limits)
        finally:
            stats.bound(started)

    def statement(
        self, lifted: ParsedUrl, query: Query, shape: StatementVariant, part: StatementKind = "rows"
    ) -> Statement:
        """One of a query's statements in a shape."""
        key = (lifted.template.key, self.model.version, shape, part)
        return self.cache.get_or_make(
            key, lambda: self._rendered(query, shape, part), lambda made: len(made.text)
        )

    def _rendered(self, query: Query, shape: StatementVariant, part: StatementKind) -> Statement:
        started = perf_counter()
        try:
            statement = render(query, shape, part)
            return replace(statement, text=tag_statement(statement.text))
        finally:
            current_stats.get().bound(started)

    def arguments(
        self, statement: Statement, query: Query, lifted: ParsedUrl, context: ArgumentValues
    ) -> list[object]:
        """A statement's arguments in order.

        raises  BindValue, BindType where a literal is none of its type
        """
        values = lifted.values
        return [
            argument(slot, values)
            if type(slot) is LiteralSlot
            else self._argument(slot, query, lifted, context)
            for slot in statement.slots
        ]

    def _argument(
        self, slot: Slot, query: Query, lifted: ParsedUrl, context: ArgumentValues
    ) -> object:
        match slot:
            case LiteralSlot():
                return argument(slot, lifted.values)
            case AccountsSlot(many=many, index=index):
                return list(context.caller.accounts) if many else context.caller.accounts[index]
            case LimitSlot():
                return context.limit
            case PageSlot():
                return context.page_rows
            case KeysetSlot(index=index):
                return context.keys[index]
            case LinkSlot():
                return self._link_argument(slot, query, lifted, context)

    def _link_argument(
        self, slot: LinkSlot, query: Query, lifted: ParsedUrl, context: ArgumentValues
    ) -> str:
        """A piece of an expanded collection's next link; its token is bound to the URL that stands
        in the link."""
        if slot.part == "root":
            return context.root
        expand = _expand_number(query.projection, slot.index)
        options = "".join(
            p if isinstance(p, str) else _literal(p, lifted.values) for p in expand.query
        )
        if slot.part == "query":
            credential = [context.credential] if context.credential is not None else []
            return "&".join([options or "?", *credential, "$skiptoken="]).replace("?&", "?", 1)
        key = ",".join(f"{p.name}=0" for p in expand.parent_set.entity_type.key)
        path = (
            f"{expand.navigation.name}/$ref" if expand.content == "$ref" else expand.navigation.name
        )
        return self.lift(f"{expand.parent_set.name}({key})/{path}{options}").binding()


def _literal(slot: int, values: Sequence[LiteralValue]) -> str:
    return quote(literal_text(values[slot].kind, values[slot].value), safe="'(),:-._~")


def _expand_number(projection: Projection | None, number: int) -> ExpandMany:
    stack = [projection]
    while stack:
        current = stack.pop()
        for expand in () if current is None else (*current.expanded, *(current.crossed or ())):
            if isinstance(expand, ExpandMany) and expand.number == number:
                return expand
            if isinstance(expand.content, Projection):
                stack.append(expand.content)
    raise LookupError(number)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every value on the line for one request, as (name, text), and the statement of its rows with
    the arguments."""

    steps: tuple[tuple[str, str], ...]
    rows: Statement
    arguments: Sequence[object]


def explain(target: str, model: Model, caller: Caller, *, sharded: bool = False) -> Explanation:
    """What becomes of a request for data, as far as that is known without a database."""
    compiler = Compiler(model, limits=Limits(), max_url_bytes=16_384, cache_entries=8)
    lifted = compiler.lift(target)
    request = parse(lifted.template)
    query = compiler.query(lifted)
    shape = StatementVariant(
        many_accounts=not caller.has_one_account, legs=len(caller.accounts) if sharded else 0
    )
    context = ArgumentValues(caller, limit=1000, page_rows=10_000, root="https://host/v1.0/odata/")
    steps = [
        ("target", repr(lifted.target)),
        ("template", repr(lifted.template.key)),
        ("values", "\n".join(map(repr, lifted.values))),
        ("request", repr(request)),
        ("query", repr(query)),
    ]
    for part in statement_kinds(query, shape):
        statement = compiler.statement(lifted, query, shape, part)
        steps.append((f"sql ({part})", statement.text))
        steps.append(
            (f"arguments ({part})", repr(compiler.arguments(statement, query, lifted, context)))
        )
    rows = compiler.statement(lifted, query, shape)
    return Explanation(tuple(steps), rows, compiler.arguments(rows, query, lifted, context))
