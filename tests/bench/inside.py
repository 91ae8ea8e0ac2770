"""P8, with the modules of the checkout on PYTHONPATH: seconds to compile a URL never seen, and one seen with other literals, as JSON.

A program of its own, so that it can run on another checkout's modules than the benchmark's.
"""

from __future__ import annotations

import json
import sys
import time

from odata_gateway.compiler.compiled_query import ArgumentValues
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.edm.csdl import load_model
from odata_gateway.formats.registry import DEFAULT_ENCODING
from odata_gateway.identity.caller import Caller
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.sql.statement import StatementVariant

URL = (
    "Message?$filter=created_at ge 2021-11-{day:02d}T00:00:00Z and status eq {a} and contains(content,'{text}') and inbox_id in ({a},{b},3)"
    "&$orderby={order} desc&$select=id,content,created_at&$top={top}"
)
ORDERS = ("created_at", "updated_at", "id", "inbox_id", "status", "sender_id")
REPEATS = 200
MODEL = load_model()
"""One for all compilers, as a server has one: else each would meet its own for the first time."""


def compiler() -> Compiler:
    return Compiler(MODEL, limits=Limits(), max_url_bytes=16_384, cache_entries=512)


def compile_once(used: Compiler, target: str) -> object:
    """All that happens between a URL and what goes to the driver."""
    compiled = used.compile(target)
    statement = compiled.statement("rows", StatementVariant(DEFAULT_ENCODING))
    return statement.bind(ArgumentValues(compiled.url.values, Caller("1", (1,)), limit=101, page_rows=100))


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


if __name__ == "__main__":
    json.dump(compile_times(), sys.stdout)
