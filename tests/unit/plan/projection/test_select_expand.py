"""What each row shows, by $select and $expand."""

from typing import Any

import pytest
from odata_gateway.errors import ODataError
from odata_gateway.plan.projection.items import items_by_name, with_star
from odata_gateway.plan.tree.projection import EntityProjection, ExpandMany, ExpandOne, Projection
from odata_gateway.url import ast
from tests.harness.binding import bound, options_of
from tests.harness.cases import MODEL

ALL = list(MODEL.entity_sets["Label"].entity_type.properties)


def projection(request: str) -> Projection:
    found = bound(request).projection
    assert found is not None
    return found


SELECTED: dict[str, tuple[list[str], list[str], bool]] = {
    # the fields, the links, whether the entity carries its id
    "": (ALL, [], False),
    "$select=*": (ALL, [], False),
    "$select=id": (["id"], [], False),
    "$select=title": (["title"], [], True),
    "$select=title,id": (["id", "title"], [], False),
    "$select=title,title": (["title"], [], True),
    "$select=LiveAgent.Label/title": (["title"], [], True),
    "$select=conversations": ([], ["conversations"], True),
    "$select=*,conversations": (ALL, ["conversations"], False),
    "$select=conversations&$expand=conversations": ([], [], True),
    "$compute=id add 1 as next": ([*ALL, "next"], [], False),
    "$compute=id add 1 as next&$select=next": (["next"], [], True),
    "$compute=id add 1 as next&$select=title": (["title"], [], True),
    "$compute=id add 1 as next&$select=*": ([*ALL, "next"], [], False),
}


@pytest.mark.parametrize("options", SELECTED)
def test_select_chooses_fields_and_links(options):
    found = projection(f"Label?{options}")
    fields, links, shows_id = SELECTED[options]
    assert sorted(f.name for f in found.fields) == sorted(fields)
    assert [n.name for n in found.links] == links
    assert found.shows_id is shows_id


@pytest.mark.parametrize(
    ("options", "selected"),
    [("", None), ("$select=*", ("*",)), ("$select=title,id,title", ("title", "id")), ("$select=conversations", ("conversations",))],
)
def test_the_names_of_select_are_kept_for_the_context_url(options, selected):
    assert projection(f"Label?{options}").selected == selected


def tree(found: Projection) -> dict[str, Any]:
    """What is expanded, and how: one, many, or what stands in place of entities."""
    shown: dict[str, Any] = {}
    for expand in found.expands:
        content = expand.content
        kind = {ExpandOne: "one", ExpandMany: "many"}[type(expand)]
        shown[f"{kind} {expand.navigation.name}"] = tree(content) if isinstance(content, EntityProjection) else content
    return shown


EXPANDED: dict[str, dict[str, Any]] = {
    "messages": {"many messages": {}},
    "inbox": {"one inbox": {}},
    "inbox,messages": {"one inbox": {}, "many messages": {}},
    "LiveAgent.Conversation/inbox": {"one inbox": {}},
    "messages($expand=sender($expand=inboxes))": {"many messages": {"one sender": {"many inboxes": {}}}},
    "messages/$ref": {"many messages": "$ref"},
    "messages/$count": {"many messages": "$count"},
    "inbox/$ref": {"one inbox": "$ref"},
    "*": {"one inbox": {}, "one assignee": {}, "many messages": {}, "many labels": {}},
    "*/$ref": {"one inbox": "$ref", "one assignee": "$ref", "many messages": "$ref", "many labels": "$ref"},
    "messages/$count,*": {"many messages": "$count", "one inbox": {}, "one assignee": {}, "many labels": {}},
    "*,inbox($select=id)": {"one inbox": {}, "one assignee": {}, "many messages": {}, "many labels": {}},
}


@pytest.mark.parametrize("items", EXPANDED)
def test_expand_follows_navigation_properties(items):
    assert tree(projection(f"Conversation?$expand={items}")) == EXPANDED[items]


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ("nope", "Bind.Name"),
        ("status", "Bind.Name"),
        ("messages/sender", "Bind.Name"),
        ("inbox,inbox", "Bind.Option"),
        ("*,*", "Bind.Option"),
        ("inbox/$count", "Bind.Type"),
        ("inbox($filter=id eq 1)", "Bind.Option"),
        ("inbox($top=1)", "Bind.Option"),
        ("inbox($apply=aggregate($count as n))", "Bind.Option"),
    ],
)
@pytest.mark.parametrize("outer", ["{}", "messages($expand=conversation($expand={}))"])
def test_what_cannot_be_expanded_is_refused_at_every_depth(items, code, outer):
    with pytest.raises(ODataError) as caught:
        bound(f"Conversation?$expand={outer.format(items)}", strict=True)
    assert caught.value.code == code and caught.value.target == "$expand"
    inner = items.index("(") + 1 if caught.value.message.startswith("$") else items.rindex(",") + 1 if "," in items else 0
    assert caught.value.at == outer.index("{}") + inner


def test_expanded_collections_are_numbered_in_order_and_keep_their_page():
    found = projection("Conversation?$expand=messages($top=2;$skip=3;$count=true;$orderby=status),labels")
    many = [e for e in found.expands if isinstance(e, ExpandMany)]
    assert [(e.number, e.count, e.top is not None, e.skip is not None, len(e.order)) for e in many] == [
        (0, True, True, True, 2),
        (1, False, False, False, 1),
    ]


@pytest.mark.parametrize(
    ("options", "anchored"),
    [
        ("$filter=id gt 1", False),
        ("$filter=id gt $it/id", True),
        ("$orderby=$it/id", True),
        ("$select=id;$expand=sender", False),
    ],
)
def test_a_next_link_that_names_it_brings_the_key_along(options, anchored):
    [expand] = projection(f"Conversation?$expand=messages({options})").expands
    assert isinstance(expand, ExpandMany)
    assert (expand.anchor is not None) is anchored
    assert any("@__it" in str(piece) for piece in expand.query) is anchored


# --- items by name ------------------------------------------------------------------------------------


def items(text: str) -> tuple[ast.ExpandItem, ...]:
    return options_of(f"$expand={text}").expand or ()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("sender", ["sender"]),
        ("sender,conversation", ["sender", "conversation"]),
        ("LiveAgent.Message/sender", ["sender"]),
        ("*", ["*"]),
        ("sender,*", ["sender", "*"]),
    ],
)
def test_items_are_found_by_name(text, names):
    assert list(items_by_name(items(text), MODEL.entity_sets["Message"].entity_type)) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [("b", ["b"]), ("*", ["a", "b", "c"]), ("b,*", ["b", "a", "c"]), ("*,c", ["c", "a", "b"])],
)
def test_a_star_stands_for_the_names_that_have_no_item(text, names):
    found = with_star(items_by_name(items(text)), ("a", "b", "c"))
    assert list(found) == names
    assert [item.path for item in found.values()] == [(name,) for name in names]


@pytest.mark.parametrize(("text", "code"), [("a,a", "Bind.Option"), ("*,*", "Bind.Option"), ("a/b", "Bind.Name")])
def test_items_that_come_twice_or_are_paths_are_refused(text, code):
    with pytest.raises(ODataError) as caught:
        items_by_name(items(text))
    assert caught.value.code == code
