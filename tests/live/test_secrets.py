"""Secret properties: null in every output, refused by every clause that computes, and their values nowhere, not in errors or the log either."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.harness import tokens
from tests.harness.gateway import Reply
from tests.oracle.evaluator import KINDS, View

SECRETS = tuple(name for name, kind in KINDS["User"].items() if kind == "secret")

# {s} is a secret property. Everything that computes is refused, whatever the rest of the request does.
REFUSED = {
    "filter": "User?$filter={s} eq 'x'",
    "filter with null": "User?$filter={s} eq null",
    "filter ne": "User?$filter={s} ne null",
    "filter alone": "User?$filter={s}",
    "filter in": "User?$filter={s} in ('x','y')",
    "filter in null": "User?$filter={s} in (null)",
    "filter order": "User?$filter={s} ge '$2a$10$'",
    "filter mirrored": "User?$filter='a' lt {s}",
    "filter against a property": "User?$filter={s} gt name",
    "filter against itself": "User?$filter={s} eq {s}",
    "filter behind or": "User?$filter=true or {s} eq 'x'",
    "filter behind and": "User?$filter=false and {s} eq 'x'",
    "filter with not": "User?$filter=not ({s} eq 'x')",
    "filter of a group": "Conversation?$apply=groupby((assignee))&$filter=assignee/{s} eq 'x'",
    "order of groups": "Conversation?$apply=groupby((assignee))&$orderby=assignee/{s}",
    "groups of groups": "Conversation?$apply=groupby((assignee))/groupby((assignee/{s}))",
    "aggregate of groups": "Conversation?$apply=groupby((assignee))/aggregate(assignee/{s} with max as m)",
    "sum of the first": "User?$apply=topsum(1,length({s}))",
    "first of each group": "User?$apply=groupby((id),topcount(1,{s}))",
    "levels": "User?$apply=groupby((rollup(id,{s})))",
    "one of several sequences": "User?$apply=concat(identity,filter({s} ne null))",
    "rows of several kinds": "User?$apply=concat(top(3),groupby((id)))&$filter={s} ne null",
    "smaller groups": "User?$apply=aggregate(id with max from {s} with max as m)",
    "apply in expand": "Inbox?$expand=members($apply=groupby(({s})))",
    "aggregate in expand": "Inbox?$expand=members($apply=aggregate({s} with countdistinct as m))",
    "filter through $it": "User?$filter=$it/{s} eq 'x'",
    "filter through an alias": "User?$filter=@a eq 'x'&@a={s}",
    "filter with a type": "User?$filter=LiveAgent.User/{s} eq 'x'",
    "startswith": "User?$filter=startswith({s},'SECRET')",
    "endswith": "User?$filter=endswith({s},'a')",
    "contains": "User?$filter=contains({s},'SECRET')",
    "contains, second": "User?$filter=contains('SECRET',{s})",
    "length": "User?$filter=length({s}) gt 10",
    "indexof": "User?$filter=indexof({s},'S') eq 0",
    "substring": "User?$filter=substring({s},1,2) eq 'EC'",
    "concat": "User?$filter=concat(name,{s}) eq 'x'",
    "tolower": "User?$filter=tolower({s}) eq 'x'",
    "trim": "User?$filter=trim({s}) ne null",
    "cast": "User?$filter=cast({s},Edm.String) eq 'x'",
    "isof": "User?$filter=isof({s},Edm.String)",
    "case": "User?$filter=case({s} eq 'x':true,true:false)",
    "orderby": "User?$orderby={s}",
    "orderby desc": "User?$orderby=id,{s} desc",
    "orderby function": "User?$orderby=length({s})",
    "orderby condition": "User?$orderby={s} eq 'x'",
    "orderby path": "Conversation?$orderby=assignee/{s}",
    "orderby deep path": "Message?$orderby=conversation/assignee/{s} desc",
    "compute": "User?$compute={s} as copy&$select=copy",
    "compute function": "User?$compute=length({s}) as size",
    "path": "Conversation?$filter=assignee/{s} eq 'x'",
    "path to null": "Conversation?$filter=assignee/{s} ne null",
    "path of messages": "Message?$filter=startswith(sender/{s},'S')",
    "deep path": "Message?$filter=conversation/assignee/{s} eq 'x'",
    "any": "Inbox?$filter=members/any(u:u/{s} eq 'x')",
    "any with a function": "Inbox?$filter=members/any(u:startswith(u/{s},'S'))",
    "all": "Inbox?$filter=members/all(u:u/{s} ne null)",
    "outer name in a lambda": "User?$filter=inboxes/any(b:b/name eq {s})",
    "path in a lambda": "Conversation?$filter=messages/any(m:m/sender/{s} eq 'x')",
    "two lambdas": "Conversation?$filter=inbox/members/any(u:u/inboxes/any(b:u/{s} eq b/name))",
    "count of a filter": "Inbox?$filter=members/$count($filter={s} eq 'x') gt 0",
    "count segment": "User/$count?$filter=startswith({s},'SECRET')",
    "references": "User/$ref?$filter={s} eq 'x'",
    "nested filter": "Inbox?$expand=members($filter={s} eq 'x')",
    "nested orderby": "Inbox?$expand=members($orderby={s})",
    "nested compute": "Inbox?$expand=members($compute={s} as copy)",
    "nested compute, to-one": "Conversation?$expand=assignee($compute=length({s}) as size)",
    "nested filter, outer row": "User?$expand=inboxes($filter=$it/{s} eq 'x')",
    "entity of the root": "Inbox?$filter=$root/User(1)/{s} eq 'x'",
    "order by the root": "Inbox?$orderby=$root/User(1)/{s}",
    "collection of the root": "Inbox?$filter=$root/User/any(u:startswith(u/{s},'S'))",
    "filtered collection of the root": "Inbox?$filter=$root/User/$filter({s} eq 'x')/$count gt 0",
    "filter segment": "User/$filter({s} eq 'x')",
    "filter segment before a path": "User/$filter(length({s}) gt 1)(1)/inboxes",
    "nested deep": "Inbox?$expand=conversations($expand=messages($filter=sender/{s} eq 'x'))",
    "nested count": "Inbox?$expand=members/$count($filter={s} eq 'x')",
    "filter of a path": "Inbox(1)/members?$filter={s} eq 'x'",
    "filter of a member's path": "Inbox(1)/conversations?$orderby=assignee/{s}",
}

# {s} in what is only shown, as null.
SHOWN = {
    "select": "User?$select=id,{s}",
    "select alone": "User?$select={s}",
    "all": "User?$filter=id gt 0&$orderby=name",
    "entity": "User(1)?$select={s}",
    "expand": "Conversation?$expand=assignee($select={s})&$top=50",
    "expand many": "Inbox?$expand=members($select=id,{s})",
    "expand deep": "Message?$expand=conversation($expand=assignee)&$top=30",
    "path": "Conversation(1)/assignee",
    "member": "Inbox(1)/members?$select={s}",
    "full metadata": "User?$select={s}&$format=application/json;odata.metadata=full",
    "no metadata": "User?$format=application/json;odata.metadata=none",
    "a group": "Conversation?$apply=groupby((assignee))&$expand=assignee($select=id,{s})",
    "inside a group": "Conversation?$apply=groupby((assignee,status))&$select=assignee/{s}",
    "rows of $apply in expand": "Inbox?$expand=members($apply=top(3);$select=id,{s})",
    "rows of several kinds": "User?$apply=concat(top(3),groupby((id)))&$select=id,{s}",
    "what is left of groups": "User?$apply=groupby((id),topsum(9,id))",
    "strings for numbers": "User?$format=application/json;IEEE754Compatible=true",
}


@pytest.fixture(scope="module")
def values(views: dict[str, View]) -> list[str]:
    """Every secret of every user, and what of it would give it away."""
    found = {v for row in views[tokens.ADMIN].world.rows["User"] for v in row.secrets.values() if v and v != "null"}
    return sorted(found | {json.dumps(v)[1:-1] for v in found} | {"SECRET"})


def check(reply: Reply, values: list[str], asked: str) -> None:
    """No secret is in an answer, headers included; 'SECRET' only where the error repeats the question."""
    text = reply.body.decode() + json.dumps(dict(reply.headers))
    for value in values:
        assert value not in text or value in asked, value


def secrets_of(value: Any) -> list[Any]:
    """What stands behind the names of secrets, anywhere in an answer."""
    if isinstance(value, list):
        return [s for v in value for s in secrets_of(v)]
    if not isinstance(value, dict):
        return []
    return [v for k, v in value.items() if k in SECRETS] + [s for v in value.values() for s in secrets_of(v)]


def test_the_secrets_are_there_to_be_found(values, views):
    assert len(values) > 90 and len(SECRETS) == 5


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("clause", REFUSED)
def test_a_clause_that_computes_with_a_secret_is_refused(gateway, values, clause, secret):
    asked = REFUSED[clause].format(s=secret)
    reply = gateway.get(asked)
    assert (reply.status, reply.json()["error"]["code"]) == (400, "Bind.Secret"), reply.body
    check(reply, values, asked)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("output", SHOWN)
def test_a_secret_is_shown_as_null(gateway, values, output, secret):
    asked = SHOWN[output].format(s=secret)
    reply = gateway.get(asked)
    assert reply.status == 200, reply.body
    shown = secrets_of(reply.json())
    assert shown and all(v is None for v in shown)
    check(reply, values, asked)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("path", ["User(1)/{s}", "User(1)/{s}/$value", "Conversation(1)/assignee/{s}", "Conversation(1)/assignee/{s}/$value",
                                  "Inbox(1)/members(1)/{s}", "User/1/{s}"])  # fmt: skip
def test_a_secret_by_its_path_is_no_content(gateway, path, secret):
    reply = gateway.get(path.format(s=secret))
    assert (reply.status, reply.body) == (204, b"")


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "path", ["User({s}='x')", "User(id=1,{s}='x')", "User('x')", "User(1)/{s}/x", "User/{s}", "User(1)/{s}(1)", "User?$expand={s}"]
)
def test_a_secret_is_no_key_and_leads_nowhere(gateway, values, path, secret):
    reply = gateway.get(path.format(s=secret))
    assert reply.status in (400, 404), reply.body
    check(reply, values, path)


@pytest.mark.parametrize("secret", SECRETS)
def test_metadata_still_declares_a_secret(gateway, values, secret):
    reply = gateway.get("$metadata", token=None)
    assert f'Name="{secret}"' in reply.body.decode()
    check(reply, values, "")


def test_whole_collections_hold_no_secret(gateway, values):
    for asked in (
        "User",
        "Inbox?$expand=members",
        "Conversation?$expand=assignee",
        "Message?$expand=sender($expand=inboxes($expand=members($top=3)))&$top=50",
    ):
        for token in (tokens.ADMIN, tokens.BOTH_ADMIN):
            check(gateway.get(asked, token=token), values, asked)


def test_no_secret_and_no_token_is_in_the_log(gateway, values):
    gateway.get(f"User?apikey={tokens.ADMIN}&$top=1", token=None)
    gateway.get("User?$filter=tokens eq 'x'")
    log = gateway.log()
    assert log and not any(value in log for value in values if value != "SECRET")
    assert not any(value in log for name, value in vars(tokens).items() if name.isupper() and isinstance(value, str))
