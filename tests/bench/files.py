"""P14: files of all messages, each beside the export of the same rows as JSON in the same round."""

from __future__ import annotations

import subprocess

from tests.bench import servers
from tests.bench.bench import Bench
from tests.bench.client import Http, export
from tests.bench.figures import Figure, Target, ratios
from tests.bench.meter import Used

FORMATS = {"csv": Target(0.8), "ndjson": Target(1.0), "arrow": Target(1.1), "parquet": Target(1.3), "xlsx": None}
"""The wall time that each may take, in times that of JSON; a workbook has seconds instead."""
SHEET_S, OVER_IDLE_MB = Target(20), Target(48)


def files(bench: Bench) -> list[Figure]:
    """P14. A workbook ends with its 1,048,574th row."""
    [gateway, *_] = bench.gateways()
    json_s: list[float] = []
    taken: dict[str, list[Used]] = {name: [] for name in FORMATS}
    for _ in range(bench.rounds):
        with bench.meter(gateway) as used:
            export(Http(gateway), "Message")
        json_s.append(used.wall)
        for name, rounds in taken.items():
            with bench.meter(gateway) as used:
                page = Http(gateway).get(f"Message?$format={name}")
            if page.status != 200:
                raise SystemExit(f"the answer to $format={name} is {page.status}")
            rounds.append(used)
    figures = [Figure("P14", "json", "wall, s", tuple(json_s)), *_adbc(bench, json_s)]
    for name, target in FORMATS.items():
        walls = [used.wall for used in taken[name]]
        figures += [
            Figure("P14", name, "wall / json", ratios(walls, json_s), target),
            Figure("P14", name, "wall, s", tuple(walls), SHEET_S if target is None else None),
            Figure("P14", name, "gateway CPU, us a row", tuple(used.server / bench.rows * 1e6 for used in taken[name])),
            Figure("P14", name, "peak - idle, MB", tuple(used.peak_mb - gateway.idle_mb for used in taken[name]), OVER_IDLE_MB),
        ]
    return figures


def _adbc(bench: Bench, json_s: list[float]) -> list[Figure]:
    """The same rows as Arrow without a gateway: ADBC's driver for Postgres, in a process of its own."""
    python = servers.adbc_python(bench.folder)
    if python is None:
        return [Figure("P14", "ADBC", "wall / json (needs adbc-driver-postgresql)", ())]
    walls, cpus = [], []
    for _ in range(bench.rounds):
        command = [str(python), str(servers.PEERS / "adbc.py"), bench.database.owner_dsn]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        wall, cpu, _ = map(float, done.stdout.split())
        walls.append(wall)
        cpus.append(cpu / bench.rows * 1e6)
    return [Figure("P14", "ADBC", "wall / json", ratios(walls, json_s)), Figure("P14", "ADBC", "its own CPU, us a row", tuple(cpus))]
