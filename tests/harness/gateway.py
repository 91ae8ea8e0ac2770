"""The real program as its users start it: `python -m odata_gateway serve`, settings by environment."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.harness import tokens
from tests.harness.ports import free_port

ROOT = Path(__file__).parents[2]
START_S, STOP_S = 60.0, 30.0


@dataclass(frozen=True)
class Reply:
    """One HTTP response, read to its end."""

    status: int
    headers: Mapping[str, str]  # lower-case names; the last of several
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def rows(self) -> list[dict[str, Any]]:
        return self.json()["value"]


class Gateway:
    """A running gateway. `base_url` is the service root and ends in '/'; `get` asks as account 1's administrator unless told otherwise."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log_path: Path) -> None:
        self.process = process
        self.port = port
        self.origin = f"http://127.0.0.1:{port}"
        self.base_url = f"{self.origin}/v1.0/odata/"
        self.tokens = tokens
        self._log_path = log_path

    def log(self) -> str:
        """What the process wrote so far to stdout and stderr."""
        return self._log_path.read_text(errors="replace")

    def get(self, target: str, *, token: str | None = tokens.ADMIN, headers: Mapping[str, str] | None = None, method: str = "GET") -> Reply:
        """Ask for a target below the service root as it stands, or for an absolute URL such as a nextLink; blanks may be left bare."""
        parts = urlsplit(target if target.startswith("http://") else self.base_url + target.removeprefix("/"))
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        sent = ({"Authorization": f"Bearer {token}"} if token else {}) | dict(headers or {})
        return self.ask(method, _encode(path), sent)

    def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Reply:
        """One request with a path from the origin, sent as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        finally:
            connection.close()

    def pages(
        self, target: str, *, token: str | None = tokens.ADMIN, headers: Mapping[str, str] | None = None
    ) -> list[list[dict[str, Any]]]:
        """Every page's rows, following nextLink."""
        found, link = [], target
        while link:
            reply = self.get(link, token=token, headers=headers)
            assert reply.status == 200, reply.body[:2000]
            page = reply.json()
            found.append(page["value"])
            link = page.get("@odata.nextLink") or page.get("@nextLink") or ""
        return found

    def forget_log(self) -> None:
        self._log_path.unlink(missing_ok=True)

    def stop(self) -> int:
        """SIGTERM, and the exit status; killed after STOP_S."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.forget_log()


def start_gateway(*, wait_for: str = "/health/readiness", module: str = "odata_gateway", **settings: str) -> Gateway:
    """Start the program on a free port and wait until `wait_for` answers 200 ("": do not wait).

    raises  AssertionError with the log when it ends or is not ready in START_S
    """
    port = free_port()
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("ODATA_", "POSTGRES_", "PG"))}
    environment |= {"ODATA_HOST": "127.0.0.1", "ODATA_PORT": str(port), "ODATA_GRACE_S": "0", "ODATA_LOG_FORMAT": "text"}
    environment |= {"PYTHONUNBUFFERED": "1"} | settings
    handle, name = tempfile.mkstemp(prefix="odata-gateway-", suffix=".log")
    with os.fdopen(handle, "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "serve"], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    gateway = Gateway(process, port, Path(name))
    if wait_for:
        _wait(gateway, wait_for)
    return gateway


def _wait(gateway: Gateway, path: str) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and gateway.process.poll() is None:
        try:
            if gateway.ask("GET", path).status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.02)
    gateway.stop()
    log = gateway.log()
    gateway.forget_log()
    raise AssertionError(f"the gateway did not answer {path} with 200 in {START_S:g} s:\n{log[-4000:]}")


def _encode(path: str) -> str:
    """Percent-encode what a request line cannot carry, and nothing else: blanks, control characters, non-ASCII."""
    return "".join(c if "!" <= c <= "~" else "".join(f"%{byte:02X}" for byte in c.encode()) for c in path)
