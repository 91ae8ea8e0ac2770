"""One Postgres server in a folder of its own: initialised, started, loaded, stopped and removed.

The server listens on a Unix socket in its folder. Its data need not survive a crash of the machine,
so nothing is synced to disk.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self
from urllib.parse import quote

from odata_gateway.demo.programs import (
    LARGEST_ERROR,
    ClusterError,
    PostgresPrograms,
    find_programs,
    program_environment,
)

SQL_FOLDER = Path(__file__).parent / "live_agent"
SQL_FILES = ("schema.sql", "indexes.sql", "sample.sql", "roles.sql")
SUPERUSER, READER, DATABASE = "postgres", "odata_reader", "live_agent"
SHOP_FOLDER = Path(__file__).parent / "shop"
SHOP_FILES = ("shop.sql",)
SHOP_USER, SHOP_CALLER, SHOP_DATABASE = "shop_gateway", "shop_analyst", "shop"
"""The gateway's own role, that of those who ask, and the database, whose schema has its name."""

_START_S, _STOP_S = 30.0, 10.0
_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
_INITDB = (
    f"--username={SUPERUSER}",
    "--auth=trust",
    "--encoding=UTF8",
    "--no-sync",
    "--no-instructions",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)
"""Byte order for texts and Unicode's simple case mapping, whatever locale the machine has. Nobody
else can enter the folder, so connections need no password."""


class Cluster:
    """A running server, and a context manager that ends it. `start` makes one; `close` ends it and
    removes its folder.

    folder    everything of the server; its path is short, because the path of a socket has at most
              107 bytes
    settings  the server's settings (parameters of postgresql.conf), by name
    """

    def __init__(
        self, folder: Path, programs: PostgresPrograms, settings: Mapping[str, str]
    ) -> None:
        self.folder = folder
        self.settings = {**_SETTINGS, **settings}
        self._programs = programs
        self._process: subprocess.Popen[bytes] | None = None
        self._guard = _start_guard(folder)

    @classmethod
    def start(cls, settings: Mapping[str, str] | None = None) -> Self:
        """A new, empty server that accepts connections; it takes about a second to start.

        raises  ClusterError
        """
        folder = Path(tempfile.mkdtemp(prefix="odata-gateway-"))
        folder.chmod(0o711)  # the server's user must be able to reach its own folder below
        try:
            programs = find_programs(folder)
            server = programs.owned(folder / "server")
            data = ("-D", str(server / "data"))
            programs.run("initdb", *_INITDB, *data, cwd=server, server_side=True)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return cls(folder, programs, settings or {}).launched()

    def launched(self) -> Self:
        """This cluster with its server running; closed when the server does not start."""
        try:
            self._launch()
        except BaseException:
            self.close()
            raise
        return self

    def _launch(self) -> None:
        """Start the server over its data and wait until it accepts connections.

        A session of its own: Ctrl-C in the terminal is for the gateway, which ends the server after
        its requests.
        """
        given = self.settings | {"unix_socket_directories": str(self._server)}
        settings = [word for name, text in given.items() for word in ("-c", f"{name}={text}")]
        program = str(self._programs.folder / "bin" / "postgres")
        with (self._server / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-D", str(self._server / "data"), *settings],
                cwd=self._server,
                env=program_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._programs.identity(),
            )
        self._wait_until_ready(self._process)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and process.poll() is None:
            if self._state(process.pid) in self._ready_states:
                return
            time.sleep(0.01)
        self._end((signal.SIGQUIT, signal.SIGKILL))
        raise ClusterError("Postgres did not start: " + self.log()[-LARGEST_ERROR:])

    _ready_states: tuple[str, ...] = ("ready",)

    def _state(self, pid: int) -> str | None:
        """The state that this postmaster, and not one before it, wrote into its file (line 1: pid,
        line 8: state)."""
        try:
            lines = (self._server / "data" / "postmaster.pid").read_text().splitlines()
        except OSError:
            return None
        return lines[7].strip() if len(lines) >= 8 and lines[0] == str(pid) else None

    @property
    def _server(self) -> Path:
        return self.folder / "server"

    def log(self) -> str:
        """Everything that the server has written to its log."""
        return (self._server / "log").read_text(errors="replace")

    def dsn(self, *, user: str = SUPERUSER, database: str = DATABASE) -> str:
        """A DSN that asyncpg and libpq both understand."""
        socket_folder = quote(str(self._server), safe="")
        port = self.settings["port"]
        return f"postgresql://{user}@/{database}?host={socket_folder}&port={port}"

    def load(
        self,
        database: str = DATABASE,
        files: Sequence[str] = SQL_FILES,
        *,
        folder: Path = SQL_FOLDER,
    ) -> None:
        """Create a database and run files of a folder in it."""
        self.psql("postgres", f'CREATE DATABASE "{database}"')
        for name in files:
            self._psql(database, "-f", str(folder / name))

    def psql(self, database: str, script: str) -> str:
        """Run a script as the superuser; returns what it prints, unaligned."""
        return self._psql(database, "-f", "-", text=script)

    def _psql(self, database: str, *arguments: str, text: str = "") -> str:
        options = ("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1")
        target = ("-d", self.dsn(database=database))
        return self._programs.run("psql", *options, *target, *arguments, cwd=self.folder, text=text)

    def _end(self, steps: Sequence[signal.Signals]) -> None:
        """Send one signal after the other until the server has ended."""
        process, self._process = self._process, None
        if process is None:
            return
        for step in steps:
            if process.poll() is None:
                process.send_signal(step)
            try:
                process.wait(_STOP_S)
                return
            except subprocess.TimeoutExpired:
                continue

    def close(self) -> None:
        """End the server, its sessions first, and remove its folder."""
        self._end((signal.SIGINT, signal.SIGQUIT, signal.SIGKILL))
        shutil.rmtree(self.folder, ignore_errors=True)
        self._guard.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_GUARD = """
read -r line
pid=$(head -n 1 "$1/server/data/postmaster.pid" 2>/dev/null) && kill -INT "$pid" 2>/dev/null
while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
rm -rf "$1"
"""


def _start_guard(folder: Path) -> subprocess.Popen[bytes]:
    """A shell that waits until this process has ended, then ends the server and removes its folder;
    so nothing is left even after SIGKILL."""
    return subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, "sh", str(folder)],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
