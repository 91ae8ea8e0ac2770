"""Which queries Postgres can follow an index for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from odata_gateway.plan.bind import bind
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.plan.tree.query import Query
from odata_gateway.plan.tree.relation import Block
from odata_gateway.url.normalize import normalize
from odata_gateway.url.parse import parse
from odata_gateway.url.split import split
from tests.harness.cases import MODEL

INDEXES = frozenset({("id",), ("account_id", "created_at", "id")})


def query(target: str, indexes: frozenset[tuple[str, ...]]) -> Query:
    """A bound query over a table with these indexes."""
    bound = bind(parse(normalize(split(target.replace(" ", "%20"), max_bytes=4096))[0]), MODEL, Limits())
    source = bound.block.source
    indexed = replace(source, entity_type=replace(source.entity_type, indexes=indexes))
    return replace(bound, block=Block(indexed, bound.block.link, bound.block.within, bound.block.joins, bound.block.predicates))


@pytest.mark.parametrize(
    ("target", "follows"),
    [
        ("Message", True),
        ("Message?$orderby=id desc&$select=id&$top=50", True),
        ("Message?$orderby=created_at", True),
        ("Message?$orderby=created_at desc,id desc", True),
        ("Message?$orderby=created_at desc,id asc", False),
        ("Message?$orderby=updated_at", False),
        ("Message?$orderby=length(content)", False),
        ("Message?$orderby=conversation/created_at", False),
        ("Message?$filter=private eq true", False),
        ("Conversation(1)/messages", False),
    ],
)
def test_an_index_that_is_known_gives_the_order(target, follows):
    assert query(target, INDEXES).follows_index is follows
    assert not query(target, frozenset()).follows_index
