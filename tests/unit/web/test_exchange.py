"""Around a request: its id, errors as answers, one log line, and connections that are cut."""

import json
import logging

import pytest
from odata_gateway.config.settings import Settings
from odata_gateway.errors import AuthInvalid, DbUnavailable, UrlSyntax
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.protocol.message import Reply
from odata_gateway.web.exchange import refusal, respond
from tests.harness.sent import received, serving
from tests.harness.source import Source

GET = b"GET /v1.0/odata/Label?apikey=sEcReT HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n"


async def answered(handler, *headers, settings=None, closing=False):
    """What a client receives for one request: the status, the headers by lower-case name, and the body."""

    async def serve(request):
        return await respond(request, handler, settings or Settings(), is_closing=lambda: closing)

    async with serving(serve) as port:
        answer = await received(port, GET % b"".join(header + b"\r\n" for header in headers))
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body


def replying(*parts, status=200):
    async def handler(exchange):
        return Reply(status, (("Content-Type", "text/plain"),), parts[0] if len(parts) == 1 else Source(*parts))

    return handler


def raising(error):
    async def handler(exchange):
        raise error

    return handler


async def test_a_request_keeps_the_id_that_a_proxy_gave_it():
    assert (await answered(replying(b"x"), b"X-Request-Id: a-1"))[1]["x-request-id"] == "a-1"


@pytest.mark.parametrize("given", [(), (b"X-Request-Id: a b",), (b"X-Request-Id: " + b"a" * 65,)])
async def test_other_requests_get_an_id_of_their_own(given):
    first, second = [(await answered(replying(b"x"), *given))[1]["x-request-id"] for _ in range(2)]
    assert len(first) == len(second) == 16 and first != second


@pytest.mark.parametrize(
    ("parent", "trace"),
    [
        (b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0af7651916cd43dd8448eb211c80319c"),
        (b"00-00000000000000000000000000000000-b7ad6b7169203331-01", None),
        (b"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None),
        (b"nonsense", None),
    ],
)
async def test_a_trace_is_continued(parent, trace):
    seen = []

    async def handler(exchange):
        seen.append(exchange.stats.trace or None)
        return Reply(200, (), b"")

    await answered(handler, b"traceparent: " + parent)
    assert seen == [trace]


async def test_the_statistics_are_those_of_the_request_and_only_within_it():
    outside, inside = current_stats.get(), []

    async def handler(exchange):
        inside.append(current_stats.get() is exchange.stats)
        return Reply(200, (), b"")

    async def serve(request):
        response = await respond(request, handler, Settings(), is_closing=lambda: False)
        inside.append(current_stats.get() is outside)
        return response

    async with serving(serve) as port:
        await received(port, GET % b"")
    assert inside == [True, True]


async def test_an_error_is_an_answer_with_the_id_of_its_request(caplog):
    with caplog.at_level(logging.INFO, "odata_gateway"):
        status, headers, body = await answered(raising(UrlSyntax("wrong")), b"X-Request-Id: a-1")
    error = json.loads(body)["error"]
    assert (status, error["code"], error["innererror"]) == (400, "Url.Syntax", {"request_id": "a-1"})
    assert headers["content-language"] == "en"
    assert " 400 " in caplog.text and "Traceback" not in caplog.text and "sEcReT" not in caplog.text


async def test_an_unexpected_error_is_logged_without_the_token(caplog):
    status, _, body = await answered(raising(ValueError("about sEcReT")), b"X-Request-Id: a-1")
    assert (status, b"sEcReT" in body, b"ValueError" in body) == (500, False, False)
    assert "ValueError: about ***" in caplog.text and "id=a-1" in caplog.text and "sEcReT" not in caplog.text


async def test_a_body_that_fails_before_its_first_chunk_is_an_error_with_its_status():
    status, headers, _ = await answered(replying(DbUnavailable("it is away"), b"never"))
    assert status == 503 and int(headers["retry-after"]) > 0


async def test_a_body_that_fails_later_cuts_the_connection_and_is_logged(caplog):
    with pytest.raises(ConnectionResetError), caplog.at_level(logging.INFO, "odata_gateway"):
        await answered(replying(b"x" * 300_000, ValueError("broken")))
    assert "failed in the middle of an answer" in caplog.text and "cut off" in caplog.text


async def test_an_answer_closes_the_connection_when_the_gateway_ends():
    assert (await answered(replying(b"x"), closing=True))[1]["connection"] == "close"


async def test_times_are_sent_to_clients_that_ask():
    assert "server-timing" not in (await answered(replying(b"x")))[1]
    timing = (await answered(replying(b"x"), b"X-Server-Timing: 1"))[1]["server-timing"]
    assert [stage.partition(";dur=")[0] for stage in timing.split(", ")] == ["parse", "bind", "wait", "query", "total"]
    refused = Settings(server_timing=False)
    assert "server-timing" not in (await answered(replying(b"x"), b"X-Server-Timing: 1", settings=refused))[1]


@pytest.mark.parametrize(("basic_auth", "schemes"), [(True, ["Bearer", "Basic"]), (False, ["Bearer"])])
def test_credentials_are_asked_for_in_the_ways_that_are_accepted(basic_auth, schemes):
    reply = refusal(AuthInvalid("unknown"), "id", Settings(basic_auth=basic_auth))
    assert [value.partition(" ")[0] for name, value in reply.headers if name == "WWW-Authenticate"] == schemes
