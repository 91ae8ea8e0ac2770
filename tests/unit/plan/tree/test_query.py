"""Which queries Postgres can follow an index for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from odata_gateway.plan.tree.query import Query
from tests.harness.binding import bound

INDEXES = frozenset({("id",), ("account_id", "created_at", "id")})


def query(target: str, indexes: frozenset[tuple[str, ...]]) -> Query:
    """A bound query over a table with these indexes."""
    found = bound(target)
    source = found.block.source
    indexed = replace(source, entity_type=replace(source.entity_type, indexes=indexes))
    return replace(found, block=replace(found.block, source=indexed))


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
