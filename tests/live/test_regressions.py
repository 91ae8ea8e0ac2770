"""Faults that testers found from outside, one test each, so that none comes back."""

from __future__ import annotations

import time

import pytest
from tests.live.test_web import raw


def error_of(reply, status, code):
    """The error of a refused request, which must be this one."""
    error = reply.json()["error"]
    assert (reply.status, error["code"]) == (status, code), reply.body
    return error


def log_of(gateway):
    """The log with the line of everything asked so far; lines come up to 50 ms late."""
    gateway.get("Label?$top=0&last=1")
    deadline = time.monotonic() + 5
    while not gateway.log().rstrip().rpartition("\n")[2].count("[$top,last]") and time.monotonic() < deadline:
        time.sleep(0.02)
    return gateway.log()


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


@pytest.mark.parametrize("target", ["Message(1)//content", "Message//?$top=1"])
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


@pytest.mark.parametrize("target", ["Message&apikey={0}", "Message(1)/content&apikey={0}", "Message/1&$top=1&apikey={0}"])
def test_token_in_the_path_is_not_repeated(gateway, target):
    """Who writes '&' for '?' finds the token in the error and in the log of the gateway."""
    token = "MistypedTokenOf24Letters"
    error = error_of(gateway.get(target.format(token), token=None), 401, "Auth.Missing")
    assert token not in str(error)
    error = error_of(gateway.get(target.format(token)), 400, "Url.Syntax")
    assert "write '?' before the first option" in error["message"] and token not in str(error)
    assert token not in log_of(gateway)


@pytest.mark.parametrize("target", ["Label?apikey%3D{0}", "Label?{0}", "Label%26apikey={0}"])
def test_token_in_the_name_of_an_option_is_not_logged(gateway, target):
    token = "MisplacedTokenOf24Letter"
    gateway.get(target.format(token))
    assert token not in log_of(gateway)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("Message/$ref?$select=id", "$select at 0: $select does not apply to references; leave it out"),
    ],
)
def test_message_says_what_to_write(gateway, target, message):
    assert gateway.get(target).json()["error"]["message"] == message


@pytest.mark.parametrize(
    ("target", "option", "at", "nested"),
    [
        ("Conversation?$expand=messages($filter=id gt 'x')", "$expand", 23, "$filter"),
        ("Conversation?$expand=messages($compute=nope as x)", "$expand", 18, "$compute"),
        ("Message?$filter=@a eq 1&@a=nope", "@a", 0, None),
        ("Message(@k)?@k='x'", "@k", 0, None),
    ],
)
def test_an_error_names_the_option_that_the_url_has(gateway, target, option, at, nested):
    """The nested option was blamed, with the offset in the outer one; and the option that used an alias, with the offset in the alias."""
    error = gateway.get(target.replace(" ", "%20")).json()["error"]
    assert error["target"] == option
    where = f"{option} at {at}" + (f", nested {nested}" if nested else "")
    assert error["message"].startswith(f"{where}: ")
    assert [detail["target"] for detail in error["details"] if detail["target"] != option] == ([nested] if nested else [])


def test_setting_of_the_depth_moves_the_limit_up_too(gateway, gateways, reader_dsn):
    """The parser refused 100 levels before the setting was asked, without a word about it."""
    target = "Label?$top=0&$filter=" + "not " * 120 + "true"
    error = error_of(gateway.get(target), 400, "Limit.Depth")
    assert error["target"] == "$filter" and "ODATA_MAX_DEPTH" in error["message"]
    with gateways(ODATA_DSN=reader_dsn, ODATA_MAX_DEPTH="150") as deep:
        assert deep.get(target).status == 200
