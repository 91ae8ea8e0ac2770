"""The SELECTs of aggregates: one for each origin of their values."""

import pytest
from odata_gateway.plan.apply.aggregate import aggregate_type
from odata_gateway.plan.apply.measures import BranchColumns
from odata_gateway.plan.tree.relation import Aggregate, BoundExpr, Column, ConstantValue, Selection
from odata_gateway.types import primitive as types
from tests.harness.binding import bound


def selection(aggregates: str, groups: str = "") -> Selection:
    steps = f"groupby(({groups}),aggregate({aggregates}))" if groups else f"aggregate({aggregates})"
    derived = bound(f"Conversation?$apply={steps}").block.source.derived
    assert derived is not None
    return derived.selections[0]


def branches(found: Selection) -> tuple[Selection, ...]:
    """The SELECTs of the rows that are aggregated; none where these are the rows of the input."""
    derived = found.block.source.derived
    return () if derived is None else derived.selections


ORIGINS = {
    "$count as n": 0,
    "id with sum as s": 0,
    "id with sum as s,status with max as m,$count as n": 0,
    "length(inbox/name) with max as m": 0,
    # an entity that is reached once has one value, however often it comes
    "inbox/id with max as m": 0,
    "inbox/id with countdistinct as m": 0,
    "inbox with countdistinct as m": 2,
    "inbox/id with sum as s": 2,
    "messages/id with max as m": 2,
    "messages/$count as n": 2,
    "messages/id with max as m,messages/$count as n,messages/status with min as x": 2,
    "messages/id with max as m,labels/id with max as x": 3,
    "messages/sender/id with max as m,messages/id with max as x": 3,
    "$count as n,messages/id with sum as m": 2,
    "id with sum from inbox_id with max as m": 2,
}


@pytest.mark.parametrize("aggregates", ORIGINS)
@pytest.mark.parametrize("groups", ["", "status", "status,inbox/name"])
def test_each_origin_is_a_branch_beside_the_input(aggregates, groups):
    found = branches(selection(aggregates, groups))
    assert len(found) == ORIGINS[aggregates]
    assert len({len(each.columns) for each in found}) <= 1


def test_entities_are_distinct_and_rows_are_not():
    found = branches(selection("messages/id with sum as m,labels/$count as n", "status"))
    assert [each.distinct for each in found] == [False, True, True]
    assert [len(each.block.crossed) for each in found] == [0, 1, 1]


def test_each_branch_marks_its_own_rows():
    found = branches(selection("messages/id with sum as m,labels/$count as n", "status"))
    marks = [[getattr(column, "value", None) for column in each.columns[1:4]] for each in found]
    assert marks == [[True, False, False], [False, True, False], [False, False, True]]


def test_each_aggregate_looks_at_the_rows_of_its_origin():
    found = selection("$count as n,messages/id with sum as m,messages/$count as k", "status")
    assert found.groups == 1
    aggregates = [column for column in found.columns if isinstance(column, Aggregate)]
    marks = [a.condition.name for a in aggregates if isinstance(a.condition, Column)]
    assert [a.method for a in aggregates] == ["count", "sum", "count"]
    assert marks == ["c1", "c2", "c2"]
    assert isinstance(aggregates[1].operand, Column) and aggregates[1].operand.name == "c3"


def test_the_condition_of_rows_within_groups_is_the_mark_of_the_input():
    steps = "groupby((status),filter(id gt 5)/aggregate($count as n,messages/id with sum as m))"
    derived = bound(f"Conversation?$apply={steps}").block.source.derived
    assert derived is not None
    own, reached = branches(derived.selections[0])
    assert type(own.columns[1]).__name__ == "Compare" and own.block.predicates == ()
    assert reached.block.predicates == (own.columns[1],)


def test_values_of_smaller_groups_are_aggregated_from_a_grouped_branch():
    own, smaller = branches(selection("id with sum from inbox_id with max as m", "status"))
    assert own.block.source.derived is None
    assert smaller.block.source.derived is not None
    [inner] = smaller.block.source.derived.selections
    assert (inner.groups, len(inner.columns)) == (2, 3)


def test_columns_are_named_by_group():
    null: BoundExpr = ConstantValue(None, types.INT32)
    columns = tuple(Column(1, f"c{i}", "", types.INT32, True) for i in range(6))
    named = BranchColumns((null, null), (null,), (null, null, null), ()).named(columns)
    assert named == BranchColumns(columns[:2], columns[2:3], columns[3:], ())
    assert named.all == columns


@pytest.mark.parametrize(
    ("method", "type_", "wanted"),
    [
        ("count", types.STRING, types.DECIMAL),
        ("countdistinct", types.DOUBLE, types.DECIMAL),
        ("sum", types.INT16, types.INT64),
        ("sum", types.INT32, types.INT64),
        ("sum", types.INT64, types.DECIMAL),
        ("sum", types.DECIMAL, types.DECIMAL),
        ("sum", types.DOUBLE, types.DOUBLE),
        ("average", types.INT32, types.DECIMAL),
        ("average", types.DOUBLE, types.DOUBLE),
        ("min", types.INT16, types.INT16),
        ("max", types.DATETIME, types.DATETIME),
        ("min", types.STRING, types.STRING),
    ],
)
def test_an_aggregate_is_wide_enough_for_any_number_of_rows(method, type_, wanted):
    assert aggregate_type(method, type_) is wanted
