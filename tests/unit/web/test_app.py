"""Which path is answered by what: the service, health checks, metrics, refusals. The service is one of the test's own."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from odata_gateway.config.settings import Settings
from odata_gateway.protocol.message import Reply
from odata_gateway.web.app import Gateway
from odata_gateway.web.listener import listen
from tests.harness.ports import free_port
from tests.harness.sent import received

ROOT = "/v1.0/odata/"


@dataclass
class Service:
    """Keeps the requests it gets, and answers each with its name, or raises."""

    name: bytes = b"one"
    error: Exception | None = None
    requests: list = field(default_factory=list)

    async def answer(self, request):
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        return Reply(200, (("Content-Type", "text/plain"),), self.name)


async def ping():
    return None


@asynccontextmanager
async def serving(service, **settings):
    """A gateway on two ports of its own: (gateway, main port, admin port)."""
    ports = {"port": free_port(), "admin_port": (free_port(),)}
    gateway = Gateway(Settings(host="127.0.0.1", **ports, **settings), service, ping)
    listeners = await listen(gateway)
    try:
        yield gateway, ports["port"], ports["admin_port"][0]
    finally:
        for listener in listeners:
            await listener.close(at_once=True)


async def ask(port, line, *headers, version="1.1"):
    """(status, headers by lower-case name, body) for a request line without its version."""
    sent = "".join(f"{header}\r\n" for header in ("Host: h:1", "Connection: close", *headers))
    head, _, body = (await received(port, f"{line} HTTP/{version}\r\n{sent}\r\n".encode())).partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body


def code(body):
    return json.loads(body)["error"]["code"]


async def test_the_service_gets_the_target_as_it_was_sent_with_the_token_and_the_root():
    service = Service()
    async with serving(service) as (_, port, _):
        status, _, body = await ask(
            port, f"GET {ROOT}Label('a%2Fb')?$filter=x+'%25'", "Authorization: Bearer T", "X-Other: a", "X-OTHER: b"
        )
    (request,) = service.requests
    assert (status, body) == (200, b"one")
    assert (request.method, request.target, request.token, request.root) == (
        "GET",
        "Label('a%2Fb')?$filter=x+'%25'",
        "T",
        f"http://h:1{ROOT}",
    )
    assert (request.headers["x-other"], request.body) == ("a, b", b"")


async def test_head_asks_the_service_as_get_does():
    service = Service()
    async with serving(service) as (_, port, _):
        status, headers, body = await ask(port, f"HEAD {ROOT}Label")
    assert (status, headers["content-length"], body, service.requests[0].method) == (200, "3", b"", "GET")


async def test_an_absolute_target_names_the_host():
    service = Service()
    async with serving(service) as (_, port, _):
        assert (await ask(port, f"GET http://other:2{ROOT}Label"))[0] == 200
    assert (service.requests[0].target, service.requests[0].root) == ("Label", f"http://other:2{ROOT}")


@pytest.mark.parametrize("line", [f"PUT {ROOT}Label", f"DELETE {ROOT}", f"POST {ROOT}Label", "POST /health", "PATCH /health/readiness"])
async def test_other_methods_are_refused_with_those_that_are_allowed(line):
    service = Service()
    async with serving(service) as (_, port, _):
        status, headers, body = await ask(port, line)
    assert (status, code(body), service.requests) == (405, "Url.Method", [])
    assert headers["allow"].startswith("GET, HEAD")
    assert (b"read-only" in body) is (line != "POST /health")


async def test_reading_a_batch_is_refused_for_its_method_alone():
    async with serving(Service()) as (_, port, _):
        status, headers, body = await ask(port, f"GET {ROOT}$batch")
    assert (status, code(body), headers["allow"]) == (405, "Url.Method", "POST, OPTIONS")
    assert b"GET is not allowed here; use POST, OPTIONS" in body


@pytest.mark.parametrize("path", ["/", "/v1.0", "/v1.0/odatax", "/metrics", "/health/x", "//v1.0/odata/"])
async def test_other_paths_are_not_found(path):
    async with serving(Service()) as (_, port, _):
        status, _, body = await ask(port, f"GET {path}")
    assert (status, code(body)) == (404, "Bind.Segment")


@pytest.mark.parametrize("target", [f"{ROOT}Label", "*"])
async def test_options_needs_no_token_and_answers_a_preflight(target):
    async with serving(Service()) as (_, port, _):
        status, headers, body = await ask(port, f"OPTIONS {target}", "Access-Control-Request-Method: GET")
    assert (status, headers["allow"], body) == (204, "GET, HEAD, OPTIONS", b"")
    assert headers["access-control-allow-methods"] == "GET, HEAD, POST, OPTIONS"


async def test_other_versions_of_http_are_refused():
    async with serving(Service()) as (_, port, _):
        status, _, body = await ask(port, f"GET {ROOT}", version="1.2")
    assert (status, code(body)) == (400, "Url.Syntax")


async def test_a_token_has_a_limit_of_running_requests_and_others_are_not_in_its_way():
    running, may_end = asyncio.Event(), asyncio.Event()

    class Slow(Service):
        async def answer(self, request):
            if request.target.startswith("Slow"):
                running.set()
                await may_end.wait()
            return await super().answer(request)

    async with serving(Slow(), max_token_requests=1) as (_, port, _):
        slow = asyncio.create_task(ask(port, f"GET {ROOT}Slow?apikey=T"))
        await running.wait()
        status, _, body = await ask(port, f"GET {ROOT}Label?apikey=T")
        assert (status, code(body)) == (429, "Limit.Requests")
        assert (await ask(port, f"GET {ROOT}Label?apikey=U"))[0] == 200
        may_end.set()
        assert (await slow)[0] == 200
        assert (await ask(port, f"GET {ROOT}Label?apikey=T"))[0] == 200


async def test_the_admin_port_has_metrics_and_health_checks_only():
    async with serving(Service()) as (gateway, port, admin):
        assert (await ask(admin, "GET /metrics"))[0] == 404
        gateway.metrics = lambda accept: (f"text/{accept}", b"metrics")
        status, headers, body = await ask(admin, "GET /metrics?x=1", "Accept: x")
        assert (status, headers["content-type"], headers["cache-control"], body) == (200, "text/x", "no-store", b"metrics")
        assert (await ask(admin, "POST /metrics"))[0] == 405
        assert (await ask(admin, "GET /health/readiness"))[0] == (await ask(port, "GET /health"))[0] == 200
        assert (await ask(admin, f"GET {ROOT}"))[0] == 404
        gateway.health.draining = True
        assert (await ask(admin, "GET /health/readiness"))[0] == 503


async def test_running_requests_are_counted():
    seen = []

    class Counting(Service):
        async def answer(self, request):
            seen.append(gateway.active)
            return await super().answer(request)

    async with serving(Counting()) as (gateway, port, admin):
        await ask(port, f"GET {ROOT}Label")
        await ask(admin, "GET /health")
        assert (seen, gateway.active) == ([1], 0)


async def test_a_half_sent_request_has_a_deadline():
    async with serving(Service(), read_timeout_s=0.2) as (_, port, _):
        assert await received(port, b"GET / HTTP/1.1\r\nHost:") == b""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"GARBAGE\r\n\r\n", (400, "Url.Syntax")),
        (b"GET / HTTP/1.1\r\nbad header\r\n\r\n", (400, "Url.Syntax")),
        (b"GET /" + b"x" * 35_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", (414, "Limit.Url")),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", (414, "Limit.Url")),
    ],
)
async def test_what_is_not_http_gets_an_odata_error(text, expected):
    async with serving(Service(), max_url_bytes=1000) as (_, port, _):
        head, _, body = (await received(port, text)).partition(b"\r\n\r\n")
    assert (int(head.split()[1]), code(body)) == expected
    assert b"OData-Version: 4.0" in head
