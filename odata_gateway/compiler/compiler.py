"""From a request target to a compiled query: parsed, bound against a model, and cached.

The cache holds nothing that belongs to a caller: a template has no literals, and the variant of a
statement has no account ids.
"""

from __future__ import annotations

from time import perf_counter
from urllib.parse import unquote

from odata_gateway.compiler.cache import Cache
from odata_gateway.compiler.compiled_query import CompiledQuery
from odata_gateway.compiler.entity_sets import AllEntities, tree_of_set, url_of_set
from odata_gateway.compiler.implicit_aliases import with_implicit_aliases
from odata_gateway.compiler.parsed_url import ParsedUrl, UrlRules, from_target, parse_url
from odata_gateway.edm.model import Model
from odata_gateway.errors import BindSegment, ODataError, UrlOption, UrlSyntax
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.plan.bind import bind
from odata_gateway.plan.resource.all_entities import AllEntitiesQuery, bind_all
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.plan.tree.query import Query
from odata_gateway.url import ast
from odata_gateway.url.normalize import QueryTemplate
from odata_gateway.url.options import FORMAT_NAMES
from odata_gateway.url.parse import MAX_NODES, parse
from odata_gateway.url.redact import shared_template
from odata_gateway.url.split import Target, split


class Compiler:
    """Compiles requests against one model.

    strict  whether only the spellings of the standard are read
    """

    def __init__(
        self,
        model: Model,
        *,
        limits: Limits,
        max_url_bytes: int,
        cache_entries: int,
        format_names: frozenset[str] = FORMAT_NAMES,
        strict: bool = False,
    ) -> None:
        self.model = model
        self.cache = Cache(cache_entries)
        self._limits = limits
        self._rules = UrlRules(limits, max_url_bytes, format_names, strict)

    def parse(self, target: str) -> ParsedUrl:
        """As `parse_url`, with this compiler's rules. The time counts for the request."""
        stats, started = current_stats.get(), perf_counter()
        try:
            url = parse_url(target, self._rules)
            if not self.model.functions:
                return url
            implicit = with_implicit_aliases(url.target, self.model)
            return url if implicit is None else from_target(target, implicit, self._rules)
        finally:
            stats.add_parse_time(started)

    def check(self, target: str) -> ParsedUrl:
        """Parse the URL of a document, and raise the errors in its options.

        raises  as `parse`, and UrlOption for an option that does not apply
        """
        url = self.parse(target)
        parse(url.template)
        return url

    def compile(self, target: str) -> CompiledQuery:
        """The query of a request for data.

        raises  errors of the URL, and those of binding: names, types, limits, Unsupported
        """
        return self._compiled(self.parse(target))

    def compile_template(self, template: QueryTemplate) -> CompiledQuery:
        """As `compile`, for a request of which only its template is known: its statements can be
        compiled, and none of them can be bound."""
        return self._compiled(ParsedUrl("", Target((), ()), template, ()))

    def compile_entity_id(self, url: ParsedUrl, entity_id: str) -> CompiledQuery:
        """The query of `$entity?$id=...`: the entity that an id names relative to the service root,
        as the type and with the options of the URL (URL Conventions 4.3.4).

        raises  as `compile`; UrlSyntax for an id with query options; BindSegment where the id names
                anything else
        """
        try:
            return self._of_entity_id(url, entity_id)
        except ODataError as error:
            _place_in_id(error, entity_id)
            raise

    def _of_entity_id(self, url: ParsedUrl, entity_id: str) -> CompiledQuery:
        named = split(entity_id, max_bytes=self._rules.max_bytes, strict=self._rules.strict)
        if named.segments and named.options:
            raise UrlSyntax(
                "an entity-id cannot have query options",
                target="$id",
                at=(url.template.transport.id or "").find("?"),
                hint="write them beside $id, as in $entity?$id=Message(1)&$select=id",
            )
        options = [o for o in url.target.options if o.name.lower().removeprefix("$") != "id"]
        segments = (*named.segments, *url.target.segments[1:2])
        target = Target(segments, tuple(options))
        compiled = self._compiled(from_target(entity_id, target, self._rules)) if segments else None
        if compiled is None or compiled.query.form != "entity":
            raise BindSegment("$id names no entity", target="$id", at=0)
        return compiled

    def compile_all(self, url: ParsedUrl) -> AllEntities | CompiledQuery:
        """The sets of a request for `$all`; the query of a set for `$all/LiveAgent.Message`, which
        is the same as `Message`."""
        key = (url.template.key, self.model.version, "$all")
        found: tuple[ast.SyntaxTree, AllEntitiesQuery] | None = self.cache.get(key)
        if found is None:
            tree = parse(url.template)
            found = self.cache.put(key, (tree, bind_all(tree, self.model)))
        tree, query = found
        if not query.is_cast:
            return AllEntities(url, tree, query)
        name = query.sets[0].name
        return self._compiled(from_target(name, Target((name,), url.target.options), self._rules))

    def compile_set(self, whole: AllEntities, name: str, skip: int = 0) -> CompiledQuery:
        """The query of one of the sets of `$all`, without its first `skip` rows."""
        key = (whole.url.template.key, self.model.version, name, skip > 0)
        query: Query | None = self.cache.get(key)
        if query is None:
            tree = tree_of_set(whole.tree, name, skips=skip > 0)
            query = self.cache.put(key, self._bound(tree))
        return CompiledQuery(url_of_set(whole.url, whole.tree, skip), query, key, self.cache)

    def _compiled(self, url: ParsedUrl) -> CompiledQuery:
        key = (url.template.key, self.model.version)
        query: Query | None = self.cache.get(key)
        if query is None:
            query = self._bound(self._parsed(url.template))
            self.cache.put(key, query, source=shared_template(url.template))
        if query.parameters:
            _check_parameters(url, query.parameters)
        return CompiledQuery(url, query, key, self.cache)

    def _parsed(self, template: QueryTemplate) -> ast.SyntaxTree:
        started = perf_counter()
        try:
            return parse(template, max_nodes=max(MAX_NODES, self._limits.nodes))
        finally:
            current_stats.get().add_parse_time(started)

    def _bound(self, tree: ast.SyntaxTree) -> Query:
        started = perf_counter()
        try:
            return bind(tree, self.model, self._limits, strict=self._rules.strict)
        finally:
            current_stats.get().add_bind_time(started)


def _check_parameters(url: ParsedUrl, parameters: frozenset[str]) -> None:
    """Refuse query options that are called like parameters of a function: to ignore them would
    answer another question."""
    for option in url.target.options:
        if option.name in parameters:
            raise UrlOption(
                f"'{option.name}' is a parameter of a function, not a query option",
                target=option.name,
                at=0,
                hint=f"write it in the parentheses: {option.name}=...",
            )


def _place_in_id(error: ODataError, entity_id: str) -> None:
    """Give an error in the path that an entity-id and a cast make its place in one of the two."""
    if error.target not in ("path", "url"):
        return
    error.target, beyond = "$id", (error.at or 0) - len(unquote(entity_id)) - 1
    if beyond >= 0:
        error.target, error.at = "path", len("$entity/") + beyond
