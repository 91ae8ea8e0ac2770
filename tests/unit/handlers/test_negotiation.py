"""A request for data with what its headers ask for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from odata_gateway.config.settings import Settings
from odata_gateway.errors import BindSegment, UrlFormat, UrlPrecondition, UrlSkiptoken
from odata_gateway.formats.registry import FORMATS
from odata_gateway.handlers.negotiation import Negotiation, is_sharded
from odata_gateway.handlers.request import DataRequest, page_link
from odata_gateway.handlers.service import compiler_for
from odata_gateway.identity.caller import Caller
from odata_gateway.protocol import links
from odata_gateway.protocol.message import Request
from odata_gateway.protocol.metadata.document import MetadataDocuments
from odata_gateway.url.resource_kind import classify
from tests.harness.cases import MODEL

ROOT = "http://host/v1.0/odata/"
SETTINGS = replace(Settings(), page_rows=100, max_page_rows=200)


def data_request(
    target: str, headers: dict[str, str] | None = None, accounts: tuple[int, ...] = (1,), settings: Settings = SETTINGS
) -> DataRequest:
    negotiation = Negotiation(settings, FORMATS, MetadataDocuments(MODEL), is_sharded=is_sharded(settings, MODEL))
    request = Request("GET", target, classify(target), headers or {}, ROOT, "key &")
    return negotiation.data_request(request, Caller("1", accounts), compiler_for(MODEL, settings).compile(target))


@pytest.mark.parametrize(("prefer", "rows"), [("", 100), ("maxpagesize=7", 7), ("odata.maxpagesize=5000", 200), ("maxpagesize=0", 100)])
def test_a_page_has_the_size_that_the_client_prefers_within_the_limit(prefer, rows):
    assert data_request("Message", {"prefer": prefer}).page_rows == rows


def test_a_later_page_has_the_size_of_the_first_unless_the_client_prefers_another():
    first = data_request("Message?$orderby=sender_id", {"prefer": "maxpagesize=9"})
    token = links.skiptoken(links.Continuation(9, 9, (None, "41")), first.token_scope)
    target = f"Message?$orderby=sender_id&$skiptoken={token}"
    later = data_request(target)
    assert (later.page_rows, later.variant.null_mask, later.values().keys) == (9, (True, False), (None, "41"))
    assert data_request(target, {"prefer": "maxpagesize=4"}).page_rows == 4
    assert later.token_scope == first.token_scope and not later.is_counted
    with pytest.raises(UrlSkiptoken):
        data_request(f"Message?$skiptoken={token}")


def test_a_token_in_the_url_is_repeated_in_links():
    assert data_request("Message").credential is None
    assert data_request("Message?$top=1&apikey=x").credential == "apikey=key%20%26"


@pytest.mark.parametrize(
    ("text", "link"),
    [("/Message?$top=5&$skiptoken=old&SKIPTOKEN=y", "Message?$top=5&SKIPTOKEN=y&$skiptoken=new"), ("Conversation(1)/messages", "Conversation(1)/messages?$skiptoken=new")],
)  # fmt: skip
def test_the_link_to_the_next_page_is_the_url_of_the_client_with_a_token(text, link):
    url = compiler_for(MODEL, SETTINGS).parse(text)
    assert page_link(ROOT, url, "new") == ROOT + link


def test_nulls_are_left_out_of_entities_only():
    omitting = {"prefer": "omit-values=nulls"}
    assert data_request("Message", omitting).applied == "omit-values=nulls"
    assert data_request("Message?$apply=groupby((status))", omitting).applied is None
    assert data_request("Message/$count", omitting).applied is None


def test_the_statement_knows_how_many_accounts_there_are():
    sharded = replace(SETTINGS, sharded="true")
    variants = [
        data_request("Message", accounts=accounts, settings=settings).variant
        for accounts in ((1,), (1, 2))
        for settings in (SETTINGS, sharded)
    ]
    assert [(variant.many_accounts, variant.shard_accounts) for variant in variants] == [(False, 0), (False, 1), (True, 0), (True, 2)]


@pytest.mark.parametrize(
    ("target", "headers", "error"),
    [("Message?$schemaversion=1.0", {}, BindSegment), ("Message", {"odata-isolation": "snapshot"}, UrlPrecondition), ("Message", {"accept": "text/html"}, UrlFormat)],
)  # fmt: skip
def test_what_cannot_be_had_is_refused(target, headers, error):
    with pytest.raises(error):
        data_request(target, headers)
