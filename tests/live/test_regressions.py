"""Faults that testers found from outside, one test each, so that none comes back."""

from __future__ import annotations

import pytest

from tests.live.test_web import raw


def error_of(reply, status, code):
    """The error of a refused request, which must be this one."""
    error = reply.json()["error"]
    assert (reply.status, error["code"]) == (status, code), reply.body
    return error


def test_next_link_carries_the_apikey_that_was_used(gateway):
    """An empty `apikey` before the real one was kept instead of it, and the second page answered 401."""
    target = f"Label?$select=id&apikey=&apikey={gateway.tokens.ADMIN}&apikey=other"
    pages = gateway.pages(target, token=None, headers={"Prefer": "maxpagesize=5"})
    assert len(pages) > 1
    link = gateway.get(target, token=None, headers={"Prefer": "maxpagesize=5"}).json()["@odata.nextLink"]
    assert link.count("apikey=") == 1


@pytest.mark.parametrize("times", [30, 300])
def test_path_of_many_segments_is_refused(gateway, times):
    """It was 500 by Python's recursion limit, and some seconds of planning below it."""
    reply = gateway.get("Message(1)" + "/conversation/messages(1)" * times + "?$select=id")
    assert error_of(reply, 400, "Limit.Depth")["target"] == "path"


@pytest.mark.parametrize("target", ["Message(1)//content", "Message//?$top=1", "Message(1)(1)"])
def test_segment_without_a_name_is_called_so(gateway, target):
    """It was a property '' that Message does not have, or a key in front of a $top that does not apply."""
    assert "''" not in error_of(gateway.get(target), 404, "Bind.Segment")["message"]


def test_metadata_with_a_fragment_is_metadata(gateway):
    """Context URLs have one, and some clients send it; `$metadata?` was no entity set then."""
    assert gateway.ask("GET", "/v1.0/odata/$metadata#Message").status == 200


def test_unencoded_text_in_a_url_is_told_how_to_encode_it(gateway):
    answer, _, _ = raw(gateway, "GET /v1.0/odata/Message?$filter=content eq 'ä' HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert b" 400 " in answer
    assert b"%20 and %C3%A9" in answer
