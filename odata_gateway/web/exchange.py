"""What stands around every request: an id, errors as answers, one log line, headers that no answer
may lack."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import HttpVersion11, web

from odata_gateway.config.settings import Settings
from odata_gateway.errors import AuthInvalid, AuthMissing, Internal, ODataError
from odata_gateway.observe import logs
from odata_gateway.observe.counters import COUNTERS
from odata_gateway.observe.log_lines import SENT, Finished, shown_method
from odata_gateway.observe.request_stats import RequestStats, current_stats
from odata_gateway.protocol.documents import error_document
from odata_gateway.protocol.message import Reply, headers_by_name
from odata_gateway.url.redact import redact_target
from odata_gateway.web.credentials import secrets_of
from odata_gateway.web.headers import Head
from odata_gateway.web.response import ResponseBody, SendTimeout, send

if TYPE_CHECKING:
    from odata_gateway.observe.tracing import Tracer


class Exchange(NamedTuple):
    """One request on its way through: aiohttp's object, its headers under lower-case names, and
    what it leaves behind."""

    raw: web.BaseRequest
    headers: dict[str, str]
    stats: RequestStats

    @property
    def id(self) -> str:
        return self.stats.id


ExchangeHandler = Callable[[Exchange], Awaitable[Reply]]
GONE = 499
"""What a log line has for status where the client left before there was an answer; nginx's
number."""
_TRACE_PARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NUMBERS = Random()
"""For ids, which must be different but need not be secret; the system's random numbers cost a
system call each."""


def begin(request: web.BaseRequest) -> Exchange:
    """The exchange of a request; the id a proxy gave it is kept, and so is its place in a trace
    (W3C Trace Context, section 3.2)."""
    headers = headers_by_name(list(request.headers.items()))
    given = headers.get("x-request-id")
    request_id = (
        given
        if given is not None and _REQUEST_ID.fullmatch(given)
        else f"{_NUMBERS.getrandbits(64):016x}"
    )
    stats = RequestStats(request_id, time.perf_counter())
    parent = headers.get("traceparent")
    if parent is not None and (match := _TRACE_PARENT.fullmatch(parent)):
        stats.trace = match[1]
    current_stats.set(stats)
    return Exchange(request, headers, stats)


def refusal(error: ODataError, request_id: str, settings: Settings) -> Reply:
    """The answer that tells an error (JSON Format 4.01, section 21)."""
    headers = [("Content-Type", "application/json"), ("Content-Language", "en"), *error.headers]
    if isinstance(error, AuthMissing | AuthInvalid) and not settings.basic_auth:
        headers = [
            (name, value)
            for name, value in headers
            if name != "WWW-Authenticate" or not value.startswith("Basic")
        ]
    if error.retry_after_s is not None:
        headers.append(("Retry-After", str(error.retry_after_s)))
    return Reply(error.status, tuple(headers), error_document(error, request_id=request_id))


def logged_refusal(exchange: Exchange, error: Exception, settings: Settings) -> Reply:
    """The answer that an error becomes; one that is the gateway's own fault, or the database's,
    goes to the log."""
    secrets = secrets_of(exchange.headers, exchange.raw.raw_path.partition("?")[2])
    if not isinstance(error, ODataError):
        logs.failure(error, exchange.id, secrets, "unexpected error")
        error = Internal("an unexpected error; the gateway's log has it under the request's id")
    elif error.status in (503, 504) and error.__cause__ is not None:
        logs.fault(error, exchange.id)
    elif error.status >= 500 and error.__cause__ is not None:
        logs.failure(error, exchange.id, secrets, error.code)
    return refusal(error, exchange.id, settings)


async def _prepared(
    exchange: Exchange, handler: ExchangeHandler, settings: Settings
) -> tuple[Reply, ResponseBody]:
    """The handler's reply with its first chunk, or the refusal that its error becomes."""
    try:
        reply = await handler(exchange)
        if isinstance(reply.body, bytes):
            return reply, ResponseBody(reply.body)
        return reply, await ResponseBody.open(
            reply.body, whole=exchange.raw.version < HttpVersion11
        )
    except Exception as error:
        reply = logged_refusal(exchange, error, settings)
    assert isinstance(reply.body, bytes)
    return reply, ResponseBody(reply.body)


async def respond(
    request: web.BaseRequest,
    handler: ExchangeHandler,
    settings: Settings,
    *,
    is_closing: Callable[[], bool],
    tracer: Tracer | None = None,
) -> web.StreamResponse:
    """Answer one request to its end, whatever happens, and count and log it once.

    is_closing  asked when the answer is about to go out: whether the connection ends with it
    raises  ConnectionError after the connection has been cut, which ends it for aiohttp
    """
    exchange = begin(request)
    if tracer is not None:
        exchange.stats.steps = []
    status, note = GONE, "client gone"
    try:
        reply, body = await _prepared(exchange, handler, settings)
        status, note = reply.status, "cancelled"
        head = Head(
            status,
            reply.headers,
            exchange.headers,
            settings,
            exchange.id,
            _timing(exchange, settings),
        )
        response = await send(
            request, head, body, timeout_s=settings.send_timeout_s, closing=is_closing()
        )
        note = SENT
    except ConnectionError:
        note = "client gone"
        raise
    except SendTimeout as error:
        note = "client stopped reading"
        raise ConnectionResetError(str(error)) from None
    except Exception as error:
        note = "cut off"
        logs.failure(
            error,
            exchange.id,
            secrets_of(exchange.headers, exchange.raw.raw_path.partition("?")[2]),
            "failed in the middle of an answer",
        )
        raise ConnectionResetError("the answer could not be finished") from None
    finally:
        _finish(exchange, status, note, tracer)
    return response


def _timing(exchange: Exchange, settings: Settings) -> str:
    """The stages until the head goes out, in milliseconds, for a client that asks (Server Timing,
    W3C); empty for others."""
    if "x-server-timing" not in exchange.headers or not settings.server_timing:
        return ""
    stats = exchange.stats
    stages = {
        "parse": stats.parse_s,
        "bind": stats.bind_s,
        "wait": stats.wait_s,
        "query": stats.query_s,
    }
    stages["total"] = time.perf_counter() - stats.started
    return ", ".join(f"{stage};dur={seconds * 1000:.3f}" for stage, seconds in stages.items())


def _finish(exchange: Exchange, status: int, outcome: str, tracer: Tracer | None) -> None:
    """Count, trace and log a request that is over."""
    raw, stats, ended = exchange.raw, exchange.stats, time.perf_counter()
    size = raw.writer.output_size
    COUNTERS.finished(stats, status, size, ended)
    if outcome != SENT:
        COUNTERS.broke(outcome)
    if tracer is not None:
        tracer.finished(stats, exchange.headers, shown_method(raw.method), status, ended)
    target = redact_target(raw.raw_path)
    logs.access(Finished(stats, raw.method, target, status, size, ended, outcome))
