"""A type name in a path, after a collection too: a cast to the declared type changes nothing, any other is refused (URL Conventions 4.11)."""

from __future__ import annotations

import pytest
from odata_gateway.errors import ODataError
from tests.harness.cases import bound, compiled

SAME = [
    ('Conversation?$filter=messages/LiveAgent.Message/any()', 'Conversation?$filter=messages/any()'),
    ('Conversation?$filter=messages/LiveAgent.Message/all(m:m/private)', 'Conversation?$filter=messages/all(m:m/private)'),
    ('Conversation?$filter=messages/LiveAgent.Message/any(m:m/LiveAgent.Message/private)', 'Conversation?$filter=messages/any(m:m/private)'),
    ('Conversation?$filter=messages/LiveAgent.Message/$count gt 1', 'Conversation?$filter=messages/$count gt 1'),
    ('Conversation?$filter=messages/LiveAgent.Message/$count($filter=private) gt 1', 'Conversation?$filter=messages/$count($filter=private) gt 1'),
    ('Conversation?$filter=messages/LiveAgent.Message/$filter(private)/$count gt 1', 'Conversation?$filter=messages/$filter(private)/$count gt 1'),
    ('Conversation?$filter=messages/$filter(private)/LiveAgent.Message/$count gt 1', 'Conversation?$filter=messages/$filter(private)/$count gt 1'),
    ('Conversation?$expand=messages/LiveAgent.Message($top=1)', 'Conversation?$expand=messages($top=1)'),
    ('Conversation?$expand=messages/LiveAgent.Message', 'Conversation?$expand=messages'),
    ('Conversation?$expand=messages/LiveAgent.Message/$count', 'Conversation?$expand=messages/$count'),
    ('Conversation?$expand=messages/LiveAgent.Message/$ref($top=1)', 'Conversation?$expand=messages/$ref($top=1)'),
    ('Conversation?$expand=LiveAgent.Conversation/messages/LiveAgent.Message($top=1)', 'Conversation?$expand=messages($top=1)'),
    ('Conversation?$expand=inbox/LiveAgent.Inbox($select=name)', 'Conversation?$expand=inbox($select=name)'),
    ('Message?$select=LiveAgent.Message/content', 'Message?$select=content'),
    ('Conversation?$expand=messages($select=LiveAgent.Message/content)', 'Conversation?$expand=messages($select=content)'),
    ("Message?$filter=LiveAgent.Message/content eq 'x'", "Message?$filter=content eq 'x'"),
    ("Message?$filter=inbox/LiveAgent.Inbox/name eq 'x'", "Message?$filter=inbox/name eq 'x'"),
    ('Message?$filter=LiveAgent.Message/inbox/LiveAgent.Inbox eq null', 'Message?$filter=inbox eq null'),
    ('Message?$orderby=inbox/LiveAgent.Inbox/name desc', 'Message?$orderby=inbox/name desc'),
    ('Conversation?$orderby=messages/LiveAgent.Message/$count', 'Conversation?$orderby=messages/$count'),
    ('Message?$compute=inbox/LiveAgent.Inbox/name as n', 'Message?$compute=inbox/name as n'),
    ('Message?$apply=groupby((inbox/LiveAgent.Inbox/name))', 'Message?$apply=groupby((inbox/name))'),
    ('Message?$apply=aggregate(LiveAgent.Message/id with max as m)', 'Message?$apply=aggregate(id with max as m)'),
    ('Conversation?$apply=aggregate(messages/LiveAgent.Message/id with max as m)', 'Conversation?$apply=aggregate(messages/id with max as m)'),
    ('Conversation?$apply=aggregate(messages/LiveAgent.Message/$count as m)', 'Conversation?$apply=aggregate(messages/$count as m)'),
    ("Message?$apply=groupby((inbox))&$filter=inbox/LiveAgent.Inbox/name eq 'x'", "Message?$apply=groupby((inbox))&$filter=inbox/name eq 'x'"),
    ("Message?$apply=groupby((inbox/name))&$filter=inbox/LiveAgent.Inbox/name eq 'x'", "Message?$apply=groupby((inbox/name))&$filter=inbox/name eq 'x'"),
    ('Message?$apply=groupby((inbox))&$expand=inbox/LiveAgent.Inbox($select=id)', 'Message?$apply=groupby((inbox))&$expand=inbox($select=id)'),
    ('Message?$apply=filter(LiveAgent.Message/private)', 'Message?$apply=filter(private)'),
    ('Message?$apply=topcount(1,LiveAgent.Message/id)', 'Message?$apply=topcount(1,id)'),
    ('Conversation?$apply=join(messages/LiveAgent.Message as m)', 'Conversation?$apply=join(messages as m)'),
    ('Conversation(1)/messages/LiveAgent.Message', 'Conversation(1)/messages'),
    ('Conversation(1)/messages/LiveAgent.Message/$count', 'Conversation(1)/messages/$count'),
    ('Conversation/LiveAgent.Conversation?$top=1', 'Conversation?$top=1'),
    ('Conversation(1)/LiveAgent.Conversation/messages/LiveAgent.Message(1)', 'Conversation(1)/messages(1)'),
    ('Message(1)/inbox/LiveAgent.Inbox/name', 'Message(1)/inbox/name'),
    ('Conversation?$filter=$root/Inbox/LiveAgent.Inbox/any(i:i/id eq inbox_id)', 'Conversation?$filter=$root/Inbox/any(i:i/id eq inbox_id)'),
    ('Conversation?$filter=$it/LiveAgent.Conversation/status eq 1', 'Conversation?$filter=$it/status eq 1'),
    ('Conversation?$filter=assignee in inbox/members/LiveAgent.User', 'Conversation?$filter=assignee in inbox/members'),
    ('$crossjoin(Message,Inbox)?$filter=Message/LiveAgent.Message/inbox_id eq Inbox/id&$expand=Inbox/LiveAgent.Inbox', '$crossjoin(Message,Inbox)?$filter=Message/inbox_id eq Inbox/id&$expand=Inbox'),
    ('Message?$select=inbox/LiveAgent.Inbox/name&$expand=inbox/LiveAgent.Inbox', 'Message?$select=inbox/name&$expand=inbox'),
]  # fmt: skip

REFUSED = [
    "Conversation?$filter=messages/LiveAgent.Inbox/any()",
    "Conversation?$filter=messages/Edm.String/any()",
    "Conversation?$expand=messages/LiveAgent.Inbox",
    "Message?$select=LiveAgent.Inbox/name",
    "Conversation(1)/messages/LiveAgent.Inbox",
    "Message?$filter=inbox/LiveAgent.Nope/name eq 'x'",
    "Conversation?$filter=messages/LiveAgent.Message/content eq 'x'",
    "Conversation?$filter=messages/LiveAgent.Message eq null",
    "Conversation?$filter=messages/LiveAgent.Message eq 1",
    "Conversation?$expand=messages/LiveAgent.Message/sender",
    "Message?$apply=groupby((inbox/LiveAgent.User/name))",
    "Conversation?$apply=aggregate(messages/LiveAgent.Inbox/id with max as m)",
    "$crossjoin(Message,Inbox)?$expand=Inbox/LiveAgent.User",
]


def without_links(url: str) -> object:
    """The statements and their arguments, without the text of the next links, which repeats the client's paths, and its digest."""
    return {kind: (text, [a for a in arguments if not isinstance(a, str)]) for kind, (text, arguments) in compiled(url, (1,)).items()}


@pytest.mark.parametrize(("cast", "plain"), SAME)
def test_a_cast_to_the_declared_type_changes_nothing(cast, plain):
    assert without_links(cast) == without_links(plain)


@pytest.mark.parametrize("url", REFUSED)
def test_any_other_cast_is_refused_and_the_error_says_where(url):
    with pytest.raises(ODataError) as caught:
        bound(url)
    assert caught.value.status in (400, 404)
    assert caught.value.target and caught.value.at is not None


@pytest.mark.parametrize("type_", ["'x y'", "''", "5", "LiveAgent.Nope", "'LiveAgent.Nope'", "Conversation", "null"])
def test_isof_names_the_type_that_is_none_and_where_it_stands(type_):
    with pytest.raises(ODataError) as caught:
        bound(f"Conversation?$filter=isof({type_})")
    assert (caught.value.status, caught.value.code, caught.value.target) == (400, "Bind.Name", "$filter")
    assert caught.value.at in (5, 6)
    assert "''" not in caught.value.message
