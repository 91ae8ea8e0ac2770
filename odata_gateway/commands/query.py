"""`odata-gateway query`: the rows of a URL, from the database itself or from a running service.

Exit status: 0, the output is whole; 1, the request was refused, the answer broke off, or the output
could not be written; 129, 130 or 143, SIGHUP, SIGINT or SIGTERM ended it; 141, who read the output
has gone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from http.client import HTTPException, HTTPResponse, InvalidURL
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

from odata_gateway.commands.explain import account_ids, asked_target
from odata_gateway.commands.output import NotWritten, Output, Progress
from odata_gateway.compiler.explain import ROOT
from odata_gateway.config.settings import Settings
from odata_gateway.config.sources import require_dsn
from odata_gateway.db.database import Database
from odata_gateway.db.schema.introspect import inspect
from odata_gateway.db.schema.roles import RoleDirectory
from odata_gateway.errors import ODataError
from odata_gateway.handlers.service import Service
from odata_gateway.identity.caller import Caller
from odata_gateway.identity.directory import CallerDirectory
from odata_gateway.observe.request_stats import RequestStats, current_stats
from odata_gateway.protocol.message import Reply, Request
from odata_gateway.server.composition import database_settings, read_model
from odata_gateway.server.runtime import run_loop
from odata_gateway.url.options import NUMBERS
from odata_gateway.url.resource_kind import classify
from odata_gateway.web.frontend import HttpFrontend

PIECE_BYTES = 64 * 1024
SILENCE_S = 300.0
"""How long a running service may send nothing."""
GONE = 141
"""128 and the number of SIGPIPE, as a shell has it for a program that the signal ended."""
_DOCUMENTS = ("", "$metadata", "openapi.json")
"""The last segments of URLs that have no rows."""
_EXTENSIONS = {".csv": "csv", ".xlsx": "xlsx", ".arrow": "arrow", ".parquet": "parquet"}


class Wish(NamedTuple):
    """What the command line asks for.

    url       as written
    format    a value of $format; None: none is added to the URL
    output    None: standard output
    token     of a running service
    """

    url: str
    format: str | None
    output: Path | None
    token: str | None


def add_query_arguments(parser: argparse.ArgumentParser) -> None:
    """The URL, the format, where the rows go, and who asks."""
    parser.add_argument(
        "url", help="what follows the service root, or the whole URL of a running service"
    )
    parser.add_argument(
        "--format",
        metavar="NAME",
        help="csv, ndjson, xlsx, arrow, parquet, table, json or a media type (what the name of the"
        " file ends with; else table on a terminal, and ndjson)",
    )
    parser.add_argument("--output", metavar="FILE", help="where the rows go (-: standard output)")
    parser.add_argument(
        "--accounts", default="1", help="ids of the caller's accounts, separated by commas (1)"
    )
    parser.add_argument(
        "--token",
        help="access token for a running service; also as the variable GATEWAY_TOKEN, which other"
        " users of the machine cannot see",
    )


def run_query(settings: Settings, options: argparse.Namespace) -> int:
    """0 when the output is whole; see above for others.

    raises  SettingsError, ModelError
    """
    output = Path(options.output) if options.output not in (None, "", "-") else None
    token = options.token or os.environ.get("GATEWAY_TOKEN")
    if options.format is not None and _has_format(options.url):
        print("odata-gateway: the URL has a $format; leave it or --format out", file=sys.stderr)
        return 1
    wish = Wish(options.url, _format(options, output), output, token)
    try:
        with Output(output) as sink:
            sink.open()
            if wish.url.startswith(("http://", "https://")):
                return _from_service(wish, sink)
            require_dsn(settings)
            caller = Caller("query", account_ids(options.accounts))
            return run_loop(_from_database(settings, wish, caller, sink))
    except BrokenPipeError:
        _forget_output()
        return GONE
    except NotWritten:
        _forget_output()
        return 1


def _forget_output() -> None:
    """Let nothing more be written to standard output, at the end of the program either."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _format(options: argparse.Namespace, output: Path | None) -> str | None:
    """What is asked for; None: whatever the URL says, or what a document is without it."""
    if options.format is not None:
        return str(options.format)
    if _has_format(options.url):
        return None
    if output is not None and output.suffix.lower() in _EXTENSIONS:
        return _EXTENSIONS[output.suffix.lower()]
    if options.url.partition("?")[0].rpartition("/")[2] in _DOCUMENTS:
        return None
    return "table" if output is None and sys.stdout.isatty() else "ndjson"


def _has_format(target: str) -> bool:
    return "$format=" in target or "%24format=" in target


def _with_format(target: str, format_name: str | None) -> str:
    if format_name is None:
        return target
    return f"{target}{'&' if '?' in target else '?'}$format={quote(format_name, safe='/;=')}"


# --- the database ---------------------------------------------------------------------------------


async def _from_database(settings: Settings, wish: Wish, caller: Caller, sink: Output) -> int:
    """The rows as the service in this process has them."""
    stats = RequestStats("query", time.perf_counter())
    current_stats.set(stats)
    database = await Database.open(database_settings(settings))
    try:
        model = (await read_model(settings, database)).model
        model, _ = await inspect(database, model)
        callers = CallerDirectory((), RoleDirectory(database), caller)
        frontend = HttpFrontend(settings)
        service = Service(model, database, callers, settings, frontend=frontend)
        target = asked_target(wish.url)
        reply = await service.answer(_request(_with_format(target, wish.format)))
        counting = asyncio.create_task(_number(service, target, sink))
        with Progress(sink, lambda: stats.rows, lambda: _result(counting)) as progress:
            async for piece in _pieces(reply):
                progress.write(piece)
        counting.cancel()
    except ODataError as error:
        return sink.failed(f"{error.status} {error.code}: {error}")
    finally:
        await database.close()
    return sink.finished()


async def _pieces(reply: Reply) -> AsyncIterator[bytes]:
    if isinstance(reply.body, bytes):
        yield reply.body
        return
    async for piece in reply.body:
        yield piece


def _request(target: str) -> Request:
    return Request("GET", target, classify(target), {}, ROOT, None)


def _result(task: asyncio.Task[int | None]) -> int | None:
    return task.result() if task.done() and not task.cancelled() else None


async def _number(service: Service, target: str, sink: Output) -> int | None:
    """How many rows there are, where that is asked for by a path and $filter alone."""
    counted = count_target(target)
    if counted is None or not sink.shows_progress:
        return None
    current_stats.set(RequestStats("count", time.perf_counter()))  # its rows are no rows
    try:
        reply = await service.answer(_request(counted))
    except ODataError:
        return None
    return int(reply.body) if isinstance(reply.body, bytes) else None


def count_target(target: str) -> str | None:
    """What asks for the number of the rows of a target: its path and $filter. None where other
    options change it."""
    path, _, query = target.partition("?")
    options = [option for option in query.replace("%24", "$").split("&") if option]
    names = {option.partition("=")[0] for option in options}
    if names & (NUMBERS | {"$apply"}) or path.endswith(")"):
        return None
    counted = [option for option in options if option.startswith(("$filter=", "$search="))]
    return f"{path}/$count?{'&'.join(counted)}"


# --- a running service ----------------------------------------------------------------------------


def _from_service(wish: Wish, sink: Output) -> int:
    """The rows as a running service sends them."""
    url = _quoted(_with_format(wish.url, wish.format))
    lines = LineCount(wish.format)
    try:
        with (
            urlopen(_http_request(url, wish), timeout=SILENCE_S) as reply,
            Progress(sink, lines.rows, _counted_number(wish, sink)) as progress,
        ):
            for piece in _received(reply):
                lines.add(piece)
                progress.write(piece)
    except HTTPError as error:
        return sink.failed(_told(error))
    except URLError as error:
        return sink.failed(f"{url.partition('?')[0]}: {error.reason}")
    except BrokenPipeError:
        raise
    except (ValueError, InvalidURL):
        return sink.failed(f"{url.partition('?')[0]}: not a URL that can be asked")
    except (OSError, HTTPException):
        return sink.failed("the answer broke off")
    return sink.finished()


class LineCount:
    """How many rows of a text have come, by its lines: exactly in NDJSON, and nearly in CSV, whose
    texts may have such lines."""

    def __init__(self, format_name: str | None) -> None:
        self._end = {"ndjson": b"\n", "csv": b"\r\n"}.get(format_name or "")
        self._lines = -1 if format_name == "csv" else 0

    def add(self, piece: bytes) -> None:
        """Count the rows of a piece."""
        if self._end is not None:
            self._lines += piece.count(self._end)

    def rows(self) -> int | None:
        """None in other formats."""
        return None if self._end is None else max(0, self._lines)


def _quoted(url: str) -> str:
    return quote(url, safe="%/:?@!$&'()*+,;=-._~[]{}|^`")


def _http_request(url: str, wish: Wish) -> HttpRequest:
    headers = {} if wish.token is None else {"Authorization": f"Bearer {wish.token}"}
    return HttpRequest(url, headers=headers)


def _counted_number(wish: Wish, sink: Output) -> Callable[[], int | None]:
    """How many rows there are, once the service has said it; it is asked beside the rows."""
    counted, found = count_target(wish.url), list[int]()
    if counted is None or not sink.shows_progress:
        return lambda: None
    asked = _http_request(_quoted(counted), wish)

    def ask() -> None:
        with (
            suppress(OSError, HTTPException, ValueError),
            urlopen(asked, timeout=SILENCE_S) as reply,
        ):
            found.append(int(reply.read(32)))

    threading.Thread(target=ask, daemon=True).start()
    return lambda: found[0] if found else None


def _received(reply: HTTPResponse) -> Iterator[bytes]:
    """The body piece by piece.

    raises  HTTPException, OSError where it ends before its end
    """
    announced, size = reply.headers.get("Content-Length"), 0
    while piece := reply.read(PIECE_BYTES):
        size += len(piece)
        yield piece
    if announced is not None and size < int(announced):
        raise HTTPException("the body is shorter than its length")


def _told(error: HTTPError) -> str:
    """What a service says in an error."""
    with suppress(ValueError, KeyError, TypeError):
        found = json.loads(error.read())["error"]
        return f"{error.code} {found['code']}: {found['message']}"
    return f"{error.code} {error.reason}"
