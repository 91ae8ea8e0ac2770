"""Which order values all rows of a query have in common, as a table; what then orders the rows, and finds those behind a row."""

from __future__ import annotations

import pytest
from odata_gateway.sql.paging.fixed_values import open_positions
from odata_gateway.sql.relation import Relations
from tests.unit.sql.test_page_scan import query_of

# (request, positions of what orders the rows of one account, the same of several accounts)
POSITIONS = [
    # a condition
    ("Message?$filter=inbox_id eq 9&$orderby=inbox_id", [1], [1]),
    ("Message?$filter=inbox_id eq 9&$orderby=inbox_id desc,id desc", [1], [1]),
    ("Message?$filter=9 eq inbox_id&$orderby=inbox_id", [1], [1]),
    ("Message?$filter=inbox_id eq 9 and status eq 1&$orderby=status,inbox_id,created_at", [2, 3], [2, 3]),
    ("Message?$filter=inbox_id eq 9 and (status eq 1 and private eq true)&$orderby=created_at,private", [0, 2], [0, 2]),
    ("Message?$filter=created_at eq 2021-01-01T00:00:00Z&$orderby=created_at desc", [1], [1]),
    ("Message?$filter=source_id eq 'a'&$orderby=source_id desc,id", [1], [1]),
    ("Message?$filter=source_id eq null&$orderby=source_id desc,id", [1], [1]),
    ("Message?$filter=null eq source_id and inbox_id eq 9&$orderby=source_id,inbox_id,created_at", [2, 3], [2, 3]),
    ("Message?$filter=created_at eq null&$orderby=created_at", [1], [1]),
    ("Message?$filter=private&$orderby=private", [1], [1]),
    ("Message?$filter=not private&$orderby=private desc", [1], [1]),
    ("Message?$filter=inbox_id in (9)&$orderby=inbox_id", [1], [1]),
    ("Message?$filter=inbox_id eq @i&@i=9&$orderby=inbox_id", [1], [1]),
    ("Message?$filter=inbox_id eq 9.0&$orderby=inbox_id", [1], [1]),
    ("Message?$filter=conversation/status eq 1&$orderby=conversation/status,id", [1], [1]),
    ("Message?$filter=length(content) eq 5&$orderby=length(content)", [1], [1]),
    ("Conversation?$filter=uuid eq '00000000-0000-0000-0000-000000000000'&$orderby=uuid", [1], [1]),
    ("Message/$filter(inbox_id eq 9)?$orderby=inbox_id", [1], [1]),
    ("Message?$apply=filter(inbox_id eq 9)&$orderby=inbox_id", [1], [1]),
    ("Message?$apply=groupby((inbox_id,status))/filter(inbox_id eq 9)&$orderby=inbox_id,status", [1], [1]),
    ("$crossjoin(Message,Inbox)?$filter=Message/inbox_id eq 9&$orderby=Message/inbox_id", [1, 2], [1, 2]),
    # one row at most: the last position stays
    ("Message?$filter=id eq 5&$orderby=inbox_id", [0], [0]),
    ("Message?$filter=id eq 5 and inbox_id eq 9&$orderby=inbox_id", [1], [1]),
    ("Message?$filter=id eq 5", [0], [0]),
    # no condition, or one that leaves several values
    ("Message?$orderby=inbox_id", [0, 1], [0, 1]),
    ("Message?$filter=inbox_id ne 9&$orderby=inbox_id", [0, 1], [0, 1]),
    ("Message?$filter=inbox_id ge 9&$orderby=inbox_id", [0, 1], [0, 1]),
    ("Message?$filter=inbox_id in (9,10)&$orderby=inbox_id", [0, 1], [0, 1]),
    ("Message?$filter=inbox_id eq 9 or status eq 1&$orderby=inbox_id,status", [0, 1, 2], [0, 1, 2]),
    ("Message?$filter=not (inbox_id eq 9)&$orderby=inbox_id", [0, 1], [0, 1]),
    ("Message?$filter=inbox_id eq status&$orderby=inbox_id,status", [0, 1, 2], [0, 1, 2]),
    ("Message?$filter=inbox_id add 1 eq 9&$orderby=inbox_id", [0, 1], [0, 1]),
    ("Message?$filter=tolower(source_id) eq 'a'&$orderby=source_id", [0, 1], [0, 1]),
    ("Message?$filter=conversation/inbox_id eq 9&$orderby=inbox_id", [0, 1], [0, 1]),
    ("Message?$filter=date(created_at) eq 2021-01-01&$orderby=created_at", [0, 1], [0, 1]),
    ("Message?$filter=conversation_id eq 1e3&$orderby=conversation_id", [0, 1], [0, 1]),  # several Int64 may equal one Double
    # the path
    ("Conversation(1)/messages?$orderby=conversation_id", [1], [1]),
    ("Inbox(1)/conversations(2)/messages?$orderby=conversation_id,inbox_id desc", [1, 2], [1, 2]),
    ("Conversation(1)/messages?$orderby=inbox_id", [0, 1], [0, 1]),
    ("Conversation(1)/labels?$orderby=title", [0, 1], [0, 1]),
    # the account
    ("Message?$orderby=account_id", [1], [0, 1]),
    ("Message?$orderby=account_id,created_at", [1, 2], [0, 1, 2]),
    ("Conversation(1)/messages?$orderby=account_id,created_at", [1, 2], [0, 1, 2]),
    ("User?$orderby=name", [0, 1], [0, 1]),
]  # fmt: skip


def positions(query, *, one_account):
    relations = Relations(many_accounts=not one_account)
    relations.enter(query.block)
    return list(open_positions(query, relations.expressions, one_account=one_account))


@pytest.mark.parametrize(("request_", "one", "several"), POSITIONS)
def test_what_orders_the_rows(request_, one, several):
    query = query_of(request_)
    assert positions(query, one_account=True) == one
    assert positions(query, one_account=False) == several
