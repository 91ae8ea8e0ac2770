"""What names and operators mean: refusals with their code and place, and the shape of bound queries."""

import pytest
from odata_gateway.errors import ODataError
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.plan.tree.projection import ExpandMany, ExpandOne
from odata_gateway.plan.tree.relation import Column, Compare, Exists, InArray, Logic, ParentPath
from tests.harness.binding import bound

REFUSED = {
    # names
    "Message?$filter=statuss eq 1": "Bind.Name",
    "Message?$select=statuss": "Bind.Name",
    "Message?$orderby=statuss": "Bind.Name",
    "Message?$expand=senders": "Bind.Name",
    "Message?$expand=status": "Bind.Name",
    "Message?$filter=sender/statuss eq 1": "Bind.Name",
    "Message?$filter=Status eq 1": "Bind.Name",
    "Message?$filter=nothing(id) eq 1": "Bind.Name",
    "Conversation?$filter=messages/any(m:n/id eq 1)": "Bind.Name",
    "Conversation?$filter=messages/any(m:m/id eq 1) and m/id eq 2": "Bind.Name",
    "Messages": "Bind.Segment",
    "Message(1)/nothing": "Bind.Segment",
    "Message/status": "Bind.Segment",
    "Message(1)/status/x": "Bind.Segment",
    "Message/$count/$count": "Url.Syntax",
    # types
    "Message?$filter=status eq 'x'": "Bind.Type",
    "Message?$filter=content eq 5": "Bind.Type",
    "Message?$filter=created_at eq 2021-11-05": "Bind.Type",
    "Message?$filter=private eq 'true'": "Bind.Type",
    "Message?$filter=status": "Bind.Type",
    "Message?$filter=status and private": "Bind.Type",
    "Message?$filter=not status": "Bind.Type",
    "Message?$filter=content add 1 eq 2": "Bind.Type",
    "Message?$filter=content eq created_at": "Bind.Type",
    "Message?$filter=length(status) eq 1": "Bind.Type",
    "Message?$filter=length(content,content) eq 1": "Bind.Type",
    "Message?$filter=-content eq 'x'": "Bind.Type",
    "Message?$filter=sender eq 5": "Bind.Type",
    "Message?$filter=sender": "Bind.Type",
    "Message?$orderby=sender": "Bind.Type",
    "Conversation?$filter=messages eq null": "Bind.Type",
    "Conversation?$filter=messages/status eq 1": "Bind.Type",
    "Conversation?$filter=messages/all()": "Bind.Type|Url.Syntax",
    "Conversation?$filter=inbox/any()": "Bind.Type",
    "Conversation?$orderby=messages": "Bind.Type",
    "Message?$filter=status/any()": "Bind.Name|Bind.Type",
    "Message?$filter=contains(private,'x')": "Bind.Type",
    "Message?$filter=status in ('x')": "Bind.Type",
    "Message(1)/$value": "Bind.Type",
    "Message('x')": "Bind.Type",
    "Message(1.5)": "Bind.Type",
    "Message(id=1,status=2)": "Bind.Type",
    "Message(status=2)": "Bind.Type",
    # options where they do not belong
    "Message(1)?$filter=status eq 1": "Bind.Option",
    "Message(1)?$orderby=id": "Bind.Option",
    "Message(1)/status?$select=id": "Bind.Option",
    "Message?$expand=sender($filter=id eq 1)": "Bind.Option",
    "Message?$expand=sender($top=1)": "Bind.Option",
    "Message?$expand=sender($search=x)": "Bind.Option",
    "Message(1)?$search=x": "Bind.Option",
    "Message?$expand=sender,sender": "Bind.Option",
    "Conversation?$expand=messages/$count($top=1)": "Url.Option",
    "Conversation?$expand=messages($levels=2)": "Bind.Option",
    # not there yet
    "Message?$apply=concat(aggregate($count as n),aggregate(id with max as n))": "Unsupported",
    "Message?$apply=groupby((rollup(ByInbox)))": "Bind.Name",
    "User?$apply=groupby((id),topsum(1,length(tokens)))": "Bind.Secret",
    "Message?$apply=aggregate(id with max as status)": "Bind.Name",
    "Message?$apply=aggregate(content with sum as x)": "Bind.Type",
    "User?$apply=groupby((tokens))": "Bind.Secret",
    "User?$apply=groupby((id))&$filter=tokens eq null": "Bind.Secret",
    "Message?$apply=groupby((status))&$select=content": "Bind.Name",
    "$all": "Bind.Segment",
    "$crossjoin(Message,User)?$apply=aggregate($count as n)": "Unsupported",
    "$crossjoin(Message,Message)": "Bind.Name",
    "$crossjoin(Message,Nope)": "Bind.Segment",
    "$crossjoin(Message,User)?$filter=id eq 1": "Bind.Name",
    "$crossjoin(Message,User)?$filter=User/tokens eq 'x'": "Bind.Secret",
    "$crossjoin(Message,User)?$select=User/id": "Bind.Type",
    "$crossjoin(Message,User)?$expand=User($top=1)": "Bind.Option",
    "$crossjoin(Message,User)?$compute=1 as User": "Bind.Name",
    "Message?$filter=geo.distance(id,id) eq 1": "Unsupported",
    # secrets
    "User?$filter=tokens eq 'x'": "Bind.Secret",
    "User?$orderby=tokens": "Bind.Secret",
    # keys and values
    "Message(null)": "Bind.NoEntity",
    "Message?$filter=@a eq 1&@a=@b&@b=@a": "Bind.Value",
    "Message?$filter=id eq 99999999999999999999": "",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_mistake_has_its_code_and_its_place(text):
    if REFUSED[text] == "":
        assert bound(text, strict=True)
        return
    with pytest.raises(ODataError) as caught:
        bound(text, strict=True)
    assert any(caught.value.code.startswith(code) for code in REFUSED[text].split("|")), caught.value
    assert caught.value.target and caught.value.at is not None


def order(text: str) -> list[tuple[str, bool]]:
    return [(k.expr.name if isinstance(k.expr, Column) else type(k.expr).__name__, k.descending) for k in bound(text).order]


@pytest.mark.parametrize(("text", "wanted"), [
    ("Message", [("id", False)]),
    ("Message?$orderby=id desc", [("id", True)]),
    ("Message?$orderby=id,status", [("id", False)]),
    ("Message?$orderby=status,status desc", [("status", False), ("id", False)]),
    ("Message?$orderby=status desc,content", [("status", True), ("content", False), ("id", False)]),
    ("Message?$orderby=null,status", [("status", False), ("id", False)]),
    ("Message?$orderby=conversation/id", [("id", False), ("id", False)]),
    ("Message?$orderby=length(content) desc", [("Function", True), ("id", False)]),
])  # fmt: skip
def test_the_order_is_total_and_holds_nothing_that_cannot_matter(text, wanted):
    assert order(text) == wanted


def test_one_path_is_one_join_wherever_it_stands():
    query = bound(
        "Message?$filter=sender/name eq 'x' or sender/email eq null&$orderby=sender/id,conversation/assignee/name,conversation/status"
    )
    assert [join.source.entity_type.name for join in query.block.joins] == ["User", "Conversation", "User"]


def test_the_count_keeps_the_joins_of_the_filter_only():
    query = bound("Message?$filter=sender/id eq 1&$orderby=conversation/status&$count=true")
    assert query.counted is not None
    assert [join.source.entity_type.name for join in query.counted.joins] == ["User"]
    assert [join.source.entity_type.name for join in query.block.joins] == ["User", "Conversation"]


def test_a_join_inside_a_lambda_belongs_to_the_lambda():
    query = bound("Conversation?$filter=messages/any(m:m/sender/name eq assignee/name)")
    [predicate] = query.block.predicates
    assert isinstance(predicate, Exists)
    assert [j.link.parent.entity_type.name for j in predicate.block.joins] == ["Message"]
    assert [j.link.parent.entity_type.name for j in query.block.joins] == ["Conversation"]


def test_long_chains_are_flat():
    query = bound("Message?$filter=" + " or ".join(f"id eq {i}" for i in range(1500)), Limits(nodes=10_000))
    [predicate] = query.block.predicates
    assert isinstance(predicate, Logic) and len(predicate.operands) == 1500


def test_a_literal_list_is_one_parameter():
    [predicate] = bound("Message?$filter=id in (1,2,3)").block.predicates
    assert isinstance(predicate, InArray)


def test_comparisons_are_never_null_and_columns_behind_navigation_may_be():
    [predicate] = bound("Message?$filter=conversation/id eq 1").block.predicates
    assert isinstance(predicate, Compare) and not predicate.nullable
    assert isinstance(predicate.left, Column) and predicate.left.nullable
    [predicate] = bound("Message?$filter=id eq 1").block.predicates
    assert isinstance(predicate, Compare) and not predicate.left.nullable


def test_secrets_are_fields_without_a_value():
    projection = bound("User").projection
    assert projection is not None
    assert {f.name for f in projection.fields if f.value is None} == {
        "encrypted_password", "reset_password_token", "confirmation_token", "tokens", "pubsub_tokens"}  # fmt: skip


def test_a_path_is_walked_from_its_parent():
    query = bound("Conversation(1)/messages(2)/sender")
    within: ParentPath | None = query.block.within
    names = []
    while within is not None:
        names.append(within.source.entity_type.name)
        within = within.outer
    assert names == ["Message", "Conversation"] and query.optional and query.parent is not None


def test_a_star_expands_what_is_not_named():
    projection = bound("Conversation?$expand=messages($top=1),*").projection
    assert projection is not None
    assert {e.navigation.name: type(e) for e in projection.expands} == {
        "messages": ExpandMany, "inbox": ExpandOne, "assignee": ExpandOne, "labels": ExpandMany}  # fmt: skip


@pytest.mark.parametrize(("text", "limits"), [
    ("Message?$filter=" + "not(" * 60 + "private" + ")" * 60, Limits(depth=50)),
    ("Message?$filter=" + " and ".join(["private"] * 60), Limits(nodes=50)),
    ("Message?$filter=@a eq 'x'&@a=concat(@b,@b)&@b=concat(@c,@c)&@c=concat(@d,@d)&@d=concat(content,content)", Limits(nodes=12)),
    ("User?$expand=messages($expand=conversation($expand=messages))", Limits(expand_depth=2)),
])  # fmt: skip
def test_limits_hold_before_anything_is_rendered(text, limits):
    assert bound(text)
    with pytest.raises(ODataError) as caught:
        bound(text, limits)
    assert caught.value.code.startswith("Limit.")
