"""T2: generated valid requests answer what an independent evaluator in plain Python answers; every supported construct among them.

Over HTTP, tests/live/test_oracle.py asks some hundreds of the same kind.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from odata_gateway.types.registry import FUNCTIONS
from tests.harness.figures import amount, record
from tests.harness.inside import Inside, in_step, inside
from tests.harness.sample import CALLERS
from tests.harness.wider import CONSTRUCTS, Asked, Wider
from tests.oracle import evaluator as oracle
from tests.oracle.evaluator import View, World

QUERIES, BATCHES = amount(3_000, 100_000), 10
PAGE_ROWS = 1000
TYPES = tuple(oracle.KINDS)


def asked(number: int, world: World, views: dict[str, View]) -> tuple[Asked, str]:
    """The request of a number, and who asks."""
    maker, type_ = Wider(f"t02 {number}", world), TYPES[number % len(TYPES)]
    token = CALLERS[number // len(TYPES) % 4 % 3]
    make = maker.path if number % 3 == 2 else maker.collection
    return make(views[token], type_, PAGE_ROWS), token


def plain(value: Any) -> Any:
    """JSON without control information, but for counts."""
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if "@odata." not in k or (k.endswith("@odata.count") and k != "@odata.count")}
    return value


async def check(gateway: Inside, request: Asked, token: str) -> None:
    if request.kind == "rows":
        got = [plain(row) for page in await gateway.pages(request.target, token) for row in page]
        assert [row.get("id") for row in got] == [row.get("id") for row in request.wanted], request.target
        assert got == request.wanted, request.target
        return
    answer = await gateway.ask(request.target, token)
    status = {"missing": 404, "empty": 204}.get(request.kind, 200)
    assert answer.status == status, (request.target, answer.status, answer.body[:500])
    match request.kind:
        case "entity":
            assert plain(answer.json()) == request.wanted, request.target
        case "value":
            assert answer.json()["value"] == request.wanted, request.target
        case "text":
            assert answer.body.decode() == request.wanted, request.target


@pytest.mark.parametrize("batch", range(BATCHES))
def test_t02_generated_requests_answer_what_the_oracle_answers(reader_dsn, world, views, batch):
    async def run() -> None:
        # The evaluator shares the gateway's loop, and may take long.
        async with inside(reader_dsn, ODATA_PAGE_ROWS=str(PAGE_ROWS), ODATA_STATEMENT_TIMEOUT_S="600") as gateway:
            size = QUERIES // BATCHES

            def one(number: int) -> Any:
                return lambda: check(gateway, *asked(number, world, views))

            await in_step([one(batch * size + n) for n in range(size)], width=3)
            record("T2", "requests equal to the oracle", size, how="sum", at_least=QUERIES)

    asyncio.run(run())


def test_t02_every_supported_construct_is_generated(world, views):
    """In the first thousand requests, so in every run."""
    texts = [asked(number, world, views)[0].target for number in range(1000)]
    counts = {name: sum(1 for text in texts if re.search(pattern, text)) for name, pattern in CONSTRUCTS.items()}
    assert not [name for name, count in counts.items() if count == 0], counts
    of_shapes = {name for name in FUNCTIONS if name.startswith("geo.")}  # tests/postgis has them: this model has no shapes
    assert {f"function {name}" for name in FUNCTIONS.keys() - of_shapes} <= CONSTRUCTS.keys()
    record("T2", "constructs generated", len(CONSTRUCTS), how="max", at_least=len(CONSTRUCTS))
