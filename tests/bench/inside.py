"""Measured without a server, with the modules of the checkout on PYTHONPATH: the compiler's time, and the statements it makes.

    python inside.py compile                              seconds to compile a URL never seen, and one seen with other literals
    python inside.py statements < [[target, accounts]...] SQL, arguments of each

Prints JSON. A program of its own, so that it can run on another checkout's modules than the benchmark's.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from odata_gateway.compile import Compiler, Context, Lifted
from odata_gateway.edm.csdl import load_model
from odata_gateway.plan.policy import Caller
from odata_gateway.plan.scope import Limits
from odata_gateway.protocol import links
from odata_gateway.sql.json import RowFormat
from odata_gateway.sql.statement import Shape

URL = (
    "Message?$filter=created_at ge 2021-11-{day:02d}T00:00:00Z and status eq {a} and contains(content,'{text}') and inbox_id in ({a},{b},3)"
    "&$orderby={order} desc&$select=id,content,created_at&$top={top}"
)
ORDERS = ("created_at", "updated_at", "id", "inbox_id", "status", "sender_id")
REPEATS = 200


def compiler() -> Compiler:
    return Compiler(load_model(), limits=Limits(), max_url_bytes=16_384, cache_entries=512)


def compile_once(used: Compiler, target: str) -> object:
    """All that happens between a URL and what goes to the driver."""
    lifted = used.lift(target)
    query = used.query(lifted)
    statement = used.statements(lifted, query, Shape(False, RowFormat())).rows
    return used.arguments(statement, query, lifted, Context(Caller(1, (1,)), limit=101, page_rows=100))


def url(number: int) -> str:
    order = ORDERS[number % len(ORDERS)]
    return URL.format(day=1 + number % 28, a=number, b=number + 7, text=f"word{number}", order=order, top=10 + number % 90).replace(
        " ", "%20"
    )


def timed(work: list[tuple[Compiler, str]]) -> list[float]:
    seconds = []
    for used, target in work:
        began = time.perf_counter()
        compile_once(used, target)
        seconds.append(time.perf_counter() - began)
    return seconds


def compile_times() -> dict[str, float]:
    """Medians; the first of each is thrown away, because it also builds the parser."""
    compile_once(compiler(), url(0))
    fresh = [(compiler(), url(n)) for n in range(REPEATS)]
    never = sorted(timed(fresh))[REPEATS // 2]
    warm = compiler()
    for n in range(len(ORDERS)):
        compile_once(warm, url(n))
    seen = sorted(timed([(warm, url(n)) for n in range(REPEATS * 5)]))[REPEATS * 5 // 2]
    return {"never_s": never, "seen_s": seen}


def statements(asked: list[tuple[str, list[int], int]]) -> list[dict[str, Any]]:
    """The statement for the rows of each target, as (target, accounts, rows of a page)."""
    used, found = compiler(), []
    for target, accounts, page_rows in asked:
        lifted = used.lift(target)
        query = used.query(lifted)
        token = lifted.side.skiptoken
        start = None if token is None else links.read_skiptoken(token, bound(lifted), keys=len(query.order))
        rendered = used.statements(lifted, query, Shape(len(accounts) > 1, RowFormat(), None if start is None else start.mask))
        top = None if query.top is None else lifted.values[query.top.index].value
        limit = top if isinstance(top, int) and top <= page_rows else page_rows + 1
        context = Context(Caller(1, tuple(accounts)), limit, page_rows, "http://host/", None, () if start is None else start.keys)
        found.append({"sql": rendered.rows.text, "arguments": used.arguments(rendered.rows, query, lifted, context)})
    return found


def bound(lifted: Lifted) -> links.Bound:
    return links.Bound(lifted.binding(), lifted.path_text())


if __name__ == "__main__":
    answer: object = compile_times() if sys.argv[1] == "compile" else statements(json.load(sys.stdin))
    json.dump(answer, sys.stdout, default=str)
