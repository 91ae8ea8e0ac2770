"""Around every request: its id, errors as responses, one log line, and counters.

`respond` answers one request to its end, whatever happens.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import HttpVersion11, web

from odata_gateway.config.settings import Settings
from odata_gateway.errors import AuthInvalid, AuthMissing, Internal, ODataError
from odata_gateway.observe import logs
from odata_gateway.observe.counters import COUNTERS
from odata_gateway.observe.log_lines import SENT, FinishedRequest, shown_method
from odata_gateway.observe.request_stats import RequestStats, current_stats
from odata_gateway.protocol.documents import error_document
from odata_gateway.protocol.message import Reply, RequestHeaders
from odata_gateway.url.redact import RedactedTarget
from odata_gateway.web.asked_headers import AskedHeaders, read_headers
from odata_gateway.web.connection import Connection
from odata_gateway.web.credentials import secrets_of
from odata_gateway.web.headers import Head
from odata_gateway.web.responses.fast_response import fits_at_once, send_at_once
from odata_gateway.web.responses.response import SendTimeout, send
from odata_gateway.web.responses.response_body import ResponseBody

if TYPE_CHECKING:
    from odata_gateway.observe.tracing import Tracer


class Exchange(NamedTuple):
    """One request: aiohttp's object, its headers, also by lower-case name, and the statistics of
    its answer."""

    raw: web.BaseRequest
    asked: AskedHeaders
    headers: RequestHeaders
    stats: RequestStats

    @property
    def id(self) -> str:
        return self.stats.id


ExchangeHandler = Callable[[Exchange], Awaitable[Reply]]
CLIENT_GONE = 499
"""The status in the log line of a request whose client left before there was an answer; nginx's
number."""
_RANDOM = Random()
"""For ids, which must be different but not secret. The system's random numbers cost a system call
each."""


def begin(request: web.BaseRequest) -> Exchange:
    """The exchange of a request. The id that a proxy gave it is kept, and so is its trace (W3C
    Trace Context, section 3.2)."""
    connection = request.protocol
    if isinstance(connection, Connection):
        asked = connection.asked_headers(request)
    else:
        asked = read_headers(request)
    request_id = asked.request_id or f"{_RANDOM.getrandbits(64):016x}"
    stats = RequestStats(request_id, time.perf_counter())
    if asked.trace:
        stats.trace = asked.trace
    return Exchange(request, asked, asked.by_name, stats)


def refusal(error: ODataError, request_id: str, settings: Settings) -> Reply:
    """The reply that reports an error (JSON Format 4.01, section 21)."""
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


def logged_refusal(
    error: Exception, request_id: str, secrets: tuple[str, ...], settings: Settings
) -> Reply:
    """The reply that reports an error. An error of the gateway or the database is logged, without
    the request's secrets."""
    if not isinstance(error, ODataError):
        logs.failure(error, request_id, secrets, "unexpected error")
        error = Internal("an unexpected error; the gateway's log has it under the request's id")
    elif error.status in (503, 504) and error.__cause__ is not None:
        logs.fault(error, request_id)
    elif error.status >= 500 and error.__cause__ is not None:
        logs.failure(error, request_id, secrets, error.code)
    return refusal(error, request_id, settings)


async def respond(
    request: web.BaseRequest,
    handler: ExchangeHandler,
    settings: Settings,
    *,
    is_closing: Callable[[], bool],
    tracer: Tracer | None = None,
) -> web.StreamResponse:
    """The response to one request, after it has been sent, counted and logged.

    is_closing  called when the response is about to be sent: whether it ends the connection
    raises      ConnectionError after the connection has been cut, which ends it for aiohttp
    """
    exchange = begin(request)
    outer_stats = current_stats.set(exchange.stats)
    if tracer is not None:
        exchange.stats.keep_timings()
    status, outcome = CLIENT_GONE, "client gone"
    try:
        reply, body = await _prepare(exchange, handler, settings)
        status, outcome = reply.status, "cancelled"
        timing = _timing(exchange, settings)
        head = Head(status, reply.headers, exchange.headers, settings, exchange.id, timing)
        if fits_at_once(request, body):
            response = send_at_once(request, head, body, closing=is_closing())
        else:
            response = await send(
                request, head, body, timeout_s=settings.send_timeout_s, closing=is_closing()
            )
        outcome = SENT
    except Exception as error:
        outcome = _outcome(exchange, error)
        if isinstance(error, ConnectionError):
            raise
        raise ConnectionResetError(outcome) from None
    finally:
        _finish(exchange, status, outcome, tracer)
        current_stats.reset(outer_stats)
    return response


async def _prepare(
    exchange: Exchange, handler: ExchangeHandler, settings: Settings
) -> tuple[Reply, ResponseBody]:
    """The handler's reply and its body with the first chunk, or the refusal that reports an
    error."""
    try:
        reply = await handler(exchange)
        if isinstance(reply.body, bytes):
            return reply, ResponseBody(reply.body)
        if exchange.raw.version < HttpVersion11:
            return reply, await ResponseBody.open_whole(reply.body)
        return reply, await ResponseBody.open(reply.body)
    except Exception as error:
        reply = logged_refusal(error, exchange.id, _secrets(exchange), settings)
    assert isinstance(reply.body, bytes)
    return reply, ResponseBody(reply.body)


def _outcome(exchange: Exchange, error: Exception) -> str:
    """Why a response was not sent to its end, for the log line. An error of the gateway or the
    database is logged on its own."""
    match error:
        case ConnectionError():
            return "client gone"
        case SendTimeout():
            return "client stopped reading"
        case _:
            what = "failed in the middle of an answer"
            logs.failure(error, exchange.id, _secrets(exchange), what)
            return "cut off"


def _secrets(exchange: Exchange) -> tuple[str, ...]:
    return secrets_of(exchange.headers, exchange.raw.raw_path.partition("?")[2])


def _timing(exchange: Exchange, settings: Settings) -> str:
    """The value of Server-Timing (W3C) for a client that asks for it, else nothing: the stages up
    to now, in milliseconds."""
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
    """Count, trace and log a finished request."""
    raw, stats, ended = exchange.raw, exchange.stats, time.perf_counter()
    size = raw.writer.output_size
    COUNTERS.finished(stats, status, size, ended)
    if outcome != SENT:
        COUNTERS.broke(outcome)
    if tracer is not None:
        method = shown_method(raw.method)
        tracer.finished(stats, exchange.headers, method=method, status=status, ended=ended)
    target = RedactedTarget(raw.raw_path)
    logs.access(FinishedRequest(stats, raw.method, target, status, size, ended, outcome))
