"""What rows are grouped by, and what the rows of groups have."""

import pytest
from odata_gateway.errors import ODataError
from odata_gateway.plan.apply.groupby import bind_groups, is_within, kinds_of
from odata_gateway.plan.apply.rowset import DerivedColumns
from odata_gateway.plan.scope.rows import RowKind
from odata_gateway.plan.tree.projection import ApplyProjection, EntityProjection, ExpandOne, Field, MixedProjection, Nested, Projection
from odata_gateway.plan.tree.relation import Column, Selection
from tests.harness.binding import bound, expression, scope_of

PROPERTIES = {
    "status": ["status"],
    "status, status": ["status"],
    "$it/status": ["status"],
    "status, inbox_id": ["status", "inbox_id"],
    "inbox/name": ["inbox/name"],
    "inbox": ["inbox/id of entity"],
    "inbox, inbox/name": ["inbox/id of entity"],
    "inbox/name, inbox": ["inbox/id of entity"],
    "inbox/id, inbox": ["inbox/id of entity"],
    "inbox, inbox/id": ["inbox/id of entity"],
    "LiveAgent.Conversation/status": ["status"],
    "assignee/name, inbox, status": ["assignee/name", "inbox/id of entity", "status"],
}


@pytest.mark.parametrize("items", PROPERTIES)
def test_what_an_entity_has_splits_its_group_no_further(items):
    found = bind_groups([expression(item.strip()) for item in items.split(",")], scope_of("Conversation"))
    assert ["/".join(g.path) + " of entity" * g.of_entity for g in found] == PROPERTIES[items]


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ("messages", "Bind.Type"),
        ("messages/id", "Bind.Type"),
        ("$it", "Bind.Type"),
        ("nope", "Bind.Name"),
    ],
)
def test_rows_are_grouped_by_single_valued_paths(item, code):
    with pytest.raises(ODataError) as caught:
        bind_groups([expression(item)], scope_of("Conversation"))
    assert caught.value.code == code


# --- what the rows of groups show -----------------------------------------------------------------------


def members(projection: Projection | None, prefix: str = "") -> list[str]:
    """The members of made rows; entities by their key, in parentheses."""
    assert isinstance(projection, ApplyProjection)
    return list(_members(projection.members, prefix))


def _members(found: tuple[Field | Nested | ExpandOne, ...], prefix: str) -> list[str]:
    names: list[str] = []
    for member in found:
        match member:
            case Field(name=name):
                names.append(prefix + name)
            case Nested(name=name, members=inner):
                names += _members(inner, f"{prefix}{name}/")
            case ExpandOne(navigation=navigation):
                names.append(f"{prefix}({navigation.name})")
    return names


ROWS = {
    "groupby((status))": ["status"],
    "groupby((status,inbox/name),aggregate($count as n))": ["status", "inbox/name", "n"],
    "groupby((inbox),aggregate($count as n))": ["(inbox)", "n"],
    "groupby((inbox/name,inbox))": ["(inbox)"],
    "groupby((status,assignee_id))/groupby((status))": ["status"],
    "groupby((inbox/name,status))/groupby((inbox))": ["inbox/name"],
    "groupby((status),aggregate(id with max as x)/filter(x gt 1))": ["status", "x"],
    "groupby((status),groupby((inbox_id),aggregate($count as n)))": ["status", "inbox_id", "n"],
    "groupby((status),groupby((inbox_id,status)))": ["inbox_id", "status"],
    "groupby((inbox),groupby((inbox/name)))": ["(inbox)"],
    "compute(id add 1 as next)/groupby((next))": ["next"],
    "groupby((status))/compute(status add 1 as next)": ["status", "next"],
}


@pytest.mark.parametrize("steps", ROWS)
def test_rows_have_what_they_were_grouped_by_and_what_was_made_of_them(steps):
    assert members(bound(f"Conversation?$apply={steps}").projection) == ROWS[steps]


@pytest.mark.parametrize("steps", ["groupby((status),top(1))", "groupby((status),filter(id gt 1)/topcount(2,id))"])
def test_groups_of_entities_are_entities_together(steps):
    query = bound(f"Conversation?$apply={steps}")
    assert not query.is_made and isinstance(query.projection, EntityProjection)


def selection(steps: str) -> Selection:
    """The outermost SELECT that makes the rows."""
    derived = bound(f"Conversation?$apply={steps}").block.source.derived
    assert derived is not None
    return derived.selections[0]


@pytest.mark.parametrize(
    ("steps", "groups"),
    [
        ("aggregate($count as n)", 0),
        ("groupby((status))", 1),
        ("groupby((status,inbox_id),aggregate($count as n))", 2),
        ("groupby((inbox),aggregate($count as n))", 1),
        ("groupby((status),filter(id gt 1)/aggregate($count as n))", 1),
        # whether a row is left tells outer groups apart as well
        ("groupby((status),filter(id gt 1)/groupby((inbox_id),aggregate($count as n)))", 3),
        ("groupby((status),groupby((inbox_id),aggregate($count as n)))", 2),
    ],
)
def test_the_leading_columns_are_what_rows_are_grouped_by(steps, groups):
    found = selection(steps)
    assert found.groups == groups
    assert len(found.columns) == groups + (0 if steps == "groupby((status))" else 1)


def test_the_order_of_made_rows_holds_the_beginning_and_the_digest_of_a_string():
    order = [k.expr for k in bound("Conversation?$apply=groupby((identifier,status))").order]
    assert [e.name if isinstance(e, Column) else getattr(e, "id", None) for e in order] == ["start", "digest", "c1"]


@pytest.mark.parametrize(
    ("path", "entities", "wanted"),
    [
        (("a",), [("a",)], True),
        (("a", "b"), [("a",)], True),
        (("a",), [("a", "b")], False),
        (("b", "a"), [("a",)], False),
        (("a",), [], False),
        (("x",), [("y",), ("x",)], True),
    ],
)
def test_a_path_is_within_an_entity_that_it_begins_with(path, entities, wanted):
    assert is_within(path, entities) is wanted


def test_rows_without_kinds_are_one_kind_that_has_all_members():
    value = bound("Conversation").order[0].expr
    rows = DerivedColumns(((("a",), value), (("b", "c"), value)), (), ())
    assert kinds_of(rows) == (RowKind(frozenset({("a",), ("b", "c")})),)


@pytest.mark.parametrize(
    ("steps", "kinds"),
    [
        ("groupby((rollup(status,inbox_id)))", [{"status", "inbox_id"}, {"status"}]),
        ("groupby((rollup(status,inbox_id)))/groupby((status))", [{"status"}]),
        (
            "groupby((rollup(status,inbox_id)))/groupby((status,inbox_id),aggregate($count as n))",
            [{"status", "inbox_id", "n"}, {"status", "n"}],
        ),
        ("concat(groupby((status)),aggregate($count as n))/groupby((status,n))", [{"status"}, {"n"}]),
    ],
)
def test_absent_is_another_group_than_null(steps, kinds):
    projection = bound(f"Conversation?$apply={steps}").projection
    assert projection is not None
    found = projection.kinds if isinstance(projection, MixedProjection) else (projection,)
    assert [set(members(kind)) for kind in found] == kinds
