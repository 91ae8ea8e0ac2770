"""The columns that the sequences of a concat have together."""

import pytest
from odata_gateway.errors import Unsupported
from odata_gateway.plan.apply.concat import UnionColumns
from odata_gateway.plan.tree.relation import BoundExpr, Column, ConstantValue, Selection
from odata_gateway.types.primitive import INT32, INT64
from tests.harness.binding import bound


def selections(steps: str) -> tuple[Selection, ...]:
    derived = bound(f"Conversation?$apply={steps}").block.source.derived
    assert derived is not None
    return derived.selections


def columns(count: int) -> tuple[Column, ...]:
    return tuple(Column(9, f"c{i}", "", INT64, True) for i in range(count))


def test_the_columns_of_a_union_are_named_by_group():
    null: BoundExpr = ConstantValue(None, INT32)
    own = UnionColumns(null, (null, null), (), (null, null, null), (null,), (), (null, null))
    named = own.named(columns(9))
    assert named.number == columns(1)[0]
    assert named.all == columns(9)
    sizes = [len(group) for group in (named.order, named.identity, named.members, named.kind, named.kept, named.groups)]
    assert sizes == [2, 0, 3, 1, 0, 2]


UNIONS = {
    # number, order of each, members
    "concat(groupby((status)),groupby((inbox_id)))": ["number", "order", "status", "inbox_id", "kind"],
    "concat(groupby((status)),groupby((status)))": ["number", "order", "status"],
    "concat(groupby((status)),groupby((created_at)))": ["number", "order", "order", "status", "created_at", "kind"],
    "concat(groupby((status)),aggregate($count as n))": ["number", "order", "order", "status", "n", "kind"],
    "concat(identity,groupby((status)))": ["number", "order", "identity", "status", "kind"],
    "concat(orderby(status desc),groupby((status)))": ["number", "order", "order", "identity", "status", "kind"],
}


@pytest.mark.parametrize("steps", UNIONS)
def test_all_sequences_have_the_same_columns_and_share_those_for_the_order(steps):
    assert [len(selection.columns) for selection in selections(steps)] == [len(UNIONS[steps])] * 2


@pytest.mark.parametrize("steps", UNIONS)
def test_rows_are_numbered_by_their_sequence_and_pages_follow_the_number(steps):
    query = bound(f"Conversation?$apply={steps}")
    assert [s.columns[0] for s in selections(steps)] == [ConstantValue(i, INT32) for i in range(2)]
    first = query.order[0].expr
    assert isinstance(first, Column) and first.name == "c0" and not query.order[0].descending
    assert query.key[0] == first


@pytest.mark.parametrize("steps", UNIONS)
def test_what_a_sequence_does_not_have_is_null_of_the_same_type(steps):
    for values in zip(*(selection.columns for selection in selections(steps)), strict=True):
        assert len({value.type for value in values}) == 1


def test_an_entity_has_what_other_rows_have_as_a_member():
    entity, group = selections("concat(identity,groupby((status)))")
    assert isinstance(entity.columns[3], Column) and entity.columns[3].name == "status"
    assert group.columns[2] == ConstantValue(None, INT32)


def test_within_groups_the_union_keeps_what_rows_are_grouped_by_and_whether_they_are_left():
    steps = "groupby((status),concat(filter(id gt 1)/aggregate($count as n),filter(id gt 2)))"
    query = bound(f"Conversation?$apply={steps}")
    assert query.projection is not None
    assert len(query.projection.kinds) == 2
    assert len(query.block.predicates) == 1


@pytest.mark.parametrize(
    "steps",
    [
        "concat(aggregate($count as n),aggregate(id with max as n))",
        "concat(groupby((inbox)),groupby((inbox/name)))",
        "concat(join(messages as m),join(labels as m))",
    ],
)
def test_one_name_has_one_type_and_one_meaning(steps):
    with pytest.raises(Unsupported) as caught:
        bound(f"Conversation?$apply={steps}")
    assert (caught.value.target, caught.value.at) == ("$apply", 0)
