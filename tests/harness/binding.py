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


def bound(request: str, limits: Limits | None = None, *, strict: bool = False) -> Query:
    """The query of a request, in which blanks need not be encoded."""
    target = split(request.replace(" ", "%20"), max_bytes=100_000, strict=strict)
    return bind(parse(normalize(target, strict=strict)[0]), MODEL, limits or Limits(), strict=strict)


def scope_of(entity_set: str, limits: Limits | None = None) -> Scope:
    """The scope of the rows of an entity set."""
    binding = Binding(MODEL, RequestBinder(), RequestSize(limits or Limits()))
    return Scope.of(binding, binding.row_of(MODEL.entity_sets[entity_set].entity_type))


def options_of(text: str) -> ast.Options:
    """Query options as syntax, such as `$filter=id eq 1&$top=2`."""
    target = split(f"Message?{text}".replace(" ", "%20"), max_bytes=100_000, strict=True)
    return parse(normalize(target, strict=True)[0]).options


def expression(text: str) -> ast.Expr:
    """An expression as syntax."""
    found = options_of(f"$filter={text}").filter
    assert found is not None
    return found
