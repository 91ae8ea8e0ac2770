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
        # a range of the first column of the order
        ("Message?$filter=id gt 5", True),
        ("Message?$filter=5 lt id and id le 9&$orderby=id desc", True),
        ("Message?$filter=created_at ge 2021-01-01T00:00:00Z&$orderby=created_at", True),
        ("Message?$filter=created_at ge 2021-01-01T00:00:00Z", False),
        ("Message?$filter=created_at ge 2021-01-01T00:00:00Z&$orderby=created_at,id desc", False),
        ("Message?$filter=created_at ge 2021-01-01T00:00:00Z and private eq true&$orderby=created_at", False),
        ("Message?$filter=created_at ge 2021-01-01T00:00:00Z or id gt 5&$orderby=created_at", False),
        ("Message?$filter=created_at gt updated_at&$orderby=created_at", False),
        ("Message?$filter=created_at eq 2021-01-01T00:00:00Z&$orderby=created_at", False),
        ("Message?$filter=not (id gt 5)", False),
        ("Conversation(1)/messages?$filter=id gt 5", False),
        ("Conversation(1)/messages", False),
    ],
)
def test_an_index_that_is_known_gives_the_order(target, follows):
    assert query(target, INDEXES).follows_index is follows
    assert not query(target, frozenset()).follows_index
