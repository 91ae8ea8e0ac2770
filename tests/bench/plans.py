"""The plans Postgres really used, by `auto_explain`, for a gateway that connects as the owner: statements, arguments, rows and buffers read.

What the gateway prepared and how often it ran it is part of the truth (a generic plan comes with the sixth execution), so no statement is taken out of
the gateway to be explained by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import servers
from tests.bench.bench import Bench
from tests.bench.client import Http
from tests.bench.servers import Running

AUTO_EXPLAIN = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_format": "json",
    "auto_explain.log_parameter_max_length": "-1",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """One execution of one statement."""

    sql: str
    arguments: str
    root: dict[str, Any]

    @property
    def buffers(self) -> int:
        return int(self.root.get("Shared Hit Blocks", 0)) + int(self.root.get("Shared Read Blocks", 0))

    @property
    def rows_read(self) -> int:
        """Rows that scans of tables looked at, shown or filtered out."""
        names = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
        return round(sum(sum(node.get(name, 0) for name in names) * node.get("Actual Loops", 1) for node in self._scans()))

    @property
    def shape(self) -> str:
        """The scans with their indexes, and whether there was a sort."""
        scans = [
            f"{node['Node Type']} {node.get('Index Name') or node['Relation Name']}"
            for node in self._scans()
            if not _is_heap_of_bitmap(node)
        ]
        sorts = sorted({node["Node Type"] for node in _nodes(self.root) if "Sort" in node["Node Type"]})
        return ", ".join((*scans, *sorts))

    def _scans(self) -> Iterator[dict[str, Any]]:
        return (node for node in _nodes(self.root) if "Relation Name" in node or node["Node Type"] == "Bitmap Index Scan")


def _is_heap_of_bitmap(node: dict[str, Any]) -> bool:
    return bool(node["Node Type"] == "Bitmap Heap Scan")


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


class Explained:
    """A gateway whose statements are explained; `ask` answers with the plans of one request."""

    def __init__(self, running: Running, log: Path) -> None:
        self._running = running
        self._log = log

    def ask(self, target: str, *, token: str, headers: str = "") -> list[Plan]:
        """The plans of the statements about messages and conversations that a request took."""
        before = self._log.stat().st_size
        page = Http(self._running, token=token).get(target, headers=headers)
        if page.status != 200:
            raise SystemExit(f"{target} answered {page.status}: {page.tail[-500:]!r}")
        with self._log.open("rb") as log:
            log.seek(before)
            return [plan for plan in read_plans(log.read().decode()) if "access_tokens" not in plan.sql]


@contextmanager
def explained(bench: Bench, checkout: Path, **settings: str) -> Iterator[Explained | None]:
    """Such a gateway; None where the server's log is out of reach."""
    if bench.database.log is None:
        yield None
        return
    dsn = bench.database.owner_dsn + "".join(f"&{name}={value}" for name, value in AUTO_EXPLAIN.items())
    with servers.gateway(dsn, checkout=checkout, **settings) as running:
        yield Explained(running, bench.database.log)


def read_plans(log: str) -> Iterator[Plan]:
    """The plans in a server's log."""
    decoder = json.JSONDecoder()
    for part in log.split("plan:\n")[1:]:
        found, _ = decoder.raw_decode(part.replace("\n\t", "\n").lstrip())
        yield Plan(found["Query Text"], found.get("Query Parameters", ""), found["Plan"])
