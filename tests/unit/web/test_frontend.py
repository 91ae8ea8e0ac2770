"""What the parts of a batch need of HTTP: their token, and errors reported as for whole requests."""

import json
import logging
from base64 import b64encode

import pytest
from odata_gateway.config.settings import Settings
from odata_gateway.errors import AuthInvalid, UrlSyntax
from odata_gateway.observe.request_stats import RequestStats, current_stats
from odata_gateway.protocol.message import Request
from odata_gateway.url.resource_kind import classify
from odata_gateway.web.frontend import HttpFrontend

TARGET = "Label?apikey=sEcReT"
PART = Request(method="GET", target=TARGET, kind=classify(TARGET), headers={}, root="http://h/", token="sEcReT")


def test_the_token_of_a_part_is_where_that_of_a_request_is():
    basic = {"authorization": "Basic " + b64encode(b"u:T").decode()}
    assert HttpFrontend(Settings()).token_of({}, "apikey=K") == "K"
    assert HttpFrontend(Settings()).token_of(basic, "") == "T"
    with pytest.raises(AuthInvalid):
        HttpFrontend(Settings(basic_auth=False)).token_of(basic, "")


@pytest.mark.parametrize(("error", "status"), [(UrlSyntax("wrong"), 400), (ValueError("about sEcReT"), 500)])
def test_an_error_of_a_part_has_the_id_of_its_batch_and_no_token(caplog, error, status):
    outer = current_stats.set(RequestStats("a-1", 0.0))
    with caplog.at_level(logging.INFO, "odata_gateway"):
        reply = HttpFrontend(Settings()).refusal(PART, error)
    current_stats.reset(outer)
    assert (reply.status, json.loads(reply.body)["error"]["innererror"]) == (status, {"request_id": "a-1"})
    assert ("id=a-1" in caplog.text) is (status == 500)
    assert "sEcReT" not in caplog.text and b"sEcReT" not in reply.body
