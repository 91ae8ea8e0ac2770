"""`python -m tests.bench.citus`: what three servers of Citus cost beside one Postgres, as ratios of neighbours in time.

ODATA_TEST_CITUS names the prefix of a Postgres with the extension; its programs serve as the one Postgres, too.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench import servers
from tests.bench.client import Http, export
from tests.bench.cluster import FILES
from tests.bench.figures import Figure, Target, ratios, table
from tests.bench.report import machine
from tests.harness.citus import PREFIX, citus_cluster
from tests.harness.cluster import DATABASE, READER, SQL_FOLDER, Cluster
from tests.harness.ports import free_port

CHUNK = "Message?$filter=id gt {0}&$top=540"
CHUNKS = 15
"""How often a small request is sent in a round, of which the median counts."""
EXPANDED = "Conversation?$top=100&$expand=messages($top=5),assignee,inbox"
ONE, ALL = servers.ADMIN_OF_ONE, servers.ADMIN_OF_ALL


@contextmanager
def plain_server(data: str) -> Iterator[Cluster]:
    """One Postgres of the same programs with the same rows."""
    settings = {"listen_addresses": "127.0.0.1", "port": str(free_port()), "max_connections": "100"}
    with Cluster.of_prefix(Path(PREFIX), "plain", settings) as cluster:
        cluster.psql("postgres", f'CREATE DATABASE "{DATABASE}"')
        for name in FILES:
            cluster.psql(DATABASE, data if name == "bench.sql" else (SQL_FOLDER / name).read_text(encoding="utf-8"))
        cluster.psql(DATABASE, "ANALYZE")
        yield cluster


class Measured:
    """Seconds of each round, by what was asked: of the cluster and of the one Postgres, for one account and for all."""

    def __init__(self, over_citus: servers.Running, over_plain: servers.Running, rounds: int) -> None:
        self._clients = {
            (name, token): Http(server, token=token)
            for name, server in (("Citus", over_citus), ("plain", over_plain))
            for token in (ONE, ALL)
        }
        self._rounds = rounds

    def of(self, work: Callable[[Http], float]) -> dict[tuple[str, str], list[float]]:
        found: dict[tuple[str, str], list[float]] = {who: [] for who in self._clients}
        for number in range(self._rounds + 1):
            for who, client in self._clients.items():
                seconds = work(client)
                if number:
                    found[who].append(seconds)
        return found


def whole_export(client: Http) -> float:
    return sum(export(client, "Message").pages)


def small(target: str) -> Callable[[Http], float]:
    def work(client: Http) -> float:
        pages = [client.get(target) for _ in range(CHUNKS)]
        assert all(page.status == 200 for page in pages), pages[0].tail[-500:]
        return statistics.median(page.seconds for page in pages)

    return work


def figures(measured: Measured, rows: int) -> Iterator[Figure]:
    chunk = CHUNK.format(rows // 2)
    found = measured.of(whole_export)
    yield from beside_plain("export", found, Target(1.3), Target(1.6))
    found = measured.of(small(chunk))
    for name in ("Citus", "plain"):
        yield Figure("540 messages", name, "ms, one account", tuple(1000 * each for each in found[name, ONE]))
        yield Figure("540 messages", name, "ms, three accounts", tuple(1000 * each for each in found[name, ALL]))
    yield Figure("540 messages", "Citus", "three accounts / one", ratios(found["Citus", ALL], found["Citus", ONE]), Target(1.5))
    for target in (EXPANDED, "Message/$count"):
        yield from beside_plain(target, measured.of(small(target)))


def beside_plain(
    work: str, found: dict[tuple[str, str], list[float]], one: Target | None = None, several: Target | None = None
) -> Iterator[Figure]:
    for token, words, target in ((ONE, "one account", one), (ALL, "three accounts", several)):
        yield Figure(work, "plain", f"s, {words}", tuple(found["plain", token]))
        yield Figure(work, "Citus", f"/ plain, {words}", ratios(found["Citus", token], found["plain", token]), target)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.citus", description="Measure a cluster of Citus beside one Postgres.")
    parser.add_argument("--rounds", type=int, default=5, help="rounds; the table shows medians, and the extremes as noise (5)")
    parser.add_argument("--rows", type=int, default=200_000, help="messages to load (200,000)")
    given = parser.parse_args()
    if not PREFIX:
        raise SystemExit("ODATA_TEST_CITUS must name the prefix of a Postgres with Citus")
    data = f"\\set messages {given.rows}\n" + (SQL_FOLDER / "bench.sql").read_text(encoding="utf-8")
    with ExitStack() as stack:
        cluster = stack.enter_context(citus_cluster(data=data))
        plain = stack.enter_context(plain_server(data))
        over_citus = stack.enter_context(servers.gateway(cluster.dsn(), name="over Citus"))
        over_plain = stack.enter_context(servers.gateway(plain.dsn(user=READER, tcp=True), name="over Postgres"))
        print(f"Citus {cluster.version}, {machine()}, {given.rows:,} messages, medians of {given.rounds} rounds\n")
        print(table(figures(Measured(over_citus, over_plain, given.rounds), given.rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
