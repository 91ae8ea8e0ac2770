"""`python -m tests.bench.trace 'Message?$top=5'`: the way of one warm request through the modules, from the socket to the bytes.

The server runs in this process, over the sample data or over --dsn. After some requests that warm it up, the profiler notes each call
into the package; a coroutine that goes on after an await is not a call. The modules are printed in the order in which they are entered,
and how often the way climbs back, counted in two ways. A plain return is never counted.

- by room: a call from a room into one that stands above it in the table of imports;
- by line: a call from a step of the line into an earlier one. The steps are those of docs/architecture.md: web, classify, compiler (with
  url, plan and sql), handlers, db, formats. Reading a property of a value is not a step, and calls of one function into one step are one.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import odata_gateway
from odata_gateway.config.sources import load
from odata_gateway.server.composition import compose, model_of
from odata_gateway.web.listener import listen
from tests.harness import tokens
from tests.harness.cluster import DATABASE, READER, Cluster
from tests.harness.ports import free_port
from tests.harness.sample import TEMPLATE
from tests.unit.test_house import MAY_IMPORT

PACKAGE = Path(odata_gateway.__file__).parent
ROOMS = {room: height for height, room in enumerate(MAY_IMPORT)}
"""How high a room stands."""
STEPS = {"web": 0, "url.resource_kind": 1, "compiler": 2, "url": 2, "plan": 2, "sql": 2, "handlers": 3, "db": 4, "formats": 5}
"""The steps of the line; rooms that are not here belong to none."""
WARM_UP = 20


@dataclass(frozen=True)
class Call:
    """A call into the package: module and function, and the module and frame of the package that made it, if any."""

    module: str
    code: CodeType
    caller: str
    caller_frame: FrameType | None

    @property
    def room(self) -> str:
        return room_of(self.module)

    @property
    def text(self) -> str:
        return f"{self.caller} calls {self.module}.{self.code.co_qualname}"


@dataclass
class Trace:
    """The calls of a request in their order. Frames are kept, so that each is known again when it goes on."""

    calls: list[Call] = field(default_factory=list)
    frames: set[FrameType] = field(default_factory=set)

    def note(self, frame: FrameType, event: str, _: Any) -> None:
        module = module_of(frame)
        if event != "call" or module is None or frame in self.frames:
            return
        self.frames.add(frame)
        above = frame.f_back
        while above is not None and module_of(above) is None:
            above = above.f_back
        self.calls.append(Call(module, frame.f_code, "" if above is None else str(module_of(above)), above))

    @contextmanager
    def on(self) -> Iterator[None]:
        sys.setprofile(self.note)
        try:
            yield
        finally:
            sys.setprofile(None)

    def returns_by_room(self) -> list[Call]:
        return [call for call in self.calls if call.caller and ROOMS[call.room] > ROOMS[room_of(call.caller)]]

    def returns_by_line(self) -> list[Call]:
        known, found, before = getters(), [], None
        for call in self.calls:
            step, from_ = step_of(call.module), step_of(call.caller)
            if call.code not in known and step is not None and from_ is not None and step < from_:
                if (call.caller_frame, step) != before:
                    found.append(call)
                before = call.caller_frame, step
        return found


def module_of(frame: FrameType) -> str | None:
    """The module of the package that a frame runs in, without the package's name."""
    path = Path(frame.f_code.co_filename)
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts) if path.is_relative_to(PACKAGE) else None


def room_of(module: str) -> str:
    return module.partition(".")[0]


def step_of(module: str) -> int | None:
    return STEPS.get(module, STEPS.get(room_of(module)))


def getters() -> set[CodeType]:
    """The code of all properties in the package's modules that are loaded."""
    found = set()
    modules = [module for name, module in sys.modules.items() if name.startswith("odata_gateway.")]
    for module in modules:
        for _, one in inspect.getmembers(module, inspect.isclass):
            found |= {
                member.fget.__code__ for member in vars(one).values() if isinstance(member, property) and inspect.isfunction(member.fget)
            }
    return found


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str) -> bytes:
    """The body of the answer, which must be a whole one."""
    path = "".join(c if "!" <= c <= "~" else f"%{ord(c):02X}" for c in target)
    writer.write(f"GET /v1.0/odata/{path} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {tokens.ADMIN}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200") and b"Content-Length: " in head, head
    return await reader.readexactly(int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]))


async def traced(dsn: str, target: str) -> Trace:
    """The calls of a warm request."""
    settings = load({"ODATA_DSN": dsn, "ODATA_HOST": "127.0.0.1", "ODATA_PORT": str(free_port())})
    parts = await compose(settings, model_of(settings))
    try:
        await parts.watcher.look_again()
        main, _ = await listen(parts.gateway, shared=False)
        reader, writer = await asyncio.open_connection("127.0.0.1", main.port)
        for _ in range(WARM_UP):
            await ask(reader, writer, target)
        trace = Trace()
        with trace.on():
            await ask(reader, writer, target)
        writer.close()
        return trace
    finally:
        await parts.database.close()


def report(trace: Trace) -> str:
    """The modules in order, each with its calls, and the figures."""
    calls = trace.calls
    number = Counter(call.module for call in calls)
    rooms = [call.room for call in calls]
    stays = [room for i, room in enumerate(rooms) if i == 0 or rooms[i - 1] != room]
    changes = sum(a.module != b.module for a, b in pairwise(calls))
    lines = [f"{module:32} {number[module]:4} calls" for module in dict.fromkeys(call.module for call in calls)]
    lines += [
        "",
        f"way        {' > '.join(stays)}",
        f"calls      {len(calls)} of {len({(call.module, call.code.co_qualname) for call in calls})} functions in {len(number)} modules",
        f"changes    {changes} of module, {len(stays) - 1} of room",
    ]
    for name, returns in (("by room", trace.returns_by_room()), ("by line", trace.returns_by_line())):
        lines += [f"returns    {len(returns)} {name}", *(f"           {call.text}" for call in returns)]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.trace", description="Follow a warm request through the modules.")
    parser.add_argument("target", nargs="?", default="Message?$top=5", help="what follows the service root (Message?$top=5)")
    parser.add_argument("--dsn", help="a database with Live Agent's tables, instead of an embedded one with the sample data")
    given = parser.parse_args()
    if given.dsn:
        print(report(asyncio.run(traced(given.dsn, given.target))))
        return
    with Cluster.start(tcp=True) as cluster:
        cluster.load(TEMPLATE)
        cluster.psql("postgres", f"CREATE DATABASE {DATABASE} TEMPLATE {TEMPLATE}")
        print(report(asyncio.run(traced(cluster.dsn(user=READER, database=DATABASE), given.target))))


if __name__ == "__main__":
    main()
