"""The servers under measurement, each a process of its own: the gateway of a checkout, and the peers beside it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from tests.bench import meter
from tests.harness.gateway import ROOT, free_port

ADMIN_OF_ALL, ADMIN_OF_ONE, GIANT = "bench-admin-of-all-00001", "bench-admin-of-one-00002", "bench-giant-account-0003"
PEERS = Path(__file__).parent / "peers"
START_S = 30.0


class NotStartedError(SystemExit):
    """A server did not answer; the text has the end of its log."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers.

    started_s      from its start to its first answer
    idle_mb        its memory then
    started_cpu_s  its processor time until then
    """

    name: str
    process: subprocess.Popen[bytes]
    port: int
    root: str
    token: str | None
    started_s: float
    idle_mb: float
    started_cpu_s: float = 0.0

    @property
    def pid(self) -> int:
        return self.process.pid

    def url(self, target: str) -> str:
        return self.root + target


@contextmanager
def gateway(
    dsn: str,
    *,
    checkout: Path = ROOT,
    name: str = "gateway",
    token: str | None = ADMIN_OF_ALL,
    ready: str = "Message(1)",
    **settings: str,
) -> Iterator[Running]:
    """The program as its users start it, `python -m odata_gateway serve`; `ready` is what it answers first."""
    port = free_port()
    environment = _clean() | {"PYTHONPATH": str(checkout), "ODATA_HOST": "127.0.0.1", "ODATA_PORT": str(port), "ODATA_DSN": dsn}
    command = [sys.executable, "-m", "odata_gateway", "serve"]
    with _running(name, command, checkout, environment | settings, port, "/v1.0/odata/", ready, token) as running:
        yield running


@contextmanager
def hello() -> Iterator[Running]:
    """aiohttp's hello, on uvloop where the gateway would use it."""
    port = free_port()
    with _running("aiohttp hello", [sys.executable, str(PEERS / "hello.py"), str(port)], PEERS, _clean(), port, "/", "", None) as running:
        yield running


@contextmanager
def hardwired(dsn: str) -> Iterator[Running]:
    """A ceiling: aiohttp and asyncpg with one fixed statement."""
    port = free_port()
    command = [sys.executable, str(PEERS / "hardwired.py"), str(port), dsn]
    with _running("hard-wired", command, PEERS, _clean(), port, "/", "Message(1)", None) as running:
        yield running


@contextmanager
def fastapi(dsn: str, python: Path) -> Iterator[Running]:
    """The straightforward service that a Python developer writes in an afternoon."""
    port, folder = free_port(), PEERS / "fastapi_service"
    command = [str(python), "-m", "uvicorn", "app:app", "--port", str(port), "--no-access-log"]
    environment = _clean() | {"DSN": dsn.replace("postgresql://", "postgresql+asyncpg://", 1)}
    with _running("fastapi", command, folder, environment, port, "/v1.0/odata/", "Message(1)", None) as running:
        yield running


def fastapi_python(folder: Path) -> Path:
    """The Python of a venv for that service, made once: it needs an older sly than the gateway, so the two cannot share one."""
    return _installed(folder / "fastapi-venv", PEERS / "fastapi_service" / "requirements.txt", "the FastAPI service")


def readers_python(folder: Path) -> Path:
    """The Python of a venv with ADBC and pandas, made once: pandas brings numpy, with which a gateway of the same venv takes more memory.

    raises  CalledProcessError where they cannot be installed
    """
    return _installed(folder / "readers-venv", PEERS / "readers" / "requirements.txt", "ADBC and pandas")


def _installed(venv: Path, requirements: Path, what: str) -> Path:
    python, is_made = venv / "bin" / "python", venv / "made"
    if not is_made.exists():
        print(f"installing {what} ...", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *requirements.read_text().split()], check=True)
        is_made.touch()
    return python


@contextmanager
def sap_cap(dsn: str, folder: Path) -> Iterator[Running]:
    """SAP CAP over the same tables, in a folder that `sap_cap_folder` made; reads as the tables' owner, and knows no callers."""
    parts, port = urlsplit(dsn), free_port()
    options = dict(parse_qsl(parts.query))
    credentials = {
        "host": options.get("host", parts.hostname), "port": int(options.get("port", parts.port or 5432)), "user": parts.username,
        "password": parts.password or "none", "database": parts.path[1:],
    }  # fmt: skip
    configured = _clean() | {"NODE_ENV": "production", "CDS_CONFIG": json.dumps({"requires": {"db": {"credentials": credentials}}})}
    subprocess.run(["node", "views.js"], cwd=folder, env=configured, check=True, stdout=subprocess.DEVNULL)
    command = ["node", str((folder / "node_modules" / ".bin" / "cds-serve").resolve()), "all", "--port", str(port)]
    with _running("SAP CAP", command, folder, configured, port, "/v1.0/odata/", "Message(1)", None) as running:
        yield running


@contextmanager
def postgraphile(dsn: str, folder: Path) -> Iterator[Running]:
    """PostGraphile over the same tables, in a folder that `postgraphile_folder` made; reads as the tables' owner, and knows no callers."""
    port = free_port()
    command = [str(folder / "node_modules" / ".bin" / "node"), "server.js", str(port), dsn]
    environment = _clean() | {"NODE_ENV": "production", "GRAPHILE_ENV": "production"}
    with _running("PostGraphile", command, folder, environment, port, "/", "graphql?query=%7B__typename%7D", None) as running:
        yield running


def sap_cap_folder(folder: Path) -> Path | None:
    """Where SAP CAP is installed, once; None on a machine without node and npm."""
    return _with_packages("sap_cap", folder / "sap-cap", "cds-serve")


def postgraphile_folder(folder: Path) -> Path | None:
    """Where PostGraphile is installed, once, with the node that it needs; None on a machine without node and npm."""
    return _with_packages("postgraphile", folder / "postgraphile", "postgraphile")


def _with_packages(peer: str, installed: Path, program: str) -> Path | None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None
    if not (installed / "node_modules" / ".bin" / program).exists():
        print(f"installing the packages of {peer} ...", file=sys.stderr, flush=True)
        shutil.copytree(PEERS / peer, installed, dirs_exist_ok=True)
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"], cwd=installed, check=True, stdout=subprocess.DEVNULL
        )
    return installed


def _clean() -> dict[str, str]:
    """This process's environment without what would configure a server."""
    return {name: text for name, text in os.environ.items() if not name.startswith(("ODATA_", "POSTGRES_", "PG", "PYTHON"))}


@contextmanager
def _running(
    name: str, command: list[str], cwd: Path, environment: dict[str, str], port: int, root: str, ready: str, token: str | None
) -> Iterator[Running]:
    with tempfile.NamedTemporaryFile(prefix="bench-", suffix=".log") as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            if not _await(process, port, root + ready, token, began):
                raise NotStartedError(f"{name} did not answer:\n" + Path(log.name).read_text(errors="replace")[-4000:])
            started_s = time.perf_counter() - began
            idle_mb, started_cpu_s = meter.memory_mb(process.pid, "VmRSS"), meter.cpu(process.pid)
            yield Running(name, process, port, root, token, started_s, idle_mb, started_cpu_s)
        finally:
            meter.end(process)


def _await(process: subprocess.Popen[bytes], port: int, path: str, token: str | None, began: float) -> bool:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    while time.perf_counter() - began < START_S and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_S)
        try:
            connection.request("GET", path, headers=headers)
            if connection.getresponse().status == 200:
                return True
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.005)
    return False
