"""$apply is refused, never ignored; on a single entity and when malformed it is a mistake first."""

import pytest


@pytest.mark.parametrize(
    "target",
    [
        "Message?$apply=aggregate(id with sum as s,id with min as lo,id with max as hi,id with average as av)",
        "Message?$apply=aggregate(conversation_id with countdistinct as c,$count as n)",
        "Conversation?$apply=filter(id lt 0)/aggregate(assignee_id with sum as s,$count as n)",
        "Message?$apply=aggregate(id with average as a)",
        "Conversation?$apply=groupby((assignee_id,status))",
        "Message?$apply=groupby((conversation/inbox/name,message_type),aggregate($count as n))",
        "Message?$apply=groupby((conversation))",
        "Message?$apply=filter(private eq false)/groupby((conversation_id),aggregate($count as n))/filter(n gt 1)",
        "Message?$apply=groupby((conversation_id),aggregate($count as n))&$filter=n gt 1&$orderby=n desc&$top=3&$count=true",
        "Message?$apply=aggregate($count as n)&$filter=isdefined(content)",
        "Message?$apply=compute(length(content) as len)/aggregate(len with max as m,id mul 2 with sum as s2)",
        "Inbox?$apply=groupby((name),aggregate(conversations/$count as n,conversations/messages/id with max as last))",
        "Message?$apply=topcount(2,id)",
        "Message?$apply=concat(identity,aggregate($count as n))",
        "Message?$apply=orderby(id desc)/skip(1)/top(2)",
        "Message?$apply=groupby((rollup(inbox_id,conversation_id)),aggregate($count as n))",
        "Conversation?$apply=join(messages as m)/aggregate(m/id with max as x)",
        "Message/$count?$apply=groupby((conversation_id))",
        "Conversation?$expand=messages($apply=aggregate($count as n))",
    ],
)
def test_p01_to_p23_apply_is_refused(ask, target):
    ask.unsupported(target, "$apply")


@pytest.mark.parametrize(
    "target",
    ["Message?$apply=", "Message?$apply=groupby(", "Message?$apply=aggregate()", "Message?$apply=filter()", "Message(1)?$apply=identity"],
)
def test_p17_and_p19_malformed_or_misplaced_apply_is_a_mistake(ask, target):
    ask.error(target, 400)


def test_p18_an_unknown_transformation_is_a_clean_error(ask):
    ask.error("Message?$apply=frobnicate(1)", 400, 501)
    ask.error("Message?$apply=aggregate(id with median as m)", 400, 501)


def test_p20_apply_on_all_is_refused(ask):
    ask.unsupported("$all?$apply=aggregate($count as n)", "$all")


def test_p22_no_transformation_is_advertised(ask):
    assert b"ApplySupported" not in ask("$metadata", headers={"OData-MaxVersion": "4.01"}).body
