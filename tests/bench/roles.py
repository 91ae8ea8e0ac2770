"""P15: what a role costs. One entity by key for a caller without a role, and for one with a role and claims, in turn: 64 connections, and one.

Beside it, without a gateway, the messages that a statement with a role takes: ours, and PostgREST's, which sends BEGIN, the settings, the
statement and COMMIT one after another.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import asyncpg
from odata_gateway.db.session import opening
from odata_gateway.demo.cluster import READER
from odata_gateway.identity.token_file import new_token
from tests.bench.bench import Bench
from tests.bench.client import Http, load
from tests.bench.figures import Figure, Target, ratios
from tests.bench.servers import Running

ROLE = "bench_role"
CLAIMS = {"accounts": [1, 2, 3], "sub": "11111111-1111-4111-8111-111111111111"}
MAKE_ROLE = f"""
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN CREATE ROLE {ROLE} NOLOGIN; END IF; END $$;
GRANT {ROLE} TO {READER}; GRANT USAGE ON SCHEMA public TO {ROLE}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {ROLE};
"""
ALONE = 1500
"""Requests of the lone client in a round."""
STATEMENT = "SELECT content FROM public.messages WHERE id = $1::int8"
SETTINGS = "SELECT set_config('role', $1, true), set_config('request.jwt.claims', $2, true)"


def roles(bench: Bench) -> list[Figure]:
    bench.psql(MAKE_ROLE, dsn=bench.database.owner_dsn)
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tokens.toml"
        token = new_token("bench", ROLE, CLAIMS, days=None)
        file.write_text(token.entry, encoding="utf-8")
        for gateway in bench.each_with(ODATA_TOKENS_FILE=str(file), ODATA_ACCOUNTS_CLAIM="accounts"):
            figures += _of_gateway(bench, gateway, replace(gateway, token=token.token))
    return figures + asyncio.run(_of_messages(bench))


def _of_gateway(bench: Bench, own: Running, role: Running) -> list[Figure]:
    alone: dict[Running, list[float]] = {own: [], role: []}
    many: dict[Running, list[float]] = {own: [], role: []}
    for asking in (own, role):
        load(asking, "Message({id})", seconds=2, most=bench.rows)
    for _ in range(bench.rounds):
        for asking in (own, role):
            seen = load(asking, "Message({id})", most=bench.rows)
            if seen.failed:
                raise SystemExit(f"{seen.failed} of {seen.count} requests failed")
            many[asking].append(1e6 / seen.rate)
            alone[asking].append(_alone(asking))
    return [
        Figure("P15", own.name, "64 connections, no role, us a request", tuple(many[own])),
        Figure("P15", own.name, "64 connections: with a role / without", ratios(many[role], many[own]), Target(1.3)),
        Figure("P15", own.name, "one client, no role, us a request", tuple(alone[own])),
        Figure("P15", own.name, "one client: with a role / without", ratios(alone[role], alone[own]), Target(1.3)),
    ]


def _alone(asking: Running) -> float:
    """Microseconds of a request of one client, which sends the next when it has the answer."""
    http = Http(asking)
    taken = [http.get(f"Message({1 + number % 90_000})").seconds for number in range(ALONE)]
    http.close()
    return median(taken) * 1e6


async def _of_messages(bench: Bench) -> list[Figure]:
    connection = await asyncpg.connect(bench.database.dsn)
    begin = opening(False, role=ROLE, claims='{"accounts":[1,2,3]}')
    assert begin is not None

    async def plain() -> None:
        await connection.fetch(STATEMENT, 1)

    async def ours() -> None:
        await connection.execute(begin)
        await connection.fetch(STATEMENT, 1)
        await connection.execute("ROLLBACK")

    async def postgrest() -> None:
        await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY")
        await connection.fetch(SETTINGS, ROLE, '{"accounts":[1,2,3]}')
        await connection.fetch(STATEMENT, 1)
        await connection.execute("COMMIT")

    ways = {"no role": plain, "the gateway's messages": ours, "PostgREST's messages": postgrest}
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(bench.rounds):
        for name, way in ways.items():
            samples[name].append(await _timed(way))
    await connection.close()
    return [Figure("P15", name, "asyncpg alone, us a statement", tuple(taken)) for name, taken in samples.items()]


async def _timed(way: Callable[[], Awaitable[None]]) -> float:
    taken = []
    for _ in range(ALONE):
        began = time.perf_counter()
        await way()
        taken.append(time.perf_counter() - began)
    return median(taken) * 1e6
