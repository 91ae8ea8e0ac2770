"""PgBouncer in transaction mode in front of a test's Postgres: started as the server's user, because it refuses root; every database, every role.

Debian 12 has 1.18, which keeps no prepared statements for its clients: the hardest case.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pytest
from tests.harness.cluster import READER, SUPERUSER, Cluster
from tests.harness.gateway import free_port

_CONFIG = """
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 500
server_login_retry = 1
query_wait_timeout = 10
ignore_startup_parameters = {ignored}
"""


class PgBouncer:
    """A running PgBouncer; `size` server connections for each pair of database and role."""

    def __init__(self, cluster: Cluster, *, size: int = 5, ignored: str = "", users: Sequence[str] = (READER, SUPERUSER)) -> None:
        program = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if program is None:
            pytest.fail("pgbouncer is not installed: apt-get install pgbouncer (its service need not run)")
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="odata-gateway-pgbouncer-"))
        self._folder.chmod(0o755)
        (self._folder / "users").write_text("".join(f'"{name}" ""\n' for name in users))
        config = self._folder / "pgbouncer.ini"
        config.write_text(_CONFIG.format(server=cluster.port, port=self.port, folder=self._folder, size=size, ignored=ignored))
        identity = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        with (self._folder / "log").open("wb") as log:
            self.process = subprocess.Popen([program, str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, **identity)
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError("PgBouncer did not start: " + self.log()) from None
                time.sleep(0.02)

    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")

    def dsn(self, *, user: str = READER, database: str = "live_agent") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def close(self) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
