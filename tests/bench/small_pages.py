"""P17: first pages of few rows, without a model and so without accounts, by one client: what Postgres takes where it keeps the plan of a statement,
beside the same where its settings have it plan each statement anew."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from tests.bench import servers
from tests.bench.bench import Bench
from tests.bench.client import Http
from tests.bench.figures import Figure, Target, ratios
from tests.bench.servers import Running

SIZES = {1: Target(0.6), 20: Target(0.75), 100: None}
PAGES, WARM = 1500, 50
"""Pages of a round, and before the first: more than the five executions after which a plan is kept, on each connection."""
ANEW = "&plan_cache_mode=force_custom_plan"


def small_pages(bench: Bench) -> list[Figure]:
    return [figure for name, checkout in bench.checkouts.items() for figure in _of_gateway(bench, name, checkout)]


def _of_gateway(bench: Bench, name: str, checkout: Path) -> list[Figure]:
    figures = []
    with _gateway(bench.database.dsn, checkout) as kept, _gateway(bench.database.dsn + ANEW, checkout) as anew:
        for size, target in SIZES.items():
            taken: dict[Running, list[float]] = {kept: [], anew: []}
            for running in taken:
                _ask(running, size, WARM)
            for _ in range(bench.rounds):
                for running, seconds in taken.items():
                    with bench.meter(running) as used:
                        _ask(running, size, PAGES)
                    seconds.append(used.postgres / PAGES * 1e6)
            what = f"first page of {size}: Postgres CPU"
            figures.append(Figure("P17", name, f"{what}, us", tuple(taken[kept])))
            figures.append(Figure("P17", name, f"{what} / planned anew", ratios(tuple(taken[kept]), tuple(taken[anew])), target))
    return figures


def _gateway(dsn: str, checkout: Path) -> AbstractContextManager[Running]:
    return servers.gateway(dsn, checkout=checkout, token=None, ready="messages?$top=1", ODATA_MODEL="auto", ODATA_POOL_MAX="1")


def _ask(running: Running, size: int, times: int) -> None:
    client = Http(running)
    for _ in range(times):
        page = client.get(f"messages?$top={size}")
        if page.status != 200:
            raise SystemExit(f"a page of {size} answered {page.status}: {page.tail[-500:]!r}")
