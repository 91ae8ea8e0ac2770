"""$levels on a navigation property that leads to its own type, which the built-in model has none of."""

from __future__ import annotations

from typing import Any

import pytest
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.edm.csdl import parse_model
from odata_gateway.errors import LimitDepth, ODataError
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.plan.tree.projection import EntityProjection, ExpandMany, ExpandOne, Projection
from odata_gateway.plan.tree.query import Query
from odata_gateway.protocol import context

PERSON: dict[str, Any] = {
    "$Kind": "EntityType", "$Key": ["id"], "@Gateway.Table": "public.people", "@Gateway.Account": "account_id",
    "id": {"$Type": "Edm.Int32"}, "name": {"$Nullable": True}, "boss_id": {"$Type": "Edm.Int32", "$Nullable": True},
    "boss": {"$Kind": "NavigationProperty", "$Type": "Firm.Person", "$Nullable": True, "$Partner": "reports", "$ReferentialConstraint": {"boss_id": "id"}},
    "reports": {"$Kind": "NavigationProperty", "$Type": "Firm.Person", "$Collection": True, "$Partner": "boss"},
}  # fmt: skip
MODEL = parse_model({
    "$Version": "4.01", "$EntityContainer": "Firm.Service",
    "Firm": {
        "Person": PERSON,
        "Service": {"$Kind": "EntityContainer", "People": {"$Collection": True, "$Type": "Firm.Person", "$NavigationPropertyBinding": {"boss": "People", "reports": "People"}}},
    },
})  # fmt: skip
LIMITS = Limits(expand_depth=4)


def query(expand: str) -> Query:
    compiler = Compiler(MODEL, limits=LIMITS, max_url_bytes=16_384, cache_entries=4)
    return compiler.compile(f"People?$expand={expand}").query


def shape(projection: Projection | None) -> Any:
    """The names of expanded navigation properties, nested."""
    assert projection is not None
    return {e.navigation.name: shape(e.content) if isinstance(e.content, EntityProjection) else e.content for e in projection.expands}


@pytest.mark.parametrize(
    ("levels", "nested"),
    [
        ("boss($levels=1)", "boss"),
        ("boss($levels=3)", "boss($expand=boss($expand=boss))"),
        (
            "reports($levels=2;$filter=name ne null;$top=3)",
            "reports($filter=name ne null;$top=3;$expand=reports($filter=name ne null;$top=3))",
        ),
        ("boss($levels=2;$expand=reports)", "boss($expand=reports,boss($expand=reports))"),
        ("boss($levels=max)", "boss($expand=boss($expand=boss($expand=boss)))"),
        ("*($levels=2)", "boss($expand=boss,reports),reports($expand=boss,reports)"),
        ("*($levels=max)", "*($levels=4)"),
    ],
)
def test_levels_are_nested_expands(levels, nested):
    assert shape(query(levels).projection) == shape(query(nested).projection)


def test_every_level_has_the_options():
    expands = (query("reports($levels=3;$filter=name ne null;$top=3)").projection or pytest.fail("no projection")).expands
    for _ in range(3):
        [expand] = expands
        assert isinstance(expand, ExpandMany) and expand.top is not None and len(expand.block.predicates) == 1
        assert isinstance(expand.content, EntityProjection)
        expands = expand.content.expands
    assert expands == ()


def test_a_next_link_has_one_level_less():
    found = query("reports($levels=3)").projection
    assert found is not None and isinstance(found.expands[0], ExpandMany)
    assert [(name, "".join(map(str, pieces))) for name, pieces in found.expands[0].query] == [("$expand", "reports($levels=2)")]


def test_the_context_has_a_plus_sign():
    def fragment(expand: str) -> str:
        return context.fragment(query(expand), "4.01", str)

    assert fragment("reports($levels=3)") == "#People(reports+())"
    assert fragment("boss($select=id,name;$levels=2)") == "#People(boss+(id,name))"
    assert fragment("boss($expand=reports($select=id);$levels=2)") == "#People(boss+(reports(id)))"
    assert fragment("boss") == "#People(boss())"


@pytest.mark.parametrize("expand", ["boss($levels=2;$expand=boss)", "boss/$ref($levels=2)", "reports($levels=2;$expand=reports($top=1))"])
def test_what_cannot_be_meant_is_refused(expand):
    with pytest.raises(ODataError, match="levels"):
        query(expand)


@pytest.mark.parametrize("expand", ["boss($levels=5)", "reports($levels=999999999)", "*($levels=5)"])
def test_levels_end_at_the_limit(expand):
    with pytest.raises(LimitDepth):
        query(expand)


def test_a_single_valued_one_repeats_too():
    found = query("boss($levels=2)").projection
    assert found is not None and isinstance(found.expands[0], ExpandOne) and found.expands[0].repeats
