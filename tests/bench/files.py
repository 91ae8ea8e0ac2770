"""P14: files of all messages, each beside the export of the same rows as JSON in the same round; and beside what a user would do without
the gateway: ADBC's driver for Postgres, and pandas.read_sql."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.bench import servers
from tests.bench.bench import Bench
from tests.bench.client import Http, export
from tests.bench.figures import Figure, Target, ratios
from tests.bench.meter import Used
from tests.bench.servers import Running
from tests.bench.whole import CELLS

FORMATS = {"csv": Target(0.8), "ndjson": Target(1.0), "arrow": Target(1.1), "parquet": Target(1.3), "xlsx": None}
"""The wall time that each may take, in times that of JSON; a workbook has seconds instead."""
SHEET_S, OVER_IDLE_MB = Target(20), Target(48)
BY_HAND = f"SELECT {', '.join(CELLS)} FROM public.messages WHERE account_id = ANY ('{{1,2,3}}') ORDER BY id"
READERS = {"arrow": "pyarrow, of the gateway", "adbc": "ADBC, of Postgres", "pandas": "pandas.read_sql, of Postgres"}


def files(bench: Bench) -> list[Figure]:
    """P14. A workbook ends with its 1,048,574th row. Each format has a gateway of its own, since what one loads stays in memory."""
    gateways = {name: bench.untouched(name) for name in ("json", *FORMATS)}
    taken: dict[str, list[Used]] = {name: [] for name in gateways}
    for _ in range(bench.rounds):
        for name, rounds in taken.items():
            rounds.append(_used(bench, gateways[name], name))
    json_s = [used.wall for used in taken["json"]]
    json_cpu = [used.server + used.postgres for used in taken["json"]]
    figures = [Figure("P14", "json", "wall, s", tuple(json_s))]
    for name, target in FORMATS.items():
        walls = [used.wall for used in taken[name]]
        cpu = [used.server + used.postgres for used in taken[name]]
        figures += [
            Figure("P14", name, "wall / json", ratios(walls, json_s), target),
            Figure("P14", name, "CPU of gateway and Postgres / json", ratios(cpu, json_cpu)),
            Figure("P14", name, "wall, s", tuple(walls), SHEET_S if target is None else None),
            Figure("P14", name, "gateway CPU, us a row", tuple(used.server / bench.rows * 1e6 for used in taken[name])),
            Figure("P14", name, "peak - idle, MB", _over_idle(taken[name], gateways[name]), OVER_IDLE_MB),
        ]
    return figures + _readers(bench, gateways["arrow"], json_s)


def _used(bench: Bench, gateway: Running, name: str) -> Used:
    """What all messages took in a format."""
    with bench.meter(gateway) as used:
        if name == "json":
            export(Http(gateway), "Message")
            status = 200
        else:
            status = Http(gateway).get(f"Message?$format={name}").status
    if status != 200:
        raise SystemExit(f"the answer to $format={name} is {status}; arrow and parquet need: pip install -e '.[arrow]'")
    return used


def _over_idle(rounds: list[Used], gateway: Running) -> tuple[float, ...]:
    return tuple(used.peak_mb - gateway.idle_mb for used in rounds)


def _readers(bench: Bench, gateway: Running, json_s: list[float]) -> list[Figure]:
    """A program of Python with all messages in its memory, by three ways."""
    try:
        python = servers.readers_python(bench.folder)
    except subprocess.CalledProcessError as error:
        print(f"ADBC and pandas are not measured: they cannot be installed ({error})", file=sys.stderr, flush=True)
        return [Figure("P14", who, "wall / json", ()) for who in READERS.values()]
    url = f"http://127.0.0.1:{gateway.port}{gateway.url('Message?$format=arrow')}"
    asked = {"arrow": (url, gateway.token or ""), "adbc": (bench.database.dsn, BY_HAND), "pandas": (bench.database.dsn, BY_HAND)}
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in READERS}
    for _ in range(bench.rounds):
        for name, rounds in taken.items():
            rounds.append(_read(python, name, *asked[name], rows=bench.rows))
    figures = []
    for name, who in READERS.items():
        walls = [took["wall"] for took in taken[name]]
        figures += [
            Figure("P14", who, "wall / json", ratios(walls, json_s)),
            Figure("P14", who, "wall, s", tuple(walls)),
            Figure("P14", who, "reader's CPU, us a row", tuple(took["cpu"] / bench.rows * 1e6 for took in taken[name])),
            Figure("P14", who, "reader's peak, MB", tuple(took["peak_mb"] for took in taken[name])),
        ]
    return figures


def _read(python: Path, name: str, source: str, what: str, *, rows: int) -> dict[str, float]:
    program = servers.PEERS / "readers" / "read.py"
    done = subprocess.run([str(python), str(program), name, source, what], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{READERS[name]} failed: {done.stderr[-2000:]}")
    took: dict[str, float] = json.loads(done.stdout)
    if took["rows"] != rows:
        raise SystemExit(f"{READERS[name]} read {took['rows']:,.0f} rows, not {rows:,}")
    return took
