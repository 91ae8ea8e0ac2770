"""Requests bound on the built-in model, without SQL and without a database."""

from __future__ import annotations

from odata_gateway.plan.bind import RequestBinder, bind
from odata_gateway.plan.scope.limits import Limits, RequestSize
from odata_gateway.plan.scope.scope import Binding, Scope
from odata_gateway.plan.tree.query import Query
from odata_gateway.url import ast
from odata_gateway.url.normalize import normalize
from odata_gateway.url.parse import parse
from odata_gateway.url.split import split
from tests.harness.cases import MODEL


def bound(request: str, limits: Limits | None = None) -> Query:
    """The query of a request, in which blanks need not be encoded."""
    template, _ = normalize(split(request.replace(" ", "%20"), max_bytes=100_000))
    return bind(parse(template), MODEL, limits or Limits())


def scope_of(entity_set: str, limits: Limits | None = None) -> Scope:
    """The scope of the rows of an entity set."""
    binding = Binding(MODEL, RequestBinder(), RequestSize(limits or Limits()))
    return Scope.of(binding, binding.row_of(MODEL.entity_sets[entity_set].entity_type))


def options_of(text: str) -> ast.Options:
    """Query options as syntax, such as `$filter=id eq 1&$top=2`."""
    template, _ = normalize(split(f"Message?{text}".replace(" ", "%20"), max_bytes=100_000))
    return parse(template).options


def expression(text: str) -> ast.Expr:
    """An expression as syntax."""
    found = options_of(f"$filter={text}").filter
    assert found is not None
    return found
