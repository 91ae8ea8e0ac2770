"""What all works share: the database, the servers that were started so far, how often to measure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import servers
from tests.bench.cluster import Server
from tests.bench.meter import Meter, Used
from tests.bench.servers import Running


@dataclass(slots=True)
class Bench:
    """One run of the benchmark.

    checkouts  name and folder of each gateway to measure; the first is this one
    folder     where things are kept between runs
    left_out   what could not be measured, and why
    """

    database: Server
    checkouts: dict[str, Path]
    rows: int
    rounds: int
    folder: Path
    stack: ExitStack
    left_out: list[str] = field(default_factory=list)
    _servers: dict[str, Running] = field(default_factory=dict)

    def gateways(self) -> list[Running]:
        """A warm gateway of every checkout."""
        return [self._once(name, lambda n=name, c=checkout: self._warm(n, c)) for name, checkout in self.checkouts.items()]

    def each_with(self, **settings: str) -> Iterator[Running]:
        """A gateway of each checkout with these settings, one after another. One of another version may not know them: then it is left out.

        raises  NotStartedError for the first
        """
        for number, (name, checkout) in enumerate(self.checkouts.items()):
            try:
                with servers.gateway(self.database.dsn, checkout=checkout, name=name, **settings) as running:
                    yield running
            except servers.NotStartedError as error:
                if number == 0:
                    raise
                last = str(error).strip().rsplit("\n", 1)[-1]
                self.left_out.append(f"{name} did not start with {', '.join(settings)}: {last}")

    def untouched(self, name: str) -> Running:
        """A gateway that nothing but the work `name` uses."""
        [(_, checkout), *_] = self.checkouts.items()
        return self._once(f"gateway for {name}", lambda: self._warm(name, checkout))

    def hello(self) -> Running:
        return self._once("hello", lambda: self.stack.enter_context(servers.hello()))

    def hardwired(self) -> Running:
        return self._once("hard-wired", lambda: self.stack.enter_context(servers.hardwired(self.database.dsn)))

    def fastapi(self) -> Running:
        return self._once(
            "fastapi", lambda: self.stack.enter_context(servers.fastapi(self.database.owner_dsn, servers.fastapi_python(self.folder)))
        )

    def sap_cap(self) -> Running | None:
        """None where it cannot be run."""
        folder = servers.sap_cap_folder(self.folder)
        return folder and self._once("SAP CAP", lambda: self.stack.enter_context(servers.sap_cap(self.database.owner_dsn, folder)))

    def postgraphile(self) -> Running | None:
        """None where it cannot be run."""
        folder = servers.postgraphile_folder(self.folder)
        return folder and self._once(
            "PostGraphile", lambda: self.stack.enter_context(servers.postgraphile(self.database.owner_dsn, folder))
        )

    def meter(self, server: Running | None) -> Meter:
        return Meter(None if server is None else server.pid, self.database.pid)

    def psql(self, script: str, *, dsn: str | None = None) -> Used:
        """Run a script by hand and throw its output away."""
        with self.meter(None) as used:
            subprocess.run(
                [self.database.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", dsn or self.database.dsn, "-c", script],
                stdout=subprocess.DEVNULL, check=True,
            )  # fmt: skip
        return used

    def compile_times(self, checkout: Path) -> dict[str, float]:
        """What a checkout's own `inside.py` measures."""
        done = subprocess.run(
            [sys.executable, str(checkout / "tests" / "bench" / "inside.py")],
            cwd=checkout,
            env=os.environ | {"PYTHONPATH": str(checkout)},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
        times: dict[str, float] = json.loads(done.stdout)
        return times

    def _once(self, name: str, start: Callable[[], Running]) -> Running:
        if name not in self._servers:
            self._servers[name] = start()
        return self._servers[name]

    def _warm(self, name: str, checkout: Path) -> Running:
        return self.stack.enter_context(servers.gateway(self.database.dsn, checkout=checkout, name=name))
