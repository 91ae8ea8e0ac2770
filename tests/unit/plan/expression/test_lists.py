"""The right side of `in`: a list, or 400 at the place of what is none, which may be the value of an alias."""

from __future__ import annotations

import pytest
from odata_gateway.errors import ODataError
from tests.harness.cases import bound

# The place of the error, by request.
NO_LIST = {
    "Message?$filter=id in @a&@a=5": ("@a", 0),
    "Message?$filter=content in @a&@a='x'": ("@a", 0),
    "Message?$filter=id in @a&@a=null": ("@a", 0),
    "Message?$filter=id in @a&@a=@b&@b=true": ("@b", 0),
    'Message?$filter=id in @a&@a={"a":1}': ("@a", 0),
    "Message?$filter=id in @a&@a=status": ("@a", 0),
    "Message?$filter=id in @a&@a=inbox/id": ("@a", 6),
    "Message?$filter=id in @a": ("$filter", 6),
    "Message?$filter=id in 5": ("$filter", 6),
    "Message?$filter=id in status": ("$filter", 6),
    "Message?$filter=id in sender": ("$filter", 6),
    "Message?$filter=id in (id add 1)": ("$filter", 10),
    "Message?$filter=created_at in now()": ("$filter", 14),
    "Message?$filter=[1] in @a&@a=5": ("@a", 0),
    "Conversation?$filter=id in messages": ("$filter", 6),
    "Conversation?$filter=assignee in @a&@a=1": ("@a", 0),
    "Conversation?$filter=assignee in inbox": ("$filter", 12),
    "Conversation?$expand=messages($filter=id in @a;@a=5)": ("$expand", 29),
}


@pytest.mark.parametrize("url", NO_LIST)
def test_what_is_no_list_is_a_bad_request_at_its_place(url):
    with pytest.raises(ODataError) as caught:
        bound(url)
    assert caught.value.status == 400
    assert (caught.value.target, caught.value.at) == NO_LIST[url]
