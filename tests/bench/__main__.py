"""`python -m tests.bench`: load the data once, start the servers, measure, print the table."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from tests.bench.bench import Bench
from tests.bench.cluster import GivenServer, KeptCluster, default_folder
from tests.bench.figures import Figure, table
from tests.bench.report import MarkedDocument, machine, section, server_version
from tests.bench.works import WORKS
from tests.harness.gateway import ROOT


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure the gateway beside its baselines, as ratios.")
    parser.add_argument("--only", default=",".join(WORKS), help="works to run, such as P1,P5 (all)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; the table shows medians, and the extremes as noise (3)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="messages to load (1,000,000)")
    parser.add_argument("--dsn", help="a database loaded with schema.sql, bench.sql, indexes.sql and roles.sql, instead of an embedded one")
    parser.add_argument("--psql", help="the psql to use with --dsn")
    parser.add_argument("--compare", type=Path, help="another checkout, measured in the same rounds")
    parser.add_argument("--folder", type=Path, default=default_folder(), help=f"where the loaded cluster is kept ({default_folder()})")
    parser.add_argument(
        "--render", type=lambda path: MarkedDocument(Path(path)), help="write the table into this document, such as docs/performance.md"
    )
    parser.add_argument("--out", type=Path, help="write all samples as JSON")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    names = given.only.upper().split(",")
    unknown = sorted(set(names) - set(WORKS))
    if unknown:
        raise SystemExit(f"no such work: {', '.join(unknown)}; there are {', '.join(WORKS)}")
    checkouts = {"gateway": ROOT} | ({f"gateway in {given.compare.name}": given.compare.resolve()} if given.compare else {})
    figures: list[Figure] = []
    with ExitStack() as stack:
        cluster = GivenServer(given.dsn, given.psql) if given.dsn else KeptCluster(given.folder, given.rows)
        bench = Bench(stack.enter_context(cluster), checkouts, given.rows, given.rounds, given.folder, stack)
        for name in (name for name in WORKS if name in names):
            print(f"{name} ...", file=sys.stderr, flush=True)
            found = WORKS[name](bench)
            figures += found
            print(table(found), file=sys.stderr, flush=True)
        postgres = asyncio.run(server_version(bench.database.dsn))
    print(f"{machine()}, {given.rows:,} messages, medians of {given.rounds} rounds\n")
    print(table(figures))
    for text in bench.left_out:
        print(f"\nleft out: {text}")
    if given.render:
        given.render.write(section(figures, rows=given.rows, rounds=given.rounds, postgres=postgres, left_out=bench.left_out))
    if given.out:
        given.out.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
