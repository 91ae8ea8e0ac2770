"""P5 to P9, P11 and P12: many small requests, beside aiohttp's hello and the FastAPI service."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from tests.bench import servers
from tests.bench.bench import Bench
from tests.bench.client import Http, Load, export, load
from tests.bench.figures import Figure, Target, ratios
from tests.bench.meter import Used
from tests.bench.servers import Running

Sample = tuple[Load, Used]
CAP, POSTGRAPHILE = "SAP CAP", "PostGraphile"
FIELDS = (
    "rowId content accountId inboxId conversationId messageType createdAt updatedAt private status sourceId contentType "
    "contentAttributes senderType senderId externalSourceIds"
)
MOST_SKIPPED = 2000
ENTITY_QUERY = "query q($id: Int!) { messageByRowId(rowId: $id) { " + FIELDS + " } }"
PAGE_QUERY = "{ allMessages(first: 1000) { nodes { " + FIELDS + " } pageInfo { endCursor hasNextPage } } }"


def entity(bench: Bench) -> list[Figure]:
    """P5: one entity by key, 64 connections."""
    target = "Message({id})"
    peers = {"aiohttp hello": (bench.hello(), ""), "hard-wired": (bench.hardwired(), target), "fastapi": (bench.fastapi(), target)}
    peers |= {gateway.name: (gateway, target) for gateway in bench.gateways()}
    peers |= _postgraphile(bench, f"graphql?query={quote(ENTITY_QUERY)}&variables=%7B%22id%22:{{id}}%7D")
    samples = _rounds(bench, peers)
    figures = [Figure("P5", name, "requests a second", _rates(taken)) for name, taken in samples.items()]
    figures += [Figure("P5", name, "CPU, us a request", _cpu(taken, 1e6)) for name, taken in samples.items()]
    for gateway in bench.gateways():
        taken, rates = samples[gateway.name], _rates(samples[gateway.name])
        figures += [
            Figure(
                "P5", gateway.name, "rate / aiohttp hello's", ratios(rates, _rates(samples["aiohttp hello"])), Target(0.4, at_least=True)
            ),
            Figure("P5", gateway.name, "rate / hard-wired's", ratios(rates, _rates(samples["hard-wired"])), Target(0.85, at_least=True)),
            Figure("P5", gateway.name, "rate / fastapi's", ratios(rates, _rates(samples["fastapi"])), Target(10, at_least=True)),
            *_beside_postgraphile("P5", gateway, samples),
            Figure("P5", gateway.name, "p50, ms", tuple(seen.p50 for seen, _ in taken)),
            Figure("P5", gateway.name, "p99 / p50", tuple(seen.p99 / seen.p50 for seen, _ in taken), Target(3)),
            Figure("P5", gateway.name, "Postgres CPU, us a request", tuple(used.postgres / seen.count * 1e6 for seen, used in taken)),
        ]
    return figures + _noise("P5", samples)


def page(bench: Bench) -> list[Figure]:
    """P6: a page of 1,000, 64 connections that ask for the same, so that those that wait together are read once; then each for another one."""
    return _same_page(bench) + _other_pages(bench)


def _other_pages(bench: Bench) -> list[Figure]:
    target = "Message?$skip={id}&$top=1000"
    peers = {"fastapi": (bench.fastapi(), target)} | {gateway.name: (gateway, target) for gateway in bench.gateways()}
    samples = _rounds(bench, peers, most=MOST_SKIPPED)
    figures = [Figure("P6", name, "another page each: pages a second", _rates(taken)) for name, taken in samples.items()]
    for gateway in bench.gateways():
        rates = ratios(_rates(samples[gateway.name]), _rates(samples["fastapi"]))
        figures.append(Figure("P6", gateway.name, "another page each: rate / fastapi's", rates))
    return figures


def _same_page(bench: Bench) -> list[Figure]:
    target = "Message?$top=1000"
    peers = {"fastapi": (bench.fastapi(), target)} | {gateway.name: (gateway, target) for gateway in bench.gateways()}
    cap = bench.sap_cap()
    peers |= _postgraphile(bench, f"graphql?query={quote(PAGE_QUERY)}")
    samples = _rounds(bench, peers | ({} if cap is None else {CAP: (cap, target)}), may_fail=(CAP,))
    figures = [Figure("P6", name, "pages a second", _rates(taken)) for name, taken in samples.items()]
    figures += [Figure("P6", name, "CPU, ms a page", _cpu(taken, 1e3)) for name, taken in samples.items()]
    for gateway in bench.gateways():
        taken = samples[gateway.name]
        per_page = ratios(_cpu(taken, 1e3), _cpu(samples["fastapi"], 1e3))
        figures += [
            Figure("P6", gateway.name, "rate / fastapi's", ratios(_rates(taken), _rates(samples["fastapi"])), Target(6, at_least=True)),
            _beside_cap(gateway, samples),
            *_beside_postgraphile("P6", gateway, samples),
            Figure("P6", gateway.name, "CPU a page / fastapi's", per_page, Target(0.125)),
            Figure("P6", gateway.name, "p99 / p50", tuple(seen.p99 / seen.p50 for seen, _ in taken)),
            Figure("P6", gateway.name, "peak - idle, MB", tuple(used.peak_mb - gateway.idle_mb for _, used in taken)),
        ]
    return figures + _noise("P6", samples)


def _beside_cap(gateway: Running, samples: dict[str, list[Sample]]) -> Figure:
    if CAP not in samples:
        return Figure("P6", gateway.name, "rate / SAP CAP's (needs node and npm)", (), Target(15, at_least=True))
    failed = sum(seen.failed for seen, _ in samples[CAP]) / sum(seen.count for seen, _ in samples[CAP])
    what = f"rate / SAP CAP's of good answers (it fails {failed:.0%})"
    return Figure("P6", gateway.name, what, ratios(_rates(samples[gateway.name]), _rates(samples[CAP])), Target(15, at_least=True))


def _postgraphile(bench: Bench, target: str) -> dict[str, tuple[Running, str]]:
    """It and what it is asked, where it can be run."""
    running = bench.postgraphile()
    return {} if running is None else {POSTGRAPHILE: (running, target)}


def _beside_postgraphile(work: str, gateway: Running, samples: dict[str, list[Sample]]) -> Iterator[Figure]:
    if POSTGRAPHILE in samples:
        yield Figure(work, gateway.name, "rate / PostGraphile's", ratios(_rates(samples[gateway.name]), _rates(samples[POSTGRAPHILE])))
    else:
        yield Figure(work, gateway.name, "rate / PostGraphile's (needs node and npm)", ())


def _rounds(
    bench: Bench, peers: dict[str, tuple[Running, str]], may_fail: tuple[str, ...] = (), most: int | None = None
) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = {name: [] for name in peers}
    for server, target in peers.values():
        load(server, target, seconds=2, most=most or bench.rows)
    for _ in range(bench.rounds):
        for name, (server, target) in peers.items():
            with bench.meter(server) as used:
                seen = load(server, target, most=most or bench.rows)
            if seen.failed and name not in may_fail:
                raise SystemExit(f"{name}: {seen.failed} of {seen.count} requests failed")
            samples[name].append((seen, used))
    return samples


def _rates(taken: list[Sample]) -> tuple[float, ...]:
    return tuple(seen.rate for seen, _ in taken)


def _cpu(taken: list[Sample], scale: float) -> tuple[float, ...]:
    return tuple(used.server / seen.count * scale for seen, used in taken)


def _noise(work: str, samples: dict[str, list[Sample]]) -> list[Figure]:
    others = tuple(used.others / used.wall for taken in samples.values() for _, used in taken)
    return [Figure(work, "all", "cores used by other programs", others)]


def compiling(bench: Bench) -> list[Figure]:
    """P8, in a process of its own."""
    figures = []
    for name, checkout in bench.checkouts.items():
        times = [bench.compile_times(checkout) for _ in range(bench.rounds)]
        figures += [
            Figure("P8", name, "compile a URL never seen, ms", tuple(t["never_s"] * 1e3 for t in times), Target(1.5)),
            Figure("P8", name, "the same with other literals, us", tuple(t["seen_s"] * 1e6 for t in times), Target(60)),
        ]
    return figures


def start(bench: Bench) -> list[Figure]:
    """P12: from `serve` to the first answer with a row in it. The start before the first round compiles Python's files."""
    found: dict[str, list[Running]] = {name: [] for name in bench.checkouts}
    for _ in range(1 + max(3, bench.rounds)):
        for name, checkout in bench.checkouts.items():
            with servers.gateway(bench.database.dsn, checkout=checkout) as running:
                found[name].append(running)
    figures = []
    for name, (_, *started) in found.items():
        figures += [
            Figure("P12", name, "first answer after start, s", tuple(each.started_s for each in started), Target(1.5)),
            Figure("P12", name, "CPU until then, s", tuple(each.started_cpu_s for each in started)),
        ]
    return figures


def workers(bench: Bench) -> list[Figure]:
    """P11: two server processes beside one, for small requests and for two exports at once, and how many connections they hold."""
    figures = []
    for name, checkout in bench.checkouts.items():
        rates: dict[str, list[float]] = {"1": [], "2": []}
        walls: dict[str, list[float]] = {"1": [], "2": []}
        connections: dict[str, list[float]] = {"1": [], "2": []}
        for _ in range(bench.rounds):
            for count in rates:
                before = _connections(bench)
                with servers.gateway(bench.database.dsn, checkout=checkout, ODATA_WORKERS=count) as running:
                    load(running, "Message({id})", seconds=2, most=bench.rows)
                    rates[count].append(load(running, "Message({id})", most=bench.rows).rate)
                    connections[count].append(_connections(bench) - before)
                    walls[count].append(_exports(running))
        figures += [
            Figure("P11", name, "two workers: requests a second, entity by key", tuple(rates["2"])),
            Figure("P11", name, "two workers / one: requests a second", ratios(rates["2"], rates["1"])),
            Figure("P11", name, "two workers / one: wall of 4 exports at once", ratios(walls["2"], walls["1"])),
            Figure("P11", name, "database connections of one worker", tuple(connections["1"])),
            Figure("P11", name, "database connections of two workers", tuple(connections["2"])),
        ]
    return figures


def _exports(running: Running) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: export(Http(running), "Message", most_pages=20), range(4)))
    return time.perf_counter() - began


def _connections(bench: Bench) -> int:
    counting = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'odata-gateway%'"
    done = subprocess.run(
        [bench.database.psql, "-X", "-A", "-t", "-d", bench.database.owner_dsn, "-c", counting], capture_output=True, text=True, check=True
    )
    return int(done.stdout)
