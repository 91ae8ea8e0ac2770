"""Requests bound on the built-in model, without SQL and without a database."""

from __future__ import annotations

from odata_gateway.plan.bind import bind
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.plan.tree.query import Query
from odata_gateway.url.normalize import normalize
from odata_gateway.url.parse import parse
from odata_gateway.url.split import split
from tests.harness.cases import MODEL


def bound(request: str, limits: Limits | None = None) -> Query:
    """The query of a request, in which blanks need not be encoded."""
    template, _ = normalize(split(request.replace(" ", "%20"), max_bytes=100_000))
    return bind(parse(template), MODEL, limits or Limits())
